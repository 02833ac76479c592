"""Trees of renders, drawn in code: tiny images under the names of each layout."""

import itertools
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
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
    """`design(identities=3, views=2, weathers=3, lights=2)`: the names of a crossed design in GPR+
    shape."""
    return _design


@pytest.fixture(scope="session")
def plant() -> Callable[..., Path]:
    """`plant(root, names, data=None)`: an image under each name, with pixels of its own unless
    `data` is given."""
    return _plant


@pytest.fixture
def renders(tmp_path: Path) -> Path:
    """36 renders in GPR+ shape: 3 people x 2 views x 3 weathers x 2 lights."""
    return _plant(tmp_path / "renders", _design())


# How the GTA V generator is told apart by its generations: angle of the first camera, weather
# passes, places.
WORDS = ("ExtraSunny", "Clouds", "Smog", "Foggy", "Neutral", "Blizzard", "Snowlight")
HOURS = (0, 5, 8, 12, 18, 19, 20)
FIVE = (
    (-1426.068, -1341.568, 3.724),
    (-89.805, -1338.288, 29.152),
    (51.268, -444.344, 39.919),
    (-2080.352, 1190.396, 290.490),
    (1083.522, -411.249, 67.157),
)
THREE = ((533.268, -1435.525, 29.355), (1244.965, -1440.827, 35.053), (2517.980, 851.251, 87.459))


@dataclass(frozen=True)
class Shot:
    """One image of the generator: its path, the line of its log, and what it shows."""

    path: str
    line: str
    weather: str
    hour: int
    camera: int


def _shoot(
    number: int,
    actor: str,
    *,
    version: str = "3.14",
    rank: int = 0,
    minute: int = 0,
    comma: bool = False,
) -> list[Shot]:
    """All shots of one identity in the order they are taken: weather by weather, hour by hour,
    twelve cameras each."""
    last = version == "3.14"
    passes = [("-1", "ExtraSunny"), *((f"{i:02d}", word) for i, word in enumerate(WORDS))]
    shots: list[Shot] = []
    for turn, (weather, word) in enumerate(passes if last else passes[1:]):
        place = rank % 3 if last else turn % 5
        x, y, z = (f"{value:.3f}" for value in (THREE if last else FIVE)[place])
        for (light, hour), camera in itertools.product(enumerate(HOURS), range(12)):
            t = math.radians((60 if last else 0) + 30 * camera)
            angle = (  # E-notation near nought
                f"{math.atan(math.cos(t) / (math.sin(t) or 1e-300)):.15G}"
            )
            stamp = datetime(2019, 8, 2, 15) + timedelta(
                minutes=minute, milliseconds=250 * len(shots)
            )
            text = (
                f"[{stamp:%Y-%m-%d %H:%M:%S}:{stamp.microsecond // 1000:03d}] ({camera + 1})"
                f" Loc:{{[X, Y, Z]}} Time:{{{hour:02d}:00:0{camera % 4}}} Weather:{{{word}}}"
                f" Ang:{{[{angle}]}} Actor:{{{actor}}}"
            )
            text = text.replace("X, Y, Z", f"{x}, {y}, {z}")
            suffix = f"_A{place:02d}" if version == "3.1" else ""
            path = f"{number:04d}/{number:04d}_C{camera:02d}_W{weather}_L{light:02d}{suffix}.jpg"
            shots.append(
                Shot(
                    path,
                    re.sub(r"(\d)\.(\d)", r"\1,\2", text) if comma else text,
                    word,
                    hour,
                    camera,
                )
            )
    return shots


def _save(root: Path, shots: Iterable[Shot], width: int = 8, height: int = 19) -> Path:
    """PNG bytes under .jpg; the two sunny passes of one person, camera and hour differ by a little
    noise."""
    for shot in shots:
        path = root / shot.path
        path.parent.mkdir(parents=True, exist_ok=True)
        seed = [int(path.parent.name), shot.hour, shot.camera, *map(ord, shot.weather)]
        pixels = np.random.default_rng(seed).integers(0, 250, (height, width, 4), dtype=np.uint8)
        pixels[..., 3] = 255
        path.write_bytes(cv2.imencode(".png", pixels + np.uint8("W-1" in path.name))[1].tobytes())
    return root


@pytest.fixture(scope="session")
def shoot() -> Callable[..., list[Shot]]:
    """`shoot(number, actor, version="3.14", rank=0, minute=0, comma=False)`: the generator's images
    and log lines."""
    return _shoot


@pytest.fixture(scope="session")
def save() -> Callable[..., Path]:
    """`save(root, shots, width=8, height=19)`: write the images of shots."""
    return _save
