"""Reading a listing in batches, in as many processes as pay: names are parsed and files probed side by side.

A batch is a few thousand files of one or more folders. It goes out as strings and comes back as an Arrow table, so that
two million files never are two million Python objects.
"""

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from gprplus.ingest.parse import TOKEN, match, token_table
from gprplus.ingest.probe import Probe, probe_files
from gprplus.ingest.scan import Folder, Listing, paths
from gprplus.parallel import Progress, cores, in_processes, silent

if TYPE_CHECKING:
    from gprplus.ingest.layout import Layout

BATCH = 4096  # files: 0.03 s of header work, so that handing over costs nothing beside it
# Files from which processes pay for their start (about half a second each), by grade.
_PAYS = {"names": 100_000, "header": 40_000, "digest": 15_000, "decode": 1_500}

PROBED = pa.schema(
    [
        ("size_bytes", pa.int64()),
        ("mtime_ns", pa.int64()),
        ("format", TOKEN),
        ("width_px", pa.int32()),
        ("height_px", pa.int32()),
        ("digest", pa.string()),
        ("reason", TOKEN),
        ("detail", pa.string()),
    ]
)


@dataclass(frozen=True)
class Batch:
    """Some files of one root, how they are named, and which of them must be opened (None: all)."""

    root: str
    dataset: str
    layout: "Layout"
    verify: str
    folders: tuple[Folder, ...]
    fresh: np.ndarray | None = None


@dataclass(frozen=True)
class Outcome:
    """What a batch came to.

    `images` has path, uid and a column per group of each file that matches the layout, with what the probe said (null
    where the file was not opened; `fresh` says which); `unmatched` are the paths that do not match.
    """

    images: pa.Table
    unmatched: list[str]
    files: int


@contextmanager
def uncollected() -> Iterator[None]:
    """No garbage collection while a batch's thousands of tuples live: it would look through them again and again."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


@uncollected()
def read_batch(batch: Batch) -> Outcome:
    """Parse the names of a batch and probe the files that must be opened. Runs in a worker process."""
    every = [path for folder in batch.folders for path in paths(folder.path, folder.names)]
    tokens = match(batch.layout, every)
    matched = [i for i, row in enumerate(tokens) if row is not None]
    known = [every[i] for i in matched]
    fresh = np.ones(len(known), bool) if batch.fresh is None else batch.fresh[matched]
    images = token_table(batch.layout, batch.dataset, [tokens[i] for i in matched])  # type: ignore[misc]
    images = images.append_column("path", pa.array(known, pa.string())).append_column("fresh", pa.array(fresh))
    opened = known if fresh.all() else [path for path, new in zip(known, fresh, strict=True) if new]
    probes = spread(probe_table(probe_files(batch.root, opened, batch.verify)), fresh)
    for name in PROBED.names:
        images = images.append_column(name, probes.column(name))
    unmatched = [path for path, row in zip(every, tokens, strict=True) if row is None]
    return Outcome(images, unmatched, len(every))


def probe_table(probes: Sequence[Probe]) -> pa.Table:
    """Probes as columns."""
    columns = zip(*probes, strict=True) if probes else [()] * len(PROBED)
    return pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, PROBED, strict=True)], schema=PROBED
    )


def spread(table: pa.Table, where: np.ndarray) -> pa.Table:
    """The rows of `table` put where `where` is true, nulls elsewhere."""
    if where.all():
        return table
    rows = np.cumsum(where) - 1
    return table.take(pa.array(rows, mask=~where))


def batches(
    listing: Listing, dataset: str, layout: "Layout", verify: str, fresh: np.ndarray | None = None
) -> Iterator[Batch]:
    """Cut a listing into batches of about BATCH files. `fresh` `(N,) bool` follows the listing's order.

    A shard of a build is every n-th of these: they depend on the names alone.
    """
    waiting: list[Folder] = []
    count = done = 0

    def batch() -> Batch:
        mask = None if fresh is None else fresh[done : done + count]
        return Batch(str(listing.root), dataset, layout, verify, tuple(waiting), mask)

    for folder in listing.folders:
        for piece in _pieces(folder):
            waiting.append(piece)
            count += len(piece)
            if count >= BATCH:
                yield batch()
                waiting, count, done = [], 0, done + count
    if waiting:
        yield batch()


def _pieces(folder: Folder) -> Iterator[Folder]:
    if len(folder) <= BATCH:
        yield folder
        return
    names = folder.names
    for start in range(0, len(names), BATCH):
        yield Folder(folder.path, "\0".join(names[start : start + BATCH]))


def read_files(
    listing: Listing,
    dataset: str,
    layout: "Layout",
    verify: str,
    *,
    fresh: np.ndarray | None = None,
    workers: int | None = None,
    progress: Progress = silent,
) -> tuple[pa.Table, list[str]]:
    """Parse every name and probe every fresh file: (one table for the files that match, the paths that do not).

    Processes start fresh, so a script that calls this on a large folder needs the usual `if __name__ == "__main__":`.
    """
    total = len(listing)
    work = total if fresh is None else int(fresh.sum())
    count = (workers or cores()) if work >= _PAYS[verify] else 1
    tables, unmatched, done = [], [], 0
    for outcome in in_processes(read_batch, batches(listing, dataset, layout, verify, fresh), count):
        tables.append(outcome.images)
        unmatched += outcome.unmatched
        done += outcome.files
        progress(done, total)
    return pa.concat_tables(tables).unify_dictionaries() if tables else _empty(layout, dataset), unmatched


def _empty(layout: "Layout", dataset: str) -> pa.Table:
    return read_batch(Batch("", dataset, layout, "names", ())).images
