"""Weighted sums of arm means, and how far they may be trusted: every effect of an experiment is one of these.

A contrast gives each arm a weight, and the weights sum to 0: a difference to the reference, a slope, a main effect, an
interaction, a Shapley value. Its variance is that over persons (bootstrap), that over seeds (`seeds`), and, where it is
taken against sets of levels drawn by chance, that over the draws; what persons and seeds both hold counts once:

    V = V_persons + V_seeds - V_both + V_draws,    t = estimate / sqrt(V),    f of `joining`
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gprplus.evaluation.stats import seeds
from gprplus.evaluation.stats.intervals import Estimate, Scored, both, estimates, persons_part, resampled
from gprplus.evaluation.stats.joining import joined, normal_scores
from gprplus.evaluation.stats.tails import t_tail

Part = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Judged:
    """Contrasts, `(K,) float64` each: value, standard error, degrees of freedom (0: nothing is known of the noise), the
    standardised difference d_z (mean over the standard deviation of the values of each seed; NaN with one seed), and
    `null (R, K)`: absolute t values under no effect at all, drawn jointly, on the scale of `joining.normal_scores`.
    """

    value: np.ndarray
    error: np.ndarray
    freedom: np.ndarray
    d_z: np.ndarray
    null: np.ndarray

    @property
    def t(self) -> np.ndarray:
        """Values in standard errors; NaN where there is no error to divide by."""
        known = (self.freedom >= 1) & (self.error > 0)
        return np.divide(self.value, self.error, out=np.full(len(self.value), np.nan), where=known)

    @property
    def p(self) -> np.ndarray:
        """Two-sided probabilities of a value as far from 0 when there is no effect; NaN where unknown."""
        pairs = zip(self.t, self.freedom, strict=True)
        return np.array([2 * t_tail(abs(t), f) if math.isfinite(t) else np.nan for t, f in pairs])

    def intervals(self) -> list[Estimate]:
        """The 95% interval of each contrast by itself."""
        return estimates(self.value, self.error**2, self.freedom)


def judge(
    scored: Scored,
    matrix: np.ndarray,
    drawn: np.ndarray,
    rng: np.random.Generator,
    groups: Sequence[Sequence[int]] = (),
) -> Judged:
    """Judge contrasts `matrix (K, A) float64`, rows summing to 0, of scored arms.

    `drawn (R, I)` are resamples of persons (`intervals.weights`). `groups` holds, for each contrast or for none, the
    arms that are draws of one random control; their spread is counted as the luck of the draw, which only two draws or
    more can show.
    """
    means = scored.means()
    value = matrix @ means.mean(axis=1)
    boot = resampled(scored.values.mean(axis=1), scored.person, drawn) @ matrix.T
    luck, rest = _luck(means, matrix, groups)
    parts, overlap = [persons_part(boot, scored.persons), seeds.contrast_variance(means, rest)], both(scored, rest)
    variance, freedom = joined([*parts, luck], overlap)
    spread = (matrix @ means).std(axis=1, ddof=1) if means.shape[1] > 1 else np.full(len(value), np.nan)
    d_z = np.divide(value, spread, out=np.full(len(value), np.nan), where=spread > 1e-12)
    null = _null(boot, means, rest, [*parts, luck], overlap, rng)
    return Judged(value, np.sqrt(variance), freedom, d_z, null)


def _luck(means: np.ndarray, matrix: np.ndarray, groups: Sequence[Sequence[int]]) -> tuple[Part, np.ndarray]:
    """Variance of the mean over draws, its degrees of freedom, and the contrasts without the draws' own seed noise,
    which their spread holds already.
    """
    luck, freedom, rest = np.zeros(len(matrix)), np.full(len(matrix), np.inf), matrix.copy()
    for k, arms in enumerate(groups):
        chosen = list(arms)
        if len(chosen) > 1:
            luck[k] = (matrix[k, chosen].sum() ** 2) * means.mean(axis=1)[chosen].var(ddof=1) / len(chosen)
            freedom[k] = len(chosen) - 1
            rest[k, chosen] = 0
    return (luck, freedom), rest


def _null(
    boot: np.ndarray,
    means: np.ndarray,
    rest: np.ndarray,
    parts: Sequence[Part],
    overlap: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Absolute t values `(R, K)`, as normal scores, when no contrast is there: persons resampled, seed noise drawn
    anew, both for all contrasts at once so that their correlation is kept, each divided by the error that would have
    been estimated.
    """
    count, (people, by_seed, luck) = len(boot), parts
    noise = seeds.simulated(means, count, rng)
    shift = (boot - boot.mean(axis=0)) * np.sqrt((people[1] + 1) / np.maximum(people[1], 1))
    shift = shift + (rest @ noise).mean(axis=-1)
    # what persons and seeds both hold was drawn twice
    drawn = people[0] + by_seed[0]
    kept = np.maximum(drawn - overlap, np.maximum(people[0], by_seed[0]))
    shift = shift * np.sqrt(np.divide(kept, drawn, out=np.ones_like(drawn), where=drawn > 0))
    shift = shift + rng.normal(size=shift.shape) * np.sqrt(luck[0])
    again = (people[0] * _chi_square(count, np.maximum(people[1][:1], 1), rng), people[1])
    lucky = (luck[0] * _chi_square(count, np.where(np.isfinite(luck[1]), luck[1], 1.0), rng), luck[1])
    variance, freedom = joined([again, seeds.contrast_variance(noise, rest), lucky], overlap)
    t = np.abs(np.divide(shift, np.sqrt(variance), out=np.zeros_like(shift), where=variance > 0))
    return normal_scores(t, np.maximum(freedom, 1))


def _chi_square(count: int, freedom: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return rng.chisquare(freedom, size=(count, len(freedom))) / freedom
