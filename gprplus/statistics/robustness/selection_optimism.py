"""By how much the best of several scores looks better than it is.

Of K sets scored on the same queries, the one with the best mean is selected. Its mean is then too
high, since the selection prefers sets whose errors were lucky. The identities are resampled as in
the bootstrap: the selection is repeated on the drawn identities and its score compared with that of
the same set on the identities that were not drawn. The mean difference is the optimism (Efron,
"Estimating the error rate of a prediction rule", JASA 1983; Harrell, "Regression modeling
strategies", 2015, section 5.3). It covers the draw of identities; the noise of a training seed,
which every resample shares, is not in it, so scores by new seeds are needed as well.
"""

from dataclasses import dataclass

import numpy as np

_DRAWS = 1000


@dataclass(frozen=True)
class SelectionOptimism:
    """The mean optimism of a selection, and its standard deviation over resamples."""

    value: float
    sd: float


def selection_optimism(
    scores: np.ndarray,
    identities: np.ndarray,
    rng: np.random.Generator,
    draws: int = _DRAWS,
) -> SelectionOptimism:
    """Estimate the optimism of the best of K sets, from scores `(K, Q)` of the queries of
    identities `(Q,) int64`; 0 for one set, or for fewer than three identities.

    >>> same = np.tile([0.0, 1.0, 0.5], (4, 1))
    >>> selection_optimism(same, np.arange(3), np.random.default_rng(0), 50).value < 0.5
    True
    """
    _, place = np.unique(identities, return_inverse=True)
    people = int(place.max()) + 1 if len(place) else 0
    if len(scores) < 2 or people < 3:
        return SelectionOptimism(0.0, 0.0)
    sums = np.stack([np.bincount(place, row, people) for row in scores])
    sizes = np.bincount(place, minlength=people)
    found = []
    for _ in range(draws):
        times = np.bincount(rng.integers(0, people, people), minlength=people)
        out = times == 0
        if not out.any():
            continue
        inside = sums @ times / (sizes @ times)
        best = int(np.argmax(inside))
        # Against the whole sample of the same set, so that only the selection differs.
        apart = inside - sums[:, out].sum(axis=1) / sizes[out].sum()
        found.append(apart[best] - apart.mean())
    return SelectionOptimism(float(np.mean(found)), float(np.std(found)))
