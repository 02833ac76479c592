"""Several people in one place: occlusion, shadows, and the visible share of each person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from gprplus.engine.crops.compose import (
    ZENITH,
    ShadowedLight,
    apply_light,
    light_layers,
    pooled_window,
)
from gprplus.engine.people.figure import Material
from gprplus.engine.places import weather_light
from gprplus.engine.raycast.camera import TILE, CameraRays
from gprplus.engine.raycast.gbuffer import Surface, cast_rays
from gprplus.engine.raycast.layers import ShadingLayers
from gprplus.engine.raycast.shadows import ShadowMap, contact_map, shadow_map
from gprplus.engine.raycast.shapes import Solids

LANE, NEAR, FURTHEST = (
    1.2,
    3.0,
    24.0,
)  # metres: half the width of a shadow, reach of a contact shadow, of any shadow
TALLEST = 2.3  # metres, hat and stride included
NO_PERSON = -1


@dataclass(frozen=True)
class PlacedPerson:
    """A person placed at `at` (3,) in meters, with shapes in the world."""

    solids: Solids
    materials: list[Material]
    at: np.ndarray


@dataclass(frozen=True)
class Visibility:
    """Visibility of a person, in samples: `whole` outline without the frame border, the part of it
    `inside` the frame, and the part `seen` of that. `share` (h, w) of each pixel from (`x`, `y`)
    on.
    """

    whole: int
    inside: int
    seen: int
    x: int = 0
    y: int = 0
    share: np.ndarray | None = None

    @property
    def visible(self) -> float:
        """Return the share of the part inside the frame that is not occluded."""
        return self.seen / max(self.inside, 1)

    @property
    def truncated(self) -> float:
        """Share of the outline that is outside the frame."""
        return 1 - self.inside / max(self.whole, 1)


@dataclass(frozen=True)
class _Among:
    """A light on a person among others: self-shadow and the shadows of all others."""

    own: ShadowMap
    others: list[ShadowMap]

    def lit(self, point: Tensor) -> Tensor:
        share = self.own.lit(point)
        for other in self.others:
            share = share * other.passes(point)
        return share


def draw_people_over(
    place: ShadingLayers, people: Sequence[PlacedPerson], view: CameraRays, samples: int
) -> tuple[ShadingLayers, Tensor, list[Visibility]]:
    """Return the layers of a place with people in it, the depth `(height, width)` of the nearest
    person at every sample (infinite without one), and the visibility of each. `samples` for each
    pixel and axis.
    """
    lights = [
        {h: shadow_map(p.solids, weather_light.towards(h, *p.at[:2]), at=p.at) for h in place.key}
        for p in people
    ]
    outlines = [_outline(person.solids, view) for person in people]
    depth, owner = _nearest([surface for surface, _ in outlines], view, place.ambient.device)
    rest = 1 - _shares(owner, view, samples)
    below = _shaded_ground(place, people, lights)
    layers = replace(below.map(lambda values: values * rest), ground=place.ground)
    found = []
    for i, (person, (surface, whole)) in enumerate(zip(people, outlines, strict=True)):
        seen = surface.part(torch.nonzero(owner[surface.sample] == i).squeeze(1))
        presence = Visibility(whole, len(surface.sample), len(seen.sample))
        if presence.seen:
            others = [light for j, light in enumerate(lights) if j != i]
            among = {
                hour: _Among(lights[i][hour], [light[hour] for light in others])
                for hour in place.key
            }
            presence = _add(layers, presence, person, seen, among, view, samples)
        found.append(presence)
    return layers, depth.view(view.height, view.width), found


def _outline(solids: Solids, view: CameraRays) -> tuple[Surface, int]:
    """Return the view of one person alone: the surface inside the frame, and the size of the whole
    outline, which can extend beyond it.
    """
    flat = view.project(solids.corners.reshape(-1, 3))[:, :2]
    size = np.array([view.width, view.height])
    low = np.clip(np.floor(flat.min(0) / TILE) * TILE, -2 * size, 3 * size).astype(int)
    high = np.clip(np.ceil(flat.max(0) / TILE) * TILE, -2 * size, 3 * size).astype(int)
    wide, tall = (int(n) for n in np.maximum(high - low, TILE))
    x0, y0 = int(low[0]), int(low[1])
    window = replace(
        view, centre=(view.centre[0] - x0, view.centre[1] - y0), width=wide, height=tall
    )
    surface = cast_rays(solids, window)
    x, y = surface.sample % wide + x0, surface.sample // wide + y0
    inside = torch.nonzero((x >= 0) & (x < view.width) & (y >= 0) & (y < view.height)).squeeze(1)
    return replace(surface.part(inside), sample=(y * view.width + x)[inside]), len(surface.sample)


def _nearest(
    surfaces: Sequence[Surface], view: CameraRays, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Return depth and number of the nearest person at every sample; infinity and `NO_PERSON`
    without a person."""
    depth = torch.full((view.height * view.width,), float("inf"), device=device)
    owner = torch.full((view.height * view.width,), NO_PERSON, dtype=torch.int16, device=device)
    for i, surface in enumerate(surfaces):
        nearer = torch.nonzero(surface.depth < depth[surface.sample]).squeeze(1)
        where = surface.sample[nearer]
        depth[where], owner[where] = surface.depth[nearer], i
    return depth, owner


