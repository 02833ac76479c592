"""AP, CMC and INP from the ranks of the true matches.

Ranks are flat: `ranks (M,) int64` has, query after query, the ranks of the true matches of that
query (counted from 1, ascending), and `counts (Q,) int64` the number of true matches of each query.
These metrics depend on nothing else.
"""

import numpy as np

CMC_LENGTH = 50


def average_precision(ranks: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Average precision `(Q,) float64` as the mean of the precisions at the true matches; NaN for a
    query without one.

    The form of torchreid, fast-reid and scikit-learn >= 0.19.

    >>> average_precision(np.array([1, 3, 6]), np.array([3])).round(6).tolist()
    [0.722222]
    """
    return _means(match_number(counts) / ranks, counts)


def trapezoid_average_precision(ranks: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Average precision `(Q,) float64` by trapezoids: each match counts the mean of the precision
    at it and just before it.

    The form of the original Market-1501 script and of layumi's. Never above `average_precision`;
    equal where no wrong match precedes the last true one.

    >>> trapezoid_average_precision(np.array([1, 3, 6]), np.array([3])).round(6).tolist()
    [0.677778]
    """
    hit = match_number(counts)
    before = np.where(ranks == 1, 1.0, (hit - 1) / np.maximum(ranks - 1, 1))
    return _means((before + hit / ranks) / 2, counts)


AP = {"step": average_precision, "trapezoid": trapezoid_average_precision}


def first_match_rank(ranks: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Rank of the first true match, `(Q,) int64`; 0 for a query without one.

    >>> first_match_rank(np.array([4, 9, 1]), np.array([2, 0, 1])).tolist()
    [4, 0, 1]
    """
    out = np.zeros(len(counts), dtype=np.int64)
    out[counts > 0] = ranks[_starts(counts)[counts > 0]]
    return out


def inverse_negative_penalty(ranks: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """True matches over the rank of the last one, `(Q,) float64`; NaN for a query without one (Ye
    et al., TPAMI 2021, mINP).

    >>> inverse_negative_penalty(np.array([1, 4]), np.array([2])).tolist()
    [0.5]
    """
    out = np.full(len(counts), np.nan)
    found = counts > 0
    out[found] = counts[found] / ranks[(np.cumsum(counts) - 1)[found]]
    return out


def cmc_curve(first: np.ndarray, length: int = CMC_LENGTH) -> np.ndarray:
    """Share of valid queries with their first true match at rank k or before, `(length,) float64`;
    `cmc[0]` is rank-1.

    If a gallery is shorter than `length`, the curve is constant after its last rank.

    >>> cmc_curve(np.array([1, 3]), 4).tolist()
    [0.5, 0.5, 1.0, 1.0]
    """
    counts = np.bincount(np.minimum(first, length + 1), minlength=length + 2)[1 : length + 1]
    return np.cumsum(counts) / len(first)


def match_number(counts: np.ndarray) -> np.ndarray:
    """Number the true matches of each query, from 1: `(M,) int64` for the flat entries.

    >>> match_number(np.array([2, 0, 3])).tolist()
    [1, 2, 1, 2, 3]
    """
    result: np.ndarray = np.arange(1, counts.sum() + 1) - np.repeat(_starts(counts), counts)
    return result


def _starts(counts: np.ndarray) -> np.ndarray:
    result: np.ndarray = np.cumsum(counts) - counts
    return result


def _means(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The mean of each query's stretch of `values`."""
    out = np.full(len(counts), np.nan)
    found = counts > 0
    if found.any():
        out[found] = np.add.reduceat(values, _starts(counts)[found]) / counts[found]
    return out
