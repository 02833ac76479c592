"""One effect over several targets: the random-effects mean, its interval, and the prediction
interval.

Effects of targets differ by more than noise. Their variance tau^2 is Paule and Mandel's: the value
at which the weighted sum of squares equals its degrees of freedom. The variance of the mean is
Hartung and Knapp's, estimated from the targets. The same trainings are scored on every target, so
the noise of their seeds does not average out over targets; it is a separate component of the
variance of the mean. The interval for another target is the confidence distribution of Nagashima,
Noma and Furukawa (2019): tau^2 is uncertain too, and a plug-in interval is far too narrow if its
estimate is 0.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gprplus.statistics import seed_noise
from gprplus.statistics.contrasts import ContrastEstimates
from gprplus.statistics.identity_variance import ScoreArray
from gprplus.statistics.variance_sum import combine_variances, half_widths


@dataclass(frozen=True)
class PooledEffect:
    """A mean over targets with its 95% interval, tau, and the 95% prediction interval (NaN with
    fewer than three)."""

    value: float
    low: float
    high: float
    tau: float
    expected_low: float
    expected_high: float


def dispersion(effects: np.ndarray, variances: np.ndarray, tau2: np.ndarray) -> np.ndarray:
    """The weighted sum of squares of effects `(T,)` about their weighted mean, for each of `tau2
    (...)`."""
    weight = 1 / (variances + np.asarray(tau2)[..., None])
    mean = (weight * effects).sum(axis=-1) / weight.sum(axis=-1)
    result: np.ndarray = (weight * (effects - mean[..., None]) ** 2).sum(axis=-1)
    return result


def heterogeneity(effects: np.ndarray, variances: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """tau^2 at which the dispersion is `wanted (...)`, by bisection; 0 where it is below that
    without any."""
    low = np.zeros(np.shape(wanted))
    # at this tau^2 the dispersion is below what is wanted, since no deviation is longer than the
    # range
    high = len(effects) * np.ptp(effects) ** 2 / np.maximum(wanted, 1e-12) + 0 * low
    for _ in range(40):
        middle = (low + high) / 2
        above = dispersion(effects, variances, middle) > wanted
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return np.where(dispersion(effects, variances, np.array(0.0)) > wanted, (low + high) / 2, 0.0)


def mean_weights(effects: np.ndarray, variances: np.ndarray) -> tuple[np.ndarray, float]:
    """Weights `(T,)`, summing to 1, of the random-effects mean, and tau^2."""
    tau2 = float(heterogeneity(effects, variances, np.array(len(effects) - 1.0)))
    weight = 1 / (variances + tau2)
    return weight / weight.sum(), tau2


def pool_over_targets(
    scored: Sequence[ScoreArray],
    estimates: Sequence[ContrastEstimates],
    contrast: np.ndarray,
    place: int,
    rng: np.random.Generator,
) -> PooledEffect | None:
    """Pool the contrast `(A,)` at `place` of the estimates of all targets; None if a target has no
    standard error.

    The same trainings are scored on every target: the variance from their seeds is estimated from
    the weighted table of arms and seeds.
    """
    values = np.array([one.value[place] for one in estimates])
    variances = np.array([one.std_error[place] ** 2 for one in estimates])
    if not all(one.df[place] >= 1 for one in estimates) or (variances <= 0).any():
        return None
    weight, _ = mean_weights(values, variances)
    table = np.tensordot(weight, [one.means() for one in scored], axes=1)
    shared, freedom = seed_noise.contrast_variance(table, contrast[None])
    return pool_effects(values, variances, rng, float(shared[0]), float(freedom[0]))


def pool_effects(
    effects: np.ndarray,
    variances: np.ndarray,
    rng: np.random.Generator,
    shared: float = 0.0,
    shared_freedom: float = math.inf,
    draws: int = 4000,
) -> PooledEffect:
    """Pool effects `(T,)` of two targets or more with their own variances `(T,)`, all above 0.

    `shared` is the variance that the common seeds give to the weighted mean, with `shared_freedom`
    degrees of freedom; the rest has T - 1. The prediction interval comes from `draws` values.
    """
    count = len(effects)
    weight, tau2 = mean_weights(effects, variances)
    value = float(weight @ effects)
    apart = float(_mean_variance(effects, variances, np.array(tau2)))
    parts = [(np.array(apart), np.array(count - 1.0)), (np.array(shared), np.array(shared_freedom))]
    variance, freedom = combine_variances(parts)
    half = float(half_widths(np.sqrt(variance), freedom))
    ahead = [math.nan, math.nan]
    if count > 2:
        tau2s = heterogeneity(effects, variances, rng.chisquare(count - 1, draws))
        weights = 1 / (variances + tau2s[:, None])
        centre = (weights * effects).sum(axis=1) / weights.sum(axis=1)
        centre = centre + rng.standard_t(count - 1, draws) * np.sqrt(
            _mean_variance(effects, variances, tau2s)
        )
        new = (
            centre
            + rng.normal(size=draws) * np.sqrt(tau2s)
            + rng.normal(size=draws) * math.sqrt(shared)
        )
        ahead = np.quantile(new, [0.025, 0.975]).tolist()
    return PooledEffect(value, value - half, value + half, math.sqrt(tau2), *ahead)


def _mean_variance(effects: np.ndarray, variances: np.ndarray, tau2: np.ndarray) -> np.ndarray:
    """Hartung and Knapp's variance of the weighted mean (2001), for each of `tau2 (...)`."""
    total = (1 / (variances + tau2[..., None])).sum(axis=-1)
    result: np.ndarray = dispersion(effects, variances, tau2) / (len(effects) - 1) / total
    return result
