"""Materials of places: walls, leaves, and the horizon. Ground materials are in
ground_materials.py."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from gprplus.engine.places.scene import Scene
from gprplus.engine.raycast.gbuffer import Surface
from gprplus.engine.raycast.hash_noise import fractal_noise, fractional, hash_lattice

# A wall pattern: (along, up, scale) -> share of the second colour, shade, share of lit window. All
# (V,), metres.
Wall = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]
WALLS: dict[str, Wall] = {}


def _wall(name: str) -> Callable[[Wall], Wall]:
    return lambda function: WALLS.setdefault(name, function)


def paint_walls(surface: Surface, scene: Scene) -> tuple[Tensor, Tensor, Tensor]:
    """Colour (3, V) linear, and the light of windows and of lamps (V,) each."""
    device = surface.depth.device
    rows = [(*m.colour, *m.second, m.scale, m.glow) for m in scene.materials]
    table = torch.from_numpy(np.array(rows, dtype=np.float32).T.copy()).to(device)[
        :, surface.material
    ]
    colour, second, (scale, bulb) = table[:3], table[3:6], table[6:]
    x, y, z = surface.point
    facing = surface.normal.abs()
    along = torch.where(facing[0] > facing[1], y, x)
    up = torch.where(facing[2] > 0.8, torch.where(facing[0] > facing[1], x, y), z)
    share, shade, lit = (
        torch.zeros_like(z),
        0.86 + 0.28 * fractal_noise(along * 0.9, up * 0.9, 2, 5),
        torch.zeros_like(z),
    )
    for name in sorted({m.pattern for m in scene.materials} - {"plain"}):
        wanted = torch.tensor([m.pattern == name for m in scene.materials], device=device)[
            surface.material
        ]
        here = torch.nonzero(wanted).squeeze(1)
        if len(here):
            share[here], shade[here], lit[here] = WALLS[name](along[here], up[here], scale[here])
    lit = torch.where(facing[2] > 0.8, 0.0, lit)
    return (colour + share * (second - colour)) * shade, lit, bulb


def _panes(
    along: Tensor, up: Tensor, wide: float, tall: Tensor, salt: int
) -> tuple[Tensor, Tensor]:
    """Windows in a grid: share of glass, share that is lit."""
    u, v = along / wide, up / tall
    glass = ((fractional(u) - 0.5).abs() < 0.27) & ((fractional(v) - 0.52).abs() < 0.27)
    bars = (fractional(u) - 0.5).abs() < 0.018
    draw = hash_lattice(u.floor().int(), v.floor().int(), salt)
    glass = (glass & ~bars).to(torch.float32)
    return glass, glass * (draw > 0.52) * (0.35 + 0.65 * draw)


@_wall("facade")
def _facade(along: Tensor, up: Tensor, scale: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    glass, lit = _panes(along, up, 2.3, scale, 3)
    ledge = (fractional(up / scale) < 0.05).to(torch.float32)
    return glass, 0.9 + 0.2 * fractal_noise(along, up, 2, 7) - 0.22 * ledge, lit


@_wall("shops")
def _shops(along: Tensor, up: Tensor, scale: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Shop windows below, brick and windows above."""
    glass, lit = _panes(along, up, 1.9, scale, 9)
    shop = ((fractional(along / 3.7) - 0.5).abs() < 0.41) & (up > 0.35) & (up < 2.5)
    ground_floor = up < scale
    lit = torch.where(
        ground_floor,
        shop
        * (
            0.45 + 0.4 * hash_lattice((along / 3.7).floor().int(), torch.zeros_like(along).int(), 4)
        ),
        lit,
    )
    sign = (up > 2.55) & (up < 3.0)
    row = (up / 0.075).floor()
    mortar = (
        (fractional(up / 0.075) < 0.16) | (fractional(along / 0.22 + 0.5 * (row % 2)) < 0.07)
    ).to(torch.float32)
    shade = 0.92 + 0.22 * fractal_noise(along * 2, up * 2, 2, 11) - 0.18 * mortar
    return (
        torch.where(ground_floor, shop.to(torch.float32), glass),
        torch.where(sign, 0.5, shade),
        lit,
    )


