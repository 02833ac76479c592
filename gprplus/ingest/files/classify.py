"""File classification by bytes: format and size, or the reason for rejection."""

import threading
from typing import NamedTuple

from gprplus.core.imaging import image_headers
from gprplus.ingest.files.jpeg_warnings import CapturedStderr

REASONS = {
    "unreadable": "the file cannot be opened: {}.",
    "empty": "the file has no bytes.",
    "foreign": "the bytes are of no image format known here; they begin with {}.",
    "damaged": "the header of this {} has no valid size.",
    "truncated": "the end of this {} is missing.",
    "large": (
        f"its header claims {{}} pixels, and at most {image_headers.MAX_PIXELS:,} are decoded."
    ),
    "scans": (
        f"it holds {{}} scans; at most {image_headers.MAX_SCANS:,} are decoded, fewer of a large"
        " image."
    ),
    "undecodable": "this {} does not decode.",
    "incomplete": "a part of this {} is missing or damaged: the decoder had to make up pixels.",
}


class Probe(NamedTuple):
    """Properties of one file. `reason` is None for a valid one; null fields were not read at this
    level."""

    size: int = -1
    mtime: int = -1
    format: str | None = None
    width: int | None = None
    height: int | None = None
    digest: str | None = None
    reason: str | None = None
    detail: str | None = None


_one_at_a_time = (
    threading.Lock()
)  # the decoders' warnings go to standard error, which threads share
_quick = tuple.__new__  # a Probe without the half microsecond that filling in defaults takes


def rejected(size: int, mtime: int, reason: str, what: str = "") -> Probe:
    """A file that stays out, with the sentence of its reason."""
    return Probe(size, mtime, reason=reason, detail=REASONS[reason].format(what))


def jpeg_probe(size: int, mtime: int, pixels: image_headers.Size) -> Probe:
    """A whole JPEG of so many pixels."""
    return _quick(Probe, (size, mtime, "jpeg", *pixels, None, None, None))


def classify_file(
    size: int, mtime: int, head: bytes, tail: bytes, more: image_headers.More
) -> Probe:
    """The verdict on a file from its first and last bytes."""
    alike = image_headers.jpeg_size_fast_path(head, tail)
    if alike:
        return jpeg_probe(size, mtime, alike)
    kind = image_headers.format_of(head)
    if kind is None:
        return (
            rejected(size, mtime, "foreign", repr(head[:12]))
            if head
            else rejected(size, mtime, "empty")
        )
    if not image_headers.is_complete(kind, size, head, tail, more):
        return rejected(size, mtime, "truncated", kind)
    pixels = image_headers.size_of(kind, head, more)
    if pixels is None:
        return rejected(size, mtime, "damaged", kind)
    if pixels[0] * pixels[1] > image_headers.MAX_PIXELS:
        return rejected(size, mtime, "large", f"{pixels[0]:,} x {pixels[1]:,}")
    return Probe(size, mtime, kind, *pixels)


def hash_file(data: bytes, mtime: int, captured: CapturedStderr | None = None) -> Probe:
    """The verdict on a file from all of its bytes, with their digest. Where `captured` catches the
    decoders' warnings, the file is decoded too.
    """
    from xxhash import xxh3_128_hexdigest

    def more(offset: int, length: int) -> bytes:
        return data[offset : offset + length]

    found = classify_file(
        len(data), mtime, data[: image_headers.HEAD], data[-image_headers.TAIL :], more
    )
    if found.reason:
        return found
    fault = _fault_inside(data, found, captured) if captured else None
    return fault or found._replace(digest=xxh3_128_hexdigest(data))


def _fault_inside(data: bytes, found: Probe, captured: CapturedStderr) -> Probe | None:
    """Why a file with a good header does not decode to the end; None where it does."""
    from gprplus.core.imaging.images import decode_image

    kind, size = found.format or "file", (found.width or 0, found.height or 0)
    scans = image_headers.scans_of(data) if kind == "jpeg" else 1
    if image_headers.too_many_scans(scans, size):
        return rejected(len(data), found.mtime, "scans", f"{scans:,}")
    with _one_at_a_time:
        decoded = decode_image(data) is not None
        lost = (
            captured.loss()
        )  # read after every file, otherwise the next one would be rejected for it
    if not decoded:
        return rejected(len(data), found.mtime, "undecodable", kind)
    return rejected(len(data), found.mtime, "incomplete", kind) if lost else None
