"""`--on-missing weight`: arms with unequal shares of the other factors' combinations, and weights
that compensate.

Identities and images of each are matched; the combinations of the other factors (cells) are not, so
that an identity that lacks one is not lost. Instead a row of cell c is drawn in training with
weight w_c = target share / share in the arm, the target being the shares of all candidate images in
the cells that every arm has. The cost of weights is Kish's effective number of images, n_eff = (sum
w)^2 / sum w^2; below half of the images the split is refused.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gprplus.core.errors import SplitError
from gprplus.splits.candidates import AttributeCodes
from gprplus.splits.designs.base import ArmSet, DesignInput, DrawnArm
from gprplus.splits.draws.matching import stratify

LEAST = 0.5
WEIGHED = ("only", "without", "path", "scaling")


def cell_weights(
    train: DesignInput, rows: np.ndarray, factors: Sequence[AttributeCodes]
) -> np.ndarray:
    """The combination of the factors, as one code a row `(n,) int64`."""
    return stratify(np.zeros(len(rows), dtype=np.int64), np.zeros(1, dtype=np.uint64), factors).code


def common_cells(cell: np.ndarray, level: np.ndarray, levels: int) -> np.ndarray:
    """Return `(n,) bool`: rows of cells that occur at every level; weights cannot compensate for a
    missing cell."""
    code, filled = np.unique(cell, return_inverse=True)
    there = np.zeros((len(code), levels), dtype=bool)
    there[filled, level] = True
    return np.logical_and.reduce(there, axis=1)[filled]


def weight_arms(train: DesignInput, plan: ArmSet) -> ArmSet:
    """The plan with weights on every arm that fills its slots. Raises SplitError where they would
    cost too much."""
    if plan.design not in WEIGHED:
        raise SplitError(
            f"--on-missing weight is for the designs {', '.join(WEIGHED)}; found {plan.design}."
        )
    names = plan.strata[1:]
    factors = [train.pool.codes(name) for name in names]
    every = np.arange(len(train.pool))
    cell = cell_weights(train, every, factors)
    kinds = {
        name: arm for name, arm in plan.arms.items() if arm.kind not in ("random-images", "full")
    }
    shares = {
        name: np.bincount(cell[arm.rows], minlength=int(cell.max()) + 1)
        for name, arm in kinds.items()
    }
    shared = np.all([count > 0 for count in shares.values()], axis=0)
    target = np.bincount(cell[train.rows], minlength=len(shared)) * shared
    arms = {
        name: _weighed(name, arm, cell, shares.get(name), target) for name, arm in plan.arms.items()
    }
    least = min(
        (arm.facts["effective_share"] for arm in arms.values() if arm.weights is not None),
        default=1.0,
    )
    warning = (
        f"Combinations of {' and '.join(names)} are balanced by weights, not matched: the least"
        f" effective share of an arm's images is {least:.0%} (Kish). Trainers that ignore the"
        " column weight undo this."
    )
    return replace(
        plan,
        arms=arms,
        strata=plan.strata[:1],
        about=(*(plan.about or (train.request.attr,)), *names),
        warnings=(*plan.warnings, warning),
        matching={
            **plan.matching,
            "weighted": list(names),
            "least_effective_share": round(least, 6),
        },
    )


def _weighed(
    name: str, arm: DrawnArm, cell: np.ndarray, count: np.ndarray | None, target: np.ndarray
) -> DrawnArm:
    if count is None:
        return arm
    raw = (target / np.maximum(count, 1))[cell[arm.rows]]
    weights = raw / raw.mean() if raw.any() else raw
    share = effective_share(weights) / len(weights)
    if share < LEAST:
        raise SplitError(
            f"The weights of the arm '{name}' leave an effective {share:.0%} of its"
            f" {len(weights):,} images, less than {LEAST:.0%}: too few carry too much. Use"
            " --on-missing drop-stratum or coarsen, or fewer --levels."
        )
    return replace(arm, weights=weights, facts={**arm.facts, "effective_share": round(share, 6)})


def effective_share(weights: np.ndarray) -> float:
    """Kish's effective number of rows: (sum w)^2 / sum w^2.

    >>> effective_share(np.array([1.0, 1.0, 1.0, 1.0])), effective_share(np.array([2.0, 0.0]))
    (4.0, 1.0)
    """
    squares = float((weights**2).sum())
    return float(weights.sum()) ** 2 / squares if squares else 0.0
