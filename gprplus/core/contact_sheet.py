"""Contact sheets: images in labeled rows and columns for visual inspection.

A table of levels lists the declared content of a dataset; a sheet shows the actual images. The text
is set in DejaVu Sans, which ships with matplotlib, so a sheet looks the same on every machine.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gprplus.core.errors import ReportError
from gprplus.core.imaging.images import resize_image

if TYPE_CHECKING:
    from PIL import ImageDraw, ImageFont

PAPER = (250, 250, 248)
INK = (38, 38, 36)
QUIET = (112, 112, 106)
EMPTY = (232, 232, 228)  # a cell that has no image
GAP = 4
MARGIN = 12


def contact_sheet(
    cells: Sequence[Sequence[np.ndarray | None]],
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    captions: Sequence[Sequence[str]] | None = None,
    title: str = "",
    height: int = 160,
) -> np.ndarray:
    """Draw images in a labeled grid, `(H, W, 3) uint8` RGB.

    `cells[i][j]` is an `(h, w, 3) uint8` RGB image of any size, or None for an empty field. All
    cells are `height` pixels high and have one aspect, the median of the images; an image of another
    aspect is scaled to fit and centered. Labels of columns break at spaces, and longer
    ones end in an ellipsis; empty labels take no space. `captions[i][j]` is below its image; with
    captions, a cell that has neither image nor caption is blank. Raises ReportError if the cells do
    not fill the grid.
    """
    _check(cells, rows, columns)
    fonts = _Fonts.of(height)
    width = _cell_width(cells, height)
    heads = [_lines(fonts.plain, label, width) for label in columns]
    below = [[_lines(fonts.small, text, width) for text in line] for line in captions or []]

    most = max(map(len, heads), default=0)
    under = max((len(lines) for line in below for lines in line), default=0)
    grid = _Grid(
        left=_left(fonts, rows, height),
        top=MARGIN
        + (_line(fonts.bold) + GAP if title else 0)
        + (most * _line(fonts.plain) + GAP if any(columns) else 0),
        height=height,
        width=width,
        step=height + GAP + under * _line(fonts.small),
    )
    right = grid.left + max(len(columns) * (width + GAP) - GAP, 0)
    bottom = grid.top + max(len(rows) * grid.step - GAP, 0)
    title = _fitted(fonts.bold, title, max(right - MARGIN, 5 * height))
    right = max(right, MARGIN + _width(fonts.bold, title))

    sheet = np.full((bottom + MARGIN, right + MARGIN, 3), PAPER, dtype=np.uint8)
    _draw_images(sheet, grid, cells, captions)
    with _Pen(sheet) as pen:
        if title:
            pen.text((MARGIN, MARGIN), title, fill=INK, font=fonts.bold)
        _draw_heads(pen, grid, fonts.plain, heads)
        _draw_row_labels(pen, grid, fonts.plain, rows)
        _draw_captions(pen, grid, fonts.small, below)
    return sheet


@dataclass(frozen=True)
class _Fonts:
    """The text of a sheet: captions, labels and the title."""

    small: "ImageFont.FreeTypeFont"
    plain: "ImageFont.FreeTypeFont"
    bold: "ImageFont.FreeTypeFont"

    @classmethod
    def of(cls, height: int) -> "_Fonts":
        """Return fonts for cells of a height in pixels."""
        size = min(max(height // 12, 10), 22)
        return cls(_font(max(size - 3, 9)), _font(size), _font(round(1.25 * size), bold=True))


@dataclass(frozen=True)
class _Grid:
    """Places of the cells, in pixels: the corner of the first, the size of each, and the step from
    row to row."""

    left: int
    top: int
    height: int
    width: int
    step: int

    def x(self, column: int) -> int:
        """Return the left edge of a column."""
        return self.left + column * (self.width + GAP)

    def y(self, row: int) -> int:
        """Return the upper edge of the images of a row."""
        return self.top + row * self.step

    def middle(self, column: int) -> int:
        """Return the x of the middle of a column."""
        return self.x(column) + self.width // 2


def _left(fonts: _Fonts, rows: Sequence[str], height: int) -> int:
    """Return the left edge of the cells, to the right of the labels of rows."""
    room = min(max((_width(fonts.plain, label) for label in rows), default=0), 2 * height)
    return MARGIN + room + (2 * GAP if any(rows) else 0)


def _draw_images(
    sheet: np.ndarray,
    grid: _Grid,
    cells: Sequence[Sequence[np.ndarray | None]],
    captions: Sequence[Sequence[str]] | None,
) -> None:
    for i, line in enumerate(cells):
        for j, image in enumerate(line):
            if image is None and captions and not captions[i][j]:
                continue
            y, x = grid.y(i), grid.x(j)
            _place(sheet[y : y + grid.height, x : x + grid.width], image)


def _draw_heads(
    pen: "ImageDraw.ImageDraw",
    grid: _Grid,
    font: "ImageFont.FreeTypeFont",
    heads: Sequence[Sequence[str]],
) -> None:
    for j, lines in enumerate(heads):
        for above, words in enumerate(reversed(lines)):
            place = (grid.middle(j), grid.top - GAP - above * _line(font))
            pen.text(place, words, fill=INK, font=font, anchor="md")


def _draw_row_labels(
    pen: "ImageDraw.ImageDraw", grid: _Grid, font: "ImageFont.FreeTypeFont", rows: Sequence[str]
) -> None:
    for i, label in enumerate(rows):
        words = _fitted(font, label, grid.left - MARGIN - GAP)
        place = (MARGIN, grid.y(i) + grid.height // 2)
        pen.text(place, words, fill=QUIET, font=font, anchor="lm")


def _draw_captions(
    pen: "ImageDraw.ImageDraw",
    grid: _Grid,
    font: "ImageFont.FreeTypeFont",
    below: Sequence[Sequence[Sequence[str]]],
) -> None:
    for i, row in enumerate(below):
        for j, lines in enumerate(row):
            for under, words in enumerate(lines):
                place = (grid.middle(j), grid.y(i) + grid.height + under * _line(font))
                pen.text(place, words, fill=QUIET, font=font, anchor="ma")


class _Pen:
    """Draws text on an array in place."""

    def __init__(self, sheet: np.ndarray) -> None:
        from PIL import Image

        self.sheet, self.image = sheet, Image.fromarray(sheet)

    def __enter__(self) -> "ImageDraw.ImageDraw":
        from PIL import ImageDraw

        return ImageDraw.Draw(self.image)

    def __exit__(self, *_: object) -> None:
        self.sheet[:] = np.asarray(self.image)


def _check(
    cells: Sequence[Sequence[np.ndarray | None]], rows: Sequence[str], columns: Sequence[str]
) -> None:
    found = sorted({len(line) for line in cells})
    if len(cells) != len(rows) or any(count != len(columns) for count in found):
        raise ReportError(
            f"A contact sheet of {len(rows)} rows and {len(columns)} columns was given {len(cells)}"
            f" rows of {', '.join(map(str, found)) or 'no'} cells. Fill holes with None."
        )


def _cell_width(cells: Sequence[Sequence[np.ndarray | None]], height: int) -> int:
    """Return the width of every cell: that of an image of the median aspect, between a quarter and
    three times the height."""
    widths = [
        height * image.shape[1] / image.shape[0]
        for line in cells
        for image in line
        if image is not None
    ]
    if not widths:
        return height // 2
    return round(min(max(float(np.median(widths)), height / 4), 3 * height))


def _place(cell: np.ndarray, image: np.ndarray | None) -> None:
    """Put an image into a cell `(H, W, 3)`, scaled to fit, in its shape and in the middle."""
    if image is None:
        cell[:] = EMPTY
        return
    height, width = cell.shape[:2]
    high, wide = image.shape[:2]
    scale = min(height / high, width / wide)
    high = min(max(round(scale * high), 1), height)
    wide = min(max(round(scale * wide), 1), width)
    y, x = (height - high) // 2, (width - wide) // 2
    cell[y : y + high, x : x + wide] = resize_image(image, high, wide)


@cache
def _font(size: int, bold: bool = False) -> "ImageFont.FreeTypeFont":
    import matplotlib
    from PIL import ImageFont

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name
    return ImageFont.truetype(str(path), size, layout_engine=ImageFont.Layout.BASIC)


def _line(font: "ImageFont.FreeTypeFont") -> int:
    return sum(font.getmetrics())


def _width(font: "ImageFont.FreeTypeFont", text: str) -> int:
    return int(np.ceil(font.getlength(text))) if text else 0


def _lines(font: "ImageFont.FreeTypeFont", text: str, room: int) -> list[str]:
    """The text in lines of at most `room` pixels, broken at spaces."""
    lines: list[str] = []
    for word in text.split():
        if lines and _width(font, f"{lines[-1]} {word}") <= room:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return [_fitted(font, line, room) for line in lines]


def _fitted(font: "ImageFont.FreeTypeFont", text: str, room: int) -> str:
    """The text, or as much of its beginning as fits in `room` pixels, with an ellipsis."""
    if _width(font, text) <= room:
        return text
    kept = text
    while kept and _width(font, kept + "…") > room:
        kept = kept[:-1]
    return kept.rstrip() + "…" if kept else ""
