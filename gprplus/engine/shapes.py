"""The five shapes everything is made of, and where a ray meets them.

A shape is a canonical solid in its own frame and an affine map from the world into that frame, so one formula serves squashed and turned
copies alike. A ray `o + t d` keeps its `t` under an affine map, hence depths of different shapes compare without further ado.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

ELLIPSOID, CONE, FRUSTUM, BOX = range(4)
NO_CLIP = (0.0, 0.0, 0.0, 1.0)
FAR = float("inf")

Vector = Sequence[Tensor]


@dataclass
class Shapes:
    """Shapes under construction, one list entry each; lengths in metres, z up.

    `linear` (3, 3) and `offset` (3,) take a world point into the shape's frame. `size` holds (r1, r2, h): an ellipsoid is the unit sphere and ignores it,
    a CONE is the convex hull of a sphere of radius r1 at the origin and one of radius r2 at (0, h, 0), a FRUSTUM has flat ends there instead, a BOX
    has these half sizes. Of a clipped shape only the points with `clip[:3] . p + clip[3] >= 0` exist. `texture` (3, 4) takes a world point
    to where its pattern is drawn, in metres.
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
        radii: Sequence[float],
        material: int,
        axes: np.ndarray | None = None,
        clip: Sequence[float] = NO_CLIP,
        texture: np.ndarray | None = None,
    ) -> None:
        """An ellipsoid; the columns of `axes` (3, 3) are its axes in the world, `clip` is in metres along them."""
        axes = np.eye(3) if axes is None else axes
        radii = np.asarray(radii, dtype=float)
        plane = (*(np.asarray(clip[:3]) * radii), clip[3])
        self._add(ELLIPSOID, axes.T / radii[:, None], centre, (1.0, 1.0, 0.0), material, axes, plane, texture)

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
        clip: Sequence[float] = NO_CLIP,
        texture: np.ndarray | None = None,
    ) -> None:
        """A tapered capsule (or, `flat`, a frustum) between two points; `depth` squeezes it across `side` and its axis."""
        axes, length = frame(start, end, side)
        shrink = np.array([1.0, 1.0, 1.0 / depth])
        limit = 0.98 * length  # one ball inside the other would leave nothing to join
        r1, r2 = radii
        if not flat and abs(r1 - r2) > limit:
            r1, r2 = (r1, r1 - limit) if r1 > r2 else (r2 - limit, r2)
        plane = (*(np.asarray(clip[:3]) / shrink), clip[3])
        kind = FRUSTUM if flat else CONE
        self._add(kind, shrink[:, None] * axes.T, start, (r1, r2, length), material, axes, plane, texture)

    def box(
        self,
        centre: Sequence[float],
        half: Sequence[float],
        material: int,
        axes: np.ndarray | None = None,
        texture: np.ndarray | None = None,
    ) -> None:
        """A box by its centre and half sizes along the columns of `axes`."""
        axes = np.eye(3) if axes is None else axes
        self._add(BOX, axes.T, np.asarray(centre, dtype=float), half, material, axes, NO_CLIP, texture)

    def _add(
        self,
        kind: int,
        linear: np.ndarray,
        origin: np.ndarray,
        size: Sequence[float],
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

    def corners(self) -> np.ndarray:
        """World corners of every shape's bounding box, `(N, 8, 3) float64`."""
        low, high = _extent(np.array(self.kind), np.array(self.size, dtype=float))
        pick = np.array([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)], dtype=bool)
        local = np.where(pick[None], high[:, None], low[:, None])
        inverse = np.linalg.inv(np.array(self.linear))
        return np.einsum("nij,nkj->nki", inverse, local - np.array(self.offset)[:, None])

    def tensors(self, device: torch.device) -> "Solids":
        """The same as float32 tensors."""

        def move(rows: Sequence[object]) -> Tensor:
            return torch.from_numpy(np.array(rows, dtype=np.float32)).to(device)

        texture = move(self.texture)
        return Solids(
            kind=torch.tensor(self.kind, device=device),
            linear=move(self.linear),
            offset=move(self.offset)[:, :, None],
            size=move(self.size),
            clip=move(self.clip),
            material=torch.tensor(self.material, device=device),
            texture=texture,
        )


@dataclass(frozen=True)
class Solids:
    """Finished shapes as tensors, N first: see Shapes. `offset` is (N, 3, 1)."""

    kind: Tensor
    linear: Tensor
    offset: Tensor
    size: Tensor
    clip: Tensor
    material: Tensor
    texture: Tensor


