"""The five shapes everything is made of, and where a ray meets them.

A shape is a canonical solid in its own frame and an affine map from the world into that frame, so
one formula serves squashed and turned copies alike. A ray `o + t d` keeps its `t` under an affine
map, hence depths of different shapes compare without further ado.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

ELLIPSOID, CONE, FRUSTUM, BOX = range(4)
NO_CLIP = (0.0, 0.0, 0.0, 1.0)


@dataclass
class Shapes:
    """Shapes under construction, one list entry each; lengths in metres, z up.

    `linear` (3, 3) and `offset` (3,) take a world point into the shape's frame. `size` holds (r1,
    r2, h): an ellipsoid is the unit sphere and ignores it, a CONE is the convex hull of a sphere of
    radius r1 at the origin and one of radius r2 at (0, h, 0), a FRUSTUM has flat ends there
    instead, a BOX has these half sizes. Of a clipped shape only the points with `clip[:3] . p +
    clip[3] >= 0` exist. `texture` (3, 4) takes a world point to where its pattern is drawn, in
    metres.
    """

    kind: list[int] = field(default_factory=list)
    linear: list[np.ndarray] = field(default_factory=list)
    offset: list[np.ndarray] = field(default_factory=list)
    size: list[Sequence[float]] = field(default_factory=list)
    clip: list[Sequence[float]] = field(default_factory=list)
    material: list[int] = field(default_factory=list)
    texture: list[np.ndarray] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.kind)

    def ellipsoid(
        self,
        centre: np.ndarray,
        radii: Sequence[float] | np.ndarray,
        material: int,
        axes: np.ndarray | None = None,
        clip: Sequence[float] = NO_CLIP,
        texture: np.ndarray | None = None,
    ) -> None:
        """An ellipsoid; the columns of `axes` (3, 3) are its axes in the world, `clip` is in metres
        along them."""
        axes = np.eye(3) if axes is None else axes
        length = np.asarray(radii, dtype=float)
        plane = (*(np.asarray(clip[:3]) * length), clip[3])
        self._add(
            ELLIPSOID,
            axes.T / length[:, None],
            centre,
            (1.0, 1.0, 0.0),
            material,
            axes,
            plane,
            texture,
        )

    def cone(
        self,
        start: np.ndarray,
        end: np.ndarray,
        radii: tuple[float, float],
        material: int,
        *,
        depth: float = 1.0,
        side: Sequence[float] = (1.0, 0.0, 0.0),
        flat: bool = False,
        texture: np.ndarray | None = None,
    ) -> None:
        """A tapered capsule (or, `flat`, a frustum) between two points; `depth` squeezes it across
        `side` and its axis.
        """
        axes, length = orthonormal_frame(start, end, side)
        shrink = np.array([1.0, 1.0, 1.0 / depth])
        limit = 0.98 * length  # one ball inside the other would leave nothing to join
        r1, r2 = radii
        if not flat and abs(r1 - r2) > limit:
            r1, r2 = (r1, r1 - limit) if r1 > r2 else (r2 - limit, r2)
        kind = FRUSTUM if flat else CONE
        self._add(
            kind,
            shrink[:, None] * axes.T,
            start,
            (r1, r2, length),
            material,
            axes,
            NO_CLIP,
            texture,
        )

    def box(
        self,
        centre: np.ndarray,
        half: Sequence[float] | np.ndarray,
        material: int,
        axes: np.ndarray | None = None,
        texture: np.ndarray | None = None,
    ) -> None:
        """A box by its centre and half sizes along the columns of `axes`."""
        axes = np.eye(3) if axes is None else axes
        self._add(
            BOX, axes.T, np.asarray(centre, dtype=float), half, material, axes, NO_CLIP, texture
        )

    def _add(
        self,
        kind: int,
        linear: np.ndarray,
        origin: np.ndarray,
        size: Sequence[float] | np.ndarray,
        material: int,
        axes: np.ndarray,
        clip: Sequence[float],
        texture: np.ndarray | None,
    ) -> None:
        own = np.concatenate([axes.T, -(axes.T @ origin)[:, None]], axis=1)
        self.kind.append(kind)
        self.linear.append(linear)
        self.offset.append(-linear @ origin)
        self.size.append(tuple(size))
        self.clip.append(tuple(clip))
        self.material.append(material)
        self.texture.append(own if texture is None else texture)

    def moved(self, turn: np.ndarray, at: np.ndarray) -> "Shapes":
        """Return the shapes, rotated about the origin by `turn` (3, 3), then translated by `at`
        (3,), with patterns."""
        linear = [own @ turn.T for own in self.linear]
        texture = [own[:, :3] @ turn.T for own in self.texture]
        return replace(
            self,
            linear=linear,
            offset=[shift - own @ at for own, shift in zip(linear, self.offset, strict=True)],
            texture=[
                np.concatenate([own, (old[:, 3] - own @ at)[:, None]], axis=1)
                for own, old in zip(texture, self.texture, strict=True)
            ],
        )

    def solids(self, device: torch.device) -> "Solids":
        """The finished shapes, on a device."""

        def move(rows: Sequence[object]) -> Tensor:
            return torch.from_numpy(np.array(rows, dtype=np.float32)).to(device)

        kind = np.array(self.kind, dtype=np.int64)
        return Solids(
            kind=torch.from_numpy(kind).to(device),
            linear=move(self.linear),
            offset=move(self.offset)[:, :, None],
            size=move(self.size),
            clip=move(self.clip),
            material=torch.tensor(self.material, device=device),
            texture=move(self.texture),
            corners=self._corners(),
            group=2 * kind + np.array([clip != NO_CLIP for clip in self.clip], dtype=np.int64),
        )

    def _corners(self) -> np.ndarray:
        low, high = _extent(np.array(self.kind), np.array(self.size, dtype=float))
        pick = np.array([[i, j, k] for j in (0, 1) for i in (0, 1) for k in (0, 1)], dtype=bool)
        local = np.where(pick[None], high[:, None], low[:, None])
        inverse = np.linalg.inv(np.array(self.linear))
        return np.einsum("nij,nkj->nki", inverse, local - np.array(self.offset)[:, None])


@dataclass(frozen=True)
class Solids:
    """Finished shapes, N first, as float32 tensors: see Shapes; `offset` is (N, 3, 1).

    For planning, on the CPU: `corners` (N, 8, 3) of the bounding boxes in the world, the four at
    the start of each shape's own y axis first; `group` (N,) counts kinds, twice, odd ones being
    clipped.
    """

    kind: Tensor
    linear: Tensor
    offset: Tensor
    size: Tensor
    clip: Tensor
    material: Tensor
    texture: Tensor
    corners: np.ndarray
    group: np.ndarray

    @property
    def device(self) -> torch.device:
        return self.kind.device


def orthonormal_frame(
    start: np.ndarray, end: np.ndarray, side: Sequence[float]
) -> tuple[np.ndarray, float]:
    """Axes (columns: side, along, across) of a limb from `start` to `end`, and its length."""
    along = np.asarray(end, dtype=float) - start
    length = float(np.linalg.norm(along))
    along = along / length
    across = _cross(side, along)
    if np.linalg.norm(across) < 1e-6:
        across = _cross((0.0, 1.0, 0.01), along)
    across = across / np.linalg.norm(across)
    return np.stack([_cross(along, across), along, across], axis=1), length


def _cross(one: Sequence[float] | np.ndarray, other: np.ndarray) -> np.ndarray:
    """The cross product of two vectors (3,), a tenth of the time of `np.cross`."""
    (a, b, c), (x, y, z) = one, other.tolist()
    return np.array([b * z - c * y, c * x - a * z, a * y - b * x])


def _extent(kind: np.ndarray, size: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest corner of every shape in its own frame."""
    r1, r2, h = size.T
    widest = np.maximum(r1, r2)
    cone, flat, box = kind == CONE, kind == FRUSTUM, kind == BOX
    high = np.stack(
        [widest, np.where(cone, np.maximum(h + r2, r1), np.where(flat, h, 1.0)), widest], axis=1
    )
    low = np.stack(
        [-widest, np.where(cone, np.minimum(-r1, h - r2), np.where(flat, 0.0, -1.0)), -widest],
        axis=1,
    )
    return np.where(box[:, None], -size, low), np.where(box[:, None], size, high)
