"""A table of a manifest as a Parquet file that is read a row group at a time."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from gprplus import schema
from gprplus.core.errors import ManifestError

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

AGAIN = "Build the manifest again with --force."


@dataclass(frozen=True)
class ParquetTable:
    """One Parquet file. Errors of reading it are raised as ManifestError."""

    path: Path

    def __reduce__(self) -> tuple[type["ParquetTable"], tuple[Path]]:
        """Pickle the path alone: the metadata of a large file are megabytes."""
        return ParquetTable, (self.path,)

    @cached_property
    def metadata(self) -> "pq.FileMetaData":
        """Return the metadata of the file, read once."""
        import pyarrow.parquet as pq

        with self._judged():
            return pq.read_metadata(self.path)

    @cached_property
    def names(self) -> list[str]:
        """The columns that the file has."""
        return [self.metadata.schema.column(i).name for i in range(self.metadata.num_columns)]

    @cached_property
    def sizes(self) -> list[int]:
        """Rows of each row group."""
        return [self.metadata.row_group(i).num_rows for i in range(self.metadata.num_row_groups)]

    def has(self, name: str) -> bool:
        """Return True if a column exists and, by the metadata of the file, is not all null."""
        if name not in self.names:
            return False
        place = self.names.index(name)
        for group, size in enumerate(self.sizes):
            statistics = self.metadata.row_group(group).column(place).statistics
            if statistics is None or not statistics.has_null_count or statistics.null_count < size:
                return True
        return False

    def read(self, group: int, names: Sequence[str]) -> "pa.Table":
        """Return columns of one row group. Thread-safe."""
        import pyarrow.parquet as pq

        with self._judged(), pq.ParquetFile(self.path, metadata=self.metadata) as file:
            return self._checked(file.read_row_group(group, list(names), use_threads=False))

    def read_all(self, names: Sequence[str]) -> "pa.Table":
        """Columns of the whole file.

        `pyarrow.parquet.read_table` goes through pyarrow.dataset, whose import takes longer than
        reading.
        """
        import pyarrow.parquet as pq

        schema.require(self.names, names, str(self.path))
        with self._judged(), pq.ParquetFile(self.path, metadata=self.metadata) as file:
            return self._checked(file.read(list(names)))

    def _checked(self, table: "pa.Table") -> "pa.Table":
        return schema.stored.check_stored(
            table, schema.TABLES.get(self.path.stem, ()), self.path, ManifestError, AGAIN
        )

    def _judged(self) -> AbstractContextManager[None]:
        return schema.stored.reading_table(self.path, ManifestError, AGAIN)
