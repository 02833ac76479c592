"""People drawn as coloured boxes: enough for a network to learn from in a second."""

import numpy as np
import pyarrow as pa
import pytest

from gprplus.baseline.recipe import (
    AugmentSettings,
    BatchSettings,
    ComputeSettings,
    InputSettings,
    NetworkSettings,
    OptimizerSettings,
    Recipe,
    TrainingLength,
)
from gprplus.core.imaging.images import encode_jpeg


def person(identity: int, image: int, height: int = 64, width: int = 32) -> np.ndarray:
    """One image `(H, W, 3) uint8`: head, top and trousers in the identity's colours, on a
    background and under a light of the image's own.
    """
    colours = np.random.default_rng([1, identity]).integers(40, 216, (3, 3))
    rng = np.random.default_rng([2, identity, image])
    picture = np.full((height, width, 3), rng.integers(60, 196), dtype=float)
    left = width // 4 + int(rng.integers(-2, 3))
    edges = np.array([0.08, 0.22, 0.55, 0.95]) * height
    for colour, top, bottom in zip(
        colours, edges[:-1].astype(int), edges[1:].astype(int), strict=True
    ):
        picture[top:bottom, left : left + width // 2] = colour
    picture = picture * rng.uniform(0.7, 1.2) + rng.normal(0, 6, picture.shape)
    return picture.clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def drawn():
    """Images `(96, 64, 32, 3)` and labels of eight people."""
    labels = np.repeat(np.arange(8), 12)
    return np.stack([person(label, i) for i, label in enumerate(labels)]), labels


@pytest.fixture
def tiny():
    """A recipe of a few steps."""
    return Recipe(
        name="tiny",
        title="Tiny",
        seeds=1,
        length=TrainingLength(steps=8),
        input=InputSettings(64, 32),
        network=NetworkSettings("small"),
        batch=BatchSettings(4, 3),
        optimizer=OptimizerSettings(lr=2e-3, schedule="one-cycle"),
        augment=AugmentSettings(pad=3, erase=0.5),
        compute=ComputeSettings(precision="float32"),
    )


@pytest.fixture
def renders(tmp_path):
    """Six JPEGs on disk and the table of their rows."""
    root = tmp_path / "renders"
    root.mkdir()
    for i in range(6):
        (root / f"{i}.jpg").write_bytes(encode_jpeg(person(i, 0, 470, 200)))
    uids = np.array([50, 10, 40, 20, 30, 60], dtype=np.uint64)
    rows = pa.table({"uid": uids, "dataset": ["drawn"] * 6, "path": [f"{i}.jpg" for i in range(6)]})
    return rows, {"drawn": root}
