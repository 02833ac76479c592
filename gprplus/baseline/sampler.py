"""Identity-balanced batches: P identities with K images of each for every step.

An epoch shuffles the images of every identity, cuts them into groups of K, and distributes the
groups so that a step never has an identity twice. An identity whose number of images is not a
multiple of K fills its last group with the first images of its shuffle, so that no image is dropped
and an image repeats within a group only if the identity has fewer than K. If fewer than P
identities have groups left, these groups move to the shuffle of the next epoch.
"""

from collections.abc import Iterator

import numpy as np

from gprplus.core.errors import TrainingError


def draw_batches(
    labels: np.ndarray,
    identities: int,
    images: int,
    rng: np.random.Generator,
    shares: np.ndarray | None = None,
) -> Iterator[np.ndarray]:
    """Yield steps endlessly, each `(P * K,) int64` positions in `labels (N,) int64`, sorted by
    identity.

    With fewer than P identities every step has all of them and is smaller. Raises TrainingError
    with fewer than two identities, because a triplet needs a negative. `shares (N,) float64` are
    weights of the images within their identity: in an epoch of n images of an identity, one with
    weight w occurs n w / (sum of w) times, rounded up or down at random.
    """
    owned = np.split(
        np.argsort(labels, kind="stable"), np.cumsum(np.unique(labels, return_counts=True)[1])[:-1]
    )
    if len(owned) < 2:
        raise TrainingError(
            "The training set has only one identity; at least two are required. Make a split with"
            " more identities."
        )
    per_step = min(identities, len(owned))
    while True:
        groups = [_groups(_drawn(positions, shares, rng), images, rng) for positions in owned]
        left = np.array([len(group) for group in groups])
        while np.count_nonzero(left) >= per_step:
            chosen = _fullest(left, rng.random(len(left)), per_step)
            left[chosen] -= 1
            yield np.concatenate([groups[one][left[one]] for one in chosen])


def _fullest(left: np.ndarray, chance: np.ndarray, count: int) -> np.ndarray:
    """The `count` identities with most groups left, the fullest first, by `chance` (in [0, 1))
    among equals: dealing at random would run dry with one identity's groups left over.

    Sorting all of them would take longer than a GPU takes for a step where there are 100,000.
    """
    order = chance - left
    few = np.argpartition(order, count - 1)[:count]
    return few[np.argsort(order[few])]


def _drawn(
    positions: np.ndarray, shares: np.ndarray | None, rng: np.random.Generator
) -> np.ndarray:
    """Return as many positions as there are, each as often as its weight: systematic sampling in
    random order."""
    if shares is None:
        return positions
    order = rng.permutation(positions)
    edges = np.cumsum(shares[order])
    if not edges[-1] > 0:
        return positions
    ticks = (rng.random() + np.arange(len(order))) * (edges[-1] / len(order))
    return order[np.minimum(np.searchsorted(edges, ticks, side="right"), len(order) - 1)]


def _groups(positions: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """Return the images of one identity, shuffled and cut into groups `(n, size)`, the last one
    filled up."""
    shuffled = rng.permutation(positions)
    return np.resize(shuffled, (-(-len(shuffled) // size), size))
