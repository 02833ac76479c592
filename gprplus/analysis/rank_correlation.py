"""Rank correlation of two lists, which may have ties."""

import numpy as np


def spearman(one: np.ndarray, two: np.ndarray) -> float | None:
    """Rank correlation with mean ranks for ties; None where one side is constant.

    >>> spearman(np.array([1.0, 2.0, 2.0, 5.0]), np.array([1.0, 3.0, 3.0, 4.0]))
    1.0
    """
    ranks = [_ranks(one), _ranks(two)]
    if any(np.ptp(rank) == 0 for rank in ranks):
        return None
    return float(np.round(np.corrcoef(ranks[0], ranks[1])[0, 1], 12))


def _ranks(values: np.ndarray) -> np.ndarray:
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2)[place]
