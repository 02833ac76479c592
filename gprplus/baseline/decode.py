"""Decoding of images at a given size, mostly by scaled JPEG decoding."""

import numpy as np

from gprplus.core.imaging import images

# JPEG can decode straight to a half, a quarter or an eighth of its size, for a fraction of the
# work.
_SCALES = (8, 4, 2)
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_BARE = frozenset(range(0xD0, 0xD9)) | {0x01}


def decode_resized(data: bytes, height: int, width: int) -> np.ndarray | None:
    """Decode to `(height, width, 3) uint8` RGB; None if the bytes are not a complete image.

    A JPEG is decoded at the smallest scale that is not below the requested size, then resized by
    area. The result depends only on the bytes and the size.
    """
    import cv2

    size = jpeg_size(data)
    scale = next((s for s in _SCALES if size and size[0] >= s * height and size[1] >= s * width), 1)
    image = None
    if scale > 1:
        bgr = images.decode_with_opencv(data, getattr(cv2, f"IMREAD_REDUCED_COLOR_{scale}"))
        image = None if bgr is None else cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
    if image is None:
        image = images.decode_image(data)
    return None if image is None else images.resize_image(image, height, width)


def jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Height and width a JPEG's frame header declares; None for anything else.

    >>> jpeg_size(bytes.fromhex("ffd8 ffc0 0011 08 01d6 00c8 03 011100 021100 031100"))
    (470, 200)
    """
    if data[:2] != b"\xff\xd8":
        return None
    at = 2
    while at + 9 < len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker in _FRAMES:
            return int.from_bytes(data[at + 5 : at + 7], "big"), int.from_bytes(
                data[at + 7 : at + 9], "big"
            )
        at += 2 if marker in _BARE else 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None
