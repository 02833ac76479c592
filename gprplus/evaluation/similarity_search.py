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

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

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
_PIECE = 16 << 20  # bytes of features centred at a time
_CONVERTED = 1 << 20  # bytes of features converted to float64 at a time: fits the processor's cache


def to_numpy(values: "np.ndarray | torch.Tensor") -> np.ndarray:
    """Return a tensor's values as an array; an array as it is."""
    return values if isinstance(values, np.ndarray) else values.cpu().numpy()


def squared_norms(features: "np.ndarray | torch.Tensor") -> np.ndarray:
    """Return the squared norms of `(N, D)` features, `(N,) float64`; not finite where a feature is
    not."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.concatenate([np.einsum("ij,ij->i", part, part) for part in _pieces(features)])


def _pieces(features: "np.ndarray | torch.Tensor") -> Iterator[np.ndarray]:
    """Consecutive rows of features in float64."""
    step = max(1, _CONVERTED // (8 * features.shape[1]))
    for start in range(0, len(features), step):
        yield to_numpy(features[start : start + step]).astype(np.float64)


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


def identical_rows(features: "np.ndarray | torch.Tensor") -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of rows that repeat an earlier row bit for bit, and those of the rows
    that they repeat."""
    import xxhash

    seen: dict[int, int] = {}
    digests = (xxhash.xxh3_64_intdigest(row.data) for row in to_numpy(features))
    first = np.fromiter(
        (seen.setdefault(digest, i) for i, digest in enumerate(digests)), np.int64, len(features)
    )
    repeated = np.flatnonzero(first != np.arange(len(first)))
    return repeated, first[repeated]


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
        self.repeated, self.original = identical_rows(self.gallery)
        self.scale = row_scales(self.norms, metric)
        self.length = self.scale * np.sqrt(self.norms)
        self.centre = _centre(gallery, self.scale)
        self.near = bool(self.centre.any())
        bias = self._bias()
        self.level = bias.max()
        self.bias = (
            bias - self.level
        )  # no larger for any row, and near 0 for unit features: it rounds less

    def _bias(self) -> np.ndarray:
        """-|g - c|^2 / 2, `(G,) float64`; for "cosine" as if zero vectors had unit length."""
        along = np.zeros(len(self.scale))
        if self.near:
            along = self.scale * np.concatenate(
                [part @ self.centre for part in _pieces(self.gallery)]
            )
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
        return scaled - self.placed(self.centre) if self.near else scaled

    def similarities(self, centred: Any, out: Any = None) -> Any:
        """Similarities `(B, G)`, into `out` where given, up to a constant of each query: larger is
        more alike."""
        out = self._empty(len(centred)) if out is None else out
        self._multiply(centred, out)
        scale, bias = (self.placed(each) for each in (self.scale, self.bias))
        repeated, original = self.placed(self.repeated), self.placed(self.original)
        for row in (
            out if self.is_array else [out]
        ):  # a row fits the processor's cache, the block does not
            if self.metric == "cosine":
                row *= scale
            if self.near or self.metric == "euclidean":
                row += bias
            if len(repeated):
                row[..., repeated] = row[..., original]
        return out

    def _multiply(self, centred: Any, out: Any) -> None:
        if not self.near:
            _product(centred, self.gallery, out)
            return
        step = max(1, _PIECE // (self.gallery.dtype.itemsize * self.gallery.shape[1]))
        centre, length = self.placed(self.centre), self.placed(1 / self.scale)[:, None]
        for start in range(0, len(self.gallery), step):
            part = slice(start, start + step)
            _product(centred, self.gallery[part] - length[part] * centre, out[:, part])

    def distances(self, queries: Any) -> np.ndarray:
        """Squared Euclidean distances `(B, G)` from queries to all rows, of unit features for
        "cosine"; 0 between features that NOISE lets count as one point.
        """
        norms = squared_norms(queries)
        centred = self.centred(queries, norms)
        away = to_numpy(self.similarities(centred))
        away *= -2
        zero = (norms == 0) & (
            self.metric == "cosine"
        )  # counts as a unit vector at a right angle to all others
        away += (squared_norms(centred) + zero - 2 * self.level)[:, None].astype(away.dtype)
        noise = NOISE * np.sqrt(norms) * row_scales(norms, self.metric)
        away[away <= noise[:, None].astype(away.dtype) * self.length.astype(away.dtype)] = 0
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
            similar = self.similarities(centred, buffer[: len(place)])
            if self.metric == "cosine":
                similar[np.flatnonzero(norms == 0)] = 0  # a zero vector is equally unlike all
            counts = [len(one.matches) for one in relevance]
            query, column = (
                np.repeat(np.arange(len(relevance)), counts),
                np.concatenate([one.matches for one in relevance]),
            )
            found = to_numpy(similar[self.placed(query), self.placed(column)])
            limits = found - self._slack(centred, norms, found, query, column)
            each = np.split(limits.astype(found.dtype), np.cumsum(counts)[:-1])
            count = counted_by_row if self.is_array else counted_together
            yield from map(
                rank_relevant, count(similar, [one.not_wrong for one in relevance], each)
            )

    def _slack(
        self,
        centred: Any,
        norms: np.ndarray,
        found: np.ndarray,
        query: np.ndarray,
        column: np.ndarray,
    ) -> np.ndarray:
        """Return the tolerance below `found (M,)` within which a similarity counts as equal to it.

        If a product of D terms has a small sum, its partial sums are about |q - c| |g| / sqrt(D).
        """
        partial = np.sqrt(squared_norms(centred) / centred.shape[1])
        noise = NOISE * np.sqrt(norms) * row_scales(norms, self.metric)
        share = ROUNDING * partial + noise
        result: np.ndarray = (
            ROUNDING * (np.abs(found) + np.abs(self.bias[column]))
            + share[query] * self.length[column]
        )
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


def counted_by_row(
    similar: np.ndarray, struck: Sequence[np.ndarray], limits: Sequence[np.ndarray]
) -> Iterator[np.ndarray]:
    """Return, query by query, how many similarities `(B, G)` reach each of the query's limits once
    its struck columns are left out. Overwrites the similarities.
    """
    for row, gone, mine in zip(similar, struck, limits, strict=True):
        row[gone] = -np.inf
        yield count_reached(row, mine)


def counted_together(
    similar: "torch.Tensor", struck: Sequence[np.ndarray], limits: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """Return the counts of `counted_by_row` on an accelerator, by one pass for the k-th limit of
    all queries."""
    import torch

    query = np.repeat(np.arange(len(struck)), [len(gone) for gone in struck])
    gone = torch.from_numpy(np.stack([query, np.concatenate(struck)])).to(similar.device)
    similar[gone[0], gone[1]] = -torch.inf
    padded = np.full((max(map(len, limits)), len(limits)), np.inf, np.float32)
    for i, mine in enumerate(limits):
        padded[: len(mine), i] = mine
    passes = [
        (similar >= line[:, None]).sum(1) for line in torch.from_numpy(padded).to(similar.device)
    ]
    counts = torch.stack(passes, 1).cpu().numpy()
    return [row[: len(mine)] for row, mine in zip(counts, limits, strict=True)]
