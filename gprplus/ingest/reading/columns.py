"""The result of a batch as an Arrow table."""

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from gprplus.core.arrow import from_joined, from_numpy, from_strings
from gprplus.ingest.layouts.decode import TOKEN
from gprplus.ingest.layouts.worker_columns import WorkerColumn, arrow_codes, arrow_numbers
from gprplus.ingest.reading.batch import BatchResult, FileBatch, read_batch

if TYPE_CHECKING:
    from gprplus.ingest.layouts.layout import Layout

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


def empty_table(layout: "Layout", dataset: str) -> pa.Table:
    """The table of no files."""
    return outcome_table(layout, read_batch(FileBatch("", dataset, layout, "names", ())))
