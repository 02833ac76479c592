"""The train set and the test set of a split: what both need, checked from counts."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from gprplus.core.errors import SplitError
from gprplus.schema.records import Protocol
from gprplus.splits.request import SplitRequest

if TYPE_CHECKING:
    from gprplus.ingest import Manifest


def declared_relations(manifest: "Manifest") -> tuple[list[str], dict[str, Sequence[str]]]:
    """Return the crossed factors and the functions that the layouts of a manifest declare."""
    datasets = manifest.datasets.values()
    factors = {factor for facts in datasets for factor in facts.factors if factor != "identity"}
    functions: dict[str, Sequence[str]] = {}
    for facts in datasets:
        functions |= facts.functions
    return sorted(factors), functions


def check_sides(searched: np.ndarray, request: SplitRequest) -> None:
    """Raise SplitError where no identity is left for one side; `searched` (I,) are those of the test
    set."""
    total = f"{len(searched):,} identities"
    if request.test_share > 0 and not searched.any():
        raise SplitError(
            f"No identity fell in the test set: {total} at a share of {request.test_share:g} are"
            " too few. Give a larger --test-share, or --test-share 0 and score on a --target."
        )
    if searched.all():
        raise SplitError(
            f"No identity is left for training: all {total} are in the test set at a share of "
            f"{request.test_share:g}. Use more identities, or a smaller --test-share."
        )


def check_answers(queries: int, excluded: int, protocol: Protocol) -> None:
    """Raise SplitError where no query has a true match; `excluded` queries have none."""
    if not queries:
        raise SplitError(
            f"None of the {excluded:,} queries has a true match in the gallery under the"
            f" {protocol} rule: each test identity is seen by one camera only. Use renders"
            " with more cameras, or --test-share 0 and a --target."
        )
