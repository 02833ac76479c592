"""Geometry, intersected once: which shape each sample sees, how far away, and what its surface is like there."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gprplus.engine.camera import TILE, View
from gprplus.engine.intersect import FAR, dot, intersect, normals
from gprplus.engine.shapes import NO_CLIP, Shapes, Solids

# Rows (a shape in a tile) that are tried at once on a CPU: their rays and roots then stay in the second-level cache.
CPU_ROWS = 96
NOTHING = 0x7F800000 << 16  # the key of an infinite depth


@dataclass(frozen=True)
class Surface:
    """What the V samples that see a shape see. `sample` (V,) counts in the image (row-major); lengths in metres.

    `depth` is the ray's t, `point` (3, V) in the world, `normal` (3, V) of unit length towards the camera, `material`
    (V,), `place` (3, V) where the pattern is drawn, `radius` (V,) the shape's own.
    """

    sample: Tensor
    depth: Tensor
    point: Tensor
    normal: Tensor
    material: Tensor
    place: Tensor
    radius: Tensor


def cast(shapes: Shapes, view: View, device: torch.device) -> Surface:
    """Everything that `view` sees of `shapes`."""
    solids = shapes.tensors(device)
    origin, direction = view.rays(device)
    shape, tile = _rows(shapes, view)
    depth, owner = _nearest(solids, shape, tile, origin, direction, shapes, view)
    depth_image, owner_image = view.pixels(depth).reshape(-1), view.pixels(owner).reshape(-1)
    sample = torch.nonzero(owner_image >= 0).squeeze(1)
    owner_seen, depth_seen = owner_image[sample], depth_image[sample]

    def of_samples(rays: Tensor) -> Tensor:
        if rays.shape[2] == 1:
            return rays[0]
        return torch.stack([view.pixels(rays[:, i]).reshape(-1)[sample] for i in range(3)])

    start, along = of_samples(origin), of_samples(direction)
    return _surface(solids, sample, owner_seen, depth_seen, start + depth_seen * along, along)


def coverage(shapes: Shapes, view: View, device: torch.device) -> Tensor:
    """Depth only, `(height, width) float32`, infinite where nothing is: what a shadow map needs."""
    solids = shapes.tensors(device)
    origin, direction = view.rays(device)
    shape, tile = _rows(shapes, view)
    depth, _ = _nearest(solids, shape, tile, origin, direction, shapes, view)
    return view.pixels(depth)


def _rows(shapes: Shapes, view: View) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of shape and tile that may meet, sorted by kind: from the boxes of the shapes on the screen."""
    rows, columns = view.grid
    seen = view.project(shapes.corners())
    ahead = seen[..., 2] > (-FAR if view.parallel else 0.05)
    low, high = seen[..., :2].min(1), seen[..., :2].max(1)
    partly = ahead.any(1) & ~ahead.all(1)  # a shape beside the camera may be anywhere on the screen
    low[partly], high[partly] = 0.0, 1e9
    first = np.clip(np.floor(low / TILE), 0, [columns, rows]).astype(int)
    last = np.clip(np.ceil(high / TILE), 0, [columns, rows]).astype(int)
    last[~ahead.any(1)] = first[~ahead.any(1)]
    order = np.lexsort((_clipped(shapes), np.array(shapes.kind)))
    shape, tile = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for i in order:
        (x0, y0), (x1, y1) = first[i], last[i]
        tiles = (np.arange(y0, y1)[:, None] * columns + np.arange(x0, x1)).ravel()
        tile.append(tiles)
        shape.append(np.full(len(tiles), i))
    return np.concatenate(shape), np.concatenate(tile)


def _clipped(shapes: Shapes) -> np.ndarray:
    return np.array([tuple(clip) != NO_CLIP for clip in shapes.clip])


def _nearest(
    solids: Solids,
    shape: np.ndarray,
    tile: np.ndarray,
    origin: Tensor,
    direction: Tensor,
    shapes: Shapes,
    view: View,
) -> tuple[Tensor, Tensor]:
    """Depth and shape number nearest to each sample, (tiles, TILE²); -1 and infinity where nothing is."""
    device = direction.device
    best = torch.full((view.grid[0] * view.grid[1], TILE * TILE), NOTHING, dtype=torch.long, device=device)
    group = np.array(shapes.kind)[shape] * 2 + _clipped(shapes)[shape] if len(shape) else np.zeros(0, dtype=int)
    every = len(shape) + 1 if device.type == "cuda" else CPU_ROWS
    for value in np.unique(group):
        members = np.flatnonzero(group == value)
        for start in range(0, len(members), every):
            part = members[start : start + every]
            chosen = torch.from_numpy(shape[part]).to(device)
            where = torch.from_numpy(tile[part]).to(device)
            linear = solids.linear[chosen]
            o = linear @ (origin[where] if origin.shape[0] > 1 else origin) + solids.offset[chosen]
            d = linear @ (direction[where] if direction.shape[0] > 1 else direction)
            clip = solids.clip[chosen] if value % 2 else None
            t = intersect(int(value) // 2, o, d, solids.size[chosen], clip)
            _keep_nearest(best, t, chosen, where)
    depth = (best >> 16).int().view(torch.float32)
    return depth, torch.where(depth < FAR, best & 0xFFFF, -1)


def _keep_nearest(best: Tensor, t: Tensor, shape: Tensor, tile: Tensor) -> None:
    """Lower `best` to the keys of these hits: depth in the upper bits, shape in the lower, so ties do not depend on
    batches.
    """
    bits = t.view(torch.int32).long()  # positive floats sort like their bits
    best.scatter_reduce_(0, tile[:, None].expand_as(t), bits << 16 | shape[:, None], "amin")


def _surface(solids: Solids, sample: Tensor, owner: Tensor, depth: Tensor, point: Tensor, along: Tensor) -> Surface:
    m = solids.linear.reshape(-1, 9).T[:, owner].view(3, 3, -1)
    offset, size = solids.offset[:, :, 0].T[:, owner], solids.size.T[:, owner]
    local = torch.stack([dot(row, point) + shift for row, shift in zip(m, offset, strict=True)])
    own = normals(solids.kind[owner], local, size)
    normal = unit(torch.stack([dot(m[:, i], own) for i in range(3)]))
    normal = torch.where(dot(normal, along) > 0, -normal, normal)
    texture = solids.texture.reshape(-1, 12).T[:, owner].view(3, 4, -1)
    place = torch.stack([dot(row, point) + row[3] for row in texture])
    return Surface(sample, depth, point, normal, solids.material[owner], place, size[0])


def unit(vector: Tensor) -> Tensor:
    """Vectors (3, V) scaled to unit length."""
    return vector / dot(vector, vector).sqrt().clamp_min(1e-12)
