"""Shadow maps: the person once as each light sees it, blurred so that edges are soft.

Variance shadow maps (Donnelly and Lauritzen, I3D 2006): mean depth and mean squared depth, blurred,
bound the share of light that arrives.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from gprplus.engine.raycast.camera import CameraRays, light_rays
from gprplus.engine.raycast.gbuffer import sample_coverage
from gprplus.engine.raycast.intersect import FAR
from gprplus.engine.raycast.shapes import Solids

SAMPLES = 128
RADIUS = 1.2
ORIGIN = np.zeros(3)
MIDDLE = np.array([0.0, 0.0, 0.88])
# Nothing behind this many metres is the person any more; kept near, so that the variance at
# silhouettes stays small.
BEHIND = 3.4


@dataclass(frozen=True)
class ShadowMap:
    """`moments` (1, 3, SAMPLES, SAMPLES): depth, squared depth, and the blocked share of the light
    behind the person.
    """

    view: CameraRays
    moments: Tensor

    def look(self, point: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Mean depth, mean squared depth, blocked share, and own depth of points (3, V): each
        (V,)."""
        zoom = self.view.scale / (self.view.width / 2)
        axes = self.view.axes * [[zoom], [-zoom], [1.0]]
        start = -axes @ self.view.origin
        x, y, z = point
        right, down, depth = (
            (float(a) * x + float(b) * y + float(c) * z) + float(d)
            for (a, b, c), d in zip(axes, start, strict=True)
        )
        place = torch.stack([right, down], dim=1)
        found = F.grid_sample(
            self.moments, place[None, None], align_corners=False, padding_mode="border"
        )[0, :, 0]
        return found[0], found[1], found[2], depth

    def lit(self, point: Tensor, bias: float = 0.02) -> Tensor:
        """Share of the light that reaches points (3, V) on the person, (V,) in [0, 1]."""
        mean, square, _, depth = self.look(point)
        variance = (square - mean * mean).clamp_min(4e-4)
        behind = (depth - mean - bias).clamp_min(0)
        share = variance / (variance + behind * behind)
        return ((share - 0.25) / 0.75).clamp(0, 1)

    def passes(self, point: Tensor, bias: float = 0.12) -> Tensor:
        """Return the share of the light that reaches points (3, V) on another person, (V,): points
        in front of the owner of the shadow are not in it.
        """
        mean, _, blocked, depth = self.look(point)
        owner = (mean - BEHIND * (1 - blocked)) / blocked.clamp_min(1e-3)
        return 1 - blocked.clamp(0, 1) * (depth > owner + bias)

    def open(self, point: Tensor) -> Tensor:
        """Share of the light that reaches points (3, V) on the ground, (V,): the person is always
        in between."""
        return 1 - self.look(point)[2].clamp(0, 1)


def shadow_map(
    solids: Solids, towards_light: np.ndarray, blur: float = 1.0, at: np.ndarray = ORIGIN
) -> ShadowMap:
    """Depth image of the person from a light; `blur` in samples of about two centimeters; `at` is
    the position."""
    view = light_rays(towards_light, MIDDLE + at, RADIUS, SAMPLES)
    depth = sample_coverage(solids, view)
    return ShadowMap(view, shadow_image(depth, blur, BEHIND))


def shadow_image(depth: Tensor, blur: float, behind: float) -> Tensor:
    """Return the moments of a depth image; the depth of the background is `behind`."""
    there = depth < FAR
    known = torch.where(there, depth, behind)
    return _blurred(torch.stack([known, known * known, there.to(depth.dtype)])[None], blur)


def contact_map(solids: Solids, at: np.ndarray = ORIGIN) -> ShadowMap:
    """Return the share of the sky that the person hides from the ground: near parts count most."""
    view = light_rays(np.array([0.0, 1e-3, -1.0]), at, RADIUS, SAMPLES)
    height = sample_coverage(solids, view) - 2 * RADIUS
    close = torch.where(height < 2.5, torch.exp(-height.clamp_min(0) / 0.10), 0.0)
    wide = torch.where(height < 2.5, torch.exp(-height.clamp_min(0) / 0.55), 0.0)
    near, far = _blurred(close[None, None], 1.8), _blurred(wide[None, None], 8.0)
    blocked = (0.75 * near + 0.75 * far).clamp(0, 0.92)
    return ShadowMap(view, torch.cat([blocked, blocked, blocked], dim=1))


def _blurred(image: Tensor, sigma: float) -> Tensor:
    """Gaussian blur, edges held, as two products with a band matrix.

    Not a convolution: on a GPU those may round to ten bits, and a variance taken from such moments
    is noise.
    """
    band = _band(image.shape[-1], sigma).to(image.device)
    return band @ image @ band.T


@lru_cache(maxsize=16)
def _band(count: int, sigma: float) -> Tensor:
    """(count, count) weights; what would reach past an edge goes to the edge."""
    reach = max(1, round(2.5 * sigma))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    matrix = np.zeros((count, count), dtype=np.float32)
    for shift, weight in zip(range(-reach, reach + 1), weights / weights.sum(), strict=True):
        np.add.at(
            matrix, (np.arange(count), np.clip(np.arange(count) + shift, 0, count - 1)), weight
        )
    return torch.from_numpy(matrix)
