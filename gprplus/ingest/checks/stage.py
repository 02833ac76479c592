"""The stage between the rows and the tables: looks at what has not been looked at, judges all, adds the columns.

Looks are remembered in looks.parquet by image, size and modification time, so a file is looked at once in its life.
Scores are made anew from looks on every change, for some depend on all the others: 2 s for a million images, where
looking took minutes. Nothing here enters a fingerprint: rows are the same rows, checked or not.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gprplus.archives import reading_order
from gprplus.archives.names import may_be_inside
from gprplus.declared import image_attributes
from gprplus.ingest.checks import look
from gprplus.ingest.checks.base import Rows
from gprplus.ingest.checks.columns import CHECKED, LOOKS
from gprplus.ingest.checks.known import REGISTRY, settings_of
from gprplus.ingest.checks.look import MEASURES, Looks, look_at_files
from gprplus.ingest.earlier import places
from gprplus.ingest.inspection import codes_of
from gprplus.ingest.manifest import Manifest
from gprplus.parallel import Progress, cores, in_processes, silent
from gprplus.schema import arrow_schema, conform

BATCH = 256  # files: 0.1 s of work, a fifth of a megabyte of results
_PAYS = 2_000  # files from which processes pay for their start of half a second each


class Task(NamedTuple):
    """Some files of one root, and the rows they belong to."""

    root: Path
    paths: list[str]
    rows: np.ndarray


@dataclass(frozen=True)
class Checked:
    """The images table with the columns of the checks, the table of looks (None where no check asks for one), and
    the record for manifest.json.
    """

    images: pa.Table
    looks: pa.Table | None
    record: dict[str, Any]


def checked(
    names: Sequence[str],
    images: pa.Table,
    scan: pa.Table,
    roots: Mapping[str, Path],
    *,
    old: Manifest | None = None,
    workers: int | None = None,
    progress: Progress = silent,
) -> Checked:
    """Judge every row of the images table (schema.IMAGES) by the named checks.

    `scan` tells when each file last changed, `roots` where each dataset's files lie, `old` is the manifest whose looks
    are remembered. From 2,000 files on, worker processes look.
    """
    looks = None
    if any(REGISTRY[name].looks for name in names):
        looks = _looks(images, _changed_at(images, scan), roots, old, workers, progress)
    rows = rows_of(images, looks or Looks.empty(0))
    columns: dict[str, pa.Array] = {}
    if looks is not None:
        columns |= {name: _known(looks.measure(name)) for name in ("brightness", "contrast", "sharpness")}
        columns["dhash"] = pa.array(looks.dhash, mask=~looks.decoded)
    found: dict[str, Any] = {}
    for name in names:
        scores = REGISTRY[name].judge(rows).astype(np.float32)
        flags = REGISTRY[name].flags(scores)
        score, flag = REGISTRY[name].columns
        columns[score], columns[flag] = _known(scores), pa.array(flags, mask=np.isnan(scores))
        found[name] = {"flagged": int(flags.sum()), "judged": int(np.isfinite(scores).sum())}
    added = arrow_schema([column for column in CHECKED if column.name in columns])
    for field in added:
        images = images.append_column(field, columns[field.name])
    record = {
        "names": list(names),
        "settings": settings_of(names),
        "look": look.VERSION,
        "columns": added.names,
        "found": found,
    }
    return Checked(images, None if looks is None else _table(images, scan, looks), record)


def rows_of(images: pa.Table, looks: Looks) -> Rows:
    """The images table as checks see it."""
    dataset, identity = codes_of(images, "dataset").codes, codes_of(images, "identity").codes
    nobody = (identity < 0) | _true(images["is_junk"]) | _true(images["is_distractor"])
    circumstance = dataset
    for name in image_attributes():
        part = codes_of(images, name)
        packed = circumstance * (len(part.levels) + 1) + part.codes + 1
        circumstance = np.unique(packed, return_inverse=True)[1].astype(np.int64)
    return Rows(
        dataset,
        np.where(nobody, -1, dataset * (identity.max(initial=0) + 1) + identity),
        circumstance,
        _float(images["width_px"]),
        _float(images["height_px"]),
        looks,
    )


def _looks(
    images: pa.Table,
    changed_at: np.ndarray,
    roots: Mapping[str, Path],
    old: Manifest | None,
    workers: int | None,
    progress: Progress,
) -> Looks:
    """A look at every image: remembered where the file has not changed since, else taken now."""
    looks = Looks.empty(images.num_rows)
    fresh = _remembered(looks, images, changed_at, old)
    stale = np.flatnonzero(~fresh)
    count = (workers or cores()) if len(stale) >= _PAYS else 1
    done = 0
    waiting: list[np.ndarray] = []

    def tasks() -> Iterator[Task]:
        for task in _tasks(images, stale, roots):
            waiting.append(task.rows)
            yield task

    for some in in_processes(_run, tasks(), count):
        rows = waiting.pop(0)
        looks.put(rows, some)
        done += len(rows)
        progress(done, len(stale))
    return looks


def _run(task: Task) -> Looks:
    return look_at_files(task.root, task.paths)


def _tasks(images: pa.Table, stale: np.ndarray, roots: Mapping[str, Path]) -> Iterator[Task]:
    """The stale rows in batches of one dataset each."""
    dataset = codes_of(images, "dataset")
    for code, name in enumerate(dataset.levels):
        here = _as_they_lie(roots[name], images["path"], stale[dataset.codes[stale] == code])
        for start in range(0, len(here), BATCH):
            rows = here[start : start + BATCH]
            yield Task(roots[name], images["path"].take(pa.array(rows)).to_pylist(), rows)


def _as_they_lie(root: Path, paths: pa.ChunkedArray, rows: np.ndarray) -> np.ndarray:
    """The rows in the order their files are cheapest to read; only archives care."""
    archived = pc.match_substring_regex(paths, r"\.(tar|tgz|zip)", ignore_case=True)
    if not (may_be_inside(str(root)) or pc.any(archived, min_count=0).as_py()):
        return rows
    return rows[reading_order([f"{root}/{path}" for path in paths.take(pa.array(rows)).to_pylist()])]


def _changed_at(images: pa.Table, scan: pa.Table) -> np.ndarray:
    """`(N,) int64`: the modification time of each image's file in nanoseconds, -1 where nobody asked for it."""
    times = np.full(images.num_rows, -1, np.int64)
    dataset, scanned = codes_of(images, "dataset"), codes_of(scan, "dataset")
    for code, name in enumerate(dataset.levels):
        if name not in scanned.levels:
            continue
        here = np.flatnonzero(dataset.codes == code)
        there = scan.filter(pa.array(scanned.codes == scanned.levels.index(name)))
        found = places(images["path"].take(pa.array(here)), there["path"])
        times[here] = np.asarray(pc.fill_null(there["mtime_ns"].take(found), -1))
    return times


