"""Weighted sums of arm means and their errors: every effect of an experiment is one of these.

A contrast gives each arm a weight, and the weights sum to 0: a difference to the reference, a
slope, a main effect, an interaction, a Shapley value. Its variance is that over identities
(`identity_variance`), that over seeds (`seed_noise`), and, where it is taken against sets of levels
drawn by chance, that over the draws; what identities and seeds share counts once:

    V = V_identities + V_seeds - V_both + V_draws,    t = estimate / sqrt(V),    f of `variance_sum`
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gprplus.statistics import seed_noise
from gprplus.statistics.identity_variance import (
    IdentityVariance,
    ScoreArray,
    identity_variance,
    variance_factors,
)
from gprplus.statistics.intervals import Estimate, estimates, identity_variance_part
from gprplus.statistics.variance_sum import combine_variances, overlap_factor, two_sided

Part = tuple[np.ndarray, np.ndarray]
DRAWS = 2000  # simulated experiments without any effect
ENOUGH = 100  # identities in a simulated experiment; with more, their variance is as good as known


@dataclass(frozen=True)
class ContrastEstimates:
    """Contrasts, `(K,) float64` each: value, standard error, degrees of freedom (0: nothing is
    known of the noise), the standardised difference d_z (mean over the standard deviation of the
    values of each seed; NaN with one seed), and `null (R, K)`: two-sided probabilities of simulated
    experiments without any effect, drawn jointly.
    """

    value: np.ndarray
    std_error: np.ndarray
    df: np.ndarray
    d_z: np.ndarray
    null: np.ndarray

    @property
    def t(self) -> np.ndarray:
        """Values in standard errors; NaN where there is no error to divide by."""
        known = (self.df >= 1) & (self.std_error > 0)
        result: np.ndarray = np.divide(
            self.value, self.std_error, out=np.full(len(self.value), np.nan), where=known
        )
        return result

    @property
    def p(self) -> np.ndarray:
        """Two-sided probabilities of a value as far from 0 when there is no effect; NaN where
        unknown."""
        return two_sided(self.t, self.df)

    def intervals(self) -> list[Estimate]:
        """The 95% interval of each contrast by itself."""
        return estimates(self.value, self.std_error**2, self.df)


def combine_parts(parts: Sequence[ContrastEstimates], order: np.ndarray) -> ContrastEstimates:
    """Combine contrasts that were estimated separately into one family, in `order (K,)`: simulated
    as independent."""
    columns = {
        name: np.concatenate([getattr(one, name) for one in parts])[order]
        for name in ("value", "std_error", "df", "d_z")
    }
    return ContrastEstimates(
        **columns, null=np.concatenate([one.null for one in parts], axis=1)[:, order]
    )


def estimate_contrasts(
    scored: ScoreArray,
    matrix: np.ndarray,
    rng: np.random.Generator,
    groups: Sequence[Sequence[int]] = (),
    draws: int = DRAWS,
) -> ContrastEstimates:
    """Estimate contrasts `matrix (K, A) float64`, with rows that sum to 0, of scored arms.

    `groups` has, for each contrast or for none, the arms that are draws of one random control; the
    variance between them is a component of the contrast, which requires at least two draws. `draws`
    experiments are simulated.
    """
    means = scored.means()
    value = matrix @ means.mean(axis=1)
    draw_part, rest = _control_draw_variances(means, matrix, groups)
    over = identity_variance(scored)
    identity_part, _ = identity_variance_part(over, matrix)
    overlap = identity_variance_part(over, rest)[1]
    by_seed = seed_noise.contrast_variance(means, rest)
    variance, freedom = combine_variances([identity_part, by_seed, draw_part], overlap)
    each = (
        (matrix @ means).std(axis=1, ddof=1) if means.shape[1] > 1 else np.full(len(value), np.nan)
    )
    d_z = np.divide(value, each, out=np.full(len(value), np.nan), where=each > 1e-12)
    null = NullDistribution(over, means, matrix, rest, by_seed[0], draw_part, overlap).drawn(
        draws, rng
    )
    return ContrastEstimates(value, np.sqrt(variance), freedom, d_z, null)


def _control_draw_variances(
    means: np.ndarray, matrix: np.ndarray, groups: Sequence[Sequence[int]]
) -> tuple[Part, np.ndarray]:
    """Variance of the mean over draws, its degrees of freedom, and the contrasts without the draws'
    own seed noise, which their spread holds already.
    """
    draw_part, freedom, rest = np.zeros(len(matrix)), np.full(len(matrix), np.inf), matrix.copy()
    for k, arms in enumerate(groups):
        chosen = list(arms)
        if len(chosen) > 1:
            draw_part[k] = (
                (matrix[k, chosen].sum() ** 2)
                * means.mean(axis=1)[chosen].var(ddof=1)
                / len(chosen)
            )
            freedom[k] = len(chosen) - 1
            rest[k, chosen] = 0
    return (draw_part, freedom), rest


@dataclass(frozen=True)
class NullDistribution:
    """An experiment whose contrasts `matrix (K, A)` are all 0, as noisy as the one at hand.

    `rest` are the contrasts without the draws of a control, `by_seed (K,)` their variance over
    seeds, `control_draw_variance` the variance over draws, `overlap (K,)` what identities and seeds
    both hold.
    """

    over: IdentityVariance
    means: np.ndarray
    matrix: np.ndarray
    rest: np.ndarray
    by_seed: np.ndarray
    control_draw_variance: Part
    overlap: np.ndarray

    def drawn(self, draws: int, rng: np.random.Generator) -> np.ndarray:
        """Two-sided p values `(draws, K)` of simulated experiments, each evaluated like a real one.

        Identities and seeds are drawn for all arms together, so that contrasts with a common arm
        correlate, and every variance is re-estimated from the drawn values.
        """
        root = self.matrix @ _root(shrink_variance(self.over))
        shift, identity_part = self._identities(root, draws, rng)
        noise = seed_noise.simulate_null(self.means, draws, rng)
        by_seed = seed_noise.contrast_variance(noise, self.rest)
        shift = (shift + noise.mean(axis=2) @ self.rest.T) * overlap_factor(
            (root**2).sum(axis=1), self.by_seed, self.overlap
        )
        size, degrees = (
            self.control_draw_variance[0],
            np.where(
                np.isfinite(self.control_draw_variance[1]), self.control_draw_variance[1], 1.0
            ),
        )
        shift = shift + rng.normal(size=shift.shape) * np.sqrt(size)
        draw_part = (
            size * rng.chisquare(degrees, size=shift.shape) / degrees,
            self.control_draw_variance[1],
        )
        variance, known = combine_variances([identity_part, by_seed, draw_part], self.overlap)
        return two_sided(
            np.divide(shift, np.sqrt(variance), out=np.zeros_like(shift), where=variance > 0), known
        )

    def _identities(
        self, root: np.ndarray, draws: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, Part]:
        """Shifts `(draws, K)` that identities give to contrasts with covariance `root root'`, and
        their variance."""
        share, freedom = self.over.share, self.over.df
        if len(share) > ENOUGH:
            count = min(ENOUGH, max(2, round(freedom) + 1))
            share, freedom = np.full(count, 1 / count), count - 1.0
        drawn = (
            rng.normal(size=(draws, len(share), root.shape[1]))
            @ root.T
            / math.sqrt((share**2).sum())
        )
        shift = share @ drawn
        variance = (
            variance_factors(share) @ (drawn - shift[:, None, :]) ** 2
            if len(share) > 1
            else np.zeros_like(shift)
        )
        return shift, (variance, np.full(len(root), freedom))


def shrink_variance(over: IdentityVariance) -> np.ndarray:
    """The covariance `(A, A)` of arms over identities, shrunk to that of exchangeable arms where
    identities are few.

    The target keeps the mean variance and the mean covariance. In contrasts the common part
    cancels, so that the target is the identity matrix times their difference. The estimate has the
    weight f / (f + A) for f degrees of freedom.
    """
    arms, estimate = len(over.covariance), over.covariance
    if arms < 2:
        return estimate
    alone = (np.trace(estimate) - estimate.sum() / arms) / (arms - 1)
    weight = over.df / (over.df + arms)
    result: np.ndarray = weight * estimate + (1 - weight) * alone * np.eye(arms)
    return result


def _root(covariance: np.ndarray) -> np.ndarray:
    """A matrix L with L L' = `covariance`, which may be singular."""
    values, vectors = np.linalg.eigh(covariance)
    result: np.ndarray = vectors * np.sqrt(np.maximum(values, 0))
    return result
