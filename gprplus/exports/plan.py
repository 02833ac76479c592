"""What an export will consist of, before a single file is touched."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from gprplus.errors import ExportError, examples


@dataclass(frozen=True)
class Plan:
    """Where each row's file goes, and what else is written.

    `files` are relative, POSIX, in the order of the rows; `folders` stand even when empty; `tables` are written beside,
    by names that end in .csv or .parquet; `notes` are sentences for the user. `searched` is an expression that readers
    search the whole path of an image for, so that the folders above must not match it.
    """

    files: Sequence[str]
    folders: Sequence[str] = ()
    tables: dict[str, pa.Table] = field(default_factory=dict)
    notes: Sequence[str] = ()
    searched: str | None = None


def inside(path: str) -> str:
    """A relative path that stays below the folder it is joined to; ExportError for any other.

    >>> inside("train/0001/a.jpg")
    'train/0001/a.jpg'
    """
    parts = path.split("/")
    if not {"", ".", ".."}.isdisjoint(parts) or ":" in parts[0] or "\\" in path or "\0" in path:
        raise ExportError(f"The path {path!r} would leave its folder. Nothing was written.")
    return path


def check(plan: Plan, home: Path) -> None:
    """Refuse a plan that leaves its folder `home`, gives two images one name, or will be misread there.

    Names are compared without letter case, which not every disk tells.
    """
    place = home.resolve()
    if plan.searched and (found := re.search(plan.searched, f"{place}/")):
        raise ExportError(
            f"Loaders of this form would take '{found[0]}' in {place} for a person and a camera. "
            "Give another folder with -o."
        )
    for path in (*plan.files, *plan.folders, *plan.tables):
        inside(path)
    seen: dict[str, str] = {}
    clashes = []
    for path in plan.files:
        key = path.casefold()
        if key in seen:
            clashes.append(f"{path} over {seen[key]}")
        seen[key] = path
    if clashes:
        shown = examples(clashes)
        raise ExportError(f"{len(clashes):,} images would be written over others ({shown}). Nothing was written.")
