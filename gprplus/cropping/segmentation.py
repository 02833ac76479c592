"""Masks of persons: COCO's polygons and run-length codes, and frames in which each person has a
value.

The run-length code goes down the columns and begins with the pixels outside; its text form (COCO's
"compressed") writes each count in pieces of five bits, lowest first, as the difference to the count
two before.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gprplus.core.errors import FramesError
from gprplus.core.imaging import images
from gprplus.core.imaging.coco_rle import encode_run_lengths
from gprplus.core.imaging.images import open_image
from gprplus.cropping.field_values import format_value
from gprplus.cropping.selection import Window

if TYPE_CHECKING:
    from PIL import Image


def mask_of(segmentation: Any, window: Window, size: tuple[int, int]) -> np.ndarray | None:
    """The `(H, W) bool` mask of a COCO segmentation inside a window of a frame; None where there is
    none.

    Raises FramesError for a code that does not fill the frame.
    """
    if not segmentation:
        return None
    if isinstance(segmentation, dict):
        return decode_counts(segmentation, size, window)
    return _filled(segmentation, window)


def _filled(polygons: Sequence[Sequence[float]], window: Window) -> np.ndarray:
    """Return the pixels with their center in a polygon, by the even-odd rule (OpenCV's fill adds
    the outline)."""
    left, top, right, bottom = window
    whole = np.zeros((bottom - top, right - left), dtype=bool)
    for polygon in polygons:
        corners = np.asarray(polygon, np.float64).reshape(-1, 2) - (left + 0.5, top + 0.5)
        first, last = np.clip(
            np.ceil([corners.min(0), corners.max(0)]), 0, whole.shape[::-1]
        ).astype(int)
        part = whole[first[1] : last[1], first[0] : last[0]]
        if part.size:
            part |= _even_odd(corners - first, part.shape)
    return whole


def _even_odd(corners: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return the pixels whose upper left corner is inside, `shape` bool."""
    high, wide = shape
    crossings = [
        np.zeros(0, np.int64)
    ]  # as positions in the flat mask: each switches between outside and inside
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        low, end = (max(math.ceil(y), 0) for y in sorted((y1, y2)))
        rows = np.arange(low, min(end, high))
        if len(rows):
            x = np.ceil(x1 + (rows - y1) * (x2 - x1) / (y2 - y1)).astype(np.int64)
            crossings.append(rows * wide + np.clip(x, 0, wide))
    return _alternating(np.sort(np.concatenate(crossings)), high * wide).reshape(shape)


def _alternating(switches: np.ndarray, size: int) -> np.ndarray:
    """`(size,) bool`, False at first, that changes at each of some positions in ascending order."""
    lengths = np.diff(np.concatenate([[0], switches, [size]]))
    return np.repeat(np.arange(len(lengths)) % 2 == 1, lengths)


def decode_counts(
    code: dict[str, Any], size: tuple[int, int], window: Window | None = None
) -> np.ndarray:
    """The `(H, W) bool` mask of a run-length code, inside a window of the frame. Raises
    FramesError.

    Time and memory go with the columns of the window, not with the frame.
    """
    width, height = size
    left, top, right, bottom = window or (0, 0, width, height)
    ends = np.cumsum(_runs(code, size))
    starts, ends = ends[:-1:2], ends[1::2]  # of the runs inside the mask: every second one
    first, last = left * height, right * height
    there = (ends > first) & (starts < last)
    edges = np.stack([starts[there], ends[there]], axis=1).clip(first, last)
    mask = _alternating(edges.ravel() - first, last - first)
    return mask.reshape(right - left, height).T[top:bottom]


