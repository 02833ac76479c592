"""Garments: tops, coats, trousers, skirts, shoes, boots. Lengths for a person 1.75 m tall."""

import numpy as np

from gprplus.engine.people.figure import Figure
from gprplus.engine.people.pose import SIDES

UP = np.array([0.0, 0.0, 1.0])


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
    return (
        0.156 * person.shoulder * wide,
        0.138 * wide * (1 + 0.1 * max(person.build, 0)),
        0.152 * person.hip * wide,
    )


def add_top(figure: Figure) -> None:
    """The upper garment: trunk, sleeves, collar, and the hem of a shirt or the skirts of a coat."""
    person = figure.person
    cloth = figure.cloth("upper", person.upper)
    place = figure.trunk_place()
    chest, waist, hips = widths(figure)
    long_sleeve = person["sleeve"] == "long"
    thick = 0.008 if long_sleeve else 0.0
    chest, waist = chest + thick, waist + thick
    flat = {"side": figure.right, "texture": place}
    figure.limb(
        figure.torso(0, 0, 0.17),
        figure.torso(0, 0.004, 0.352),
        (waist, chest),
        cloth,
        depth=0.72,
        **flat,
    )
    figure.limb(
        figure.torso(0, -0.010, 0.38),
        figure.torso(0, -0.014, 0.5),
        (chest, 0.066),
        cloth,
        depth=0.70,
        **flat,
    )
    _shoulders(figure, cloth, place)
    if person["gender"] == "female":
        for side in SIDES.values():
            figure.shapes.ellipsoid(
                figure.torso(side * 0.060, 0.052, 0.345),
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
        figure.limb(
            middle,
            0.96 * shoulder + 0.04 * middle,
            (0.066, 0.049 if figure.person["sleeve"] == "short" else 0.052),
            cloth,
            depth=0.95,
            side=(0, 0, 1),
            texture=place,
        )


def _sleeves(figure: Figure, cloth: int, long: bool) -> None:
    person = figure.person
    thin = (0.88 if person["gender"] == "female" else 1.0) * (1 + 0.08 * max(person.build, 0))
    for shoulder, elbow, wrist in figure.pose.arms.values():
        if long:
            figure.limb(shoulder, elbow, (0.053 * thin, 0.046 * thin), cloth)
            figure.limb(elbow, wrist, (0.047 * thin, 0.035 * thin), cloth)
        else:
            end = shoulder + 0.58 * (elbow - shoulder)
            figure.limb(
                shoulder, shoulder + 0.2 * (elbow - shoulder), (0.050 * thin, 0.050 * thin), cloth
            )
            figure.limb(shoulder, end, (0.050 * thin, 0.053 * thin), cloth, flat=True)


def _hem(figure: Figure, cloth: int, place: np.ndarray, waist: float, hips: float) -> None:
    person = figure.person
    start = figure.torso(0, 0, 0.15)
    if person["top_length"] == "long":
        low = person.coat_length * person.height - figure.pose.pelvis[2]
        end = figure.pose.pelvis + np.array([0, 0.4 * low * np.tan(np.radians(person.lean)), low])
        seat = figure.torso(0, -0.006, -0.03)
        under = figure.torso(0, -0.006, -0.08)  # the two lean differently: let them overlap
        figure.limb(
            start, under, (waist + 0.006, hips + 0.025), cloth, depth=0.84, flat=True, texture=place
        )
        figure.limb(
            seat, end, (hips + 0.026, hips + 0.046), cloth, depth=0.84, flat=True, texture=place
        )
        for (hip, _, _), end_of_cloth in zip(
            figure.pose.legs.values(), _along_legs(figure, -low), strict=True
        ):
            figure.limb(
                hip,
                end_of_cloth,
                (0.108, 0.116 + 0.012 * person.build),
                cloth,
                flat=True,
                texture=place,
            )
    elif person["dress"] == "no":
        end = figure.torso(0, -0.004, -0.045)
        figure.limb(
            start, end, (waist + 0.002, hips + 0.022), cloth, depth=0.77, flat=True, texture=place
        )


def _collar(figure: Figure, cloth: int) -> None:
    person = figure.person
    if person.collar == "hood":
        figure.blob(figure.torso(0, -0.088, 0.515), (0.105, 0.058, 0.072), cloth)
        figure.limb(
            figure.torso(0, -0.02, 0.495),
            figure.torso(0, -0.012, 0.545),
            (0.088, 0.076),
            cloth,
            flat=True,
            depth=0.95,
        )
    elif person.collar in ("shirt", "zip"):
        second = (
            figure.material("upper", person.upper.second) if person.collar == "shirt" else cloth
        )
        figure.limb(
            figure.torso(0, -0.008, 0.495),
            figure.torso(0, 0.000, 0.560),
            (0.082, 0.066),
            second,
            flat=True,
            depth=0.95,
        )
    if person.collar == "zip" or person["top_length"] == "long":
        line = figure.material("upper", person.upper.colour * 0.35)
        front = [
            figure.torso(0, y, z)
            for y, z in ((0.088, 0.49), (0.118, 0.37), (0.102, 0.2), (0.114, 0.0))
        ]
        figure.strip(front, 0.008, line)


def add_bottom(figure: Figure) -> None:
    """Trousers, or a skirt that the stride carries along."""
    person = figure.person
    cloth = figure.cloth("lower", person.lower, folds=0.13)
    _, _, hips = widths(figure)
    figure.blob(
        figure.torso(0, -0.008, 0.0), (hips, 0.112 + 0.02 * max(person.build, 0), 0.115), cloth
    )
    wide = 1.0 + 0.10 * person.build
    if person["dress"] == "yes":
        _skirt(figure, cloth, hips)
        return
    for side, (hip, knee, ankle) in zip(SIDES.values(), figure.pose.legs.values(), strict=True):
        seat = figure.torso(side * 0.064, -0.034, -0.012)
        figure.blob(seat, (0.074 * wide, 0.072 * wide, 0.088), cloth)
        loose = 0.010 * person.trouser_width
        figure.limb(hip, knee, (0.081 * wide, (0.059 + loose) * wide), cloth)
        if person["boots"] == "yes":
            figure.limb(knee, 0.5 * (knee + ankle), (0.0585 + loose, 0.050), cloth)
            figure.limb(0.5 * (knee + ankle), ankle, (0.050, 0.036), cloth)
            continue
        figure.limb(knee, ankle, (0.0585 + loose, 0.040 + 0.8 * loose), cloth)
        hem = ankle + 0.07 * (ankle - knee)
        figure.limb(
            0.6 * knee + 0.4 * ankle, hem, (0.050 + loose, 0.043 + 1.5 * loose), cloth, flat=True
        )


def _skirt(figure: Figure, cloth: int, hips: float) -> None:
    """Cloth over both thighs and a cone between them."""
    person = figure.person
    place = figure.trunk_place()
    ends = _along_legs(figure, person.skirt_length * person.height)
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
        figure.limb(hip + 0.02 * UP, end, (0.104, 0.112), cloth, flat=True, texture=place)
    figure.limb(
        figure.torso(0, 0, -0.02),
        middle,
        (hips, hips + 0.022),
        cloth,
        flat=True,
        depth=0.80,
        texture=place,
    )


def _along_legs(figure: Figure, length: float) -> list[np.ndarray]:
    """Return the lower end on each leg of cloth that hangs `length` meters below the hips; it
    follows the stride."""
    ends = []
    for hip, knee, ankle in figure.pose.legs.values():
        share = length / max(hip[2] - knee[2], 1e-3)
        ends.append(hip + min(share, 1) * (knee - hip) + max(share - 1, 0) * 0.5 * (ankle - knee))
    return ends


def add_shoes(figure: Figure) -> None:
    """Shoes, or boots with their shafts."""
    person = figure.person
    leather = figure.material("shoes", person.shoe, gloss=0.25)
    sole = figure.material("shoes", person.sole)
    for (_, knee, ankle), (heel, ball, toe) in zip(
        figure.pose.legs.values(), figure.pose.feet.values(), strict=True
    ):
        along = (ball - heel) / np.linalg.norm(ball - heel)
        side = np.cross(along, [0, 0, 1.0])
        up = np.cross(side / np.linalg.norm(side), along)
        u = figure.unit
        back, front = (
            heel + along * 0.036 * u + up * 0.044 * u,
            toe - along * 0.030 * u + up * 0.026 * u,
        )
        figure.limb(back, front, (0.038, 0.031), leather, side=side, depth=0.95)
        figure.limb(
            ankle + 0.008 * UP,
            0.45 * back + 0.55 * front + up * 0.006 * u,
            (0.038, 0.034),
            leather,
            side=side,
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
            figure.limb(ankle, shaft, (0.046, 0.063), leather, flat=True)
            figure.limb(ankle, ankle + 0.3 * (shaft - ankle), (0.043, 0.048), leather)
