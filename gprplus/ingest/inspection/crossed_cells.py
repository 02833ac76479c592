"""The crossed design of a dataset, counted identity by identity."""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gprplus.ingest.inspection.cells import SHOWN, DesignCells
from gprplus.ingest.tables.coded import CodedColumn

ROOM = 1 << 22  # cells that are counted together


@dataclass(frozen=True)
class CrossedFactors:
    """The crossed factors of a dataset, in order, with their levels."""

    levels: Mapping[str, list[Any]]

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the number of levels of each factor."""
        return tuple(len(levels) for levels in self.levels.values())

    @property
    def rest(self) -> tuple[int, ...]:
        """Return the number of levels of each factor other than identity."""
        return tuple(len(known) for name, known in self.levels.items() if name != "identity")

    @property
    def fits(self) -> bool:
        """Return True if the cells of one identity can be counted at once."""
        return int(np.prod(self.rest, dtype=np.float64)) <= ROOM

    def packed(
        self, codes: Mapping[str, CodedColumn], counted: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return identity and combination of the other factors of the rows that count and know all
        factors, as codes into `levels`."""
        placed = {}
        for name, known in self.levels.items():
            column = codes[name]
            place = self._places(name, known, column.levels)
            placed[name] = np.append(place, -1)[column.codes]
            counted = counted & (column.codes >= 0)
        rest = [placed[name][counted] for name in self.levels if name != "identity"]
        combined = np.ravel_multi_index(tuple(rest), self.rest)
        if "identity" not in placed:
            return np.zeros(len(combined), dtype=np.int64), combined
        return placed["identity"][counted], combined

    def _places(self, name: str, known: list[Any], found: list[Any]) -> np.ndarray:
        if name == "identity":  # sorted, and many
            return np.array([bisect_left(known, level) for level in found], dtype=np.int64)
        place = {level: i for i, level in enumerate(known)}
        return np.array([place[level] for level in found], dtype=np.int64)

    def flat(self, identity: np.ndarray, combined: np.ndarray) -> np.ndarray:
        """Return the position of cells in the order of the factors."""
        parts = iter(np.unravel_index(combined, self.rest))
        each = tuple(identity if name == "identity" else next(parts) for name in self.levels)
        return np.ravel_multi_index(each, self.shape)

    def describe(self, cell: int) -> str:
        """Return the levels of a cell."""
        place = np.unravel_index(cell, self.shape)
        return " ".join(str(known[i]) for known, i in zip(self.levels.values(), place, strict=True))


class CrossedCells:
    """Counts the cells of identities that come in order; those of the last one stay open."""

    def __init__(self, factors: CrossedFactors) -> None:
        self._factors = factors
        self._size = int(np.prod(factors.rest, dtype=np.int64))
        self._open = 0
        self._counts = np.zeros(self._size, dtype=np.int64)
        self._missing = 0
        self._empty: list[int] = []
        self._fewest, self._most, self._fullest = 0, 0, 0

    def add(self, identity: np.ndarray, combined: np.ndarray) -> None:
        """Add rows: identity (n,) and combination of the other factors (n,)."""
        if not len(identity):
            return
        step = max(1, ROOM // self._size)
        last = int(identity.max())
        for first in range(self._open, last + 1, step):
            until = min(first + step, last + 1)
            here = (identity >= first) & (identity < until)
            cells = (identity[here] - first) * self._size + combined[here]
            counts = np.bincount(cells, minlength=(until - first) * self._size)
            counts = counts.reshape(-1, self._size)
            counts[0] += self._counts
            self._close(first, counts[:-1])
            self._open, self._counts = until - 1, counts[-1]
            if until <= last:
                self._close(until - 1, counts[-1:])
                self._open, self._counts = until, np.zeros_like(self._counts)

    def design(self, name: str) -> list[DesignCells]:
        """Return the design; none where no row counts."""
        people = len(self._factors.levels.get("identity", [""]))
        self._close(self._open, self._counts[None])
        nothing = np.zeros((1, self._size), dtype=np.int64)
        for code in range(self._open + 1, people):
            self._close(code, nothing)
        if not self._most:
            return []
        return [
            DesignCells(
                name,
                tuple(self._factors.levels),
                people * self._size,
                self._missing,
                tuple(self._factors.describe(cell) for cell in self._empty),
                self._fewest,
                self._most,
                self._factors.describe(self._fullest),
            )
        ]

    def _close(self, first: int, counts: np.ndarray) -> None:
        """Take the counts of identities from `first` on `(n, cells)` as final."""
        empty = np.flatnonzero(counts == 0)
        if len(empty):
            self._missing += len(empty)
            flat = self._flat(first, empty)
            self._empty = sorted([*self._empty, *np.sort(flat)[:SHOWN].tolist()])[:SHOWN]
        filled = counts[counts > 0]
        if not len(filled):
            return
        self._fewest = min(int(filled.min()), self._fewest or int(filled.min()))
        most = int(filled.max())
        if most < self._most:
            return
        fullest = int(self._flat(first, np.flatnonzero(counts == most)).min())
        self._fullest = fullest if most > self._most else min(fullest, self._fullest)
        self._most = most

    def _flat(self, first: int, cells: np.ndarray) -> np.ndarray:
        return self._factors.flat(cells // self._size + first, cells % self._size)
