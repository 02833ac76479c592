"""Re-ranking by k-reciprocal neighbors, in blocks: neither distances nor neighbor vectors are
stored completely.

Zhong, Zheng, Cao and Li, CVPR 2017 (k1 20, k2 6, lambda 0.3). Three incompatible variants have that
name; this is the one of the authors: squared Euclidean distances, each row divided by its maximum.
It gives the same results as their Python script for plain Euclidean distances, and as
reid-strong-baseline for features. torchreid squares distances that are already squared, fast-reid
weights neighbors by undivided cosine distances; their scores differ.

Queries and gallery are numbered together, queries first: N = Q + G rows. Identities are not used
here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from gprplus.core.errors import ScoreError
from gprplus.evaluation.ranks import QueryRelevance, count_reached, rank_relevant
from gprplus.evaluation.similarity_search import SimilaritySearch, to_numpy

TIE = 2.0**-40  # re-ranked distances, which are between 0 and 1, that differ by less count as equal
_PAIRS = 4096  # pairs of features held at a time
_ROWS = 1024  # rows whose neighbour sets are worked out together: (rows, 21, 11, 21) flags, 5 MB


@dataclass(frozen=True)
class RerankOptions:
    """Size of the neighborhoods (`k1`), number of neighbors whose vectors are averaged (`k2`), and
    weight of the original distance in the sum (`share`, lambda in the paper).
    """

    k1: int = 20
    k2: int = 6
    share: float = 0.3

    def __post_init__(self) -> None:
        if self.k1 < 1 or self.k2 < 1 or not 0 <= self.share <= 1:
            raise ScoreError(
                "Re-ranking takes k1 and k2 of at least 1 and a share of the original distance"
                f" between 0 and 1; found k1 {self.k1}, k2 {self.k2}, share {self.share}."
            )


@dataclass(frozen=True)
class SparseRows:
    """Rows of few entries: row r holds `values[starts[r]:starts[r + 1]]` at columns `columns[...]`,
    ascending."""

    starts: np.ndarray
    columns: np.ndarray
    values: np.ndarray

    @classmethod
    def of(
        cls, row: np.ndarray, column: np.ndarray, value: np.ndarray, shape: tuple[int, int]
    ) -> "SparseRows":
        """Entries in any order; those of one place are added up."""
        place, entry = np.unique(row * shape[1] + column, return_inverse=True)
        counts = np.bincount(place // shape[1], minlength=shape[0])
        starts = np.concatenate([[0], np.cumsum(counts)])
        return cls(
            starts, place % shape[1], np.bincount(entry, weights=value, minlength=len(place))
        )

    def entries(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Positions of the entries of some rows, row after row, and which of `rows` each belongs
        to."""
        counts = self.starts[rows + 1] - self.starts[rows]
        which = np.repeat(np.arange(len(rows)), counts)
        offset = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        return self.starts[rows][which] + offset, which


