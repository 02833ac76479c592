"""Ground materials: paving, road, grass, tiles."""

from collections.abc import Callable

import torch
from torch import Tensor

from gprplus.engine.raycast.hash_noise import fractal_noise, fractional, hash_lattice

# A ground pattern: (x, y) in metres -> share of the second colour, shade. All (V,).
Ground = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
GROUNDS: dict[str, Ground] = {}


def _ground(name: str) -> Callable[[Ground], Ground]:
    return lambda function: GROUNDS.setdefault(name, function)


@_ground("paving")
def _paving(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Slabs in running bond with darker bands."""
    row = (y / 0.6).floor()
    u = x / 0.9 + 0.5 * (row % 2)
    joint = ((fractional(u) < 0.022) | (fractional(y / 0.6) < 0.034)).to(torch.float32)
    tone = hash_lattice(u.floor().int(), row.int(), 31)
    band = ((fractional(x / 5.4) < 0.12) | (fractional(y / 5.4) < 0.12)).to(torch.float32)
    return band, 0.86 + 0.2 * tone - 0.30 * joint + 0.16 * (
        fractal_noise(x * 5, y * 5, 2, 33) - 0.5
    )


@_ground("road")
def _road(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """A pavement in the middle, a road on the left of it with a kerb and a broken line."""
    road = x < -3.6
    slab = ((fractional(x / 0.75) < 0.03) | (fractional(y / 0.75) < 0.03)).to(torch.float32)
    tone = hash_lattice((x / 0.75).floor().int(), (y / 0.75).floor().int(), 35)
    line = ((x + 9.6).abs() < 0.07) & (fractional(y / 4.0) < 0.5)
    kerb = (x + 3.6).abs() < 0.14
    walk = 0.88 + 0.16 * tone - 0.26 * slab
    rough = 0.82 + 0.36 * fractal_noise(x * 9, y * 9, 2, 37)
    shade = torch.where(kerb, 1.25, torch.where(road, torch.where(line, 9.0, rough), walk))
    return (road & ~kerb).to(torch.float32), shade


@_ground("grass")
def _grass(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """A winding path of sand through grass."""
    middle = 0.5 * torch.sin(0.35 * y)
    path = ((1.7 + 0.12 * torch.sin(3 * y) - (x - middle).abs()) / 0.25 + 0.5).clamp(0, 1)
    blades = 0.55 + 0.9 * fractal_noise(x * 11, y * 11, 3, 39)
    patch = 0.8 + 0.4 * fractal_noise(x * 0.5, y * 0.5, 2, 41)
    sand = 0.85 + 0.3 * fractal_noise(x * 8, y * 8, 2, 43)
    return path, blades * patch * (1 - path) + sand * path


@_ground("bays")
def _bays(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Asphalt with parking bays."""
    side = ((y.abs() > 8.6) & (y.abs() < 14.2) & (fractional(x / 2.6) < 0.045)) | (
        (y.abs() - 14.2).abs() < 0.06
    )
    arrow = (x.abs() < 0.07) & (fractional(y / 3.0) < 0.45) & (y.abs() > 2.6) & (y.abs() < 8)
    stain = fractal_noise(x * 0.8, y * 0.8, 3, 45)
    return (side | arrow).to(torch.float32) * 0.85, 0.70 + 0.3 * fractal_noise(
        x * 10, y * 10, 2, 47
    ) + 0.35 * stain


@_ground("boards")
def _boards(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Planks of a boardwalk; sand beyond it."""
    sand = ((y.abs() - 8.8) / 0.1).clamp(0, 1)
    board = (y / 0.17).floor()
    gap = (fractional(y / 0.17) < 0.09).to(torch.float32)
    grain = fractal_noise(x * 1.3 + board, y * 30, 2, 49)
    tone = hash_lattice(board.int(), (x / 2.4 + 0.37 * board).floor().int(), 51)
    wood = 0.72 + 0.28 * tone + 0.2 * grain - 0.42 * gap
    return sand, wood * (1 - sand) + (0.85 + 0.3 * fractal_noise(x * 3, y * 3, 3, 53)) * sand


@_ground("concrete")
def _concrete(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    joint = ((fractional(x / 3.2 + 0.4) < 0.010) | (fractional(y / 3.2 + 0.4) < 0.010)).to(
        torch.float32
    )
    puddle = ((fractal_noise(x * 0.35, y * 0.35, 3, 55) - 0.56) / 0.08).clamp(0, 1)
    return puddle * 0.7, 0.78 + 0.4 * fractal_noise(x * 2.4, y * 2.4, 4, 57) - 0.4 * joint


@_ground("gravel")
def _gravel(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    grass = ((fractal_noise(x * 0.45, y * 0.45, 3, 59) - 0.52) / 0.1).clamp(0, 1)
    return grass, 0.55 + 0.85 * fractal_noise(x * 13, y * 13, 3, 61)


@_ground("tiles")
def _tiles(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Platform tiles with a yellow line along the edge."""
    joint = ((fractional(x / 0.4) < 0.045) | (fractional(y / 0.4) < 0.045)).to(torch.float32)
    line = (y - 7.2).abs() < 0.3
    pit = y > 9.4
    tone = hash_lattice((x / 0.4).floor().int(), (y / 0.4).floor().int(), 63)
    return line.to(torch.float32), torch.where(pit, 0.35, 0.86 + 0.16 * tone - 0.2 * joint)


@_ground("polished")
def _polished(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Large marble tiles, a border every seven metres."""
    joint = ((fractional(x / 0.8) < 0.012) | (fractional(y / 0.8) < 0.012)).to(torch.float32)
    border = ((fractional(x / 7.2 + 0.5) < 0.05) | (fractional(y / 7.2 + 0.5) < 0.05)).to(
        torch.float32
    )
    tone = hash_lattice((x / 0.8).floor().int(), (y / 0.8).floor().int(), 111)
    vein = fractal_noise(x * 2.6 + 3 * tone, y * 2.6, 4, 113)
    return border, 0.90 + 0.10 * tone + 0.14 * (vein - 0.5) - 0.22 * joint


@_ground("diamonds")
def _diamonds(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Light and dark tiles laid across."""
    u, v = (x + y) / 0.85, (x - y) / 0.85
    dark = (u.floor() + v.floor()) % 2
    joint = ((fractional(u) < 0.03) | (fractional(v) < 0.03)).to(torch.float32)
    return 0.75 * dark, 0.92 + 0.12 * (fractal_noise(x * 4, y * 4, 3, 115) - 0.5) - 0.15 * joint


@_ground("checkered")
def _checkered(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Small tiles in two colours, some of them at random."""
    i, j = (x / 0.5).floor(), (y / 0.5).floor()
    joint = ((fractional(x / 0.5) < 0.03) | (fractional(y / 0.5) < 0.03)).to(torch.float32)
    odd = ((i + j) % 2) * (hash_lattice(i.int(), j.int(), 117) > 0.25)
    return 0.6 * odd, 0.94 - 0.18 * joint


@_ground("terrazzo")
def _terrazzo(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Chips of stone in panels, with a dark band down the middle."""
    chip = (hash_lattice((x / 0.045).floor().int(), (y / 0.045).floor().int(), 119) > 0.8).to(
        torch.float32
    )
    joint = ((fractional(x / 2.4) < 0.008) | (fractional(y / 2.4) < 0.008)).to(torch.float32)
    band = ((x.abs() - 4.2).abs() < 0.25).to(torch.float32)
    return torch.maximum(0.35 * chip, band), 0.95 - 0.25 * joint
