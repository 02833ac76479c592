"""What people wear: tops, coats, trousers, skirts, shoes, boots, hats, glasses, bags. Lengths for somebody 1.75 m tall."""

import numpy as np

from gprplus.engine import palette
from gprplus.engine.figure import Figure, Material
from gprplus.engine.pose import SIDES, rotation


def widths(figure: Figure) -> tuple[float, float, float]:
    """Half widths of chest, waist and hips over clothes."""
    person = figure.person
    wide = 1.0 + 0.15 * person.build
    if person["gender"] == "female":
        return (
            0.134 * person.shoulder * wide,
            0.114 * wide * (1 + 0.1 * max(person.build, 0)),
            0.160 * person.hip * wide,
        )
    return 0.156 * person.shoulder * wide, 0.138 * wide * (1 + 0.1 * max(person.build, 0)), 0.152 * person.hip * wide


def top(figure: Figure) -> None:
    """The upper garment: trunk, sleeves, collar, and the hem of a shirt or the skirts of a coat."""
    person = figure.person
    cloth = figure.cloth("upper", person.upper)
    place = figure.trunk_place()
    chest, waist, hips = widths(figure)
    long_sleeve = person["sleeve"] == "long"
    thick = 0.008 if long_sleeve else 0.0
    chest, waist = chest + thick, waist + thick
    flat = {"side": figure.right, "texture": place}
    figure.limb(figure.torso(0, 0, 0.17), figure.torso(0, 0.004, 0.352), (waist, chest), cloth, depth=0.72, **flat)
    figure.limb(figure.torso(0, -0.010, 0.38), figure.torso(0, -0.014, 0.5), (chest, 0.066), cloth, depth=0.70, **flat)
    _shoulders(figure, cloth, place)
    if person["gender"] == "female":
        for side in SIDES.values():
            figure.shapes.ellipsoid(
                figure.torso(side * 0.060, 0.066, 0.345),
                np.array([0.066, 0.056, 0.070]) * figure.unit,
                cloth,
                figure.pose.torso,
                texture=place,
            )
    if person.build > 0.2:
        depth = 0.74 + 0.30 * person.build
        ends = figure.torso(0, 0.020, 0.06), figure.torso(0, 0.012, 0.30)
        figure.limb(*ends, (waist * 0.99, chest * 0.90), cloth, depth=depth, **flat)
    _sleeves(figure, cloth, long_sleeve)
    _hem(figure, cloth, place, waist, hips)
    _collar(figure, cloth)


def _shoulders(figure: Figure, cloth: int, place: np.ndarray) -> None:
    right, left = figure.pose.arms["right"][0], figure.pose.arms["left"][0]
    middle = figure.torso(0, -0.012, 0.486)
    for shoulder in (right, left):
        inner = 0.72 * shoulder + 0.28 * middle
        figure.limb(middle, inner, (0.064, 0.055), cloth, depth=0.95, side=(0, 0, 1), texture=place)


def _sleeves(figure: Figure, cloth: int, long: bool) -> None:
    person = figure.person
    thin = (0.88 if person["gender"] == "female" else 1.0) * (1 + 0.08 * max(person.build, 0))
    for shoulder, elbow, wrist in figure.pose.arms.values():
        if long:
            figure.limb(shoulder, elbow, (0.058 * thin, 0.047 * thin), cloth)
            figure.limb(elbow, wrist, (0.047 * thin, 0.035 * thin), cloth)
        else:
            end = shoulder + 0.58 * (elbow - shoulder)
            figure.limb(shoulder, shoulder + 0.2 * (elbow - shoulder), (0.055 * thin, 0.053 * thin), cloth)
            figure.limb(shoulder, end, (0.054 * thin, 0.055 * thin), cloth, flat=True)


