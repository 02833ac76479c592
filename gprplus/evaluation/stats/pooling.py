"""One effect over several targets: the random-effects mean, its interval, and where the next target may lie.

Effects of targets differ by more than noise. Their variance tau^2 is Paule and Mandel's: the value at which the
weighted sum of squares equals its degrees of freedom. The same trainings are scored on every target, so their seeds'
noise does not average out over targets; it is given apart, as the variance of the mean itself.
"""

import math
from dataclasses import dataclass

import numpy as np

from gprplus.evaluation.stats.tails import t_quantile


@dataclass(frozen=True)
class Pooled:
    """A mean over targets with its 95% interval, tau, and the 95% prediction interval (NaN with fewer than three)."""

    value: float
    low: float
    high: float
    tau: float
    expected_low: float
    expected_high: float


def heterogeneity(effects: np.ndarray, variances: np.ndarray) -> float:
    """Paule and Mandel's tau^2 (1982), by bisection."""

    def excess(tau2: float) -> float:
        weight = 1 / (variances + tau2)
        mean = (weight * effects).sum() / weight.sum()
        return float((weight * (effects - mean) ** 2).sum()) - (len(effects) - 1)

    if len(effects) < 2 or excess(0.0) <= 0:
        return 0.0
    low, high = 0.0, float(np.ptp(effects) ** 2 + variances.max())
    while excess(high) > 0:
        high *= 2
    while high - low > 1e-12 + 1e-9 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) > 0 else (low, middle)
    return (low + high) / 2


def mean_weights(effects: np.ndarray, variances: np.ndarray) -> tuple[np.ndarray, float]:
    """Weights `(T,)`, summing to 1, of the random-effects mean, and tau^2."""
    tau2 = heterogeneity(effects, variances)
    weight = 1 / (variances + tau2)
    return weight / weight.sum(), tau2


def pool(effects: np.ndarray, variances: np.ndarray, shared: float = 0.0, shared_freedom: float = math.inf) -> Pooled:
    """Pool effects `(T,)` of two targets or more with their own variances `(T,)`, all above 0.

    `shared` is the variance that the common seeds give to the weighted mean, with `shared_freedom` degrees of freedom;
    the rest has T - 1. The prediction interval has T - 2 (Higgins, Thompson and Spiegelhalter 2009).
    """
    weight, tau2 = mean_weights(effects, variances)
    value = float(weight @ effects)
    apart = float((weight**2) @ (variances + tau2))
    below = apart**2 / (len(effects) - 1) + (shared**2 / shared_freedom if shared > 0 else 0.0)
    half = t_quantile(0.975, (apart + shared) ** 2 / below) * math.sqrt(apart + shared)
    ahead = math.nan
    if len(effects) > 2:
        ahead = t_quantile(0.975, len(effects) - 2) * math.sqrt(tau2 + apart + shared)
    return Pooled(value, value - half, value + half, math.sqrt(tau2), value - ahead, value + ahead)
