"""Ranks of relevant gallery rows by counting, without sorting the gallery.

A relevant row ranks behind every wrong row that is at least as similar. Its rank therefore follows
from its similarity and a count over the query's row of similarities. Wrong rows rank first at equal
similarity (pessimistic ties): a model that embeds all images alike scores near zero, where
evaluators that sort keep whatever order their sort leaves.
"""

from dataclasses import dataclass

import numpy as np

# Where `count_reached` sorts: a call costs as much as comparing _PASS numbers, sorting as much as
# comparing _SORT times. Both are between the measurements on processors with and without AVX-512.
_PASS, _SORT = 20_000, 80


@dataclass(frozen=True)
class QueryRelevance:
    """Columns of one query's relevant rows and columns that leave its ranking before wrong rows are
    counted (relevant, excluded and junk rows), both int64.
    """

    matches: np.ndarray
    not_wrong: np.ndarray


def rank_relevant(before: np.ndarray) -> np.ndarray:
    """Ascending ranks of relevant rows `(K,) int64` from the number of wrong rows before each.

    >>> rank_relevant(np.array([3, 0, 3])).tolist()
    [1, 5, 6]
    """
    return np.sort(before) + np.arange(1, len(before) + 1)


def count_reached(row: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """Return how many entries of a row `(G,)` are at or above each of the limits `(L,)`: `(L,)
    int64`.

    >>> count_reached(np.array([0.3, 0.1, 0.2]), np.array([0.2, 0.5])).tolist()
    [2, 0]
    """
    if len(limits) * (_PASS + len(row)) > _SORT * len(row):
        return len(row) - np.searchsorted(np.sort(row), limits, side="left")
    return np.fromiter(
        (np.count_nonzero(line) for line in row >= limits[:, None]), np.int64, len(limits)
    )
