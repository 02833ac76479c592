"""Scenes for the checks of images: drawn, written under names of GPR+, and what a check flags of
them."""

from pathlib import Path

import cv2
import numpy as np

from gprplus.core.imaging.images import encode_jpeg
from gprplus.ingest import Manifest
from gprplus.schema.check_columns import CHECKS

SIZE = (96, 48)


def scene(seed: int) -> np.ndarray:
    """A picture with light, shade, edges and grain."""
    rng = np.random.default_rng(seed)
    coarse = cv2.resize(
        rng.integers(20, 235, (6, 4), dtype=np.uint8), SIZE[::-1], interpolation=cv2.INTER_NEAREST
    )
    return np.clip(coarse[..., None] + rng.normal(0, 12, (*SIZE, 3)), 0, 255).astype(np.uint8)


def put(root: Path, images: dict[str, np.ndarray | bytes]) -> Path:
    """Images under GPR+ names: `0001_c01_w01_l01` and the like are keys."""
    for name, image in images.items():
        path = root / name[:4] / f"{name}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image if isinstance(image, bytes) else encode_jpeg(image, 95))
    return root


def flagged(manifest: Manifest, name: str) -> set[str]:
    """The stems of the images that a check flags."""
    table = manifest.images(["path", CHECKS[name][0]])
    return {Path(row["path"]).stem for row in table.to_pylist() if row[CHECKS[name][0]]}
