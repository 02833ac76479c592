"""Places under a roof: shop fronts, tiles, ceiling lamps, a skylight over the middle, glass at the
ends."""

from collections.abc import Callable

import numpy as np

from gprplus.engine.people.palette import to_linear
from gprplus.engine.places.scene import Scene

MALLS: dict[str, Callable[[], Scene]] = {}
CEILING_M = 5.4
TABLES = (
    (7.0, 4.5), (-7.2, 4.0), (7.4, -4.2), (-7.0, -4.6), (3.0, 9.5), (-3.5, 9.8), (3.2, -9.6), (-3.0, -9.4), (8.2, 9.2),
    (-8.4, -9.6),
)  # fmt: skip


def register_mall(build: Callable[[], Scene]) -> Callable[[], Scene]:
    """Register an indoor place under the name of its function, in the order of the background
    numbers."""
    name = build.__name__.strip("_")
    if name in MALLS:
        raise ValueError(f"two malls are called {name}")
    MALLS[name] = build
    return build


def _shops(
    s: Scene, x: float, colours: tuple[str, ...], wide: float, pattern: str = "shopfront"
) -> None:
    """A row of shops along y on one side, with a floor of offices above."""
    fronts = [s.material(colour, pattern, "#d9d2c2", wide) for colour in colours]
    upper = s.material("#cfcac0", "gallery", "#5b6670", 2.4)
    ledge = s.material("#e4e0d6")
    count = round(44 / wide)
    for i in range(count):
        s.box(
            x + 3.0 * np.sign(x),
            -22 + wide * (i + 0.5),
            0,
            (3.0, wide / 2, 1.75),
            fronts[i % len(fronts)],
        )
    s.box(x + 3.0 * np.sign(x), 0, 3.5, (3.3, 22, 0.13), ledge)
    s.box(x + 3.2 * np.sign(x), 0, 3.76, (2.9, 22, 0.82), upper)


def _roof(s: Scene, half: float, panel: str = "#e9e7e1") -> None:
    """A ceiling with an opening over the middle, and rows of lamps under it."""
    plaster, lamp = s.material(panel), s.material("#fbf8ee", glow=1.0)
    for side in (-1, 1):
        s.box(side * (half + 3.5) / 2, 0, CEILING_M, ((half - 3.5) / 2, 24, 0.1), plaster)
        s.box(0, side * 17.5, CEILING_M, (3.5, 6.5, 0.1), plaster)
        for y in (-15, -9, -3, 3, 9, 15):
            s.box(side * 5.6, y, CEILING_M - 0.08, (0.25, 1.1, 0.03), lamp)


def _glass_end(s: Scene, y: float, half: float, metal: int) -> None:
    """A glazed end: bars, and the open air between them."""
    for i in range(int(half) + 1):
        s.box(-half + 2.0 * i, y, 0, (0.05, 0.08, CEILING_M / 2), metal)
    for z in (0.0, 2.6, 4.2):
        s.box(0, y, z, (half, 0.08, 0.06), metal)


def _planter(s: Scene, x: float, y: float, pot: int, leaf: int) -> None:
    s.box(x, y, 0, (0.55, 0.55, 0.30), pot)
    for i in range(5):
        a = 1.3 * i + x
        s.ball(
            x + 0.25 * np.cos(a), y + 0.25 * np.sin(a), 0.95 + 0.12 * i, (0.34, 0.34, 0.30), leaf
        )


def _bench(s: Scene, x: float, y: float, wood: int, metal: int) -> None:
    s.box(x, y, 0.38, (0.24, 0.95, 0.04), wood)
    for shift in (-0.7, 0.7):
        s.box(x, y + shift, 0, (0.18, 0.05, 0.19), metal)


@register_mall
def _atrium() -> Scene:
    s = Scene(
        "atrium",
        "polished",
        "town",
        to_linear("#cbbfa9"),
        to_linear("#8a6f55"),
        to_linear("#8d8a86"),
    )
    metal, pot, wood = s.material("#7d8488"), s.material("#e6e2d8"), s.material("#8a5f3c")
    leaf, pillar = s.material("#3f7040", "leaves"), s.material("#ddd6c8")
    _shops(s, 9.0, ("#7c2d3e", "#2f4c66", "#c9b48a", "#3b3f45", "#5f7d68"), 5.5)
    _shops(s, -9.0, ("#32505a", "#b58a4c", "#4b3a5e", "#8f9397"), 6.3)
    _roof(s, 15.0)
    for y in (-24.0, 24.0):
        _glass_end(s, y, 9.0, metal)
    for x, y in ((7.2, 2.4), (-7.2, -2.6), (6.9, -7.0), (-6.9, 7.2), (2.4, 10.5), (-2.4, -10.5)):
        _planter(s, x, y, pot, leaf)
    for x, y in ((7.4, 5.4), (-7.4, -5.8), (0.0, 11.5)):
        _bench(s, x, y, wood, metal)
    for x in (-8.4, 8.4):
        for y in (-13.2, 13.2):
            s.post(x, y, 0.32, CEILING_M, pillar)
    return s


