"""Similarities of queries to a gallery from float32 products, a block at a time, and the ranks
counted from them.

Neither metric changes the order of a query's ranking when one vector c is subtracted from all
features. With unit features q and g for "cosine", and features as they are for "euclidean":

    q . g           = (q - c) . (g - c) + c . g           + const
    -|q - g|^2 / 2  = (q - c) . (g - c) - |g - c|^2 / 2   + const      where const depends on q alone

The first term is a float32 product, the second (`bias`) is computed in float64. The rounding of the
product is a share of |q - c| |g - c|, so it shrinks with the spread of the features: concentrated
features are ranked as well as others, and a fixed tolerance (NOISE) is the spread below which they
count as one point. c is the median of a sample of gallery rows if these are near it, and the
gallery is centered piece by piece. Otherwise c is 0: centering would gain little.

A wrong row ranks before a relevant row if it is more similar, or less similar by no more than the
roundings of the terms of the relevant row. A gallery row with a large norm therefore does not
change the ranks of other rows. Rows that repeat an earlier row bit for bit use its similarities: a
product can round one sum differently in another position.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from gprplus.core.parallel import map_threads, threads_each
from gprplus.evaluation.ranks import QueryRelevance, count_reached, rank_relevant

if TYPE_CHECKING:
    import torch

# Similarities held at a time, in bytes. Larger blocks multiply hardly faster.
HOST_BLOCK = 64 << 20
DEVICE_BLOCK = 512 << 20
# Share of its terms by which rounding moves a similarity.
ROUNDING = 2.0**-22
# Features that differ by less than a millionth of their length count as one point: 2**-40 is its
# square.
NOISE = 2.0**-40
NEAR = (
    1 / 4
)  # rows of a gallery whose median distance from c is below this share of their length are centred
_SAMPLE = 64  # gallery rows whose median, dimension by dimension, is c
_PROBE = 256  # rows whose products show how finely a device multiplies
_PIECE = 16 << 20  # bytes of features read or centred at a time
_WIDE = 1 << 17  # numbers converted to float64 at a time: 1 MiB stays in the cache of a core


def to_numpy(values: "np.ndarray | torch.Tensor") -> np.ndarray:
    """Return a tensor's values as an array; an array as it is."""
    return values if isinstance(values, np.ndarray) else values.cpu().numpy()


