"""A place under construction: its objects, the material of its ground, and its horizon."""

from dataclasses import dataclass, field

import numpy as np

from gprplus.core.sampling import hash64
from gprplus.engine.people.figure import Material
from gprplus.engine.people.palette import to_linear
from gprplus.engine.people.pose import rotation_matrix
from gprplus.engine.raycast.hash_noise import uniform_noise
from gprplus.engine.raycast.shapes import Shapes


@dataclass
class Scene:
    """A place under construction. `ground` and `skyline` name patterns of surfaces.py; `tone` and
    `far` are their colours.
    """

    name: str
    ground: str
    skyline: str
    tone: np.ndarray
    second: np.ndarray
    far: np.ndarray
    shapes: Shapes = field(default_factory=Shapes)
    materials: list[Material] = field(default_factory=list)

    def material(
        self,
        colour: str,
        pattern: str = "plain",
        second: str | None = None,
        scale: float = 1.0,
        glow: float = 0.0,
    ) -> int:
        """A material of the scene; returns its number."""
        own = to_linear(colour)
        self.materials.append(
            Material(
                "scene",
                own,
                own * 0.5 if second is None else to_linear(second),
                pattern,
                scale,
                glow=glow,
            )
        )
        return len(self.materials) - 1

    def box(
        self,
        x: float,
        y: float,
        z: float,
        half: tuple[float, float, float],
        material: int,
        turn: float = 0.0,
    ) -> None:
        """Add a box with its bottom at height `z`."""
        self.shapes.box(np.array([x, y, z + half[2]]), half, material, rotation_matrix("z", turn))

    def post(
        self,
        x: float,
        y: float,
        radius: float,
        height: float,
        material: int,
        top: float | None = None,
    ) -> None:
        """An upright pole or trunk."""
        end = radius if top is None else top
        self.shapes.cone(
            np.array([x, y, -0.05]), np.array([x, y, height]), (radius, end), material, flat=True
        )

    def ball(
        self, x: float, y: float, z: float, radii: tuple[float, float, float], material: int
    ) -> None:
        self.shapes.ellipsoid(np.array([x, y, z]), radii, material)

    def lamp(self, angle: float, distance: float, height: float, metal: int, bulb: int) -> None:
        """A street lamp."""
        x, y = distance * np.cos(np.radians(angle)), distance * np.sin(np.radians(angle))
        self.post(x, y, 0.07, height, metal, 0.05)
        self.ball(x, y, height + 0.12, (0.20, 0.20, 0.17), bulb)

    def tree(self, angle: float, distance: float, height: float, bark: int, leaf: int) -> None:
        """A trunk and a crown of a few overlapping balls."""
        x, y = distance * np.cos(np.radians(angle)), distance * np.sin(np.radians(angle))
        self.post(x, y, 0.17, 0.62 * height, bark, 0.11)
        shift = uniform_noise(hash64(f"tree/{angle}/{distance}"), 24) - 0.5
        for i in range(6):
            a, b, c = shift[3 * i : 3 * i + 3]
            radius = height * (0.19 + 0.06 * shift[18 + i])
            self.ball(
                x + 0.34 * height * a,
                y + 0.34 * height * b,
                height * (0.70 + 0.28 * c),
                (radius, radius, 0.85 * radius),
                leaf,
            )
