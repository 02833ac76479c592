"""Arms with given image counts for each combination of levels, as produced by the subset search."""

import numpy as np

from gprplus.core import sampling
from gprplus.core.errors import SplitError, first_few
from gprplus.splits.declared_arm import DeclaredArm
from gprplus.splits.designs.base import DesignInput
from gprplus.splits.designs.joint_matching import kept_level_codes
from gprplus.splits.test_sets.test_set import rank_in_runs


def cell_counts_design(train: DesignInput, arm: DeclaredArm) -> np.ndarray:
    """Return sorted positions in the pool of the images that `arm.cells` counts, of the first
    `arm.identities` identities.

    In each cell the identities with the fewest images so far are used first, ties by an order
    hashed anew for each cell: if every identity has an image in every cell, the counts of any two
    identities differ by at most one. Raises SplitError if a cell has too few images, or levels are
    unknown.
    """
    assert arm.cells is not None
    counts = {_parsed(name, arm): count for name, count in arm.cells.items()}
    factors = [name for name, _ in next(iter(counts))]
    if any([name for name, _ in cell] != factors for cell in counts):
        raise SplitError(
            f"The cells of the arm '{arm.name}' must all name the same attributes, in one order."
        )
    known = np.all([train.codes(name).values >= 0 for name in factors], axis=0)
    rows = train.rows[known]
    codes = [train.codes(name).values[known] for name in factors]
    person, uid = train.pool.identity[rows], train.pool.uid[rows]
    there = np.unique(person)
    if arm.identities is not None and arm.identities > len(there):
        raise SplitError(
            f"The arm '{arm.name}' requires {arm.identities:,} identities, but the train set has"
            f" {len(there):,}."
        )
    first = there[sampling.bottom_k(train.order()[there], arm.identities or len(there), there)]
    mine = np.isin(person, first)
    priority = sampling.priorities(uid, train.request.seed, "image")
    load = np.zeros(len(train.pool.identities), dtype=np.int64)
    chosen, lacking = [], []
    for cell, count in sorted(counts.items()):
        inside = mine.copy()
        for values, (name, level) in zip(codes, cell, strict=True):
            inside &= values == kept_level_codes(train, name, [level])[0]
        place = np.flatnonzero(inside)
        if len(place) < count:
            lacking.append(f"{_describe_cells(cell)} ({count:,} of {len(place):,})")
            continue
        place = place[np.lexsort((uid[place], priority[place], person[place]))]
        again = rank_in_runs(person[place])
        taken = place[
            np.lexsort((uid[place], priority[place], load[person[place]] + again))[:count]
        ]
        np.add.at(load, person[taken], 1)
        chosen.append(rows[taken])
    if lacking:
        raise SplitError(
            f"The arm '{arm.name}' requires more images than its {len(first):,} identities have of "
            f"{first_few(lacking)}."
        )
    return np.sort(np.concatenate(chosen))


def _parsed(name: str, arm: DeclaredArm) -> tuple[tuple[str, str], ...]:
    """'weather=sunny viewpoint_deg=90' as pairs."""
    pairs = [word.partition("=") for word in name.split()]
    if not pairs or not all(equals and level for _, equals, level in pairs):
        raise SplitError(
            f"The arm '{arm.name}' has a cell '{name}'; expected ATTR=LEVEL, joined by spaces."
        )
    return tuple((attr, level) for attr, _, level in pairs)


def _describe_cells(cell: tuple[tuple[str, str], ...]) -> str:
    return " ".join(f"{name}={level}" for name, level in cell)
