"""The fingerprint of rows of a Parquet file, a row group of one column at a time.

It equals `sampling.table_fingerprint` of the same rows in one table.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gprplus.core import sampling
from gprplus.core.arrow import combine_chunks

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

LATER = ("weight", "deal")  # columns that splits made before there were any of them lack: null


@dataclass(frozen=True)
class StoredRows:
    """Rows `start` to `start + count` of a Parquet file that is open."""

    file: "pq.ParquetFile"
    start: int
    count: int

    def fingerprint(self, names: Sequence[str]) -> str:
        """Return the fingerprint of columns, without those of LATER that are absent or all null."""
        state = hashlib.sha256()
        for name in names:
            if name in LATER and not self._known(name):
                continue
            state.update(sampling.fingerprint_header(name, self.count))
            for block in self._blocks(name):
                state.update(block)
        return state.hexdigest()

    def columns(self, name: str) -> "Iterator[pa.Array]":
        """Yield the column, a row group at a time."""
        first = 0
        for group in range(self.file.metadata.num_row_groups):
            size = self.file.metadata.row_group(group).num_rows
            low, high = max(self.start - first, 0), min(self.start + self.count - first, size)
            if low < high:
                table = self.file.read_row_group(group, [name], use_threads=False)
                yield combine_chunks(table.column(name)).slice(low, high - low)
            first += size

    def _known(self, name: str) -> bool:
        if name not in self.file.schema_arrow.names:
            return False
        return any(column.null_count < len(column) for column in self.columns(name))

    def _blocks(self, name: str) -> Iterator[bytes]:
        """Yield the bytes of a column in a fingerprint: values, nulls zeroed; then the validity."""
        import pyarrow as pa

        bits = _Bits()
        coded = pa.types.is_dictionary(self.file.schema_arrow.field(name).type)
        place: dict[str | None, int] = {}
        if coded:
            levels = self._levels(name)
            yield from sampling.text_blocks(levels)
            place = {level: code for code, level in enumerate(levels)}
        for column in self.columns(name):
            valid = sampling.is_valid(column)
            bits.add(valid)
            if coded:
                names = column.dictionary.to_pylist()
                ranks = np.array([*(place.get(one, 0) for one in names), 0], dtype="<i4")
                codes = np.where(valid, sampling.to_numpy(column.indices), len(names))
                yield ranks[codes].tobytes()
            else:
                values = sampling.to_numpy(column)
                values = np.where(valid, values, np.zeros((), values.dtype))
                yield values.astype(values.dtype.newbyteorder("<")).tobytes()
        yield bits.packed()

    def _levels(self, name: str) -> list[str]:
        """The levels in use, sorted by code point."""
        found: set[str] = set()
        for column in self.columns(name):
            codes = sampling.to_numpy(column.indices)[sampling.is_valid(column)]
            used = np.bincount(codes, minlength=len(column.dictionary)) > 0
            names = column.dictionary.to_pylist()
            found.update(names[code] for code in np.flatnonzero(used).tolist())
        return sorted(found)


class _Bits:
    """Booleans that come in pieces, packed as if they had come in one."""

    def __init__(self) -> None:
        self._bytes: list[bytes] = []
        self._rest = np.empty(0, dtype=bool)

    def add(self, flags: np.ndarray) -> None:
        """Append booleans (n,)."""
        flags = np.concatenate([self._rest, flags])
        whole = len(flags) // 8 * 8
        self._bytes.append(np.packbits(flags[:whole]).tobytes())
        self._rest = flags[whole:]

    def packed(self) -> bytes:
        """Return all of them, eight a byte."""
        return b"".join([*self._bytes, np.packbits(self._rest).tobytes()])
