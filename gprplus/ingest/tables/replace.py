"""Locking and atomic replacement: one build at a time, and a new manifest replaces the old one
completely or not."""

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gprplus.core.errors import ManifestError
from gprplus.core.files.folders import hold_folder, remove_output
from gprplus.core.files.workdir import write_json, write_table
from gprplus.ingest.tables.manifest import LOOKS, NEXT, RECORD, TABLES, interrupted

if TYPE_CHECKING:
    import pyarrow as pa

KIND = "a manifest"  # of folder, as its mark states


@contextmanager
def hold_manifest(folder: Path) -> Iterator[None]:
    """The right to replace a manifest: one process at a time. A replacement that was interrupted is
    finished first."""
    with hold_folder(folder, KIND, ManifestError, adopt=True):
        _take_place(folder)
        remove_output(folder / NEXT)
        yield


def replace_manifest(
    folder: Path, tables: "Mapping[str, pa.Table]", record: Callable[[], Mapping[str, Any]]
) -> None:
    """Replace the tables and their record by new ones, so that no reader accepts a mixture.

    `record` is called while the tables are written: the fingerprint of the rows takes as long.

    Everything is first written to temporary names, the record last; then each file is renamed, the
    record last again. Interrupted before the record exists, the old manifest is unchanged; after
    it, the next build finishes the renaming.
    """
    staged = folder / NEXT
    with ThreadPoolExecutor(len(tables)) as pool:
        writes = [
            pool.submit(write_table, staged / f"{name}.parquet", table)
            for name, table in tables.items()
        ]
        info = record()
        for write in writes:
            write.result()
    write_json(staged / RECORD, info)
    if LOOKS not in tables:
        remove_output(folder / f"{LOOKS}.parquet")
    _take_place(folder)


def _take_place(folder: Path) -> None:
    staged = folder / NEXT
    if not interrupted(folder):
        return
    for name in (*(f"{table}.parquet" for table in (*TABLES, LOOKS)), RECORD):
        if (staged / name).exists():
            os.replace(staged / name, folder / name)
    remove_output(staged)
