"""What the cells of one picture share: colours and light, each light apart, averaged over the samples of a pixel.

A cell is then a weighted sum: colour x (sky, bounce, key) + glowing things, seen through haze. P is the number of pixels, row-major.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gprplus.engine import sky
from gprplus.engine.camera import View
from gprplus.engine.figure import Material
from gprplus.engine.gbuffer import cast
from gprplus.engine.noise import fractal, hashed
from gprplus.engine.scenes import SCENES
from gprplus.engine.shadows import ShadowMap, contact_map, shadow_map
from gprplus.engine.shapes import Shapes
from gprplus.engine.surfaces import GROUNDS, paint_walls, skyline
from gprplus.engine.textures import paint

SKY_AT = 500.0  # metres: how far the haze takes the sky to be
EDGE_AT = 110.0  # metres: where the ground ends and the skyline stands
SNOW = torch.tensor([0.86, 0.88, 0.92])


@dataclass(frozen=True)
class Layers:
    """`colour` (3 states of snow, 3, P); `ambient` (2, P): sky, bounce; `key` {hour: (P,)}; `glow` (len(GLOWS), P) without the halo, which is `halo` {hour: (P,)};
    `distance` (P,) metres; `clear` {(weather, hour): (P,)} what haze lets through; `person` (P,) the person's share of the pixel; `ground` (P, 2) x and y, far away where there is no ground.
    """

    colour: Tensor
    ambient: Tensor
    key: dict[str, Tensor]
    glow: Tensor
    halo: dict[str, Tensor]
    clear: dict[float, Tensor]
    person: Tensor
    ground: Tensor


def pooled(values: Tensor, view: View, samples: int) -> Tensor:
    """Means over the samples of each pixel: (..., height*width) to (..., pixels)."""
    lead = values.shape[:-1]
    height, width = view.height // samples, view.width // samples
    return values.reshape(*lead, height, samples, width, samples).mean((-3, -1)).reshape(*lead, height * width)


def _image_rays(view: View, device: torch.device) -> Tensor:
    """Directions of all samples as (3, height*width)."""
    _, direction = view.rays(device)
    return torch.stack([view.pixels(direction[:, i]).reshape(-1) for i in range(3)])


def key_light(point: Tensor, normal: Tensor, hour: str) -> Tensor:
    """Cosine times fall-off of an hour's key light at points and normals (V, 3)."""
    towards = torch.from_numpy(sky.direction(hour).astype(np.float32)).to(point.device)
    away = sky.HOUR[hour].lamp
    if not away:
        return (normal @ towards).clamp_min(0)
    middle = torch.tensor([0.0, 0.0, 0.9], device=point.device)
    offset = middle + towards * away - point
    square = (offset * offset).sum(1)
    return (normal * offset).sum(1).clamp_min(0) / square.sqrt() * (away * away / square).clamp(max=1.6)


