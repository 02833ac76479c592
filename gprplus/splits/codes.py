"""A manifest's rows as integer codes: what every draw and every count works on.

Strings cost time and memory, so each attribute is read once as codes into its levels, persons are numbered in sorted
order, and names and paths come back only for the rows that are written.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from gprplus import keys
from gprplus.declared import in_order

if TYPE_CHECKING:
    import pyarrow as pa

UNKNOWN = -1


@dataclass(frozen=True)
class Codes:
    """One attribute: `values` (N,) int32 into `levels`, -1 where unknown.

    Levels stand in declared order, only those present.
    """

    name: str
    values: np.ndarray
    levels: tuple[Any, ...]

    @cached_property
    def level_keys(self) -> np.ndarray:
        """A 64-bit key for each level, `(L,) uint64`, made from its name and not from its number."""
        return keys.text_keys(keys.canonical(self.name, str(level)) for level in self.levels)

    def at(self, rows: np.ndarray) -> "Codes":
        """The same attribute for chosen rows; the levels stay numbered as they are."""
        return Codes(self.name, self.values[rows], self.levels)

    def counts(self) -> dict[Any, int]:
        """How many rows each level has; levels without rows are left out."""
        found = np.bincount(self.values[self.values >= 0], minlength=len(self.levels))
        return {level: int(count) for level, count in zip(self.levels, found, strict=True) if count}

    def present(self) -> np.ndarray:
        """Codes of the levels that have rows, in order."""
        return np.flatnonzero(np.bincount(self.values[self.values >= 0], minlength=len(self.levels)))


def encode(name: str, column: "pa.ChunkedArray | pa.Array") -> Codes:
    """An Arrow column (dictionary, string or integer) as codes over its used levels."""
    import pyarrow as pa

    if isinstance(column, pa.ChunkedArray):
        chunks = column.unify_dictionaries() if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        column = chunks.combine_chunks()
        if isinstance(column, pa.ChunkedArray):
            column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    elif not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    raw = np.asarray(column.indices.fill_null(UNKNOWN)).astype(np.int32, copy=False)
    vocabulary = column.dictionary.to_pylist()
    used = np.bincount(raw[raw >= 0], minlength=len(vocabulary)) > 0
    levels = in_order(name, {level for level, there in zip(vocabulary, used, strict=True) if there})
    place = {level: code for code, level in enumerate(levels)}
    renumber = np.array([place.get(level, UNKNOWN) for level in vocabulary] + [UNKNOWN], dtype=np.int32)
    return Codes(name, renumber[raw], tuple(levels))


def decode(codes: Codes, target: "pa.DataType") -> "pa.Array":
    """Codes as an Arrow array of the type `target` (a dictionary of strings, or an integer)."""
    import pyarrow as pa

    if not codes.levels:
        return pa.nulls(len(codes.values), target)
    unknown = codes.values < 0
    mask = unknown if unknown.any() else None
    if pa.types.is_dictionary(target):
        vocabulary = pa.array([str(level) for level in codes.levels], target.value_type)
        return pa.DictionaryArray.from_arrays(pa.array(codes.values, target.index_type, mask=mask), vocabulary)
    return pa.array(np.asarray(codes.levels)[codes.values], target, mask=mask)


@dataclass(frozen=True)
class Pool:
    """The rows that an experiment may use.

    `person` (N,) int32 numbers the (dataset, identity) pairs in sorted order; `traits` hold one code a person, `images`
    one code a row. `texts` hands out path and digest, which no draw needs and which are read meanwhile. `left_out` says
    which rows are not here, by reason.
    """

    uid: np.ndarray
    person: np.ndarray
    persons: tuple[tuple[str, str], ...]
    images: Mapping[str, Codes]
    traits: Mapping[str, Codes]
    texts: Callable[[], "pa.Table"]
    left_out: Mapping[str, int]

    @cached_property
    def person_keys(self) -> np.ndarray:
        """A 64-bit key for each person, `(I,) uint64`."""
        return keys.text_keys(keys.canonical(dataset, identity) for dataset, identity in self.persons)

    @cached_property
    def paths(self) -> "pa.Table":
        """Columns path and digest, one row a row."""
        return self.texts()

    @cached_property
    def standing(self) -> np.ndarray | None:
        """The place `(N,)` of each row in the order dataset, identity, path; None where the rows stand in that "
        "order."""
        import pyarrow as pa
        import pyarrow.compute as pc

        path = self.paths.column("path").combine_chunks()
        step = np.diff(self.person)
        if len(path) < 2 or ((step > 0) | ((step == 0) & np.asarray(pc.less(path[:-1], path[1:])))).all():
            return None
        keyed = pa.table({"person": self.person, "path": path})
        place = np.empty(len(path), dtype=np.int64)
        place[pc.sort_indices(keyed, [("person", "ascending"), ("path", "ascending")])] = np.arange(len(path))
        return place

    def in_order(self, rows: np.ndarray) -> np.ndarray:
        """Positions of rows, put into the order dataset, identity, path."""
        return np.sort(rows) if self.standing is None else rows[np.argsort(self.standing[rows])]

    def codes(self, name: str) -> Codes:
        """An attribute of either level as codes of rows."""
        if name in self.images:
            return self.images[name]
        trait = self.traits[name]
        return Codes(name, trait.values[self.person], trait.levels)

    def __len__(self) -> int:
        return len(self.uid)


def number_persons(dataset: Codes, identity: Codes) -> tuple[np.ndarray, tuple[tuple[str, str], ...]]:
    """Number the (dataset, identity) pairs that occur, sorted: `(N,) int32` and the pairs."""
    pair = dataset.values.astype(np.int64) * max(len(identity.levels), 1) + identity.values
    size = len(dataset.levels) * len(identity.levels)
    if size <= 8 * len(pair) + 65_536:  # a table of flags beats sorting while it is not much larger than the rows
        used = np.zeros(size, dtype=bool)
        used[pair] = True
        kept = np.flatnonzero(used)
        number = np.cumsum(used, dtype=np.int32) - 1
        person = number[pair]
    else:
        kept, inverse = np.unique(pair, return_inverse=True)
        person = inverse.astype(np.int32)
    wide = max(len(identity.levels), 1)
    return person, tuple((str(dataset.levels[code // wide]), str(identity.levels[code % wide])) for code in kept)


def determines(by: Sequence[np.ndarray], sizes: Sequence[int], target: np.ndarray) -> bool:
    """Whether `target` (N,) is a function of the code arrays `by`: H(target | by) = 0. Unknown counts as a level.

    >>> determines([np.array([0, 0, 1])], [2], np.array([5, 5, 5]))
    True
    >>> determines([np.array([0, 0, 1])], [2], np.array([5, 6, 5]))
    False
    """
    group, size = np.zeros(len(target), dtype=np.int64), 1
    for values, levels in zip(by, sizes, strict=True):
        group, size = group * (levels + 1) + (values + 1), size * (levels + 1)
        if size > 8 * len(target) + 65_536:
            kept, group = np.unique(group, return_inverse=True)
            size = len(kept)
    some = np.zeros(size, dtype=target.dtype)
    some[group] = target
    return bool(np.array_equal(some[group], target))
