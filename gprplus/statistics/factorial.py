"""Effects of factors that are each restricted or not: main effects, two-way interactions, and
shares of variance.

Signs are +1 where an arm restricts a factor, -1 where not. An effect is the mean score of the arms
with sign +1 less that of the arms with -1 (Box, Hunter and Hunter); an interaction's sign is the
product of its factors'. So AB is half of how much the effect of A changes when B is restricted too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from gprplus.statistics.seed_noise import pool_variances


@dataclass(frozen=True)
class FactorialEffect:
    """A main effect or two-way interaction: letters, its aliases, and the weights of arms
    `(N,)`."""

    name: str
    aliases: tuple[str, ...]
    weights: np.ndarray


def factorial_effects(signs: np.ndarray, letters: Sequence[str]) -> list[FactorialEffect]:
    """Return the effects up to two factors of `signs (N, k)` of -1 and +1; the first of several
    aliased ones represents all.

    >>> half = np.array([[-1, -1, 1], [1, -1, -1], [-1, 1, -1], [1, 1, 1]])  # C = AB
    >>> [(one.name, one.aliases) for one in factorial_effects(half, "ABC")]
    [('A', ('BC',)), ('B', ('AC',)), ('C', ('AB',))]
    """
    found: dict[tuple[float, ...], list[str]] = {}
    for size in (1, 2):
        for chosen in combinations(range(len(letters)), size):
            column = signs[:, chosen].prod(axis=1).astype(float)
            opposite = tuple(-column)
            name = "".join(letters[one] for one in chosen)
            if opposite in found:
                found[opposite].append(f"-{name}")
            else:
                found.setdefault(tuple(column), []).append(name)
    return [
        FactorialEffect(names[0], tuple(names[1:]), np.array(column) * 2 / len(signs))
        for column, names in found.items()
        if abs(sum(column)) < 0.5  # a column that is all of one sign is no comparison
    ]


def partial_omega_squared(means: np.ndarray, weights: np.ndarray) -> float:
    """Share of variance of an effect, in addition to seeds and the other effects, 0-1.

    `means (A, S)` of arms and seeds, `weights (A,)` of one effect; with F its mean square over the
    residual of arms and seeds and N = A S runs, omega^2 = (F - 1) / (F - 1 + N), not below 0
    (Olejnik and Algina 2003).
    """
    runs = means.size
    error, freedom = pool_variances(means)
    if freedom < 1:
        return float("nan")
    square = (weights @ means.mean(axis=1)) ** 2 * means.shape[1] / (weights**2).sum()
    if error <= 0:
        return float(square > 0)
    excess = max(square / error - 1, 0.0)
    return float(excess / (excess + runs))
