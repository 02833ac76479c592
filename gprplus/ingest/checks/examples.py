"""The worst images of each check, decoded, in rows: what a contact sheet of issues shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from gprplus.core.declarations import image_attributes
from gprplus.core.imaging.shown_images import shown_image
from gprplus.ingest.checks.findings import FlaggedImage, finding_label
from gprplus.ingest.tables.manifest import Manifest

LINES = 3  # rows of pictures of one check
Cell = tuple[int | None, str]  # a row of the images table, and the caption
_NOTHING: Cell = (None, "")


@dataclass(frozen=True)
class ExampleImages:
    """Cells of a sheet, None where an image does not decode, or (without a caption) where a row has
    ended; a caption each; a check a row.
    """

    cells: list[list[np.ndarray | None]]
    captions: list[list[str]]
    rows: list[str]

    @property
    def columns(self) -> int:
        """Return the number of cells of a row."""
        return len(self.cells[0]) if self.cells else 0


def worst_images(
    manifest: Manifest,
    listed: Mapping[str, Sequence[FlaggedImage]],
    columns: int,
    roots: Mapping[str, Path] | None = None,
) -> ExampleImages:
    """Draw lists of issues, `columns` images in a row; each near duplicate is right of the image
    that it resembles."""
    table = manifest.images(["dataset", "path", "identity", *image_attributes()])
    places = manifest.roots(roots)

    def image(row: int) -> np.ndarray | None:
        return shown_image(places[table["dataset"][row].as_py()], table["path"][row].as_py())

    drawn = ExampleImages([], [], [])
    lines = LINES if len(listed) == 1 else 1
    laid = {name: _laid(those, columns, table)[:lines] for name, those in listed.items()}
    width = max((len(line) for found in laid.values() for line in found), default=0)
    for name, found in laid.items():
        for i, line in enumerate(found):
            line = line + [_NOTHING] * (width - len(line))
            drawn.cells.append([None if row is None else image(row) for row, _ in line])
            drawn.captions.append([caption for _, caption in line])
            drawn.rows.append("" if i else name)
    return drawn


def _laid(those: Sequence[FlaggedImage], columns: int, table: pa.Table) -> list[list[Cell]]:
    """Issues in lines of at most `columns`; a pair is not parted by the end of a line."""
    lines: list[list[Cell]] = [[]]
    for issue in those:
        cells: list[Cell] = [(issue.row, issue.caption)]
        if issue.like is not None:
            cells.append((issue.like, f"like {finding_label(table, issue.like)}"))
        if lines[-1] and len(lines[-1]) + len(cells) > columns:
            lines.append([])
        lines[-1] += cells[:columns]
    return lines
