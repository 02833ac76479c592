"""Candidate rows of a manifest as integer codes, the input of all draws and counts.

Strings cost time and memory, so each attribute is read once as codes into its levels, identities
are numbered in sorted order, and names and paths are read only for the rows that are written.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from gprplus.core import sampling
from gprplus.core.arrow import combine_chunks, from_numpy, from_strings
from gprplus.core.declarations import Attributes, attributes, sort_levels
from gprplus.schema.column import Column
from gprplus.schema.records import Protocol
from gprplus.schema.split import member_columns

if TYPE_CHECKING:
    import pyarrow as pa

    from gprplus.splits.lazy_columns import LazyColumns

UNKNOWN = -1


@dataclass(frozen=True)
class AttributeCodes:
    """One attribute: `values` (N,), signed and as small as the levels allow, into `levels`; -1 for
    unknown.

    Levels are in declared order, only those present.
    """

    name: str
    values: np.ndarray
    levels: tuple[Any, ...]

    @cached_property
    def level_keys(self) -> np.ndarray:
        """A 64-bit key for each level, `(L,) uint64`, made from its name and not from its
        number."""
        return sampling.hash64_many(
            sampling.join_canonical(self.name, str(level)) for level in self.levels
        )

    def at(self, rows: np.ndarray) -> "AttributeCodes":
        """Return the attribute for selected rows; the levels keep their codes."""
        return AttributeCodes(self.name, self.values[rows], self.levels)

    def among(self, rows: np.ndarray) -> "AttributeCodes":
        """Return the attribute for selected rows, with the levels that they have."""
        values = self.values[rows]
        used = np.bincount(values[values >= 0], minlength=len(self.levels)) > 0
        renumber = np.append(np.cumsum(used) - 1, UNKNOWN).astype(self.values.dtype)
        levels = (level for level, there in zip(self.levels, used, strict=True) if there)
        return AttributeCodes(self.name, renumber[values], tuple(levels))

    def counts(self) -> dict[Any, int]:
        """Count the rows of each level; levels without rows are left out."""
        found = np.bincount(self.values[self.values >= 0], minlength=len(self.levels))
        return {level: int(count) for level, count in zip(self.levels, found, strict=True) if count}

    def present(self) -> np.ndarray:
        """Codes of the levels that have rows, in order."""
        return np.flatnonzero(
            np.bincount(self.values[self.values >= 0], minlength=len(self.levels))
        )


def encode_levels(
    name: str, column: "pa.ChunkedArray", own: Attributes | None = None
) -> AttributeCodes:
    """An Arrow column (dictionary, string or integer) as codes over its used levels."""
    import pyarrow as pa

    if pa.types.is_integer(column.type):
        raw, vocabulary = _numbered(combine_chunks(column))
    else:
        array = combine_chunks(
            column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        )
        raw = sampling.to_numpy(array.indices).astype(np.int32, copy=False)
        raw = (
            raw
            if array.null_count == 0
            else np.where(sampling.is_valid(array), raw, np.int32(UNKNOWN))
        )
        vocabulary = array.dictionary.to_pylist()
    used = np.bincount(raw + 1, minlength=len(vocabulary) + 1)[1:] > 0
    levels = sort_levels(
        name, {level for level, there in zip(vocabulary, used, strict=True) if there}, own
    )
    if levels == vocabulary:
        return AttributeCodes(name, raw, tuple(levels))
    place = {level: code for code, level in enumerate(levels)}
    renumber = np.array(
        [place.get(level, UNKNOWN) for level in vocabulary] + [UNKNOWN], dtype=np.int32
    )
    return AttributeCodes(name, renumber[raw], tuple(levels))


def _numbered(array: "pa.Array") -> tuple[np.ndarray, list[int]]:
    """Integers as codes into their sorted values; a table over their range beats sorting while the
    range is small."""
    values = sampling.to_numpy(array)
    there = sampling.is_valid(array) if array.null_count else None
    present = values if there is None else values[there]
    if not len(present):
        return np.full(len(values), UNKNOWN, dtype=np.int32), []
    low, high = int(present.min()), int(present.max())
    if high - low > 65_536:
        vocabulary, codes = np.unique(present, return_inverse=True)
    else:
        used = np.zeros(high - low + 1, dtype=bool)
        used[present - low] = True
        vocabulary = np.flatnonzero(used) + low
        codes = (np.cumsum(used, dtype=np.int32) - 1)[present - low]
    if there is None:
        return codes.astype(np.int32, copy=False), vocabulary.tolist()
    raw = np.full(len(values), UNKNOWN, dtype=np.int32)
    raw[there] = codes
    return raw, vocabulary.tolist()


def decode_levels(codes: AttributeCodes, target: "pa.DataType") -> "pa.Array":
    """Codes as an Arrow array of the type `target` (a dictionary of strings, or an integer)."""
    import pyarrow as pa

    if not codes.levels:
        return pa.nulls(len(codes.values), target)
    unknown = codes.values < 0
    if not pa.types.is_dictionary(target):
        return from_numpy(
            np.asarray(codes.levels, dtype=target.to_pandas_dtype())[codes.values], target, unknown
        )
    vocabulary = from_strings([str(level) for level in codes.levels])
    return pa.DictionaryArray.from_arrays(
        from_numpy(codes.values, target.index_type, unknown), vocabulary, safe=False
    )


@dataclass(frozen=True)
class CandidateTable:
    """The candidate rows of an experiment.

    `identity` (N,) int32 numbers the (dataset, identity) pairs in sorted order;
    `identity_attributes` have one code for each identity, `images` one code for each row. `texts`
    provides paths, digests and other columns that no draw needs. `left_out` counts the excluded
    rows by reason. `own` are the attributes that the manifest declares in addition to those of
    every manifest; numbers are not among the codes. `protocol` is that of the request; None if it follows
    from the columns.
    """

    uid: np.ndarray
    identity: np.ndarray
    identities: tuple[tuple[str, str], ...]
    images: Mapping[str, AttributeCodes]
    identity_attributes: Mapping[str, AttributeCodes]
    texts: "LazyColumns"
    left_out: Mapping[str, int]
    own: Attributes = field(default_factory=dict)
    protocol: Protocol | None = None

    @property
    def attributes(self) -> Attributes:
        """Return the declarations of its attributes, by name."""
        return {**attributes(), **self.own}

    @cached_property
    def member_columns(self) -> tuple[Column, ...]:
        """Return the columns of the rows of a split: schema.MEMBERS and its own attributes."""
        levelled = {name: one for name, one in self.own.items() if one.type != "number"}
        return member_columns(levelled)

    def without(self, gone: np.ndarray, reason: str) -> "CandidateTable":
        """Return the rows of all identities but `gone` (I,) bool, which `left_out` counts by the
        reason."""
        keep = ~gone[self.identity]
        rows = np.flatnonzero(keep)
        number = np.cumsum(~gone, dtype=np.int32) - 1
        person = number[self.identity[keep]]
        kept = np.flatnonzero(~gone)
        traits = {name: codes.among(kept) for name, codes in self.identity_attributes.items()}
        return replace(
            self,
            uid=self.uid[keep],
            identity=person,
            identities=tuple(self.identities[i] for i in kept.tolist()),
            images={name: codes.among(rows) for name, codes in self.images.items()},
            identity_attributes=traits,
            texts=self.texts.among(keep, person),
            left_out={**self.left_out, reason: int((~keep).sum())},
        )

    @cached_property
    def identity_keys(self) -> np.ndarray:
        """Return a 64-bit key for each identity, `(I,) uint64`."""
        return sampling.hash64_many(
            sampling.join_canonical(dataset, identity) for dataset, identity in self.identities
        )

    @cached_property
    def of_identities(self) -> "dict[str, AttributeCodes]":
        """Return dataset, identity and identity attributes, one code for each identity."""
        found = {}
        columns = zip(("dataset", "identity"), zip(*self.identities, strict=True), strict=True)
        for name, values in columns:
            levels = sorted(set(values))
            place = {level: code for code, level in enumerate(levels)}
            found[name] = AttributeCodes(
                name, np.array([place[value] for value in values], dtype=np.int32), tuple(levels)
            )
        return {**found, **self.identity_attributes}

    @cached_property
    def sort_positions(self) -> np.ndarray | None:
        """Return the position `(N,)` of each row in the order dataset, identity, path; None if the
        rows are sorted so.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        if self.texts.ascending:
            return None
        keyed = pa.table(
            {"person": from_numpy(self.identity, pa.int32()), "path": self.texts.column("path")}
        )
        place = np.empty(len(self), dtype=np.int64)
        order = pc.sort_indices(keyed, [("person", "ascending"), ("path", "ascending")])
        place[sampling.to_numpy(order)] = np.arange(len(self))
        return place

    def in_order(self, rows: np.ndarray) -> np.ndarray:
        """Sorted positions of rows, put into the order dataset, identity, path."""
        return rows if self.sort_positions is None else rows[np.argsort(self.sort_positions[rows])]

    def codes(self, name: str) -> AttributeCodes:
        """An attribute of either level, or the identity itself, as codes of rows."""
        if name in self.images:
            return self.images[name]
        trait = self.of_identities[name]
        return AttributeCodes(name, trait.values[self.identity], trait.levels)

    def __len__(self) -> int:
        return len(self.uid)


def number_identities(
    dataset: AttributeCodes, identity: AttributeCodes
) -> tuple[np.ndarray, tuple[tuple[str, str], ...]]:
    """Number the (dataset, identity) pairs that occur, sorted: `(N,) int32` and the pairs."""
    pair = dataset.values.astype(np.int64) * max(len(identity.levels), 1) + identity.values
    size = len(dataset.levels) * len(identity.levels)
    if (
        size <= 8 * len(pair) + 65_536
    ):  # a table of flags beats sorting while it is not much larger than the rows
        used = np.zeros(size, dtype=bool)
        used[pair] = True
        kept = np.flatnonzero(used)
        number = np.cumsum(used, dtype=np.int32) - 1
        person = number[pair]
    else:
        kept, inverse = np.unique(pair, return_inverse=True)
        person = inverse.astype(np.int32)
    wide = max(len(identity.levels), 1)
    return person, tuple(
        (str(dataset.levels[code // wide]), str(identity.levels[code % wide])) for code in kept
    )


def determines(by: Sequence[np.ndarray], sizes: Sequence[int], target: np.ndarray) -> bool:
    """Return True if `target` (N,) is a function of the code arrays `by`: H(target | by) = 0.
    Unknown counts as a level.

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
