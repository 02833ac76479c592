"""Which images go into which step: P identities, K images of each.

An epoch shuffles the images of every identity, cuts them into groups of K, and deals the groups so that a step never
holds an identity twice. An identity whose images do not divide by K fills its last group with the first ones of its
shuffle, so that no image is dropped and an image repeats within a group only where the identity has fewer than K.
What remains when fewer than P identities have groups left goes over into the next epoch's shuffle.
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
    """An endless stream of steps, each `(P * K,) int64` positions in `labels (N,) int64`, identity by identity.

    With fewer than P identities every step holds all of them and the step is smaller. Raises TrainingError when there
    are fewer than two: a triplet needs a stranger. `shares (N,) float64` are weights of the images within their
    identity: in an epoch of n images of it, one with weight w stands n w / (sum of w) times, rounded up or down by
    chance.
    """
    owned = np.split(np.argsort(labels, kind="stable"), np.cumsum(np.unique(labels, return_counts=True)[1])[:-1])
    if len(owned) < 2:
        raise TrainingError(
            "The training set has one identity only; two are the least that can be told apart. Build a split with more."
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
    """The `count` identities with most groups left, the fullest first, by `chance` (in [0, 1)) among equals: dealing at
    random would run dry with one identity's groups left over.

    Sorting all of them would take longer than a GPU takes for a step where there are 100,000.
    """
    order = chance - left
    few = np.argpartition(order, count - 1)[:count]
    return few[np.argsort(order[few])]


def _drawn(positions: np.ndarray, shares: np.ndarray | None, rng: np.random.Generator) -> np.ndarray:
    """As many positions as there are, each as often as its weight says: systematic sampling in a random order."""
    if shares is None:
        return positions
    order = rng.permutation(positions)
    edges = np.cumsum(shares[order])
    if not edges[-1] > 0:
        return positions
    ticks = (rng.random() + np.arange(len(order))) * (edges[-1] / len(order))
    return order[np.minimum(np.searchsorted(edges, ticks, side="right"), len(order) - 1)]


def _groups(positions: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """One identity's images shuffled and cut into groups `(n, size)`, the last one filled up."""
    shuffled = rng.permutation(positions)
    return np.resize(shuffled, (-(-len(shuffled) // size), size))
