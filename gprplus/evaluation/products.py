"""Queries searched in a gallery, a block of similarities at a time: in main memory (`Host`) or on a device.

Both sieve with the product in the features' own type and settle what is left open in float64 (`ranks`), so which of
them multiplies, in which blocks, and with whose library, changes no score.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from gprplus.evaluation import ranks
from gprplus.evaluation.multiply import Multiply, by_numpy, fastest
from gprplus.evaluation.ranks import SLACK, TIE, Sieved, Wanted

if TYPE_CHECKING:
    import torch

# Similarities held at a time, in bytes. Blocks of this size lose under 2% against one whole product.
HOST_BLOCK = 48 << 20
DEVICE_BLOCK = 512 << 20
_CONVERTED = 16 << 20  # bytes of features held in float64 at a time
# A query with more open comparisons than this share of the gallery has its whole row multiplied again: gathering one
# row costs as much as multiplying about so many.
_WHOLE = 32
_PROBE = 256  # rows whose products show how finely a device multiplies


def squares(features: "np.ndarray | torch.Tensor") -> np.ndarray:
    """The squared norms of `(N, D)` features, `(N,) float64`; not finite where a feature is not."""
    out = np.empty(len(features))
    step = max(1, _CONVERTED // (8 * features.shape[1]))
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, len(features), step):
            part = on_host(features[start : start + step]).astype(np.float64)
            np.einsum("ij,ij->i", part, part, out=out[start : start + step])
    return out


def on_host(values: "np.ndarray | torch.Tensor") -> np.ndarray:
    """A tensor's values as an array; an array as it is."""
    return values if isinstance(values, np.ndarray) else values.cpu().numpy()


def coarse(features: "torch.Tensor") -> bool:
    """Whether their device multiplies float32 in fewer bits, and cannot be told not to."""
    some = features[:_PROBE]
    norms = np.sqrt(squares(some))
    exact = on_host(some).astype(np.float64)
    with full_float32():
        product = some @ some.T
    wrong = np.abs(on_host(product) - exact @ exact.T)
    return bool((wrong > SLACK / 2 * np.sqrt(some.shape[1]) * norms * norms[:, None]).any())


@contextmanager
def full_float32() -> Iterator[None]:
    """Inside, products of float32 on a GPU keep all their bits, also where the caller trains with TF32: its ten bits
    would leave too much to be told apart in float64.
    """
    import torch

    switch = torch.backends.cuda.matmul
    # The newer name and the older one refuse to be mixed.
    name, whole = ("fp32_precision", "ieee") if hasattr(switch, "fp32_precision") else ("allow_tf32", False)
    before = getattr(switch, name)
    setattr(switch, name, whole)
    try:
        yield
    finally:
        setattr(switch, name, before)


