"""The outdoor places. No object is within six meters of the person, so that no camera is
obstructed."""

from collections.abc import Callable

import numpy as np

from gprplus.core.sampling import hash64
from gprplus.engine.people.palette import to_linear
from gprplus.engine.people.pose import rotation_matrix
from gprplus.engine.places.scene import Scene
from gprplus.engine.raycast.hash_noise import uniform_noise

SCENES: dict[str, Callable[[], Scene]] = {}


def register_scene(build: Callable[[], Scene]) -> Callable[[], Scene]:
    """Register a place under the name of its function, in the order of the background numbers."""
    name = build.__name__.strip("_")
    if name in SCENES:
        raise ValueError(f"two scenes are called {name}")
    SCENES[name] = build
    return build


def _ring(count: int, start: float, distance: float) -> list[tuple[float, float, float]]:
    """Angle, x and y of `count` places around the person."""
    angles = start + 360.0 / count * np.arange(count)
    return [(a, distance * np.cos(np.radians(a)), distance * np.sin(np.radians(a))) for a in angles]


@register_scene
def _plaza() -> Scene:
    s = Scene(
        "plaza", "paving", "town", to_linear("#a79c8c"), to_linear("#8b8174"), to_linear("#8d8a86")
    )
    stone, dark, metal, bulb = (
        s.material("#b9ab94", "stone"),
        s.material("#6a5138"),
        s.material("#2c3031"),
        s.material("#f2e6c8", glow=1.0),
    )
    facade = s.material("#c2b08d", "facade", "#39424d", 3.0)
    facade_2 = s.material("#b08a72", "facade", "#333b45", 3.2)
    bark, leaf, water = (
        s.material("#5a4938", "bark"),
        s.material("#4d6b34", "leaves"),
        s.material("#6d8c96"),
    )
    for i, (angle, x, y) in enumerate(_ring(9, 20, 46)):
        s.box(
            x,
            y,
            0,
            (4.0, 9.5 + (i % 3), 2.9 + 1.1 * ((2 * i) % 3)),
            (facade, facade_2)[i % 2],
            angle,
        )
    for angle in (65, 155, 245, 335):
        s.tree(angle, 13.0, 5.4, bark, leaf)
    for angle, x, y in _ring(5, 100, 8.4):
        s.box(x, y, 0, (0.25, 0.95, 0.22), dark, angle)
        s.box(x, y, 0, (0.3, 0.10, 0.20), stone, angle)
    for angle, x, y in _ring(4, 15, 9.6):
        s.box(x, y, 0, (0.8, 0.8, 0.28), stone, angle)
        s.ball(x, y, 0.75, (0.75, 0.75, 0.45), leaf)
    for angle in (38, 128, 218, 308):
        s.lamp(angle, 10.5, 3.6, metal, bulb)
    s.post(-11.0, -13.0, 2.6, 0.5, stone)
    s.post(-11.0, -13.0, 2.3, 0.53, water)
    s.post(-11.0, -13.0, 0.35, 1.8, stone)
    return s


@register_scene
def _street() -> Scene:
    s = Scene(
        "street", "road", "town", to_linear("#8f8d89"), to_linear("#47484b"), to_linear("#77787c")
    )
    metal, bulb = s.material("#2a2d30"), s.material("#f2dfb8", glow=1.0)
    bricks = [
        s.material(c, "shops", "#2f3740", 3.1) for c in ("#8e4d3c", "#b09a7c", "#6f7780", "#a4684a")
    ]
    for i in range(9):
        y = -44 + 11.0 * i
        height = (5.5, 7.0, 4.8, 6.2)[i % 4]
        s.box(12.5, y, 0, (3.0, 5.5, height), bricks[i % 4])
        s.box(-15.5, y + 4, 0, (3.0, 5.5, (6.4, 4.9, 7.2)[i % 3]), bricks[(i + 2) % 4])
    for y in (-17, -6.5, 6.5, 17, 28):
        s.lamp(np.degrees(np.arctan2(y, 7.6)), float(np.hypot(y, 7.6)), 4.2, metal, bulb)
    for x, y, colour in (
        (-7.0, 8.5, "#7c1f22"),
        (-7.0, -9.0, "#c8cacc"),
        (-7.2, -21.0, "#2c3f5e"),
        (-7.1, 20.0, "#33383c"),
    ):
        _car(s, x, y, 90.0, colour)
    return s


