"""Accessories: hats, glasses, bags, scarves. Lengths for a person 1.75 m tall."""

from collections.abc import Sequence

import numpy as np

from gprplus.engine.people import palette
from gprplus.engine.people.figure import Figure, Material
from gprplus.engine.people.garments import widths
from gprplus.engine.people.pose import SIDES, rotation_matrix

UP = np.array([0.0, 0.0, 1.0])


def add_hat(figure: Figure) -> None:
    """Cap, beanie, brimmed hat or bucket hat."""
    person = figure.person
    felt = figure.material("hat", person.hat, folds=0.08)
    band = figure.material("hat", person.hat * 0.45)
    style = person.hat_style
    if style == "cap":
        figure.on_head((0, -0.010, 0.036), (0.088, 0.105, 0.092), felt, clip=(0, -0.10, 1, -0.012))
        figure.on_head(
            (0, 0.128, 0.052), (0.066, 0.070, 0.009), band, tilt=rotation_matrix("x", -12)
        )
    elif style == "beanie":
        figure.on_head((0, -0.014, 0.030), (0.088, 0.106, 0.107), felt, clip=(0, -0.28, 1, -0.006))
        figure.limb(
            figure.skull(0, -0.006, 0.036),
            figure.skull(0, -0.020, 0.074),
            (0.092, 0.090),
            felt,
            flat=True,
            depth=1.19,
        )
    else:
        crown = 0.100 if style == "brim" else 0.088
        figure.on_head((0, -0.012, 0.040), (0.087, 0.105, crown), felt, clip=(0, -0.05, 1, -0.006))
        if style == "brim":
            figure.on_head(
                (0, -0.010, 0.050), (0.142, 0.158, 0.010), felt, tilt=rotation_matrix("x", 4)
            )
            figure.limb(
                figure.skull(0, -0.012, 0.052),
                figure.skull(0, -0.012, 0.076),
                (0.0885, 0.087),
                band,
                flat=True,
                depth=1.2,
            )
        else:
            figure.limb(
                figure.skull(0, -0.012, 0.018),
                figure.skull(0, -0.012, 0.075),
                (0.126, 0.086),
                felt,
                flat=True,
                depth=1.18,
            )


def add_glasses(figure: Figure) -> None:
    """Clear or dark glasses with rims, bridge and temples."""
    sun = figure.person.glasses_style == "sun"
    frame = figure.material("glasses", palette.to_linear("#15130f"), gloss=0.3)
    lens = figure.material("glasses", palette.to_linear("#12151c" if sun else "#aebfc9"), gloss=0.7)
    for side in SIDES.values():
        figure.on_head(
            (side * 0.033, 0.083, 0.006),
            (0.030, 0.011, 0.023),
            frame,
            tilt=rotation_matrix("z", -side * 18),
        )
        figure.on_head(
            (side * 0.034, 0.086, 0.006),
            (0.022, 0.011, 0.016),
            lens,
            tilt=rotation_matrix("z", -side * 18),
        )
        figure.limb(
            figure.skull(side * 0.060, 0.070, 0.012),
            figure.skull(side * 0.080, -0.010, 0.012),
            (0.005, 0.005),
            frame,
        )
    figure.limb(
        figure.skull(-0.012, 0.095, 0.012), figure.skull(0.012, 0.095, 0.012), (0.004, 0.004), frame
    )


BACKPACK_STRAP = (
    (0.088, -0.10, 0.47),
    (0.086, -0.02, 0.556),
    (0.083, 0.065, 0.515),
    (0.082, 0.118, 0.38),
    (0.112, 0.085, 0.20),
    (0.12, -0.06, 0.14),
)
SLING_FRONT = (
    (-0.085, -0.01, 0.555),
    (-0.066, 0.085, 0.49),
    (-0.01, 0.130, 0.35),
    (0.075, 0.122, 0.18),
    (0.165, 0.055, 0.02),
)
SLING_BACK = (
    (-0.085, -0.01, 0.555),
    (-0.060, -0.095, 0.46),
    (0.0, -0.122, 0.34),
    (0.09, -0.115, 0.18),
    (0.165, -0.055, 0.02),
)


