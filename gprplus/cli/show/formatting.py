"""Counts as text, and pictures into files."""

from pathlib import Path
from typing import Any


def format_counts(counts: dict[Any, int], limit: int = 14) -> str:
    """Levels with their counts in one line; a shared count is given once.

    >>> format_counts({"sunny": 588, "foggy": 588}), format_counts({"a": 1, "b": 2})
    ('sunny, foggy (588 each)', 'a (1), b (2)')
    """
    shown = list(counts.items())[:limit]
    more = f" and {len(counts) - limit} more" if len(counts) > limit else ""
    if len(set(counts.values())) == 1 and len(counts) > 1:
        return f"{', '.join(str(level) for level, _ in shown)}{more} ({shown[0][1]:,} each)"
    return ", ".join(f"{level} ({count:,})" for level, count in shown) + more


def save_image(drawn: Any, sheet: Path) -> None:
    """Write an `(H, W, 3) uint8` picture as PNG or JPEG, by its name. Raises ManifestError for
    another name."""
    from PIL import Image

    from gprplus.core.errors import ManifestError
    from gprplus.core.files.workdir import atomic_write

    kind = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg"}.get(sheet.suffix.lower())
    if kind is None:
        raise ManifestError(f"{sheet}: expected a name that ends in .png or .jpg.")
    with atomic_write(sheet) as temporary:
        Image.fromarray(drawn).save(temporary, format=kind)
