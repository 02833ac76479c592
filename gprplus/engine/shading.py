"""One cell: layers and a light become a picture."""

import numpy as np
import torch
from torch import Tensor

from gprplus.engine import sky
from gprplus.engine.domains import Domain
from gprplus.engine.layers import Layers
from gprplus.engine.particles import falling, grain, vignette

LUMINANCE = np.array([0.2126, 0.7152, 0.0722])


def shade(layers: Layers, weather: str, hour: str, domain: Domain, key: int, size: tuple[int, int]) -> Tensor:
    """The picture of one cell as `(3, P) uint8`; `key` names it, for what falls and for the grain. `size` is (width,
    height).
    """
    device = layers.ambient.device
    cell = sky.cell(weather, hour)

    def move(values: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32)).to(device)

    balance = np.array(domain.gain)[:, None] * domain.exposure
    light, glow = cell.light * balance, cell.glow * balance
    image = torch.mm(move(light[:, :2]), layers.ambient)
    image.addcmul_(move(light[:, 2:]), layers.key[hour][None])
    image *= layers.colour[cell.snow]
    image.addmm_(move(glow), layers.glow)
    image.addcmul_(move(glow[:, [sky.GLOWS.index("halo")]]), layers.halo[hour][None])
    fog = move(cell.fog[:, None] * balance)
    image -= fog
    image *= layers.clear[sky.haze(weather, hour)]
    image += fog
    if cell.particles:
        _snowfall(image, layers.person, cell, move(cell.flake[:, None] * balance), key, size)
    image = torch.mm(move(_saturation(cell.saturation * domain.saturation)), image)
    _develop(image, domain.contrast)
    if domain.vignette:
        image *= vignette(domain.vignette, *size, device)
    image.add_(grain(key, *size, device), alpha=255 * cell.grain * domain.grain)
    return image.clamp_(0, 255).to(torch.uint8)


def _snowfall(image: Tensor, person: Tensor, cell: sky.Cell, colour: Tensor, key: int, size: tuple[int, int]) -> None:
    behind, before = falling(cell.particles, key, *size, image.device)
    opacity = behind * (1 - person)
    opacity = opacity + before * (1 - opacity)
    image += opacity * (colour - image)


def _saturation(amount: float) -> np.ndarray:
    return amount * np.eye(3) + (1 - amount) * np.ones((3, 1)) * LUMINANCE


def _develop(image: Tensor, contrast: float) -> None:
    """Film-like curve with display gamma, to 0-255 in place.

    Hejl and Burgess-Dawson's fit (GDC 2010): (6.2 x² + 0.5 x) / (6.2 x² + 1.7 x + 0.06).
    """
    image.clamp_(min=0)
    image *= 0.62
    square = image * image
    square *= 6.2
    below = square + 1.7 * image
    below += 0.06
    image *= 0.5
    image += square
    image /= below
    if contrast != 1.0:
        image -= 0.42
        image *= contrast
        image += 0.42
    image *= 255
