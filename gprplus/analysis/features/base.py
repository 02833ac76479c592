"""Interface of a kind of features: numbers for a list of images, and the points of Euclidean
distances."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from gprplus.archives import sort_for_reading
from gprplus.baseline.decode import decode_resized
from gprplus.core.errors import AnalysisError, first_few
from gprplus.core.imaging.images import read_bytes
from gprplus.core.parallel import Progress, map_threads
from gprplus.core.storage.client import reading_threads
from gprplus.core.storage.failures import StorageError

MEASURES = ("energy", "mmd2")
LEARNT = ("energy", "mmd2", "mmd2_narrow", "mmd2_wide", "kid")
_TOGETHER = 64  # decoded at a time: 25 MB at 256 x 128


@dataclass(frozen=True)
class ImageBatch:
    """Rows of a manifest (uid, dataset, path) and the folders of their datasets."""

    rows: pa.Table
    roots: Mapping[str, Path]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def places(self) -> list[tuple[Path, str]]:
        """Root and path of each image."""
        return [
            (self.roots[row["dataset"]], row["path"])
            for row in self.rows.select(["dataset", "path"]).to_pylist()
        ]


@dataclass(frozen=True)
class Features:
    """One kind of features.

    `source` is part of the request: every change of the numbers must change it. `extract` maps
    images, workers and progress to `(N, D) float64`; `points` maps the pooled rows of source and
    target to named `(N, d)` arrays with Euclidean distances (the first name is the main one).
    `measures` are those of `distance_estimators.costs`.
    """

    name: str
    source: str
    extract: Callable[[ImageBatch, int | None, Progress], np.ndarray]
    points: Callable[[np.ndarray], dict[str, np.ndarray]]
    measures: tuple[str, ...] = LEARNT


def map_images(
    images: ImageBatch,
    describe: Callable[[Path, str], np.ndarray | None],
    workers: int | None,
    progress: Progress,
) -> np.ndarray:
    """`describe` of every image, `(N, D) float64`, in threads. AnalysisError names those it gives
    None for."""
    places = images.places
    order = sort_for_reading([f"{root}/{path}" for root, path in places])
    threads = reading_threads(workers, images.roots.values())
    found: list[np.ndarray | None] = [None] * len(places)
    progress(0, len(places))
    for done, (i, row) in enumerate(
        zip(order, map_threads(lambda i: describe(*places[i]), order, threads), strict=True)
    ):
        found[i] = row
        progress(done + 1, len(places))
    _complete([row is not None for row in found], places)
    return np.array(found, dtype=np.float64)


def in_batches(
    images: ImageBatch,
    size: tuple[int, int],
    embed: Callable[[np.ndarray], np.ndarray],
    workers: int | None,
    progress: Progress,
) -> np.ndarray:
    """`embed` of `(B, H, W, 3) uint8` batches resized to `size` (height, width), as `(N, D)
    float64`."""
    return np.concatenate(
        [
            embed(batch).astype(np.float64)
            for batch in pixel_batches(images, size, workers, progress)
        ]
    )


def pixel_batches(
    images: ImageBatch,
    size: tuple[int, int],
    workers: int | None,
    progress: Progress,
    together: int = _TOGETHER,
) -> Iterator[np.ndarray]:
    """Decoded and resized images in their order, `(B, H, W, 3) uint8` at a time; AnalysisError
    names broken ones."""
    places, threads = images.places, reading_threads(workers, images.roots.values())
    progress(0, len(places))
    for start in range(0, len(places), together):
        part = places[start : start + together]
        found = list(map_threads(lambda place: _pixels(*place, *size), part, threads))
        pixels = [image for image in found if image is not None]
        _complete([image is not None for image in found], part)
        yield np.stack(pixels)
        progress(start + len(part), len(places))


def _pixels(root: Path, path: str, height: int, width: int) -> np.ndarray | None:
    try:
        return decode_resized(read_bytes(root, path), height, width)
    except StorageError:
        raise
    except OSError:
        return None


def _complete(fine: Sequence[bool], places: Sequence[tuple[Path, str]]) -> None:
    broken = [root / path for (root, path), good in zip(places, fine, strict=True) if not good]
    if broken:
        raise AnalysisError(
            f"{len(broken):,} of {len(places):,} sampled images cannot be read"
            f" ({first_few(broken)}). Build the manifest again with --verify=decode: it sets such"
            " images aside."
        )
