"""How much of a difference the seeds can make, from the `(A, S)` table of mean scores of arms and seeds.

All arms of an experiment are trained alike, so their seed noise is first taken to be of one size: the mean square of
the table after arms and seeds (seeds as blocks), with (A - 1)(S - 1) degrees of freedom. That trust is checked arm by
arm: with three arms or more, an arm whose own variance exceeds that of the rest in an F test keeps its own variance,
never below the pooled one, and its own S - 1 degrees of freedom; where the excess is beyond chance (1%) it no longer
counts in the others' pool either. The fewer the seeds, the less such a test can see, and the more readily it is made
to fire (FLAGGED_AT). A contrast that weighs all arms alike, as a factorial effect does, needs no check: the pooled mean
square is its variance whatever the arms' own are. Only its degrees of freedom are fewer, by Box (1954). From 8 seeds on
every contrast is judged by its own values, one a seed.

What that buys and costs is counted in tests/evaluation/test_calibration.py and told in docs/statistics.md.
"""

import math

import numpy as np

from gprplus.evaluation.stats.joining import joined
from gprplus.evaluation.stats.tails import f_quantile

OWN_FROM = 8  # seeds from which a contrast's own values are enough
FLAGGED_AT = {2: 0.25, 3: 0.15}  # by seeds, the level of the F test that an arm is noisier than the rest
FLAGGED = 0.10  # the same from four seeds on
LEFT_OUT = 0.01  # level at which an arm's noise is kept out of the pool of the others


def residuals(means: np.ndarray) -> np.ndarray:
    """What arms and seeds leave of `(..., A, S)` means."""
    arms, seeds = means.mean(axis=-1, keepdims=True), means.mean(axis=-2, keepdims=True)
    return means - arms - seeds + means.mean(axis=(-2, -1), keepdims=True)


