"""Variance of differences over seeds, from the `(A, S)` table of mean scores of arms and seeds.

Arms can have different noise: a loss that fails to converge in one arm is a property of that arm.
So each arm has a separate variance with S - 1 degrees of freedom, and a contrast has the
Welch-Satterthwaite degrees of freedom of the weighted sum. A pooled variance is narrower, and
covers 75 to 88% if the reference is the noisier arm; so does an empirical-Bayes variance with prior
degrees of freedom estimated from so few arms. Separate variances cover 93 to 98% in every setting
of `python -m benchmarks coverage`. They are moderated as in limma (Smyth 2004),

    v_a = (d0 mean(s^2) + d s_a^2) / (d0 + d),    d = S - 1,

with d0 fixed and small (PRIOR): as much as two seeds need so that an interval does not depend on
one degree of freedom, and no more than keeps coverage if arms differ.

Seeds are blocks: seed 3 of one arm is compared with seed 3 of another, and a common effect of a
seed on all arms cancels in a contrast. The common shift of a seed is estimated as a mean over arms
with weights h_a proportional to 1 / v_a, so that a noisy arm does not spread its noise over all
others. The sum of squares of arm a about it has the expectation (S - 1) (1 - h_a) v_a, and two
arms' sums correlate by h_a h_b / ((1 - h_a) (1 - h_b)); both are accounted for. With two arms this
is exactly the paired t test of the differences of each seed.
"""

import numpy as np

PRIOR = 0.15  # degrees of freedom of the prior; with more, a pair with a noisier arm is covered too seldom


def residuals(means: np.ndarray) -> np.ndarray:
    """Return the residuals of `(..., A, S)` means after removing arms and seeds."""
    arms, seeds = means.mean(axis=-1, keepdims=True), means.mean(axis=-2, keepdims=True)
    result: np.ndarray = means - arms - seeds + means.mean(axis=(-2, -1), keepdims=True)
    return result


def pool_variances(means: np.ndarray) -> tuple[float, int]:
    """The mean square of `(A, S)` means after arms and seeds, and its degrees of freedom (A - 1)(S
    - 1)."""
    freedom = (means.shape[0] - 1) * (means.shape[1] - 1)
    return float((residuals(means) ** 2).sum()) / max(freedom, 1), freedom


def moderate_variances(squares: np.ndarray, freedom: int) -> np.ndarray:
    """Variances `(..., A)` moderated towards their mean, from variances of `df` degrees each.

    >>> moderate_variances(np.array([1.0, 3.0]), 2).round(4).tolist()  # (0.15 * 2 + 2 * 1) / 2.15
    [1.0698, 2.9302]
    """
    result: np.ndarray = (PRIOR * squares.mean(axis=-1, keepdims=True) + freedom * squares) / (
        PRIOR + freedom
    )
    return result


def arm_variances(means: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return variances `(..., A)` of one seed of each arm without the common shift of seeds, and
    the weights h `(..., A)` of the arms in that shift, from `(..., A, S)` means of two arms and two
    seeds or more.

    The weights use variances with a prior of one degree, because a variance near 0 by chance must
    not dominate the shift.
    """
    freedom = means.shape[-1] - 1
    apart = means - means.mean(axis=-1, keepdims=True)
    rough = (apart**2).sum(axis=-1) / freedom
    rough = (rough.mean(axis=-1, keepdims=True) + freedom * rough) / (1 + freedom)
    weight = 1 / np.where(rough > 0, rough, 1.0)
    weight = weight / weight.sum(axis=-1, keepdims=True)
    left = apart - (weight[..., None] * apart).sum(axis=-2, keepdims=True)
    return moderate_variances((left**2).sum(axis=-1) / (freedom * (1 - weight)), freedom), weight


def contrast_variance(means: np.ndarray, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Variance that seeds give to weighted sums `matrix (K, A)` of the arms' means over seeds, and
    its degrees of freedom. Both `(..., K)` for `means (..., A, S)`; 0 degrees with one seed or one
    arm.
    """
    arms, seeds = means.shape[-2:]
    if seeds < 2 or arms < 2:
        shape = (*means.shape[:-2], len(matrix))
        return np.zeros(shape), np.zeros(shape)
    variance, weight = arm_variances(means)
    size, linked = matrix**2 / seeds, weight / (1 - weight)
    total = variance @ size.T
    square = (variance**2 * (1 - linked**2)) @ (size**2).T + ((variance * linked) @ size.T) ** 2
    most = (arms - 1.0) * (seeds - 1)
    found = (seeds - 1 + PRIOR) * np.divide(
        total**2, square, out=np.full_like(total, most), where=square > 0
    )
    return total, np.minimum(found, most)


def arm_mean_variance(means: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Variance `(A,)` of each arm's mean over seeds, with what a seed does to all arms, and its
    degrees of freedom."""
    arms, seeds = means.shape
    if seeds < 2:
        return np.zeros(arms), np.zeros(arms)
    variance = moderate_variances(means.var(axis=1, ddof=1), seeds - 1) / seeds
    return variance, np.full(arms, min(seeds - 1 + PRIOR, arms * (seeds - 1.0)))


def simulate_null(means: np.ndarray, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Seed noise of the size that was estimated for each arm, `(draws, A, S)`, with means 0."""
    if min(means.shape) < 2:
        return np.zeros((draws, *means.shape))
    result: np.ndarray = (
        rng.normal(size=(draws, *means.shape)) * np.sqrt(arm_variances(means)[0])[:, None]
    )
    return result
