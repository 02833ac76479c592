"""Measurements of a file: its bytes are read once, decoded once to gray at half size, and measured.

All pixel statistics of all checks are computed here, so that one decode is enough; a check is then
arithmetic over columns, and another check or threshold opens no file again. Cost in microseconds
for a JPEG of 200 x 470: read 17, decode 170-280, histogram 16, shrinking 11, edges 9, hash and
thumbnail 13, tones 6.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from xxhash import xxh3_128_digest

from gprplus.archives import read_each
from gprplus.core.imaging import image_headers
from gprplus.core.imaging.images import decode_half_grey
from gprplus.ingest.files.jpeg_warnings import capture_stderr

VERSION = 3  # of the measurements: those of another version are repeated
FINE = 64  # pixels of the longer side at which edges are measured, as in cleanvision
THUMBNAIL = (4, 8)  # columns and rows of the thumbnail
_HASHED = (9, 8)  # columns and rows of the difference hash
_GREY = np.arange(256, dtype=np.float64)
_MOMENTS = np.stack([_GREY, _GREY**2], axis=1)

MEASURES = ("dark", "light", "brightness", "contrast", "sharpness", "entropy")


@dataclass
class ImageMeasurements:
    """Measurements of N images (schema.check_columns.LOOKS); if `decoded` is false, the other
    values are undefined.

    `content` `(N, 16) uint8`, `decoded` `(N,) bool`, `damaged` `(N,) bool` (the decoder replaced
    missing data), `measures` `(N, 6) float32` in the order of MEASURES, `dhash` `(N,) uint64`,
    `thumbnail` `(N, 32) uint8`.
    """

    content: np.ndarray
    decoded: np.ndarray
    damaged: np.ndarray
    measures: np.ndarray
    dhash: np.ndarray
    thumbnail: np.ndarray

    @classmethod
    def empty(cls, count: int) -> "ImageMeasurements":
        """Return empty measurements for `count` images."""
        return cls(
            np.zeros((count, 16), np.uint8),
            np.zeros(count, bool),
            np.zeros(count, bool),
            np.zeros((count, len(MEASURES)), np.float32),
            np.zeros(count, np.uint64),
            np.zeros((count, THUMBNAIL[0] * THUMBNAIL[1]), np.uint8),
        )

    def put(self, at: "slice | np.ndarray", others: "ImageMeasurements") -> None:
        """Write other looks into some rows."""
        for name in vars(self):
            getattr(self, name)[at] = getattr(others, name)

    def some(self, rows: np.ndarray) -> "ImageMeasurements":
        """Return the measurements of some rows."""
        return ImageMeasurements(*(column[rows] for column in vars(self).values()))

    def measure(self, name: str) -> np.ndarray:
        """Return one of MEASURES as `(N,) float32`, NaN if the image does not decode."""
        return np.where(self.decoded, self.measures[:, MEASURES.index(name)], np.float32(np.nan))


def measure_files(root: Path, paths: Sequence[str]) -> ImageMeasurements:
    """Measure some files below a root. A file that cannot be read or decoded is not `decoded`;
    nothing is raised."""
    looks = ImageMeasurements.empty(len(paths))
    greys = np.zeros((len(paths), 256), np.float32)
    small = np.zeros((len(paths), *reversed(_HASHED)), np.uint8)
    with capture_stderr() as captured:
        for i, data in enumerate(read_each([f"{root}/{path}" for path in paths])):
            if data is None:
                continue
            looks.content[i] = np.frombuffer(xxh3_128_digest(data), np.uint8)
            grey = decode_half_grey(data) if _is_whole(data) else None
            looks.damaged[i] = captured.complaint() and grey is not None
            if grey is None:
                continue
            looks.decoded[i] = True
            fine = _shrunk(grey)
            greys[i] = cv2.calcHist([grey], [0], None, [256], [0, 256]).ravel()
            looks.measures[i, MEASURES.index("sharpness")] = edge_strength(fine)
            small[i] = cv2.resize(fine, _HASHED, interpolation=cv2.INTER_AREA)
            looks.thumbnail[i] = cv2.resize(fine, THUMBNAIL, interpolation=cv2.INTER_AREA).ravel()
    looks.dhash[:] = difference_hashes(small)
    for name, values in tones(greys).items():
        looks.measures[:, MEASURES.index(name)] = values
    return looks


def _is_whole(data: bytes) -> bool:
    """Return True if the format is known and the file is complete: some decoders replace missing
    data silently."""
    kind = image_headers.format_of(data[: image_headers.HEAD])
    return kind is not None and image_headers.is_complete(
        kind,
        len(data),
        data[: image_headers.HEAD],
        data[-image_headers.TAIL :],
        lambda offset, length: data[offset : offset + length],
    )


def _shrunk(grey: np.ndarray) -> np.ndarray:
    """The image at about FINE pixels. By a whole factor, which averages areas ten times as fast as
    any other."""
    factor = max(round(max(grey.shape) / FINE), 1)
    height, width = (max(side // factor, 1) for side in grey.shape)
    if min(grey.shape) < factor:
        return cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA)
    return cv2.resize(
        grey[: height * factor, : width * factor], (width, height), interpolation=cv2.INTER_AREA
    )


def edge_strength(fine: np.ndarray) -> float:
    """Standard deviation of `(H, W) uint8` after Pillow's FIND_EDGES, over the pixels that have
    eight neighbours.

    Pillow leaves the border as it was, and cleanvision counts it: on a crop of 27 x 64, a tenth of
    all pixels, a bright border alone makes a score of 0.4. Here it is left out.
    """
    around = cv2.boxFilter(fine, cv2.CV_16S, (3, 3), normalize=False)
    edges = cv2.addWeighted(
        fine, 9, around, -1, 0, dtype=cv2.CV_8U
    )  # two thirds of what filter2D takes
    inner = edges[1:-1, 1:-1] if min(edges.shape) > 2 else edges
    return float(cv2.meanStdDev(inner)[1][0, 0])


def difference_hashes(small: np.ndarray) -> np.ndarray:
    """The 64-bit dHash of `(N, 8, 9) uint8` pictures, `(N,) uint64`: whether each average is darker
    than its left neighbour, row by row from the highest bit.

    Neal Krawetz, "Kind of like that", 2013; imagehash turns the comparison round.
    """
    darker = small[:, :, 1:] < small[:, :, :-1]
    return np.packbits(darker.reshape(-1, 64), axis=1).view(">u8")[:, 0].astype(np.uint64)


def tones(histograms: np.ndarray) -> dict[str, np.ndarray]:
    """Compute statistics of `(N, 256)` counts of gray levels: `(N,)` each, 0-1 except for the
    entropy in bits.

    >>> {name: float(value[0]) for name, value in tones(np.eye(256)[[255]]).items()}
    {'dark': 1.0, 'light': 1.0, 'brightness': 1.0, 'contrast': 0.0, 'entropy': 0.0}
    """
    counts = histograms.astype(np.float64)
    pixels = np.maximum(counts.sum(1), 1)
    mean, square = (
        counts @ _MOMENTS / pixels[:, None]
    ).T  # sums of whole numbers: exact in any order
    below = np.cumsum(counts, 1) + 1e-6
    information = np.log2(pixels) - (counts * np.log2(np.maximum(counts, 1))).sum(1) / pixels
    return {
        "dark": np.argmax(below >= 0.99 * pixels[:, None], 1) / 255,
        "light": np.argmax(below >= 0.05 * pixels[:, None], 1) / 255,
        "brightness": mean / 255,
        "contrast": np.sqrt(np.maximum(square - mean**2, 0)) / 255,
        "entropy": np.maximum(information, 0),
    }
