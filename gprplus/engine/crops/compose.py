"""Composition of a person and a place: the person's pixels over those of the place, and shadows on
the ground."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from gprplus.engine.people.figure import Material
from gprplus.engine.people.textures import paint_pattern
from gprplus.engine.places import weather_light
from gprplus.engine.raycast.camera import CameraRays
from gprplus.engine.raycast.gbuffer import Surface, cast_rays, unit_vectors
from gprplus.engine.raycast.hash_noise import fractal_noise
from gprplus.engine.raycast.intersect import dot
from gprplus.engine.raycast.layers import SNOW, ShadingLayers, add_snow, key_light, paste_layers
from gprplus.engine.raycast.shadows import ShadowMap, contact_map, shadow_map
from gprplus.engine.raycast.shapes import Solids

ZENITH = np.array([0.0, 0.05, 1.0])  # nearly overhead: where the sky's light is taken to come from
SHADOW_REACH = 5.0  # metres: beyond that the person darkens nothing that is in the picture


class ShadowedLight(Protocol):
    """A light with things in its way: see shadows.ShadowMap."""

    def lit(self, point: Tensor) -> Tensor:
        """Share of the light that reaches points (3, V), (V,) in [0, 1]."""


def draw_person_over(
    place: ShadingLayers,
    solids: Solids,
    materials: Sequence[Material],
    view: CameraRays,
    samples: int,
) -> tuple[ShadingLayers, Surface]:
    """The layers of a place with a person in it, and what the camera sees of the person.

    `view` is the camera of the person, `samples` a pixel and axis.
    """
    lights = {hour: shadow_map(solids, weather_light.sun_direction(hour)) for hour in place.key}
    shaded = _shaded_ground(place, lights, contact_map(solids))
    surface = cast_rays(solids, view)
    if not len(surface.sample):
        return shaded, surface
    shelter = shadow_map(solids, ZENITH, blur=4.0)
    rows = apply_light(surface, materials, lights, shelter, view, set(place.colour))
    window, mean = pooled_window(rows, surface.sample, view, samples)
    away = float(np.linalg.norm(view.origin - [0.0, 0.0, 0.9]))
    clear = {haze: mean[0] * float(np.exp(-haze * away)) for haze in place.clear}
    return paste_layers(
        shaded, light_layers(mean, place, clear), window, view.width // samples
    ), surface


def _shaded_ground(
    place: ShadingLayers, lights: dict[str, ShadowMap], contact: ShadowMap
) -> ShadingLayers:
    """The place with the person's shadows on its ground."""
    near = torch.nonzero(place.ground.abs().amax(0) < SHADOW_REACH).squeeze(1)
    spot = torch.cat([place.ground[:, near], torch.zeros(1, len(near), device=near.device)])
    ambient = place.ambient.clone()
    ambient[0, near] *= contact.open(spot)
    key = {}
    for hour, light in lights.items():
        key[hour] = place.key[hour].clone()
        key[hour][near] *= light.open(spot)
    return replace(place, ambient=ambient, key=key)


def apply_light(
    surface: Surface,
    materials: Sequence[Material],
    lights: Mapping[str, ShadowedLight],
    shelter: ShadowMap,
    view: CameraRays,
    states: set[int],
) -> Tensor:
    """Return the terms of every sample of a person: share, sky, bounce, one row for each light,
    three for ground states.

    `lights` are the shares of the light of an hour that arrive, `shelter` the share of the sky's
    light.
    """
    device = surface.depth.device
    colour, normal, gloss = paint_pattern(surface, materials)
    up = normal[2]
    origin = torch.from_numpy(view.origin.astype(np.float32)).to(device)[:, None]
    looking = unit_vectors(origin - surface.point)
    facing = dot(normal, looking).clamp(0, 1)
    open_sky = 0.40 + 0.60 * shelter.lit(surface.point)
    rim = (1 - facing) ** 3
    rows = [
        torch.ones_like(up),
        (0.50 + 0.40 * up + 0.10 * facing + 0.25 * rim) * open_sky,
        (0.5 - 0.5 * up) * (0.6 + 0.4 * open_sky),
    ]
    for hour, light in lights.items():
        towards = torch.from_numpy(weather_light.sun_direction(hour).astype(np.float32)).to(device)[
            :, None
        ]
        shine = 5.0 * gloss * dot(normal, unit_vectors(looking + towards)).clamp_min(0) ** 24
        rows.append((key_light(surface.point, normal, hour) + shine) * light.lit(surface.point))
    return torch.cat([torch.stack(rows), *_snowed(surface, colour, up, states).values()])


def _snowed(surface: Surface, colour: Tensor, up: Tensor, states: set[int]) -> dict[int, Tensor]:
    """Add snow to hats, shoulders and shoes."""
    if states == {0}:
        return {0: colour}
    flake = fractal_noise(surface.place[0] * 60, surface.place[1] * 60, 2, 95)
    cover = ((up - 0.45) / 0.4).clamp(0, 1) * ((flake - 0.32) / 0.3).clamp(0, 1)
    white = torch.tensor(SNOW, device=up.device)[:, None]
    return add_snow(colour, 0.55 * cover, 0.92 * cover, white, states)


def pooled_window(
    rows: Tensor, sample: Tensor, view: CameraRays, samples: int
) -> tuple[tuple[int, int, int, int], Tensor]:
    """Means over the samples of each pixel, within the window (x, y, width, height) that holds the
    person."""
    y, x = sample // view.width, sample % view.width
    row, column = y // samples, x // samples
    x0, x1, y0, y1 = torch.stack([column.min(), column.max(), row.min(), row.max()]).tolist()
    columns, lines = x1 - x0 + 1, y1 - y0 + 1
    # The samples of a pixel are one window apart, so that averaging them adds long rows.
    layer = (y % samples) * samples + x % samples
    place = (layer * lines + row - y0) * columns + column - x0
    canvas = torch.zeros(len(rows), samples * samples * lines * columns, device=rows.device)
    canvas.index_copy_(1, place, rows)
    return (x0, y0, columns, lines), canvas.view(len(rows), samples * samples, -1).mean(1)


def light_layers(mean: Tensor, place: ShadingLayers, clear: dict[float, Tensor]) -> ShadingLayers:
    """The averaged rows of `apply_light` as layers, each premultiplied by the person's share, as
    `clear` is already."""
    share, first = mean[0], 3 + len(place.key)
    none = torch.zeros_like(share)
    return ShadingLayers(
        colour={
            state: mean[first + 3 * i : first + 3 * i + 3] for i, state in enumerate(place.colour)
        },
        ambient=mean[1:3],
        key={hour: mean[3 + i] for i, hour in enumerate(place.key)},
        glow=torch.zeros(len(weather_light.GLOWS), len(share), device=share.device),
        halo=dict.fromkeys(place.halo, none),
        clear=clear,
        person=share,
        ground=none,
    )