def squared_norms(features: "np.ndarray | torch.Tensor") -> np.ndarray:
    """Return the squared norms of `(N, D)` features, `(N,) float64`; not finite where a feature is
    not."""

    def norms(part: slice) -> np.ndarray:
        rows = to_numpy(features[part])
        out = np.empty(len(rows))
        with np.errstate(over="ignore", invalid="ignore"):
            for some in _slices(len(rows), _WIDE // rows.shape[1]):
                wide = rows[some].astype(np.float64, order="C", copy=False)
                np.vecdot(wide, wide, out=out[some])
        return out

    return np.concatenate(list(map_threads(norms, _pieces(features), threads_each(1))))


def _pieces(features: "np.ndarray | torch.Tensor") -> list[slice]:
    """Return slices of consecutive rows of features, each about _PIECE bytes."""
    return _slices(len(features), _PIECE // (features.dtype.itemsize * features.shape[1]))


def _slices(count: int, size: int) -> list[slice]:
    """Return consecutive slices of `size` rows, of `count` in all."""
    size = max(1, size)
    return [slice(start, min(start + size, count)) for start in range(0, count, size)]


def multiplies_coarsely(features: "torch.Tensor") -> bool:
    """Return True if the device multiplies float32 with reduced precision."""
    some = features[:_PROBE]
    exact = to_numpy(some).astype(np.float64)
    lengths = np.linalg.norm(exact, axis=1)
    with full_float32():
        wrong = np.abs(to_numpy(some @ some.T) - exact @ exact.T)
    return bool((wrong > 2.0**-15 * lengths * lengths[:, None]).any())


@contextmanager
def full_float32() -> Iterator[None]:
    """Inside, float32 products on a GPU keep all bits, also where the caller trains with TF32 and
    its ten bits."""
    import torch

    switch = torch.backends.cuda.matmul
    # The newer name and the older one refuse to be mixed.
    name, whole = (
        ("fp32_precision", "ieee") if hasattr(switch, "fp32_precision") else ("allow_tf32", False)
    )
    before = getattr(switch, name)
    setattr(switch, name, whole)
    try:
        yield
    finally:
        setattr(switch, name, before)


def identical_rows(
    features: "np.ndarray | torch.Tensor", norms: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of rows that repeat an earlier row bit for bit, and those of the rows
    that they repeat. Only rows whose squared norms agree, up to rounding, are compared.
    """
    import xxhash

    order = np.argsort(norms)
    rounding = np.sqrt(features.shape[1]) * 2.0**-51  # several times that of a sum in any order
    close = np.diff(norms[order]) <= rounding * norms[order[1:]]
    candidates = np.sort(order[np.append(close, False) | np.append(False, close)])
    seen: dict[int, int] = {}
    digests = (xxhash.xxh3_64_intdigest(to_numpy(features[i]).data) for i in candidates)
    first = np.fromiter(
        (seen.setdefault(digest, i) for digest, i in zip(digests, candidates, strict=True)),
        np.int64,
        len(candidates),
    )
    repeated = first != candidates
    return candidates[repeated], first[repeated]


class SimilaritySearch:
    """A gallery `(G, D)` that queries are searched in: an array of float32 or float64, or a float32
    tensor on an accelerator, where products and counts then stay.

    `norms (G,) float64` are the squared lengths of its rows.
    """

    def __init__(self, gallery: Any, metric: str, norms: np.ndarray | None = None) -> None:
        self.is_array = isinstance(gallery, np.ndarray)
        self.gallery = np.ascontiguousarray(gallery) if self.is_array else gallery
        self.metric = metric
        self.norms = squared_norms(gallery) if norms is None else norms
        self.rows = max(
            1,
            (HOST_BLOCK if self.is_array else DEVICE_BLOCK)
            // (gallery.dtype.itemsize * len(gallery)),
        )
        self.repeated, self.original = identical_rows(self.gallery, self.norms)
        self.source = np.arange(len(gallery))  # the row whose similarities a row uses
        self.source[self.repeated] = self.original
        self.scale = row_scales(self.norms, metric)
        self.length = self.scale * np.sqrt(self.norms)
        self.centre = _centre(gallery, self.scale)
        self.near = bool(self.centre.any())
        bias = self._bias()
        self.level = bias.max()
        # No larger than 0 for any row, and near 0 for unit features: it rounds less.
        self.bias = bias - self.level
        self._placed = [
            self.placed(each) for each in (self.scale, self.bias, self.repeated, self.original)
        ]

    def _bias(self) -> np.ndarray:
        """-|g - c|^2 / 2, `(G,) float64`; for "cosine" as if zero vectors had unit length."""
        along = np.zeros(len(self.scale))
        if self.near:
            products = [
                np.einsum("ij,j->i", to_numpy(self.gallery[part]), self.centre)
                for part in _pieces(self.gallery)
            ]
            along = self.scale * np.concatenate(products)
        result: np.ndarray = (
            along - ((1 if self.metric == "cosine" else self.norms) + self.centre @ self.centre) / 2
        )
        return result

    def placed(self, values: np.ndarray) -> Any:
        """Numbers where the gallery is: floats in its type, integers as they are."""
        if self.is_array:
            return values.astype(self.gallery.dtype) if values.dtype.kind == "f" else values
        import torch

        gallery: Any = self.gallery
        tensor = torch.from_numpy(values)
        return (tensor.to(gallery.dtype) if values.dtype.kind == "f" else tensor).to(gallery.device)

    def centred(self, queries: Any, norms: np.ndarray) -> Any:
        """`(B, D)` queries less c, scaled to unit length before for "cosine"."""
        scaled = queries * self.placed(row_scales(norms, self.metric))[:, None]
        if self.near:
            scaled -= self.placed(self.centre)
        return scaled

    def _complete(self, products: Any) -> None:
        """Turn products with the gallery, `(G,)` or `(B, G)`, into similarities, in place."""
        scale, bias, repeated, original = self._placed
        self._adjust(products, scale, bias)
        if len(repeated):
            products[..., repeated] = products[..., original]

    def _adjust(self, products: Any, scale: Any, bias: Any) -> None:
        if self.metric == "cosine":
            products *= scale
        if self.near or self.metric == "euclidean":
            products += bias

    def _multiply(self, centred: Any, out: Any) -> None:
        """Write the products of queries with the centred gallery into `out (B, G)`."""
        if not self.near:
            _product(centred, self.gallery, out)
            return
        centre, length = self.placed(self.centre), self.placed(1 / self.scale)[:, None]
        for part in _pieces(self.gallery):
            _product(centred, self.gallery[part] - length[part] * centre, out[:, part])

    def distances(self, queries: Any, out: np.ndarray | None = None) -> np.ndarray:
        """Squared Euclidean distances `(B, G)` from queries to all rows, of unit features for
        "cosine"; 0 between features that NOISE lets count as one point. Written to `out` if given.
        """
        norms = squared_norms(queries)
        centred = self.centred(queries, norms)
        products = out if self.is_array and out is not None else self._empty(len(queries))
        self._multiply(centred, products)
        if not self.is_array:
            self._complete(products)
        away = to_numpy(products)
        # By cosine, a zero vector counts as a unit vector at a right angle to all others.
        zero = (norms == 0) & (self.metric == "cosine")
        offset = (squared_norms(centred) + zero - 2 * self.level).astype(away.dtype)
        noise = (NOISE * np.sqrt(norms) * row_scales(norms, self.metric)).astype(away.dtype)
        length = self.length.astype(away.dtype)
        for row, of_query, least in zip(away, offset, noise, strict=True):
            if self.is_array:
                self._complete(row)
            row *= -2
            row += of_query
            row[row <= least * length] = 0
        if out is not None and not self.is_array:
            out[:] = away
        return away

    def ranks(
        self, queries: Any, order: np.ndarray, wanted: Sequence[QueryRelevance], rows: int
    ) -> Iterator[np.ndarray]:
        """Ascending ranks of the relevant rows of each query, in `order` (positions in `queries`),
        `rows` queries at a time.
        """
        buffer = self._empty(min(rows, len(order)))
        for start in range(0, len(order), rows):
            place, relevance = order[start : start + rows], wanted[start : start + rows]
            block = queries[self.placed(place)]
            norms = squared_norms(block)
            centred = self.centred(block, norms)
            products = buffer[: len(place)]
            self._multiply(centred, products)
            limits = self._limits(products, centred, norms, [one.matches for one in relevance])
            struck = [one.not_wrong for one in relevance]
            yield from map(rank_relevant, self._counts(products, limits, struck))

    def _limits(
        self, products: Any, centred: Any, norms: np.ndarray, matches: Sequence[np.ndarray]
    ) -> list[np.ndarray]:
        """Return, for each query, the similarities from which a wrong row ranks before its relevant
        rows: `matches` has the columns of these.

        A similarity counts as equal to that of a relevant row, `found`, if it is less by no more
        than the roundings of `found`, its bias and its product.
        """
        query, column = _pairs(matches)
        column = self.source[column]
        found = products[self.placed(query), self.placed(column)]
        scale, bias, *_ = self._placed
        self._adjust(found, scale[self.placed(column)], bias[self.placed(column)])
        found = to_numpy(found)
        slack = ROUNDING * (np.abs(found) + np.abs(self.bias[column]))
        slack += self._share(centred, norms)[query] * self.length[column]
        limits = (found - slack).astype(found.dtype)
        if self.metric == "cosine":  # a zero vector is equally unlike all
            limits[norms[query] == 0] = np.finfo(limits.dtype).min
        bounds = np.searchsorted(query, np.arange(len(matches) + 1))
        return [limits[start:stop] for start, stop in pairwise(bounds)]

    def _counts(
        self, products: Any, limits: Sequence[np.ndarray], struck: Sequence[np.ndarray]
    ) -> Iterable[np.ndarray]:
        """Return, query by query, how many similarities reach each of the query's limits once its
        struck columns are left out. Overwrites the products `(B, G)`.
        """
        if not self.is_array:
            self._complete(products)
            products[tuple(map(self.placed, _pairs(struck)))] = -np.inf
            return counted_together(products, limits)

        return map(self._count, products, limits, struck)

    def _count(self, row: np.ndarray, limits: np.ndarray, struck: np.ndarray) -> np.ndarray:
        self._complete(row)
        row[struck] = -np.inf
        return count_reached(row, limits)

    def _share(self, centred: Any, norms: np.ndarray) -> np.ndarray:
        """Return the rounding of each query's products with a row of unit length, `(B,) float64`.

        If a product of D terms has a small sum, its partial sums are about |q - c| |g| / sqrt(D).
        """
        scale = row_scales(norms, self.metric)
        squares = squared_norms(centred) if self.near else norms * scale**2
        partial = np.sqrt(squares / centred.shape[1])
        noise = NOISE * np.sqrt(norms) * scale
        result: np.ndarray = ROUNDING * partial + noise
        return result

    def _empty(self, rows: int) -> Any:
        gallery: Any = self.gallery
        if self.is_array:
            return np.empty((rows, len(gallery)), gallery.dtype)
        return gallery.new_empty((rows, len(gallery)))


def _product(queries: Any, gallery: Any, out: Any) -> None:
    if isinstance(out, np.ndarray):
        np.matmul(queries, gallery.T, out=out)
        return
    import torch

    with full_float32():
        torch.mm(queries, gallery.T, out=out)


def _centre(gallery: Any, scale: np.ndarray) -> np.ndarray:
    """Return the median `(D,) float64` of a sample of gallery rows by dimension, in numbers of
    their type; 0 if the rows are not close to it.
    """
    sample = slice(None, None, -(-len(gallery) // _SAMPLE))
    some = to_numpy(gallery[sample])
    rows = some * scale[sample, None]
    centre = np.median(rows, axis=0).astype(some.dtype).astype(np.float64)
    away, length = (np.median(np.linalg.norm(each, axis=1)) for each in (rows - centre, rows))
    return centre if away < NEAR * length else np.zeros_like(centre)


def row_scales(norms: np.ndarray, metric: str) -> np.ndarray:
    """Return the factors `(N,) float64` that features of squared length `norms (N,)` are multiplied
    by: one over the length for "cosine", 1 for a zero vector and for "euclidean".
    """
    if metric == "euclidean":
        return np.ones(len(norms))
    result: np.ndarray = np.divide(1, np.sqrt(norms), out=np.ones_like(norms), where=norms > 0)
    return result


def _pairs(columns: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return row and column of each entry of `columns`, which has one array for each row."""
    row = np.repeat(np.arange(len(columns)), [len(one) for one in columns])
    return row, np.concatenate(columns)


def counted_together(similar: "torch.Tensor", limits: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return, query by query, how many similarities `(B, G)` reach each of the query's limits, by
    one pass for the k-th limit of all queries.
    """
    import torch

    padded = np.full((max(map(len, limits)), len(limits)), np.inf, np.float32)
    for i, mine in enumerate(limits):
        padded[: len(mine), i] = mine
    passes = [
        (similar >= line[:, None]).sum(1) for line in torch.from_numpy(padded).to(similar.device)
    ]
    counts = torch.stack(passes, 1).cpu().numpy()
    return [row[: len(mine)] for row, mine in zip(counts, limits, strict=True)]
