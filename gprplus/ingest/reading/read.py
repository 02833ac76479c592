"""Reading a listing in batches, in as many processes as pay, into one Arrow table."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from gprplus.core.arrow import from_joined, from_numpy, from_strings
from gprplus.core.parallel import Progress, available_cores, map_processes, no_progress
from gprplus.ingest.files.listing import Listing
from gprplus.ingest.layouts.decode import TOKEN
from gprplus.ingest.layouts.worker_columns import WorkerColumn, arrow_codes, arrow_numbers
from gprplus.ingest.reading.batch import BatchResult, FileBatch, make_batches, read_batch
from gprplus.ingest.reading.partial import FinishedBatch, PartialResults
from gprplus.ingest.reading.shard import ReadShard

if TYPE_CHECKING:
    from gprplus.ingest.layouts.detect import DetectedLayout
    from gprplus.ingest.layouts.layout import Layout

# Files from which processes pay for their start (about a tenth of a second each), by grade.
_PAYS = {"names": 60_000, "header": 20_000, "digest": 10_000, "decode": 1_000}

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


def read_files(
    listing: Listing,
    dataset: str,
    layout: "Layout",
    verify: str,
    *,
    fresh: np.ndarray | None = None,
    parts: PartialResults | None = None,
    workers: int | None = None,
    progress: Progress = no_progress,
) -> tuple[pa.Table, list[str]]:
    """Parse every name and probe every fresh file: (one table for the files that match, the paths
    that do not).

    The table has uid, a column per group of the layout, path, `fresh` and PROBED, null where a file
    was not opened. `parts` has what an earlier run finished, and is given what this one does.
    Processes start fresh, so a script that calls this on a large folder needs the usual `if
    __name__ == "__main__":`.
    """
    cut = list(
        make_batches(listing, dataset, layout, verify, None if fresh is None else fresh.tobytes())
    )
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
    return pa.concat_tables(tables).unify_dictionaries() if tables else _empty(
        layout, dataset
    ), unmatched


def read_shard(
    shard: ReadShard,
    listing: Listing,
    chosen: "DetectedLayout",
    verify: str,
    *,
    parts: PartialResults,
    fresh: np.ndarray | None = None,
    workers: int | None = None,
    progress: Progress = no_progress,
) -> int:
    """Read one share of the batches that read_files would read, into `parts`; the number of files
    in it."""
    cut = list(
        make_batches(
            listing, chosen.name, chosen.layout, verify, None if fresh is None else fresh.tobytes()
        )
    )
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
    todo: list[FileBatch], parts: PartialResults | None, workers: int | None
) -> Iterator[FinishedBatch]:
    """Yield batches in order, each passed to `parts` as soon as it is finished."""
    work = sum(len(batch) if batch.fresh is None else sum(batch.fresh) for batch in todo)
    count = (workers or available_cores()) if todo and work >= _PAYS[todo[0].verify] else 1
    for outcome, batch in zip(map_processes(read_batch, todo, count), todo, strict=True):
        found = FinishedBatch(outcome_table(batch.layout, outcome), outcome.unmatched)
        if parts is not None:
            parts.keep(batch, found)
        yield found


def outcome_table(layout: "Layout", outcome: BatchResult) -> pa.Table:
    """The columns of a batch as Arrow."""
    uids = np.frombuffer(outcome.uids, ">u8").astype(np.uint64)
    fresh = np.frombuffer(outcome.fresh, np.uint8).astype(bool)
    columns = [
        from_numpy(uids),
        *map(arrow_codes, outcome.tokens),
        from_joined(outcome.paths),
        from_numpy(fresh),
    ]
    for field, column in zip(PROBED, outcome.probes.values(), strict=True):
        if isinstance(column, WorkerColumn):
            columns.append(arrow_codes(column))
        elif pa.types.is_string(field.type):
            columns.append(
                pa.nulls(len(fresh), field.type) if column is None else from_strings(column)  # type: ignore[arg-type]
            )
        else:
            columns.append(arrow_numbers(column, field.type))  # type: ignore[arg-type]
    return pa.table(columns, ["uid", *layout.groups, "path", "fresh", *PROBED.names])


def _empty(layout: "Layout", dataset: str) -> pa.Table:
    return outcome_table(layout, read_batch(FileBatch("", dataset, layout, "names", ())))
