"""The first ranks of a few queries as one picture: green frames show the identity of the query, red
ones another."""

from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gprplus.core.contact_sheet import contact_sheet
from gprplus.core.imaging.shown_images import shown_image
from gprplus.evaluation.ranked_examples import TOP

if TYPE_CHECKING:
    import pyarrow as pa

RIGHT, WRONG = (0, 140, 60), (200, 30, 30)
_FRAME = 0.04  # of the smaller side of an image


def draw_ranked_lists(
    table: "pa.Table", roots: Mapping[str, Path], title: str = "", height_px: int = 160
) -> np.ndarray:
    """Draw schema.RANKED as `(H, W, 3) uint8` RGB: a row for each query, the query first.

    The label of a row is the rule that chose the query and its average precision. Images that
    cannot be read are blank.
    """
    cells, labels, captions = [], [], []
    for (rule, _), found in groupby(table.to_pylist(), key=lambda row: (row["rule"], row["query"])):
        rows = sorted(found, key=lambda row: row["rank"])
        blank = [None] * (TOP + 1 - len(rows))
        cells.append([*(_framed(row, roots) for row in rows), *blank])
        labels.append(f"{rule}, AP {100 * rows[0]['AP']:.0f}")
        captions.append([*map(_caption, rows), *[""] * len(blank)])
    columns = ["query", *map(str, range(1, TOP + 1))]
    return contact_sheet(cells, labels, columns, captions=captions, title=title, height=height_px)


def _caption(row: Mapping[str, Any]) -> str:
    """The identity, and of a ranked image whether it matches, which needs no colour to be read."""
    if row["match"] is None:
        return str(row["identity"] or "")
    return f"{'✓' if row['match'] else '✗'} {row['similarity']:.2f}"


def _framed(row: Mapping[str, Any], roots: Mapping[str, Path]) -> np.ndarray | None:
    image = shown_image(roots[row["dataset"]], row["path"])
    if image is None or row["match"] is None:
        return image
    wide = max(round(_FRAME * min(image.shape[:2])), 1)
    image = image.copy()
    for edge in (np.s_[:wide], np.s_[-wide:], np.s_[:, :wide], np.s_[:, -wide:]):
        image[edge] = RIGHT if row["match"] else WRONG
    return image
