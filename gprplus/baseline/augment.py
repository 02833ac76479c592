"""Flip, pad-crop and erasing as batched tensor operations, each image with its own randomness.

What happens to an image is drawn beforehand as eight numbers between 0 and 1, so that the device
only computes: no generator there, no host waiting. The order is the field's: mirror, pad with black
and crop back, normalise, erase with the mean colour.
"""

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
import torch

from gprplus.baseline.recipe import AugmentSettings

DRAWS = 8
# ImageNet's channel statistics: what published weights expect, and as good as any other from
# scratch.
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
ERASED_AREA = (0.02, 0.4)
ERASED_ASPECT = 0.3


def sample_parameters(count: int, rng: np.random.Generator) -> np.ndarray:
    """The randomness of `count` images, `(count, 8) float32` in [0, 1): mirror, shift down, shift
    right, erase, area, aspect, top, left.
    """
    return rng.random((count, DRAWS), dtype=np.float32)


def pack_words(images: torch.Tensor) -> torch.Tensor:
    """`(N, H, W, 3) uint8` as `(N, H, W) int32`: a gather of words is three times as fast as one of
    triples."""
    return torch.nn.functional.pad(images, (0, 1)).view(torch.int32).squeeze(-1)


def augment_batch(
    words: torch.Tensor,
    rows: torch.Tensor,
    random: torch.Tensor,
    augment: AugmentSettings,
    dtype: torch.dtype,
) -> torch.Tensor:
    """Augment and normalize rows of `words (N, H, W) int32` (from `pack_words`): `(B, 3, H, W)`,
    channels-last in memory.

    `rows (B,)` int64 and `random (B, 8)` float32 are on the device of the words. One gather reads
    each pixel once; its index includes flip and crop.
    """
    height, width = words.shape[1:]
    y = torch.arange(height, device=words.device)
    x = torch.arange(width, device=words.device)
    span = 2 * augment.pad + 1
    source_y = y + (random[:, 1, None] * span).long() - augment.pad
    source_x = x + (random[:, 2, None] * span).long() - augment.pad
    inside = _within(source_y, 0, height)[:, :, None] & _within(source_x, 0, width)[:, None, :]
    source_x = torch.where(random[:, 0, None] < augment.flip, width - 1 - source_x, source_x)
    source_y, source_x = source_y.clamp(0, height - 1), source_x.clamp(0, width - 1)
    place = (rows[:, None, None] * height + source_y[:, :, None]) * width + source_x[:, None, :]
    picked = words.view(-1).index_select(0, place.view(-1)).view_as(place) * inside
    # A processor casts whole words three times as fast as three bytes of four; the fourth is
    # dropped after that.
    quads = picked.view(-1, width).view(torch.uint8).float()
    out = _normalised(
        quads.index_select(1, _colours(width, str(words.device))), words.shape[1:], dtype
    )
    if augment.erase:
        top, bottom, left, right = (edge[:, None] for edge in _rectangles(random, height, width))
        erased = _within(y, top, bottom)[:, :, None] & _within(x, left, right)[:, None, :]
        out.masked_fill_((erased & (random[:, 3] < augment.erase)[:, None, None])[:, None], 0)
    return out


def normalize(pixels: torch.Tensor, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """`(B, H, W, 3) uint8` to `(B, 3, H, W)`, zero mean and unit deviation by ImageNet's
    statistics.

    The memory stays channels-last.
    """
    _, height, width, _ = pixels.shape
    return _normalised(pixels.float().reshape(-1, width * 3), (height, width), dtype)


def _normalised(lines: torch.Tensor, size: Sequence[int], dtype: torch.dtype) -> torch.Tensor:
    """Lines of pixels `(B * H, W * 3) float32`, which are written over, as `normalize`."""
    height, width = size
    scale, shift = _statistics(width, str(lines.device))
    return (
        torch.addcmul(shift, lines, scale, out=lines)
        .to(dtype)
        .view(-1, height, width, 3)
        .permute(0, 3, 1, 2)
    )


@cache
def _colours(width: int, device: str) -> torch.Tensor:
    """Return the positions of the color bytes in a row of `W` words, `(W * 3,) int64`; cached like
    `_statistics`."""
    with torch.inference_mode(False):
        return torch.arange(4 * width, device=device).view(width, 4)[:, :3].reshape(-1)


@cache
def _statistics(width: int, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the factor and the offset that normalize a row of pixels: `(W * 3,)` each.

    Spread over a whole row, because broadcasting over three channels costs twenty times as much on
    a CPU; cached, because sending them to a GPU synchronizes the host.
    """
    with torch.inference_mode(False):
        scale = torch.tensor([1 / (255 * s) for s in STD], device=device)
        shift = torch.tensor([-m / s for m, s in zip(MEAN, STD, strict=True)], device=device)
        return scale.repeat(width), shift.repeat(width)


def _rectangles(random: torch.Tensor, height: int, width: int) -> tuple[torch.Tensor, ...]:
    """Top, bottom, left and right `(B,)` int64 of the rectangle to erase: 2-40% of the area, sides
    up to 1 : 3.3, cut to fit the image.
    """
    low, high = ERASED_AREA
    area = (low + (high - low) * random[:, 4]) * height * width
    slant = math.log(ERASED_ASPECT)
    aspect = torch.exp(slant - 2 * slant * random[:, 5])
    tall = (area * aspect).sqrt().round().clamp(1, height)
    wide = (area / aspect).sqrt().round().clamp(1, width)
    top = (random[:, 6] * (height - tall + 1)).floor()
    left = (random[:, 7] * (width - wide + 1)).floor()
    return tuple(edge.long() for edge in (top, top + tall, left, left + wide))


def _within(value: torch.Tensor, low: torch.Tensor | int, high: torch.Tensor | int) -> torch.Tensor:
    return (value >= low) & (value < high)
