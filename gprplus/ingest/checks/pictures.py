"""The worst images of each check, decoded, in rows: what a contact sheet of issues shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gprplus.declared import image_attributes
from gprplus.images import decode, read_bytes
from gprplus.ingest.checks.issues import Issue, label
from gprplus.ingest.manifest import Manifest

LINES = 3  # rows of pictures of one check


@dataclass(frozen=True)
class Pictures:
    """Cells of a sheet, None where an image does not decode or a row ends; a caption each; a check a row."""

    cells: list[list[np.ndarray | None]]
    captions: list[list[str]]
    rows: list[str]


def worst(
    manifest: Manifest,
    listed: Mapping[str, Sequence[Issue]],
    columns: int,
    roots: Mapping[str, Path] | None = None,
) -> Pictures:
    """Draw lists of issues, `columns` images a row; each look-alike stands right of the image that it is like."""
    table = manifest.images(["dataset", "path", "identity", *image_attributes()])
    places = manifest.roots(roots)

    def image(row: int) -> np.ndarray | None:
        try:
            return decode(read_bytes(places[table["dataset"][row].as_py()], table["path"][row].as_py()))
        except OSError:
            return None

    drawn = Pictures([], [], [])
    lines = LINES if len(listed) == 1 else 1
    for name, those in listed.items():
        wanted: list[tuple[int, str]] = []
        for issue in those:
            pair = [(issue.row, issue.caption)]
            pair += [] if issue.like is None else [(issue.like, f"like {label(table, issue.like)}")]
            if len(pair) > columns - len(wanted) % columns:  # a pair is not parted by the end of a row
                wanted += [(-1, "")] * (columns - len(wanted) % columns)
            wanted += pair
        for first in range(0, min(len(wanted), lines * columns), columns):
            line = wanted[first : first + columns]
            line += [(-1, "")] * (columns - len(line))
            drawn.cells.append([image(row) if row >= 0 else None for row, _ in line])
            drawn.captions.append([caption for _, caption in line])
            drawn.rows.append("" if first else name)
    return drawn
