"""Queries searched in a gallery, a block of similarities at a time: in main memory (`Host`) or on a device.

Both sieve with the product in the features' own type and settle what is left open in float64 (`settle`), so which of
them multiplies, in which blocks, and with whose library, changes no score.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from gprplus.evaluation import ranks, settle
from gprplus.evaluation.multiply import Multiply, by_numpy, fastest
from gprplus.evaluation.norms import lengths, on_host, scale, squares
from gprplus.evaluation.ranks import SLACK, TIE, Sieved, Wanted

if TYPE_CHECKING:
    import torch

# Similarities held at a time, in bytes. Blocks of this size lose under 2% against one whole product.
HOST_BLOCK = 48 << 20
DEVICE_BLOCK = 512 << 20
_PROBE = 256  # rows whose products show how finely a device multiplies


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
        norms = squares(self.gallery) if norms is None else norms
        self.lengths = lengths(norms, metric)
        self.rounded = self.lengths.astype(gallery.dtype)
        self.farthest = float(np.sqrt(norms.max()))
        self.exact = gallery.dtype == np.float64
        self.rows = max(1, HOST_BLOCK // max(1, len(gallery) * gallery.itemsize))
        self.multiply: Multiply = by_numpy

    def similarities(self, queries: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """`(B, G)`, into `out` where given: larger is more alike.

        Query norms are left out: they change no order within a row.
        """
        out = np.empty((len(queries), len(self.gallery)), self.gallery.dtype) if out is None else out
        self.multiply(queries, self.gallery, out)
        if self.metric == "cosine":
            out *= self.rounded
        else:
            out *= 2
            out -= self.rounded
        return out

    def ranks(
        self, queries: np.ndarray, order: np.ndarray, wanted: Sequence[Wanted], rows: int
    ) -> Iterator[np.ndarray]:
        """Ascending ranks of the true matches of each query, in `order` (positions in `queries`)."""
        buffer = np.empty((min(rows, len(order)), len(self.gallery)), dtype=self.gallery.dtype)
        self.multiply = by_numpy if self.exact else fastest(queries, self.gallery)
        slack = 0.0 if self.exact else settle.slack(self, queries, order, wanted)
        for start in range(0, len(order), rows):
            block, asked = queries[order[start : start + rows]], wanted[start : start + rows]
            similar = self.similarities(block, buffer[: len(block)])
            size = scale(squares(block), self.farthest, self.metric)
            if self.exact:
                for row, one, tie in zip(similar, asked, TIE * size, strict=True):
                    yield ranks.ranks_of(ranks.counted(row, one, tie))
                continue
            widths = settle.widths(block, slack, size)
            seen = [ranks.sieved(row, one, width) for row, one, width in zip(similar, asked, widths, strict=True)]
            yield from settle.settled(self, block, asked, seen, size, widths)

    def exactly(self, queries: np.ndarray, columns: np.ndarray | slice) -> np.ndarray:
        """`(B, columns) float64` similarities."""
        return _exact(queries, self.gallery[columns], self.lengths[columns], self.metric)


class Device:
    """A gallery `(G, D)` float32 tensor on an accelerator; the sieving stays there too."""

    exact = False

    def __init__(self, gallery: "torch.Tensor", metric: str, norms: np.ndarray | None = None) -> None:
        import torch

        self.gallery = gallery
        self.metric = metric
        norms = squares(gallery) if norms is None else norms
        self.lengths = lengths(norms, metric)
        self.rounded = torch.from_numpy(self.lengths.astype(np.float32)).to(gallery.device)
        self.farthest = float(np.sqrt(norms.max()))
        self.rows = max(1, DEVICE_BLOCK // max(1, 4 * len(gallery)))

    def similarities(self, queries: "torch.Tensor") -> "torch.Tensor":
        """`(B, G) float32`, as `Host.similarities`."""
        with full_float32():
            product = queries @ self.gallery.T
        return product * self.rounded if self.metric == "cosine" else 2 * product - self.rounded

    def ranks(
        self, queries: "torch.Tensor", order: np.ndarray, wanted: Sequence[Wanted], rows: int
    ) -> Iterator[np.ndarray]:
        """As `Host.ranks`, a block of queries at a time."""
        import torch

        slack = settle.slack(self, queries, order, wanted)
        place = torch.from_numpy(order).to(queries.device)
        for start in range(0, len(order), rows):
            block, asked = queries[place[start : start + rows]], wanted[start : start + rows]
            similar = self.similarities(block)
            size = scale(squares(block), self.farthest, self.metric)
            widths = settle.widths(block, slack, size)
            yield from settle.settled(self, block, asked, _sieved_together(similar, asked, widths), size, widths)

    def exactly(self, queries: "torch.Tensor", columns: np.ndarray | slice) -> np.ndarray:
        """As `Host.exactly`; worked out in main memory, for not every device knows float64."""
        import torch

        chosen = self.gallery[columns if isinstance(columns, slice) else torch.from_numpy(columns)]
        return _exact(on_host(queries), on_host(chosen), self.lengths[columns], self.metric)


def _exact(queries: np.ndarray, gallery: np.ndarray, lengths: np.ndarray, metric: str) -> np.ndarray:
    ours = queries.astype(np.float64)
    # A single query's few rows are not worth waking the library's threads.
    product = np.vecdot(ours, gallery)[None] if len(ours) == 1 else ours @ gallery.astype(np.float64).T
    return product * lengths if metric == "cosine" else 2 * product - lengths


def _sieved_together(similar: "torch.Tensor", wanted: Sequence[Wanted], slack: np.ndarray) -> list[Sieved | None]:
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

    def reaching(i: int) -> tuple[np.ndarray, np.ndarray]:
        row = on_host(similar[i])
        columns = np.flatnonzero(row >= (own[i, : counts[i]] - apart[i]).min())
        return row[columns], columns

    return [
        ranks.sifted(
            partial(reaching, i),
            own[i, :count],
            apart[i],
            surely[i, :count],
            perhaps[i, :count],
            similar.shape[1],
        )
        for i, count in enumerate(counts.tolist())
    ]