def frame(start: np.ndarray, end: np.ndarray, side: Sequence[float]) -> tuple[np.ndarray, float]:
    """Axes (columns: side, along, across) of a limb from `start` to `end`, and its length."""
    along = np.asarray(end, dtype=float) - start
    length = float(np.linalg.norm(along))
    along = along / length
    across = np.cross(np.asarray(side, dtype=float), along)
    if np.linalg.norm(across) < 1e-6:
        across = np.cross(np.array([0.0, 1.0, 0.01]), along)
    across = across / np.linalg.norm(across)
    return np.stack([np.cross(along, across), along, across], axis=1), length


def _extent(kind: np.ndarray, size: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest corner of every shape in its own frame."""
    r1, r2, h = size.T
    widest = np.maximum(r1, r2)
    cone, flat, box = kind == CONE, kind == FRUSTUM, kind == BOX
    high = np.stack([widest, np.where(cone, np.maximum(h + r2, r1), np.where(flat, h, 1.0)), widest], axis=1)
    low = np.stack([-widest, np.where(cone, np.minimum(-r1, h - r2), np.where(flat, 0.0, -1.0)), -widest], axis=1)
    return np.where(box[:, None], -size, low), np.where(box[:, None], size, high)


def dot(a: Vector, b: Vector) -> Tensor:
    """Scalar products of two vectors given by components. Spelled out: a reduction over three items is several times slower."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def intersect(kind: int, origin: Tensor, direction: Tensor, size: Tensor, clip: Tensor | None) -> Tensor:
    """First `t` at which rays meet shapes of one kind, in the shapes' frames; infinite where they do not.

    `origin` and `direction` are `(R, 3, S)` or broadcast to it (S rays for each of R shapes), `size` (R, 3), `clip` (R, 4) or None.
    Returns (R, S).
    """
    o, d = origin.unbind(1), direction.unbind(1)
    # Start at the foot of the perpendicular from the shape's origin: float32 then measures the shape, not the distance to it.
    square = dot(d, d)
    begin = -dot(o, d) / square
    foot = (o[0] + begin * d[0], o[1] + begin * d[1], o[2] + begin * d[2])
    near, far = _SOLVERS[kind](foot, d, square, size)
    if clip is not None:
        near = _clipped(foot, d, near, far, clip)
    met = (near <= far) & (near + begin > 1e-3)
    return torch.where(met, near + begin, FAR)


def _clipped(o: Vector, d: Vector, near: Tensor, far: Tensor, clip: Tensor) -> Tensor:
    """The entry where it exists, else the exit, else infinity: through the cut one sees the inner side."""
    a, b, c, level = clip.T[:, :, None]
    start = a * o[0] + b * o[1] + c * o[2] + level
    slope = a * d[0] + b * d[1] + c * d[2]
    hit = near <= far
    return torch.where(hit & (start + near * slope >= 0), near, torch.where(hit & (start + far * slope >= 0), far, FAR))


def _ellipsoid(o: Vector, d: Vector, square: Tensor, size: Tensor) -> tuple[Tensor, Tensor]:
    return _ball(dot(o, o), None, square, 1.0)


def _ball(away: Tensor, middle: Tensor | None, square: Tensor, radius: Tensor | float) -> tuple[Tensor, Tensor]:
    """Entry and exit of a ball that the ray passes at `middle` (None: at 0), the square of its distance there being `away`."""
    rest = (radius * radius - away) / square
    half = rest.clamp_min(0).sqrt()
    centre = torch.zeros_like(half) if middle is None else middle
    hit = rest >= 0
    return torch.where(hit, centre - half, FAR), torch.where(hit, centre + half, -FAR)


def _cone(o: Vector, d: Vector, square: Tensor, size: Tensor) -> tuple[Tensor, Tensor]:
    """The hull of two balls is both balls and, between their tangent circles, the cone that touches them."""
    r1, r2, h = size.T[:, :, None]
    around = o[0] * o[0] + o[2] * o[2]
    near, far = _ball(around + o[1] * o[1], None, square, r1)
    middle = d[1] * h / square
    x, y, z = o[0] + middle * d[0], o[1] + middle * d[1] - h, o[2] + middle * d[2]
    near_2, far_2 = _ball(x * x + y * y + z * z, middle, square, r2)
    near, far = torch.minimum(near, near_2), torch.maximum(far, far_2)
    sine = (r1 - r2) / h
    cosine2 = 1 - sine * sine
    slack = r1 - sine * o[1]
    a = cosine2 * square - d[1] * d[1]
    b = cosine2 * (o[0] * d[0] + o[2] * d[2]) + slack * sine * d[1]
    c = cosine2 * around - slack * slack
    return _with_side(near, far, a, b, c, o[1], d[1], r1 * sine, h + r2 * sine)


def _frustum(o: Vector, d: Vector, square: Tensor, size: Tensor) -> tuple[Tensor, Tensor]:
    r1, r2, h = size.T[:, :, None]
    slope = (r2 - r1) / h
    radius = r1 + slope * o[1]
    a = square - d[1] * d[1] * (1 + slope * slope)
    b = o[0] * d[0] + o[2] * d[2] - slope * d[1] * radius
    c = o[0] * o[0] + o[2] * o[2] - radius * radius
    near, far = torch.full_like(c, FAR), torch.full_like(c, -FAR)
    for level, r in ((torch.zeros_like(h), r1), (h, r2)):
        t = (level - o[1]) / d[1]
        x, z = o[0] + t * d[0], o[2] + t * d[2]
        inside = x * x + z * z <= r * r
        near, far = torch.where(inside & (t < near), t, near), torch.where(inside & (t > far), t, far)
    return _with_side(near, far, a, b, c, o[1], d[1], torch.zeros_like(h), h)


def _with_side(
    near: Tensor, far: Tensor, a: Tensor, b: Tensor, c: Tensor, y: Tensor, dy: Tensor, low: Tensor, high: Tensor
) -> tuple[Tensor, Tensor]:
    """Widen (near, far) by the roots of a t² + 2 b t + c between two heights; a ray along the slope has one far root."""
    rest = b * b - a * c
    root = rest.clamp_min(0).sqrt()
    a = torch.where(a.abs() < 1e-9, 1e-9, a)
    for t in ((-b - root) / a, (-b + root) / a):
        level = y + t * dy
        valid = (rest >= 0) & (level >= low) & (level <= high)
        near, far = torch.where(valid & (t < near), t, near), torch.where(valid & (t > far), t, far)
    return near, far


def _box(o: Vector, d: Vector, square: Tensor, size: Tensor) -> tuple[Tensor, Tensor]:
    near, far = torch.full_like(square, -FAR), torch.full_like(square, FAR)
    for start, step, half in zip(o, d, size.T[:, :, None], strict=True):
        flat = torch.where(step.abs() < 1e-9, 1e-9, step)
        one, two = (-half - start) / flat, (half - start) / flat
        near, far = torch.maximum(near, torch.minimum(one, two)), torch.minimum(far, torch.maximum(one, two))
    hit = near <= far
    return torch.where(hit, near, FAR), torch.where(hit, far, -FAR)


_SOLVERS = {ELLIPSOID: _ellipsoid, CONE: _cone, FRUSTUM: _frustum, BOX: _box}


def normals(kind: Tensor, point: Tensor, size: Tensor) -> Tensor:
    """Outward normals (not of unit length) at points on the surface, in the shapes' frames: `point` and `size` (3, V), returns (3, V)."""
    x, y, z = point
    r1, r2, h = size
    radial = (x * x + z * z).sqrt().clamp_min(1e-9)
    sine = ((r1 - r2) / h.clamp_min(1e-9)).clamp(-0.999, 0.999)
    foot = torch.minimum((y - radial * sine / (1 - sine * sine).sqrt()).clamp_min(0), h)
    round_y = y - torch.where(kind == CONE, foot, 0.0)
    slope = (r2 - r1) / h.clamp_min(1e-9)
    edge = 1e-4 + 1e-4 * h
    on_wall = (radial > torch.where(y < 0.5 * h, r1, r2) - 1e-4) | ((y > edge) & (y < h - edge))  # the rim is wall too
    flat_y = torch.where(on_wall, -slope * radial, torch.where(y < 0.5 * h, -1e3, 1e3))
    smooth = torch.stack([x, torch.where(kind == FRUSTUM, flat_y, round_y), z])
    if not bool((kind == BOX).any()):
        return smooth
    ratio = point / size.clamp_min(1e-9)
    cube = ratio * (ratio.abs() >= ratio.abs().amax(0) - 1e-6)
    return torch.where(kind == BOX, cube, smooth)
