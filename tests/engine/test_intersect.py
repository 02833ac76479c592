"""Closed forms against marching along the ray in small steps."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gprplus.engine.raycast.camera import CameraRays
from gprplus.engine.raycast.gbuffer import cast_rays
from gprplus.engine.raycast.intersect import intersect_rays
from gprplus.engine.raycast.shapes import BOX, CONE, ELLIPSOID, FRUSTUM, Shapes

# Thousandths: a ray that slides along a face by less than float32 can tell would be another ray in
# each of the two.
NUMBER = st.integers(-1500, 1500).map(lambda thousandths: thousandths / 1000)
POINT = st.tuples(NUMBER, NUMBER, NUMBER)
STEP = 0.002


def inside(kind: int, p: np.ndarray, size: tuple[float, float, float]) -> np.ndarray:
    """Whether points (N, 3) lie in a shape, by its definition."""
    r1, r2, h = size
    if kind == ELLIPSOID:
        return (p**2).sum(1) <= 1
    if kind == BOX:
        return (np.abs(p) <= size).all(1)
    if kind == FRUSTUM:
        radius = r1 + (r2 - r1) * p[:, 1] / h
        return (p[:, 1] >= 0) & (p[:, 1] <= h) & (np.hypot(p[:, 0], p[:, 2]) <= radius)
    share = np.linspace(0, 1, 400)  # the hull of two balls is the union of the balls between them
    centre, radius = share[:, None] * [0, h, 0], r1 + share * (r2 - r1)
    near = (np.abs(p[:, [0, 2]]) <= max(r1, r2)).all(1)
    found = np.zeros(len(p), dtype=bool)
    found[near] = (np.linalg.norm(p[near, None] - centre[None], axis=2) <= radius[None]).any(1)
    return found


@settings(max_examples=120, deadline=None)
@given(
    kind=st.sampled_from([ELLIPSOID, CONE, FRUSTUM, BOX]),
    start=st.tuples(NUMBER, NUMBER, st.floats(-4, -3)),
    target=POINT,
    size=st.tuples(st.floats(0.2, 0.6), st.floats(0.2, 0.6), st.floats(0.65, 1.2)),
)
def test_the_first_hit_is_where_marching_first_steps_inside(kind, start, target, size) -> None:
    origin, direction = np.array(start), np.array(target) - np.array(start)
    direction = direction / np.linalg.norm(direction)
    t = np.arange(0, 8, STEP)
    marched = inside(kind, origin + t[:, None] * direction, size)
    found = float(
        intersect_rays(
            kind,
            torch.tensor(origin, dtype=torch.float32)[None, :, None],
            torch.tensor(direction, dtype=torch.float32)[None, :, None],
            torch.tensor([size], dtype=torch.float32),
            None,
        )[0, 0]
    )
    if marched.sum() > 8:  # a graze of a few steps may fall either way
        assert found == pytest.approx(t[marched.argmax()], abs=3 * STEP)
    elif not marched.any() and np.isfinite(found):
        deeper = inside(
            kind, (origin + (found + np.linspace(-0.02, 0.02, 41))[:, None] * direction), size
        )
        assert not deeper.all()


@pytest.mark.parametrize(
    ("radii", "x", "below", "above"),
    [
        ((0.5, 0.2), 0.35, 2.0, 2.5),  # from above the wall, which has this radius half-way up
        ((0.2, 0.5), 0.35, 2.5, 2.0),
        ((0.5, 0.2), 0.10, 2.0, 2.0),
        ((0.5, 0.2), 0.55, np.inf, np.inf),
    ],
    ids=["narrow on top", "wide on top", "through both ends", "past it"],
)
def test_a_ray_along_a_frustum_meets_the_end_it_comes_to_or_the_wall(
    radii, x, below, above
) -> None:
    """A frustum one metre high, from two metres below its foot and two above its top."""
    size, found = torch.tensor([[*radii, 1.0]]), []
    for y, way in ((-2.0, 1.0), (3.0, -1.0)):
        start, direction = torch.tensor([[[x], [y], [0.0]]]), torch.tensor([[[0.0], [way], [1e-6]]])
        found.append(float(intersect_rays(FRUSTUM, start, direction, size, None)))
    assert [one if one < 100 else np.inf for one in found] == pytest.approx(
        [below, above], abs=1e-4
    )


def test_a_ray_through_the_part_that_is_cut_away_meets_the_inner_side() -> None:
    rays = torch.tensor([[[0.0], [0.0], [-3.0]]]), torch.tensor([[[0.0], [0.0], [1.0]]])
    size, back_half = torch.ones(1, 3), torch.tensor([[0.0, 0.0, 1.0, 0.0]])
    assert float(intersect_rays(ELLIPSOID, *rays, size, None)) == pytest.approx(2.0)
    assert float(intersect_rays(ELLIPSOID, *rays, size, back_half)) == pytest.approx(4.0)


def test_squashing_a_shape_squashes_where_it_is_met() -> None:
    shapes = Shapes()
    shapes.ellipsoid(np.array([0.0, 0.0, 5.0]), (1.0, 1.0, 0.25), 0)
    view = CameraRays(np.zeros(3), np.eye(3), 16.0, (8.0, 8.0), 16, 16)
    surface = cast_rays(shapes.solids(torch.device("cpu")), view)
    assert float(surface.depth.min()) == pytest.approx(4.75, abs=0.01)


def test_normals_agree_with_the_slope_of_the_depth() -> None:
    shapes = Shapes()
    shapes.cone(np.array([-0.5, -0.4, 4.0]), np.array([0.4, 0.5, 4.3]), (0.5, 0.3), 0, depth=0.7)
    view = CameraRays(
        np.zeros(3),
        np.array([[1.0, 0, 0], [0, -1.0, 0], [0, 0, 1.0]]),
        400.0,
        (128.0, 128.0),
        256,
        256,
    )
    surface = cast_rays(shapes.solids(torch.device("cpu")), view)
    point = torch.full((3, 256 * 256), float("nan"))
    point[:, surface.sample] = surface.point
    grid = point.view(3, 256, 256)
    across = torch.linalg.cross(
        grid[:, 1:-1, 2:] - grid[:, 1:-1, :-2], grid[:, 2:, 1:-1] - grid[:, :-2, 1:-1], dim=0
    )
    across = across / across.norm(dim=0)
    normal = torch.full((3, 256 * 256), float("nan"))
    normal[:, surface.sample] = surface.normal
    agreement = (across * normal.view(3, 256, 256)[:, 1:-1, 1:-1]).sum(0).abs()
    known = agreement[~agreement.isnan()]
    assert len(known) > 5000
    assert float(known.quantile(0.02)) > 0.995


def test_the_nearer_of_two_shapes_is_seen_whatever_their_order() -> None:
    view = CameraRays(np.zeros(3), np.eye(3), 16.0, (8.0, 8.0), 16, 16)
    owners = []
    for order in ((0, 1), (1, 0)):
        shapes = Shapes()
        for material in order:
            shapes.ellipsoid(np.array([0.0, 0.0, 4.0 + 2 * material]), (0.8, 0.8, 0.8), material)
        surface = cast_rays(shapes.solids(torch.device("cpu")), view)
        middle = surface.sample == 8 * 16 + 8
        owners.append(int(surface.material[middle]))
    assert owners == [0, 0]
