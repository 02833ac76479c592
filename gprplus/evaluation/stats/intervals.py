"""How far a score may be trusted: intervals over the two things that were drawn by chance, persons searched and seeds.

Scores come as `(A, S, Q) float64`: arms, seeds, queries; the same queries and the same seeds for every arm. The
persons of the queries are resampled (all queries of a person together: they are not independent), the gallery stays.
With few seeds a bootstrap over seeds is far too narrow (two seeds have only three resamples), so the seed part is a
variance instead:

    V = V_persons + V_seeds - V_both,    interval = estimate +- t(0.975, f) sqrt(V)

V_persons is the bootstrap variance of the mean over seeds (times I / (I - 1), which undoes the bootstrap's bias with
few persons), I the number of persons, known to I - 1 degrees of freedom. V_seeds is of `seeds`: 2 MSE / S for a paired
difference, with an eye on arms that are noisier than the rest. The noise of one seed on one person is in both of them
and counts once: V_both is its share (Cameron, Gelbach and Miller 2011 take it out in the same way), and V is never
below the larger of the two. f is of `joining`. With two arms and many persons this is exactly the t interval of the
per-seed differences. One seed gives no interval: nothing is known of its noise.
"""

import math
from dataclasses import dataclass

import numpy as np

from gprplus.evaluation.stats import seeds
from gprplus.evaluation.stats.joining import joined, quantile

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
    totals: np.ndarray = np.stack(
        [np.bincount(person, weights=row, minlength=drawn.shape[1]) for row in per_query], axis=1
    )
    counts = np.bincount(person, minlength=drawn.shape[1])
    return drawn @ totals / (drawn @ counts)[:, None]


def differences(scored: Scored, reference: int, drawn: np.ndarray) -> list[Estimate]:
    """Each arm's paired difference to arm `reference`; that arm's own is 0 without an interval."""
    means = scored.means()
    matrix = np.eye(len(means)) - np.eye(len(means))[reference]
    boot = resampled(scored.values.mean(axis=1), scored.person, drawn) @ matrix.T
    parts = [persons_part(boot, scored.persons), seeds.contrast_variance(means, matrix)]
    out = estimates(matrix @ means.mean(axis=1), *joined(parts, both(scored, matrix)))
    out[reference] = Estimate(0.0, math.nan, math.nan)
    return out


def levels(scored: Scored, drawn: np.ndarray) -> list[Estimate]:
    """Each arm's own score, its interval kept within 0-1."""
    means = scored.means()
    boot = resampled(scored.values.mean(axis=1), scored.person, drawn)
    parts = [persons_part(boot, scored.persons), seeds.level_variance(means)]
    found = estimates(means.mean(axis=1), *joined(parts, both(scored, np.eye(len(means)))))
    return [Estimate(one.value, *np.clip([one.low, one.high], 0, 1).tolist()) for one in found]


def against(floor: Scored, scored: Scored, reference: int, drawn: np.ndarray) -> Estimate:
    """The difference of the untrained floor (one arm) to arm `reference`: the same persons, seed noise of its own."""
    means, below = scored.means(), floor.means()
    gap = floor.values.mean(axis=1) - scored.values[[reference]].mean(axis=1)
    noise = [
        (variance[[at]], freedom[[at]])
        for (variance, freedom), at in ((seeds.level_variance(means), reference), (seeds.level_variance(below), 0))
    ]
    parts = [persons_part(resampled(gap, scored.person, drawn), scored.persons), *noise]
    return estimates(np.array([below.mean() - means[reference].mean()]), *joined(parts))[0]


def estimates(value: np.ndarray, variance: np.ndarray, freedom: np.ndarray) -> list[Estimate]:
    """95% t intervals of values `(K,)`; NaN ends where there are no degrees of freedom."""
    half = np.where(freedom >= 1, quantile(freedom) * np.sqrt(variance), math.nan)
    ends = zip(value.tolist(), (value - half).tolist(), (value + half).tolist(), strict=True)
    return [Estimate(*each) for each in ends]


def persons_part(boot: np.ndarray, persons: int) -> tuple[np.ndarray, np.ndarray]:
    """Variance over persons `(K,)` of resampled means `(R, K)`, without the bootstrap's bias with few persons, and its
    degrees of freedom.
    """
    return boot.var(axis=0, ddof=1) * persons / max(persons - 1, 1), np.full(boot.shape[1], persons - 1.0)


def both(scored: Scored, matrix: np.ndarray) -> np.ndarray:
    """Variance `(K,)` that the noise of single seeds on single persons gives to sums `matrix (K, A)` of arm means.

    With d the distance of a person's total from what the mean makes it, and e that of d from its own mean over seeds,
    it is I / (I - 1) sum e^2 / (S (S - 1)): in a balanced table the residual mean square over S I.
    """
    seeds_, persons = scored.values.shape[1], scored.persons
    if seeds_ < 2 or persons < 2:
        return np.zeros(len(matrix))
    lines = scored.values.reshape(-1, scored.values.shape[2])
    totals: np.ndarray = np.stack([np.bincount(scored.person, weights=line, minlength=persons) for line in lines])
    totals = totals.reshape(*scored.values.shape[:2], persons) / len(scored.person)
    share = np.bincount(scored.person, minlength=persons).astype(float) / len(scored.person)
    apart = np.tensordot(matrix, totals - totals.sum(axis=2, keepdims=True) * share, axes=1)
    left = apart - apart.mean(axis=1, keepdims=True)
    return np.asarray((left**2).sum(axis=(1, 2)) * persons / (persons - 1) / (seeds_ * (seeds_ - 1)))
