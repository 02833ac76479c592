"""Contact sheets: images in labeled rows and columns for visual inspection.

A table of levels lists the declared content of a dataset; a sheet shows the actual images. The text
is set in DejaVu Sans, which ships with matplotlib, so a sheet looks the same on every machine.
"""

from collections.abc import Sequence
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
    width = _cell_width(cells, height)
    scaled = [
        [None if image is None else _fit(image, height, width) for image in line] for line in cells
    ]
    small = _font(max(_text_size(height) - 3, 9))
    font, bold = _font(_text_size(height)), _font(round(1.25 * _text_size(height)), bold=True)
    heads = [_lines(font, label, width) for label in columns]
    head_height = max(map(len, heads), default=0) * _line(font)

    left = MARGIN + min(max((_width(font, label) for label in rows), default=0), 2 * height)
    left += 2 * GAP if any(rows) else 0
    top = MARGIN + (_line(bold) + GAP if title else 0) + (head_height + GAP if any(columns) else 0)
    below = [[_lines(small, text, width) for text in line] for line in captions or [[]]]
    step = (
        height
        + GAP
        + max((len(lines) for line in below for lines in line), default=0) * _line(small)
    )
    across = max(len(columns) * (width + GAP) - GAP, 0)
    down = max(len(rows) * step - GAP, 0)
    title = _fitted(bold, title, max(left + across - MARGIN, 5 * height))
    full_width = max(left + across, MARGIN + _width(bold, title)) + MARGIN
    sheet = np.full((top + down + MARGIN, full_width, 3), PAPER, dtype=np.uint8)
    for i, line in enumerate(scaled):
        for j, image in enumerate(line):
            if image is None and captions and not captions[i][j]:
                continue
            y, x = top + i * step, left + j * (width + GAP)
            _place(sheet[y : y + height, x : x + width], image)

    with _Pen(sheet) as pen:
        if title:
            pen.text((MARGIN, MARGIN), title, fill=INK, font=bold)
        for j, lines in enumerate(heads):
            x = left + j * (width + GAP) + width // 2
            for above, words in enumerate(reversed(lines)):
                pen.text(
                    (x, top - GAP - above * _line(font)), words, fill=INK, font=font, anchor="md"
                )
        for i, label in enumerate(rows):
            y = top + i * step + height // 2
            pen.text(
                (MARGIN, y),
                _fitted(font, label, left - MARGIN - GAP),
                fill=QUIET,
                font=font,
                anchor="lm",
            )
        for i, row in enumerate(below if captions else []):
            for j, lines in enumerate(row):
                x, y = left + j * (width + GAP) + width // 2, top + i * step + height
                for under, words in enumerate(lines):
                    pen.text(
                        (x, y + under * _line(small)), words, fill=QUIET, font=small, anchor="ma"
                    )
    return sheet


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


def _fit(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Scaled to fit a cell, keeping the shape."""
    high, wide = image.shape[:2]
    scale = min(height / high, width / wide)
    return resize_image(
        image, min(max(round(scale * high), 1), height), min(max(round(scale * wide), 1), width)
    )


def _place(cell: np.ndarray, image: np.ndarray | None) -> None:
    if image is None:
        cell[:] = EMPTY
        return
    y, x = (cell.shape[0] - image.shape[0]) // 2, (cell.shape[1] - image.shape[1]) // 2
    cell[y : y + image.shape[0], x : x + image.shape[1]] = image


@cache
def _font(size: int, bold: bool = False) -> "ImageFont.FreeTypeFont":
    import matplotlib
    from PIL import ImageFont

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name
    return ImageFont.truetype(str(path), size, layout_engine=ImageFont.Layout.BASIC)


def _text_size(height: int) -> int:
    return min(max(height // 12, 10), 22)


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
