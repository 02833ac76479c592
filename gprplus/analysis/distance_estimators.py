"""Debiased distances between two samples whose images come in blocks: the images of one identity.

Both measures have one form. With a cost c(x, y), x and x' from two different blocks of one sample,
y and y' from two different blocks of the other,

    D = 2 E c(x, y) - E c(x, x') - E c(y, y')

c = |x - y| gives the energy distance (Szekely and Rizzo, "Energy statistics", 2013); c = 1 - k(x,
y) gives the squared maximum mean discrepancy (Gretton et al., "A kernel two-sample test", JMLR
2012, lemma 6). The usual estimators leave out pairs of an image with itself; these leave out all
pairs within a block, because images of one identity are not independent. They are unbiased for one
image drawn from each of many identities, and therefore can be negative for equal distributions. All
sums are kept for each pair of blocks, so that resampling identities is a matrix product.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class BlockSums:
    """Costs summed over pairs of blocks, `total` `(I, J)`, and the images in each: `rows` `(I,)`,
    `columns` `(J,)`."""

    total: np.ndarray
    rows: np.ndarray
    columns: np.ndarray


def squared_distances(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Euclidean distances `(N, M) float64` between rows of `(N, D)` and `(M, D)`."""
    squares = (left**2).sum(axis=1)[:, None] + (right**2).sum(axis=1)[None, :] - 2 * left @ right.T
    return np.sqrt(np.maximum(squares, 0.0))


def costs(apart: np.ndarray, bandwidth: float) -> dict[str, np.ndarray]:
    """The two costs of distances `(N, M)`: "energy" is the distance itself, "mmd2" is 1 - exp(-d^2
    / (2 bandwidth^2)).

    >>> {name: float(cost[0, 0].round(3)) for name, cost in costs(np.array([[1.0]]), 1.0).items()}
    {'energy': 1.0, 'mmd2': 0.393}
    """
    return {"energy": apart, "mmd2": -np.expm1(-0.5 * (apart / bandwidth) ** 2)}


def every_cost(
    left: np.ndarray, right: np.ndarray, bandwidth: float, wanted: Sequence[str]
) -> dict[str, np.ndarray]:
    """Compute the costs `wanted` between rows of `(N, D)` and `(M, D)`, each `(N, M)`.

    In addition to those of `costs`, mmd2_narrow and mmd2_wide have half and twice the bandwidth,
    and kid is the cubic polynomial of the kernel inception distance, -(x'y / D + 1)^3 (Binkowski et
    al., ICLR 2018, section 4).
    """
    apart = squared_distances(left, right)
    made = {
        "energy": lambda: apart,
        "mmd2": lambda: costs(apart, bandwidth)["mmd2"],
        "mmd2_narrow": lambda: costs(apart, bandwidth / 2)["mmd2"],
        "mmd2_wide": lambda: costs(apart, bandwidth * 2)["mmd2"],
        "kid": lambda: -((left @ right.T / left.shape[1] + 1) ** 3),
    }
    return {name: made[name]() for name in wanted}


def median_distance(points: np.ndarray, most: int = 1000) -> float:
    """The median distance between two points of a pool, taken from `most` evenly spread rows; never
    0."""
    chosen = points[np.unique(np.linspace(0, len(points) - 1, min(most, len(points))).astype(int))]
    apart = squared_distances(chosen, chosen)[np.triu_indices(len(chosen), k=1)]
    apart = apart[apart > 0]
    return float(np.median(apart)) if len(apart) else 1.0


def block_sums(cost: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> BlockSums:
    """Sum costs `(N, M)` over pairs of blocks; `rows` `(N,)` and `columns` `(M,)` are block numbers
    from 0."""
    left, right = _membership(rows), _membership(columns)
    return BlockSums(left @ cost @ right.T, left.sum(axis=1), right.sum(axis=1))


def _membership(blocks: np.ndarray) -> np.ndarray:
    return (np.arange(blocks.max() + 1)[:, None] == blocks[None, :]).astype(np.float64)


def between_groups(sums: BlockSums, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Mean cost over pairs of the two sides, `(B,)`, with blocks counted `left` `(B, I)` and
    `right` `(B, J)` times."""
    total = ((left @ sums.total) * right).sum(axis=1)
    return total / ((left @ sums.rows) * (right @ sums.columns))


def within_group(sums: BlockSums, weights: np.ndarray) -> np.ndarray:
    """Mean cost over pairs of two different blocks of one sample, `(B,)`, with blocks counted
    `weights` `(B, I)` times.

    A block that was drawn twice is not paired with itself: its copies are the same identity. NaN if
    only one block was drawn.
    """
    apart = sums.total - np.diag(np.diag(sums.total))
    total = ((weights @ apart) * weights).sum(axis=1)
    pairs = (weights @ sums.rows) ** 2 - ((weights * sums.rows) ** 2).sum(axis=1)
    return total / np.where(pairs > 0, pairs, np.nan)


def bootstrap_blocks(blocks: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """Draw the count of each block, `(1 + count, blocks) float64`: once each in row 0, then
    bootstrap draws."""
    drawn = rng.multinomial(blocks, np.full(blocks, 1 / blocks), size=count)
    return np.vstack([np.ones(blocks), drawn])
