"""By how much the best of several scores looks better than it is.

Of K sets scored on the same queries, the one with the best mean is selected. Its mean is then too
high, since the selection prefers sets whose errors were positive. With means m_k that scatter around
true scores with variance s^2, and true scores that scatter with variance t^2, the expected true
score of a set is m_k - B (m_k - m) with B = s^2 / (s^2 + t^2), whether or not it was selected
(Efron, "Tweedie's formula and selection bias", JASA 2011). s^2 is estimated from the interaction of
sets and identities, s^2 + t^2 from the means themselves, B is at most 1. The noise that a training
seed adds to all identities alike is not in s^2 where each set has one seed, so scores by new seeds
are needed as well. Since B is at most 1, the estimate is too low by about a fifth where four sets do
not differ at all.
"""

import numpy as np

from gprplus.statistics.identity_variance import variance_factors


def selection_optimism(scores: np.ndarray, identities: np.ndarray) -> float:
    """Estimate the optimism of the best of K sets, from scores `(K, Q)` of the queries of
    identities `(Q,) int64`; 0 for one set, or for fewer than three identities.

    >>> selection_optimism(np.array([[1.0, 2, 3], [0.0, 1, 2]]), np.arange(3))  # no interaction
    0.0
    """
    _, place = np.unique(identities, return_inverse=True)
    people = int(place.max()) + 1 if len(place) else 0
    sets = len(scores)
    if sets < 2 or people < 3:
        return 0.0
    sizes = np.bincount(place, minlength=people)
    each = np.stack([np.bincount(place, row, people) for row in scores]) / sizes
    share = sizes / sizes.sum()
    means = each @ share
    apart = each - means[:, None]
    apart = apart - apart.mean(axis=0)
    noise = float((apart**2 @ variance_factors(share)).mean()) * sets / (sets - 1)
    total = float(means.var(ddof=1))
    shrink = min(1.0, noise / total) if total > 0 else 1.0
    return shrink * float(means.max() - means.mean())
