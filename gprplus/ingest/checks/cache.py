"""Cached measurements: looks.parquet of the manifest, and the measurements of an interrupted build.

A measurement is identified by the image and the size and modification time of its file, so a file
is measured once.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gprplus.core.files.workdir import write_table
from gprplus.ingest.checks.measure import MEASURES, VERSION, ImageMeasurements
from gprplus.ingest.tables.coded import coded_column
from gprplus.ingest.tables.select import lookup_rows
from gprplus.schema import conform
from gprplus.schema.check_columns import LOOKS

SECONDS = 5.0  # shorter measurements are repeated faster than looked up


class MeasurementKeys(NamedTuple):
    """Identifiers of N measurements, `(N,)` each: uint64 keys, sizes in bytes, modification times
    in nanoseconds."""

    uid: np.ndarray
    size_bytes: np.ndarray
    mtime_ns: np.ndarray

    @classmethod
    def of(cls, images: pa.Table, scan: pa.Table) -> "MeasurementKeys":
        """Return the identifiers of all images; the time is -1 if it was not requested."""
        return cls(
            np.asarray(images["uid"]), np.asarray(images["size_bytes"]), _changed_at(images, scan)
        )

    def some(self, rows: np.ndarray) -> "MeasurementKeys":
        """Return the identifiers of some rows."""
        return MeasurementKeys(*(column[rows] for column in self))


def load_cache(
    looks: ImageMeasurements, marks: MeasurementKeys, memory: pa.Table | None
) -> np.ndarray:
    """Copy the measurements of a table (schema.check_columns.LOOKS) into matching rows, and return
    these rows: `(N,) bool`."""
    if memory is None or not memory.num_rows:
        return np.zeros(len(marks.uid), bool)
    known = MeasurementKeys(*(np.asarray(memory[name]) for name in MeasurementKeys._fields))
    order = np.argsort(known.uid)
    place = order[np.minimum(np.searchsorted(known.uid, marks.uid, sorter=order), len(order) - 1)]
    same = marks.mtime_ns != -1
    for ours, theirs in zip(marks, known, strict=True):
        same &= theirs[place] == ours
    rows, place = np.flatnonzero(same), place[same]
    looks.content[rows] = _bytes(memory["content"], looks.content.shape[1])[place]
    looks.thumbnail[rows] = _bytes(memory["thumbnail"], looks.thumbnail.shape[1])[place]
    for name in ("decoded", "damaged", "dhash"):
        getattr(looks, name)[rows] = np.asarray(memory[name])[place]
    for i, name in enumerate(MEASURES):
        looks.measures[rows, i] = np.asarray(memory[name])[place]
    return same


def table_of(marks: MeasurementKeys, looks: ImageMeasurements) -> pa.Table:
    """Looks as a table with schema.check_columns.LOOKS."""
    columns = {
        **{
            name: pa.array(values)
            for name, values in zip(MeasurementKeys._fields, marks, strict=True)
        },
        "content": _binary(looks.content),
        "decoded": pa.array(looks.decoded),
        "damaged": pa.array(looks.damaged),
        **{name: pa.array(looks.measures[:, i]) for i, name in enumerate(MEASURES)},
        "dhash": pa.array(looks.dhash),
        "thumbnail": _binary(looks.thumbnail),
    }
    return conform(pa.table(columns), LOOKS)


@dataclass
class MeasurementJournal:
    """Looks written down every few seconds while they are taken, for the build that comes after one
    that was killed.

    One file a part below `folder`, each a table with schema.check_columns.LOOKS; without a folder
    nothing is written.
    """

    folder: Path | None
    cached: MeasurementKeys
    measurements: ImageMeasurements
    _waiting: list[np.ndarray] = field(default_factory=list)
    _since: float = field(default_factory=time.monotonic)

    def tables(self) -> Iterator[pa.Table]:
        """Yield the measurements of earlier builds; a part that cannot be read is measured
        again."""
        for path in sorted(self.folder.glob(f"{VERSION}-*.parquet")) if self.folder else ():
            try:
                with pq.ParquetFile(path) as file:
                    yield file.read()
            except (OSError, ValueError):
                continue

    def keep(self, rows: np.ndarray) -> None:
        """Record the measurements of some rows."""
        self._waiting.append(rows)
        if self.folder and time.monotonic() - self._since >= SECONDS:
            rows = np.concatenate(self._waiting)
            part = table_of(self.cached.some(rows), self.measurements.some(rows))
            write_table(self.folder / f"{VERSION}-{self.cached.uid[rows[0]]:016x}.parquet", part)
            self._waiting, self._since = [], time.monotonic()


def _changed_at(images: pa.Table, scan: pa.Table) -> np.ndarray:
    """Return the modification time of each file in nanoseconds, `(N,) int64`, -1 if it was not
    requested."""
    times = np.full(images.num_rows, -1, np.int64)
    dataset, scanned = coded_column(images, "dataset"), coded_column(scan, "dataset")
    for code, name in enumerate(dataset.levels):
        if name not in scanned.levels:
            continue
        here = np.flatnonzero(dataset.codes == code)
        there = scan.filter(pa.array(scanned.codes == scanned.levels.index(name)))
        found = lookup_rows(images["path"].take(pa.array(here)), there["path"])
        times[here] = np.asarray(pc.fill_null(there["mtime_ns"].take(found), -1))
    return times


def _binary(values: np.ndarray) -> pa.Array:
    """`(N, W) uint8` as a binary column."""
    count, width = values.shape
    offsets = pa.py_buffer(np.arange(0, (count + 1) * width, width, dtype=np.int32)[: count + 1])
    return pa.Array.from_buffers(
        pa.binary(), count, [None, offsets, pa.py_buffer(np.ascontiguousarray(values))]
    )


def _bytes(column: pa.ChunkedArray, width: int) -> np.ndarray:
    """A binary column whose values are all `width` long, as `(N, W) uint8`."""
    parts = [np.frombuffer(b"", np.uint8)]
    for chunk in column.chunks:
        data = chunk.buffers()[2]
        if len(chunk):
            parts.append(
                np.frombuffer(data, np.uint8)[chunk.offset * width :][: len(chunk) * width]
            )
    return np.concatenate(parts).reshape(-1, width)
