"""Effects over an image: falling snow, grain, vignetting. Snow sheets are drawn once and cut at a
different offset each time.
"""

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from gprplus.core.sampling import hash64
from gprplus.engine.raycast.hash_noise import normal_noise, uniform_noise

# kind: layers of (flakes per 10,000 pixels, radius as a share of the height, streak as a multiple
# of the radius, slant, opacity, in front of the person)
KINDS = {
    "flakes": (
        (34, 0.0018, 1.0, 0.10, 0.75, False),
        (15, 0.0030, 1.3, 0.15, 0.85, True),
        (2.2, 0.0062, 1.4, 0.2, 0.60, True),
    ),
    "blizzard": (
        (170, 0.0016, 4.5, 0.75, 0.75, False),
        (60, 0.0024, 6.5, 0.85, 0.70, True),
        (9, 0.0046, 9.0, 0.95, 0.50, True),
    ),
}
PATCH_PIXELS = 4_000_000  # drawn at once: bounds the memory, some 200 MB
SHEET = 4  # a sheet is this many times as high as the picture


@lru_cache(maxsize=8)
def particle_sheets(kind: str, width: int, height: int, device: str) -> Tensor:
    """Opacity behind and before the person, `(2, SHEET x height x width) float32`; what leaves on
    one side comes in on the other.
    """
    total = np.zeros((2, SHEET * height, width), dtype=np.float32)
    for number, (density, radius, streak, slant, opacity, front) in enumerate(KINDS[kind]):
        count = int(density * SHEET * width * height / 10_000)
        draw = uniform_noise(hash64(f"{kind}/{number}"), 4 * count).reshape(4, count)
        size = max(radius * height, 0.35) * (0.6 + 0.8 * draw[2])
        light = opacity * (0.45 + 0.55 * draw[3])
        _splat(total[int(front)], draw[0], draw[1], size, size * streak, slant, light)
    return torch.from_numpy(np.clip(total, 0, 0.95).reshape(2, -1)).to(device)


def _splat(
    sheet: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    thin: np.ndarray,
    long: np.ndarray,
    slant: float,
    light: np.ndarray,
) -> None:
    """Add soft streaks at (x, y) in [0, 1): every flake on the same small patch of pixels at
    once."""
    if not len(x):  # pictures so small that this kind of particle has none
        return
    height, width = sheet.shape
    reach = int(np.ceil(1.8 * long.max())) + 1
    dy, dx = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    norm = np.hypot(1.0, slant)
    along_x, along_y = slant / norm, 1.0 / norm
    px, py = x * width, y * height
    ix, iy = np.floor(px).astype(int), np.floor(py).astype(int)
    step = min(2000, max(1, PATCH_PIXELS // dy.size))
    for start in range(0, len(x), step):
        part = slice(start, start + step)
        ox = dx[None] - (px[part] - ix[part])[:, None, None] + 0.5
        oy = dy[None] - (py[part] - iy[part])[:, None, None] + 0.5
        a, b = ox * along_x + oy * along_y, ox * along_y - oy * along_x
        far = (a / long[part, None, None]) ** 2 + (b / thin[part, None, None]) ** 2
        value = light[part, None, None] * np.exp(-1.5 * far)
        rows, columns = (iy[part, None, None] + dy) % height, (ix[part, None, None] + dx) % width
        np.add.at(sheet, (rows, columns), value.astype(np.float32))


def add_particles(kind: str, key: int, width: int, height: int, device: torch.device) -> Tensor:
    """Opacity of what falls behind and before the person in the picture that `key` names, (2,
    P)."""
    return _window(particle_sheets(kind, width, height, str(device)), key ^ 0x5F0A, width * height)


@lru_cache(maxsize=4)
def _grain_sheet(width: int, height: int, device: str) -> Tensor:
    """Sensor noise: fine and slightly clumped, luminance mostly, `(3, SHEET x height x width)`."""
    shape = (SHEET * height, width)
    grey = normal_noise(hash64("grain/luminance"), shape[0] * shape[1]).reshape(1, *shape)
    colour = normal_noise(hash64("grain/colour"), 3 * shape[0] * shape[1]).reshape(3, *shape)
    mixed = 0.8 * grey + 0.6 * colour
    mixed = 0.75 * mixed + 0.42 * np.roll(mixed, 1, axis=2) + 0.42 * np.roll(mixed, 1, axis=1)
    return torch.from_numpy(mixed.astype(np.float32).reshape(3, -1)).to(device)


def add_grain(key: int, width: int, height: int, device: torch.device) -> Tensor:
    """Noise of unit strength for the picture that `key` names, (3, P)."""
    return _window(_grain_sheet(width, height, str(device)), key ^ 0x6A41, width * height)


def _window(sheet: Tensor, key: int, pixels: int) -> Tensor:
    """A stretch of a sheet, as a view: rows are as long as the picture's, so any start will do."""
    start = int(float(uniform_noise(key, 1)[0]) * (sheet.shape[1] - pixels))
    return sheet[:, start : start + pixels]


@lru_cache(maxsize=4)
def _vignette_sheet(strength: float, width: int, height: int, device: str) -> Tensor:
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    return torch.from_numpy(
        (1 - strength * (0.35 * x**2 + 0.65 * y**2) ** 1.5).astype(np.float32).ravel()
    ).to(device)


def add_vignette(strength: float, width: int, height: int, device: torch.device) -> Tensor:
    """Return the vignetting of a lens, (P,): 1 in the center, 1 - strength in a corner."""
    return _vignette_sheet(strength, width, height, str(device))
