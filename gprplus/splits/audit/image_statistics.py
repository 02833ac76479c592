"""Image statistics: those of the manifest, and, if requested, those of a decoded sample."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gprplus.core import sampling
from gprplus.core.errors import SplitError
from gprplus.core.imaging.images import decode_image, read_bytes
from gprplus.core.parallel import map_threads
from gprplus.core.storage.failures import StorageError
from gprplus.splits.audit.shortcuts import level_shifts, probe_shortcuts, sample_rows
from gprplus.splits.candidates import AttributeCodes, CandidateTable
from gprplus.splits.designs import DesignInput

ROWS, PIXELS = 8_192, 1_024  # images looked at: by the manifest's columns, by their pixels
LOOKS = ("brightness", "contrast", "saturation", "sharpness")


def statistics_of_rows(train: DesignInput, attr: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Probes by file and image size, and what a level does to the measures that --checks left in
    the manifest."""
    level = train.pool.codes(attr)
    rows = sample_rows(train.pool, train.rows, level, ROWS)
    sides = np.stack(
        [_column(train.pool, name, rows) for name in ("width_px", "height_px")], axis=1
    )
    features = {"file size": _column(train.pool, "size_bytes", rows)[:, None], "image size": sides}
    looks = {name: _column(train.pool, name, rows) for name in LOOKS}
    return _scored(train.pool, rows, level.values[rows], level.levels, features, looks)


def statistics_of_pixels(
    train: DesignInput, attr: str, roots: Mapping[str, Path]
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Compute the statistics of a decoded sample, with border pixels and compression, and the time
    it took."""
    start = time.perf_counter()
    pool, level = train.pool, train.pool.codes(attr)
    rows = sample_rows(pool, train.rows, level, PIXELS)
    found = _looks(pool, rows, roots)
    table = {name: np.array([one[name] for one in found]) for name in found[0]}
    features = {
        "border pixels": table["border"],
        "compression": np.stack([table["tables"], table["bytes_per_pixel"]], axis=1),
        "image size": table["sides"],
    }
    looks = {name: table[name] for name in LOOKS}
    cost = {
        "images": len(rows),
        "megabytes": round(float(table["size_bytes"].sum()) / 1e6, 1),
        "seconds": round(time.perf_counter() - start, 1),
    }
    return *_scored(pool, rows, level.values[rows], level.levels, features, looks), cost


def identity_from_border(train: DesignInput, roots: Mapping[str, Path]) -> dict[str, Any]:
    """Return the accuracy of predicting the identity from border pixels alone, on images not used
    for fitting.

    Every second image of an identity, by priority, is held out: a high accuracy means that place or
    light depend on it.
    """
    pool = train.pool
    everybody = AttributeCodes("identity", pool.identity, tuple(range(len(pool.identities))))
    rows = sample_rows(pool, train.rows, everybody, PIXELS)
    rows = rows[np.lexsort((sampling.priorities(pool.uid[rows], 0, "border"), pool.identity[rows]))]
    border = np.array([one["border"] for one in _looks(pool, rows, roots)])
    found = probe_shortcuts(border, pool.identity[rows], np.arange(len(rows)))
    return {"border pixels": found} if found else {}


def _looks(
    pool: CandidateTable, rows: np.ndarray, roots: Mapping[str, Path]
) -> list[dict[str, Any]]:
    files = [
        (roots[pool.identities[person][0]], path)
        for person, path in zip(
            pool.identity[rows], pool.texts.take("path", rows).to_pylist(), strict=True
        )
    ]
    return list(map_threads(lambda file: _look(*file), files))


def _scored(
    pool: CandidateTable,
    rows: np.ndarray,
    level: np.ndarray,
    names: tuple[Any, ...],
    features: Mapping[str, np.ndarray],
    looks: Mapping[str, np.ndarray],
) -> tuple[dict[str, Any], dict[str, Any]]:
    probes = {
        name: probe_shortcuts(known, level, pool.identity[rows]) for name, known in features.items()
    }
    return {name: found for name, found in probes.items() if found}, level_shifts(
        looks, level, names
    )


def _column(pool: CandidateTable, name: str, rows: np.ndarray) -> np.ndarray:
    """A numeric column of the manifest for some rows, `(n,) float64`; NaN where it is not known."""
    if not pool.texts.has(name):
        return np.full(len(rows), np.nan)
    array = pool.texts.take(name, rows)
    return np.where(sampling.is_valid(array), sampling.to_numpy(array), np.nan).astype(np.float64)


def _look(root: Path, path: str) -> dict[str, Any]:
    """Measure one image: mean and sd of luminance 0-1, HSV saturation 0-1, edges, means of the
    border, compression."""
    import cv2

    try:
        data = read_bytes(root, path)
    except StorageError:
        raise
    except OSError as error:
        raise SplitError(
            f"{root / path} cannot be read ({error.strerror or error}), and --audit=pixels looks at"
            " it. Use --audit=rows, or build the manifest again where the images are."
        ) from error
    image = decode_image(data)
    if image is None:
        raise SplitError(
            f"{root / path} does not decode, and --audit=pixels looks at it. Use --audit=rows."
        )
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    high, wide = grey.shape
    edge = max(1, min(high, wide) // 16)
    sides = (image[:edge], image[-edge:], image[:, :edge], image[:, -edge:])
    return {
        "brightness": float(grey.mean()),
        "contrast": float(grey.std()),
        "saturation": float(cv2.cvtColor(image, cv2.COLOR_RGB2HSV)[..., 1].mean()) / 255,
        "sharpness": float(cv2.Laplacian(grey, cv2.CV_32F).std()),
        "border": np.concatenate([side.mean(axis=(0, 1)) for side in sides]),
        "tables": float(quantization_of(data)),
        "bytes_per_pixel": len(data) / (high * wide),
        "sides": np.array([wide, high], dtype=np.float64),
        "size_bytes": len(data),
    }


def quantization_of(data: bytes) -> int:
    """The sum of a JPEG's quantisation tables, which names its quality setting; 0 for what is no
    JPEG.

    >>> quantization_of(b"no picture")
    0
    """
    total, place = 0, 2
    if not data.startswith(b"\xff\xd8"):
        return 0
    while place + 4 <= len(data) and data[place] == 0xFF and data[place + 1] != 0xDA:
        size = int.from_bytes(data[place + 2 : place + 4], "big")
        if data[place + 1] == 0xDB:
            total += sum(data[place + 4 : place + 2 + size])
        place += 2 + size
    return total
