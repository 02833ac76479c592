"""Intervals of scores and differences over the two things that were drawn by chance: identities
searched and seeds.

Scores come as `(A, S, Q) float64`: arms, seeds, queries; the same queries and the same seeds for
every arm. The gallery is fixed.

    V = V_identities + V_seeds - V_both,    interval = estimate +- t(0.975, f) sqrt(V)

V_identities is of `identity_variance`, V_seeds of `seed_noise`. The noise of one seed on one
identity is in both and counts once: V_both is its share, and V is never below the larger of the
two. f is of `variance_sum`. With two arms and many identities this is exactly the t interval of the
per-seed differences. One seed gives no interval: its noise is unknown.
"""

import math
from dataclasses import dataclass

import numpy as np

from gprplus.statistics import seed_noise
from gprplus.statistics.identity_variance import IdentityVariance, ScoreArray, identity_variance
from gprplus.statistics.variance_sum import combine_variances, half_widths


@dataclass(frozen=True)
class Estimate:
    """A score or a difference, and its 95% interval; NaN ends where there is none."""

    value: float
    low: float
    high: float


def difference_intervals(scored: ScoreArray, reference: int) -> list[Estimate]:
    """Compute each arm's paired difference to arm `reference`, which has 0 without an interval."""
    means = scored.means()
    matrix = np.eye(len(means)) - np.eye(len(means))[reference]
    identity_part, overlap = identity_variance_part(identity_variance(scored), matrix)
    out = estimates(
        matrix @ means.mean(axis=1),
        *combine_variances([identity_part, seed_noise.contrast_variance(means, matrix)], overlap),
    )
    out[reference] = Estimate(0.0, math.nan, math.nan)
    return out


def arm_intervals(scored: ScoreArray) -> list[Estimate]:
    """Compute each arm's score with an interval within 0-1."""
    means = scored.means()
    identity_part, overlap = identity_variance_part(identity_variance(scored), np.eye(len(means)))
    found = estimates(
        means.mean(axis=1),
        *combine_variances([identity_part, seed_noise.arm_mean_variance(means)], overlap),
    )
    return [Estimate(one.value, *np.clip([one.low, one.high], 0, 1).tolist()) for one in found]


def floor_difference(floor: ScoreArray, scored: ScoreArray, reference: int) -> Estimate:
    """The difference of the untrained floor (one arm) to arm `reference`: the same queries, seeds
    of its own."""
    means, below = scored.means(), floor.means()
    gap = floor.values.mean(axis=1) - scored.values[[reference]].mean(axis=1)
    noise = [
        (variance[[at]], freedom[[at]])
        for (variance, freedom), at in (
            (seed_noise.arm_mean_variance(means), reference),
            (seed_noise.arm_mean_variance(below), 0),
        )
    ]
    identity_part, _ = identity_variance_part(
        identity_variance(ScoreArray(gap[:, None, :], scored.identity)), np.ones((1, 1))
    )
    return estimates(
        np.array([below.mean() - means[reference].mean()]),
        *combine_variances([identity_part, *noise]),
    )[0]


def estimates(value: np.ndarray, variance: np.ndarray, freedom: np.ndarray) -> list[Estimate]:
    """95% t intervals of values `(K,)`; NaN ends where there are no degrees of freedom."""
    half = half_widths(np.sqrt(variance), freedom)
    ends = zip(value.tolist(), (value - half).tolist(), (value + half).tolist(), strict=True)
    return [Estimate(*each) for each in ends]


def identity_variance_part(
    found: IdentityVariance, matrix: np.ndarray
) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """Variance `(K,)` that identities give to weighted sums `matrix (K, A)` of arm means with its
    degrees of freedom `(K,)`, and how much of it `(K,)` the seeds' variance holds too.
    """
    variance, both = (
        ((matrix @ one) * matrix).sum(axis=1) for one in (found.covariance, found.both)
    )
    return (np.maximum(variance, 0), np.full(len(matrix), found.df)), np.maximum(both, 0)