def _shares(owner: Tensor, view: CameraRays, samples: int) -> Tensor:
    """Share of each pixel, (P,), that people take up."""
    image = (
        (owner != NO_PERSON)
        .to(torch.float32)
        .view(view.height // samples, samples, view.width // samples, samples)
    )
    return image.mean((1, 3)).flatten()


def _shaded_ground(
    place: ShadingLayers, people: Sequence[PlacedPerson], lights: Sequence[dict[str, ShadowMap]]
) -> ShadingLayers:
    """Return the place with the shadows of all people on its ground: each only where it can fall,
    along its own lane.
    """
    ambient, key = (
        place.ambient.clone(),
        {hour: values.clone() for hour, values in place.key.items()},
    )
    zero = torch.zeros(1, 1, device=ambient.device)

    def spot(where: Tensor) -> Tensor:
        return torch.cat([place.ground[:, where], zero.expand(1, len(where))])

    for person, light in zip(people, lights, strict=True):
        x, y = place.ground[0] - float(person.at[0]), place.ground[1] - float(person.at[1])
        near = torch.nonzero((x.abs() < NEAR) & (y.abs() < NEAR)).squeeze(1)
        ambient[0, near] *= contact_map(person.solids, person.at).open(spot(near))
        for hour, shadow in light.items():
            a, b, up = (float(part) for part in weather_light.towards(hour, *person.at[:2]))
            level = max(float(np.hypot(a, b)), 1e-6)
            along, aside = -(a * x + b * y) / level, (a * y - b * x).abs() / level
            reach = min(TALLEST * level / up + LANE, FURTHEST)
            lane = torch.nonzero((along > -LANE) & (along < reach) & (aside < LANE)).squeeze(1)
            key[hour][lane] *= shadow.open(spot(lane))
    return replace(place, ambient=ambient, key=key)


def _add(
    layers: ShadingLayers,
    presence: Visibility,
    person: PlacedPerson,
    seen: Surface,
    lights: Mapping[str, ShadowedLight],
    view: CameraRays,
    samples: int,
) -> Visibility:
    """Add the visible part of a person to layers that were darkened by all shares; return the
    presence with its window.
    """
    shelter = shadow_map(person.solids, ZENITH, blur=4.0, at=person.at)
    rows = apply_light(seen, person.materials, lights, shelter, view, set(layers.colour))
    origin = torch.from_numpy(view.origin.astype(np.float32)).to(rows.device)[:, None]
    away = (seen.point - origin).norm(dim=0)
    hazes = list(layers.clear)
    rows = torch.cat([rows, torch.stack([torch.exp(-haze * away) for haze in hazes])])
    (x, y, columns, lines), mean = pooled_window(rows, seen.sample, view, samples)
    clear = dict(zip(hazes, mean[-len(hazes) :], strict=True))
    width = view.width // samples

    def add(below: Tensor, above: Tensor) -> None:
        part = below.view(*below.shape[:-1], -1, width)[..., y : y + lines, x : x + columns]
        part += above.view(*above.shape[:-1], lines, columns)

    own = light_layers(mean, layers, clear)
    for name in ("colour", "key", "clear"):  # people do not glow
        for level, above in getattr(own, name).items():
            add(getattr(layers, name)[level], above)
    for name in ("ambient", "person"):
        add(getattr(layers, name), getattr(own, name))
    return replace(presence, x=x, y=y, share=mean[0].view(lines, columns).cpu().numpy())
