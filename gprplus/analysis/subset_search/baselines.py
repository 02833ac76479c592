"""Other ways to choose cells under the same budget, by the same distance: what a search has to
beat.

All work on one `SubsetProblem` and give weights `(C,)`, or None where what they keep cannot fill
the budget.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain

import numpy as np

from gprplus.analysis.subset_search.qp import project_to_simplex, round_counts, solve_weights

_SWEEPS = 20


@dataclass(frozen=True)
class SubsetProblem:
    """Q `(C, C)` and b `(C,)` of weights.solve, the level numbers of each cell `(C, K)`, how many
    images each cell can give `(C,)`, the images wanted, and the groups that keep at least `least`
    of the weight.
    """

    within: np.ndarray
    across: np.ndarray
    levels: np.ndarray
    most: np.ndarray
    images: int
    groups: np.ndarray
    least: np.ndarray
    ridge: float

    @property
    def upper(self) -> np.ndarray:
        """The largest weight of each cell."""
        return self.most / self.images

    def objective(self, weights: np.ndarray) -> float:
        """w'Qw - 2 b'w: the squared discrepancy up to a constant."""
        return float(weights @ self.within @ weights - 2 * self.across @ weights)

    def filled(self, weights: np.ndarray) -> np.ndarray | None:
        """The nearest weights on the same cells that the images suffice for."""
        upper = np.where(weights > 0, self.upper, 0.0)
        if upper.sum() < 1 - 1e-12:
            return None
        return project_to_simplex(
            weights, upper, np.zeros(len(weights), dtype=np.int64), np.zeros(1)
        )


def convex_subset(problem: SubsetProblem) -> np.ndarray:
    """The optimum of weights.solve, with its floors."""
    return solve_weights(
        problem.within,
        problem.across,
        ridge=problem.ridge,
        upper=problem.upper,
        groups=problem.groups,
        least=problem.least,
    )


def threshold_subset(problem: SubsetProblem) -> np.ndarray | None:
    """The paper's way: in each factor by itself the levels not above their mean, in all
    combinations."""
    return _even(problem, [_near(problem, factor) for factor in range(problem.levels.shape[1])])


def greedy_subset(problem: SubsetProblem) -> np.ndarray | None:
    """Level after level is left out while that brings the mixture nearer and the budget can still
    be filled."""
    kept = [set(np.unique(column).tolist()) for column in problem.levels.T]
    best = _even(problem, kept)
    while best is not None:
        smaller = [
            [levels - {level} if k == factor else levels for k, levels in enumerate(kept)]
            for factor, level in chain.from_iterable(
                ((k, level) for level in sorted(s)) for k, s in enumerate(kept)
            )
            if len(kept[factor]) > 1
        ]
        tried = [
            (problem.objective(w), i, w)
            for i, s in enumerate(smaller)
            if (w := _even(problem, s)) is not None
        ]
        if not tried or min(tried)[0] >= problem.objective(best):
            break
        _, place, best = min(tried, key=lambda one: one[:2])
        kept = smaller[place]
    return best


def coordinate_subset(problem: SubsetProblem) -> np.ndarray | None:
    """Attribute descent (Yao et al., "Simulating content consistent vehicle datasets with attribute
    descent", 2020): one distribution a factor, the cell's weight their product; each factor in turn
    takes its best distribution, here exactly, given the others, until nothing moves.
    """
    sizes = problem.levels.max(axis=0) + 1
    share = [np.full(size, 1 / size) for size in sizes]
    for _ in range(_SWEEPS):
        before = [each.copy() for each in share]
        for factor, size in enumerate(sizes):
            parts = [s[problem.levels[:, k]] for k, s in enumerate(share) if k != factor]
            other = np.prod([np.ones(len(problem.levels)), *parts], axis=0)
            spread = np.where(problem.levels[:, [factor]] == np.arange(size), other[:, None], 0.0)
            share[factor] = solve_weights(
                spread.T @ problem.within @ spread,
                spread.T @ problem.across,
                ridge=problem.ridge / size,
                upper=np.ones(size),
                groups=np.zeros(size, dtype=np.int64),
                least=np.zeros(1),
            )
        if max(np.abs(a - b).max() for a, b in zip(before, share, strict=True)) < 1e-6:
            break
    product = np.prod([s[problem.levels[:, k]] for k, s in enumerate(share)], axis=0)
    return project_to_simplex(
        product, problem.upper, np.zeros(len(product), dtype=np.int64), np.zeros(1)
    )


def random_images(
    problem: SubsetProblem, searched: np.ndarray, rng: np.random.Generator
) -> np.ndarray | None:
    """Draw as many images as the budget has, from all images."""
    del searched
    return rng.multivariate_hypergeometric(problem.most, problem.images) / problem.images


def random_levels(
    problem: SubsetProblem, searched: np.ndarray, rng: np.random.Generator
) -> np.ndarray | None:
    """Permute the levels of each factor of the searched subset randomly: the number and weights of
    levels are equal."""
    sizes = problem.levels.max(axis=0) + 1
    names = [rng.permutation(size) for size in sizes]
    renamed = np.stack([name[problem.levels[:, k]] for k, name in enumerate(names)])
    weights = np.zeros(len(searched))
    weights[np.ravel_multi_index(tuple(renamed), tuple(sizes))] = searched
    return problem.filled(weights)


CHOSEN: dict[str, Callable[[SubsetProblem], np.ndarray | None]] = {
    "searched": convex_subset,
    "coordinate": coordinate_subset,
    "greedy": greedy_subset,
    "threshold": threshold_subset,
}
DRAWN: dict[str, Callable[[SubsetProblem, np.ndarray, np.random.Generator], np.ndarray | None]] = {
    "random-levels": random_levels,
    "random-images": random_images,
}


def _near(problem: SubsetProblem, factor: int) -> set[int]:
    """The levels of one factor whose even mixture is not farther than the mean over its levels."""
    levels = np.unique(problem.levels[:, factor])
    far = np.array(
        [problem.objective(_mean(problem.levels[:, factor] == level)) for level in levels]
    )
    return set(levels[far <= far.mean() + 1e-12].tolist())


def _mean(inside: np.ndarray) -> np.ndarray:
    return inside / inside.sum()


def _even(problem: SubsetProblem, kept: list[set[int]]) -> np.ndarray | None:
    """Weight all combinations of the kept levels equally."""
    inside = np.all(
        [np.isin(problem.levels[:, k], sorted(levels)) for k, levels in enumerate(kept)], axis=0
    )
    return problem.filled(_mean(inside))


def whole_counts(problem: SubsetProblem, weights: np.ndarray) -> np.ndarray:
    """The images of each cell, `(C,) int64`."""
    return round_counts(weights, problem.images, problem.most)
