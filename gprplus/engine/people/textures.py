"""Textures of cloth, skin and hair: the color at a point of the surface, and the folds that bend
its normal."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from gprplus.engine.people.figure import Material
from gprplus.engine.raycast.gbuffer import Surface, unit_vectors

# A pattern gives the share of the second colour, (V,) in [0, 1], at (around, up, forward, right),
# each (V,) in metres, for a scale in metres.
Pattern = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], Tensor]
PATTERNS: dict[str, Pattern] = {}


def register_pattern(name: str) -> Callable[[Pattern], Pattern]:
    """Register a pattern of cloth or skin under a name."""

    def keep(function: Pattern) -> Pattern:
        if name in PATTERNS:
            raise ValueError(f"two patterns are called {name}")
        PATTERNS[name] = function
        return function

    return keep


def paint_pattern(surface: Surface, materials: Sequence[Material]) -> tuple[Tensor, Tensor, Tensor]:
    """Colour (3, V) linear, normal (3, V) with its folds, and gloss (V,) of what is seen."""
    device = surface.depth.device
    rows = [(*m.colour, *m.second, m.scale, m.folds, m.gloss) for m in materials]
    table = (
        torch.from_numpy(np.array(rows, dtype=np.float32).T.copy())
        .to(device)
        .index_select(1, surface.material)
    )
    colour, second, (scale, folds, gloss) = table[:3], table[3:6], table[6:]
    right, up, forward = surface.place
    around = torch.atan2(right, forward) * torch.where(surface.radius > 0.085, 0.14, 0.055)
    share = torch.zeros_like(up)
    for name in sorted({m.pattern for m in materials} - {"plain"}):
        wanted = torch.tensor([m.pattern == name for m in materials], device=device)[
            surface.material
        ]
        here = torch.nonzero(wanted).squeeze(1)
        if len(here):
            share[here] = PATTERNS[name](
                around[here], up[here], forward[here], right[here], scale[here]
            )
    normal, shade = _folds(surface, folds)
    return (colour + share * (second - colour)) * shade, normal, gloss


def _folds(surface: Surface, amount: Tensor) -> tuple[Tensor, Tensor]:
    """Cloth is never smooth: three crossing waves bend the normal, and their valleys are a little
    darker."""
    x, y, z = surface.point
    one = torch.sin(31.0 * x + 17.0 * z + 9.0 * torch.sin(7.0 * z + 5.0 * y))
    two = torch.sin(-23.0 * x + 29.0 * y + 21.0 * z + 4.0 * torch.sin(11.0 * x - 6.0 * z))
    three = torch.sin(47.0 * y - 39.0 * z + 5.0 * one)
    bend = torch.stack([one - 0.5 * three, two + 0.4 * three, 0.6 * three - 0.4 * one])
    return unit_vectors(surface.normal + 0.9 * amount * bend), 1 - amount * (
        0.35 + 0.35 * one * two
    )


def _band(x: Tensor, share: float, soft: Tensor | float) -> Tensor:
    """1 for the first `share` of each unit, with edges `soft` units wide."""
    place = x - x.floor()
    half = 0.5 * share
    return ((half - (place - half).abs()) / soft + 0.5).clamp(0, 1)


def _inside(distance: Tensor, soft: float) -> Tensor:
    """1 where a signed distance is negative, with an edge `soft` wide."""
    return (0.5 - distance / soft).clamp(0, 1)


@register_pattern("stripes")
def _stripes(u: Tensor, v: Tensor, z: Tensor, x: Tensor, scale: Tensor) -> Tensor:
    return _band(v / scale, 0.45, 0.06)


@register_pattern("pinstripes")
def _pinstripes(u: Tensor, v: Tensor, z: Tensor, x: Tensor, scale: Tensor) -> Tensor:
    return 0.75 * _band(u / (0.55 * scale), 0.22, 0.12)


@register_pattern("checks")
def _checks(u: Tensor, v: Tensor, z: Tensor, x: Tensor, scale: Tensor) -> Tensor:
    one, two = _band(u / scale, 0.5, 0.06), _band(v / scale, 0.5, 0.06)
    return one + two - 2 * one * two


@register_pattern("plaid")
def _plaid(u: Tensor, v: Tensor, z: Tensor, x: Tensor, scale: Tensor) -> Tensor:
    wide = 0.42 * (_band(u / (1.6 * scale), 0.4, 0.08) + _band(v / (1.6 * scale), 0.4, 0.08))
    thin = 0.45 * torch.maximum(
        _band(u / (1.6 * scale) + 0.3, 0.09, 0.05), _band(v / (1.6 * scale) + 0.3, 0.09, 0.05)
    )
    return (wide + thin).clamp(0, 1)


@register_pattern("dots")
def _dots(u: Tensor, v: Tensor, z: Tensor, x: Tensor, scale: Tensor) -> Tensor:
    row = (v / scale).floor()
    a, b = u / scale + 0.5 * (row % 2), v / scale
    distance = ((a - a.floor() - 0.5) ** 2 + (b - b.floor() - 0.5) ** 2).sqrt() - 0.27
    return _inside(distance, 0.08)


@register_pattern("print")
def _print(u: Tensor, v: Tensor, z: Tensor, x: Tensor, scale: Tensor) -> Tensor:
    a, b = u / scale, v / scale
    wave = torch.sin(3.1 * a + 2.3 * torch.sin(1.7 * b)) + torch.sin(
        2.7 * b - 1.9 * torch.sin(2.2 * a + 1.0)
    )
    return _inside(0.35 - wave, 0.5)


@register_pattern("two-tone")
def _two_tone(u: Tensor, v: Tensor, z: Tensor, x: Tensor, scale: Tensor) -> Tensor:
    """The yoke in the second colour, at a height that follows the scale; sleeves keep the first."""
    return _inside(0.26 + 2 * scale - v, 0.006)


@register_pattern("logo")
def _logo(u: Tensor, v: Tensor, z: Tensor, x: Tensor, scale: Tensor) -> Tensor:
    """A disc or a bar across the chest, and a larger one on the back."""
    size = torch.where(z > 0, 0.045, 0.075) + 0.2 * scale
    disc = ((x / size) ** 2 + ((v - 0.34) / size) ** 2).sqrt() - 1
    bar = torch.maximum(x.abs() / (1.6 * size), (v - 0.34).abs() / (0.45 * size)) - 1
    on_trunk = (v > 0.2) & (v < 0.5) & (z.abs() > 0.05)
    return _inside(torch.where(scale < 0.06, disc, bar), 0.12) * on_trunk


@register_pattern("melange")
def _melange(u: Tensor, v: Tensor, z: Tensor, x: Tensor, scale: Tensor) -> Tensor:
    grain = torch.sin(310.0 * u + 190.0 * v) * torch.sin(-170.0 * u + 280.0 * v + 90.0 * z)
    return 0.18 + 0.16 * grain


@register_pattern("denim")
def _denim(u: Tensor, v: Tensor, z: Tensor, x: Tensor, scale: Tensor) -> Tensor:
    """Worn pale on the front of the thigh, with a fine twill."""
    worn = torch.exp(-(((u + 0.02) / 0.045) ** 2)) * 0.35
    return (worn + 0.07 * torch.sin(420.0 * (u + v))).clamp(0, 1) * 0.6


@register_pattern("side-stripe")
def _side_stripe(u: Tensor, v: Tensor, z: Tensor, x: Tensor, scale: Tensor) -> Tensor:
    return _inside(z.abs() - 0.012, 0.008)


@register_pattern("hair")
def _hair(u: Tensor, v: Tensor, z: Tensor, x: Tensor, scale: Tensor) -> Tensor:
    strands = torch.sin(260.0 * x + 60.0 * torch.sin(9.0 * v) + 170.0 * z)
    return 0.3 + 0.3 * strands


def _features(u: Tensor, v: Tensor, z: Tensor, x: Tensor) -> Tensor:
    """Eyes, brows and mouth of a face looking forward, as a share of the dark colour."""
    front = z > 0.04
    side = x.abs()
    eye = _inside((((side - 0.031) / 0.0135) ** 2 + ((v - 0.006) / 0.0065) ** 2).sqrt() - 1, 0.3)
    brow = _inside(
        (((side - 0.031) / 0.020) ** 2 + ((v - 0.027 + 0.10 * (side - 0.031)) / 0.0045) ** 2).sqrt()
        - 1,
        0.4,
    )
    mouth = _inside(((x / 0.023) ** 2 + ((v + 0.058) / 0.0055) ** 2).sqrt() - 1, 0.4)
    socket = 0.22 * torch.exp(-(((side - 0.031) / 0.020) ** 2) - ((v - 0.012) / 0.016) ** 2)
    return (
        torch.maximum(torch.maximum(0.95 * eye, 0.75 * brow), torch.maximum(0.55 * mouth, socket))
        * front
    )


@register_pattern("face")
def _face(u: Tensor, v: Tensor, z: Tensor, x: Tensor, scale: Tensor) -> Tensor:
    return _features(u, v, z, x)


@register_pattern("beard")
def _beard(u: Tensor, v: Tensor, z: Tensor, x: Tensor, scale: Tensor) -> Tensor:
    cheek = _inside(v + 0.030 + 0.9 * (0.075 - z).clamp_min(-0.02) * -0.5, 0.02) * (z > 0.0)
    lip = ((x / 0.019) ** 2 + ((v + 0.058) / 0.007) ** 2).sqrt() > 1
    return torch.maximum(_features(u, v, z, x), 0.8 * cheek * lip)
