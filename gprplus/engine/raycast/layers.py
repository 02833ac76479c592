"""Layers shared by all cells of an image: colors and light, each light separately, averaged over
the samples of a pixel.

A cell is then a weighted sum: color x (sky, bounce, key) + emission, seen through haze. P is the
number of pixels, row-major.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from gprplus.engine.places import weather_light
from gprplus.engine.raycast.camera import CameraRays

SNOW = (0.86, 0.88, 0.92)  # the colour of fresh snow


@dataclass(frozen=True)
class ShadingLayers:
    """The layers of one block.

    `colour` {state of the ground: (3, P)} linear; `ambient` (2, P): light of the sky and from
    below; `key` {hour: (P,)}; `glow` (len(GLOWS), P), its halo empty, since that is `halo` {hour:
    (P,)}; `clear` {haze: (P,)} what the haze lets through; `person` (P,) the person's share of each
    pixel; `ground` (2, P) x and y in metres, far away where there is no ground.
    """

    colour: dict[int, Tensor]
    ambient: Tensor
    key: dict[str, Tensor]
    glow: Tensor
    halo: dict[str, Tensor]
    clear: dict[float, Tensor]
    person: Tensor
    ground: Tensor

    def map(self, function: Callable[[Tensor], Tensor]) -> "ShadingLayers":
        """Return the layers with a function applied to every tensor."""
        return ShadingLayers(
            colour={state: function(values) for state, values in self.colour.items()},
            ambient=function(self.ambient),
            key={hour: function(values) for hour, values in self.key.items()},
            glow=function(self.glow),
            halo={hour: function(values) for hour, values in self.halo.items()},
            clear={haze: function(values) for haze, values in self.clear.items()},
            person=function(self.person),
            ground=function(self.ground),
        )

    def only(
        self, hours: Sequence[str], hazes: Sequence[float], states: Sequence[int]
    ) -> "ShadingLayers":
        """Return the layers of some hours, hazes and states of the ground."""
        return replace(
            self,
            colour={state: self.colour[state] for state in states},
            key={hour: self.key[hour] for hour in hours},
            halo={hour: self.halo[hour] for hour in hours},
            clear={haze: self.clear[haze] for haze in hazes},
        )


def stack_layers(parts: Sequence[ShadingLayers]) -> ShadingLayers:
    """Bands of a picture, from the top, as one."""
    first = parts[0]
    return ShadingLayers(
        colour={
            state: torch.cat([part.colour[state] for part in parts], dim=-1)
            for state in first.colour
        },
        ambient=torch.cat([part.ambient for part in parts], dim=-1),
        key={hour: torch.cat([part.key[hour] for part in parts]) for hour in first.key},
        glow=torch.cat([part.glow for part in parts], dim=-1),
        halo={hour: torch.cat([part.halo[hour] for part in parts]) for hour in first.halo},
        clear={haze: torch.cat([part.clear[haze] for part in parts]) for haze in first.clear},
        person=torch.cat([part.person for part in parts]),
        ground=torch.cat([part.ground for part in parts], dim=-1),
    )


def average_samples(values: Tensor, height: int, width: int, samples: int) -> Tensor:
    """Means over the samples of each pixel: (..., height x width samples) to (..., pixels)."""
    image = values.reshape(
        *values.shape[:-1], height // samples, samples, width // samples, samples
    )
    total = image[
        ..., 0, :, 0
    ].clone()  # four strided sums are several times faster than one mean over two axes
    for i in range(1, samples * samples):
        total += image[..., i // samples, :, i % samples]
    total *= 1.0 / (samples * samples)
    return total.flatten(-2)


def select_layers(values: Tensor, view: CameraRays, samples: int) -> Tensor:
    """The first sample of each pixel, (C, samples) to (C, P): for places, which must not be
    averaged over an edge."""
    return values.view(-1, view.height, view.width)[:, ::samples, ::samples].flatten(1).contiguous()


def crop_layers(
    layers: ShadingLayers, size: tuple[int, int], margin: int, shift: tuple[int, int]
) -> ShadingLayers:
    """A window of `size` (width, height) out of layers that are `margin` larger on each side."""
    width, height = size
    x, y = margin - shift[0], margin - shift[1]

    def cut(values: Tensor) -> Tensor:
        image = values.view(*values.shape[:-1], height + 2 * margin, width + 2 * margin)
        return image[..., y : y + height, x : x + width].flatten(-2)

    return layers.map(cut)


def add_snow(
    colour: Tensor, dusted: Tensor, deep: Tensor, white: Tensor, states: set[int]
) -> dict[int, Tensor]:
    """Return colors (3, V) in the requested states of the ground; `dusted` and `deep` (V,) are
    shares of snow, `white` (3, V) its color.
    """
    found = {0: colour, 1: colour + dusted * (white - colour), 2: colour + deep * (white - colour)}
    return {state: values for state, values in found.items() if state in states}


def key_light(point: Tensor, normal: Tensor, hour: str) -> Tensor:
    """Cosine times fall-off of an hour's key light at points and normals (3, V)."""
    x, y, z = (float(part) for part in weather_light.sun_direction(hour))
    away = weather_light.HOUR[hour].lamp
    if not away:
        return (normal[0] * x + normal[1] * y + normal[2] * z).clamp_min(0)
    a, b, c = x * away - point[0], y * away - point[1], z * away + 0.9 - point[2]
    square = a * a + b * b + c * c
    facing = (normal[0] * a + normal[1] * b + normal[2] * c).clamp_min(0)
    return facing / square.sqrt() * (away * away / square).clamp(max=1.6)


def paste_layers(
    layers: ShadingLayers, person: ShadingLayers, window: tuple[int, int, int, int], width: int
) -> ShadingLayers:
    """Blend the layers of a person, premultiplied by their share, over a window (x, y, width,
    height) of a place's layers.
    """
    x, y, columns, rows = window
    rest = (1 - person.person).view(rows, columns)

    def over(below: Tensor, above: Tensor) -> Tensor:
        out = below.clone()
        part = out.view(*out.shape[:-1], -1, width)[..., y : y + rows, x : x + columns]
        part *= rest
        part += above.view(*above.shape[:-1], rows, columns)
        return out

    return replace(
        layers,
        colour={
            state: over(values, person.colour[state]) for state, values in layers.colour.items()
        },
        ambient=over(layers.ambient, person.ambient),
        key={hour: over(values, person.key[hour]) for hour, values in layers.key.items()},
        glow=over(layers.glow, person.glow),
        halo={hour: over(values, person.halo[hour]) for hour, values in layers.halo.items()},
        clear={haze: over(values, person.clear[haze]) for haze, values in layers.clear.items()},
        person=over(layers.person, person.person),
    )
