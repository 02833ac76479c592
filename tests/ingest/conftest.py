"""Trees of renders, drawn in code: tiny images under the names of each layout."""

from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np
import pytest


def _picture(seed: int = 0, *, width: int = 20, height: int = 47, kind: str = ".jpg") -> bytes:
    rng = np.random.default_rng(seed)
    return cv2.imencode(kind, rng.integers(0, 255, (height, width, 3), dtype=np.uint8))[1].tobytes()


def _design(identities: int = 3, views: int = 2, weathers: int = 3, lights: int = 2) -> list[str]:
    return [
        f"{i:04d}/{i:04d}_c{c:02d}_w{w:02d}_l{light:02d}.jpg"
        for i in range(1, identities + 1)
        for c in range(1, views + 1)
        for w in range(1, weathers + 1)
        for light in range(1, lights + 1)
    ]


def _plant(root: Path, names: Iterable[str], data: bytes | None = None) -> Path:
    for i, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_picture(i) if data is None else data)
    return root


@pytest.fixture(scope="session")
def picture() -> Callable[..., bytes]:
    """`picture(seed, width=20, height=47, kind=".jpg")`: a small noisy image, encoded."""
    return _picture


@pytest.fixture(scope="session")
def design() -> Callable[..., list[str]]:
    """`design(identities=3, views=2, weathers=3, lights=2)`: the names of a crossed design in GPR+ shape."""
    return _design


@pytest.fixture(scope="session")
def plant() -> Callable[..., Path]:
    """`plant(root, names, data=None)`: an image under each name, with pixels of its own unless `data` is given."""
    return _plant


@pytest.fixture
def renders(tmp_path: Path) -> Path:
    """36 renders in GPR+ shape: 3 people x 2 views x 3 weathers x 2 lights."""
    return _plant(tmp_path / "renders", _design())
