"""Bytes to pixels, the same way everywhere.

OpenCV decodes (its JPEG path is the fastest that a wheel offers); Pillow takes what OpenCV does not know. Images are
`(H, W, 3) uint8` in RGB order. Shrinking averages areas: bilinear sampling aliases when it halves.
"""

from pathlib import Path

import numpy as np

from gprplus import archives
from gprplus.sniff import claims_too_much


def read_bytes(root: Path, path: str) -> bytes:
    """The bytes of one manifest row: its dataset's root and its `path` (relative, POSIX). Raises OSError.

    A root or path may go through an archive; rows that are read in `archives.reading_order` cost least.
    """
    return archives.read(root / path)


def decode(data: bytes) -> np.ndarray | None:
    """`(H, W, 3) uint8` RGB, orientation tags ignored; None when the bytes are no whole image, or one past all measure.

    A header that claims more than `sniff.MOST_PIXELS` is not followed: a megabyte of it could ask for gigabytes.
    """
    import cv2

    if not data or claims_too_much(data):
        return None
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        bgr = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), flags)
    except cv2.error:
        bgr = None
    if bgr is None:
        return _decode_with_pillow(data)
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)


def decode_half_grey(data: bytes) -> np.ndarray | None:
    """`(ceil(H / 2), ceil(W / 2)) uint8` grey, orientation tags ignored; None as for `decode`.

    A JPEG is decoded at that size in the first place, for two thirds of the cost of decoding it whole.
    """
    import cv2

    if not data or claims_too_much(data):
        return None
    flags = cv2.IMREAD_REDUCED_GRAYSCALE_2 | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        grey = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), flags)
    except cv2.error:
        grey = None
    if grey is not None:
        return grey
    colours = _decode_with_pillow(data)
    if colours is None:
        return None
    grey = cv2.cvtColor(colours, cv2.COLOR_RGB2GRAY)
    return cv2.resize(grey, (-(-grey.shape[1] // 2), -(-grey.shape[0] // 2)), interpolation=cv2.INTER_AREA)


def _decode_with_pillow(data: bytes) -> np.ndarray | None:
    import io

    from PIL import Image

    try:
        with Image.open(io.BytesIO(data)) as image:
            return np.array(image.convert("RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def resize(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize `(H, W, 3) uint8` to `(height, width, 3)`: by area when shrinking, bilinear when growing."""
    import cv2

    if image.shape[:2] == (height, width):
        return image
    shrinks = height <= image.shape[0] and width <= image.shape[1]
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def encode_jpeg(image: np.ndarray, quality: int = 90) -> bytes:
    """`(H, W, 3) uint8` RGB as JPEG bytes (4:2:0, Huffman tables as they come: the fastest setting)."""
    import cv2

    done, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError(f"an image of shape {image.shape} cannot be written as JPEG")
    return data.tobytes()