def backdrop(
    name: str, view: View, samples: int, hours: Sequence[str], hazes: Sequence[float], device: torch.device
) -> Layers:
    """A place without people, from one camera."""
    scene = SCENES[name]()
    surface = cast(scene.shapes, view, device)
    rays = _image_rays(view, device)
    count = rays.shape[1]
    colour, lit, bulb = paint_walls(surface, scene)
    start = torch.from_numpy(view.origin.astype(np.float32)).to(device)
    depth = torch.full((count,), float("inf"), device=device)
    depth[surface.sample] = surface.depth
    floor = torch.where(rays[2] < -1e-6, -start[2] / rays[2].clamp(max=-1e-6), float("inf"))
    reach = rays.norm(dim=0)
    floor = torch.where(floor * reach < EDGE_AT, floor, float("inf"))
    is_floor = floor < depth
    walls = ~is_floor[surface.sample]
    point, normal, albedo, glow = _canvas(rays, floor, start, scene, is_floor)
    seen = surface.sample[walls]
    point[seen], normal[seen], albedo[seen] = surface.point[walls], surface.normal[walls], colour[walls]
    distance = torch.minimum(floor, depth) * reach
    solid = distance < float("inf")
    _far_away(rays, solid, scene, albedo, normal, glow, distance)
    glow[4, seen] = lit[walls]
    glow[5] = (glow[5] * ~solid * 0.0) + _lamp_glow(rays, scene, start, depth * reach)
    glow[5, seen] += 1.6 * bulb[walls]
    snowed = _snowed(albedo, normal, point)
    hidden = 1 - 0.35 * (point[:, 2] < 0.35) * walls_mask(seen, count, device)
    up = normal[:, 2]
    not_sky = (distance < SKY_AT).to(torch.float32)
    ambient = torch.stack([(0.56 + 0.44 * up) * hidden, 0.5 - 0.5 * up]) * not_sky
    key, halo = {}, {}
    unit = rays / reach
    for hour in hours:
        key[hour] = pooled(key_light(point, normal, hour) * not_sky, view, samples)
        towards = torch.from_numpy(sky.direction(hour).astype(np.float32)).to(device)
        near = (towards[:, None] * unit).sum(0).clamp_min(0)
        halo[hour] = pooled((near**6 * 0.45 + near**60) * (1 - not_sky), view, samples)
    colours = torch.stack([pooled(state.T.contiguous(), view, samples) for state in snowed])
    ground = torch.where(is_floor[:, None], point[:, :2], 99.0)[None].transpose(1, 2)
    middle = _centres(ground[0], view, samples)
    clear = {value: pooled(torch.exp(-value * distance), view, samples) for value in hazes}
    pixels = colours.shape[-1]
    return Layers(
        colours,
        pooled(ambient, view, samples),
        key,
        pooled(glow, view, samples),
        halo,
        clear,
        torch.zeros(pixels, device=device),
        middle,
    )


def walls_mask(seen: Tensor, count: int, device: torch.device) -> Tensor:
    mask = torch.zeros(count, device=device)
    mask[seen] = 1.0
    return mask


def _centres(values: Tensor, view: View, samples: int) -> Tensor:
    """The first sample of each pixel: for places, which must not be averaged over an edge. (C, samples) to (P, C)."""
    image = values.view(values.shape[0], view.height, view.width)[:, ::samples, ::samples]
    return image.reshape(values.shape[0], -1).T.contiguous()