class RerankedDistances:
    """Squared Euclidean distances from any of the N rows to all, a block at a time; of unit
    features for "cosine"."""

    def __init__(self, queries: Any, gallery: Any, metric: str) -> None:
        self.parts = (SimilaritySearch(queries, metric), SimilaritySearch(gallery, metric))
        self.queries, self.count = len(queries), len(queries) + len(gallery)
        self.rows = max(1, self.parts[1].rows * len(gallery) // self.count)

    def blocks(self) -> Iterator[np.ndarray]:
        """Consecutive rows of distances, `(B, N) float`. All use the same memory."""
        like = to_numpy(self.parts[0].gallery[:0])
        out = np.empty((min(self.rows, self.count), self.count), like.dtype)
        for part in self.parts:
            for start in range(0, len(part.gallery), self.rows):
                features = part.gallery[start : start + self.rows]
                block = out[: len(features)]
                self.parts[0].distances(features, block[:, : self.queries])
                self.parts[1].distances(features, block[:, self.queries :])
                yield block

    def to_gallery(self, queries: np.ndarray) -> np.ndarray:
        """`(B, G) float` from some queries."""
        return self.parts[1].distances(self.parts[0].gallery[queries])

    def of_pairs(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """`(P,) float` of rows (P,) to columns (P,)."""
        away = self._features(rows) - self._features(columns)
        result: np.ndarray = np.einsum("ij,ij->i", away, away)
        return result

    def _features(self, rows: np.ndarray) -> np.ndarray:
        out = np.empty((len(rows), self.parts[0].gallery.shape[1]), np.float32)
        for part, chosen, at in (
            (self.parts[0], rows < self.queries, 0),
            (self.parts[1], rows >= self.queries, self.queries),
        ):
            place = rows[chosen] - at
            out[chosen] = to_numpy(part.gallery[place])
            out[chosen] *= part.scale[place, None].astype(np.float32)
        return out


class RerankedSearch:
    """A search whose distances are re-ranked; `ranks` as `SimilaritySearch.ranks`.

    Memory: a block of distances, and the neighbour vectors, about 100 entries of 16 bytes a row.
    """

    def __init__(self, queries: Any, gallery: Any, metric: str, settings: RerankOptions) -> None:
        self.distances = RerankedDistances(queries, gallery, metric)
        self.settings = settings
        self.rows = self.distances.rows
        found = _nearest(self.distances, max(settings.k1 + 1, settings.k2))
        self.farthest = found.farthest
        encoded = _encoded(self.distances, found, settings.k1)
        vectors = _expanded(encoded, found.rows, settings.k2)
        self.vectors = vectors
        self.holders = _transposed(vectors, self.distances.queries, self.distances.count)

    def ranks(
        self, queries: Any, order: np.ndarray, wanted: Sequence[QueryRelevance], rows: int
    ) -> Iterator[np.ndarray]:
        """Ascending ranks of the true matches of each query, in `order`."""
        for start in range(0, len(order), rows):
            block = order[start : start + rows]
            original = self.distances.to_gallery(block)
            for query, distance, one in zip(
                block, original, wanted[start : start + rows], strict=True
            ):
                similar = -self._final(query, distance)
                limits = similar[one.matches] - TIE
                similar[one.not_wrong] = -np.inf
                yield rank_relevant(count_reached(similar, limits))

    def _final(self, query: int, original: np.ndarray) -> np.ndarray:
        """The re-ranked distances of one query to the gallery, `(G,) float64`."""
        share = self.settings.share
        return (1 - share) * self._jaccard(query) + share * _over(original, self.farthest[query])

    def _jaccard(self, query: int) -> np.ndarray:
        """1 - |min| / |max| of the query's vector and every gallery row's; both sum to 1."""
        own = slice(self.vectors.starts[query], self.vectors.starts[query + 1])
        entry, which = self.holders.entries(self.vectors.columns[own])
        least = np.minimum(self.vectors.values[own][which], self.holders.values[entry])
        shared = np.bincount(
            self.holders.columns[entry], least, self.distances.count - self.distances.queries
        )
        return 1 - shared / (2 - shared)


def _over(distances: np.ndarray, farthest: Any) -> np.ndarray:
    """Distances as shares of the farthest; 0 where all rows are one point."""
    result: np.ndarray = np.divide(
        distances,
        farthest,
        out=np.zeros_like(distances, np.float64),
        where=np.asarray(farthest) > 0,
    )
    return result


@dataclass(frozen=True)
class _Nearest:
    """The K nearest rows of each row, itself among them, nearest first and at equal distance in the
    order of rows.

    Attributes:
        rows: `(N, K) int64`.
        away: `(N, K) float64`, their distances.
        farthest: `(N,) float64`, the largest distance of each row to any.
    """

    rows: np.ndarray
    away: np.ndarray
    farthest: np.ndarray


def _nearest(distances: RerankedDistances, count: int) -> _Nearest:
    count = min(count, distances.count)
    shape = distances.count, count
    found = _Nearest(np.empty(shape, np.int64), np.empty(shape), np.empty(distances.count))
    for row, away in enumerate(chain.from_iterable(distances.blocks())):
        near = np.flatnonzero(away <= _reaching(away, count))
        near = near[np.argsort(away[near], kind="stable")[:count]]
        found.rows[row], found.away[row] = near, away[near]
        found.farthest[row] = away.max()
    return found


def _reaching(away: np.ndarray, count: int) -> Any:
    """Return a distance that at least `count` of the distances `(N,)` do not exceed, and few more.

    It is the count-th smallest of the minima of 16 `count` disjoint parts: an upper bound of the
    count-th smallest of all, which takes a tenth of the time of a partition of all.
    """
    parts = 16 * count
    if len(away) >= 2 * parts:
        away = away[: len(away) // parts * parts].reshape(-1, parts).min(axis=0)
    return np.partition(away, count - 1)[count - 1]


def _encoded(distances: RerankedDistances, found: _Nearest, k1: int) -> SparseRows:
    """Encode each row as weights exp(-distance) over its expanded k-reciprocal neighbors, with sum
    1 (equation 7)."""
    nearest = found.rows[:, : k1 + 1]
    total = len(nearest)
    full = _reciprocal(nearest)
    half = nearest[:, : int(np.around(k1 / 2)) + 1]
    half_kept = _reciprocal(half)
    places = []
    for start in range(0, total, _ROWS):
        rows = np.arange(start, min(start + _ROWS, total))
        mine, kept = nearest[rows], full[rows]
        theirs, theirs_kept = half[mine], half_kept[mine]  # (B, K, H)
        inside = ((theirs[..., None] == mine[:, None, None, :]) & kept[:, None, None, :]).any(
            -1
        ) & theirs_kept
        joins = kept & (
            3 * inside.sum(-1) > 2 * theirs_kept.sum(-1)
        )  # two thirds of it are neighbours already
        added = theirs_kept & joins[..., None]
        row = np.concatenate([rows[np.nonzero(kept)[0]], rows[np.nonzero(added)[0]]])
        column = np.concatenate([mine[kept], theirs[added]])
        places.append(np.unique(row * total + column))
    row, column = np.divmod(np.concatenate(places), total)
    away = _distances_of_pairs(distances, found, row, column)
    weight = np.exp(-_over(away, found.farthest[row]))
    return SparseRows.of(row, column, weight / np.bincount(row, weight, total)[row], (total, total))


def _reciprocal(nearest: np.ndarray) -> np.ndarray:
    """`(N, K) bool`: the neighbours that have the row among their own."""
    out = np.empty(nearest.shape, dtype=bool)
    for start in range(0, len(nearest), _ROWS):
        rows = np.arange(start, min(start + _ROWS, len(nearest)))
        out[rows] = (nearest[nearest[rows]] == rows[:, None, None]).any(-1)
    return out


def _distances_of_pairs(
    distances: RerankedDistances, found: _Nearest, row: np.ndarray, column: np.ndarray
) -> np.ndarray:
    """Return the distances of pairs of rows, `(P,) float64`: nearly all are among the nearest rows,
    the others are computed."""
    out = np.empty(len(row))
    for start in range(0, len(row), _PAIRS):
        part = slice(start, start + _PAIRS)
        of, to = row[part], column[part]
        same = found.rows[of] == to[:, None]
        known = same.any(axis=1)
        away = found.away[of, same.argmax(axis=1)]
        away[~known] = distances.of_pairs(of[~known], to[~known])
        out[part] = away
    return out


def _expanded(vectors: SparseRows, nearest: np.ndarray, k2: int) -> SparseRows:
    """Replace each vector by the mean of those of its `k2` nearest rows (equation 11)."""
    if k2 == 1:
        return vectors
    near = nearest[:, :k2]
    total = len(near)
    parts = []
    for start in range(0, total, _ROWS):
        block = near[start : start + _ROWS]
        entry, which = vectors.entries(block.ravel())
        values = vectors.values[entry] / block.shape[1]
        parts.append(
            SparseRows.of(
                which // block.shape[1], vectors.columns[entry], values, (len(block), total)
            )
        )
    counts = np.concatenate([np.diff(part.starts) for part in parts])
    return SparseRows(
        np.concatenate([[0], np.cumsum(counts)]),
        np.concatenate([part.columns for part in parts]),
        np.concatenate([part.values for part in parts]),
    )


def _transposed(vectors: SparseRows, queries: int, count: int) -> SparseRows:
    """Return the gallery rows that contain each column: rows of the result are columns of
    `vectors`."""
    entry, which = vectors.entries(np.arange(queries, count))
    return SparseRows.of(vectors.columns[entry], which, vectors.values[entry], (count, count))
