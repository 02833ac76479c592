"""Geometry, intersected once: which shape each sample sees, how far away, and what its surface is
like there."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gprplus.engine.raycast.camera import TILE, CameraRays
from gprplus.engine.raycast.intersect import FAR, dot, intersect_rays, surface_normals
from gprplus.engine.raycast.shapes import Solids

# Rows (a shape in a tile) that are tried at once on a CPU: their rays and roots then stay in the
# second-level cache.
CPU_ROWS = 384
NOTHING = 0x7F800000 << 16  # the key of an infinite depth


@dataclass(frozen=True)
class Surface:
    """Surface attributes of the V samples that hit a shape. `sample` (V,) counts in the image
    (row-major); meters.

    `depth` is the ray's t, `point` (3, V) in the world, `normal` (3, V) of unit length towards the
    camera, `material` (V,), `place` (3, V) the pattern coordinates, `radius` (V,) the radius of the
    shape.
    """

    sample: Tensor
    depth: Tensor
    point: Tensor
    normal: Tensor
    material: Tensor
    place: Tensor
    radius: Tensor

    def image(self, view: CameraRays) -> Tensor:
        """Depth of every sample of the view it was cast from, `(height, width) float32`; infinite
        where nothing is."""
        depth = torch.full((view.height * view.width,), FAR, device=self.depth.device)
        depth[self.sample] = self.depth
        return depth.view(view.height, view.width)

    def part(self, chosen: Tensor) -> "Surface":
        """The samples that positions (W,) name."""
        return Surface(
            self.sample[chosen],
            self.depth[chosen],
            self.point[:, chosen],
            self.normal[:, chosen],
            self.material[chosen],
            self.place[:, chosen],
            self.radius[chosen],
        )


def cast_rays(solids: Solids, view: CameraRays) -> Surface:
    """Return the surface attributes of all samples of `view` that hit some shapes."""
    origin, direction = view.rays(solids.device)
    depth, owner = (
        view.pixels(tiled).reshape(-1) for tiled in _nearest(solids, view, origin, direction)
    )
    sample = torch.nonzero(owner >= 0).squeeze(1)
    depth, owner = depth[sample], owner[sample]

    def of_samples(rays: Tensor) -> Tensor:
        if rays.shape[2] == 1:
            return rays[0]
        return torch.stack([view.pixels(rays[:, i]).reshape(-1)[sample] for i in range(3)])

    start, along = of_samples(origin), of_samples(direction)
    return _surface(solids, sample, owner, depth, start + depth * along, along)


def sample_coverage(solids: Solids, view: CameraRays) -> Tensor:
    """Depth only, `(height, width) float32`, infinite where nothing is: what a shadow map needs."""
    return view.pixels(_nearest(solids, view, *view.rays(solids.device))[0])


def _rows(solids: Solids, view: CameraRays) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of shape and tile that may meet, sorted by group: from the boxes of the shapes on the
    screen."""
    rows, columns = view.grid
    order = np.argsort(solids.group, kind="stable")
    seen = view.project(solids.corners[order])
    ahead = (seen[..., 2] > (-FAR if view.parallel else 0.05)).sum(1)
    partly = (ahead > 0) & (ahead < 8)  # a shape next to the camera can be anywhere on the screen
    flat = np.where(partly[:, None, None], [[0.0, 0.0], [1e9, 1e9]] * 4, seen[..., :2])
    first = np.clip(np.floor(flat.min(1) / TILE), 0, [columns, rows]).astype(np.int64)
    last = np.clip(np.ceil(flat.max(1) / TILE), 0, [columns, rows]).astype(np.int64)
    wide, high = (np.maximum(last - first, 0) * (ahead > 0)[:, None]).T
    shape = np.repeat(np.arange(len(order)), wide * high)
    place = np.arange(len(shape)) - np.repeat(np.cumsum(wide * high) - wide * high, wide * high)
    x, y = first[shape, 0] + place % wide[shape], first[shape, 1] + place // wide[shape]
    across, low, top = _strips(flat)
    middle = across[shape, 0] * (x + 0.5) + across[shape, 1] * (y + 0.5)
    kept = (middle >= low[shape]) & (middle <= top[shape])
    return order[shape[kept]], (y * columns + x)[kept]


