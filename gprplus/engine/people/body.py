"""Body: head, face, hair, neck, arms, hands, legs, and the order of dressing."""

import numpy as np

from gprplus.engine.people import accessories, garments
from gprplus.engine.people.figure import Figure, Material
from gprplus.engine.people.pose import SIDES, rotation_matrix, walking_pose
from gprplus.engine.people.traits import Person
from gprplus.engine.raycast.shapes import Shapes


def build_body(person: Person, moment: int | str) -> tuple[Shapes, list[Material]]:
    """A person at a moment of the walk, as shapes and the materials they are made of. The person
    faces +y, feet on z = 0.
    """
    figure = Figure(person, walking_pose(person, moment))
    _head(figure)
    _hair(figure)
    _arms(figure)
    _legs(figure)
    garments.add_top(figure)
    garments.add_bottom(figure)
    garments.add_shoes(figure)
    if person["hat"] == "yes":
        accessories.add_hat(figure)
    if person["glasses"] == "yes":
        accessories.add_glasses(figure)
    if person["bag"] == "yes":
        accessories.add_bag(figure)
    if person.scarf is not None:
        accessories.add_scarf(figure, person.scarf)
    return figure.shapes, figure.materials


def _head(figure: Figure) -> None:
    person = figure.person
    female = person["gender"] == "female"
    skin = figure.material("skin", person.skin, gloss=0.06)
    face = figure.keep(
        Material(
            "skin", person.skin, person.hair * 0.55, "beard" if person.beard else "face", gloss=0.06
        )
    )
    jaw = 0.052 if female else 0.058
    figure.on_head((0, -0.004, 0.022), (0.074, 0.094, 0.086), face)
    figure.on_head((0, 0.020, -0.038), (jaw, 0.068, 0.071), face)
    figure.on_head((0, 0.046, -0.088), (0.026 if female else 0.032, 0.036, 0.026), face)
    nose = (figure.skull(0, 0.086, 0.012), figure.skull(0, 0.098, -0.024))
    figure.limb(*nose, (0.008, 0.0125), skin)
    for side in SIDES.values():
        figure.on_head((side * 0.074, -0.008, -0.008), (0.010, 0.021, 0.033), skin)
    thick = 0.047 if female else 0.056
    base = figure.pose.neck + figure.pose.torso @ np.array([0, 0, -0.05])
    figure.limb(base, figure.skull(0, -0.018, -0.055), (thick * 1.12, thick), skin)


def _hair(figure: Figure) -> None:
    person = figure.person
    style = person.hair_style
    if style == "bald":
        ring = figure.material("hair", person.hair, folds=0.1)
        figure.on_head((0, -0.012, -0.002), (0.079, 0.092, 0.052), ring, clip=(0, -0.9, 0.1, 0.012))
        return
    hair = figure.material("hair", person.hair, folds=0.30, gloss=0.22, pattern="hair")
    under_hat = person["hat"] == "yes"
    lift = 0.0 if under_hat else {"pixie": 0.010, "side": 0.012, "fringe": 0.008}.get(style, 0.005)
    line = {"fringe": 0.016, "pixie": 0.012, "bob": 0.014, "bald": -0.03}.get(style, 0.004)
    figure.on_head(
        (0, -0.012, 0.030),
        (0.081, 0.096 + lift / 2, 0.086 + lift),
        hair,
        clip=(0, -0.66, 0.75, line),
    )
    if style == "side" and not under_hat:
        figure.on_head(
            (0.018, 0.035, 0.085), (0.058, 0.055, 0.032), hair, tilt=rotation_matrix("y", 12)
        )
    if style == "bun":
        figure.on_head((0, -0.105, 0.070), (0.038, 0.036, 0.036), hair)
    if style in ("loose", "plait", "bob"):
        _hanging_hair(figure, hair, style)
    if style == "ponytail":
        root, middle, end = (
            figure.skull(0, -0.098, 0.045),
            figure.skull(0, -0.145, -0.03),
            figure.torso(0, -0.155, 0.36),
        )
        figure.limb(root, middle, (0.024, 0.034), hair)
        figure.limb(middle, end, (0.034, 0.014), hair, depth=0.8)


def _hanging_hair(figure: Figure, hair: int, style: str) -> None:
    if style == "bob":
        figure.on_head((0, -0.024, -0.022), (0.091, 0.088, 0.100), hair, clip=(0, -1, 0, 0.026))
        for side in SIDES.values():
            figure.limb(
                figure.skull(side * 0.070, 0.012, 0.045),
                figure.skull(side * 0.074, 0.022, -0.085),
                (0.022, 0.022),
                hair,
            )
        return
    figure.on_head((0, -0.030, -0.020), (0.088, 0.080, 0.100), hair, clip=(0, -1, 0, 0.022))
    if style == "plait":
        side = figure.person.side
        points = [
            figure.skull(side * 0.05, -0.07, -0.06),
            figure.torso(side * 0.085, 0.03, 0.53),
            figure.torso(side * 0.080, 0.135, 0.33),
        ]
        figure.strip(points, 0.024, hair)
        return
    figure.limb(
        figure.skull(0, -0.040, -0.02),
        figure.torso(0, -0.118, 0.36),
        (0.088, 0.072),
        hair,
        depth=0.52,
    )
    for side in SIDES.values():
        figure.limb(
            figure.skull(side * 0.072, 0.005, 0.03),
            figure.torso(side * 0.088, 0.050, 0.42),
            (0.024, 0.020),
            hair,
        )


def _arms(figure: Figure) -> None:
    """Hands, and bare arms where the sleeve ends; sleeves are cloth and come with the top."""
    person = figure.person
    skin = figure.material("skin", person.skin, gloss=0.05)
    thin = 0.88 if person["gender"] == "female" else 1.0 + 0.06 * max(person.build, 0)
    for name, side in SIDES.items():
        shoulder, elbow, wrist = figure.pose.arms[name]
        palm = figure.pose.palms[name]
        if person["sleeve"] == "short":
            figure.limb(shoulder, elbow, (0.044 * thin, 0.036 * thin), skin)
            figure.limb(elbow, wrist, (0.037 * thin, 0.024 * thin), skin)
        along = palm - wrist
        figure.limb(
            wrist,
            wrist + 0.58 * along,
            (0.022 * thin, 0.036 * thin),
            skin,
            side=(0, 1, 0),
            depth=0.55,
        )
        curl = palm + np.array([-side * 0.008, 0.012, 0.006]) * figure.unit
        figure.limb(
            wrist + 0.55 * along,
            curl,
            (0.034 * thin, 0.020 * thin),
            skin,
            side=(0, 1, 0),
            depth=0.6,
        )
        thumb = wrist + 0.25 * along
        figure.limb(
            thumb, thumb + 0.42 * along + np.array([-side * 0.006, 0.032, 0]), (0.012, 0.010), skin
        )


def _legs(figure: Figure) -> None:
    """Bare or stockinged legs under a skirt; trousers come with the lower garment."""
    person = figure.person
    if person["dress"] == "no":
        return
    colour = person.skin if person.tights is None else person.tights
    skin = figure.material("skin" if person.tights is None else "lower", colour, gloss=0.05)
    for hip, knee, ankle in figure.pose.legs.values():
        figure.limb(hip, knee, (0.080, 0.050), skin)
        figure.limb(knee, ankle, (0.048, 0.030), skin)
        figure.limb(
            knee + 0.15 * (ankle - knee) - [0, 0.012, 0],
            knee + 0.5 * (ankle - knee) - [0, 0.012, 0],
            (0.040, 0.036),
            skin,
        )
