"""Cameras: rays of samples, and projection of world points.

Samples are kept in square tiles, so that a shape is only tested where it can be and the work is
still one batch. The world is in meters, z up; the person is at the origin and faces +y, so +x is
the person's right.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

TILE = 8


@dataclass(frozen=True)
class CameraRays:
    """A pinhole (or, `parallel`, an infinitely far one) over `width` x `height` samples.

    `axes` has rows right, up, forward. `scale` is samples per unit of tangent, or per metre when
    parallel; `centre` is the sample that the axis passes through.
    """

    origin: np.ndarray
    axes: np.ndarray
    scale: float
    centre: tuple[float, float]
    width: int
    height: int
    parallel: bool = False

    @cached_property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of tiles."""
        return -(-self.height // TILE), -(-self.width // TILE)

    def project(self, points: np.ndarray) -> np.ndarray:
        """World points (..., 3) to (x, y, depth) in samples and metres; depth <= 0 is behind the
        camera."""
        local = (points - self.origin) @ self.axes.T
        depth = local[..., 2]
        divide = 1.0 if self.parallel else np.maximum(depth, 1e-3)
        x = self.centre[0] + self.scale * local[..., 0] / divide
        y = self.centre[1] - self.scale * local[..., 1] / divide
        return np.stack([x, y, depth], axis=-1)

    def rays(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """Origins and directions, each `(tiles or 1, 3, TILE² or 1) float32`; a pinhole's
        directions have depth 1, so t is depth.
        """
        rows, columns = self.grid
        y = (self.centre[1] - torch.arange(rows * TILE, device=device) - 0.5) / self.scale
        x = (torch.arange(columns * TILE, device=device) + 0.5 - self.centre[0]) / self.scale
        x = (
            x.view(1, columns, 1, TILE)
            .expand(rows, columns, TILE, TILE)
            .reshape(rows * columns, 1, TILE * TILE)
        )
        y = (
            y.view(rows, 1, TILE, 1)
            .expand(rows, columns, TILE, TILE)
            .reshape(rows * columns, 1, TILE * TILE)
        )
        right, up, forward = torch.from_numpy(self.axes.astype(np.float32)).to(device)[
            :, None, :, None
        ]
        plane = right * x + up * y
        start = torch.from_numpy(self.origin.astype(np.float32)).to(device)[None, :, None]
        return (start + plane, forward) if self.parallel else (start, plane + forward)

    def directions(self, device: torch.device) -> Tensor:
        """Directions of all samples of a pinhole, row-major: (3, height x width)."""
        _, direction = self.rays(device)
        return torch.stack([self.pixels(direction[:, i]).reshape(-1) for i in range(3)])

    def pixels(self, tiled: Tensor) -> Tensor:
        """(tiles, TILE²) samples as a (height, width) image."""
        rows, columns = self.grid
        image = (
            tiled.view(rows, columns, TILE, TILE)
            .permute(0, 2, 1, 3)
            .reshape(rows * TILE, columns * TILE)
        )
        return image[: self.height, : self.width]


@dataclass(frozen=True)
class Orbit:
    """A circle around the person that cameras are on, in meters.

    Args:
        distance: radius of the circle.
        height: of the camera.
        aim: height of the point that it looks at.
        span: height of the picture at the person.
    """

    distance: float
    height: float
    aim: float
    span: float


def orbit_camera(
    degree: float,
    orbit: Orbit,
    *,
    size: tuple[int, int],
    shift: tuple[float, float] = (0.0, 0.0),
    margin: int = 0,
    samples: int = 1,
) -> CameraRays:
    """The camera at `degree` around the person: 90 is in front, 180 at the right hand (the person
    then faces image right).

    `size` is (width, height) in pixels; `shift` moves the picture by so
    many pixels; `margin` pixels are added on each side; `samples` per pixel and axis.
    """
    turn = np.radians(degree)
    origin = np.array([-np.cos(turn) * orbit.distance, np.sin(turn) * orbit.distance, orbit.height])
    axes, reach = _aimed(origin, np.array([0.0, 0.0, orbit.aim]))
    width, rows = size
    return CameraRays(
        origin=origin,
        axes=axes,
        scale=rows * reach / orbit.span * samples,
        centre=(
            (width / 2 + margin + shift[0]) * samples,
            (rows / 2 + margin + shift[1]) * samples,
        ),
        width=(width + 2 * margin) * samples,
        height=(rows + 2 * margin) * samples,
    )


def fixed_camera(
    origin: np.ndarray, target: np.ndarray, *, span: float, size: tuple[int, int], samples: int
) -> CameraRays:
    """A camera at `origin` that looks at `target` (meters); `span`, `size` and `samples` as for
    orbit."""
    axes, reach = _aimed(origin, target)
    width, height = size[0] * samples, size[1] * samples
    return CameraRays(origin, axes, height * reach / span, (width / 2, height / 2), width, height)


def _aimed(origin: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, float]:
    """Axes (rows right, up, forward) of a level camera that looks from one point at another, and
    how far that is."""
    forward = target - origin
    reach = float(np.linalg.norm(forward))
    forward = forward / reach
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right = right / np.linalg.norm(right)
    return np.stack([right, np.cross(right, forward), forward]), reach


def light_rays(
    towards_light: np.ndarray, middle: np.ndarray, radius: float, samples: int
) -> CameraRays:
    """Parallel rays from a light: a square of `samples` that covers `radius` metres around
    `middle`."""
    forward = -towards_light / np.linalg.norm(towards_light)
    right = np.cross(forward, [0.0, 0.3, 1.0])
    right = right / np.linalg.norm(right)
    axes = np.stack([right, np.cross(right, forward), forward])
    half = samples / 2
    return CameraRays(
        middle - forward * 2 * radius,
        axes,
        half / radius,
        (half, half),
        samples,
        samples,
        parallel=True,
    )