def _hem(figure: Figure, cloth: int, place: np.ndarray, waist: float, hips: float) -> None:
    person = figure.person
    start = figure.torso(0, 0, 0.15)
    if person["top_length"] == "long":
        low = person.coat_length * person.height - figure.pose.pelvis[2]
        end = figure.pose.pelvis + np.array([0, 0.4 * low * np.tan(np.radians(person.lean)), low])
        figure.limb(start, end, (waist + 0.012, hips + 0.050), cloth, depth=0.86, flat=True, texture=place)
    elif person["dress"] == "no":
        end = figure.torso(0, -0.004, -0.045)
        figure.limb(start, end, (waist + 0.002, hips + 0.022), cloth, depth=0.77, flat=True, texture=place)


def _collar(figure: Figure, cloth: int) -> None:
    person = figure.person
    if person.collar == "hood":
        figure.blob(figure.torso(0, -0.088, 0.515), (0.105, 0.058, 0.072), cloth)
        figure.limb(
            figure.torso(0, -0.02, 0.495), figure.torso(0, -0.012, 0.545), (0.088, 0.076), cloth, flat=True, depth=0.95
        )
    elif person.collar in ("shirt", "zip"):
        second = figure.material("upper", person.upper.second) if person.collar == "shirt" else cloth
        figure.limb(
            figure.torso(0, -0.008, 0.495), figure.torso(0, 0.000, 0.560), (0.082, 0.066), second, flat=True, depth=0.95
        )
    if person.collar == "zip" or person["top_length"] == "long":
        line = figure.material("upper", person.upper.colour * 0.35)
        front = [figure.torso(0, y, z) for y, z in ((0.088, 0.49), (0.118, 0.37), (0.102, 0.2), (0.114, 0.0))]
        figure.strip(front, 0.008, line)


def bottom(figure: Figure) -> None:
    """Trousers, or a skirt that the stride carries along."""
    person = figure.person
    cloth = figure.cloth("lower", person.lower, folds=0.13)
    _, _, hips = widths(figure)
    figure.blob(figure.torso(0, -0.008, 0.0), (hips, 0.112 + 0.02 * max(person.build, 0), 0.115), cloth)
    wide = 1.0 + 0.10 * person.build
    if person["dress"] == "yes":
        _skirt(figure, cloth, hips)
        return
    for side, (hip, knee, ankle) in zip(SIDES.values(), figure.pose.legs.values(), strict=True):
        seat = figure.torso(side * 0.066, -0.046, -0.010)
        figure.blob(seat, (0.078 * wide, 0.075 * wide, 0.090), cloth)
        loose = 0.010 * person.trouser_width
        figure.limb(hip, knee, (0.081 * wide, (0.059 + loose) * wide), cloth)
        hem = ankle + 0.07 * (ankle - knee) if person["boots"] == "no" else ankle
        figure.limb(knee, ankle, (0.0585 + loose, 0.040 + 0.8 * loose), cloth)
        figure.limb(0.6 * knee + 0.4 * ankle, hem, (0.050 + loose, 0.043 + 1.5 * loose), cloth, flat=True)


def _skirt(figure: Figure, cloth: int, hips: float) -> None:
    """Cloth over both thighs and a cone between them."""
    person = figure.person
    place = figure.trunk_place()
    length = person.skirt_length * person.height
    ends = []
    for hip, knee, ankle in figure.pose.legs.values():
        share = length / max(hip[2] - knee[2], 1e-3)
        ends.append(hip + min(share, 1) * (knee - hip) + max(share - 1, 0) * 0.5 * (ankle - knee))
    middle = 0.5 * (ends[0] + ends[1])
    figure.limb(
        figure.torso(0, 0, 0.14),
        figure.torso(0, 0, -0.02),
        (hips * 0.80, hips + 0.006),
        cloth,
        depth=0.78,
        texture=place,
    )
    for (hip, _, _), end in zip(figure.pose.legs.values(), ends, strict=True):
        figure.limb(hip + [0, 0, 0.02], end, (0.104, 0.112), cloth, flat=True, texture=place)
    figure.limb(figure.torso(0, 0, -0.02), middle, (hips, hips + 0.022), cloth, flat=True, depth=0.80, texture=place)