def _car(s: Scene, x: float, y: float, turn: float, colour: str) -> None:
    """A parked car: a body with rounded ends, glass, a roof, four wheels."""
    body, glass, tyre = s.material(colour), s.material("#20282e"), s.material("#16171a")
    ahead = rotation_matrix("z", turn) @ np.array([1.0, 0.0, 0.0])
    side = rotation_matrix("z", turn) @ np.array([0.0, 1.0, 0.0])
    at = np.array([x, y, 0.0])
    up = np.array([0.0, 0.0, 1.0])
    turned = rotation_matrix("z", turn)
    s.shapes.box(at + 0.52 * up, (1.85, 0.80, 0.26), body, turned)
    for along, radius in ((-1.85, 0.27), (1.85, 0.24)):
        end = at + along * ahead + (0.26 + radius) * up
        s.shapes.cone(end - 0.56 * side, end + 0.56 * side, (radius, radius), body)
    s.shapes.cone(
        at + 0.70 * up - 0.2 * ahead,
        at + 1.36 * up - 0.35 * ahead,
        (1.35, 0.82),
        glass,
        depth=0.56,
        side=ahead,
        flat=True,
    )
    s.shapes.box(at + 1.38 * up - 0.35 * ahead, (0.72, 0.45, 0.03), body, turned)
    for along in (-1.35, 1.35):
        for across in (-0.83, 0.65):
            start = at + along * ahead + across * side + 0.31 * up
            s.shapes.cone(start, start + 0.18 * side, (0.31, 0.31), tyre, flat=True)


@register_scene
def _park() -> Scene:
    s = Scene(
        "park", "grass", "trees", to_linear("#5d7a3a"), to_linear("#b09a78"), to_linear("#3f5230")
    )
    bark, leaf, dark = (
        s.material("#54412f", "bark"),
        s.material("#557a33", "leaves"),
        s.material("#3c5a2b", "leaves"),
    )
    wood, metal, bulb = (
        s.material("#6b4d30"),
        s.material("#2b2f2d"),
        s.material("#f0e3c4", glow=1.0),
    )
    for angle, distance, height in (
        (18, 9.5, 5.2),
        (75, 15, 6.5),
        (112, 11, 5.0),
        (163, 13, 6.8),
        (205, 9, 4.8),
        (248, 14, 6.2),
        (292, 10.5, 5.4),
        (335, 16, 7.0),
    ):
        s.tree(angle, distance, height, bark, leaf if angle % 2 else dark)
    for turn, x, y in _ring(9, 5, 22):
        s.box(x, y, 0, (0.7, 6.5, 0.62), dark, turn)
    for _, x, y in _ring(11, 9, 12):
        s.ball(x, y, 0.28, (0.95, 0.85, 0.62), leaf)
    for x, y, turn in ((7.5, 3.2, 0.0), (-7.2, -3.5, 180.0)):
        s.box(x, y, 0.38, (0.26, 0.9, 0.03), wood, turn)
        s.box(x + 0.26 * np.cos(np.radians(turn)), y, 0.55, (0.03, 0.9, 0.2), wood, turn)
        s.box(x, y - 0.7, 0, (0.2, 0.04, 0.19), metal, turn)
        s.box(x, y + 0.7, 0, (0.2, 0.04, 0.19), metal, turn)
    for angle in (52, 232):
        s.lamp(angle, 9.5, 3.4, metal, bulb)
    return s


