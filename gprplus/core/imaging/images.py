"""Bytes to pixels, the same way everywhere.

OpenCV decodes (its JPEG path is the fastest that a wheel offers); Pillow takes what OpenCV does not
know. Images are `(H, W, 3) uint8` in RGB order. Shrinking averages areas: bilinear sampling aliases
when it halves.

All files are decoded here, by their bytes: OpenCV gets only the formats of
`image_headers.format_of`, Pillow only those of FORMATS. Left alone, Pillow would start Ghostscript
on PostScript.
"""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gprplus import archives
from gprplus.core.imaging.image_headers import HEAD, MAX_PIXELS, decodable, format_of

if TYPE_CHECKING:
    from PIL import Image

FORMATS = (
    "JPEG",
    "PNG",
    "WEBP",
    "GIF",
    "BMP",
    "TIFF",
    "AVIF",
    "PPM",
)  # raster formats, in Pillow's names


def read_bytes(root: Path, path: str) -> bytes:
    """The bytes of one manifest row: its dataset's root and its `path` (relative, POSIX). Raises
    OSError.

    A root or path may go through an archive; rows that are read in `archives.sort_for_reading` cost
    least.
    """
    return archives.read_file(root / path)


def open_image(data: bytes) -> "Image.Image":
    """A Pillow image of one of FORMATS, not decoded yet.

    Raises ValueError for more pixels or scans than are decoded, and whatever Pillow raises for
    bytes of no such format.
    """
    import io
    import warnings

    from PIL import Image

    if format_of(data[:HEAD]) is not None and not decodable(data):
        raise ValueError("its header is damaged, or has more pixels or scans than the limit")
    with warnings.catch_warnings(
        action="ignore"
    ):  # of sizes, which are checked here, and of damaged EXIF data
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    if image.width * image.height > MAX_PIXELS:
        raise ValueError(f"its header claims {image.width:,} x {image.height:,} pixels")
    return image


def decode_image(data: bytes) -> np.ndarray | None:
    """Decode `(H, W, 3) uint8` RGB, ignoring orientation tags; None if the bytes are not a complete
    image within limits.

    A header that exceeds the limits of `image_headers.decodable` is rejected: one megabyte could
    require gigabytes.
    """
    import cv2

    bgr = decode_with_opencv(data, cv2.IMREAD_COLOR)
    return _decode_with_pillow(data) if bgr is None else cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)


def decode_half_grey(data: bytes) -> np.ndarray | None:
    """`(ceil(H / 2), ceil(W / 2)) uint8` grey, orientation tags ignored; None as for
    `decode_image`.

    A JPEG is decoded at that size in the first place, for two thirds of the cost of decoding it
    whole.
    """
    import cv2

    grey = decode_with_opencv(data, cv2.IMREAD_REDUCED_GRAYSCALE_2)
    if grey is not None:
        return grey
    colours = _decode_with_pillow(data)
    if colours is None:
        return None
    grey = cv2.cvtColor(colours, cv2.COLOR_RGB2GRAY)
    return cv2.resize(
        grey, (-(-grey.shape[1] // 2), -(-grey.shape[0] // 2)), interpolation=cv2.INTER_AREA
    )


def decode_with_opencv(data: bytes, mode: int) -> np.ndarray | None:
    """Return the result of `cv2.imdecode` in one of its IMREAD modes; None if the bytes cannot or
    must not be decoded.
    """
    if not decodable(data) or format_of(data[:HEAD]) == "avif":  # not every build of OpenCV has it
        return None
    cv2 = load_opencv()
    try:
        result: np.ndarray | None = cv2.imdecode(
            np.frombuffer(data, dtype=np.uint8), mode | cv2.IMREAD_IGNORE_ORIENTATION
        )
        return result
    except cv2.error:
        return None


@cache
def load_opencv() -> Any:
    """OpenCV without its log: each damaged file would print lines on standard error, and is
    reported by its caller."""
    import cv2

    if hasattr(cv2, "setLogLevel"):  # OpenCV 4
        cv2.setLogLevel(0)
    else:
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    return cv2


def _decode_with_pillow(data: bytes) -> np.ndarray | None:
    try:
        with open_image(data) as image:
            return np.array(image.convert("RGB"))
    except MemoryError:
        raise
    except (
        Exception
    ):  # decoders raise whatever they like on damaged bytes: RuntimeError, KeyError, struct.error
        return None


def resize_image(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize `(H, W, 3) uint8` to `(height, width, 3)`: by area when shrinking, bilinear when
    growing."""
    import cv2

    if image.shape[:2] == (height, width):
        return image
    shrinks = height <= image.shape[0] and width <= image.shape[1]
    return cv2.resize(
        image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )


def encode_jpeg(image: np.ndarray, quality: int = 90) -> bytes:
    """`(H, W, 3) uint8` RGB as JPEG bytes (4:2:0, Huffman tables as they come: the fastest
    setting)."""
    import cv2

    done, data = cv2.imencode(
        ".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    if not done:
        raise ValueError(f"an image of shape {image.shape} cannot be written as JPEG")
    return data.tobytes()