def shoes(figure: Figure) -> None:
    """Shoes, or boots with their shafts."""
    person = figure.person
    leather = figure.material("shoes", person.shoe, gloss=0.25)
    sole = figure.material("shoes", person.sole)
    for (_, knee, ankle), (heel, ball, toe) in zip(figure.pose.legs.values(), figure.pose.feet.values(), strict=True):
        along = (ball - heel) / np.linalg.norm(ball - heel)
        side = np.cross(along, [0, 0, 1.0])
        up = np.cross(side / np.linalg.norm(side), along)
        u = figure.unit
        back, front = heel + along * 0.036 * u + up * 0.044 * u, toe - along * 0.030 * u + up * 0.026 * u
        figure.limb(back, front, (0.038, 0.031), leather, side=side, depth=0.95)
        figure.limb(
            ankle + [0, 0, 0.008], 0.45 * back + 0.55 * front + up * 0.006 * u, (0.038, 0.034), leather, side=side
        )
        figure.limb(
            heel + along * 0.034 * u + up * 0.013 * u,
            toe - along * 0.026 * u + up * 0.013 * u,
            (0.041, 0.036),
            sole,
            side=side,
            depth=0.34,
        )
        if person["boots"] == "yes":
            shaft = ankle + (knee - ankle) / np.linalg.norm(knee - ankle) * person.boot_height * u
            figure.limb(ankle, shaft, (0.044, 0.060), leather, flat=True)
            figure.limb(ankle, ankle + 0.3 * (shaft - ankle), (0.043, 0.048), leather)


def hat(figure: Figure) -> None:
    """Cap, beanie, brimmed hat or bucket hat."""
    person = figure.person
    felt = figure.material("hat", person.hat, folds=0.08)
    band = figure.material("hat", person.hat * 0.45)
    style = person.hat_style
    if style == "cap":
        figure.on_head((0, -0.010, 0.036), (0.088, 0.105, 0.092), felt, clip=(0, -0.10, 1, -0.012))
        figure.on_head((0, 0.128, 0.052), (0.066, 0.070, 0.009), band, tilt=rotation("x", -12))
    elif style == "beanie":
        figure.on_head((0, -0.014, 0.030), (0.088, 0.106, 0.107), felt, clip=(0, -0.28, 1, -0.006))
        figure.limb(
            figure.skull(0, -0.006, 0.036), figure.skull(0, -0.020, 0.074), (0.092, 0.090), felt, flat=True, depth=1.19
        )
    else:
        crown = 0.100 if style == "brim" else 0.088
        figure.on_head((0, -0.012, 0.040), (0.087, 0.105, crown), felt, clip=(0, -0.05, 1, -0.006))
        if style == "brim":
            figure.on_head((0, -0.010, 0.050), (0.142, 0.158, 0.010), felt, tilt=rotation("x", 4))
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


def glasses(figure: Figure) -> None:
    """Clear or dark glasses with rims, bridge and temples."""
    sun = figure.person.glasses_style == "sun"
    frame = figure.material("glasses", palette.linear("#15130f"), gloss=0.3)
    lens = figure.material("glasses", palette.linear("#12151c" if sun else "#aebfc9"), gloss=0.7)
    for side in SIDES.values():
        figure.on_head((side * 0.033, 0.083, 0.006), (0.030, 0.011, 0.023), frame, tilt=rotation("z", -side * 18))
        figure.on_head((side * 0.034, 0.086, 0.006), (0.022, 0.011, 0.016), lens, tilt=rotation("z", -side * 18))
        figure.limb(
            figure.skull(side * 0.060, 0.070, 0.012), figure.skull(side * 0.080, -0.010, 0.012), (0.005, 0.005), frame
        )
    figure.limb(figure.skull(-0.012, 0.095, 0.012), figure.skull(0.012, 0.095, 0.012), (0.004, 0.004), frame)


