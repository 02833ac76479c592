"""A view of the images of a run in the store: rows are read on demand, so that no run holds a copy
of them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Union

import numpy as np

_TOGETHER = (
    1 << 20
)  # bytes copied at a time: what is picked is still in the cache when it is laid in its place


@dataclass(frozen=True)
class StoredImages:
    """Images `(N, H, W, 3) uint8` in several parts, in memory or in files.

    Each of `parts` returns its array or map `(n, H, W, 3) uint8` when called, and is released after
    reading: a store can have more parts than a process can have open files. `starts (parts + 1,)
    int64` count images through all parts, and `places (N,) int64` are the rows in that count.
    """

    height: int
    width: int
    parts: tuple[Callable[[], np.ndarray], ...]
    starts: np.ndarray
    places: np.ndarray

    @classmethod
    def of(cls, images: Union[np.ndarray, "StoredImages"]) -> "StoredImages":
        """An array `(N, H, W, 3) uint8` as pixels of one part; pixels as they are."""
        if isinstance(images, StoredImages):
            return images
        count, height, width = images.shape[:3]
        return cls(height, width, (lambda: images,), np.array([0, count]), np.arange(count))

    def __len__(self) -> int:
        return len(self.places)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """`(N, H, W, 3)`."""
        return len(self), self.height, self.width, 3

    @property
    def nbytes(self) -> int:
        """Bytes of all images."""
        return len(self) * self.height * self.width * 3

    def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray:
        """A copy of some rows, `(n, H, W, 3) uint8`."""
        rows = np.arange(len(self))[rows]
        out = np.empty((len(rows), *self.shape[1:]), dtype=np.uint8)
        self.take(rows, out)
        return out

    def sequential_order(self) -> tuple["StoredImages", np.ndarray]:
        """Return the images in storage order, and the new position of each row, `(N,) int64`."""
        order = np.argsort(self.places, kind="stable")
        spots = np.empty_like(order)
        spots[order] = np.arange(len(order))
        return replace(self, places=self.places[order]), spots

    def take(self, rows: np.ndarray, out: np.ndarray) -> None:
        """Copy `rows (n,) int64` into `out (n, H, W, 3) uint8`; each part is read from front to
        back."""
        places = self.places[rows]
        order = np.argsort(places, kind="stable")
        part = np.searchsorted(self.starts, places[order], side="right") - 1
        step = max(1, _TOGETHER // (self.height * self.width * 3))
        for which in np.unique(part):
            lying, here = self.parts[which](), order[part == which]
            for start in range(0, len(here), step):
                few = here[start : start + step]
                out[few] = lying[places[few] - self.starts[which]]
