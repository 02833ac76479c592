"""A person's shapes under construction: materials, and the frames (torso, head) that garments are
cut in."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from gprplus.engine.people.pose import Pose
from gprplus.engine.people.traits import Garment, Person
from gprplus.engine.raycast.shapes import Shapes

Triple = Sequence[float]


@dataclass(frozen=True)
class Material:
    """Surface material: linear colors (3,), a pattern and its scale in meters, depth of folds,
    gloss, and emitted light (for lamps, windows).
    """

    part: str
    colour: np.ndarray
    second: np.ndarray
    pattern: str = "plain"
    scale: float = 0.05
    folds: float = 0.0
    gloss: float = 0.0
    glow: float = 0.0


@dataclass
class Figure:
    """Shapes and materials of one person in one pose. Lengths passed to `torso` and `skull` are for
    a person 1.75 m tall.
    """

    person: Person
    pose: Pose
    shapes: Shapes = field(default_factory=Shapes)
    materials: list[Material] = field(default_factory=list)

    @property
    def unit(self) -> float:
        """Return the height relative to 1.75 m."""
        return self.person.height / 1.75

    def material(
        self,
        part: str,
        colour: np.ndarray,
        *,
        folds: float = 0.0,
        gloss: float = 0.0,
        pattern: str = "plain",
    ) -> int:
        """A material of one colour; returns its number."""
        return self.keep(
            Material(part, colour, colour * 0.6, pattern=pattern, folds=folds, gloss=gloss)
        )

    def cloth(self, part: str, garment: Garment, folds: float = 0.16) -> int:
        """A material cut from a garment; returns its number."""
        return self.keep(
            Material(part, garment.colour, garment.second, garment.pattern, garment.scale, folds)
        )

    def keep(self, material: Material) -> int:
        """Take a material up; returns its number."""
        self.materials.append(material)
        return len(self.materials) - 1

    def torso(self, x: float, y: float, z: float) -> np.ndarray:
        """A point of the trunk: right, forward and up of the pelvis."""
        return self.pose.pelvis + self.pose.torso @ (np.array([x, y, z]) * self.unit)

    def skull(self, x: float, y: float, z: float) -> np.ndarray:
        """A point of the head: right, forward and up of its middle."""
        return self.pose.head + self.pose.head_axes @ (np.array([x, y, z]) * self.head_unit)

    @property
    def head_unit(self) -> float:
        """Return the scale of the head, like `unit`: heads vary less than bodies."""
        return (0.53 + 0.52 * self.unit) * self.person.head

    @property
    def right(self) -> np.ndarray:
        return self.pose.torso[:, 0]

    def trunk_place(self) -> np.ndarray:
        """Return the pattern axes of a top: (right, up, forward) of the pelvis, the same for all of
        its shapes, so that stripes are continuous.
        """
        return _place(self.pose.torso, self.pose.pelvis, 1.0)

    def face_place(self) -> np.ndarray:
        """Return the axes of the face: (right, up, forward) of the head's center, for a head of
        standard size."""
        return _place(self.pose.head_axes, self.pose.head, 1.0 / self.head_unit)

    def blob(
        self,
        centre: np.ndarray,
        radii: Triple,
        material: int,
        axes: np.ndarray | None = None,
        clip: Triple | None = None,
    ) -> None:
        """Add an ellipsoid with radii for a person 1.75 m tall, along `axes` (by default those of
        the torso)."""
        self._blob(
            centre, radii, material, self.pose.torso if axes is None else axes, self.unit, clip
        )

    def on_head(
        self,
        centre: Triple,
        radii: Triple,
        material: int,
        *,
        tilt: np.ndarray | None = None,
        clip: Triple | None = None,
    ) -> None:
        """An ellipsoid of the head, placed and clipped in the head's own frame."""
        axes = self.pose.head_axes if tilt is None else self.pose.head_axes @ tilt
        self._blob(
            self.skull(*centre), radii, material, axes, self.head_unit, clip, self.face_place()
        )

    def _blob(
        self,
        centre: np.ndarray,
        radii: Triple,
        material: int,
        axes: np.ndarray,
        unit: float,
        clip: Triple | None,
        texture: np.ndarray | None = None,
    ) -> None:
        plane = (0.0, 0.0, 0.0, 1.0) if clip is None else (*clip[:3], clip[3] * unit)
        self.shapes.ellipsoid(centre, np.asarray(radii) * unit, material, axes, plane, texture)

    def limb(
        self,
        start: np.ndarray,
        end: np.ndarray,
        radii: tuple[float, float],
        material: int,
        **more: object,
    ) -> None:
        """Add a tapered capsule (or, `flat`, a frustum) with radii for a person 1.75 m tall."""
        more.setdefault("side", self.right)
        self.shapes.cone(start, end, (radii[0] * self.unit, radii[1] * self.unit), material, **more)  # type: ignore[arg-type]

    def strip(
        self, points: Sequence[np.ndarray], radius: float, material: int, depth: float = 1.0
    ) -> None:
        """A strap through several points."""
        for start, end in pairwise(points):
            self.limb(start, end, (radius, radius), material, depth=depth)


def _place(axes: np.ndarray, origin: np.ndarray, scale: float) -> np.ndarray:
    rows = axes.T[[0, 2, 1]] * scale
    return np.concatenate([rows, -(rows @ origin)[:, None]], axis=1)
