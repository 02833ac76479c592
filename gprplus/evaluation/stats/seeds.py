"""How much of a difference the seeds can make, from the `(A, S)` table of mean scores of arms and seeds.

All arms of an experiment are trained alike, so their seed noise is taken to be of one size: the mean square of the
table after arms and seeds (seeds as blocks), with (A - 1)(S - 1) degrees of freedom. That trust is checked arm by arm:
with three arms or more, an arm whose own variance exceeds that of the rest in an F test at 10% keeps its own variance
and its own few degrees of freedom (S - 1)(1 - 1 / A), joined to the pooled ones by Welch and Satterthwaite. From 8
seeds on every contrast is judged by its own values, one a seed.

What the check buys and costs, of 95% intervals with 9 arms (tests/evaluation/test_calibration.py): where one arm is
three times noisier, its interval covers 87, 91 or 94% of the time at 2, 3 or 5 seeds, where the pooled one covered 77%.
Where all arms are alike, intervals cover 96%; four in five stay as they were, the rest are needlessly wide, so that the
average width grows by 79, 24 or 12%. Two seeds cannot do better without giving every arm its own variance, at four
times the width.
"""

import math

import numpy as np

from gprplus.evaluation.stats.tails import f_quantile

OWN_FROM = 8  # seeds from which a contrast's own values are enough
FLAGGED_AT = 0.10  # level of the F test that an arm is noisier than the rest


def residuals(means: np.ndarray) -> np.ndarray:
    """What arms and seeds leave of `(..., A, S)` means."""
    arms, seeds = means.mean(axis=-1, keepdims=True), means.mean(axis=-2, keepdims=True)
    return means - arms - seeds + means.mean(axis=(-2, -1), keepdims=True)


def pooled(means: np.ndarray) -> tuple[np.ndarray, int]:
    """The pooled variance `(...)` of one arm's one seed, and its degrees of freedom, from `(..., A, S)` means."""
    arms, seeds = means.shape[-2:]
    freedom = (arms - 1) * (seeds - 1)
    return (residuals(means) ** 2).sum(axis=(-2, -1)) / max(freedom, 1), freedom


def own(means: np.ndarray) -> np.ndarray:
    """Each arm's own variance `(..., A)`, unbiased although the seeds' blocks were taken from all arms.

    The expected sum of squares of arm a is (S - 1) ((1 - 2 / A) v_a + mean(v) / A); solved for v_a, not below 0.
    """
    arms, seeds = means.shape[-2:]
    square = (residuals(means) ** 2).sum(axis=-1) / (seeds - 1)
    average = square.mean(axis=-1, keepdims=True) * arms / (arms - 1)
    return np.maximum((square - average / arms) / (1 - 2 / arms), 0)


def noisier(means: np.ndarray) -> np.ndarray:
    """`(..., A) bool`: arms whose seed noise exceeds that of the rest; none where that cannot be told."""
    arms, seeds = means.shape[-2:]
    if arms < 3 or seeds < 2:
        return np.zeros(means.shape[:-1], dtype=bool)
    each = own(means)
    rest = (each.sum(axis=-1, keepdims=True) - each) / (arms - 1)
    freedom = own_freedom(arms, seeds)
    return each > f_quantile(1 - FLAGGED_AT, freedom, freedom * (arms - 1)) * rest


def own_freedom(arms: int, seeds: int) -> float:
    """Degrees of freedom of one arm's own variance."""
    return (seeds - 1) * (1 - 1 / arms)


def contrast_variance(means: np.ndarray, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Variance that seeds give to contrasts `matrix (K, A)`, rows summing to 0, of the arms' means over seeds; and its
    degrees of freedom. Both `(..., K)` for `means (..., A, S)`; no freedom where one seed tells nothing.
    """
    arms, seeds = means.shape[-2:]
    shape = (*means.shape[:-2], len(matrix))
    if seeds < 2 or arms < 2:
        return np.zeros(shape), np.zeros(shape)
    if seeds >= OWN_FROM:
        return (matrix @ means).var(axis=-1, ddof=1) / seeds, np.full(shape, seeds - 1.0)
    square, freedom = pooled(means)
    flagged = noisier(means)
    weight = matrix**2 / seeds
    together = np.where(flagged, 0.0, square[..., None]) @ weight.T
    if not flagged.any():
        return together, np.full(shape, float(freedom))
    apart = np.where(flagged, own(means), 0.0)
    below = together**2 / freedom + (apart**2) @ (weight**2).T / own_freedom(arms, seeds)
    variance = together + apart @ weight.T
    return variance, np.divide(variance**2, below, out=np.full(shape, float(freedom)), where=below > 0)


def level_variance(means: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Variance `(A,)` of each arm's mean over seeds, and its degrees of freedom: estimated within all arms, a noisier
    arm's within itself.
    """
    arms, seeds = means.shape
    if seeds < 2:
        return np.zeros(arms), np.zeros(arms)
    each = means.var(axis=1, ddof=1)
    flagged = noisier(means)
    return np.where(flagged, each, each.mean()) / seeds, np.where(flagged, seeds - 1, arms * (seeds - 1))


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
        variance[flagged] = own(means)[flagged]
    return rng.normal(size=(draws, arms, seeds)) * np.sqrt(variance)[:, None]
