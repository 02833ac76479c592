"""One batch of files: names are parsed and files probed in a worker that needs only the standard
library.

A batch is a few thousand files of one or more folders. It is sent as strings and returned as plain
arrays, so that two million files are never two million Python objects at once.
"""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import compress
from typing import TYPE_CHECKING, Any

from gprplus.core.hashing import sha256_digest
from gprplus.core.storage.address import is_address
from gprplus.ingest.files.archive_members import is_stream_archive
from gprplus.ingest.files.archive_paths import ArchivePathVariants
from gprplus.ingest.files.classify import Probe
from gprplus.ingest.files.listing import FolderState, Listing, listing_paths
from gprplus.ingest.files.probe import probe_files
from gprplus.ingest.files.probe_members import probe_members
from gprplus.ingest.layouts.match import match_names, token_columns, uid_bytes
from gprplus.ingest.layouts.worker_columns import (
    Numbers,
    WorkerColumn,
    code_column,
    number_column,
    text_column,
)

if TYPE_CHECKING:
    from gprplus.ingest.layouts.layout import Layout

# Files of a batch by grade: 0.06 s of header work, so that the transfer costs little; fewer where
# every byte is read, so that progress is shown every second or so.
BATCH = {"names": 8192, "header": 8192, "digest": 2048, "decode": 1024}

Column = WorkerColumn | Numbers | list[str | None] | None

_UNSEEN = Probe(None, None)  # type: ignore[arg-type]


@dataclass(frozen=True)
class FileBatch:
    """Some files of one root, their layout, and a mask of files to open (one byte each; None: all).

    `views` is set if there are archives.
    """

    root: str
    dataset: str
    layout: "Layout"
    verify: str
    folders: tuple[FolderState, ...]
    fresh: bytes | None = None
    views: ArchivePathVariants | None = None

    def __len__(self) -> int:
        return sum(map(len, self.folders))

    def paths(self) -> list[str]:
        """Yield the path of every file below the root."""
        return [
            path for folder in self.folders for path in listing_paths(folder.path, folder.names)
        ]

    def states(self) -> dict[str, tuple[int, int]] | None:
        """Return size and modification time of the objects by path, from their listing; None for
        local files, which are looked at when they are opened."""
        if not is_address(self.root):
            return None
        sizes = [size for folder in self.folders for size in folder.sizes or ()]
        mtimes = [mtime for folder in self.folders for mtime in folder.mtimes or ()]
        return dict(zip(self.paths(), zip(sizes, mtimes, strict=True), strict=True))

    @property
    def key(self) -> str:
        """Return the digest of the batch within its request: a hash of its names and of the files
        to open."""
        names = (part for folder in self.folders for part in (folder.path, folder.joined))
        return sha256_digest(*names, self.fresh or b"")[:32]


@dataclass(frozen=True)
class BatchResult:
    """Result of a batch: one entry in every column for each file that matches the layout.

    `tokens` has one column for each group of the layout, `probes` one for each field of Probe (null
    if the file was not opened; `fresh` marks opened ones). `unmatched` are the paths that do not
    match.
    """

    files: int
    paths: str  # joined by NUL
    uids: bytes
    tokens: tuple[WorkerColumn, ...]
    fresh: bytes
    probes: dict[str, Column]
    unmatched: list[str]


_COLUMNS: dict[str, Callable[[Sequence[Any]], Column]] = {
    "size": number_column,
    "mtime": number_column,
    "format": code_column,
    "width": number_column,
    "height": number_column,
    "digest": text_column,
    "reason": code_column,
    "detail": text_column,
}


@contextmanager
def pausing_gc() -> Iterator[None]:
    """Disable garbage collection while the thousands of tuples of a batch exist: it would traverse
    them repeatedly."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


@pausing_gc()
def read_batch(batch: FileBatch) -> BatchResult:
    """Parse the names of a batch and probe the files that must be opened. Runs in a worker
    process."""
    every = batch.paths()
    tokens = match_names(batch.layout, every, batch.views)
    known = list(compress(every, tokens))
    fitting = [row for row in tokens if row]
    fresh = bytes(compress(batch.fresh, tokens)) if batch.fresh else b"\1" * len(known)
    look = probe_files if batch.views is None else probe_members
    wanted, states = list(compress(known, fresh)), batch.states()
    probes = look(batch.root, wanted, batch.verify, *([states] if states else []))
    if len(probes) < len(known):
        opened = iter(probes)
        probes = [next(opened) if new else _UNSEEN for new in fresh]
    columns: Sequence[Sequence] = list(zip(*probes, strict=True)) or [()] * len(_COLUMNS)
    return BatchResult(
        len(every),
        "\0".join(known),
        uid_bytes(batch.layout, batch.dataset, fitting),
        token_columns(batch.layout, fitting),
        fresh,
        {
            name: pack(column)
            for (name, pack), column in zip(_COLUMNS.items(), columns, strict=True)
        },
        [path for path, row in zip(every, tokens, strict=True) if row is None],
    )


def make_batches(
    listing: Listing, dataset: str, layout: "Layout", verify: str, fresh: bytes | None = None
) -> Iterator[FileBatch]:
    """Cut a listing into batches of about BATCH files. `fresh`, a byte a file, follows the
    listing's order.

    A shard of a build is every n-th of these: they depend on the names alone.
    """
    size = BATCH[verify]
    waiting: list[FolderState] = []
    count = done = 0

    def batch() -> FileBatch:
        mask = None if fresh is None else fresh[done : done + count]
        return FileBatch(
            str(listing.root), dataset, layout, verify, tuple(waiting), mask, listing.views
        )

    for folder in listing.folders:
        for piece in _pieces(folder, size):
            if count >= size and not (
                listing.views and is_stream_archive(listing.views, waiting[-1].path, piece.path)
            ):
                yield batch()
                waiting, count, done = [], 0, done + count
            waiting.append(piece)
            count += len(piece)
    if waiting:
        yield batch()


def _pieces(folder: FolderState, size: int) -> Iterator[FolderState]:
    if len(folder) <= size:
        yield folder
        return
    names = folder.names
    for start in range(0, len(names), size):
        sizes, mtimes = (
            looked and looked[start : start + size] for looked in (folder.sizes, folder.mtimes)
        )
        yield FolderState(folder.path, "\0".join(names[start : start + size]), sizes, mtimes)