def _runs(code: dict[str, Any], size: tuple[int, int]) -> np.ndarray:
    """The lengths of the runs as int64. Raises FramesError where they do not fill the frame."""
    counts = code.get("counts")
    given = _unpacked(counts) if isinstance(counts, str | bytes) else counts or []
    try:
        runs = np.asarray(given)
    except ValueError:  # lists of several lengths in the list
        runs = np.zeros((0, 0))
    if runs.ndim != 1 or (len(runs) and runs.dtype.kind != "i"):
        raise FramesError("a run-length code holds values that are no whole numbers of 64 bits.")
    area = size[0] * size[1]
    sound = len(runs) > 0 and 0 <= runs.min() <= runs.max() <= area
    if not sound or code.get("size") != [size[1], size[0]] or runs.sum() != area:
        over = f" over {runs.sum():,} pixels" if sound else ""
        raise FramesError(
            f"a run-length code of size {format_value(code.get('size'))}{over} does not fit a frame"
            f" of height {size[1]} and width {size[0]}."
        )
    return runs


def _unpacked(text: str | bytes) -> list[int]:
    """The counts of the text form.

    >>> _unpacked("052")
    [0, 5, 2]
    """
    counts: list[int] = []
    value = shift = 0
    for byte in text.encode() if isinstance(text, str) else text:
        piece = byte - 48
        if not 0 <= piece < 64 or shift > 60:
            raise FramesError("a run-length code cannot be unpacked: its text is damaged.")
        value |= (piece & 31) << shift
        shift += 5
        if piece & 32:
            continue
        if piece & 16:
            value -= 1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
        value = shift = 0
    return counts


def encode_counts(mask: np.ndarray) -> dict[str, Any]:
    """The run-length code of an `(H, W) bool` mask, as plain counts."""
    return {"size": list(mask.shape), "counts": encode_run_lengths(np.asarray(mask, bool))}


def translate_mask(segmentation: Any, window: Window, size: tuple[int, int]) -> Any:
    """A segmentation in coordinates of the crop."""
    if isinstance(segmentation, dict):
        mask = mask_of(segmentation, window, size)
        return None if mask is None else encode_counts(mask)
    return [
        [round(value - window[i % 2], 3) for i, value in enumerate(polygon)]
        for polygon in segmentation or []
    ] or None


def read_instances(path: Path, size: tuple[int, int], form: str = "value") -> np.ndarray:
    """Return the `(H, W)` whole numbers of an instance mask, 0 where there is no person.

    Gray images of 1 to 16 bits hold the value itself, palette images the index of the palette,
    color images 65536 R + 256 G + B. In the form "rgba" colors include alpha (`rgba_value`), and
    black is 0; in the form "carla" R is the tag of the class and the value of a pedestrian
    G + 256 B ("carla-4" before CARLA 0.9.14, with another tag). Raises FramesError if the file
    cannot be read or has another size (width, height) than the frame.
    """
    try:
        with open_image(path.read_bytes()) as image:
            if image.size != size:
                raise FramesError(
                    f"the mask {path} is of size {image.size}, and the frame of {size}."
                )
            return MASK_FORMS[form](image, path)
    except (FramesError, MemoryError):
        raise
    except Exception as error:  # Pillow raises whatever it likes on damaged bytes
        raise FramesError(f"the mask {path} cannot be read: {error}.") from error


def _values(image: "Image.Image", path: Path) -> np.ndarray:
    if image.mode in ("1", "L", "P") or image.mode.startswith("I"):
        return np.asarray(image)
    if image.mode not in ("RGB", "RGBA"):
        raise FramesError(
            f"the mask {path} is of the mode {image.mode}; grey, palette or RGB is expected."
        )
    colours = np.asarray(image)
    values = colours[..., 0].astype(np.uint32)
    for channel in (1, 2):
        values <<= 8
        values |= colours[..., channel]
    return values


def _rgba_values(image: "Image.Image", path: Path) -> np.ndarray:
    colours = np.ascontiguousarray(_colours(image, path, "RGBA"))
    values = colours.view(">u4")[..., 0].astype(np.uint32)
    values[values < 256] = 0  # black, of any alpha
    return values


def rgba_value(colour: Sequence[int]) -> int:
    """Return the value of a color R, G, B, A in a mask of the form "rgba"; 0 for black.

    >>> rgba_value((1, 2, 3, 255)) == 0x010203FF, rgba_value((0, 0, 0, 255))
    (True, 0)
    """
    red, green, blue, alpha = colour
    value = (red << 24) | (green << 16) | (blue << 8) | alpha
    return value if value >= 256 else 0


