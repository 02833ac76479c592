"""From weights of cells to images: how many each cell gets, and of which identities.

An engine draws one image of an identity in a cell, so a cell holds each identity at most once.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from gprplus.analysis.subset_search.qp import project_to_simplex, round_counts
from gprplus.core.errors import PlanError
from gprplus.core.sampling import priorities
from gprplus.planning.budget import RenderBudget
from gprplus.planning.cells import CandidateCells

_ROUNDING = 1e-9  # of an image: what the sum of weights may lack


def feasible_weights(
    weights: np.ndarray, cells: CandidateCells, budget: RenderBudget, floor: float
) -> np.ndarray:
    """Return the nearest weights `(C,)` that the budget can meet: they sum to 1, no cell has an
    identity twice, and each viewpoint keeps at least `floor` of its even share.

    Raises:
        PlanError: an identity is to have more images than there are cells.
    """
    check_images(budget, len(cells))
    groups, least = np.zeros(len(cells), dtype=np.int64), np.zeros(1)
    if "viewpoint_deg" in cells.factors:
        count = len(cells.levels["viewpoint_deg"])
        groups, least = cells.codes_of("viewpoint_deg"), np.full(count, floor / count)
    upper = np.full(len(cells), 1 / budget.images)
    return project_to_simplex(weights, upper, groups, least)


def check_images(budget: RenderBudget, cells: int) -> None:
    """Raise PlanError where an identity is to have more images than there are cells."""
    if budget.images > cells:
        raise PlanError(
            f"The budget has {budget.images:,} images of each identity, but there are {cells:,}"
            " cells, each of which shows an identity once. Reduce the images, or name more levels."
        )


def cell_counts(weights: np.ndarray, total: int, most: np.ndarray, seed: int) -> np.ndarray:
    """Return whole numbers of images `(C,)` that sum to `total`, none above `most` `(C,)`.

    What is left after rounding down is a systematic sample of the cells in a hashed order, by their
    remainders, so that every level keeps its share up to chance: the largest remainders would leave
    out cells of small weight altogether. Where `most` forbids that, the largest remainders are added.
    """
    order = np.argsort(priorities(np.arange(len(weights), dtype=np.uint64), seed, "cell"))
    ideal = weights[order] * total
    whole = np.floor(ideal + _ROUNDING)
    reached = np.floor(np.cumsum(np.maximum(ideal - whole, 0.0)) + 0.5)
    found = np.minimum(whole + np.diff(reached, prepend=0.0), most[order]).astype(np.int64)
    counts = np.empty(len(weights), dtype=np.int64)
    counts[order] = found + round_counts(
        np.maximum(ideal - found, 0.0) / total, total - int(found.sum()), most[order] - found
    )
    return counts


def deal_images(
    weights: np.ndarray, identities: int, images: int, seed: int, taken: np.ndarray | None = None
) -> np.ndarray:
    """Deal `images` cells to each identity, `(N, C) bool`, by the weights `(C,)` of cells.

    Each cell goes to the identities that lack most images, ties by a hash: with nothing taken this
    meets all counts exactly (Ryser, "Combinatorial properties of matrices of zeros and ones",
    1957). `taken` `(N, C) bool` are images that exist and are not dealt again; where they leave an
    identity short, it gets the free cells with the largest weights.

    Raises:
        PlanError: an identity has fewer free cells than images.
    """
    count = len(weights)
    # By cell, so that the identities of a cell are next to each other in memory.
    free = np.ones((count, identities), dtype=bool) if taken is None else ~taken.T
    if (free.sum(axis=0) < images).any():
        raise PlanError(
            f"An identity has fewer than {images:,} cells left of {count:,}. Reduce the budget, or"
            " name more levels."
        )
    counts = cell_counts(weights, identities * images, free.sum(axis=1), seed)

    def ties(identity: np.ndarray, cell: np.ndarray) -> np.ndarray:
        return priorities((identity * count + cell).astype(np.uint64), seed, "plan")

    dealt = np.zeros((count, identities), dtype=bool)
    lacking = np.full(identities, images)
    for cell in np.argsort(-counts, kind="stable"):
        open_to = np.flatnonzero(free[cell] & (lacking > 0))
        mine = _neediest(open_to, lacking[open_to], counts[cell], partial(ties, cell=cell))
        dealt[cell, mine] = True
        lacking[mine] -= 1
    for identity in np.flatnonzero(lacking):
        left = np.flatnonzero(free[:, identity] & ~dealt[:, identity])
        order = np.lexsort((ties(np.array([identity]), left), -weights[left]))
        dealt[left[order[: lacking[identity]]], identity] = True
    return dealt.T


def _neediest(
    open_to: np.ndarray, lack: np.ndarray, count: int, ties: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Return the `count` identities of `open_to` `(n,)` that lack most, by what each lacks `(n,)`
    and the hashes of those that tie."""
    if not 0 < count < len(open_to):
        return open_to[:count]
    edge = np.partition(lack, -count)[-count]  # what the last of them lacks
    tied = open_to[lack == edge]
    surely = open_to[lack > edge]
    return np.concatenate([surely, tied[np.argsort(ties(tied))[: count - len(surely)]]])
