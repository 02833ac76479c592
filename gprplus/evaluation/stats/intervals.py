"""How far a score may be trusted: intervals over the two things that were drawn by chance, persons searched and seeds.

Scores come as `(A, S, Q) float64`: arms, seeds, queries; the same queries and the same seeds for every arm. The
persons of the queries are resampled (all queries of a person together: they are not independent), the gallery stays.
With few seeds a bootstrap over seeds is far too narrow (two seeds have only three resamples), so the seed part is a
variance instead:

    V = V_persons + V_seeds,    interval = estimate +- t(0.975, f) sqrt(V),    f = V^2 / (V_persons^2 / (I - 1) +
    V_seeds^2 / f_seeds)

V_persons is the bootstrap variance of the mean over seeds (times I / (I - 1), which undoes the bootstrap's bias with
few persons), I the number of persons. V_seeds and f_seeds are of `seeds`: 2 MSE / S for a paired difference, with an
eye on arms that are noisier than the rest. With two arms and many persons this is exactly the t interval of the
per-seed differences. f is the Welch-Satterthwaite number of degrees of freedom. The noise of one seed on one person is
in both parts, so the interval is a little too wide, never too narrow by that. One seed gives no interval: nothing is
known of its noise.
"""

import math
from dataclasses import dataclass

import numpy as np

from gprplus.evaluation.stats import seeds
from gprplus.evaluation.stats.tails import t_quantile

RESAMPLES = 2000


@dataclass(frozen=True)
class Estimate:
    """A score or a difference, and its 95% interval; NaN ends where there is none."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Scored:
    """Scores `(A, S, Q) float64` of trained arms, and the person `(Q,) int64`, numbered from 0, of each query."""

    values: np.ndarray
    person: np.ndarray

    @property
    def persons(self) -> int:
        """How many persons the queries look for."""
        return int(self.person.max()) + 1

    def means(self) -> np.ndarray:
        """Mean over queries, `(A, S)`."""
        return self.values.mean(axis=2)


def weights(persons: int, resamples: int, rng: np.random.Generator) -> np.ndarray:
    """How often each person is drawn in each resample: `(resamples, persons) float64`."""
    return rng.multinomial(persons, np.full(persons, 1 / persons), size=resamples).astype(np.float64)


def resampled(per_query: np.ndarray, person: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Means of `per_query (A, Q)` under each resample of persons: `(resamples, A)`."""
    totals = np.stack([np.bincount(person, weights=row, minlength=drawn.shape[1]) for row in per_query], axis=1)
    counts = np.bincount(person, minlength=drawn.shape[1])
    return drawn @ totals / (drawn @ counts)[:, None]


def differences(scored: Scored, reference: int, drawn: np.ndarray) -> list[Estimate]:
    """Each arm's paired difference to arm `reference`; that arm's own is 0 without an interval."""
    means = scored.means()
    gaps = means - means[reference]
    boot = resampled(scored.values.mean(axis=1), scored.person, drawn)
    spread = persons_variance(boot - boot[:, [reference]], scored.persons)
    variance, freedom = seeds.contrast_variance(means, np.eye(len(means)) - np.eye(len(means))[reference])
    out = []
    for arm in range(len(means)):
        if arm == reference:
            out.append(Estimate(0.0, math.nan, math.nan))
            continue
        out.append(_estimate(gaps[arm].mean(), spread[arm], scored.persons - 1, variance[arm], freedom[arm]))
    return out


def levels(scored: Scored, drawn: np.ndarray) -> list[Estimate]:
    """Each arm's own score, its interval kept within 0-1."""
    means = scored.means()
    boot = resampled(scored.values.mean(axis=1), scored.person, drawn)
    spread = persons_variance(boot, scored.persons)
    estimates = [
        _estimate(value, persons, scored.persons - 1, variance, freedom)
        for value, persons, variance, freedom in zip(
            means.mean(axis=1), spread, *seeds.level_variance(means), strict=True
        )
    ]
    return [Estimate(one.value, *np.clip([one.low, one.high], 0, 1).tolist()) for one in estimates]


def against(floor: Scored, scored: Scored, reference: int, drawn: np.ndarray) -> Estimate:
    """The difference of the untrained floor (one arm) to arm `reference`: the same persons, seed noise of its own."""
    means, below = scored.means(), floor.means()
    gap = floor.values.mean(axis=1) - scored.values[[reference]].mean(axis=1)
    spread = persons_variance(resampled(gap, scored.person, drawn), scored.persons)
    parts = [
        (float(v[at]), float(f[at]))
        for v, f, at in ((*seeds.level_variance(means), reference), (*seeds.level_variance(below), 0))
    ]
    variance = sum(part for part, _ in parts)
    return _estimate(below.mean() - means[reference].mean(), spread[0], scored.persons - 1, variance, _freedom(parts))


def _estimate(value: float, persons: float, persons_freedom: int, seeds: float, seeds_freedom: float) -> Estimate:
    if persons_freedom < 1 or not seeds_freedom >= 1:
        return Estimate(float(value), math.nan, math.nan)
    variance = persons + seeds
    if variance <= 0:
        return Estimate(float(value), float(value), float(value))
    freedom = _freedom([(persons, persons_freedom), (seeds, seeds_freedom)])
    half = t_quantile(0.975, freedom) * math.sqrt(variance)
    return Estimate(float(value), float(value - half), float(value + half))


def _freedom(parts: list[tuple[float, float]]) -> float:
    """Welch and Satterthwaite's degrees of freedom of a sum of variances."""
    below = sum(variance**2 / freedom for variance, freedom in parts if freedom > 0)
    if any(not freedom > 0 for _, freedom in parts):
        return 0.0
    return sum(variance for variance, _ in parts) ** 2 / below if below > 0 else min(freedom for _, freedom in parts)


def persons_variance(boot: np.ndarray, persons: int) -> np.ndarray:
    """Variance over persons `(K,)` of resampled means `(R, K)`, without the bootstrap's bias with few persons."""
    return boot.var(axis=0, ddof=1) * persons / max(persons - 1, 1)