@register_mall
def _arcade() -> Scene:
    s = Scene(
        "arcade",
        "diamonds",
        "town",
        to_linear("#b9b4ab"),
        to_linear("#4d4a48"),
        to_linear("#8d8a86"),
    )
    metal, brass, rug = s.material("#8b8f92"), s.material("#9a7a3c"), s.material("#6e2430")
    _shops(s, 7.6, ("#5a3426", "#20382f", "#6d1f2b", "#2a2f44"), 4.0)
    _shops(s, -7.6, ("#3a2a44", "#64492b", "#22414a", "#74302a", "#39402c"), 4.0)
    _roof(s, 13.6, "#d8cdb6")
    for y in (-24.0, 24.0):
        _glass_end(s, y, 7.5, brass)
    for i, y in enumerate((-17.0, -11.5, 11.5, 17.0)):
        kiosk = s.material(("#2e5c74", "#a14b32", "#57734a", "#7b5d86")[i], "ribs", None, 0.3)
        s.box((-1.5, 1.5)[i % 2], y, 0, (1.4, 1.0, 0.55), kiosk)
        s.box((-1.5, 1.5)[i % 2], y, 2.1, (1.6, 1.2, 0.12), kiosk)
        for x in (-1.3, 1.3):
            s.post((-1.5, 1.5)[i % 2] + x, y, 0.05, 2.1, metal)
    for x, y in ((6.6, 0.0), (-6.6, 3.2), (6.5, -6.5)):
        _bench(s, x, y, rug, brass)
    return s


@register_mall
def _foodcourt() -> Scene:
    s = Scene(
        "foodcourt",
        "checkered",
        "town",
        to_linear("#d6d0c4"),
        to_linear("#7a8f86"),
        to_linear("#8d8a86"),
    )
    metal, white, seat = s.material("#6b7074"), s.material("#e8e6e0"), s.material("#c26a2e")
    _shops(s, 11.0, ("#b3452f", "#d1a53a", "#3c7a56", "#2f6d94"), 5.5, "counter")
    _shops(s, -11.0, ("#e0dcd2", "#93b0a2", "#d7c39a"), 7.3)
    _roof(s, 17.0)
    for y in (-24.0, 24.0):
        _glass_end(s, y, 11.0, metal)
    for i, (x, y) in enumerate(TABLES):
        s.post(x, y, 0.05, 0.72, metal)
        s.box(x, y, 0.72, (0.45, 0.45, 0.02), white, 15.0 * i)
        for turn in (40 + 30 * i, 220 + 30 * i):
            a = np.radians(turn)
            s.box(x + 0.75 * np.cos(a), y + 0.75 * np.sin(a), 0.42, (0.2, 0.2, 0.02), seat, turn)
            s.post(x + 0.75 * np.cos(a), y + 0.75 * np.sin(a), 0.04, 0.42, metal)
    return s


@register_mall
def _concourse() -> Scene:
    s = Scene(
        "concourse",
        "terrazzo",
        "town",
        to_linear("#a9adb0"),
        to_linear("#5d6468"),
        to_linear("#74777d"),
    )
    metal, pillar, step = (
        s.material("#565d63"),
        s.material("#c7cbcd", "ribs", None, 0.9),
        s.material("#3c4146"),
    )
    panel = s.material("#2d6b8f")
    _shops(s, 10.0, ("#3d4a55", "#8c9499", "#2c5670"), 7.3)
    _roof(s, 16.0, "#dfe3e4")
    _glass_end(s, 24.0, 10.0, metal)
    _glass_end(s, -24.0, 10.0, metal)
    for y in np.arange(-22.0, 23.0, 4.0):
        s.box(-10.0, y, 0, (0.1, 0.1, CEILING_M / 2), metal)
    for z in (0.9, 2.7):
        s.box(-10.0, 0, z, (0.05, 22, 0.04), metal)
    for i in range(12):
        s.box(-2.0 + 0.42 * i, -12.0, 0.0, (0.21, 0.7, 0.11 * (i + 1)), step)
    for x, y in ((7.0, -7.5), (-7.0, -7.5), (7.0, 7.5), (-7.0, 7.5)):
        s.post(x, y, 0.38, CEILING_M, pillar)
    for x, y, turn in ((7.6, 1.0, 0.0), (-7.6, -1.2, 0.0)):
        s.box(x, y, 0.3, (0.06, 0.6, 0.75), panel, turn)
        s.box(x, y, 0, (0.08, 0.1, 0.16), metal, turn)
    return s
