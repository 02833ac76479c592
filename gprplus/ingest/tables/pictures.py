"""Images of a manifest's rows: one as a PIL image, several as a labelled sheet or as thumbnails of
a notebook."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gprplus.core.contact_sheet import contact_sheet
from gprplus.core.errors import ManifestError
from gprplus.core.html import html_image
from gprplus.core.imaging.images import decode_image, read_bytes, resize_image
from gprplus.core.imaging.shown_images import shown_image
from gprplus.core.sampling import priorities

if TYPE_CHECKING:
    import pyarrow as pa
    from PIL import Image

CAPTION = ("viewpoint_deg", "camera", "weather", "illumination", "background")
COLUMNS = ("uid", "dataset", "path", "identity", *CAPTION)  # that the functions below need
_THUMBNAIL = 96  # pixels high


def read_image(root: Path, path: str) -> "Image.Image":
    """Return an image, or a member of an archive, in RGB. Raises ManifestError where there is
    none."""
    from PIL import Image

    try:
        pixels = decode_image(read_bytes(root, path))
    except OSError as error:
        raise ManifestError(f"{root / path} cannot be read: {error.strerror or error}.") from error
    if pixels is None:
        raise ManifestError(f"{root / path} is no whole image.")
    return Image.fromarray(pixels)


def choose_rows(rows: "pa.Table", limit: int) -> "pa.Table":
    """Return at most `limit` rows, chosen by key, in the order of the table."""
    chance = priorities(rows.column("uid").to_numpy(), 0, "sheet")
    return rows.take(np.sort(np.argsort(chance, kind="stable")[:limit]))


def draw_sheet(
    rows: "pa.Table", roots: Mapping[str, Path], columns: int, height: int, title: str
) -> "Image.Image":
    """Return images in rows of `columns`, each with its identity and what differs among them below
    it."""
    from PIL import Image

    facts = rows.to_pylist()
    images = [_pixels(roots, row) for row in facts]
    captions = [" ".join(words) for words in zip(*_captions(facts), strict=True)]
    spare = -len(facts) % columns
    cells, texts = [*images, *[None] * spare], [*captions, *[""] * spare]
    lines = range(0, len(cells), columns)
    sheet = contact_sheet(
        [cells[start : start + columns] for start in lines],
        [""] * len(lines),
        [""] * columns,
        captions=[texts[start : start + columns] for start in lines],
        title=title,
        height=height,
    )
    return Image.fromarray(sheet)


def draw_thumbnails(rows: "pa.Table", roots: Mapping[str, Path]) -> str:
    """Return small images as HTML; those that cannot be read are left out."""
    parts = []
    for row in rows.to_pylist():
        pixels = _pixels(roots, row)
        if pixels is not None:
            width = max(round(pixels.shape[1] * _THUMBNAIL / pixels.shape[0]), 1)
            parts.append(html_image(resize_image(pixels, _THUMBNAIL, width), row["path"]))
    return "".join(parts)


def _pixels(roots: Mapping[str, Path], row: Mapping[str, Any]) -> np.ndarray | None:
    return shown_image(roots[row["dataset"]], row["path"])


def _captions(facts: list[dict[str, Any]]) -> list[list[str]]:
    """The identities, and each attribute that is not the same for all images, as words."""
    shown = [[str(row["identity"] or "") for row in facts]]
    for name in CAPTION:
        values = [row[name] for row in facts]
        if len(set(values)) > 1 and not (name == "camera" and shown[1:]):
            unit = "°" if name == "viewpoint_deg" else ""
            shown.append(["" if value is None else f"{value}{unit}" for value in values])
    return shown