def add_bag(figure: Figure) -> None:
    """Backpack, bag across the chest, or one carried in the hand."""
    person = figure.person
    canvas = figure.material("bag", person.bag, folds=0.10, gloss=0.05)
    dark = figure.material("bag", person.bag * 0.55)
    s = person.side
    if person.bag_style == "backpack":
        behind = 0.046 - 0.112 * girth(figure)
        figure.limb(
            figure.torso(0, behind - 0.102, 0.14),
            figure.torso(0, behind - 0.092, 0.38),
            (0.132, 0.112),
            canvas,
            depth=0.66,
        )
        pocket = figure.torso(-0.05, behind - 0.179, 0.14), figure.torso(0.05, behind - 0.179, 0.14)
        figure.limb(*pocket, (0.066, 0.066), dark, depth=0.5, side=(0, 0, 1))
        for side in SIDES.values():
            _strap(figure, BACKPACK_STRAP, side, 0.017, dark)
    elif person.bag_style == "shoulder":
        for points in (SLING_FRONT, SLING_BACK):
            _strap(figure, points, s, 0.012, dark)
        _pouch(
            figure,
            figure.torso(s * (widths(figure)[2] + 0.052), 0.0, -0.06),
            (0.048, 0.135, 0.105),
            canvas,
            dark,
            s,
        )
    else:
        palm = figure.pose.palms["right" if s > 0 else "left"]
        figure.strip(
            [palm + np.array([0, y, -2.6 * abs(y)]) for y in (-0.05, 0.0, 0.05)], 0.009, dark
        )
        _pouch(figure, palm - 0.235 * UP, (0.050, 0.150, 0.125), canvas, dark, s)


def girth(figure: Figure) -> float:
    """Return the additional depth of the trunk compared with a slim man."""
    chest, waist, _ = widths(figure)
    belly = waist * (0.74 + 0.30 * figure.person.build) if figure.person.build > 0.2 else 0.0
    return max(1.0, max(0.72 * chest + 0.008, belly + 0.012) / 0.112)


def _strap(
    figure: Figure,
    points: Sequence[Sequence[float]],
    side: int | float,
    radius: float,
    material: int,
) -> None:
    """A strap over the trunk of whoever wears it, through points that fit a slim man."""
    deep = girth(figure)
    figure.strip([figure.torso(side * x, deep * y, z) for x, y, z in points], radius, material)


def _pouch(
    figure: Figure,
    centre: np.ndarray,
    half: tuple[float, float, float],
    canvas: int,
    dark: int,
    side: int,
) -> None:
    """A soft box: a squeezed capsule for its rounded flanks and a box for its body."""
    x, y, z = half
    figure.shapes.box(centre, np.array([x, y - 0.02, z]) * figure.unit, canvas)
    for end in (-1, 1):
        rim = centre + np.array([0, end * (y - 0.02), 0]) * figure.unit
        figure.limb(rim - 0.85 * z * UP, rim + 0.85 * z * UP, (x, x), canvas)
    figure.shapes.box(
        centre + np.array([side * (x + 0.003), 0, 0.45 * z]),
        np.array([0.004, y * 0.8, z * 0.5]) * figure.unit,
        dark,
    )


def add_scarf(figure: Figure, colour: np.ndarray) -> None:
    """A scarf around the neck with one end hanging in front."""
    wool = figure.keep(Material("upper", colour, colour * 0.55, "stripes", 0.03, folds=0.2))
    figure.limb(
        figure.torso(0, -0.005, 0.515),
        figure.torso(0, 0.012, 0.575),
        (0.090, 0.076),
        wool,
        depth=0.98,
    )
    figure.limb(
        figure.torso(figure.person.side * 0.045, 0.098, 0.48),
        figure.torso(figure.person.side * 0.055, 0.132, 0.27),
        (0.034, 0.030),
        wool,
        depth=0.5,
    )
