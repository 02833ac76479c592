"""Small files that claim, or unfold into, something large."""

import json
import struct
import zlib
from random import Random


def image(rng: Random) -> bytes:
    """An image that is large, deep or endless when it is decoded."""
    return rng.choice(
        [_png(60_000, 60_000), _png(30_000, 30_000), _png(1, 2**31 - 1), _scans(3000), _scans(120)]
    )


def _png(width: int, height: int) -> bytes:
    """A PNG of one colour that holds the first 100 of its rows."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes((width + 1) * min(height, 100)))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


def _scans(count: int) -> bytes:
    """A progressive JPEG that refines its first coefficients again and again."""
    table = b"\xff\xdb" + struct.pack(">HB", 67, 0) + bytes([1] * 64)
    frame = b"\xff\xc2" + struct.pack(">HBHHB", 11, 8, 2048, 2048, 1) + b"\x01\x11\x00"
    codes = b"\xff\xc4" + struct.pack(">HB", 20, 0) + bytes([1] + [0] * 15) + b"\x00"
    ac_codes = b"\xff\xc4" + struct.pack(">HB", 20, 16) + bytes([1] + [0] * 15) + b"\x00"
    scan = b"\xff\xda" + struct.pack(">HB", 8, 1) + b"\x01\x00" + b"\x01\x3f\x00" + b"\x00" * 8
    return b"\xff\xd8" + table + frame + codes + ac_codes + scan * count + b"\xff\xd9"


def tar_header(data: bytes, rng: Random) -> bytes:
    """A tar whose first header promises a size that no file has, in one of the ways to write it."""
    size = rng.choice(
        [b"77777777777\x00", b"\x80" + b"\xff" * 11, b"-0000000001\x00", b"9" * 12, b"\x00" * 12]
    )
    kind = rng.choice([b"0", b"x", b"L", b"g", b"S", b"5", b"1", b"2"])
    name = rng.choice(
        [b"", b"../../../canary/x.jpg", b"/etc/x.jpg", b"0001/0001_c09_w01_l04.jpg"]
    ).ljust(100, b"\x00")
    header = bytearray(
        name + b"0000644\x000000000\x000000000\x00" + size + b"00000000000\x00" + b" " * 8 + kind
    )
    header += bytes(512 - len(header))
    header[148:156] = b"%06o\x00 " % sum(header)
    return bytes(header) + data


def coco(rng: Random) -> str:
    """Annotations of many images, of overlapping masks, or of a mask far larger than its frame."""
    image = {"id": 1, "file_name": "c01/f000001_c01_w01_l04.jpg", "width": 320, "height": 180}
    mask = rng.choice(
        [{"size": [11_000, 11_000], "counts": [0, 121_000_000]}, [[0, 0, 300, 0, 300, 170, 0, 170]]]
    )
    row = {
        "image_id": 1,
        "category_id": 1,
        "bbox": [0, 0, 300, 170],
        "iscrowd": 0,
        "segmentation": mask,
    }
    rows = [{**row, "id": i, "identity": f"{i:04d}"} for i in range(rng.choice([3, 1500]))]
    images = [{**image, "id": i} for i in range(1, rng.choice([2, 30_000]))]
    return json.dumps(
        {"images": images, "annotations": rows, "categories": [{"id": 1, "name": "person"}]}
    )
