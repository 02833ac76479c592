"""Counting rows by level: one pass over them answers for all attributes, their pairs and their
cells at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gprplus.splits.candidates import AttributeCodes, CandidateTable

_ROOM = 1 << 17  # cells of the joint table: a megabyte, so that counting stays in the cache
_BLOCK = 1 << 18  # rows counted together: what crossing them takes in memory


@dataclass(frozen=True)
class JointTable:
    """Image attributes of all rows of a pool packed into one code for each row; index 0 of each
    axis is "unknown".

    Only the attributes whose combinations fit; `names` and `shape` (levels + 1) list them.
    """

    names: tuple[str, ...]
    shape: tuple[int, ...]
    codes: np.ndarray

    def count(self, rows: np.ndarray) -> np.ndarray:
        """Rows of each combination, an array of `shape`."""
        return np.bincount(
            self.codes[rows], minlength=int(np.prod(self.shape, dtype=np.int64))
        ).reshape(self.shape)


def pack_codes(images: Mapping[str, AttributeCodes], size: int) -> JointTable:
    """The attributes with the fewest levels first, while their combinations fit."""
    names: list[str] = []
    shape: list[int] = []
    packed = np.zeros(size, dtype=np.int32)
    for codes in sorted(images.values(), key=lambda codes: (len(codes.levels), codes.name)):
        width = len(codes.levels) + 1
        if int(np.prod(shape, dtype=np.int64)) * width > _ROOM:
            break
        packed *= width
        packed += codes.values
        packed += 1
        names.append(codes.name)
        shape.append(width)
    return JointTable(tuple(names), tuple(shape), packed)


class LevelCounts:
    """Counts of some rows of a pool: images of each identity, and of each level of any
    attributes."""

    def __init__(self, pool: CandidateTable, joint: JointTable, rows: np.ndarray) -> None:
        self.pool, self.joint, self.rows = pool, joint, rows

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def cells(self) -> np.ndarray:
        """Rows of each combination of `joint.names`."""
        return self.joint.count(self.rows)

    @cached_property
    def identities(self) -> np.ndarray:
        """Return the rows of each identity of the pool, `(I,)`."""
        return np.bincount(self.pool.identity[self.rows], minlength=len(self.pool.identities))

    def margin(self, name: str) -> np.ndarray:
        """Return the rows of each level `(L + 1,)`, unknown first, of an image or identity
        attribute."""
        if name in self.pool.identity_attributes:
            return self.of_identity_attribute(name, self.identities).astype(np.int64)
        if name in self.joint.names:
            return self.crossing((name,))
        codes = self.pool.images[name]
        return np.bincount(codes.values[self.rows] + 1, minlength=len(codes.levels) + 1)

    def of_identity_attribute(self, name: str, persons: np.ndarray) -> np.ndarray:
        """`identities` (I,) added up by level of a trait, `(L + 1,)`, unknown first."""
        codes = self.pool.identity_attributes[name]
        return np.bincount(codes.values + 1, weights=persons, minlength=len(codes.levels) + 1)

    def crossing(self, names: Sequence[str]) -> np.ndarray:
        """Return the rows of each combination of some of `joint.names`, with axes in the given
        order."""
        places = [self.joint.names.index(name) for name in names]
        rest = tuple(place for place in range(len(self.joint.names)) if place not in places)
        left = sorted(places)
        return self.cells.sum(axis=rest).transpose([left.index(place) for place in places])

    def table(self, first: str, second: str) -> np.ndarray:
        """Rows of each pair of levels of two image-level attributes; rows that do not know both are
        left out."""
        return self.pair(first, second)[1:, 1:]

    def pair(self, first: str, second: str) -> np.ndarray:
        """Rows of each pair of levels of two image-level attributes, unknown first."""
        if first in self.joint.names and second in self.joint.names:
            return self.crossing((first, second))
        one, two = self.pool.images[first].at(self.rows), self.pool.images[second].at(self.rows)
        return cross_codes(
            one.values + 1, two.values + 1, (len(one.levels) + 1, len(two.levels) + 1)
        )

    def by_identity(self, name: str) -> np.ndarray:
        """Return the rows of each identity and level of an image attribute `(I, L + 1)`, unknown
        first."""
        codes = self.pool.images[name].at(self.rows)
        return cross_codes(
            self.pool.identity[self.rows],
            codes.values + 1,
            (len(self.pool.identities), len(codes.levels) + 1),
        )


def cross_codes(first: np.ndarray, second: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Counts of two arrays of codes from 0 against each other, a block of rows at a time.

    >>> cross_codes(np.array([0, 1, 1]), np.array([1, 0, 0]), (2, 2)).tolist()
    [[0, 1], [2, 0]]
    """
    table = np.zeros(shape[0] * shape[1], dtype=np.int64)
    for start in range(0, len(first), _BLOCK):
        code = (
            first[start : start + _BLOCK].astype(np.int64) * shape[1]
            + second[start : start + _BLOCK]
        )
        low = int(code.min())  # rows are sorted by identity, so that a block has few of them
        found = np.bincount(code - low)
        table[low : low + len(found)] += found
    return table.reshape(shape)