def bag(figure: Figure) -> None:
    """Backpack, bag across the chest, or one carried in the hand."""
    person = figure.person
    canvas = figure.material("bag", person.bag, folds=0.10, gloss=0.05)
    dark = figure.material("bag", person.bag * 0.55)
    s = person.side
    if person.bag_style == "backpack":
        figure.limb(figure.torso(0, -0.168, 0.14), figure.torso(0, -0.158, 0.38), (0.132, 0.112), canvas, depth=0.66)
        figure.limb(
            figure.torso(-0.05, -0.245, 0.14),
            figure.torso(0.05, -0.245, 0.14),
            (0.066, 0.066),
            dark,
            depth=0.5,
            side=(0, 0, 1),
        )
        for side in SIDES.values():
            points = (
                (0.088, -0.10, 0.47),
                (0.086, -0.02, 0.556),
                (0.083, 0.065, 0.515),
                (0.082, 0.118, 0.38),
                (0.112, 0.085, 0.20),
                (0.12, -0.06, 0.14),
            )
            figure.strip([figure.torso(side * x, y, z) for x, y, z in points], 0.017, dark)
    elif person.bag_style == "shoulder":
        front = (
            (-0.085, -0.01, 0.555),
            (-0.066, 0.085, 0.49),
            (-0.01, 0.130, 0.35),
            (0.075, 0.122, 0.18),
            (0.165, 0.055, 0.02),
        )
        back = (
            (-0.085, -0.01, 0.555),
            (-0.060, -0.095, 0.46),
            (0.0, -0.122, 0.34),
            (0.09, -0.115, 0.18),
            (0.165, -0.055, 0.02),
        )
        for points in (front, back):
            figure.strip([figure.torso(s * x, y, z) for x, y, z in points], 0.012, dark)
        _pouch(figure, figure.torso(s * 0.205, 0.0, -0.06), (0.048, 0.135, 0.105), canvas, dark, s)
    else:
        palm = figure.pose.palms["right" if s > 0 else "left"]
        figure.strip([palm + [0, -0.05, -0.13], palm + [0, 0, 0.0], palm + [0, 0.05, -0.13]], 0.009, dark)
        _pouch(figure, palm + [0, 0, -0.235], (0.050, 0.150, 0.125), canvas, dark, s)


def _pouch(
    figure: Figure, centre: np.ndarray, half: tuple[float, float, float], canvas: int, dark: int, side: int
) -> None:
    """A soft box: a squeezed capsule for its rounded flanks and a box for its body."""
    x, y, z = half
    figure.shapes.box(centre, np.array([x, y - 0.02, z]) * figure.unit, canvas)
    for end in (-1, 1):
        rim = centre + np.array([0, end * (y - 0.02), 0]) * figure.unit
        figure.limb(rim - [0, 0, 0.85 * z], rim + [0, 0, 0.85 * z], (x, x), canvas)
    figure.shapes.box(
        centre + [side * (x + 0.003), 0, 0.45 * z], np.array([0.004, y * 0.8, z * 0.5]) * figure.unit, dark
    )


def scarf(figure: Figure, colour: np.ndarray) -> None:
    """A scarf around the neck with one end hanging in front."""
    wool = figure._keep(Material("upper", colour, colour * 0.55, "stripes", 0.03, folds=0.2))
    figure.limb(figure.torso(0, -0.005, 0.515), figure.torso(0, 0.012, 0.575), (0.090, 0.076), wool, depth=0.98)
    figure.limb(
        figure.torso(figure.person.side * 0.045, 0.098, 0.48),
        figure.torso(figure.person.side * 0.055, 0.132, 0.27),
        (0.034, 0.030),
        wool,
        depth=0.5,
    )
