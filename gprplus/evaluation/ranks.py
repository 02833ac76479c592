"""Ranks of relevant gallery rows by counting, without sorting the gallery.

A relevant row ranks behind every wrong row that is at least as similar. Its rank therefore follows
from its similarity and a count over the query's row of similarities. Wrong rows rank first at equal
similarity (pessimistic ties): a model that embeds all images alike scores near zero, where
evaluators that sort keep whatever order their sort leaves.
"""

from dataclasses import dataclass

import numpy as np

_SUMMED = 8 * 255  # flags that `_count_flags` adds up without an overflow
# Where `count_reached` sorts: a limit costs as much as comparing _PASS numbers more, sorting as much
# as _SORT limits. Both are between the measurements on processors with and without AVX-512.
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
    flags = np.empty((len(limits), -(-len(row) // _SUMMED) * _SUMMED), bool)
    np.greater_equal(row, limits[:, None], out=flags[:, : len(row)])
    flags[:, len(row) :] = False
    return _count_flags(flags)


def _count_flags(flags: np.ndarray) -> np.ndarray:
    """Return how many of each row's flags `(L, 2040 n) bool` are set: `(L,) int64`.

    Flags are bytes of 0 or 1, which are added eight at a time, as one word. 255 words at most are
    added up, so no byte overflows. It takes half the time of `np.count_nonzero` for each row.
    """
    words = flags.view(np.uint64).reshape(len(flags), -1, _SUMMED // 8)
    counts: np.ndarray = words.sum(axis=2).view(np.uint8).sum(axis=1, dtype=np.int64)
    return counts
