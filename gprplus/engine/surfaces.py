"""What places are made of: walls, leaves, ground, and what closes the horizon."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from gprplus.engine.gbuffer import Surface
from gprplus.engine.noise import fractal, hashed
from gprplus.engine.scenes import Scene

# A wall pattern: (along, up, scale) -> share of the second colour, shade, share of lit window. All (V,), metres.
Wall = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]
# A ground pattern: (x, y) -> share of the second colour, shade.
Ground = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
WALLS: dict[str, Wall] = {}
GROUNDS: dict[str, Ground] = {}


def _wall(name: str) -> Callable[[Wall], Wall]:
    return lambda function: WALLS.setdefault(name, function)


def _ground(name: str) -> Callable[[Ground], Ground]:
    return lambda function: GROUNDS.setdefault(name, function)


def paint_walls(surface: Surface, scene: Scene) -> tuple[Tensor, Tensor, Tensor]:
    """Colour (3, V) linear, and the light of windows and of lamps (V,) each."""
    device = surface.depth.device
    rows = [(*m.colour, *m.second, m.scale, m.glow) for m in scene.materials]
    table = torch.from_numpy(np.array(rows, dtype=np.float32).T.copy()).to(device)[:, surface.material]
    colour, second, (scale, bulb) = table[:3], table[3:6], table[6:]
    x, y, z = surface.point
    facing = surface.normal.abs()
    along = torch.where(facing[0] > facing[1], y, x)
    up = torch.where(facing[2] > 0.8, torch.where(facing[0] > facing[1], x, y), z)
    share, shade, lit = torch.zeros_like(z), 0.86 + 0.28 * fractal(along * 0.9, up * 0.9, 2, 5), torch.zeros_like(z)
    for name in sorted({m.pattern for m in scene.materials} - {"plain"}):
        wanted = torch.tensor([m.pattern == name for m in scene.materials], device=device)[surface.material]
        here = torch.nonzero(wanted).squeeze(1)
        if len(here):
            share[here], shade[here], lit[here] = WALLS[name](along[here], up[here], scale[here])
    lit = torch.where(facing[2] > 0.8, 0.0, lit)
    return (colour + share * (second - colour)) * shade, lit, bulb


def _frac(x: Tensor) -> Tensor:
    return x - x.floor()


def _panes(along: Tensor, up: Tensor, wide: float, tall: Tensor, salt: int) -> tuple[Tensor, Tensor]:
    """Windows in a grid: share of glass, share that is lit."""
    u, v = along / wide, up / tall
    glass = ((_frac(u) - 0.5).abs() < 0.27) & ((_frac(v) - 0.52).abs() < 0.27)
    bars = (_frac(u) - 0.5).abs() < 0.018
    draw = hashed(u.floor().int(), v.floor().int(), salt)
    glass = (glass & ~bars).to(torch.float32)
    return glass, glass * (draw > 0.52) * (0.35 + 0.65 * draw)


@_wall("facade")
def _facade(along: Tensor, up: Tensor, scale: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    glass, lit = _panes(along, up, 2.3, scale, 3)
    ledge = (_frac(up / scale) < 0.05).to(torch.float32)
    return glass, 0.9 + 0.2 * fractal(along, up, 2, 7) - 0.22 * ledge, lit


@_wall("shops")
def _shops(along: Tensor, up: Tensor, scale: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Shop windows below, brick and windows above."""
    glass, lit = _panes(along, up, 1.9, scale, 9)
    shop = ((_frac(along / 3.7) - 0.5).abs() < 0.41) & (up > 0.35) & (up < 2.5)
    ground_floor = up < scale
    lit = torch.where(
        ground_floor, shop * (0.45 + 0.4 * hashed((along / 3.7).floor().int(), torch.zeros_like(along).int(), 4)), lit
    )
    sign = (up > 2.55) & (up < 3.0)
    row = (up / 0.075).floor()
    mortar = ((_frac(up / 0.075) < 0.16) | (_frac(along / 0.22 + 0.5 * (row % 2)) < 0.07)).to(torch.float32)
    shade = 0.92 + 0.22 * fractal(along * 2, up * 2, 2, 11) - 0.18 * mortar
    return torch.where(ground_floor, shop.to(torch.float32), glass), torch.where(sign, 0.5, shade), lit


