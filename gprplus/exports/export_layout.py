"""What an export will consist of, before a single file is touched."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from gprplus.core.errors import ExportError, first_few


@dataclass(frozen=True)
class ShardSpec:
    """Images inside a few large files instead of one file each.

    `shards` gives each file's name and the positions of its rows, in order. `write(path, positions, images)` writes one
    of them from the bytes of its images, and `finish(home, written)` what is told of all, from what `write` returned;
    it returns notes for the user.
    """

    shards: Mapping[str, np.ndarray]
    write: Callable[[Path, np.ndarray, Iterator[bytes]], Any]
    finish: Callable[[Path, Sequence[Any]], Sequence[str]]


@dataclass(frozen=True)
class ExportInfo:
    """What is exported, for forms that tell it: the name and fingerprint of the source, the arm, and its datasets.

    `shard_size` is how many images a file of a packed form holds at most.
    """

    name: str
    fingerprint: str
    arm: str | None
    datasets: Mapping[str, Any]
    shard_size: int


@dataclass(frozen=True)
class ExportLayout:
    """Where each row's file goes, and what else is written.

    `files` are relative, POSIX, in the order of the rows; `folders` stand even when empty; `tables` are written beside,
    by names that end in .csv or .parquet, `records` as JSON; `notes` are sentences for the user. `searched` is an
    expression that readers search the whole path of an image for, so that the folders above must not match it. With a
    `packing`, `files` are names inside the packed files.
    """

    files: Sequence[str]
    folders: Sequence[str] = ()
    tables: dict[str, pa.Table] = field(default_factory=dict)
    notes: Sequence[str] = ()
    searched: str | None = None
    packing: ShardSpec | None = None
    records: Mapping[str, Any] = field(default_factory=dict)


def split_into_shards(positions: np.ndarray, size: int) -> list[np.ndarray]:
    """Positions in as few runs as `size` allows, whose lengths differ by at most one: no reader waits for a long one.

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
    """Refuse a plan that leaves its folder `home`, gives two images one name, or will be misread there.

    Names are compared without letter case, which not every disk tells.
    """
    place = home.resolve()
    if plan.searched and (found := re.search(plan.searched, f"{place}/")):
        raise ExportError(
            f"Loaders of this form would take '{found[0]}' in {place} for a person and a camera. "
            "Give another folder with -o."
        )
    for path in (*plan.files, *plan.folders, *plan.tables, *(plan.packing.shards if plan.packing else ())):
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
        raise ExportError(f"{len(clashes):,} images would be written over others ({shown}). Nothing was written.")