def _canvas(
    rays: Tensor, floor: Tensor, start: Tensor, scene: object, is_floor: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Point, normal, colour of the ground everywhere it is seen, and the (empty) glowing layers."""
    count, device = rays.shape[1], rays.device
    far = torch.where(floor < float("inf"), floor, 0.0)
    point = start + (far * rays).T
    normal = torch.zeros(count, 3, device=device)
    normal[:, 2] = 1.0
    albedo = torch.zeros(count, 3, device=device)
    here = torch.nonzero(is_floor).squeeze(1)
    x, y = point[here, 0], point[here, 1]
    share, shade = GROUNDS[scene.ground](x, y)  # type: ignore[attr-defined]
    fade = torch.exp(-((far[here] / 26.0) ** 2))  # far joints are finer than a sample: let them fade instead of flicker
    share, shade = share * (0.4 + 0.6 * fade), 0.9 + (shade - 0.9) * fade
    tone = torch.from_numpy(scene.tone.astype(np.float32)).to(device)  # type: ignore[attr-defined]
    second = torch.from_numpy(scene.second.astype(np.float32)).to(device)  # type: ignore[attr-defined]
    albedo[here] = ((tone + share[:, None] * (second - tone)) * shade[:, None]).clamp(0.004, 0.92)
    return point, normal, albedo, torch.zeros(len(sky.GLOWS), count, device=device)


def _far_away(
    rays: Tensor, solid: Tensor, scene: object, albedo: Tensor, normal: Tensor, glow: Tensor, distance: Tensor
) -> None:
    """Fill in the skyline and, above it, the sky."""
    open_ = torch.nonzero(~solid).squeeze(1)
    x, y, z = rays[:, open_]
    azimuth = torch.atan2(y, x) + np.pi
    elevation = torch.atan2(z, (x * x + y * y).sqrt())
    kind = scene.skyline  # type: ignore[attr-defined]
    top = skyline(kind, azimuth)
    hill = elevation < top
    far = open_[hill]
    tone = torch.from_numpy(scene.far.astype(np.float32)).to(rays.device)  # type: ignore[attr-defined]
    a, e = azimuth[hill] * (180 / np.pi), elevation[hill] * (180 / np.pi)
    shade = 0.75 + 0.5 * hashed((a / 4.5).floor().long(), (a * 0).long(), 81)
    if kind in ("trees", "mountains"):
        shade = 0.5 + 0.9 * fractal(a * 1.6, e * 1.6, 3, 83)
    albedo[far] = tone * shade[:, None]
    normal[far] = (
        torch.stack([-x[hill], -y[hill], torch.zeros_like(a)], dim=1) / (x[hill] ** 2 + y[hill] ** 2).sqrt()[:, None]
    )
    distance[far] = EDGE_AT if kind != "mountains" else 2 * EDGE_AT
    if kind in ("town", "works"):
        u, v = a / 0.7, e / 0.75
        window = ((u - u.floor() - 0.5).abs() < 0.26) & ((v - v.floor() - 0.5).abs() < 0.26)
        glow[4, far] = window * (hashed(u.floor().long(), v.floor().long(), 85) > 0.5) * 0.8
        albedo[far] = albedo[far] * torch.where(window, 0.55, 1.0)[:, None]
    above = open_[~hill]
    distance[above] = SKY_AT
    rise = (elevation[~hill] / 0.42).clamp(0, 1)
    a, e = azimuth[~hill] * (180 / np.pi), elevation[~hill] * (180 / np.pi)
    blend = 1 - (1 - rise) ** 2
    glow[0, above], glow[1, above] = 1 - blend, blend
    billow = fractal(a * 0.10, e * 0.30, 4, 87)
    glow[2, above] = ((billow - 0.44) / 0.22).clamp(0, 1)
    twinkle = hashed((a * 6).floor().long(), (e * 6).floor().long(), 89)
    glow[6, above] = (twinkle > 0.9965).to(torch.float32)


def _lamp_glow(rays: Tensor, scene: object, start: Tensor, depth: Tensor) -> Tensor:
    """A soft shine around every lamp head."""
    total = torch.zeros(rays.shape[1], device=rays.device)
    unit = rays / rays.norm(dim=0)
    shapes, materials = scene.shapes, scene.materials  # type: ignore[attr-defined]
    for i, number in enumerate(shapes.material):
        if materials[number].glow:
            centre = torch.from_numpy((np.linalg.inv(shapes.linear[i]) @ -shapes.offset[i]).astype(np.float32)).to(
                rays.device
            )
            away = centre - start
            reach = away.norm()
            cosine = (away[:, None] * unit).sum(0) / reach
            spread = (2 - 2 * cosine).clamp_min(0) * reach * reach
            total += 0.30 * torch.exp(-spread / 0.35) + 0.05 * torch.exp(-spread / 4.0)
    return total


def _snowed(albedo: Tensor, normal: Tensor, point: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Colours dry, dusted and deep in snow: it lies on what faces up, in patches at first."""
    flat = normal[:, 2]
    patch = fractal(point[:, 0] * 1.1, point[:, 1] * 1.1, 3, 91)
    fine = fractal(point[:, 0] * 9, point[:, 1] * 9, 2, 93)
    dusted = ((flat - 0.35) / 0.4).clamp(0, 1) * ((patch + 0.25 * fine - 0.42) / 0.22).clamp(0.25, 1)
    deep = ((flat + 0.15) / 0.5).clamp(0.18, 1)
    white = SNOW.to(albedo.device) * (0.88 + 0.24 * fine)[:, None]
    seen = (albedo.sum(1) > 0)[:, None]
    return (
        albedo,
        torch.where(seen, albedo + (0.9 * dusted)[:, None] * (white - albedo), 0.0),
        torch.where(seen, albedo + (0.95 * deep)[:, None] * (white - albedo), 0.0),
    )


def cropped(layers: Layers, size: tuple[int, int], margin: int, shift: tuple[int, int]) -> Layers:
    """A window of `size` (width, height) out of layers that are `margin` larger on each side."""
    width, height = size
    x, y = margin - shift[0], margin - shift[1]

    def cut(values: Tensor) -> Tensor:
        image = values.view(*values.shape[:-1], height + 2 * margin, width + 2 * margin)
        return image[..., y : y + height, x : x + width].reshape(*values.shape[:-1], height * width)

    return Layers(
        cut(layers.colour),
        cut(layers.ambient),
        {hour: cut(values) for hour, values in layers.key.items()},
        cut(layers.glow),
        {hour: cut(values) for hour, values in layers.halo.items()},
        {value: cut(values) for value, values in layers.clear.items()},
        cut(layers.person),
        cut(layers.ground.T.contiguous()).T.contiguous(),
    )


def with_person(
    place: Layers,
    shapes: Shapes,
    materials: Sequence[Material],
    view: View,
    samples: int,
    device: torch.device,
) -> Layers:
    """The place with somebody in it: their pixels over the place's, their shadows on its ground."""
    surface = cast(shapes, view, device)
    colour, normal, gloss = paint(surface, materials)
    lights = {hour: shadow_map(shapes, sky.direction(hour), device) for hour in place.key}
    zenith = shadow_map(shapes, np.array([0.0, 0.05, 1.0]), device, blur=4.0)
    up = normal[:, 2]
    looking = torch.from_numpy(view.origin.astype(np.float32)).to(device) - surface.point
    looking = looking / looking.norm(dim=1, keepdim=True)
    rim = (1 - (normal * looking).sum(1).clamp(0, 1)) ** 3
    shelter = 0.42 + 0.58 * zenith.lit(surface.point)
    fill = 0.10 * (normal * looking).sum(1).clamp_min(0)
    rows = [
        torch.ones_like(up),
        (0.50 + 0.40 * up + fill + 0.25 * rim) * shelter,
        (0.5 - 0.5 * up) * (0.6 + 0.4 * shelter),
    ]
    for hour, light in lights.items():
        towards = torch.from_numpy(sky.direction(hour).astype(np.float32)).to(device)
        half = looking + towards
        half = half / half.norm(dim=1, keepdim=True).clamp_min(1e-6)
        shine = gloss * 5.0 * (normal * half).sum(1).clamp_min(0) ** 24
        rows.append((key_light(surface.point, normal, hour) + shine) * light.lit(surface.point))
    flake = fractal(surface.place[:, 0] * 60, surface.place[:, 1] * 60, 2, 95)
    settle = ((up - 0.45) / 0.4).clamp(0, 1) * ((flake - 0.35) / 0.3).clamp(0, 1)
    white = SNOW.to(device)
    states = [
        colour,
        colour + (0.55 * settle)[:, None] * (white - colour),
        colour + (0.9 * settle)[:, None] * (white - colour),
    ]
    values = torch.cat([torch.stack(rows), *(state.T for state in states)])
    canvas = torch.zeros(len(values), view.height * view.width, device=device)
    canvas[:, surface.sample] = values
    mean = pooled(canvas, view, samples)
    return _over(place, mean, list(lights), contact_map(shapes, device), lights)


def _over(place: Layers, mean: Tensor, hours: list[str], contact: ShadowMap, lights: dict[str, ShadowMap]) -> Layers:
    """Lay the person's averaged rows (share, sky, bounce, one a light, nine colours) over the place."""
    share = mean[0]
    rest = 1 - share
    near = torch.nonzero((place.ground.abs().amax(1) < 6.0) & (share < 1)).squeeze(1)
    spot = torch.cat([place.ground[near], torch.zeros(len(near), 1, device=mean.device)], dim=1)
    ambient = place.ambient.clone()
    ambient[0, near] *= contact.open(spot)
    key = {}
    for i, hour in enumerate(hours):
        dark = place.key[hour].clone()
        dark[near] *= lights[hour].open(spot)
        key[hour] = dark * rest + mean[3 + i]
    first = 3 + len(hours)
    return Layers(
        colour=place.colour * rest + mean[first:].view(3, 3, -1),
        ambient=ambient * rest + mean[1:3],
        key=key,
        glow=place.glow * rest,
        halo={hour: values * rest for hour, values in place.halo.items()},
        clear={value: through * rest + share * float(np.exp(-value * 3.0)) for value, through in place.clear.items()},
        person=share,
        ground=place.ground,
    )
