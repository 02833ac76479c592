"""Shading of one cell: layers and a light become an image."""

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from gprplus.engine.domains import Domain
from gprplus.engine.places import weather_light
from gprplus.engine.raycast.layers import ShadingLayers
from gprplus.engine.raycast.particles import add_grain, add_particles, add_vignette

LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
MIDTONE = 0.62  # where the film curve puts what the light tables call 1
# Pixels shaded at once on a CPU: a dozen passes over three rows of floats then stay in the
# second-level cache.
CPU_PIXELS = 24_576


def glowing_blocks(layers: ShadingLayers) -> list[bool]:
    """Return for each block of pixels that is shaded at once whether it has emission (sky, windows,
    lamps); most ground does not.
    """
    if layers.glow.is_cuda:
        return [True]
    return [bool(part.any()) for part in layers.glow.split(CPU_PIXELS, dim=1)]


def shade_layers(
    layers: ShadingLayers,
    glowing: list[bool],
    weather: str,
    hour: str,
    domain: Domain,
    key: int,
    size: tuple[int, int],
) -> Tensor:
    """Shade the image of one cell as `(3, P) uint8`.

    `glowing` is the result of glowing_blocks for the layers; `key` names the image, for snow and
    grain; `size` is (width, height).
    """
    device = layers.ambient.device
    ink = _ink(weather, hour, domain, str(device))
    cell = ink.cell
    colour, key_light, halo = layers.colour[cell.snow], layers.key[hour], layers.halo[hour]
    clear = layers.clear[weather_light.haze_per_m(weather, hour, domain.indoors)]
    snow = add_particles(cell.particles, key, *size, device) if cell.particles else None
    noise = add_grain(key, *size, device)
    dark = add_vignette(domain.vignette, *size, device) if domain.vignette else None
    count = len(clear)
    step = count if device.type == "cuda" else CPU_PIXELS
    picture = torch.empty(3, count, dtype=torch.uint8, device=device)
    for start in range(0, count, step):
        part = slice(start, start + step)
        image = torch.mm(ink.ambient, layers.ambient[:, part])
        image.addcmul_(ink.key, key_light[part])
        image *= colour[:, part]
        if glowing[start // step]:
            image.addmm_(ink.glow, layers.glow[:, part])
            image.addcmul_(ink.halo, halo[part])
        image = torch.lerp(ink.fog, image, clear[part])
        if snow is not None:
            image = torch.lerp(image, ink.flake, _opacity(snow[:, part], layers.person[part]))
        image = _developed(torch.mm(ink.mixing, image), domain.contrast)
        if dark is not None:
            image *= dark[part]
        image.add_(noise[:, part], alpha=255 * cell.grain * domain.grain)
        picture[:, part] = image.clamp_(
            0, 255
        ).short()  # by way of 16 bits: straight to 8 takes four times as long
    return picture


@lru_cache(maxsize=128)
def _ink(weather: str, hour: str, domain: Domain, device: str) -> "_Ink":
    return _Ink(
        weather_light.lighting_cell(weather, hour, domain.indoors), domain, torch.device(device)
    )


class _Ink:
    """The coefficients of a cell under a domain's white balance and exposure, on the device; (3, n)
    each."""

    def __init__(
        self, cell: weather_light.LightingCell, domain: Domain, device: torch.device
    ) -> None:
        self.cell = cell
        balance = np.array(domain.gain)[:, None] * domain.exposure

        def move(values: np.ndarray) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32)).to(device)

        halo = weather_light.GLOWS.index("halo")
        self.ambient, self.key = (
            move(cell.light[:, :2] * balance),
            move(cell.light[:, 2:] * balance),
        )
        self.glow, self.halo = (
            move(cell.glow * balance),
            move(cell.glow[:, halo : halo + 1] * balance),
        )
        self.fog, self.flake = (
            move(cell.fog[:, None] * balance),
            move(cell.flake[:, None] * balance),
        )
        amount = cell.saturation * domain.saturation
        self.mixing = move(
            MIDTONE * (amount * np.eye(3) + (1 - amount) * np.ones((3, 1)) * LUMINANCE)
        )


def _opacity(snow: Tensor, person: Tensor) -> Tensor:
    """Return the share of a pixel hidden by falling snow; snow behind the person does not hide the
    person."""
    behind = snow[0] * (1 - person)
    return behind + snow[1] * (1 - behind)


def _developed(image: Tensor, contrast: float) -> Tensor:
    """Linear light through a film-like curve with display gamma, to 0-255.

    Hejl and Burgess-Dawson's fit (GDC 2010): (6.2 x² + 0.5 x) / (6.2 x² + 1.7 x + 0.06), here
    divided by 6.2.
    """
    image.clamp_(min=0)
    square = image * image
    below = torch.add(square, image, alpha=1.7 / 6.2).add_(0.06 / 6.2)
    image = square.add_(image, alpha=0.5 / 6.2).div_(below)
    return image.mul_(255 * contrast).add_(255 * 0.42 * (1 - contrast))
