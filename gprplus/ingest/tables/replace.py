"""One build at a time, and a new manifest in the place of the old one: wholly, or not at all."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gprplus.errors import ManifestError
from gprplus.ingest.tables.manifest import LOOKS, NEXT, RECORD, TABLES, interrupted
from gprplus.runs import alone, clear, write_json, write_table

if TYPE_CHECKING:
    import pyarrow as pa

_LOCK = ".lock"


@contextmanager
def building(folder: Path) -> Iterator[None]:
    """The right to replace a manifest: one process at a time. A replacement that was interrupted is finished first."""
    busy = f"Another build-manifest is at work in {folder}. Wait for it, or give another folder with -o."
    with alone(folder / _LOCK, ManifestError, busy):
        _take_place(folder)
        clear(folder / NEXT)
        yield


def replace(folder: Path, tables: "Mapping[str, pa.Table]", info: Mapping[str, Any]) -> None:
    """Put new tables and their record in the place of the old, so that no reader ever takes a mixture for whole.

    Everything is written beside first, the record last; then each file is renamed into place, the record last again.
    Interrupted before the record stands, the old manifest is untouched; after it, the next build finishes the renaming.
    """
    staged = folder / NEXT
    for name, table in tables.items():
        write_table(staged / f"{name}.parquet", table)
    write_json(staged / RECORD, info)
    if LOOKS not in tables:
        (folder / f"{LOOKS}.parquet").unlink(missing_ok=True)
    _take_place(folder)


def _take_place(folder: Path) -> None:
    staged = folder / NEXT
    if not interrupted(folder):
        return
    for name in (*(f"{table}.parquet" for table in (*TABLES, LOOKS)), RECORD):
        if (staged / name).exists():
            os.replace(staged / name, folder / name)
    clear(staged)