@_wall("stone")
def _stone(along: Tensor, up: Tensor, scale: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    none = torch.zeros_like(up)
    joint = ((_frac(up / 0.42) < 0.05) | (_frac(along / 0.9) < 0.025)).to(torch.float32)
    return none, 0.72 + 0.5 * fractal(along * 3, up * 3, 3, 13) - 0.2 * joint, none


@_wall("bark")
def _bark(along: Tensor, up: Tensor, scale: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    none = torch.zeros_like(up)
    return none, 0.55 + 0.8 * fractal(along * 22, up * 4, 2, 15), none


@_wall("leaves")
def _leaves(along: Tensor, up: Tensor, scale: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    none = torch.zeros_like(up)
    return none, 0.30 + 1.25 * fractal(along * 6, up * 6, 3, 19) ** 1.4, none


@_wall("mesh")
def _mesh(along: Tensor, up: Tensor, scale: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    bars = ((_frac(along / 1.5) < 0.05) | (_frac(up / 1.0) < 0.06)).to(torch.float32)
    return bars, torch.ones_like(up), torch.zeros_like(up)


@_wall("planks")
def _planks(along: Tensor, up: Tensor, scale: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    board = (along / scale).floor().int()
    door = ((_frac(along / 4.6 + 0.478) - 0.5).abs() < 0.09) & (up < 1.9)
    gap = (_frac(along / scale) < 0.12).to(torch.float32)
    return door.to(torch.float32), 0.9 + 0.2 * hashed(board, board * 0, 21) - 0.3 * gap, torch.zeros_like(up)


@_wall("ribs")
def _ribs(along: Tensor, up: Tensor, scale: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    wave = torch.sin(2 * np.pi * along / scale)
    return torch.zeros_like(up), 0.85 + 0.22 * wave + 0.2 * (fractal(along, up * 2, 3, 23) - 0.5), torch.zeros_like(up)


@_wall("train")
def _train(along: Tensor, up: Tensor, scale: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    glass = ((_frac(along / 2.2) - 0.5).abs() < 0.38) & (up > 1.5) & (up < 2.5)
    band = (up > 0.9) & (up < 1.25)
    dark = torch.where(glass, 0.16, 1.0)
    return band.to(torch.float32), dark, glass * 0.6


@_wall("shopfront")
def _shopfront(along: Tensor, up: Tensor, scale: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Lit windows with goods on shelves, a door, and a bright sign on a dark band."""
    shop, place = (along / scale).floor().int(), _frac(along / scale)
    window = ((place - 0.5).abs() < 0.44) & (up > 0.25) & (up < 2.45)
    post = (_frac(place * 4) < 0.05) & window
    goods = hashed((along / 0.27).floor().int(), (up / 0.55).floor().int(), 101)
    shelf = _frac(up / 0.55) < 0.10
    sign = ((place - 0.5).abs() < 0.22 + 0.1 * hashed(shop, shop * 0, 103)) & (up > 2.75) & (up < 3.15)
    letters = sign & (_frac(along / 0.21) < 0.7) & (hashed((along / 0.21).floor().int(), shop, 105) > 0.2)
    light = 0.35 + 0.25 * hashed(shop, shop * 0 + 1, 107)
    lit = torch.where(window & ~post, light * (0.35 + 0.65 * goods) * torch.where(shelf, 0.45, 1.0), letters * 0.9)
    share = torch.where(window, goods, 0.0) * (1 - post.to(torch.float32))
    return share, torch.where(window, 0.55, torch.where(up > 2.6, 0.5, 0.9)), lit


@_wall("counter")
def _counter(along: Tensor, up: Tensor, scale: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """A food counter: tiles below, an open kitchen, a row of lit menus above."""
    kitchen = ((_frac(along / scale) - 0.5).abs() < 0.46) & (up > 1.1) & (up < 2.3)
    menu = ((_frac(along / 1.1) - 0.5).abs() < 0.42) & (up > 2.45) & (up < 3.1)
    tone = hashed((along / 1.1).floor().int(), (up / 0.22).floor().int(), 109)
    tile = ((_frac(along / 0.2) < 0.06) | (_frac(up / 0.2) < 0.06)).to(torch.float32)
    lit = torch.where(kitchen, 0.30 + 0.25 * tone, torch.where(menu, 0.45 + 0.4 * tone, 0.0))
    return torch.where(menu, tone, 0.0), torch.where(kitchen, 0.6, 0.95 - 0.15 * tile), lit


@_wall("gallery")
def _gallery(along: Tensor, up: Tensor, scale: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """An upper floor behind a balustrade of glass."""
    glass = (_frac(along / scale) > 0.04).to(torch.float32)
    rail = ((up > 4.62) & (up < 4.72)).to(torch.float32)
    return 0.8 * glass, 0.9 - 0.5 * rail, 0.10 * glass * (up > 4.72)


@_ground("paving")
def _paving(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Slabs in running bond with darker bands."""
    row = (y / 0.6).floor()
    u = x / 0.9 + 0.5 * (row % 2)
    joint = ((_frac(u) < 0.022) | (_frac(y / 0.6) < 0.034)).to(torch.float32)
    tone = hashed(u.floor().int(), row.int(), 31)
    band = ((_frac(x / 5.4) < 0.12) | (_frac(y / 5.4) < 0.12)).to(torch.float32)
    return band, 0.86 + 0.2 * tone - 0.30 * joint + 0.16 * (fractal(x * 5, y * 5, 2, 33) - 0.5)


@_ground("road")
def _road(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """A pavement in the middle, a road on the left of it with a kerb and a broken line."""
    road = x < -3.6
    slab = ((_frac(x / 0.75) < 0.03) | (_frac(y / 0.75) < 0.03)).to(torch.float32)
    tone = hashed((x / 0.75).floor().int(), (y / 0.75).floor().int(), 35)
    line = ((x + 9.6).abs() < 0.07) & (_frac(y / 4.0) < 0.5)
    kerb = (x + 3.6).abs() < 0.14
    walk = 0.88 + 0.16 * tone - 0.26 * slab
    rough = 0.82 + 0.36 * fractal(x * 9, y * 9, 2, 37)
    shade = torch.where(kerb, 1.25, torch.where(road, torch.where(line, 9.0, rough), walk))
    return (road & ~kerb).to(torch.float32), shade


@_ground("grass")
def _grass(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """A winding path of sand through grass."""
    middle = 0.5 * torch.sin(0.35 * y)
    path = ((1.7 + 0.12 * torch.sin(3 * y) - (x - middle).abs()) / 0.25 + 0.5).clamp(0, 1)
    blades = 0.55 + 0.9 * fractal(x * 11, y * 11, 3, 39)
    patch = 0.8 + 0.4 * fractal(x * 0.5, y * 0.5, 2, 41)
    sand = 0.85 + 0.3 * fractal(x * 8, y * 8, 2, 43)
    return path, blades * patch * (1 - path) + sand * path


@_ground("bays")
def _bays(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Asphalt with parking bays."""
    side = ((y.abs() > 8.6) & (y.abs() < 14.2) & (_frac(x / 2.6) < 0.045)) | ((y.abs() - 14.2).abs() < 0.06)
    arrow = (x.abs() < 0.07) & (_frac(y / 3.0) < 0.45) & (y.abs() > 2.6) & (y.abs() < 8)
    stain = fractal(x * 0.8, y * 0.8, 3, 45)
    return (side | arrow).to(torch.float32) * 0.85, 0.70 + 0.3 * fractal(x * 10, y * 10, 2, 47) + 0.35 * stain


@_ground("boards")
def _boards(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Planks of a boardwalk; sand beyond it."""
    sand = ((y.abs() - 8.8) / 0.1).clamp(0, 1)
    board = (y / 0.17).floor()
    gap = (_frac(y / 0.17) < 0.09).to(torch.float32)
    grain = fractal(x * 1.3 + board, y * 30, 2, 49)
    tone = hashed(board.int(), (x / 2.4 + 0.37 * board).floor().int(), 51)
    wood = 0.72 + 0.28 * tone + 0.2 * grain - 0.42 * gap
    return sand, wood * (1 - sand) + (0.85 + 0.3 * fractal(x * 3, y * 3, 3, 53)) * sand


@_ground("concrete")
def _concrete(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    joint = ((_frac(x / 3.2 + 0.4) < 0.010) | (_frac(y / 3.2 + 0.4) < 0.010)).to(torch.float32)
    puddle = ((fractal(x * 0.35, y * 0.35, 3, 55) - 0.56) / 0.08).clamp(0, 1)
    return puddle * 0.7, 0.78 + 0.4 * fractal(x * 2.4, y * 2.4, 4, 57) - 0.4 * joint


@_ground("gravel")
def _gravel(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    grass = ((fractal(x * 0.45, y * 0.45, 3, 59) - 0.52) / 0.1).clamp(0, 1)
    return grass, 0.55 + 0.85 * fractal(x * 13, y * 13, 3, 61)


@_ground("tiles")
def _tiles(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Platform tiles with a yellow line along the edge."""
    joint = ((_frac(x / 0.4) < 0.045) | (_frac(y / 0.4) < 0.045)).to(torch.float32)
    line = (y - 7.2).abs() < 0.3
    pit = y > 9.4
    tone = hashed((x / 0.4).floor().int(), (y / 0.4).floor().int(), 63)
    return line.to(torch.float32), torch.where(pit, 0.35, 0.86 + 0.16 * tone - 0.2 * joint)


@_ground("polished")
def _polished(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Large marble tiles, a border every seven metres."""
    joint = ((_frac(x / 0.8) < 0.012) | (_frac(y / 0.8) < 0.012)).to(torch.float32)
    border = ((_frac(x / 7.2 + 0.5) < 0.05) | (_frac(y / 7.2 + 0.5) < 0.05)).to(torch.float32)
    tone = hashed((x / 0.8).floor().int(), (y / 0.8).floor().int(), 111)
    vein = fractal(x * 2.6 + 3 * tone, y * 2.6, 4, 113)
    return border, 0.90 + 0.10 * tone + 0.14 * (vein - 0.5) - 0.22 * joint


@_ground("diamonds")
def _diamonds(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Light and dark tiles laid across."""
    u, v = (x + y) / 0.85, (x - y) / 0.85
    dark = (u.floor() + v.floor()) % 2
    joint = ((_frac(u) < 0.03) | (_frac(v) < 0.03)).to(torch.float32)
    return 0.75 * dark, 0.92 + 0.12 * (fractal(x * 4, y * 4, 3, 115) - 0.5) - 0.15 * joint


@_ground("checkered")
def _checkered(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Small tiles in two colours, some of them at random."""
    i, j = (x / 0.5).floor(), (y / 0.5).floor()
    joint = ((_frac(x / 0.5) < 0.03) | (_frac(y / 0.5) < 0.03)).to(torch.float32)
    odd = ((i + j) % 2) * (hashed(i.int(), j.int(), 117) > 0.25)
    return 0.6 * odd, 0.94 - 0.18 * joint


@_ground("terrazzo")
def _terrazzo(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Chips of stone in panels, with a dark band down the middle."""
    chip = (hashed((x / 0.045).floor().int(), (y / 0.045).floor().int(), 119) > 0.8).to(torch.float32)
    joint = ((_frac(x / 2.4) < 0.008) | (_frac(y / 2.4) < 0.008)).to(torch.float32)
    band = ((x.abs() - 4.2).abs() < 0.25).to(torch.float32)
    return torch.maximum(0.35 * chip, band), 0.95 - 0.25 * joint


def skyline(kind: str, azimuth: Tensor) -> Tensor:
    """Elevation (radians) up to which something far away hides the sky, at azimuths in radians."""
    a = azimuth * (180 / np.pi)
    zero = torch.zeros_like(a)
    if kind == "town":
        block = (a / 4.5).floor()
        return 0.045 + 0.075 * hashed(block.int(), block.int() * 0, 71)
    if kind == "works":
        block = (a / 7.0).floor()
        chimney = (_frac(a / 21.0) < 0.055) * 0.12
        return 0.035 + 0.05 * hashed(block.int(), block.int() * 0, 73) + chimney
    if kind == "trees":
        return 0.055 + 0.06 * fractal(a * 0.35, zero, 4, 75)
    if kind == "mountains":
        return 0.03 + 0.22 * fractal((a - 180).abs() * 0.045, zero, 4, 77) ** 1.3
    return 0.004 + zero
