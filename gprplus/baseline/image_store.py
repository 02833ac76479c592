"""The image store: every required image decoded and resized once, read by row number.

A store is a folder of parts, `HxW/<name>.pack`, each written atomically: four int64 (magic, count,
height, width), the keys `(count,) uint64`, then the pixels `(count, H, W, 3) uint8` RGB. The key of
an image is made from its uid, file size and modification time, so a changed file is packed again,
and splits, runs and targets share everything else. Packing again adds only missing images.
"""

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gprplus import archives
from gprplus.baseline.decode import decode_resized
from gprplus.baseline.store_view import StoredImages
from gprplus.core import sampling
from gprplus.core.errors import TrainingError, first_few, format_bytes
from gprplus.core.files.workdir import atomic_write
from gprplus.core.parallel import (
    Progress,
    map_processes,
    map_threads,
    no_progress,
    several_machines,
)
from gprplus.core.storage.address import shown_path

if TYPE_CHECKING:
    import pyarrow as pa

_MAGIC = 0x3150_5047  # "GPP1", little-endian
_HEADER = 32
PART_BYTES = 128 << 20  # what packing holds in memory at a time
_SAMPLE = 64  # files used to estimate the packing time
_TOGETHER = (
    32  # images a thread takes at once: a future an image would cost as much as a small decode
)


@dataclass(frozen=True)
class ImageStore:
    """Images of one set of rows in a store:

    `uids (N,) uint64` ascending, and the keys `(N,) uint64` they are packed under.
    """

    folder: Path
    height: int
    width: int
    uids: np.ndarray
    keys: np.ndarray

    def keys_of(self, uids: np.ndarray) -> np.ndarray:
        """The keys that `uids (N,) uint64` are packed under. Raises TrainingError when one is not
        packed."""
        place = np.minimum(np.searchsorted(self.uids, uids), len(self.uids) - 1)
        known = self.uids[place] == uids
        if not known.all():
            raise TrainingError(
                f"{int((~known).sum()):,} images are not in this pack of {len(self.uids):,}."
            )
        return self.keys[place]

    def images(self, uids: np.ndarray) -> StoredImages:
        """The pixels of `uids (N,) uint64`, in that order: found, not yet read. Raises
        TrainingError when one is not packed.
        """
        wanted, paths = self.keys_of(uids), _parts(self.folder)
        held = [_keys_in(path, self.height, self.width) for path in paths]
        packed = np.concatenate([np.empty(0, dtype=np.uint64), *held])
        lost = int((~np.isin(wanted, packed)).sum())
        if lost:
            raise TrainingError(
                f"The store {self.folder} has lost {lost:,} of {len(uids):,} images; "
                "run the same command again to pack them."
            )
        order = np.argsort(packed, kind="stable")
        places = order[np.searchsorted(packed, wanted, sorter=order)]
        parts = tuple(
            partial(_mapped, p, len(k), self.height, self.width)
            for p, k in zip(paths, held, strict=True)
        )
        return StoredImages(self.height, self.width, parts, np.cumsum([0, *map(len, held)]), places)


@dataclass(frozen=True)
class PackingCost:
    """The cost of packing: the keys `(N,) uint64` of the requested images, of those not yet packed,
    each sorted, the bytes of one image, and the files of a sample of those not yet packed.

    Several requests share images, so their costs are added as sets. `digest` identifies the state
    of the files by uid and size: a new version of an image changes it, a copy with another date
    does not.
    """

    wanted: np.ndarray
    missing: np.ndarray
    bytes_each: int
    digest: str
    sample: tuple[str, ...] = ()


