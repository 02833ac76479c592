"""Rows of a split copied from the row groups of its manifest to members.parquet."""

import heapq
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gprplus import schema
from gprplus.core.arrow import combine_chunks, constant, from_numpy, to_numpy
from gprplus.splits.candidates import (
    AttributeCodes,
    CandidateTable,
    decode_levels,
    encode_levels,
    number_identities,
)
from gprplus.splits.members import ROW_GROUP, members_writer
from gprplus.splits.parts import ROLES
from gprplus.splits.streaming.spool import KeySpool, MaskSpool, keys_fingerprint
from gprplus.splits.streaming.survey import Survey

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq


HELD = 1_000_000  # rows of small parts that wait until the part before them is written


@dataclass
class Part:
    """An arm in a deal, or the test set, where `queries` are those of its rows that are queries.

    `keys` gets the keys of training rows, or of queries and of the gallery; `fingerprint` is theirs
    once the part is written.
    """

    arm: str | None
    deal: int | None
    rows: MaskSpool
    keys: tuple[KeySpool, ...]
    queries: MaskSpool | None = None
    fingerprint: str = ""

    def add_keys(self, uid: np.ndarray, is_query: np.ndarray) -> None:
        """Spool the keys of some rows (n,)."""
        if self.queries is None:
            self.keys[0].add(uid)
        else:
            self.keys[0].add(uid[is_query])
            self.keys[1].add(uid[~is_query])

    def end(self) -> None:
        """Compute the fingerprint, and remove what was spooled."""
        self.fingerprint = keys_fingerprint(self.keys)
        self.rows.remove()


def _passes(parts: Sequence[Part]) -> Iterator[list[Part]]:
    """Parts that are written together: the first of any size, the others within HELD rows."""
    together: list[Part] = []
    held = 0
    for part in parts:
        if together and held + part.rows.count > HELD:
            yield together
            together, held = [], 0
        elif together:
            held += part.rows.count
        together.append(part)
    if together:
        yield together


class _Groups:
    """Writes tables as row groups of one size; the last one of a part is smaller."""

    def __init__(self, writer: "pq.ParquetWriter") -> None:
        self._writer = writer
        self._waiting: list[pa.Table] = []
        self._count = 0

    def add(self, table: "pa.Table") -> None:
        """Append rows of the part."""
        import pyarrow as pa

        self._waiting.append(table)
        self._count += len(table)
        if self._count >= ROW_GROUP:
            joined = pa.concat_tables(self._waiting)
            whole = self._count // ROW_GROUP * ROW_GROUP
            self._write(joined.slice(0, whole))
            self._waiting, self._count = [joined.slice(whole)], self._count - whole

    def end(self) -> None:
        """End the part."""
        import pyarrow as pa

        if self._count:
            self._write(pa.concat_tables(self._waiting))
        self._waiting, self._count = [], 0

    def _write(self, table: "pa.Table") -> None:
        self._writer.write_table(table.unify_dictionaries(), row_group_size=ROW_GROUP)


class MemberWriter:
    """Writes parts one after another; row groups hold rows of one part only."""

    def __init__(self, survey: Survey) -> None:
        self._source = survey.source
        self._pool = survey.columns()
        self._names = ["uid", "dataset", "identity", "path", *survey.levels]
        self._starts = np.cumsum([0, *survey.source.sizes])
        self._recent: tuple[int, pa.Table] | None = None

    def write(self, path: Path, parts: Sequence[Part]) -> None:
        """Write all parts into a file.

        Parts are written in turn. Each pass over the row groups reads one part for the file, and
        holds the next parts as long as they are small.
        """
        with members_writer(path, self._pool) as writer:
            for together in _passes(parts):
                held: list[list[pa.Table]] = [[] for _ in together]
                groups = _Groups(writer)
                for place, table in self._tables(together):
                    if place:
                        held[place].append(table)
                    else:
                        groups.add(table)
                groups.end()
                for tables in held[1:]:
                    while tables:
                        groups.add(tables.pop(0))
                    groups.end()
                for part in together:
                    part.end()

    def _tables(self, parts: Sequence[Part]) -> "Iterator[tuple[int, pa.Table]]":
        """Yield the rows of each part in each row group, with the place of the part."""
        wanted = [self._placed(place, part) for place, part in enumerate(parts)]
        for group, place, rows, is_query in heapq.merge(*wanted, key=lambda one: one[:2]):
            yield place, self._table(parts[place], group, rows, is_query)

    def _placed(self, place: int, part: Part) -> Iterator[tuple[int, int, np.ndarray, np.ndarray]]:
        for group, rows, is_query in self._rows(part):
            yield group, place, rows, is_query

    def _rows(self, part: Part) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """Yield the positions of rows in each row group, and which of them are queries."""
        queries = iter(()) if part.queries is None else part.queries.places()
        queried = np.empty(0, dtype=np.int64)
        for places in part.rows.places():
            while part.queries is not None and (not len(queried) or queried[-1] < places[-1]):
                more = next(queries, None)
                if more is None:
                    break
                queried = np.concatenate([queried, more])
            is_query = np.isin(places, queried)
            cuts = np.searchsorted(places, self._starts)
            for group in np.flatnonzero(np.diff(cuts)).tolist():
                here = slice(cuts[group], cuts[group + 1])
                yield group, places[here] - self._starts[group], is_query[here]
            queried = queried[queried > places[-1]]

    def _table(self, part: Part, group: int, rows: np.ndarray, is_query: np.ndarray) -> "pa.Table":
        import pyarrow as pa

        table = self._read(group).take(from_numpy(rows, pa.int64()))
        part.add_keys(to_numpy(combine_chunks(table.column("uid"))), is_query)
        for name, column in self._traits(table).items():
            table = table.append_column(name, column)
        if part.arm is not None:
            table = table.append_column("arm", constant(part.arm, len(table)))
            role = np.zeros(len(table), dtype=np.int32)
        else:
            gallery = ROLES.index("gallery")
            role = np.where(is_query, ROLES.index("query"), gallery).astype(np.int32)
        roles = AttributeCodes("role", role, ROLES)
        table = table.append_column("role", decode_levels(roles, _level_type()))
        if part.deal is not None:
            table = table.append_column(
                "deal", from_numpy(np.full(len(table), part.deal, np.int32))
            )
        return schema.conform(table, self._pool.member_columns)

    def _read(self, group: int) -> "pa.Table":
        """A row group; the last one is kept, since blocks may share it."""
        if self._recent is None or self._recent[0] != group:
            self._recent = group, self._source.read(group, self._names)
        return self._recent[1]

    def _traits(self, table: "pa.Table") -> "dict[str, pa.Array]":
        """The attributes of identities, one value a row."""
        known = {name: one for name, one in self._pool.identity_attributes.items() if one.levels}
        if not known:
            return {}
        dataset, identity = (encode_levels(name, table.column(name)) for name in _KEY)
        person, found = number_identities(dataset, identity)
        place = np.array([bisect_left(self._pool.identities, one) for one in found], np.int64)
        layout = schema.arrow_schema(self._pool.member_columns)
        return {
            name: decode_levels(codes.at(place[person]), layout.field(name).type)
            for name, codes in known.items()
        }


_KEY = ("dataset", "identity")


def _level_type() -> "pa.DataType":
    import pyarrow as pa

    return pa.dictionary(pa.int32(), pa.string())


def columns_of(pool: CandidateTable) -> list[str]:
    """Return the columns in the fingerprint of members (`parts.MemberRows.fingerprint`)."""
    apart = {"path", *pool.identity_attributes}
    return [column.name for column in pool.member_columns if column.name not in apart]
