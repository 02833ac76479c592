"""Checks stage between rows and tables: measures new files, scores all images, adds the columns.

Scores are recomputed from measurements on every change, because some depend on all images: seconds
for a million images, compared with minutes for measuring. Fingerprints do not depend on checks.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gprplus.archives import sort_for_reading
from gprplus.archives.names import may_be_inside
from gprplus.core.declarations import image_attributes
from gprplus.core.parallel import Progress, map_processes, no_progress, worker_count
from gprplus.ingest.checks import measure
from gprplus.ingest.checks.cache import MeasurementJournal, MeasurementKeys, load_cache, table_of
from gprplus.ingest.checks.known import REGISTRY, settings_of
from gprplus.ingest.checks.measure import ImageMeasurements, measure_files
from gprplus.ingest.checks.registry import CheckInput
from gprplus.ingest.tables.coded import coded_column
from gprplus.ingest.tables.manifest import Manifest
from gprplus.schema import arrow_schema
from gprplus.schema.check_columns import CHECKED
from gprplus.schema.manifest_record import CheckCounts, ChecksRecord

BATCH = 256  # files: 0.1 s of work, a fifth of a megabyte of results
_PAYS = 2_000  # files from which processes pay for their start of half a second each


class MeasureTask(NamedTuple):
    """Files of one root, and their rows."""

    root: Path
    paths: list[str]
    rows: np.ndarray


@dataclass(frozen=True)
class ChecksResult:
    """The images table with the columns of the checks, the table of measurements (None if no check
    requires it), and the record for manifest.json.
    """

    images: pa.Table
    measurements: pa.Table | None
    record: ChecksRecord


def run_checks(
    names: Sequence[str],
    images: pa.Table,
    scan: pa.Table,
    roots: Mapping[str, Path],
    *,
    old: Manifest | None = None,
    journal: Path | None = None,
    workers: int | None = None,
    progress: Progress = no_progress,
) -> ChecksResult:
    """Score every row of the images table (schema.IMAGES) by the named checks.

    `scan` has the modification time of each file, `roots` the folder of each dataset, `old` is the
    manifest with cached measurements. `journal` is a folder for the measurements of this call, from
    which the next call continues if this one is interrupted. With 2,000 files or more, worker
    processes are used.
    """
    marks, looks = MeasurementKeys.of(images, scan), None
    if any(REGISTRY[name].measurements for name in names):
        looks = _measurements(images, marks, roots, old, journal, workers, progress)
    rows = check_input(images, looks or ImageMeasurements.empty(0))
    columns: dict[str, pa.Array] = {}
    if looks is not None:
        columns |= {
            name: _known(looks.measure(name)) for name in ("brightness", "contrast", "sharpness")
        }
        columns["dhash"] = pa.array(looks.dhash, mask=~looks.decoded)
    found: dict[str, CheckCounts] = {}
    for name in names:
        scores = REGISTRY[name].score(rows).astype(np.float32)
        flags = REGISTRY[name].flags(scores)
        score, flag = REGISTRY[name].columns
        columns[score], columns[flag] = _known(scores), pa.array(flags, mask=np.isnan(scores))
        found[name] = CheckCounts(flagged=int(flags.sum()), judged=int(np.isfinite(scores).sum()))
    added = arrow_schema([column for column in CHECKED if column.name in columns])
    for field in added:
        images = images.append_column(field, columns[field.name])
    record = ChecksRecord(
        names=list(names),
        settings=settings_of(names),
        look=measure.VERSION,
        columns=added.names,
        found=found,
    )
    return ChecksResult(images, None if looks is None else table_of(marks, looks), record)


def check_input(images: pa.Table, looks: ImageMeasurements) -> CheckInput:
    """The images table as checks see it."""
    dataset, identity = (
        coded_column(images, "dataset").codes,
        coded_column(images, "identity").codes,
    )
    nobody = (identity < 0) | _true(images["is_junk"]) | _true(images["is_distractor"])
    circumstance = dataset
    for name in image_attributes():
        part = coded_column(images, name)
        packed = circumstance * (len(part.levels) + 1) + part.codes + 1
        circumstance = np.unique(packed, return_inverse=True)[1].astype(np.int64)
    return CheckInput(
        dataset,
        np.where(nobody, -1, dataset * (identity.max(initial=0) + 1) + identity),
        circumstance,
        _float(images["width_px"]),
        _float(images["height_px"]),
        looks,
    )


def _measurements(
    images: pa.Table,
    marks: MeasurementKeys,
    roots: Mapping[str, Path],
    old: Manifest | None,
    folder: Path | None,
    workers: int | None,
    progress: Progress,
) -> ImageMeasurements:
    """Return the measurements of every image: cached if the file has not changed since, else
    measured now."""
    looks = ImageMeasurements.empty(images.num_rows)
    journal = MeasurementJournal(folder, marks, looks)
    fresh = load_cache(looks, marks, _before(old))
    for part in journal.tables():
        fresh |= load_cache(looks, marks, part)
    stale = np.flatnonzero(~fresh)
    count = worker_count(workers) if len(stale) >= _PAYS else 1
    done = 0
    waiting: list[np.ndarray] = []

    def tasks() -> Iterator[MeasureTask]:
        for task in _tasks(images, stale, roots):
            waiting.append(task.rows)
            yield task

    for some in map_processes(_run, tasks(), count):
        rows = waiting.pop(0)
        looks.put(rows, some)
        journal.keep(rows)
        done += len(rows)
        progress(done, len(stale))
    return looks


def _before(old: Manifest | None) -> pa.Table | None:
    """The looks of a manifest, if they are of what is measured now."""
    checks = old.record.checks if old else None
    return None if old is None or checks is None or checks.look != measure.VERSION else old.looks()


def _run(task: MeasureTask) -> ImageMeasurements:
    return measure_files(task.root, task.paths)


def _tasks(images: pa.Table, stale: np.ndarray, roots: Mapping[str, Path]) -> Iterator[MeasureTask]:
    """The stale rows in batches of one dataset each."""
    dataset = coded_column(images, "dataset")
    for code, name in enumerate(dataset.levels):
        here = _as_they_lie(roots[name], images["path"], stale[dataset.codes[stale] == code])
        for start in range(0, len(here), BATCH):
            rows = here[start : start + BATCH]
            yield MeasureTask(roots[name], images["path"].take(pa.array(rows)).to_pylist(), rows)


def _as_they_lie(root: Path, paths: pa.ChunkedArray, rows: np.ndarray) -> np.ndarray:
    """The rows in the order their files are cheapest to read; only archives care."""
    archived = pc.match_substring_regex(paths, r"\.(tar|tgz|zip)", ignore_case=True)
    if not (may_be_inside(str(root)) or pc.any(archived, min_count=0).as_py()):
        return rows
    return rows[
        sort_for_reading([f"{root}/{path}" for path in paths.take(pa.array(rows)).to_pylist()])
    ]


def _known(values: np.ndarray) -> pa.Array:
    return pa.array(values.astype(np.float32), mask=np.isnan(values))


def _float(column: pa.ChunkedArray) -> np.ndarray:
    return np.asarray(pc.fill_null(column.cast(pa.float64()), float("nan")))


def _true(column: pa.ChunkedArray) -> np.ndarray:
    return np.asarray(pc.fill_null(column, False))
