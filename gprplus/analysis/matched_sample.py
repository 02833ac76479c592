"""Matched samples: the same identities under the same other conditions at every level, chosen by
hash.

A stratum is one identity in one combination of the other factors. Only strata that have every level
are used, with one image for each level, so levels differ in nothing else. Strata are taken by
identity, one of each before a second.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gprplus.core.sampling import hash64_many, join_canonical, priorities


@dataclass(frozen=True)
class MatchedSample:
    """Table rows, `rows` `(S, L) int64`, a stratum a row and a level a column; `people` `(S,)
    int64`, blocks from 0."""

    rows: np.ndarray
    people: np.ndarray


@dataclass(frozen=True)
class CrossedSample:
    """Identities with an image in every cell: table rows `(P, L1, ..., Lk) int64`, one axis for
    each of `factors`, with the levels along it. `complete` is the number of such identities in the
    manifest.
    """

    rows: np.ndarray
    factors: tuple[str, ...]
    levels: tuple[tuple[Any, ...], ...]
    complete: int

    @property
    def people(self) -> np.ndarray:
        """Return the identity of each row of `flat`, from 0."""
        return np.repeat(np.arange(len(self.rows)), self.rows[0].size if len(self.rows) else 0)

    @property
    def flat(self) -> np.ndarray:
        """Return all rows, sorted by identity, `(N,) int64`."""
        return self.rows.ravel()

    def cell_of(self, table: pa.Table) -> np.ndarray:
        """The cell of each row of a table, `(N,) int64`; -1 where a level is unknown."""
        return cells_of(table, self.factors, self.levels)

    def cells(self) -> list[tuple[Any, ...]]:
        """The levels of each cell, in the order of the axes."""
        return list(product(*self.levels))


def number_combinations(table: pa.Table, columns: Sequence[str]) -> tuple[np.ndarray, list[str]]:
    """Number the combinations of some columns, `(N,) int64`, and name each; null is a separate
    value."""
    number = np.zeros(table.num_rows, dtype=np.int64)
    texts = [""]
    for name in columns:
        column = pc.dictionary_encode(
            pc.cast(table.column(name), pa.string()), null_encoding="encode"
        )
        column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        values = [
            join_canonical("" if value is None else f"={value}")
            for value in column.dictionary.to_pylist()
        ]
        found, number = np.unique(
            number * len(values) + np.asarray(column.indices), return_inverse=True
        )
        texts = [
            join_canonical(texts[pair // len(values)], values[pair % len(values)])
            for pair in found.tolist()
        ]
    return number, texts


def draw_matched(
    table: pa.Table,
    attribute: str,
    levels: Sequence[object],
    others: Sequence[str],
    count: int,
    seed: int,
) -> MatchedSample:
    """Draw up to `count` strata that have every level, with one image of each.

    `table` has uid, dataset, identity, the attribute and the other factors. No stratum may qualify:
    then `rows` is empty.
    """
    position = pc.index_in(
        pc.cast(table.column(attribute), pa.string()), pa.array([str(level) for level in levels])
    )
    place = np.asarray(pc.fill_null(position, -1)).astype(np.int64)
    usable = np.flatnonzero((place >= 0) & np.asarray(pc.is_valid(table.column("identity"))))
    table, place = table.take(pa.array(usable)), place[usable]
    people, names = number_combinations(table, ["dataset", "identity"])
    strata, texts = number_combinations(table, ["dataset", "identity", *others])
    uid = np.asarray(table.column("uid"))
    order = np.lexsort((uid, priorities(uid, seed, "image"), place, strata))
    first = _first(strata[order], place[order])
    order = order[first]
    whole = np.bincount(strata[order], minlength=len(texts)) == len(levels)
    order = order[whole[strata[order]]].reshape(-1, len(levels))
    order = order[
        _spread(people[order[:, 0]], names, hash64_many(texts)[strata[order[:, 0]]], count, seed)
    ]
    return MatchedSample(usable[order], renumber(people[order[:, 0]]))


def cells_of(
    table: pa.Table, factors: Sequence[str], levels: Sequence[Sequence[object]]
) -> np.ndarray:
    """Number the combinations of levels, the last factor running fastest, `(N,) int64`; -1 where
    one is unknown."""
    cell, known = np.zeros(len(table), dtype=np.int64), np.ones(len(table), dtype=bool)
    for name, each in zip(factors, levels, strict=True):
        place = pc.index_in(
            pc.cast(table.column(name), pa.string()), pa.array([str(level) for level in each])
        )
        place = np.asarray(pc.fill_null(place, -1)).astype(np.int64)
        known &= place >= 0
        cell = cell * len(each) + place
    return np.where(known, cell, -1)


def draw_crossed(
    table: pa.Table,
    factors: Sequence[str],
    levels: Sequence[Sequence[object]],
    count: int,
    seed: int,
) -> CrossedSample:
    """Draw up to `count` identities with an image in every cell of the factors, one image for each;
    chosen by hash."""
    shape = tuple(len(each) for each in levels)
    cell = cells_of(table, factors, levels)
    rows = np.flatnonzero(np.asarray(pc.is_valid(table.column("identity"))) & (cell >= 0))
    cell, uid = cell[rows], np.asarray(table.column("uid"))[rows]
    people, names = number_combinations(table.take(pa.array(rows)), ["dataset", "identity"])
    order = np.lexsort((uid, priorities(uid, seed, "image"), cell, people))
    order = order[_first(people[order], cell[order])]
    size = int(np.prod(shape))
    whole = np.bincount(people[order], minlength=len(names)) == size
    order = order[whole[people[order]]]
    keys = hash64_many(names)
    able = np.flatnonzero(whole)
    chosen = able[np.lexsort((keys[able], priorities(keys[able], seed, "identity")))[:count]]
    found = rows[order].reshape(-1, size)[np.searchsorted(able, chosen)]
    return CrossedSample(
        found.reshape(-1, *shape), tuple(factors), tuple(map(tuple, levels)), len(able)
    )


def spread_evenly(table: pa.Table, count: int, seed: int) -> MatchedSample:
    """Draw up to `count` images of a target, sorted by identity; an image without identity is a
    separate block."""
    uid = np.asarray(table.column("uid"))
    people, names = number_combinations(table, ["dataset", "identity"])
    unknown = np.asarray(pc.is_null(table.column("identity")))
    names = [*names, *(join_canonical("image", str(key)) for key in uid[unknown].tolist())]
    people[unknown] = len(names) - unknown.sum() + np.arange(unknown.sum())
    rows = _spread(people, names, uid, count, seed)
    return MatchedSample(rows[:, None], renumber(people[rows]))


def renumber(blocks: np.ndarray) -> np.ndarray:
    """Block numbers from 0 without gaps."""
    return np.unique(blocks, return_inverse=True)[1].astype(np.int64)


def _first(*sorted_codes: np.ndarray) -> np.ndarray:
    """Positions where a run of equal combinations begins."""
    if not len(sorted_codes[0]):
        return np.zeros(0, dtype=np.int64)
    changed = np.any([np.diff(code) != 0 for code in sorted_codes], axis=0)
    return np.flatnonzero(np.concatenate([[True], changed]))


def _spread(
    people: np.ndarray, names: Sequence[str], keys: np.ndarray, count: int, seed: int
) -> np.ndarray:
    """Return positions of up to `count` items: the first item of each identity by priority, then
    the second, and so on.
    """
    order = np.lexsort((keys, priorities(keys, seed, "image"), people))
    starts = _first(people[order])
    lengths = np.diff(np.append(starts, len(order)))
    turn = np.arange(len(order)) - np.repeat(starts, lengths)
    person = priorities(hash64_many(names), seed, "identity")[people[order]]
    return order[np.lexsort((people[order], person, turn))[:count]]
