"""The files of an export, planned before any file is written."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from gprplus.core.errors import ExportError, first_few
from gprplus.schema.manifest_record import DatasetFacts


@dataclass(frozen=True)
class ShardSpec:
    """Images in a few large files instead of one file for each image.

    `shards` gives the name of each file and the positions of its rows, in order. `write(path,
    positions, images)` writes one of them from the bytes of its images, and `finish(home, written)`
    writes the summary of all from the results of `write`; it returns notes for the user.
    """

    shards: Mapping[str, np.ndarray]
    write: Callable[[Path, np.ndarray, Iterator[bytes]], Any]
    finish: Callable[[Path, Sequence[Any]], Sequence[str]]


@dataclass(frozen=True)
class ExportInfo:
    """Source of an export, for formats that record it: name and fingerprint of the source, the arm,
    and its datasets.

    `shard_size` is the maximum number of images in a file of a packed format, `cameras` that of
    cameras of Market-1501, `features` the file of features of an atlas;
    `sizes` has width and height in pixels by uid, for formats that record them.
    """

    name: str
    fingerprint: str
    arm: str | None
    datasets: Mapping[str, DatasetFacts]
    shard_size: int
    cameras: int = 6
    features: Path | None = None
    sizes: Mapping[int, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class ExportLayout:
    """Target path of each row, and the other files to write.

    `files` are relative, POSIX, in the order of the rows; `folders` exist even when empty; `tables`
    are written by names that end in .csv or .parquet, `records` as JSON, `texts` as they are; `notes` are sentences for
    the user. `searched` is an expression that readers apply to the whole path of an image, so that
    the parent folders must not match it. With a `packing`, `files` are names inside the packed
    files.
    """

    files: Sequence[str]
    folders: Sequence[str] = ()
    tables: dict[str, pa.Table] = field(default_factory=dict)
    notes: Sequence[str] = ()
    searched: str | None = None
    packing: ShardSpec | None = None
    records: Mapping[str, Any] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)


def split_into_shards(positions: np.ndarray, size: int) -> list[np.ndarray]:
    """Positions in as few runs as `size` allows, whose lengths differ by at most one: no reader
    waits for a long one.

    >>> [run.tolist() for run in split_into_shards(np.arange(7), 3)]
    [[0, 1, 2], [3, 4], [5, 6]]
    """
    return list(np.array_split(positions, -(-len(positions) // size))) if len(positions) else []


def safe_relative_path(path: str) -> str:
    """A relative path that stays below the folder it is joined to; ExportError for any other.

    >>> safe_relative_path("train/0001/a.jpg")
    'train/0001/a.jpg'
    """
    parts = path.split("/")
    if not {"", ".", ".."}.isdisjoint(parts) or ":" in parts[0] or "\\" in path or "\0" in path:
        raise ExportError(f"The path {path!r} would leave its folder. Nothing was written.")
    return path


def check_names(plan: ExportLayout, home: Path) -> None:
    """Refuse a plan that leaves its folder `home`, gives two images one name, or will be misread
    there.

    Names are compared without case, because some file systems ignore it.
    """
    place = home.resolve()
    if plan.searched and (found := re.search(plan.searched, f"{place}/")):
        raise ExportError(
            f"Loaders of this format would read '{found[0]}' in {place} as an identity and a"
            " camera. Give another folder with -o."
        )
    for path in (
        *plan.files,
        *plan.folders,
        *plan.tables,
        *plan.records,
        *plan.texts,
        *(plan.packing.shards if plan.packing else ()),
    ):
        safe_relative_path(path)
    seen: dict[str, str] = {}
    clashes = []
    for path in plan.files:
        key = path.casefold()
        if key in seen:
            clashes.append(f"{path} over {seen[key]}")
        seen[key] = path
    if clashes:
        shown = first_few(clashes)
        raise ExportError(
            f"{len(clashes):,} images would be written over others ({shown}). Nothing was written."
        )
