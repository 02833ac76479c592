"""Content of the archives under a root at the previous build: an unchanged one is not opened."""

from array import array
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from gprplus.ingest.files.archive_members import ArchiveContents, Memory
from gprplus.ingest.files.listing import HiddenFiles, RefusedPath
from gprplus.ingest.tables.manifest import Manifest
from gprplus.ingest.tables.select import filter_dataset


def remembered_archives(manifest: Manifest | None, root: Path) -> Memory | None:
    """Content of the archives under a root at the previous build, valid as long as size and time
    are unchanged."""
    if manifest is None:
        return None
    names = [name for name, place in manifest.roots().items() if place == root]
    about = manifest.datasets[names[0]] if names else None
    if about is None or not about.archives:
        return None
    tables: list[pa.Table] = []

    def contents(path: str, size: int, mtime: int) -> ArchiveContents | None:
        before = about.archives.get(path)
        if before is None or tuple(before[:2]) != (size, mtime):
            return None
        if not tables:
            tables.extend(
                (
                    filter_dataset(manifest.scan(), names[0]),
                    filter_dataset(manifest.rejected(), names[0]),
                )
            )
        if _has_unread(_below(tables[1], path)):
            return None
        known = about.hidden_members.get(path)
        hidden = HiddenFiles(known.files, known.folders, known.example) if known else HiddenFiles()
        return replace(
            _contents(path, before[2], *(_below(table, path) for table in tables)), hidden=hidden
        )

    return contents


def _has_unread(rejected: pa.Table) -> bool:
    """Return True if an archive, or a member of it, was not delivered: it is tried again."""
    return "unreadable" in rejected["reason"].unique().to_pylist()


def _below(table: pa.Table, path: str) -> pa.Table:
    """The rows of an archive's members and of the archive itself."""
    if not path:
        return table
    mine = pc.or_(pc.starts_with(table["path"], f"{path}/"), pc.equal(table["path"], path))
    return table.filter(mine)


def _contents(path: str, ignored: int, scan: pa.Table, rejected: pa.Table) -> ArchiveContents:
    """Opened members are in the scan; of the others, a name that did not fit is a member too, the
    rest was refused."""
    opened = set(scan["path"].to_pylist())
    others = [row for row in rejected.to_pylist() if row["path"] not in opened]
    unfit = [row["path"] for row in others if row["reason"] == "name"]
    refused = [
        RefusedPath(row["path"], row["reason"], row["detail"])
        for row in others
        if row["reason"] != "name"
    ]
    skip = len(path) + 1 if path else 0
    members = [member[skip:] for member in (*scan["path"].to_pylist(), *unfit)]
    return ArchiveContents(
        members, array("q", [*scan["size_bytes"].to_pylist(), *[0] * len(unfit)]), refused, ignored
    )
