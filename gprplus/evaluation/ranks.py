"""Where a gallery holds the true matches of a query, exactly, without sorting it.

With S the similarities of one query, a true match stands behind every wrong match that is at least as similar. So it is
enough to take the true matches' similarities out of the row, strike out whatever does not count, and count. Wrong
matches win ties: a network that gives everything the same feature then scores near zero on every machine, where
evaluators that sort give it whatever order their sort leaves.

A float32 product is not the same everywhere: one dot product has other last bits at the edge of a tile than in the
middle of it, in another library, on another device. So it only sieves. Two similarities that are nearer to each other
than its roundings reach (`settle.slack`, at most SLACK) are told apart in float64, and there those that are nearer than
TIE are equal. What comes out depends on the features alone.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

# How far rounding can move the difference of two float32 similarities, as a share of the product of the norms and
# times the root of the dimensions: at least 1.4 times the widest seen (constant vectors, whose roundings all go one
# way; 7 to 8,192 dimensions, OpenBLAS and MKL), and more than ten times what roundings by chance come to.
SLACK = 8 * 2.0**-24
# No rounding of a float64 product reaches as far as this share of the product of the norms.
TIE = 2.0**-40
# A pass over a row takes as long as so many numbers more; sorting them as long as so many passes.
_PASS, _SORT = 45_000, 216
# To multiply the whole row of a query again costs as much as to gather this share of the gallery's rows for it.
_WHOLE = 32
# Pairs that are looked at one by one: a byte each, some of them three times over.
_PAIRS = 4 << 20


@dataclass(frozen=True)
class Wanted:
    """What one query asks of its row of similarities: columns of true matches, and columns to strike out (both
    int64).
    """

    matches: np.ndarray
    struck: np.ndarray


@dataclass(frozen=True)
class Sieved:
    """What one query's row of float32 similarities tells of its K true matches.

    `surely (K,) int64` wrong matches rank before each. Of the matches `unsure (U,) int64` and the columns `wrong (W,)
    int64` of wrong ones, the pairs `open (U, W) bool` are too near each other to be told apart; `similar (U + W,)
    float32` is how alike these were found.
    """

    surely: np.ndarray
    unsure: np.ndarray
    wrong: np.ndarray
    open: np.ndarray
    similar: np.ndarray


def ranks_of(before: np.ndarray) -> np.ndarray:
    """Ascending ranks of true matches `(K,) int64`, by how many wrong matches rank before each.

    >>> ranks_of(np.array([3, 0, 3])).tolist()
    [1, 5, 6]
    """
    return np.sort(before) + np.arange(1, len(before) + 1)


def sieved(row: np.ndarray, wanted: Wanted, slack: float) -> Sieved | None:
    """What is sure and what is open in one query's row `(G,)`, which is struck; None as of `sifted`."""
    found = row[wanted.matches]
    row[wanted.struck] = -np.inf
    width = row.dtype.type(slack)
    low, high = found - width, found + width
    columns = (row >= low.min()).nonzero()[0]  # nothing below these counts for any match
    values = row[columns]
    counts = reached(values, np.concatenate([high, low]))
    return sifted(lambda: (values, columns), found, width, counts[: len(found)], counts[len(found) :], len(row))


def sifted(
    values: Callable[[], tuple[np.ndarray, np.ndarray]],
    found: np.ndarray,
    width: np.float32,
    surely: np.ndarray,
    perhaps: np.ndarray,
    gallery: int,
) -> Sieved | None:
    """The same once it is known how many similarities reach what was `found (K,)` plus a `width`, and how many what was
    found less a width; None where more is open than a look at the whole row of a `gallery` of so many costs.

    `values` gives similarities and their columns, at least all that reach the least found less a width.
    """
    unsure = (surely < perhaps).nonzero()[0]
    if not len(unsure):
        return Sieved(surely, unsure, unsure, np.empty((0, 0), dtype=bool), found[:0])
    similar, columns = values()
    own = found[unsure]
    if len(own) * len(similar) > _PAIRS:
        some = _near_any(similar, own, width).nonzero()[0]
        similar, columns = similar[some], columns[some]
        if len(own) * len(similar) > _PAIRS:
            return None
    near = similar >= (own - width)[:, None]
    near &= similar < (own + width)[:, None]
    some = np.flatnonzero(near.any(0))
    if len(some) > gallery / _WHOLE:
        return None
    return Sieved(surely, unsure, columns[some], near[:, some], np.concatenate([own, similar[some]]))


def _near_any(similar: np.ndarray, own: np.ndarray, width: np.float32) -> np.ndarray:
    """Which of the `similar (N,)` lie from a `width` below to under a `width` above any of `own (U,)`, `(N,) bool`.

    They have begun with more of these than have ended: slower than a table of all pairs where that is small.
    """
    begun = np.searchsorted(np.sort(own - width), similar, side="right")
    return begun > np.searchsorted(np.sort(own + width), similar, side="right")


def reached(row: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """How many entries of a row `(G,)` are at or above each of the limits `(L,)`: `(L,) int64`.

    >>> reached(np.array([0.3, 0.1, 0.2]), np.array([0.2, 0.5])).tolist()
    [2, 0]
    """
    if len(limits) * (_PASS + len(row)) > _SORT * len(row):
        return len(row) - np.searchsorted(np.sort(row), limits, side="left")
    return np.fromiter((np.count_nonzero(row >= limit) for limit in limits), np.int64, len(limits))


def counted(exact: np.ndarray, wanted: Wanted, tie: float) -> np.ndarray:
    """The same from a float64 row `(G,)`, which is struck."""
    found = exact[wanted.matches]
    exact[wanted.struck] = -np.inf
    limits = found - tie
    return reached(exact[exact >= limits.min()], limits)