def _strips(corners: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The strip along each shape's axis that holds its box on the screen: a slanting limb fills
    little of an upright rectangle.

    `corners` (N, 8, 2) in samples. Returns the direction across (N, 2), and the lowest and highest
    place (N,) along it that the middle of a tile may have; places count in tiles.
    """
    along = corners[:, 4:].mean(1) - corners[:, :4].mean(1)
    across = (
        np.stack([-along[:, 1], along[:, 0]], axis=1)
        / np.maximum(np.linalg.norm(along, axis=1), 1e-6)[:, None]
    )
    place = (corners * across[:, None]).sum(2) / TILE
    reach = 0.5 * np.abs(across).sum(1)
    return across, place.min(1) - reach, place.max(1) + reach


def _nearest(
    solids: Solids, view: CameraRays, origin: Tensor, direction: Tensor
) -> tuple[Tensor, Tensor]:
    """Depth and shape number nearest to each sample, (tiles, TILE²); infinity and -1 where nothing
    is."""
    device = solids.device
    shape, tile = _rows(solids, view)
    group = solids.group[shape]
    shapes, tiles = torch.from_numpy(shape).to(device), torch.from_numpy(tile).to(device)
    best = torch.full(
        (view.grid[0] * view.grid[1], TILE * TILE), NOTHING, dtype=torch.long, device=device
    )
    every = len(shape) + 1 if device.type == "cuda" else CPU_ROWS
    for value in np.unique(group).tolist():
        begin, end = np.searchsorted(group, [value, value + 1]).tolist()
        for start in range(begin, end, every):
            part = slice(start, min(start + every, end))
            chosen, where = shapes[part], tiles[part]
            linear = solids.linear[chosen]
            o = linear @ (origin[where] if len(origin) > 1 else origin) + solids.offset[chosen]
            d = linear @ (direction[where] if len(direction) > 1 else direction)
            clip = solids.clip[chosen] if value % 2 else None
            t = intersect_rays(value // 2, o, d, solids.size[chosen], clip)
            _keep_nearest(best, t, chosen, where)
    depth = (best >> 16).int().view(torch.float32)
    return depth, torch.where(depth < FAR, best & 0xFFFF, -1)


def _keep_nearest(best: Tensor, t: Tensor, shape: Tensor, tile: Tensor) -> None:
    """Lower `best` to the keys of these hits: depth in the upper bits, shape in the lower, so ties
    do not depend on batches.
    """
    bits = t.view(torch.int32).long()  # positive floats sort like their bits
    best.scatter_reduce_(0, tile[:, None].expand_as(t), bits << 16 | shape[:, None], "amin")


def _surface(
    solids: Solids, sample: Tensor, owner: Tensor, depth: Tensor, point: Tensor, along: Tensor
) -> Surface:
    rows = [
        solids.linear.flatten(1),
        solids.offset.flatten(1),
        solids.size,
        solids.texture.flatten(1),
    ]
    table = torch.cat(rows, dim=1).T.contiguous().index_select(1, owner)
    m, offset, size, texture = (
        table[:9].view(3, 3, -1),
        table[9:12],
        table[12:15],
        table[15:].view(3, 4, -1),
    )
    local = torch.stack([dot(row, point) + shift for row, shift in zip(m, offset, strict=True)])
    own = surface_normals(solids.kind[owner], local, size)
    normal = unit_vectors(torch.stack([dot(m[:, i], own) for i in range(3)]))
    normal = torch.where(dot(normal, along) > 0, -normal, normal)
    place = torch.stack([dot(row, point) + row[3] for row in texture])
    return Surface(sample, depth, point, normal, solids.material[owner], place, size[0])


def unit_vectors(vector: Tensor) -> Tensor:
    """Vectors (3, V) scaled to unit length."""
    return vector / dot(vector, vector).sqrt().clamp_min(1e-12)
