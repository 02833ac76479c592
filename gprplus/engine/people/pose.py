"""Walking poses: joint positions at one moment of the gait.

Angles follow the textbook shape of normal gait (Perry, "Gait Analysis", 1992: hip a cosine of about
20 degrees, knee two humps, foot flat in mid-stance), which is sufficient to look like walking from
any side.
"""

from dataclasses import dataclass

import numpy as np

from gprplus.engine.people.traits import Person, TraitDraws


@dataclass(frozen=True)
class Pose:
    """Joints of one side are keyed "right" (+x) and "left"; points in metres, the person at the
    origin facing +y.

    `torso` and `head_axes` are rotations (columns: right, forward, up). `legs` and `arms` give
    (root, joint, end); `feet` the heel, toe and lift axis.
    """

    pelvis: np.ndarray
    waist: np.ndarray
    neck: np.ndarray
    head: np.ndarray
    torso: np.ndarray
    head_axes: np.ndarray
    legs: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]
    feet: dict[str, np.ndarray]
    arms: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]
    palms: dict[str, np.ndarray]


SIDES = {"right": 1.0, "left": -1.0}


def rotation_matrix(axis: str, degrees: float) -> np.ndarray:
    """A right-handed turn about x, y or z."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return {
        "x": np.array([[1, 0, 0], [0, c, -s], [0, s, c]]),
        "y": np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]),
        "z": np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]),
    }[axis]


def walking_pose(person: Person, moment: int | str) -> Pose:
    """Return the pose of a person at a named moment of the walk. Crops use the viewpoint in degrees
    as the name, so each viewpoint shows another moment.
    """
    d = TraitDraws(person.key)
    cycle = d.unit(f"phase/{moment}")
    h = person.height
    swing = np.cos(2 * np.pi * cycle)
    twist, look = 4.0 * person.stride * swing, 10.0 * d.normal(f"look/{moment}") * 0.6
    lean = -person.lean - 8.0 * person.stoop  # about x: negative leans forward
    torso = rotation_matrix("z", -twist) @ rotation_matrix("x", lean)
    head_axes = rotation_matrix("z", look) @ rotation_matrix(
        "x", 0.4 * lean - 3.0 * d.normal(f"nod/{moment}")
    )
    hip_height, hip_width = 0.515 * h * person.leg, 0.046 * h * person.hip
    pelvis = np.array([0.012 * np.sin(2 * np.pi * cycle), 0.0, hip_height])
    legs, feet = {}, {}
    for name, side in SIDES.items():
        phase = (cycle + (0.0 if side > 0 else 0.5)) % 1.0
        root = pelvis + rotation_matrix("z", twist) @ np.array([side * hip_width, 0.0, -0.012 * h])
        legs[name], feet[name] = _leg(root, phase, person, side)
    drop = min(float(foot[:, 2].min()) for foot in feet.values())
    fall = np.array([0.0, 0.0, -drop])
    legs = {name: tuple(point + fall for point in leg) for name, leg in legs.items()}
    feet = {name: foot + fall for name, foot in feet.items()}
    pelvis = pelvis + fall
    waist = pelvis + torso @ np.array([0.0, 0.0, 0.10 * h])
    neck = pelvis + torso @ np.array([0.0, -0.006 * h, 0.302 * h * (2 - person.leg)])
    head = neck + head_axes @ np.array([0.0, 0.014 * h + 0.012 * h * person.stoop, 0.078 * h])
    arms, palms = {}, {}
    for name, side in SIDES.items():
        arms[name], palms[name] = _arm(
            neck, torso, cycle + (0.5 if side > 0 else 0.0), person, side
        )
    return Pose(pelvis, waist, neck, head, torso, head_axes, legs, feet, arms, palms)


def _hump(moment: float, middle: float, width: float) -> float:
    distance = (moment - middle + 0.5) % 1.0 - 0.5
    return float(np.exp(-((distance / width) ** 2)))


def _leg(
    root: np.ndarray, moment: float, person: Person, side: float
) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray], np.ndarray]:
    """Hip, knee, ankle, and the foot's (heel, ball, toe) on its sole; moment 0 is the heel's
    touch-down."""
    h, stride = person.height, person.stride
    hip = stride * 19.5 * np.cos(2 * np.pi * moment) + 4.0
    knee = 4.0 + stride * (54.0 * _hump(moment, 0.73, 0.12) + 10.0 * _hump(moment, 0.13, 0.08))
    pitch = stride * (
        16.0 * _hump(moment, 0.0, 0.07)
        - 38.0 * _hump(moment, 0.62, 0.11)
        - 16.0 * _hump(moment, 0.76, 0.1)
    )
    splay = rotation_matrix("z", -side * 6.0)
    thigh = splay @ rotation_matrix("x", hip) @ np.array([side * -0.02, 0.0, -1.0])
    shin = splay @ rotation_matrix("x", hip - knee) @ np.array([side * -0.015, 0.0, -1.0])
    joint = root + thigh * 0.242 * h * person.leg
    ankle = joint + shin * 0.232 * h * person.leg
    sole = splay @ rotation_matrix("x", pitch)
    length = 0.15 * h
    points = np.array(
        [[0.0, -0.30 * length, 0.0], [0.0, 0.38 * length, 0.0], [0.0, 0.70 * length, 0.0]]
    )
    return (root, joint, ankle), ankle + (points - [0.0, 0.0, 0.040 * h]) @ sole.T


def _arm(
    neck: np.ndarray, torso: np.ndarray, moment: float, person: Person, side: float
) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray], np.ndarray]:
    """Shoulder, elbow, wrist, and the tip of the hand."""
    h = person.height
    width = (0.087 if person["gender"] == "female" else 0.100) * h * person.shoulder + 0.010 * max(
        person.build, 0.0
    )
    shoulder = neck + torso @ np.array([side * width, 0.0, -0.038 * h])
    forward = person.stride * person.swing * 20.0 * np.cos(2 * np.pi * moment) - 2.0
    bend = 14.0 + person.swing * 14.0 * (1 + np.cos(2 * np.pi * (moment - 0.05)))
    out = 7.0 + 5.0 * max(person.build, 0.0)
    upper = (
        rotation_matrix("y", -side * out)
        @ rotation_matrix("x", forward)
        @ np.array([0.0, 0.0, -1.0])
    )
    lower = (
        rotation_matrix("y", -side * 0.4 * out)
        @ rotation_matrix("x", forward + bend)
        @ np.array([0.0, 0.0, -1.0])
    )
    elbow = shoulder + upper * 0.168 * h
    wrist = elbow + lower * 0.142 * h
    hand = wrist + (rotation_matrix("y", side * 4.0) @ lower) * 0.085 * h
    return (shoulder, elbow, wrist), hand