def pooled(means: np.ndarray, kept: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The pooled variance `(...)` of one arm's one seed, and its degrees of freedom `(...)`, from `(..., A, S)` means;
    of the arms `kept (..., A) bool` where given.
    """
    arms, seeds = means.shape[-2:]
    if kept is None:
        freedom = np.full(means.shape[:-2], float((arms - 1) * (seeds - 1)))
        return (residuals(means) ** 2).sum(axis=(-2, -1)) / max((arms - 1) * (seeds - 1), 1), freedom
    deviations = np.where(kept[..., None], means - means.mean(axis=-1, keepdims=True), 0.0)
    count = kept.sum(axis=-1)
    common = deviations.sum(axis=-2) / np.maximum(count, 1)[..., None]
    square = (deviations**2).sum(axis=(-2, -1)) - count * (common**2).sum(axis=-1)
    freedom = (count - 1.0) * (seeds - 1)
    return np.maximum(square, 0) / np.maximum(freedom, 1), freedom


def own(means: np.ndarray) -> np.ndarray:
    """Each arm's own variance `(..., A)`, unbiased although the seeds' blocks were taken from all arms.

    The expected sum of squares of arm a is (S - 1) ((1 - 2 / A) v_a + mean(v) / A); solved for v_a, not below 0.
    """
    arms, seeds = means.shape[-2:]
    square = (residuals(means) ** 2).sum(axis=-1) / (seeds - 1)
    average = square.mean(axis=-1, keepdims=True) * arms / (arms - 1)
    return np.maximum((square - average / arms) / (1 - 2 / arms), 0)


def noisier(means: np.ndarray, level: float | None = None) -> np.ndarray:
    """`(..., A) bool`: arms whose seed noise exceeds that of the rest in an F test at `level`, by default that of so
    many seeds; none where that cannot be told.
    """
    arms, seeds = means.shape[-2:]
    if arms < 3 or seeds < 2:
        return np.zeros(means.shape[:-1], dtype=bool)
    each = own(means)
    rest = (each.sum(axis=-1, keepdims=True) - each) / (arms - 1)
    freedom = (seeds - 1) * (1 - 1 / arms)  # part of an arm's noise went into the blocks
    level = FLAGGED_AT.get(seeds, FLAGGED) if level is None else level
    return each > f_quantile(1 - level, freedom, freedom * (arms - 1)) * rest


def apart(means: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """`(K, A) bool`: arms of contrasts `matrix (K, A)` whose own noise, not the pooled, is in the contrast's error."""
    if means.shape[-1] >= OWN_FROM:
        return np.zeros(matrix.shape, dtype=bool)
    return noisier(means) & (np.abs(matrix) > 1e-12) & ~_even(matrix)[:, None]


def _even(matrix: np.ndarray) -> np.ndarray:
    """`(K,) bool`: contrasts that weigh all arms alike but for the sign."""
    weight = np.abs(matrix)
    return np.ptp(weight, axis=1) <= 1e-9 * weight.max(axis=1)


def contrast_variance(means: np.ndarray, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Variance that seeds give to weighted sums `matrix (K, A)` of the arms' means over seeds, and its degrees of
    freedom. Both `(..., K)` for `means (..., A, S)`; no freedom where one seed tells nothing.
    """
    arms, seeds = means.shape[-2:]
    shape = (*means.shape[:-2], len(matrix))
    if seeds < 2 or arms < 2:
        return np.zeros(shape), np.zeros(shape)
    weight = matrix**2 / seeds
    if seeds >= OWN_FROM:
        # The blocks are taken out, for sums that are not contrasts (arms whose opponents' noise counts elsewhere)
        centred = matrix - matrix.mean(axis=1, keepdims=True)
        size = (centred**2).sum(axis=1)
        scale = np.divide((matrix**2).sum(axis=1), size, out=np.ones_like(size), where=size > 0)
        return (centred @ means).var(axis=-1, ddof=1) / seeds * scale, np.full(shape, seeds - 1.0)
    square, freedom = pooled(means)
    together = square[..., None] * weight.sum(axis=1)
    even = _even(matrix) & (arms > 2)
    if even.all():
        return together, np.broadcast_to(_box(means, freedom)[..., None], shape).copy()
    variance, known = _checked(means, weight)
    if not even.any():
        return variance, known
    return np.where(even, together, variance), np.where(even, _box(means, freedom)[..., None], known)


def _checked(means: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Variances and degrees of freedom `(..., K)` where noisier arms keep their own; `weight (K, A)` of variances."""
    square, freedom = pooled(means)
    flagged = noisier(means)
    if not flagged.any():
        shape = (*means.shape[:-2], len(weight))
        return square[..., None] * weight.sum(axis=1), np.broadcast_to(freedom[..., None], shape).copy()
    square, freedom, each = _kept(means, flagged)
    alone = np.where(flagged, each, 0.0)
    together = square[..., None] * (~flagged @ weight.T)
    alone_sum, alone_squares = alone @ weight.T, (alone**2) @ (weight**2).T
    some = alone_squares > 0
    few = (means.shape[-1] - 1) * np.divide(alone_sum**2, alone_squares, out=np.ones_like(alone_sum), where=some)
    return joined([(together, freedom[..., None]), (alone_sum, np.where(some, few, freedom[..., None]))])


def _kept(means: np.ndarray, flagged: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The pooled variance without the arms that are noisier beyond chance, its degrees of freedom, and each arm's
    variance: its own where it is flagged.
    """
    kept = ~noisier(means, LEFT_OUT)
    kept |= kept.sum(axis=-1, keepdims=True) < 2
    square, freedom = pooled(means, kept)
    return square, freedom, np.where(flagged, np.maximum(own(means), square[..., None]), square[..., None])


def _box(means: np.ndarray, most: np.ndarray) -> np.ndarray:
    """Degrees of freedom `(...)` of a mean of the arms' variances that need not be alike: (S - 1) (sum v)^2 / sum v^2
    (Box 1954), at most `most`.
    """
    each = own(means)
    squares = (each**2).sum(axis=-1)
    found = (means.shape[-1] - 1) * np.divide(each.sum(axis=-1) ** 2, squares, out=most.copy(), where=squares > 0)
    return np.minimum(found, most)


def level_variance(means: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Variance `(A,)` of each arm's mean over seeds, and its degrees of freedom: what a seed does to all arms, known
    to S - 1 degrees, and what it does to one; a noisier arm's is estimated within itself.
    """
    arms, seeds = means.shape
    if seeds < 2:
        return np.zeros(arms), np.zeros(arms)
    blocks = arms * means.mean(axis=0).var(ddof=1)
    square, freedom = pooled(means)
    alone = square * (arms - 1) / (arms * seeds)
    total, known = joined([(blocks / (arms * seeds), np.array(seeds - 1.0)), (alone, np.maximum(freedom, 1.0))])
    flagged, each = noisier(means), means.var(axis=1, ddof=1) / seeds
    return np.where(flagged, np.maximum(each, total), total), np.where(flagged, seeds - 1.0, known)


def simulated(means: np.ndarray, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Seed noise drawn anew under what was estimated: `(draws, A, S)`, means 0.

    From 8 seeds on with the covariance that the seeds show, else independent, of the pooled or the arm's own size.
    """
    arms, seeds = means.shape
    if seeds < 2 or arms < 2:
        return np.zeros((draws, arms, seeds))
    if seeds >= OWN_FROM:
        return residuals(means) @ rng.normal(size=(draws, seeds, seeds)) / math.sqrt(seeds - 1)
    flagged, variance = noisier(means), np.full(arms, pooled(means)[0])
    if flagged.any():
        variance = _kept(means, flagged)[2]
    return rng.normal(size=(draws, arms, seeds)) * np.sqrt(variance)[:, None]
