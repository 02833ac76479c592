"""Reading a listing in batches, in as many processes as pay, into one Arrow table.

NumPy and pyarrow are imported when the workers already read: their import takes as long as that of
the workers.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from gprplus.core.executors.shards import Shard
from gprplus.core.parallel import Progress, map_processes, no_progress, worker_count
from gprplus.ingest.files.listing import Listing
from gprplus.ingest.reading.batch import FileBatch, make_batches, read_batch

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from gprplus.ingest.layouts.detect import DetectedLayout
    from gprplus.ingest.reading.partial import FinishedBatch, PartialResults

# Files from which processes pay for their start (about a tenth of a second each), by grade.
_PAYS = {"names": 60_000, "header": 20_000, "digest": 10_000, "decode": 1_000}


@dataclass
class FoundFiles:
    """What was read of a source.

    Attributes:
        unmatched: The paths that do not match.
        new: `(N,) bool` over the listing: the files that were read, where the rows of all others
            are kept; None where every name was read.
    """

    _table: "pa.Table | None"
    unmatched: list[str]
    new: "np.ndarray | None" = None

    def take_table(self) -> "pa.Table":
        """Hand over the table, which is no longer held here: at two million files it is a quarter
        of a gigabyte.

        It has a row for each file that matches the layout: uid, a column for each group, path,
        `fresh` and columns.PROBED, null where a file was not opened.
        """
        table, self._table = self._table, None
        assert table is not None, "it was taken before"
        return table


def read_files(
    listing: Listing,
    chosen: "DetectedLayout",
    verify: str,
    fresh: "np.ndarray | None" = None,
    *,
    parts: "PartialResults | None" = None,
    workers: int | None = None,
    progress: Progress = no_progress,
) -> "tuple[pa.Table, list[str]]":
    """Parse every name and probe the `fresh (N,) bool` files (all by default): a table of the files
    that match, and the paths that do not.

    `parts` has what an interrupted run finished, and is given what this one does.
    """
    cut = _cut(listing, chosen, verify, fresh)
    finished = {i: found for i, batch in enumerate(cut) if parts and (found := parts.get(batch))}
    outcomes = _read([batch for i, batch in enumerate(cut) if i not in finished], parts, workers)
    tables, unmatched, done, total = [], [], 0, len(listing)
    for i, batch in enumerate(cut):
        found = finished.pop(i) if i in finished else next(outcomes)
        tables.append(found.images)
        unmatched += found.unmatched
        done += len(batch)
        progress(done, total)
    next(outcomes, None)  # lets the processes end
    return _concatenated(tables, chosen), unmatched


def _cut(
    listing: Listing, chosen: "DetectedLayout", verify: str, fresh: "np.ndarray | None"
) -> list[FileBatch]:
    mask = None if fresh is None else fresh.tobytes()
    return list(make_batches(listing, chosen.name, chosen.layout, verify, mask))


def _concatenated(tables: "list[pa.Table]", chosen: "DetectedLayout") -> "pa.Table":
    import pyarrow as pa

    from gprplus.ingest.reading.columns import empty_table

    if not tables:
        return empty_table(chosen.layout, chosen.name)
    return pa.concat_tables(tables).unify_dictionaries()


def read_shard(
    shard: Shard,
    listing: Listing,
    chosen: "DetectedLayout",
    verify: str,
    *,
    parts: "PartialResults",
    fresh: "np.ndarray | None" = None,
    workers: int | None = None,
    progress: Progress = no_progress,
) -> int:
    """Read one share of the batches that read_files would read, into `parts`; the number of files
    in it."""
    cut = _cut(listing, chosen, verify, fresh)
    mine = [batch for i, batch in enumerate(cut) if shard.has(i)]
    todo = [batch for batch in mine if parts.get(batch) is None]
    total = sum(map(len, mine))
    done = total - sum(map(len, todo))
    for _, batch in zip(_read(todo, parts, workers), todo, strict=True):
        done += len(batch)
        progress(done, total)
    parts.finish()
    return total


def _read(
    todo: list[FileBatch], parts: "PartialResults | None", workers: int | None
) -> "Iterator[FinishedBatch]":
    """Yield batches in order, each passed to `parts` as soon as it is finished."""
    work = sum(len(batch) if batch.fresh is None else sum(batch.fresh) for batch in todo)
    count = worker_count(workers) if todo and work >= _PAYS[todo[0].verify] else 1
    outcomes = map_processes(read_batch, _importing_meanwhile(todo, count), count)
    for outcome, batch in zip(outcomes, todo, strict=True):
        from gprplus.ingest.reading.columns import outcome_table
        from gprplus.ingest.reading.partial import FinishedBatch

        found = FinishedBatch(outcome_table(batch.layout, outcome), outcome.unmatched)
        if parts is not None:
            parts.keep(batch, found)
        yield found


def _importing_meanwhile(todo: list[FileBatch], workers: int) -> Iterator[FileBatch]:
    """Yield the batches, and import pyarrow when the workers have some of them to start with: it
    takes as long as 60,000 files."""
    for i, batch in enumerate(todo):
        if i == 3 * workers:
            import_module("pyarrow.compute")
            import_module("pyarrow.parquet")
        yield batch