def packing_cost(
    rows: "pa.Table", roots: Mapping[str, Path], store: Path, height: int, width: int
) -> PackingCost:
    """Compute the work of `pack_images`. Raises TrainingError if files are missing."""
    uids, paths = _places(rows, roots)
    facts = _facts(paths)
    own = _keys(uids, facts)
    wanted = np.unique(own)
    missing = np.setdiff1d(
        wanted, _packed(_folder(store, height, width), height, width), assume_unique=True
    )
    digest = sampling.sha256_digest(
        uids.astype("<u8").tobytes(), facts[:, 0].astype("<u8").tobytes()
    )
    open_ = np.flatnonzero(np.isin(own, missing))
    sample = tuple(paths[i] for i in open_[:: -(-len(open_) // _SAMPLE) or 1])
    return PackingCost(wanted, missing, height * width * 3 + 8, digest, sample)


def pack_images(
    rows: "pa.Table",
    roots: Mapping[str, Path],
    store: Path,
    height: int,
    width: int,
    *,
    workers: int | None = None,
    progress: Progress = no_progress,
) -> ImageStore:
    """Make sure every row (columns uid, dataset, path; repeats welcome) is packed under
    `store`/HxW.

    Decodes in threads (OpenCV releases the lock), or on all machines of a cluster. Raises
    TrainingError naming files that are missing or cannot be decoded, or a disk that is too small.
    """
    folder = _folder(store, height, width)
    uids, paths = _places(rows, roots)
    wanted = _keys(uids, _facts(paths))
    missing = np.flatnonzero(~np.isin(wanted, _packed(folder, height, width)))
    missing = missing[archives.sort_for_reading([paths[i] for i in missing])]
    _check_disk(folder, len(missing) * (height * width * 3 + 8), len(missing))
    per_part = max(1, PART_BYTES // (height * width * 3))
    progress(0, len(missing))
    jobs = []
    for start in range(0, len(missing), per_part):
        part = missing[start : start + per_part]
        jobs.append(_Part(folder, height, width, [paths[i] for i in part], wanted[part]))
    _pack_parts(jobs, workers, _counted(progress, len(missing)))
    return ImageStore(folder, height, width, uids, wanted)


@dataclass(frozen=True)
class _Part:
    """Images to pack into one part of a store: paths, and keys `(N,) uint64`."""

    folder: Path
    height: int
    width: int
    paths: list[str]
    keys: np.ndarray


def _pack_parts(jobs: Sequence[_Part], workers: int | None, packed: Callable[[int], None]) -> None:
    """Write the parts: one after the other by threads of this process, or each by a task where
    items run on several machines. `packed` gets numbers of images."""
    if several_machines():
        for count in map_processes(_pack_in_task, jobs, workers):
            packed(count)
        return
    for job in jobs:
        _write(job, _decoded(job, workers, packed))


def _pack_in_task(job: _Part) -> int:
    """Write a part; return its number of images, which counts where a message could be lost."""
    _write(job, _decoded(job, 1, lambda count: None))
    return len(job.paths)


def _counted(progress: Progress, total: int) -> Callable[[int], None]:
    """Return a function that adds numbers of images and shows their sum."""
    done = 0

    def packed(count: int) -> None:
        nonlocal done
        done = min(done + count, total)
        progress(done, total)

    return packed


def _folder(store: Path, height: int, width: int) -> Path:
    return store / f"{height}x{width}"


def _places(rows: "pa.Table", roots: Mapping[str, Path]) -> tuple[np.ndarray, list[str]]:
    """Distinct uids, ascending, and the paths of their files."""
    uids, first = np.unique(rows.column("uid").to_numpy(), return_index=True)
    once = rows.select(["dataset", "path"]).take(first)
    prefix = {name: f"{root}{os.sep}" for name, root in roots.items()}
    datasets, paths = once.column("dataset").to_pylist(), once.column("path").to_pylist()
    strangers = sorted(set(datasets) - set(prefix))
    if strangers:
        raise TrainingError(
            f"No folder is known for the dataset(s) {first_few(strangers)}; name one with --root."
        )
    return uids, [prefix[dataset] + path for dataset, path in zip(datasets, paths, strict=True)]


def _facts(paths: Sequence[str]) -> np.ndarray:
    """Size and modification time of the files as they are now, `(N, 2) uint64`."""
    found = archives.file_stats(paths)
    absent = [path for path, facts in zip(paths, found, strict=True) if facts is None]
    if absent:
        shown = first_few([shown_path(path) for path in absent])
        raise TrainingError(
            f"{len(absent):,} of {len(paths):,} images are missing ({shown}). "
            "Restore them, give their folder with --root NAME=DIR, or rebuild manifest and split."
        )
    return np.array(found, dtype=np.uint64).reshape(-1, 2)


def _keys(uids: np.ndarray, facts: np.ndarray) -> np.ndarray:
    """The store's keys `(N,) uint64` of images with such files."""
    return sampling.splitmix64(
        sampling.splitmix64(sampling.splitmix64(uids) ^ facts[:, 0]) ^ facts[:, 1]
    )


def _check_disk(folder: Path, wanted: int, images: int) -> None:
    there = next(path for path in (folder, *folder.resolve().parents) if path.exists())
    free = shutil.disk_usage(there).free
    if wanted > free:
        raise TrainingError(
            f"Packing {images:,} images needs {format_bytes(wanted)} in {folder}, but only "
            f"{format_bytes(free)} are free. Free some space, or give another folder with --work."
        )


def _decoded(job: _Part, workers: int | None, packed: Callable[[int], None]) -> np.ndarray:
    """The images of a part as `(N, H, W, 3) uint8`."""
    paths, height, width = job.paths, job.height, job.width
    pixels = np.empty((len(paths), height, width, 3), dtype=np.uint8)

    def fill(start: int) -> list[str]:
        broken = []
        files = archives.read_files(paths[start : start + _TOGETHER])
        for i in range(start, start + len(files)):
            image = (
                None if (data := files[i - start]) is None else decode_resized(data, height, width)
            )
            if image is None:
                broken.append(paths[i])
            else:
                pixels[i] = image
        return broken

    broken: list[str] = []
    starts = range(0, len(paths), _TOGETHER)
    for start, found in zip(starts, map_threads(fill, starts, workers), strict=True):
        broken += found
        packed(min(_TOGETHER, len(paths) - start))
    if broken:
        raise TrainingError(
            f"{len(broken):,} images cannot be decoded ({first_few(broken)}). Find all such files"
            " with: gprplus build-manifest --verify decode, then make the split again."
        )
    return pixels


def _write(job: _Part, pixels: np.ndarray) -> None:
    part = job.keys
    name = sampling.sha256_digest(part.tobytes())[:20]
    with atomic_write(job.folder / f"{name}.pack") as temporary, temporary.open("wb") as file:
        file.write(np.array([_MAGIC, len(part), *pixels.shape[1:3]], dtype="<i8").tobytes())
        file.write(part.astype("<u8").tobytes())
        file.write(pixels.data)


def _parts(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.pack"))


def _keys_in(path: Path, height: int, width: int) -> np.ndarray:
    """Keys `(n,) uint64` of one part. Raises TrainingError when it is none of this store."""
    head = np.fromfile(path, dtype="<i8", count=4).tolist()  # fewer of a file that was cut short
    each = 8 + height * width * 3
    if (
        head[:1] + head[2:] != [_MAGIC, height, width]
        or path.stat().st_size != _HEADER + head[1] * each
    ):
        raise TrainingError(
            f"{path} is not a part of a store of {height} x {width} images. Remove it and run the"
            " command again."
        )
    return np.fromfile(path, dtype="<u8", count=head[1], offset=_HEADER)


def _mapped(path: Path, count: int, height: int, width: int) -> np.ndarray:
    """Pixels `(count, H, W, 3) uint8` of one part, mapped, not read."""
    try:
        return np.memmap(path, np.uint8, "r", _HEADER + 8 * count, (count, height, width, 3))
    except (OSError, ValueError) as error:
        raise TrainingError(
            f"The store {path.parent} has lost its part {path.name} ({error}); "
            "run the same command again to pack its images."
        ) from error


def _packed(folder: Path, height: int, width: int) -> np.ndarray:
    parts = [_keys_in(path, height, width) for path in _parts(folder)]
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.uint64)