@_wall("stone")
def _stone(along: Tensor, up: Tensor, scale: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    none = torch.zeros_like(up)
    joint = ((fractional(up / 0.42) < 0.05) | (fractional(along / 0.9) < 0.025)).to(torch.float32)
    return none, 0.72 + 0.5 * fractal_noise(along * 3, up * 3, 3, 13) - 0.2 * joint, none


@_wall("bark")
def _bark(along: Tensor, up: Tensor, scale: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    none = torch.zeros_like(up)
    return none, 0.55 + 0.8 * fractal_noise(along * 22, up * 4, 2, 15), none


@_wall("leaves")
def _leaves(along: Tensor, up: Tensor, scale: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    none = torch.zeros_like(up)
    return none, 0.30 + 1.25 * fractal_noise(along * 6, up * 6, 3, 19) ** 1.4, none


@_wall("mesh")
def _mesh(along: Tensor, up: Tensor, scale: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    bars = ((fractional(along / 1.5) < 0.05) | (fractional(up / 1.0) < 0.06)).to(torch.float32)
    return bars, torch.ones_like(up), torch.zeros_like(up)


@_wall("planks")
def _planks(along: Tensor, up: Tensor, scale: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    board = (along / scale).floor().int()
    door = ((fractional(along / 4.6 + 0.478) - 0.5).abs() < 0.09) & (up < 1.9)
    gap = (fractional(along / scale) < 0.12).to(torch.float32)
    return (
        door.to(torch.float32),
        0.9 + 0.2 * hash_lattice(board, board * 0, 21) - 0.3 * gap,
        torch.zeros_like(up),
    )


@_wall("ribs")
def _ribs(along: Tensor, up: Tensor, scale: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    wave = torch.sin(2 * np.pi * along / scale)
    return (
        torch.zeros_like(up),
        0.85 + 0.22 * wave + 0.2 * (fractal_noise(along, up * 2, 3, 23) - 0.5),
        torch.zeros_like(up),
    )


@_wall("train")
def _train(along: Tensor, up: Tensor, scale: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    glass = ((fractional(along / 2.2) - 0.5).abs() < 0.38) & (up > 1.5) & (up < 2.5)
    band = (up > 0.9) & (up < 1.25)
    dark = torch.where(glass, 0.16, 1.0)
    return band.to(torch.float32), dark, glass * 0.6


@_wall("shopfront")
def _shopfront(along: Tensor, up: Tensor, scale: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Lit windows with goods on shelves, a door, and a bright sign on a dark band."""
    shop, place = (along / scale).floor().int(), fractional(along / scale)
    window = ((place - 0.5).abs() < 0.44) & (up > 0.25) & (up < 2.45)
    post = (fractional(place * 4) < 0.05) & window
    goods = hash_lattice((along / 0.27).floor().int(), (up / 0.55).floor().int(), 101)
    shelf = fractional(up / 0.55) < 0.10
    sign = (
        ((place - 0.5).abs() < 0.22 + 0.1 * hash_lattice(shop, shop * 0, 103))
        & (up > 2.75)
        & (up < 3.15)
    )
    letters = (
        sign
        & (fractional(along / 0.21) < 0.7)
        & (hash_lattice((along / 0.21).floor().int(), shop, 105) > 0.2)
    )
    light = 0.35 + 0.25 * hash_lattice(shop, shop * 0 + 1, 107)
    lit = torch.where(
        window & ~post, light * (0.35 + 0.65 * goods) * torch.where(shelf, 0.45, 1.0), letters * 0.9
    )
    share = torch.where(window, goods, 0.0) * (1 - post.to(torch.float32))
    return share, torch.where(window, 0.55, torch.where(up > 2.6, 0.5, 0.9)), lit


@_wall("counter")
def _counter(along: Tensor, up: Tensor, scale: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """A food counter: tiles below, an open kitchen, a row of lit menus above."""
    kitchen = ((fractional(along / scale) - 0.5).abs() < 0.46) & (up > 1.1) & (up < 2.3)
    menu = ((fractional(along / 1.1) - 0.5).abs() < 0.42) & (up > 2.45) & (up < 3.1)
    tone = hash_lattice((along / 1.1).floor().int(), (up / 0.22).floor().int(), 109)
    tile = ((fractional(along / 0.2) < 0.06) | (fractional(up / 0.2) < 0.06)).to(torch.float32)
    lit = torch.where(kitchen, 0.30 + 0.25 * tone, torch.where(menu, 0.45 + 0.4 * tone, 0.0))
    return torch.where(menu, tone, 0.0), torch.where(kitchen, 0.6, 0.95 - 0.15 * tile), lit


@_wall("gallery")
def _gallery(along: Tensor, up: Tensor, scale: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """An upper floor behind a balustrade of glass."""
    glass = (fractional(along / scale) > 0.04).to(torch.float32)
    rail = ((up > 4.62) & (up < 4.72)).to(torch.float32)
    return 0.8 * glass, 0.9 - 0.5 * rail, 0.10 * glass * (up > 4.72)


def skyline(kind: str, azimuth: Tensor) -> Tensor:
    """Elevation (radians) up to which something far away hides the sky, at azimuths in radians."""
    a = azimuth * (180 / np.pi)
    zero = torch.zeros_like(a)
    if kind == "town":
        block = (a / 4.5).floor()
        return 0.045 + 0.075 * hash_lattice(block.int(), block.int() * 0, 71)
    if kind == "works":
        block = (a / 7.0).floor()
        chimney = (fractional(a / 21.0) < 0.055) * 0.12
        return 0.035 + 0.05 * hash_lattice(block.int(), block.int() * 0, 73) + chimney
    if kind == "trees":
        return 0.055 + 0.06 * fractal_noise(a * 0.35, zero, 4, 75)
    if kind == "mountains":
        return 0.03 + 0.22 * fractal_noise((a - 180).abs() * 0.045, zero, 4, 77) ** 1.3
    return 0.004 + zero