def _remembered(looks: Looks, images: pa.Table, changed_at: np.ndarray, old: Manifest | None) -> np.ndarray:
    """Put the looks that `old` has of these images into their rows, and say which they are: `(N,) bool`."""
    memory = None if old is None or old.info.get("checks", {}).get("look") != look.VERSION else old.looks()
    if memory is None or not memory.num_rows:
        return np.zeros(images.num_rows, bool)
    uid, wanted = np.asarray(memory["uid"]), np.asarray(images["uid"])
    order = np.argsort(uid)
    place = order[np.minimum(np.searchsorted(uid, wanted, sorter=order), len(uid) - 1)]
    same = (uid[place] == wanted) & (changed_at >= 0)
    same &= np.asarray(memory["size_bytes"])[place] == np.asarray(images["size_bytes"])
    same &= np.asarray(memory["mtime_ns"])[place] == changed_at
    rows, place = np.flatnonzero(same), place[same]
    looks.content[rows] = _bytes(memory["content"], 16)[place]
    looks.decoded[rows] = np.asarray(memory["decoded"])[place]
    for i, name in enumerate(MEASURES):
        looks.measures[rows, i] = np.asarray(memory[name])[place]
    looks.dhash[rows] = np.asarray(memory["dhash"])[place]
    looks.thumbnail[rows] = _bytes(memory["thumbnail"], looks.thumbnail.shape[1])[place]
    return same


def _table(images: pa.Table, scan: pa.Table, looks: Looks) -> pa.Table:
    columns = {
        "uid": images["uid"],
        "size_bytes": images["size_bytes"],
        "mtime_ns": pa.array(_changed_at(images, scan)),
        "content": _binary(looks.content),
        "decoded": pa.array(looks.decoded),
        **{name: pa.array(looks.measures[:, i]) for i, name in enumerate(MEASURES)},
        "dhash": pa.array(looks.dhash),
        "thumbnail": _binary(looks.thumbnail),
    }
    return conform(pa.table(columns), LOOKS)


def _binary(values: np.ndarray) -> pa.Array:
    """`(N, W) uint8` as a binary column."""
    count, width = values.shape
    offsets = pa.py_buffer(np.arange(0, (count + 1) * width, width, dtype=np.int32)[: count + 1])
    return pa.Array.from_buffers(pa.binary(), count, [None, offsets, pa.py_buffer(np.ascontiguousarray(values))])


def _bytes(column: pa.ChunkedArray, width: int) -> np.ndarray:
    """A binary column whose values are all `width` long, as `(N, W) uint8`."""
    parts = [np.frombuffer(b"", np.uint8)]
    for chunk in column.chunks:
        data = chunk.buffers()[2]
        if len(chunk):
            parts.append(np.frombuffer(data, np.uint8)[chunk.offset * width :][: len(chunk) * width])
    return np.concatenate(parts).reshape(-1, width)


def _known(values: np.ndarray) -> pa.Array:
    return pa.array(values.astype(np.float32), mask=np.isnan(values))


def _float(column: pa.ChunkedArray) -> np.ndarray:
    return np.asarray(pc.fill_null(column.cast(pa.float64()), float("nan")))


def _true(column: pa.ChunkedArray) -> np.ndarray:
    return np.asarray(pc.fill_null(column, False))