class Host:
    """A gallery `(G, D)` of float32 or float64 in main memory, with the `squares` of its norms."""

    def __init__(self, gallery: np.ndarray, metric: str, norms: np.ndarray | None = None) -> None:
        self.gallery = np.ascontiguousarray(gallery)
        self.metric = metric
        self.norms = norms = squares(self.gallery) if norms is None else norms
        self.squares = norms.astype(gallery.dtype)
        self.inverse = _inverse(norms).astype(gallery.dtype)
        self.farthest = float(np.sqrt(norms.max()))
        self.exact = gallery.dtype == np.float64
        self.rows = max(1, HOST_BLOCK // max(1, len(gallery) * gallery.itemsize))

    def similarities(
        self, queries: np.ndarray, out: np.ndarray | None = None, multiply: Multiply = by_numpy
    ) -> np.ndarray:
        """`(B, G)`, into `out` where given: larger is more alike.

        Query norms are left out: they change no order within a row.
        """
        out = np.empty((len(queries), len(self.gallery)), self.gallery.dtype) if out is None else out
        multiply(queries, self.gallery, out)
        if self.metric == "cosine":
            out *= self.inverse
        else:
            out *= 2
            out -= self.squares
        return out

    def ranks(
        self, queries: np.ndarray, order: np.ndarray, wanted: Sequence[Wanted], rows: int
    ) -> Iterator[np.ndarray]:
        """Ascending ranks of the true matches of each query, in `order` (positions in `queries`)."""
        buffer = np.empty((min(rows, len(order)), len(self.gallery)), dtype=self.gallery.dtype)
        multiply = by_numpy if self.exact else fastest(queries, self.gallery)
        for start in range(0, len(order), rows):
            block, asked = queries[order[start : start + rows]], wanted[start : start + rows]
            similar = self.similarities(block, buffer[: len(block)], multiply)
            scale = _scale(squares(block), self.farthest, self.metric)
            if self.exact:
                for row, one, size in zip(similar, asked, scale, strict=True):
                    yield ranks.ranks_of(ranks.counted(row, one, TIE * size))
                continue
            slack = SLACK * np.sqrt(block.shape[1]) * scale
            seen = [ranks.sieved(row, one, width) for row, one, width in zip(similar, asked, slack, strict=True)]
            yield from _settled(self, block, asked, seen, scale)

    def exactly(self, queries: np.ndarray, columns: np.ndarray | slice) -> np.ndarray:
        """`(B, columns) float64` similarities."""
        return _exact(queries, self.gallery[columns], self.norms[columns], self.metric)


class Device:
    """A gallery `(G, D)` float32 tensor on an accelerator; the sieving stays there too."""

    exact = False

    def __init__(self, gallery: "torch.Tensor", metric: str, norms: np.ndarray | None = None) -> None:
        import torch

        self.gallery = gallery
        self.metric = metric
        self.norms = norms = squares(gallery) if norms is None else norms
        self.squares = torch.from_numpy(norms.astype(np.float32)).to(gallery.device)
        self.inverse = torch.from_numpy(_inverse(norms).astype(np.float32)).to(gallery.device)
        self.farthest = float(np.sqrt(norms.max()))
        self.rows = max(1, DEVICE_BLOCK // max(1, 4 * len(gallery)))

    def similarities(self, queries: "torch.Tensor") -> "torch.Tensor":
        """`(B, G) float32`, as `Host.similarities`."""
        with full_float32():
            product = queries @ self.gallery.T
        return product * self.inverse if self.metric == "cosine" else 2 * product - self.squares

    def ranks(
        self, queries: "torch.Tensor", order: np.ndarray, wanted: Sequence[Wanted], rows: int
    ) -> Iterator[np.ndarray]:
        """As `Host.ranks`, a block of queries at a time."""
        import torch

        place = torch.from_numpy(order).to(queries.device)
        for start in range(0, len(order), rows):
            block, asked = queries[place[start : start + rows]], wanted[start : start + rows]
            similar = self.similarities(block)
            scale = _scale(squares(block), self.farthest, self.metric)
            slack = SLACK * np.sqrt(block.shape[1]) * scale
            yield from _settled(self, block, asked, _sieved_together(similar, asked, slack), scale)

    def exactly(self, queries: "torch.Tensor", columns: np.ndarray | slice) -> np.ndarray:
        """As `Host.exactly`; worked out in main memory, for not every device knows float64."""
        import torch

        chosen = self.gallery[columns if isinstance(columns, slice) else torch.from_numpy(columns)]
        return _exact(on_host(queries), on_host(chosen), self.norms[columns], self.metric)


def _inverse(norms: np.ndarray) -> np.ndarray:
    """One over the norm, 0 of a zero vector: it is equally unlike everything."""
    return np.divide(1, np.sqrt(norms), out=np.zeros_like(norms), where=norms > 0)


def _scale(norms: np.ndarray, farthest: float, metric: str) -> np.ndarray:
    """What similarities of each query are made of, `(B,)`: roundings are shares of it."""
    length = np.sqrt(norms)
    return length if metric == "cosine" else 2 * length * farthest + farthest**2


def _exact(queries: np.ndarray, gallery: np.ndarray, norms: np.ndarray, metric: str) -> np.ndarray:
    product = queries.astype(np.float64) @ gallery.astype(np.float64).T
    return product * _inverse(norms) if metric == "cosine" else 2 * product - norms


def _settled(
    search: Host | Device, block: Any, wanted: Sequence[Wanted], seen: Sequence[Sieved], scale: np.ndarray
) -> list[np.ndarray]:
    """Ranks of the true matches of a block of queries, once what the sieve left open is decided."""
    tie = TIE * scale
    before = [sieve.surely for sieve in seen]
    crowded = np.array([len(sieve.match) > len(search.gallery) / _WHOLE for sieve in seen])
    some = np.flatnonzero(crowded)
    step = max(1, HOST_BLOCK // (8 * len(search.gallery)))
    for start in range(0, len(some), step):
        part = some[start : start + step]
        for i, row in zip(part.tolist(), _whole_rows(search, block[part]), strict=True):
            before[i] = ranks.counted(row, wanted[i], tie[i])
    for i in np.flatnonzero(~crowded).tolist():
        if len(seen[i].match):
            before[i] = before[i] + _won(search, block[i : i + 1], wanted[i], seen[i], tie[i])
    return [ranks.ranks_of(one) for one in before]


def _won(search: Host | Device, query: Any, wanted: Wanted, sieve: Sieved, tie: float) -> np.ndarray:
    """Of the open pairs of one query, how many each true match loses, `(K,) int64`."""
    unsure, own = np.unique(sieve.match, return_inverse=True)
    exact = search.exactly(query, np.concatenate([wanted.matches[unsure], sieve.wrong]))[0]
    lost = exact[len(unsure) :] >= exact[own] - tie
    return np.bincount(sieve.match[lost], minlength=len(wanted.matches))


def _whole_rows(search: Host | Device, queries: Any) -> np.ndarray:
    """`(B, G) float64` similarities, so many gallery rows at a time as fit in memory twice as wide."""
    out = np.empty((len(queries), len(search.gallery)))
    step = max(1, _CONVERTED // (8 * search.gallery.shape[1]))
    for start in range(0, out.shape[1], step):
        out[:, start : start + step] = search.exactly(queries, slice(start, start + step))
    return out


def _sieved_together(similar: "torch.Tensor", wanted: Sequence[Wanted], slack: np.ndarray) -> list[Sieved]:
    """`ranks.sieved` for a block: found similarities are padded with +inf, which nothing reaches, to the most of any
    query.
    """
    import torch

    def pairs(columns: list[np.ndarray]) -> tuple[torch.Tensor, torch.Tensor]:
        counts = [len(one) for one in columns]
        flat = np.stack([np.repeat(np.arange(len(columns)), counts), np.concatenate(columns)])
        both = torch.from_numpy(flat).to(similar.device)
        return both[0], both[1]

    counts = np.array([len(one.matches) for one in wanted])
    line, column = pairs([one.matches for one in wanted])
    slot = torch.from_numpy(np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)).to(line.device)
    found = similar.new_full((len(wanted), int(counts.max())), torch.inf)
    found[line, slot] = similar[line, column]
    similar[pairs([one.struck for one in wanted])] = -torch.inf
    width = torch.from_numpy(slack.astype(np.float32)).to(line.device)[:, None]
    surely, perhaps = (
        torch.stack([(similar >= limit[:, None]).sum(1) for limit in limits.T], 1).cpu().numpy()
        for limits in (found + width, found - width)
    )
    own, apart = found.cpu().numpy(), slack.astype(np.float32)

    def row(i: int) -> np.ndarray:
        return on_host(similar[i])

    return [
        ranks.sifted(
            partial(row, i), own[i, :count] - apart[i], own[i, :count] + apart[i], surely[i, :count], perhaps[i, :count]
        )
        for i, count in enumerate(counts.tolist())
    ]
