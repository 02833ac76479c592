"""Files that differ from what a manifest recorded: their labels may no longer be true.

Files are compared by size and modification time, without opening them. Where every file of a
dataset has another time the dataset was copied, and only the sizes are compared. Objects are
compared by size and ETag, which the same bytes keep when they are uploaded again; where they were
listed, other ETags are never a copy.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gprplus import archives
from gprplus.core.errors import GprplusError, escape
from gprplus.core.parallel import map_threads
from gprplus.core.storage.address import is_address, shown_path
from gprplus.core.storage.client import etag_part
from gprplus.ingest.tables.manifest import Manifest

if TYPE_CHECKING:
    import pyarrow as pa

_TOGETHER = 4096  # files that one thread looks at in turn


@dataclass(frozen=True)
class ChangedFiles:
    """Files that changed since a manifest was built: how many of how many, and one of them as a
    clause, such as "a.jpg had 10 bytes and has 12".
    """

    manifest: Path
    count: int
    total: int
    example: str = ""

    def sentence(self) -> str:
        """Return one sentence about the changes; empty if there are none."""
        if not self.count:
            return ""
        return (
            f"{self.count:,} of {self.total:,} images have changed since the manifest"
            f" {os.path.normpath(self.manifest)} was built, such as {self.example}; their labels"
            " may no longer be true."
        )


def refuse_changed(
    manifest: Manifest,
    rows: "pa.Table",
    roots: Mapping[str, Path],
    error: type[GprplusError],
    remedy: str,
) -> None:
    """Raise `error` if files of `rows` (columns dataset, path) changed since `manifest` was built.

    `remedy` is the last sentence of the message, such as "Build the manifest again." Missing files
    are not reported here, but by their reader.
    """
    found = changed_files(manifest, rows, roots)
    if found.count:
        raise error(f"{found.sentence()} {remedy}")


def changed_files(manifest: Manifest, rows: "pa.Table", roots: Mapping[str, Path]) -> ChangedFiles:
    """Return the distinct files of `rows` (columns dataset, path) below `roots` that differ from
    the scan of `manifest`.

    A file that the scan lacks, or that is missing now, does not count.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    scan, count, total, example = manifest.scan(), 0, 0, ""
    for name, root in roots.items():
        mine = (
            rows.filter(pc.equal(rows.column("dataset").cast(pa.string()), name))
            .column("path")
            .unique()
        )
        known = scan.filter(pc.equal(scan.column("dataset").cast(pa.string()), name))
        place = pc.index_in(mine, known.column("path").combine_chunks())
        total += len(mine)
        paths = mine.filter(pc.is_valid(place)).to_pylist()
        recorded = known.take(place.drop_null()).select(["size_bytes", "mtime_ns"])
        before = np.stack([column.to_numpy() for column in recorded.columns], axis=1)
        now = read_signatures(root, paths)
        recorded_root = manifest.datasets[name].root if name in manifest.datasets else ""
        stored = is_address(root) and is_address(recorded_root)
        here = stored and os.fspath(root) == recorded_root
        changed = np.flatnonzero(_changed(before, now, stored=stored, here=here))
        count += len(changed)
        if len(changed) and not example:
            i = int(changed[0])
            example = _clause(f"{root}{os.sep}{paths[i]}", before[i], now[i])
    return ChangedFiles(manifest.path, count, total, example)


def read_signatures(root: Path, paths: Sequence[str]) -> np.ndarray:
    """Size in bytes and modification time in ns of files and members below `root`, `(N, 2) int64`;
    -1 where one is not there.
    """

    def some(start: int) -> list[tuple[int, int]]:
        places = [f"{root}{os.sep}{path}" for path in paths[start : start + together]]
        return [facts or (-1, -1) for facts in archives.file_stats(places)]

    together = len(paths) or 1 if is_address(root) else _TOGETHER
    parts = list(map_threads(some, range(0, len(paths), together)))
    return np.array([facts for part in parts for facts in part], np.int64).reshape(-1, 2)


def _changed(before: np.ndarray, now: np.ndarray, *, stored: bool, here: bool) -> np.ndarray:
    """`(N,) bool` from sizes and times `(N, 2) int64`, of objects if `stored`; `here` is whether
    they are where they were listed."""
    there = now[:, 0] >= 0
    size = there & (before[:, 0] != now[:, 0])
    time = there & (before[:, 1] != now[:, 1])
    if stored:
        tags = etag_part(before[:, 1])
        time &= (tags == 0) | (tags != etag_part(now[:, 1]))
    copied = not here and bool(time[there].all())
    return size if copied else size | time


def _clause(path: str, before: np.ndarray, now: np.ndarray) -> str:
    path = escape(shown_path(path))
    if before[0] != now[0]:
        return f"{path} had {int(before[0]):,} bytes and has {int(now[0]):,}"
    return f"{path} was written again"
