"""A small world: people who walk known paths, cameras, two sequences, and a drawing of each frame.

World axes are right-handed with z up, in metres; azimuths are in degrees, counter-clockwise from x.
All that a form should give (box, visible share, viewpoint, distance, pitch) is computed here from
the scene, without the package under test.
"""

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

SIZE = (320, 240)
FOCAL = 400.0
FRAMES = 8
TALL, WIDE = 1.75, 0.7  # of every person, metres

PALETTE = {  # torso and legs by asset, RGB
    "male_police_04": ((20, 40, 140), (10, 10, 60)),
    "female_business_02": ((230, 230, 230), (40, 40, 40)),
    "male_worker_01": ((240, 140, 20), (60, 90, 160)),
    "female_child_01": ((220, 60, 150), (250, 220, 80)),
    "male_medical_01": ((60, 180, 170), (200, 240, 235)),
    "female_jogger_03": ((30, 150, 40), (120, 20, 20)),
}

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Person:
    """A body: `number` is unique in the world, `asset` may occur twice. It walks a straight path,
    or a circle where `turn_deg` (a frame) is not 0."""

    number: int
    asset: str
    gender: str
    start: tuple[float, float]
    heading_deg: float
    turn_deg: float = 0.0
    step: float = 0.12  # metres a frame

    @property
    def name(self) -> str:
        return f"human_{self.number:02d}"

    @property
    def look(self) -> int:
        """A number of the asset, for forms whose looks are numbers."""
        return 100 + list(PALETTE).index(self.asset)

    def heading(self, frame: int) -> float:
        return (self.heading_deg + self.turn_deg * frame) % 360

    def position(self, frame: int) -> np.ndarray:
        """Of the feet, `(3,)`."""
        x, y = self.start
        for earlier in range(frame):  # along the chord of each step
            angle = math.radians(self.heading(earlier) + self.turn_deg / 2)
            x, y = x + self.step * math.cos(angle), y + self.step * math.sin(angle)
        return np.array([x, y, 0.0])

    def front(self, frame: int) -> np.ndarray:
        angle = math.radians(self.heading(frame))
        return np.array([math.cos(angle), math.sin(angle), 0.0])

    def right(self, frame: int) -> np.ndarray:
        x, y, _ = self.front(frame)
        return np.array([y, -x, 0.0])

    def joints(self, frame: int) -> dict[str, np.ndarray]:
        """Shoulders, neck, hips and pelvis in the world; the trunk is upright."""
        feet, side = self.position(frame), 0.2 * self.right(frame)
        up = np.array([0.0, 0.0, 1.0])
        return {
            "left_shoulder": feet + 1.4 * up - side,
            "right_shoulder": feet + 1.4 * up + side,
            "neck": feet + 1.5 * up,
            "left_hip": feet + 0.9 * up - side / 2,
            "right_hip": feet + 0.9 * up + side / 2,
            "pelvis": feet + 0.9 * up,
        }

    @property
    def colours(self) -> tuple[tuple[int, int, int], ...]:
        """Of head, torso and legs, RGB: a function of the asset."""
        torso, legs = PALETTE[self.asset]
        return (220, 170, 140), torso, legs


@dataclass(frozen=True)
class Camera:
    """A static camera without roll."""

    name: str
    position: tuple[float, float, float]
    azimuth_deg: float
    pitch_deg: float

    @cached_property
    def axes(self) -> np.ndarray:
        """Rows: right, down and forward in the world."""
        a, p = math.radians(self.azimuth_deg), math.radians(self.pitch_deg)
        forward = np.array([math.cos(p) * math.cos(a), math.cos(p) * math.sin(a), math.sin(p)])
        right = np.array([math.sin(a), -math.cos(a), 0.0])
        return np.stack([right, np.cross(forward, right), forward])

    @property
    def center(self) -> np.ndarray:
        return np.array(self.position)

    def seen(self, point: np.ndarray) -> np.ndarray:
        """A world point in camera coordinates: x right, y down, z forward."""
        return self.axes @ (point - self.center)

    def pixel(self, point: np.ndarray) -> tuple[float, float]:
        x, y, z = self.seen(point)
        return SIZE[0] / 2 + FOCAL * x / z, SIZE[1] / 2 + FOCAL * y / z

    @property
    def extrinsic(self) -> np.ndarray:
        """`(3, 4)`: world to camera, x right, y down, z forward."""
        return np.column_stack([self.axes, -self.axes @ self.center])


