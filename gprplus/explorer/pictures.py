"""Thumbnails and whole images of a manifest, by uid; no path ever comes from the page."""

from collections.abc import Mapping
from pathlib import Path

from gprplus.core.errors import BrowseError
from gprplus.core.imaging.image_headers import HEAD, format_of
from gprplus.core.imaging.images import decode_image, encode_jpeg, read_bytes, resize_image
from gprplus.explorer.image_table import BrowsedImages, RecentValues

HEIGHTS = (96, 160, 256)  # pixels of thumbnails, so that few sizes are made
_THUMBNAILS = 4096  # kept in memory, 3 to 8 KB each
_SHOWN = {"jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp"}  # by every browser


class Pictures:
    """Images of one table as bytes that a browser shows."""

    def __init__(self, table: BrowsedImages, roots: Mapping[str, Path]) -> None:
        self._table, self._roots = table, roots
        self._kept = RecentValues(_THUMBNAILS)

    def thumbnail(self, uid: int, height: int) -> bytes:
        """Return an image as JPEG, at most `height` pixels high. Raises BrowseError."""
        height = min(HEIGHTS, key=lambda one: abs(one - height))
        return self._kept.get((uid, height), lambda: self._shrunk(uid, height))

    def whole(self, uid: int) -> tuple[str, bytes]:
        """Return the media type and the bytes of an image; formats that browsers do not show become
        JPEG."""
        data = self._read(uid)
        kind = _SHOWN.get(str(format_of(data[:HEAD])).lower())
        if kind:
            return kind, data
        pixels = decode_image(data)
        if pixels is None:
            raise BrowseError("The file is no whole image.")
        return "image/jpeg", encode_jpeg(pixels, 95)

    def _shrunk(self, uid: int, height: int) -> bytes:
        pixels = decode_image(self._read(uid))
        if pixels is None:
            raise BrowseError("The file is no whole image.")
        share = min(height / pixels.shape[0], 2 * height / pixels.shape[1], 1)
        size = [max(round(side * share), 1) for side in pixels.shape[:2]]
        return encode_jpeg(resize_image(pixels, size[0], size[1]), 85)

    def _read(self, uid: int) -> bytes:
        dataset, path = self._table.places(self._table.rows_of([uid]))[0]
        try:
            return read_bytes(self._roots[dataset], path)
        except OSError as error:
            raise BrowseError(f"{path} cannot be read: {error.strerror or error}.") from error
