"""What a float32 product left open, decided in float64."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from gprplus.evaluation import ranks
from gprplus.evaluation.norms import CONVERTED, on_host, scale, squares
from gprplus.evaluation.ranks import SLACK, TIE, Sieved, Wanted

_HELD = 24 << 20  # bytes of float64 similarities held at a time
# Queries and gallery rows whose products show how far rounding goes with these features: worth it for searches of more
# than so many times as many queries.
_QUERIES, _ROWS, _WORTH = 32, 1024, 8
# How far it is taken to go, in times the farthest that was seen; of that, a single similarity may go a third.
_SAFETY = 6
# So many of a query's numbers show whether they are few; so near, as a share of the largest, two of them are one.
_LOOKED, _ONE = 64, 2.0**-20


class Search(Protocol):
    """A gallery `(G, D)`, and its similarities to some queries: `(B, G)` rounded, `(B, columns) float64` exact."""

    gallery: Any
    metric: str
    farthest: float

    def similarities(self, queries: Any) -> Any: ...

    def exactly(self, queries: Any, columns: np.ndarray | slice) -> np.ndarray: ...


def slack(search: Search, queries: Any, order: np.ndarray, wanted: Sequence[Wanted]) -> float:
    """How far rounding may move the difference of two similarities in a search for the queries in `order`, as a share
    of their scale.

    No more than SLACK, which holds for any features. Most are rounded ten times less: what is seen among some of them,
    true matches included, is taken for all, and watched (`_decided`).
    """
    widest = SLACK * np.sqrt(search.gallery.shape[1])
    if len(order) < _QUERIES * _WORTH:
        return float(widest)
    some = np.linspace(0, len(order) - 1, _QUERIES).astype(np.int64)
    columns = np.linspace(0, len(search.gallery) - 1, _ROWS).astype(np.int64)
    columns = np.unique(np.concatenate([columns, *(wanted[i].matches for i in some)]))
    asked = queries[order[some]]
    wrong = np.abs(_exactly(search, asked, columns) - on_host(search.similarities(asked))[:, columns]).max(1)
    size = scale(squares(asked), search.farthest, search.metric)
    share = np.divide(wrong, size, out=np.zeros_like(wrong), where=size > 0)
    return float(np.clip(_SAFETY * share.max(), SLACK, widest))


def widths(queries: Any, slack: float, size: np.ndarray) -> np.ndarray:
    """How far rounding may move the difference of two similarities of each of the `queries (B, D)`, `(B,)`, where these
    have the scale `size (B,)`.

    Roundings go by chance where a query's numbers are many. Where they are few, as of a picture that leaves the network
    dead, all of them may go one way, and what was seen of other queries says nothing.
    """
    dimensions = queries.shape[1]
    some = np.abs(on_host(queries[:, :: max(1, dimensions // _LOOKED)]))
    some.sort(axis=1)
    least = _ONE * some[:, -1:]
    again = (np.diff(some, axis=1) <= least) & (some[:, 1:] > least)  # zeros are not rounded
    few = again.sum(1) > some.shape[1] / 8
    return size * np.where(few, max(slack, SLACK * np.sqrt(dimensions)), slack)


def settled(
    search: Search,
    block: Any,
    wanted: Sequence[Wanted],
    seen: Sequence[Sieved | None],
    size: np.ndarray,
    widths: np.ndarray,
) -> list[np.ndarray]:
    """Ranks of the true matches of a block of queries, once what the sieve left open is decided.

    Similarities have the scale `size (B,)`, of which rounding may move a difference by `widths (B,)`.
    """
    tie = TIE * size
    before: dict[int, np.ndarray] = {}
    for i, sieve in enumerate(seen):
        counts = None if sieve is None else _decided(search, block[i : i + 1], wanted[i], sieve, tie[i], widths[i])
        if counts is not None:
            before[i] = counts
    crowded = np.array([i for i in range(len(seen)) if i not in before], dtype=np.int64)
    step = max(1, _HELD // (8 * len(search.gallery)))
    for start in range(0, len(crowded), step):
        before |= _by_whole_rows(search, block, wanted, crowded[start : start + step], tie)
    return [ranks.ranks_of(before[i]) for i in range(len(seen))]


def _decided(search: Search, query: Any, wanted: Wanted, sieve: Sieved, tie: float, width: float) -> np.ndarray | None:
    """How many wrong matches rank before each true match of one query, `(K,) int64`; None where rounding went farther
    than could be expected.
    """
    if not len(sieve.unsure):
        return sieve.surely
    exact = _exactly(search, query, np.concatenate([wanted.matches[sieve.unsure], sieve.wrong]))[0]
    if np.abs(exact - sieve.similar).max() > width / 3:
        return None
    own, wrong = exact[: len(sieve.unsure)], exact[len(sieve.unsure) :]
    before = sieve.surely.copy()
    before[sieve.unsure] += (sieve.open & (wrong >= own[:, None] - tie)).sum(1)
    return before


def _by_whole_rows(
    search: Search, block: Any, wanted: Sequence[Wanted], some: np.ndarray, tie: np.ndarray
) -> dict[int, np.ndarray]:
    """The same for `some` queries of a block, by all of their similarities."""
    rows = _exactly(search, block[some])
    return {i: ranks.counted(row, wanted[i], tie[i]) for i, row in zip(some.tolist(), rows, strict=True)}


def _exactly(search: Search, queries: Any, columns: np.ndarray | None = None) -> np.ndarray:
    """`(B, C) float64` similarities to `columns (C,)` of the gallery, by default all of it: so many rows at a time as
    fit in memory twice as wide, with their products.
    """
    out = np.empty((len(queries), len(search.gallery) if columns is None else len(columns)))
    step = max(1, CONVERTED // (8 * (search.gallery.shape[1] + 2 * len(queries))))
    for start in range(0, out.shape[1], step):
        part = slice(start, start + step)
        out[:, part] = search.exactly(queries, part if columns is None else columns[part])
    return out
