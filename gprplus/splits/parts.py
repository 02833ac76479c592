"""A part of a split, one deal of an arm or the test set: its rows as tables, and its fingerprint
without them."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from gprplus import schema
from gprplus.core import sampling
from gprplus.core.arrow import from_numpy
from gprplus.splits.candidates import AttributeCodes, CandidateTable, decode_levels
from gprplus.splits.test_sets.test_set import run_starts

if TYPE_CHECKING:
    import pyarrow as pa

ROLES = ("train", "query", "gallery")
_PLAIN = {
    "uid": "<u8",
    "weight": "<f8",
    "deal": "<i4",
}  # columns that are numbers: their type in a fingerprint


@dataclass(frozen=True)
class MemberRows:
    """Rows of one arm, or the test rows: positions in the pool, the code of the arm, and the codes
    of the roles.

    Arm and role are `(1,)` where they are the same for all rows. `deal` is None where the arm has
    one deal.
    """

    pool: CandidateTable
    rows: np.ndarray
    arm: AttributeCodes
    role: np.ndarray
    weights: np.ndarray | None = None
    deal: int | None = None

    def table(self, start: int = 0, stop: int | None = None) -> "pa.Table":
        """Rows from `start` to `stop` as schema.MEMBERS."""
        import pyarrow as pa

        rows = self.rows[start:stop]
        layout = schema.arrow_schema(self.pool.member_columns)
        columns = {
            name: decode_levels(self._at(name, rows, slice(start, stop)), layout.field(name).type)
            for name in self._coded
        }
        person = self.pool.identity[rows]
        heads = np.flatnonzero(
            run_starts(person)
        )  # rows are sorted by identity: repeating is faster than looking up
        lengths = np.diff(np.append(heads, len(rows)))
        for name, codes in self.pool.of_identities.items():
            repeated = AttributeCodes(
                name, np.repeat(codes.values[person[heads]], lengths), codes.levels
            )
            columns[name] = decode_levels(repeated, layout.field(name).type)
        columns["uid"] = from_numpy(self.pool.uid[rows], layout.field("uid").type)
        weight = layout.field("weight").type
        weights = self.weights
        columns["weight"] = (
            pa.nulls(len(rows), weight)
            if weights is None
            else from_numpy(weights[start:stop], weight)
        )
        deal = layout.field("deal").type
        deals = None if self.deal is None else np.broadcast_to(self.deal, len(rows))
        columns["deal"] = pa.nulls(len(rows), deal) if deals is None else from_numpy(deals, deal)
        columns["path"] = self.pool.texts.take("path", rows)
        return pa.table([columns[field.name] for field in layout], schema=layout)

    @cached_property
    def fingerprint(self) -> str:
        """Return the result of `sampling.table_fingerprint` for the columns, without path, absent
        weights and absent deals.

        The uid represents the path, and a dataset can move; the manifest's fingerprint covers
        identity attributes.
        """
        layout = schema.arrow_schema(self.pool.member_columns)
        absent = [
            name for name, value in (("weight", self.weights), ("deal", self.deal)) if value is None
        ]
        apart = {"path", *self.pool.identity_attributes, *absent}
        state = hashlib.sha256()
        for name in layout.names:
            if name not in apart:
                for block in self._bytes(name, layout.field(name).type):
                    state.update(block)
        return state.hexdigest()

    @property
    def _coded(self) -> Sequence[str]:
        return ("arm", "role", *self.pool.images)

    def _at(self, name: str, rows: np.ndarray, span: slice) -> AttributeCodes:
        """Return one value for each row, of columns that are not identity attributes."""
        if name in self.pool.images:
            return self.pool.images[name].at(rows)
        codes = self.arm if name == "arm" else AttributeCodes("role", self.role, ROLES)
        values = (
            codes.values[span]
            if len(codes.values) > 1
            else np.broadcast_to(codes.values, len(rows))
        )
        return AttributeCodes(name, values, codes.levels)

    def _numbers(self, name: str) -> np.ndarray:
        """The values of a column of `_PLAIN` that is there."""
        if name == "uid":
            return self.pool.uid[self.rows]
        values = self.weights if name == "weight" else self.deal
        assert values is not None
        return np.broadcast_to(values, len(self.rows))

    def _bytes(self, name: str, kind: "pa.DataType") -> Iterator[Any]:
        """Return the bytes of a column in a fingerprint."""
        count = len(self.rows)
        yield sampling.fingerprint_header(name, count)
        if name in _PLAIN:
            yield np.ascontiguousarray(self._numbers(name), dtype=_PLAIN[name])
            yield np.packbits(np.ones(count, dtype=bool))
            return
        if name in self.pool.of_identities:
            codes = self.pool.of_identities[name]
            codes = AttributeCodes(name, codes.values[self.pool.identity[self.rows]], codes.levels)
        else:
            codes = self._at(name, self.rows, slice(None))
        yield from sampling.fingerprint_codes(codes.values, codes.levels)
