"""Intersections of rays with shapes, and surface normals."""

from collections.abc import Sequence

import torch
from torch import Tensor

from gprplus.engine.raycast.shapes import BOX, CONE, ELLIPSOID, FRUSTUM

FAR = float("inf")

Vector = Sequence[Tensor] | Tensor


def dot(a: Vector, b: Vector) -> Tensor:
    """Scalar products of two vectors given by components. Spelled out: a reduction over three items
    is several times slower.
    """
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def intersect_rays(
    kind: int, origin: Tensor, direction: Tensor, size: Tensor, clip: Tensor | None
) -> Tensor:
    """First `t` at which rays meet shapes of one kind, in the shapes' frames; infinite where they
    do not.

    `origin` and `direction` are `(R, 3, S)` or broadcast to it (S rays for each of R shapes),
    `size` (R, 3), `clip` (R, 4) or None. Returns (R, S).
    """
    o, d = origin.unbind(1), direction.unbind(1)
    # Start at the foot of the perpendicular from the shape's origin: float32 then measures the
    # shape, not the distance to it.
    square = dot(d, d)
    begin = -dot(o, d) / square
    foot = (o[0] + begin * d[0], o[1] + begin * d[1], o[2] + begin * d[2])
    near, far = _SOLVERS[kind](foot, d, square, size)
    if clip is not None:
        near = _clipped(foot, d, near, far, clip)
    met = (near <= far) & (near + begin > 1e-3)
    return torch.where(met, near + begin, FAR)


def _clipped(o: Vector, d: Vector, near: Tensor, far: Tensor, clip: Tensor) -> Tensor:
    """The entry where it exists, else the exit, else infinity: through the cut one sees the inner
    side."""
    a, b, c, level = clip.T[:, :, None]
    start = a * o[0] + b * o[1] + c * o[2] + level
    slope = a * d[0] + b * d[1] + c * d[2]
    hit = near <= far
    return torch.where(
        hit & (start + near * slope >= 0),
        near,
        torch.where(hit & (start + far * slope >= 0), far, FAR),
    )


def _ellipsoid(o: Vector, d: Vector, square: Tensor, size: Tensor) -> tuple[Tensor, Tensor]:
    return _ball(dot(o, o), None, square, 1.0)


def _ball(
    away: Tensor, middle: Tensor | None, square: Tensor, radius: Tensor | float
) -> tuple[Tensor, Tensor]:
    """Entry and exit of a ball that the ray passes at `middle` (None: at 0), the square of its
    distance there being `away`.
    """
    rest = (radius * radius - away) / square
    half = rest.clamp_min(0).sqrt()
    centre = torch.zeros_like(half) if middle is None else middle
    hit = rest >= 0
    return torch.where(hit, centre - half, FAR), torch.where(hit, centre + half, -FAR)


def _cone(o: Vector, d: Vector, square: Tensor, size: Tensor) -> tuple[Tensor, Tensor]:
    """The hull of two balls is both balls and, between their tangent circles, the cone that touches
    them."""
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
        near, far = (
            torch.where(inside & (t < near), t, near),
            torch.where(inside & (t > far), t, far),
        )
    return _with_side(near, far, a, b, c, o[1], d[1], torch.zeros_like(h), h)


def _with_side(
    near: Tensor,
    far: Tensor,
    a: Tensor,
    b: Tensor,
    c: Tensor,
    y: Tensor,
    dy: Tensor,
    low: Tensor,
    high: Tensor,
) -> tuple[Tensor, Tensor]:
    """Widen (near, far) by the roots of a t² + 2 b t + c between two heights; along the slope one
    root is far away."""
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
        near, far = (
            torch.maximum(near, torch.minimum(one, two)),
            torch.minimum(far, torch.maximum(one, two)),
        )
    hit = near <= far
    return torch.where(hit, near, FAR), torch.where(hit, far, -FAR)


_SOLVERS = {ELLIPSOID: _ellipsoid, CONE: _cone, FRUSTUM: _frustum, BOX: _box}


def surface_normals(kind: Tensor, point: Tensor, size: Tensor) -> Tensor:
    """Outward normals, of any length, at points on the surface in the shapes' frames: all `(3, V)`,
    but `kind` (V,)."""
    x, y, z = point
    r1, r2, h = size
    radial = (x * x + z * z).sqrt().clamp_min(1e-9)
    sine = ((r1 - r2) / h.clamp_min(1e-9)).clamp(-0.999, 0.999)
    foot = torch.minimum((y - radial * sine / (1 - sine * sine).sqrt()).clamp_min(0), h)
    round_y = y - torch.where(kind == CONE, foot, 0.0)
    slope = (r2 - r1) / h.clamp_min(1e-9)
    edge = 1e-4 + 1e-4 * h
    on_wall = (radial > torch.where(y < 0.5 * h, r1, r2) - 1e-4) | (
        (y > edge) & (y < h - edge)
    )  # the rim is wall too
    flat_y = torch.where(on_wall, -slope * radial, torch.where(y < 0.5 * h, -1e3, 1e3))
    smooth = torch.stack([x, torch.where(kind == FRUSTUM, flat_y, round_y), z])
    if not bool((kind == BOX).any()):
        return smooth
    ratio = point / size.clamp_min(1e-9)
    cube = ratio * (ratio.abs() >= ratio.abs().amax(0) - 1e-6)
    return torch.where(kind == BOX, cube, smooth)