@dataclass(frozen=True)
class Seen:
    """A person in a frame of a camera, and what is true of it."""

    person: Person
    local: int  # number of the person in its sequence, from 1
    frame: int
    camera: Camera
    box: Box
    visible: float

    @property
    def feet(self) -> np.ndarray:
        return self.person.position(self.frame)

    def raised(self, height: float) -> np.ndarray:
        """The point above the feet, `(3,)`."""
        return self.feet + np.array([0.0, 0.0, height])

    @property
    def heading_deg(self) -> float:
        return self.person.heading(self.frame)

    @property
    def viewpoint(self) -> float:
        """By projecting the direction to the camera on the right and the front of the body."""
        there = self.camera.center - self.feet
        right, front = self.person.right(self.frame), self.person.front(self.frame)
        return (90 + math.degrees(math.atan2(there @ right, there @ front))) % 360

    @property
    def distance(self) -> float:
        return float(np.hypot(*(self.camera.center - self.feet)[:2]))


@dataclass(frozen=True)
class Sequence:
    """Frames of several cameras at the same times, under one weather and hour."""

    name: str
    weather: str
    hour: int
    light: float
    people: tuple[Person, ...]
    cameras: tuple[Camera, ...]

    def visible_people(self, camera: Camera, frame: int) -> list[Seen]:
        """All people in a frame, by their number in the sequence."""
        return list(_visible(self, camera, frame))

    def instances(self, camera: Camera, frame: int) -> np.ndarray:
        """`(H, W) uint8`: the number of the person in the sequence at each pixel, 0 for none."""
        return _drawn(self, camera, frame)[1]

    def picture(self, camera: Camera, frame: int) -> np.ndarray:
        """`(H, W, 3) uint8` RGB."""
        return _drawn(self, camera, frame)[0]


CAMERAS = (
    Camera("Camera_01", (0.0, -8.0, 1.5), 90, 0),
    Camera("Camera_02", (8.0, 0.5, 2.5), 180, -10),
    Camera("Camera_03", (-6.0, -6.0, 1.8), 45, -5),
)
# Found by a search: all boxes are inside the frames, people hide parts of each other, and the
# visible part of each person still extends over the whole box.
_WALKER = {"asset": "male_police_04", "gender": "male"}
SEQUENCES = (
    Sequence(
        "seq_1",
        "sunny",
        13,
        1.2,
        (
            Person(1, **_WALKER, start=(0.3, 0.5), heading_deg=80, turn_deg=-12),
            Person(2, "female_business_02", "female", (-0.7, -1.3), 45),
            Person(3, "male_worker_01", "male", (-1.7, -0.7), 5, 10),
            Person(4, "male_worker_01", "male", (1.4, -1.2), 70, -12),  # looks like person 3
        ),
        CAMERAS,
    ),
    Sequence(
        "seq_2",
        "rain",
        22,
        0.1,
        (
            Person(5, "female_child_01", "female", (-1.0, 1.5), 140),
            Person(1, **_WALKER, start=(1.8, -0.7), heading_deg=295, turn_deg=-12),
            Person(6, "male_medical_01", "male", (-1.5, -0.5), 190, -12),
            Person(7, "female_jogger_03", "female", (-0.2, 0.2), 55, -12),
        ),
        CAMERAS,
    ),
)


def _box(camera: Camera, person: Person, frame: int) -> Box:
    feet = person.position(frame)
    x, bottom = camera.pixel(feet)
    _, top = camera.pixel(feet + np.array([0.0, 0.0, TALL]))
    width = FOCAL * WIDE / camera.seen(feet)[2]
    left = round(x - width / 2)
    return left, round(top), round(x + width / 2) - left, round(bottom) - round(top)


def _share(values: np.ndarray, box: Box, number: int) -> float:
    """The visible pixels as a share of the box."""
    return int(np.count_nonzero(values == number)) / (box[2] * box[3])


@lru_cache(maxsize=256)
def _visible(sequence: Sequence, camera: Camera, frame: int) -> tuple[Seen, ...]:
    boxes = [_box(camera, person, frame) for person in sequence.people]
    values = sequence.instances(camera, frame)
    return tuple(
        Seen(person, i, frame, camera, box, _share(values, box, i))
        for i, (person, box) in enumerate(zip(sequence.people, boxes, strict=True), start=1)
    )


@lru_cache(maxsize=256)
def _drawn(sequence: Sequence, camera: Camera, frame: int) -> tuple[np.ndarray, np.ndarray]:
    """The picture and the instances: rectangles of three colours, the farthest first."""
    picture = np.full((SIZE[1], SIZE[0], 3), 128, np.uint8)
    values = np.zeros((SIZE[1], SIZE[0]), np.uint8)
    order = [(camera.seen(p.position(frame))[2], i) for i, p in enumerate(sequence.people)]
    for _, i in sorted(order, reverse=True):
        left, top, width, height = _box(camera, sequence.people[i], frame)
        cuts = [top, top + height // 6, top + height * 4 // 7, top + height]
        for colour, upper, lower in zip(
            sequence.people[i].colours, cuts[:-1], cuts[1:], strict=True
        ):
            picture[max(upper, 0) : max(lower, 0), max(left, 0) : max(left + width, 0)] = colour
        inside = slice(max(top, 0), max(top + height, 0)), slice(max(left, 0), max(left + width, 0))
        values[inside] = i + 1
    return picture, values