@register_scene
def _parking() -> Scene:
    s = Scene(
        "parking", "bays", "town", to_linear("#515256"), to_linear("#d8d6cf"), to_linear("#85868a")
    )
    wall, metal, bulb, mesh = (
        s.material("#9a968e", "stone"),
        s.material("#3a3e42"),
        s.material("#eef0e6", glow=1.0),
        s.material("#77808a", "mesh"),
    )
    facade = s.material("#9aa3ab", "facade", "#2d3640", 3.4)
    for i, colour in enumerate(
        ("#b9bcbf", "#7a2022", "#24344f", "#e2e0da", "#2d2f31", "#5b6a58", "#8b8478")
    ):
        _car(s, -12.0 + 4.0 * i + (1.3 if i > 3 else 0), 11.5, 90.0, colour)
        if i % 2 == 0:
            _car(
                s,
                -11.0 + 4.0 * i,
                -12.0,
                270.0,
                ("#33414b", "#a9a59b", "#6a1d20", "#d4d6d8")[i // 2],
            )
    s.box(0, 24, 0, (26, 4, 5.0), facade)
    s.box(-25, 0, 0, (0.2, 22, 1.0), wall)
    s.box(24, 0, 0, (0.05, 22, 1.1), mesh)
    s.box(0, -24, 0, (26, 0.2, 1.1), wall)
    for angle in (30, 150, 210, 330):
        s.lamp(angle, 12.0, 5.0, metal, bulb)
    return s


@register_scene
def _promenade() -> Scene:
    s = Scene(
        "promenade",
        "boards",
        "sea",
        to_linear("#b59a72"),
        to_linear("#d9c79c"),
        to_linear("#4c7f92"),
    )
    white, metal, bulb = (
        s.material("#d8d6cf"),
        s.material("#3c464b"),
        s.material("#f2ead2", glow=1.0),
    )
    bark, leaf = s.material("#8a7350", "bark"), s.material("#5f8a45", "leaves")
    hut_colours = ("#b5493f", "#3f6f95", "#d8b44a", "#4c8570", "#c9c3b4")
    huts = [s.material(colour, "planks", "#f0ece2", 0.16) for colour in hut_colours]
    for i in range(7):
        s.box(-16.0 + 4.6 * i, -13.0, 0, (1.3, 1.2, 1.2), huts[i % 5])
        s.box(-16.0 + 4.6 * i, -13.0, 2.4, (1.45, 1.35, 0.08), white)
        s.box(-16.0 + 4.6 * i, -13.0, 2.56, (0.9, 1.35, 0.14), huts[i % 5])
        s.box(-16.0 + 4.6 * i, -13.0, 2.84, (0.45, 1.35, 0.12), huts[i % 5])
    for i in range(23):
        s.post(-22 + 2.0 * i, 8.5, 0.05, 1.0, white)
    s.box(0, 8.5, 0.93, (23, 0.05, 0.04), white)
    s.box(0, 8.5, 0.48, (23, 0.03, 0.025), white)
    for x, y in ((-9.0, 6.6), (10.5, 6.2), (-13.0, -9.0), (12.5, -8.2)):
        s.post(x, y, 0.15, 4.4, bark, 0.09)
        for turn in range(0, 360, 45):
            a = np.radians(turn + 10 * x)
            tip = np.array([x + 1.5 * np.cos(a), y + 1.5 * np.sin(a), 3.9])
            s.shapes.cone(
                np.array([x, y, 4.45]),
                tip,
                (0.17, 0.05),
                leaf,
                depth=0.35,
                side=(-np.sin(a), np.cos(a), 0.0),
            )
    for angle in (60, 120, 240, 300):
        s.lamp(angle, 9.8, 3.8, metal, bulb)
    return s


@register_scene
def _yard() -> Scene:
    s = Scene(
        "yard",
        "concrete",
        "works",
        to_linear("#8c8880"),
        to_linear("#6f6b64"),
        to_linear("#7d7f83"),
    )
    rust, metal, bulb = (
        s.material("#7a5240", "stone"),
        s.material("#4b4f52"),
        s.material("#f4e2b6", glow=1.0),
    )
    crates = [
        s.material(colour, "ribs", None, 0.28)
        for colour in ("#a8432f", "#2f5c80", "#5c7a52", "#c29a3c", "#8d8f90")
    ]
    brick = s.material("#8a4f3e", "shops", "#33393f", 3.4)
    for i, (x, y, turn) in enumerate(
        (
            (9.5, 7.0, 15),
            (-9.0, 9.5, -20),
            (-11.0, -7.0, 95),
            (8.0, -11.0, 40),
            (16, -2, 85),
            (-17, 3, 80),
            (2.0, 16.0, 0),
        )
    ):
        s.box(x, y, 0, (3.0, 1.22, 1.3), crates[i % 5], turn)
        if i % 2 == 0:
            s.box(x + 0.3, y, 2.6, (3.0, 1.22, 1.3), crates[(i + 3) % 5], turn + 2)
    for x, y in ((6.8, 2.2), (7.5, 2.5), (7.2, 3.1), (-6.9, -3.0), (-7.6, -2.6)):
        s.post(x, y, 0.30, 0.9, rust)
    s.box(0, -30, 0, (28, 4, 4.5), brick)
    s.box(30, 6, 0, (4, 20, 5.0), brick)
    for angle in (50, 140, 230, 320):
        s.lamp(angle, 11.5, 4.8, metal, bulb)
    return s


@register_scene
def _hills() -> Scene:
    s = Scene(
        "hills",
        "gravel",
        "mountains",
        to_linear("#93836a"),
        to_linear("#6c7a45"),
        to_linear("#6d7680"),
    )
    rock, bark, pine, wood = (
        s.material("#847a6e", "stone"),
        s.material("#4d3a2a", "bark"),
        s.material("#33502f", "leaves"),
        s.material("#7a6145"),
    )
    for i, (_, x, y) in enumerate(_ring(13, 4, 11)):
        r = 0.45 + 0.35 * float(uniform_noise(hash64(f"rock/{i}"), 1)[0])
        s.ball(x * (1 + 0.2 * (i % 3)), y * (1 + 0.2 * (i % 3)), 0.12, (1.5 * r, 1.2 * r, r), rock)
    for i, (_, x, y) in enumerate(_ring(10, 22, 17)):
        x, y, h = x * (0.8 + 0.12 * (i % 4)), y * (0.8 + 0.12 * (i % 4)), 4.0 + 0.7 * (i % 3)
        s.post(x, y, 0.14, 1.2, bark)
        for k in range(4):
            low = 0.7 + 0.22 * h * k
            s.shapes.cone(
                np.array([x, y, low]),
                np.array([x, y, low + 0.36 * h]),
                (0.27 * h * (1 - 0.2 * k), 0.03),
                pine,
                flat=True,
            )
    for i in range(14):
        s.post(-20 + 3.0 * i, -9.0, 0.06, 1.05, wood)
    s.box(0, -9.0, 0.85, (21, 0.04, 0.05), wood)
    s.box(0, -9.0, 0.45, (21, 0.04, 0.05), wood)
    lamp, bulb = s.material("#4a3c2c"), s.material("#f4dfae", glow=1.0)
    s.lamp(60, 9.5, 3.6, lamp, bulb)
    s.lamp(235, 10.5, 3.6, lamp, bulb)
    return s


@register_scene
def _station() -> Scene:
    s = Scene(
        "station", "tiles", "town", to_linear("#9a9892"), to_linear("#c7b25a"), to_linear("#74777d")
    )
    metal, bulb, glass = (
        s.material("#4a5258"),
        s.material("#f4f0e0", glow=1.0),
        s.material("#7f97a3", "mesh"),
    )
    train, brick = (
        s.material("#b5b9bc", "train", "#9b2a2c", 2.6),
        s.material("#8d5a45", "shops", "#343b42", 3.2),
    )
    seat = s.material("#2f5a74")
    s.box(0, 12.0, -0.2, (30, 1.5, 1.9), train)
    s.box(0, -15.0, 0, (30, 3.0, 4.4), brick)
    for i in range(7):
        x = -21 + 7.0 * i
        s.post(x, -8.0, 0.12, 3.6, metal)
        s.post(x, 8.4, 0.10, 3.6, metal)
        s.box(x + 2.2, -9.2, 0.40, (0.9, 0.22, 0.03), seat)
        s.box(x + 2.2, -9.4, 0.55, (0.9, 0.03, 0.22), seat)
    s.box(0, -9.5, 3.6, (24, 2.0, 0.09), metal)
    s.box(17.0, 0, 0, (0.05, 6.5, 1.2), glass)
    s.box(-18.0, 0, 0, (0.05, 6.5, 1.2), glass)
    for angle in (45, 135, 225, 315):
        s.lamp(angle, 11.0, 3.8, metal, bulb)
    return s