def _carla_values(tag: int, image: "Image.Image", path: Path) -> np.ndarray:
    """The ids of the pedestrians."""
    colours = _colours(image, path, "RGB")
    ids = colours[..., 1] + 256 * colours[..., 2].astype(np.uint16)
    return np.where(colours[..., 0] == tag, ids, np.uint16(0))


def _colours(image: "Image.Image", path: Path, mode: str) -> np.ndarray:
    if image.mode not in ("RGB", "RGBA"):
        raise FramesError(f"the mask {path} is of the mode {image.mode}; RGB or RGBA is expected.")
    return np.asarray(image if image.mode == mode else image.convert(mode))


MASK_FORMS: dict[str, Callable[["Image.Image", Path], np.ndarray]] = {
    "value": _values,
    "rgba": _rgba_values,
    "carla": partial(_carla_values, 12),
    "carla-4": partial(_carla_values, 4),
}


def read_union(paths: Sequence[Path], size: tuple[int, int]) -> np.ndarray:
    """Return the `(H, W) bool` union of binary masks, whose pixels outside are black.

    Raises FramesError if a file cannot be read or has another size (width, height).
    """
    import cv2

    union = np.zeros((size[1], size[0]), bool)
    for path in paths:
        try:  # OpenCV takes half the time of Pillow, and scenes have several masks for each person
            mask = images.decode_with_opencv(path.read_bytes(), cv2.IMREAD_GRAYSCALE)
        except OSError as error:
            raise FramesError(f"the mask {path} cannot be read: {error.strerror}.") from error
        if mask is None:
            raise FramesError(f"the mask {path} cannot be read: it does not decode.")
        if mask.shape != union.shape:
            found = (mask.shape[1], mask.shape[0])
            raise FramesError(f"the mask {path} is of size {found}, and the frame of {size}.")
        union |= mask != 0
    return union


def boxes_of(values: np.ndarray, most: int) -> dict[int, tuple[float, float, float, float]]:
    """The box (left, top, width, height) of each value but 0 in an `(H, W)` instance mask, by
    value.

    Raises FramesError for more than `most` values.

    >>> boxes_of(np.array([[0, 7, 7], [0, 0, 7]], np.uint8), 10)
    {7: (1.0, 0.0, 2.0, 2.0)}
    """
    high, wide = values.shape
    found: dict[int, tuple[int, int, int, int]] = {}
    rows = max(1, (1 << 20) // wide)
    for top in range(0, high, rows):
        for value, (x1, y1, x2, y2) in _edges(values[top : top + rows], most):
            a1, b1, a2, b2 = found.get(value, (wide, high, 0, 0))
            found[value] = min(a1, x1), min(b1, y1 + top), max(a2, x2), max(b2, y2 + top)
        _check_number(len(found), most)
    edges = sorted(found.items())
    return {
        value: (float(x1), float(y1), float(x2 - x1), float(y2 - y1))
        for value, (x1, y1, x2, y2) in edges
    }


def _check_number(values: int, most: int) -> None:
    if values > most:
        raise FramesError(f"the mask holds more than {most:,} values. Is it an instance mask?")


def _edges(part: np.ndarray, most: int) -> list[tuple[int, list[int]]]:
    """Value and left, top, right, bottom of each value but 0, from the runs of equal values along
    the rows."""
    begins = np.ones(part.shape, bool)
    np.not_equal(part[:, 1:], part[:, :-1], out=begins[:, 1:])
    y, left = np.nonzero(begins)
    right = np.append(left[1:], 0)
    right[right == 0] = part.shape[1]  # the next run begins the next row
    distinct, code = np.unique(part[y, left], return_inverse=True)
    _check_number(int(np.count_nonzero(distinct)), most)
    edges = np.zeros((len(distinct), 4), np.int64)
    edges[:, :2] = part.shape[::-1]
    np.minimum.at(edges[:, 0], code, left)
    np.minimum.at(edges[:, 1], code, y)
    np.maximum.at(edges[:, 2], code, right)
    np.maximum.at(edges[:, 3], code, y + 1)
    return [pair for pair in zip(distinct.tolist(), edges.tolist(), strict=True) if pair[0] != 0]
