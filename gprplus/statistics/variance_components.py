"""Sources of noise of a score: variance components by the method of moments.

The mean score of each (arm, seed, identity) follows

    y_asp = arm_a + identity_p + seed_s + (arm, identity)_ap + (arm, seed)_as + (seed, identity)_sp
    + rest_asp

with arms fixed and the rest random. In this balanced table the expectation of each mean square of
the analysis of variance is known, and solving the equations gives the components; if none is
negative they equal those of restricted maximum likelihood. All identities have equal weights,
whatever their number of queries. Intervals are generalized confidence intervals (Weerahandi 1993):
the mean squares are redrawn as chi-squared variables and solved again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gprplus.statistics.identity_variance import ScoreArray

NAMES = ("person", "seed", "arm x person", "arm x seed", "seed x person", "residual")
_AXES = {"a": 0, "s": 1, "p": 2}
_SQUARES = ("p", "s", "ap", "as", "sp", "asp")  # in the order of NAMES


@dataclass(frozen=True)
class VarianceComponent:
    """A source of noise: its variance (of scores 0-1) with a 95% interval; no variance without
    enough data."""

    name: str
    variance: float
    low: float
    high: float


def mean_squares(cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean squares and degrees of freedom of `cells (A, S, I)`, in the order of NAMES; NaN without
    any freedom."""
    squares, freedoms = [], []
    for term in _SQUARES:
        effect = _effect(cells, term)
        freedom = int(np.prod([cells.shape[_AXES[one]] - 1 for one in term]))
        repeats = cells.size / effect.size
        squares.append(repeats * float((effect**2).sum()) / freedom if freedom else np.nan)
        freedoms.append(freedom)
    return np.array(squares), np.array(freedoms)


def _effect(cells: np.ndarray, term: str) -> np.ndarray:
    """The table over the axes of a term, with the means over each of these axes taken out."""
    out = cells.mean(
        axis=tuple(axis for name, axis in _AXES.items() if name not in term), keepdims=True
    )
    for one in term:
        out = out - out.mean(axis=_AXES[one], keepdims=True)
    result: np.ndarray = out
    return result


def solve_components(squares: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Components `(..., 6)` in the order of NAMES from mean squares `(..., 6)` of `shape` (A, S,
    I); may be below 0."""
    arms, seeds, persons = shape
    p, s, ap, as_, sp, asp = np.moveaxis(np.asarray(squares, dtype=float), -1, 0)
    return np.stack(
        [
            (p - ap - sp + asp) / (arms * seeds),
            (s - as_ - sp + asp) / (arms * persons),
            (ap - asp) / seeds,
            (as_ - asp) / persons,
            (sp - asp) / arms,
            asp,
        ],
        axis=-1,
    )


def variance_components(
    scored: ScoreArray, rng: np.random.Generator, draws: int = 2000
) -> list[VarianceComponent]:
    """Compute the components of scored arms: at least two arms, two seeds and two identities, else
    an empty list."""
    cells = scored.identity_means()
    if min(cells.shape) < 2:
        return []
    squares, freedom = mean_squares(cells)
    found = np.maximum(solve_components(squares, cells.shape), 0)
    again = squares * freedom / rng.chisquare(freedom, size=(draws, len(freedom)))
    low, high = np.quantile(
        np.maximum(solve_components(again, cells.shape), 0), [0.025, 0.975], axis=0
    )
    return [
        VarianceComponent(*each)
        for each in zip(NAMES, *map(np.ndarray.tolist, (found, low, high)), strict=True)
    ]


def control_draw_component(
    scored: ScoreArray, groups: Sequence[Sequence[int]], rng: np.random.Generator
) -> VarianceComponent | None:
    """Variance between draws of one random control, in addition to the variance over identities and
    seeds.

    Pooled over `groups`, each the arms that are draws of one control; None if no group has two.
    """
    groups = [list(group) for group in groups if len(group) > 1]
    cells = scored.identity_means()
    if not groups or min(cells.shape[1:]) < 2:
        return None
    every = [_draw_squares(cells[group]) for group in groups]
    freedom = np.array([f for _, f in every]).sum(axis=0)
    squares = np.array([s * f for s, f in every]).sum(axis=0) / freedom
    scale = cells.shape[1] * cells.shape[2]

    def solved(four: np.ndarray) -> np.ndarray:
        result: np.ndarray = np.maximum(
            (four[..., 0] - four[..., 1] - four[..., 2] + four[..., 3]) / scale, 0
        )
        return result

    low, high = np.quantile(
        solved(squares * freedom / rng.chisquare(freedom, size=(2000, 4))), [0.025, 0.975]
    )
    return VarianceComponent("subset draw", float(solved(squares)), float(low), float(high))


def _draw_squares(cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean squares of draw, draw x identity, draw x seed and the rest, and their degrees of
    freedom."""
    squares, freedom = mean_squares(cells)
    between = cells.shape[1] * cells.shape[2] * cells.mean(axis=(1, 2)).var(ddof=1)
    chosen = [_SQUARES.index(term) for term in ("ap", "as", "asp")]
    return np.array([between, *squares[chosen]]), np.array([len(cells) - 1, *freedom[chosen]])


def clip_variances(found: Sequence[VarianceComponent]) -> Mapping[str, float]:
    """Components by name."""
    return {one.name: one.variance for one in found}
