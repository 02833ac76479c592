"""Masks of persons: COCO's polygons and run-length codes, and frames in which each person has a value.

The run-length code goes down the columns and begins with the pixels outside; its text form (COCO's "compressed") writes
each count in pieces of five bits, lowest first, as the difference to the count two before.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gprplus.errors import FramesError
from gprplus.frames.rules import Window
from gprplus.images import open_image

if TYPE_CHECKING:
    from PIL import Image


def mask_of(segmentation: Any, window: Window, size: tuple[int, int]) -> np.ndarray | None:
    """The `(H, W) bool` mask of a COCO segmentation inside a window of a frame; None where there is none.

    Raises FramesError for a code that does not fill the frame.
    """
    if not segmentation:
        return None
    if isinstance(segmentation, dict):
        return from_counts(segmentation, size)[window[1] : window[3], window[0] : window[2]]
    return _filled(segmentation, window)


def _filled(polygons: Sequence[Sequence[float]], window: Window) -> np.ndarray:
    """Pixels whose centre lies in one of the polygons, each by the even-odd rule (OpenCV's fill adds the outline)."""
    left, top, right, bottom = window
    whole = np.zeros((bottom - top, right - left), dtype=bool)
    for polygon in polygons:
        corners = np.asarray(polygon, np.float64).reshape(-1, 2) - (left + 0.5, top + 0.5)
        crossings = np.zeros((bottom - top, right - left + 1), np.int64)
        for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            low, high = (max(math.ceil(y), 0) for y in sorted((y1, y2)))
            rows = np.arange(low, min(high, bottom - top))
            if len(rows):
                x = np.ceil(x1 + (rows - y1) * (x2 - x1) / (y2 - y1)).astype(np.int64)
                np.add.at(crossings, (rows, np.clip(x, 0, right - left)), 1)
        whole |= np.cumsum(crossings, axis=1)[:, :-1] % 2 == 1
    return whole


def from_counts(code: dict[str, Any], size: tuple[int, int]) -> np.ndarray:
    """The `(H, W) bool` mask of a run-length code. Raises FramesError."""
    width, height = size
    counts = code.get("counts")
    runs = _unpacked(counts) if isinstance(counts, str | bytes) else list(counts or [])
    if list(code.get("size", [])) != [height, width] or sum(runs) != width * height or min(runs) < 0:
        raise FramesError(
            f"a run-length code of size {code.get('size')} over {sum(runs):,} pixels does not fit a frame of height "
            f"{height} and width {width}."
        )
    values = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return values.reshape(width, height).T


def _unpacked(text: str | bytes) -> list[int]:
    """The counts of the text form.

    >>> _unpacked("052")
    [0, 5, 2]
    """
    counts: list[int] = []
    value = shift = 0
    for byte in text.encode() if isinstance(text, str) else text:
        piece = byte - 48
        value |= (piece & 31) << shift
        shift += 5
        if piece & 32:
            continue
        if piece & 16:
            value -= 1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
        value = shift = 0
    return counts


def counts_of(mask: np.ndarray) -> dict[str, Any]:
    """The run-length code of an `(H, W) bool` mask, as plain counts."""
    flat = np.asarray(mask, bool).T.ravel()
    changes = np.flatnonzero(np.diff(flat)) + 1
    runs = np.diff(np.r_[0, changes, flat.size]).tolist()
    return {"size": list(mask.shape), "counts": ([0] if flat.size and flat[0] else []) + runs}


def moved(segmentation: Any, window: Window, size: tuple[int, int]) -> Any:
    """A segmentation in coordinates of the crop."""
    if isinstance(segmentation, dict):
        mask = mask_of(segmentation, window, size)
        return None if mask is None else counts_of(mask)
    return [
        [round(value - window[i % 2], 3) for i, value in enumerate(polygon)] for polygon in segmentation or []
    ] or None


def read_instances(path: Path, size: tuple[int, int]) -> np.ndarray:
    """The `(H, W)` whole numbers of an instance mask, 0 where there is no person.

    Grey images of 1 to 16 bits hold the value itself, palette images the palette's index, colour images 65536 R + 256 G
    + B. Raises FramesError when the file cannot be read, or is not of the frame's size (width, height).
    """
    try:
        with open_image(path.read_bytes()) as image:
            if image.size != size:
                raise FramesError(f"the mask {path} is of size {image.size}, and the frame of {size}.")
            return _values(image, path)
    except (FramesError, MemoryError):
        raise
    except Exception as error:  # Pillow raises whatever it likes on damaged bytes
        raise FramesError(f"the mask {path} cannot be read: {error}.") from error


def _values(image: "Image.Image", path: Path) -> np.ndarray:
    if image.mode in ("1", "L", "P") or image.mode.startswith("I"):
        return np.asarray(image)
    if image.mode not in ("RGB", "RGBA"):
        raise FramesError(f"the mask {path} is of the mode {image.mode}; grey, palette or RGB is expected.")
    colours = np.asarray(image)
    values = colours[..., 0].astype(np.uint32)
    for channel in (1, 2):
        values <<= 8
        values |= colours[..., channel]
    return values
