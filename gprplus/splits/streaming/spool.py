"""Rows and keys on disk until they are written: a bit for each row, eight bytes for each key."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from gprplus.core.files.folders import remove_output
from gprplus.splits.streaming.block_draw import Mask

ROOM = 1 << 23  # keys sorted at a time: 64 MiB


class MaskSpool:
    """The rows of an arm in a deal, or of the test set, block after block."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._blocks: list[tuple[int, int, int]] = []
        self.count = 0
        self.identities = 0

    def add(self, mask: Mask) -> None:
        """Append the rows of the next block."""
        if not mask.count:
            return
        with self._path.open("ab") as file:
            file.write(mask.bits)
        self._blocks.append((mask.start, len(mask.bits), mask.count))
        self.count += mask.count
        self.identities += mask.identities

    def places(self) -> Iterator[np.ndarray]:
        """Yield the positions of the rows in the images table, ascending, block after block."""
        if not self._blocks:
            return
        with self._path.open("rb") as file:
            for start, size, _ in self._blocks:
                yield Mask(start, file.read(size), 0, 0).places()

    def remove(self) -> None:
        """Remove the file."""
        remove_output(self._path)


class KeySpool:
    """Keys of images in any order, read back sorted."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.count = 0

    def add(self, keys: np.ndarray) -> None:
        """Append keys (n,) uint64."""
        with self._path.open("ab") as file:
            file.write(keys.astype("<u8").tobytes())
        self.count += len(keys)

    def sorted_keys(self, room: int = ROOM) -> Iterator[np.ndarray]:
        """Yield all keys, ascending, about `room` at a time: one read of the file for each."""
        steps = max(1, -(-self.count // room))
        edges = [step * 2**64 // steps for step in range(1, steps)]
        for low, high in zip([None, *edges], [*edges, None], strict=True):
            parts = [_between(keys, low, high) for keys in self._pieces(room)]
            yield np.sort(np.concatenate(parts)) if parts else np.empty(0, dtype="<u8")

    def remove(self) -> None:
        """Remove the file."""
        remove_output(self._path)

    def _pieces(self, room: int) -> Iterator[np.ndarray]:
        if not self.count:
            return
        with self._path.open("rb") as file:
            while data := file.read(8 * room):
                yield np.frombuffer(data, dtype="<u8")


def _between(keys: np.ndarray, low: int | None, high: int | None) -> np.ndarray:
    if low is not None:
        keys = keys[keys >= np.uint64(low)]
    return keys if high is None else keys[keys < np.uint64(high)]


def keys_fingerprint(spools: Sequence[KeySpool]) -> str:
    """Return `hashing.sha256_digest` of the sorted keys of each spool; it removes their files."""
    state = hashlib.sha256()
    for spool in spools:
        state.update((8 * spool.count).to_bytes(8, "big"))
        for keys in spool.sorted_keys():
            state.update(keys.tobytes())
        spool.remove()
    return state.hexdigest()
