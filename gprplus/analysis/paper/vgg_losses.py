"""VGG-19 losses between many renders and some target images, without ever holding what all renders
give.

One image is half a million numbers in content and style each. Those of the target are held, those
of the renders pass by once: what remains of each is its distance to every target image, and per
level the sums from which the mean distance within the level follows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from gprplus.analysis import distance_estimators
from gprplus.analysis.features import vgg
from gprplus.analysis.features.base import ImageBatch, pixel_batches
from gprplus.analysis.matched_sample import CrossedSample
from gprplus.baseline.augment import normalize
from gprplus.core.parallel import Progress

if TYPE_CHECKING:
    from gprplus.analysis.paper.settings import LossNetwork, PaperSettings

_TOGETHER = 16


class WithinLevelDistance:
    """Mean squared distance between vectors of two different identities at one level, from sums
    alone.

    With Q the sum of squared lengths, S the sum of vectors, n their number, and q, s, m the same
    for one identity, the sum over ordered pairs of different identities is 2 (n Q - sum m q) - 2
    (|S|^2 - sum |s|^2), of n^2 - sum m^2 pairs. Identities are processed one after the other;
    `close` ends one.
    """

    def __init__(self, levels: int) -> None:
        self.sum: list[torch.Tensor | None] = [None] * levels
        self.own: list[torch.Tensor | None] = [None] * levels
        self.facts = np.zeros((levels, 5))  # n, Q, sum m q, sum |s|^2, sum m^2
        self.mine = np.zeros((levels, 2))  # m, q

    def add(self, level: int, vector: torch.Tensor) -> None:
        """Add one image of the current identity."""
        known = self.own[level]
        self.own[level] = vector.clone() if known is None else known.add_(vector)
        self.mine[level] += 1, float(vector.double().square().sum())

    def close(self) -> None:
        """End the current identity."""
        for level, own in enumerate(self.own):
            if own is None:
                continue
            m, q = self.mine[level]
            self.facts[level] += m, q, m * q, float(own.double().square().sum()), m * m
            known = self.sum[level]
            self.sum[level] = own.double() if known is None else known.add_(own)
            self.own[level] = None
        self.mine[:] = 0

    def mean(self) -> np.ndarray:
        """Return the distance by level, `(L,)`; NaN with only one identity."""
        n, whole, weighted, squares, same = self.facts.T
        total = np.array([0.0 if s is None else float(s.square().sum()) for s in self.sum])
        pairs = n**2 - same
        return (2 * (n * whole - weighted) - 2 * (total - squares)) / np.where(
            pairs > 0, pairs, np.nan
        )


@dataclass(frozen=True)
class PairLosses:
    """Content and style losses of every render with every target image, `(N, T) float64` in the
    order of `crossed.flat`; mean losses within each level of each factor, and within the target.
    """

    content: np.ndarray
    style: np.ndarray
    shape: tuple[int, ...]
    within: dict[str, list[np.ndarray]]
    target: dict[str, float]

    def debiased(self, term: str, axis: int) -> np.ndarray:
        """Return, by level of one factor, the mean over all pairs minus half of that within the
        level and the target.
        """
        cost = getattr(self, term).mean(axis=1).reshape(self.shape)
        level = cost.mean(axis=tuple(a for a in range(len(self.shape)) if a != axis + 1))
        return level - self.within[term][axis] / 2 - self.target[term] / 2


@torch.inference_mode()
def pair_losses(
    net: "LossNetwork",
    source: ImageBatch,
    target: ImageBatch,
    target_people: np.ndarray,
    crossed: CrossedSample,
    settings: "PaperSettings",
    workers: int | None,
    progress: Progress,
) -> PairLosses:
    """Process every image once. `source` is in the order of `crossed.flat`, sorted by identity."""
    size = (settings.height, settings.width)
    terms = ("content", "style")
    held: dict[str, list[torch.Tensor]] = {term: [] for term in terms}
    for pixels in pixel_batches(target, size, workers, lambda done, total: None, _TOGETHER):
        for term, vectors in _vectors(net, pixels, settings).items():
            held[term].append(vectors)
    others = {term: torch.cat(parts) for term, parts in held.items()}
    shape = crossed.rows.shape
    place = np.stack([axis.ravel() for axis in np.indices(shape)], axis=1)
    within = {term: [WithinLevelDistance(levels) for levels in shape[1:]] for term in terms}
    costs: dict[str, list[np.ndarray]] = {term: [] for term in terms}
    row = 0
    for pixels in pixel_batches(source, size, workers, progress, _TOGETHER):
        for term, vectors in _vectors(net, pixels, settings).items():
            costs[term].append(_squares(vectors, others[term]))
            for i, vector in enumerate(vectors, start=row):
                for factor, sums in enumerate(within[term]):
                    sums.add(place[i, factor + 1], vector)
                    if (i + 1) % int(np.prod(shape[1:])) == 0:
                        sums.close()
        row += len(pixels)
    blocks = np.unique(target_people, return_inverse=True)[1]
    return PairLosses(
        np.concatenate(costs["content"]),
        np.concatenate(costs["style"]),
        shape,
        {term: [sums.mean() for sums in each] for term, each in within.items()},
        {term: _inside(_squares(y, y), blocks) for term, y in others.items()},
    )


def _vectors(
    net: "LossNetwork", pixels: np.ndarray, settings: "PaperSettings"
) -> dict[str, torch.Tensor]:
    """The vectors of vgg.content and vgg.style, `(B, D)` each."""
    names: Sequence[str] = dict.fromkeys([settings.content_layer, *settings.style_layers])  # type: ignore[assignment]
    maps = net.model.maps(normalize(torch.from_numpy(pixels).to(net.device)), list(names))
    styled = {name: maps[name] for name in settings.style_layers}
    return {
        "content": vgg.content(maps[settings.content_layer]),
        "style": vgg.style(styled, 1 / len(settings.style_layers)),
    }


def _squares(left: torch.Tensor, right: torch.Tensor) -> np.ndarray:
    """Squared distances `(N, M) float64`."""
    long = left.square().sum(dim=1)[:, None] + right.square().sum(dim=1)[None, :]
    return (long - 2 * left @ right.T).clamp_min(0).double().cpu().numpy()


def _inside(cost: np.ndarray, people: np.ndarray) -> float:
    """Return the mean over pairs of different identities."""
    return float(
        distance_estimators.within_group(
            distance_estimators.block_sums(cost, people, people), np.ones((1, people.max() + 1))
        )[0]
    )
