"""Split with a searched subset, the threshold subset and the controls, of equal size, from counts
of cells."""

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gprplus.analysis.sample import crossed_factors
from gprplus.ingest import Manifest
from gprplus.splits import DeclaredArm, Split, make_split

if TYPE_CHECKING:
    from gprplus.analysis.subset_search.holdout import HeldOutResult

SELECTED = "searched"
REFERENCE = "random-images-1"
OTHER_TARGET = "wrong-"


def factors_and_cells(source: Manifest) -> tuple[list[str], list[str]]:
    """The crossed factors, and the name of each cell in the order of sample.Crossed."""
    factors = crossed_factors(source)
    levels = [[f"{name}={level}" for level in source.levels(name)] for name in factors]
    return factors, [" ".join(cell) for cell in product(*levels)]


def declared_arms(
    name: str,
    found: Mapping[str, "HeldOutResult"],
    cells: Sequence[str],
    identities: int,
    draws: int,
) -> list[DeclaredArm]:
    """Arms with equal numbers of identities and images: searched, threshold rule, random, and of
    other targets."""
    mine = found[name]
    counts = {SELECTED: mine.counts}
    if "threshold" in mine.chosen:
        counts["threshold"] = mine.chosen["threshold"]
    for kind, each in mine.drawn.items():
        counts |= {f"{kind}-{k}": drawn for k, drawn in enumerate(each[:draws], start=1)}
    counts |= {
        f"{OTHER_TARGET}{other}": outcome.counts
        for other, outcome in found.items()
        if other != name
    }
    return [
        DeclaredArm(arm, identities=identities, cells=_counted(cells, each))
        for arm, each in counts.items()
    ]


def write_search_split(
    source: Manifest,
    factors: Sequence[str],
    arms: Sequence[DeclaredArm],
    split: Path,
    test_share: float,
    seed: int,
    force: bool,
) -> Split:
    """Make the split, with random images of the same identities as reference.

    It has one deal, because the cells were counted for the identities of this seed.
    """
    return make_split(
        source,
        factors[0],
        output=split,
        design="declared",
        arms=arms,
        reference=REFERENCE,
        test_share=test_share,
        seed=seed,
        deals=1,
        force=force,
    )


def _counted(cells: Sequence[str], counts: np.ndarray) -> dict[str, int]:
    return {cell: int(count) for cell, count in zip(cells, counts, strict=True) if count}
