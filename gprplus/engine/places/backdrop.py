"""A place without people, from one camera: walls, trees and ground, what closes the horizon, and
the sky."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from gprplus.engine.places import weather_light
from gprplus.engine.places.ground_materials import GROUNDS
from gprplus.engine.places.indoor import MALLS
from gprplus.engine.places.outdoor import SCENES
from gprplus.engine.places.scene import Scene
from gprplus.engine.places.wall_materials import paint_walls, skyline
from gprplus.engine.raycast.camera import CameraRays, light_rays
from gprplus.engine.raycast.gbuffer import Surface, cast_rays, sample_coverage
from gprplus.engine.raycast.hash_noise import fractal_noise, hash_lattice
from gprplus.engine.raycast.intersect import dot
from gprplus.engine.raycast.layers import (
    SNOW,
    ShadingLayers,
    add_snow,
    average_samples,
    key_light,
    select_layers,
)
from gprplus.engine.raycast.shadows import ShadowMap, shadow_image
from gprplus.engine.raycast.shapes import Solids

PLACES = {**SCENES, **MALLS}
SKY_AT = 500.0  # metres: how far the haze takes the sky to be
EDGE_AT = 110.0  # meters: distance of the edge of the ground and of the skyline
NOWHERE = 99.0
SHADOWS_TO = 26.0  # metres around the person within which things cast shadows
GLOW = {name: i for i, name in enumerate(weather_light.GLOWS)}


@dataclass
class _Canvas:
    """Surfaces of all samples, S of them, filled in from near to far."""

    point: Tensor
    normal: Tensor
    colour: Tensor
    glow: Tensor
    distance: Tensor


def render_backdrop(
    name: str,
    view: CameraRays,
    samples: int,
    hours: Sequence[str],
    hazes: Sequence[float],
    states: set[int],
    device: torch.device,
) -> ShadingLayers:
    """Return the layers of a place from a camera, without people. `states` are the requested states
    of the ground (see weather_light.Weather.snow).
    """
    scene = _built(name)
    surface = cast_rays(_solids(name, str(device)), view)
    rays = view.directions(device)
    reach = dot(rays, rays).sqrt()
    canvas, is_floor = _ground(scene, view, surface, rays, reach)
    _things(canvas, scene, surface, is_floor)
    _horizon(canvas, scene, rays)
    canvas.glow[GLOW["lamps"]] += _lamp_shine(rays / reach, scene, view.origin, canvas.distance)
    solid = (canvas.distance < SKY_AT).to(torch.float32)
    up = canvas.normal[2]
    ambient = torch.stack([0.56 + 0.44 * up, 0.5 - 0.5 * up]) * solid

    def mean(values: Tensor) -> Tensor:
        return average_samples(values, view.height, view.width, samples)

    ground = torch.where(is_floor, canvas.point[:2], NOWHERE)
    return ShadingLayers(
        colour={state: mean(values) for state, values in _snow(canvas, states).items()},
        ambient=mean(ambient),
        key={hour: mean(_key(canvas, scene, hour) * solid) for hour in hours},
        glow=mean(canvas.glow),
        halo={hour: mean(_halo(rays / reach, hour) * (1 - solid)) for hour in hours},
        clear={haze: mean(torch.exp(-haze * canvas.distance)) for haze in hazes},
        person=torch.zeros(len(reach) // samples**2, device=device),
        ground=select_layers(ground, view, samples),
    )


@lru_cache(maxsize=len(PLACES))
def _built(name: str) -> Scene:
    return PLACES[name]()


@lru_cache(maxsize=len(PLACES))
def _solids(name: str, device: str) -> Solids:
    return _built(name).shapes.solids(torch.device(device))


def _linear(colour: np.ndarray, device: torch.device) -> Tensor:
    return torch.from_numpy(colour.astype(np.float32)).to(device)[:, None]


def _ground(
    scene: Scene, view: CameraRays, surface: Surface, rays: Tensor, reach: Tensor
) -> tuple[_Canvas, Tensor]:
    """Return the unobstructed ground, and its samples."""
    count, device = len(reach), rays.device
    depth = torch.full((count,), float("inf"), device=device)
    depth[surface.sample] = surface.depth
    far = torch.where(
        rays[2] < -1e-6, -float(view.origin[2]) / rays[2].clamp(max=-1e-6), float("inf")
    )
    far = torch.where(far * reach < EDGE_AT, far, float("inf"))
    is_floor = far < depth
    start = _linear(view.origin, device)
    point = start + torch.where(is_floor, far, 0.0) * rays
    normal = torch.zeros(3, count, device=device)
    normal[2] = 1.0
    colour = torch.zeros(3, count, device=device)
    here = torch.nonzero(is_floor).squeeze(1)
    share, shade = GROUNDS[scene.ground](point[0, here], point[1, here])
    fade = torch.exp(
        -((far[here] / 26.0) ** 2)
    )  # far joints are finer than a sample: let them fade instead of flicker
    share, shade = share * (0.4 + 0.6 * fade), 0.9 + (shade - 0.9) * fade
    tone, second = _linear(scene.tone, device), _linear(scene.second, device)
    colour[:, here] = ((tone + share * (second - tone)) * shade).clamp(0.004, 0.92)
    glow = torch.zeros(len(weather_light.GLOWS), count, device=device)
    return _Canvas(point, normal, colour, glow, torch.minimum(far, depth) * reach), is_floor


def _things(canvas: _Canvas, scene: Scene, surface: Surface, is_floor: Tensor) -> None:
    """Return all objects of the place."""
    colour, lit, bulb = paint_walls(surface, scene)
    kept = torch.nonzero(~is_floor[surface.sample]).squeeze(1)
    seen = surface.sample[kept]
    canvas.point[:, seen], canvas.normal[:, seen] = surface.point[:, kept], surface.normal[:, kept]
    canvas.colour[:, seen] = colour[:, kept]
    canvas.glow[GLOW["windows"], seen] = lit[kept]
    canvas.glow[GLOW["lamps"], seen] = 1.6 * bulb[kept]


def _horizon(canvas: _Canvas, scene: Scene, rays: Tensor) -> None:
    """The skyline and, above it, the sky."""
    beyond = torch.nonzero(canvas.distance == float("inf")).squeeze(1)
    x, y, z = rays[:, beyond]
    level = (x * x + y * y).sqrt()
    azimuth, elevation = torch.atan2(y, x) + np.pi, torch.atan2(z, level)
    hill = elevation < skyline(scene.skyline, azimuth)
    far, a, e = beyond[hill], azimuth[hill] * (180 / np.pi), elevation[hill] * (180 / np.pi)
    towards = torch.stack([-x[hill], -y[hill], torch.zeros_like(a)]) / level[hill]
    canvas.normal[:, far] = towards
    canvas.distance[far] = 2 * EDGE_AT if scene.skyline == "mountains" else EDGE_AT
    shade, window = _far_things(scene.skyline, a, e)
    canvas.colour[:, far] = _linear(scene.far, rays.device) * shade
    canvas.glow[GLOW["windows"], far] = window
    above, a, e = beyond[~hill], azimuth[~hill] * (180 / np.pi), elevation[~hill] * (180 / np.pi)
    canvas.distance[above] = SKY_AT
    rise = (elevation[~hill] / 0.42).clamp(0, 1)
    blend = 1 - (1 - rise) ** 2
    canvas.glow[GLOW["horizon"], above], canvas.glow[GLOW["zenith"], above] = 1 - blend, blend
    canvas.glow[GLOW["cloud"], above] = _clouds(a, e)
    canvas.glow[GLOW["stars"], above] = (
        hash_lattice((a * 6).int(), (e * 6).int(), 89) > 0.9965
    ).to(torch.float32)


def _clouds(a: Tensor, e: Tensor) -> Tensor:
    """Banks of cloud at azimuth and elevation in degrees: where they are, times how brightly they
    are lit."""
    bank = ((fractal_noise(a * 0.16, e * 0.42, 4, 87) - 0.42) / 0.16).clamp(0, 1)
    return bank * (1.9 * fractal_noise(a * 0.35 + 7.0, e * 0.9 + 0.5, 3, 88) - 0.25)


def _far_things(kind: str, a: Tensor, e: Tensor) -> tuple[Tensor, Tensor]:
    """Shade and lit windows of the skyline at azimuth and elevation in degrees."""
    if kind in ("trees", "mountains"):
        return 0.5 + 0.9 * fractal_noise(a * 1.6, e * 1.6, 3, 83), torch.zeros_like(a)
    shade = 0.75 + 0.5 * hash_lattice((a / 4.5).floor().int(), a.int() * 0, 81)
    if kind == "sea":
        return 0.8 + 0.3 * fractal_noise(a * 0.8, e * 25.0, 2, 84), torch.zeros_like(a)
    u, v = a / 0.7, e / 0.75
    pane = ((u - u.floor() - 0.5).abs() < 0.26) & ((v - v.floor() - 0.5).abs() < 0.26)
    lit = pane * (hash_lattice(u.floor().int(), v.floor().int(), 85) > 0.5) * 0.8
    return shade * torch.where(pane, 0.55, 1.0), lit


def _lamp_shine(unit: Tensor, scene: Scene, origin: np.ndarray, distance: Tensor) -> Tensor:
    """A soft shine around every lamp head."""
    total = torch.zeros(unit.shape[1], device=unit.device)
    shapes = scene.shapes
    for i, number in enumerate(shapes.material):
        if scene.materials[number].glow:
            away = np.linalg.inv(shapes.linear[i]) @ -shapes.offset[i] - origin
            x, y, z = (float(part) for part in away / np.linalg.norm(away))
            apart = (2 - 2 * (x * unit[0] + y * unit[1] + z * unit[2])).clamp_min(0) * float(
                away @ away
            )
            total += 0.30 * torch.exp(-apart / 0.35) + 0.05 * torch.exp(-apart / 4.0)
    return total


def _snow(canvas: _Canvas, states: set[int]) -> dict[int, Tensor]:
    """Return colors that are dry, dusted and deep in snow: snow covers upward surfaces, first in
    patches."""
    if states == {0}:
        return {0: canvas.colour}
    x, y, up = canvas.point[0], canvas.point[1], canvas.normal[2]
    patch, fine = fractal_noise(x * 1.1, y * 1.1, 3, 91), fractal_noise(x * 9, y * 9, 2, 93)
    seen = canvas.colour.sum(0) > 0
    dusted = (
        ((up - 0.35) / 0.4).clamp(0, 1) * ((patch + 0.25 * fine - 0.40) / 0.22).clamp(0.3, 1) * 0.92
    )
    deep = ((up + 0.15) / 0.5).clamp(0.18, 1) * 0.95
    white = _linear(np.array(SNOW), up.device) * (0.88 + 0.24 * fine)
    return add_snow(canvas.colour, dusted * seen, deep * seen, white, states)


def _halo(unit: Tensor, hour: str) -> Tensor:
    """The glow of the sky around the sun."""
    x, y, z = (float(part) for part in weather_light.sun_direction(hour))
    near = (x * unit[0] + y * unit[1] + z * unit[2]).clamp_min(0)
    return 0.45 * near**6 + near**60


def _key(canvas: _Canvas, scene: Scene, hour: str) -> Tensor:
    """Return the key light minus its shadows. The person is in a clearing: no other nearby object
    casts a shadow.
    """
    lit = key_light(canvas.point, canvas.normal, hour)
    if weather_light.HOUR[hour].lamp:
        return lit
    x, y, _ = canvas.point
    clearing = ((x * x + y * y).sqrt() / 3.0 - 0.8).clamp(0, 1)
    inside = (canvas.distance < EDGE_AT) & (x.abs() < SHADOWS_TO) & (y.abs() < SHADOWS_TO)
    shadow = 1 - _scene_shadow(scene.name, hour, str(lit.device)).lit(canvas.point, 0.25)
    return lit * (1 - shadow * clearing * inside)


@lru_cache(maxsize=64)
def _scene_shadow(name: str, hour: str, device: str) -> ShadowMap:
    """A place as the key light of an hour sees it."""
    view = light_rays(weather_light.sun_direction(hour), np.zeros(3), SHADOWS_TO * 1.2, 512)
    depth = sample_coverage(_solids(name, device), view)
    return ShadowMap(view, shadow_image(depth, 1.2, SHADOWS_TO * 4))
