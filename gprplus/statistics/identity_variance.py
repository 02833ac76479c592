"""Variance of a score over query identities, in closed form.

Identity i has n_i of the N queries, so its weight is w_i = n_i / N; a score is the weighted mean of
their mean scores m_i. With e_i = m_i minus that mean, the variance is that of Bell and McCaffrey
(2002),

    V = sum_i k_i e_i^2,    k_i = w_i^2 / (1 - 2 w_i + sum_j w_j^2),

which is unbiased if all identities have the same variance, and nearly so otherwise. With equal
numbers of queries it is the usual variance of a mean with I - 1 degrees of freedom; if few
identities have most queries, it has fewer:

    f = 1 / sum_i w_i^2 - 1,

the effective number of identities (Kish 1965) minus one. That is within a few percent of the exact
t quantile, found by simulation, for 4 to 60 identities with geometric numbers of queries, and
covers 94 to 96%. Satterthwaite's degrees of freedom of the quadratic form (Imbens and Kolesar 2016)
cover 95 to 100% there: they ignore that the mean and its variance increase together if the identity
with most queries is an outlier.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class ScoreArray:
    """Scores `(A, S, Q) float64` of trained arms, and the identity `(Q,) int64`, numbered from 0,
    of each query."""

    values: np.ndarray
    identity: np.ndarray

    @property
    def identities(self) -> int:
        """The number of identities."""
        return int(self.identity.max()) + 1

    def means(self) -> np.ndarray:
        """Mean over queries, `(A, S)`."""
        result: np.ndarray = self.values.mean(axis=2)
        return result

    @cached_property
    def counts(self) -> np.ndarray:
        """Queries of each identity, `(I,) float64`."""
        return np.bincount(self.identity, minlength=self.identities).astype(float)

    def identity_means(self) -> np.ndarray:
        """Mean score of each arm, seed and identity, `(A, S, I)`."""
        lines = self.values.reshape(-1, self.values.shape[2])
        sums = np.stack(
            [np.bincount(self.identity, weights=line, minlength=self.identities) for line in lines]
        )
        result: np.ndarray = (sums / self.counts).reshape(*self.values.shape[:2], -1)
        return result


@dataclass(frozen=True)
class IdentityVariance:
    """Covariances `(A, A)` of the arms' mean scores over identities, their degrees of freedom (0:
    one identity), and the shares `(I,)` of the queries.

    `both` is the part of `covariance` that is noise of single seeds on single identities: the
    variance over seeds holds it too (Cameron, Gelbach and Miller 2011 subtract it in the same way).
    """

    covariance: np.ndarray
    both: np.ndarray
    df: float
    share: np.ndarray


def identity_variance(scored: ScoreArray) -> IdentityVariance:
    """The covariances that identities give to the mean scores of arms."""
    arms, seeds, _ = scored.values.shape
    share = scored.counts / scored.counts.sum()
    if scored.identities < 2:
        return IdentityVariance(np.zeros((arms, arms)), np.zeros((arms, arms)), 0.0, share)
    factor = variance_factors(share)
    cells = scored.identity_means()
    apart = cells - (cells @ share)[:, :, None]
    mean = apart.mean(axis=1)
    left = apart - mean[:, None, :]
    both = np.tensordot(left * factor, left, ((1, 2), (1, 2))) / max(seeds * (seeds - 1), 1)
    return IdentityVariance((mean * factor) @ mean.T, both, df_of_shares(share), share)


def variance_factors(share: np.ndarray) -> np.ndarray:
    """The factors k_i `(I,)` of the squared deviations, for shares w_i `(I,)` of the queries.

    >>> variance_factors(np.full(4, 1 / 4)).round(6).tolist()  # 1 / (I (I - 1))
    [0.083333, 0.083333, 0.083333, 0.083333]
    """
    result: np.ndarray = share**2 / (1 - 2 * share + (share**2).sum())
    return result


def df_of_shares(share: np.ndarray) -> float:
    """The degrees of freedom of the variance, for shares `(I,)` of the queries.

    >>> round(df_of_shares(np.full(9, 1 / 9)), 6), round(df_of_shares(np.array([0.4, 0.3, 0.2, 0.1])), 2)
    (8.0, 2.33)
    """
    return float(1 / (share**2).sum()) - 1


def effective_identities(person: np.ndarray) -> float:
    """Effective number of identities with equal weights for these queries: (sum n)^2 / sum n^2
    (Kish).

    >>> effective_identities(np.array([0, 0, 1, 1])), effective_identities(np.array([0, 0, 0, 1]))
    (2.0, 1.6)
    """
    counts = np.bincount(person).astype(float)
    return float(counts.sum() ** 2 / (counts**2).sum())
