"""Where a gallery holds the true matches of a query, exactly, without sorting it.

With S the similarities of one query, the k-th best true match stands at rank k + (wrong matches at least as similar).
So it is enough to take the true matches' similarities out of the row, strike out whatever does not count, and count.
Wrong matches win ties: a network that gives everything the same feature then scores near zero on every machine, where
evaluators that sort give it whatever order their sort leaves.

Two products do the same thing: `Host` multiplies in NumPy (OpenBLAS was 1.4 times as fast as torch's float32 product
on the processors tried), `Device` in torch where the features already lie on an accelerator.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

# One count costs a pass over the row; beyond about so many true matches one sort and a binary search each are cheaper.
SORT_FROM = 48
# Similarities held at a time, in bytes. Blocks of this size lose under 2% against one whole product.
HOST_BLOCK = 48 << 20
DEVICE_BLOCK = 512 << 20


@dataclass(frozen=True)
class Wanted:
    """What one query asks of its row of similarities: columns of true matches, and columns to strike out (both
    int64).
    """

    matches: np.ndarray
    struck: np.ndarray


def twins(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions of rows that repeat an earlier row bit for bit, and the positions of the rows they repeat.

    A matrix product may round one and the same dot product differently at the edge of a tile; giving twins one
    similarity makes them tie, as they must.
    """
    import xxhash

    seen: dict[int, int] = {}
    first = np.fromiter(
        (seen.setdefault(xxhash.xxh3_64_intdigest(row.data), i) for i, row in enumerate(features)),
        dtype=np.int64,
        count=len(features),
    )
    repeated = np.flatnonzero(first != np.arange(len(first)))
    return repeated, first[repeated]


class Host:
    """A gallery `(G, D)` of float32 or float64 in main memory."""

    def __init__(self, gallery: np.ndarray, metric: str) -> None:
        self.gallery = np.ascontiguousarray(gallery)
        self.metric = metric
        self.squares = np.einsum("ij,ij->i", self.gallery, self.gallery)
        with np.errstate(divide="ignore"):
            inverse = 1 / np.sqrt(self.squares)
        self.inverse = np.where(self.squares > 0, inverse, 0).astype(gallery.dtype)
        self.repeated, self.original = twins(self.gallery)
        self.rows = max(1, HOST_BLOCK // max(1, len(gallery) * gallery.itemsize))

    def similarities(self, queries: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """`(B, G)`, into `out` where given: larger is more alike.

        Query norms are left out: they change no order within a row.
        """
        out = np.matmul(queries, self.gallery.T, out=out)
        if self.metric == "cosine":
            out *= self.inverse
        else:
            out *= 2
            out -= self.squares
        if len(self.repeated):
            out[:, self.repeated] = out[:, self.original]
        return out

    def ranks(
        self, queries: np.ndarray, order: np.ndarray, wanted: Sequence[Wanted], rows: int
    ) -> Iterator[np.ndarray]:
        """Ascending ranks of the true matches of each query, in `order` (positions in `queries`)."""
        buffer = np.empty((min(rows, len(order)), len(self.gallery)), dtype=self.gallery.dtype)
        for start in range(0, len(order), rows):
            block = order[start : start + rows]
            similar = self.similarities(queries[block], buffer[: len(block)])
            for row, one in zip(similar, wanted[start : start + rows], strict=True):
                yield ranks_in(row, one)


def ranks_in(row: np.ndarray, wanted: Wanted) -> np.ndarray:
    """The ranks of one query's true matches in its row of similarities, which is used up."""
    found = np.sort(row[wanted.matches])[::-1]
    row[wanted.struck] = -np.inf
    if len(found) < SORT_FROM:
        above = np.fromiter((np.count_nonzero(row >= value) for value in found), np.int64, len(found))
    else:
        row.sort()
        above = len(row) - np.searchsorted(row, found, side="left")
    return above + np.arange(1, len(found) + 1)


class Device:
    """A gallery `(G, D)` float32 tensor on an accelerator; the counting stays there too."""

    def __init__(self, gallery: "torch.Tensor", metric: str) -> None:
        import torch

        self.gallery = gallery
        self.metric = metric
        self.squares = gallery.square().sum(1)
        self.inverse = torch.where(self.squares > 0, self.squares.rsqrt(), 0.0)
        repeated, original = twins(gallery.cpu().numpy())
        self.repeated = torch.from_numpy(repeated).to(gallery.device)
        self.original = torch.from_numpy(original).to(gallery.device)
        self.rows = max(1, DEVICE_BLOCK // max(1, 4 * len(gallery)))

    def similarities(self, queries: "torch.Tensor") -> "torch.Tensor":
        """`(B, G) float32`, as `Host.similarities`."""
        with full_float32():
            product = queries @ self.gallery.T
        similar = product * self.inverse if self.metric == "cosine" else 2 * product - self.squares
        if len(self.repeated):
            similar[:, self.repeated] = similar[:, self.original]
        return similar

    def ranks(
        self, queries: "torch.Tensor", order: np.ndarray, wanted: Sequence[Wanted], rows: int
    ) -> Iterator[np.ndarray]:
        """As `Host.ranks`, a block of queries at a time."""
        import torch

        place = torch.from_numpy(order).to(queries.device)
        for start in range(0, len(order), rows):
            block = queries[place[start : start + rows]].to(self.gallery.device)
            yield from _ranks_in_block(self.similarities(block), wanted[start : start + rows])


@contextmanager
def full_float32() -> Iterator[None]:
    """Inside, products of float32 on a GPU keep all their bits, also where the caller trains with TF32: its ten bits
    would move ranks.
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


def _ranks_in_block(similar: "torch.Tensor", wanted: Sequence[Wanted]) -> list[np.ndarray]:
    """`ranks_in` for a block: found similarities padded with +inf, which nothing reaches, to the most of any query."""
    import torch

    def pairs(columns: list[np.ndarray]) -> tuple[torch.Tensor, torch.Tensor]:
        counts = [len(one) for one in columns]
        flat = np.stack([np.repeat(np.arange(len(columns)), counts), np.concatenate(columns)])
        both = torch.from_numpy(flat).to(similar.device)
        return both[0], both[1]

    counts = np.array([len(one.matches) for one in wanted])
    row, column = pairs([one.matches for one in wanted])
    slot = torch.from_numpy(np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)).to(row.device)
    found = similar.new_full((len(wanted), int(counts.max())), -torch.inf)
    found[row, slot] = similar[row, column]
    found = found.sort(1, descending=True).values
    similar[pairs([one.struck for one in wanted])] = -torch.inf
    if found.shape[1] < SORT_FROM:
        above = torch.stack([(similar >= found[:, k, None]).sum(1) for k in range(found.shape[1])], 1)
    else:
        above = similar.shape[1] - torch.searchsorted(similar.sort(1).values, found, side="left")
    ranks = above.cpu().numpy() + np.arange(1, found.shape[1] + 1)
    return [one[:count] for one, count in zip(ranks, counts, strict=True)]
