"""Sources of noise of a score: variance components by the method of moments.

The mean score of each (arm, seed, identity) follows

    y_asp = arm_a + identity_p + seed_s + (arm, identity)_ap + (arm, seed)_as + (seed, identity)_sp
    + rest_asp

with arms fixed and the rest random. In this balanced table the expectation of each mean square of
the analysis of variance is known, and solving the equations gives the components; if none is
negative they equal those of restricted maximum likelihood. Identities have the weights of their
queries, as in a score: means over identities are weighted, squared deviations count by the factors
of `identity_variance`, and the number of identities is the effective one. So the components give
the error of a score or difference as `contrasts` estimates it, if numbers of queries are unequal
too; with equal ones this is the usual table. Intervals are generalized confidence intervals
(Weerahandi 1993): the mean squares are redrawn as chi-squared variables and solved again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gprplus.statistics.identity_variance import ScoreArray, df_of_shares, variance_factors

NAMES = ("person", "seed", "arm x person", "arm x seed", "seed x person", "residual")
ROUNDING = 1e-9  # of an effective number of identities
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


def mean_squares(cells: np.ndarray, share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean squares and degrees of freedom of `cells (A, S, I)`, in the order of NAMES, for shares
    `(I,)` of the queries; NaN without any freedom."""
    units = _units(cells, share)
    degrees = dict(zip(_AXES, [*(one - 1 for one in cells.shape[:2]), units[2] - 1], strict=True))
    squares, freedoms = [], []
    for term in _SQUARES:
        effect = _effect(cells, term, share) ** 2
        if "p" in term:  # without weights each square counts 1 / (I - 1), as the freedom has it
            effect = effect * variance_factors(share) * units[2] * degrees["p"]
        freedom = float(np.prod([degrees[one] for one in term]))
        repeats = float(np.prod([units[axis] for name, axis in _AXES.items() if name not in term]))
        squares.append(repeats * float(effect.sum()) / freedom if freedom else np.nan)
        freedoms.append(freedom)
    return np.array(squares), np.array(freedoms)


def _units(cells: np.ndarray, share: np.ndarray) -> tuple[int, int, float]:
    """Numbers of arms, of seeds, and the effective number of identities."""
    return cells.shape[0], cells.shape[1], df_of_shares(share) + 1


def _effect(cells: np.ndarray, term: str, share: np.ndarray) -> np.ndarray:
    """The table over the axes of a term, with the means over each of these axes taken out."""
    out = cells
    for name, axis in _AXES.items():
        weights = share if name == "p" else None
        mean = np.expand_dims(np.average(out, axis=axis, weights=weights), axis)
        out = out - mean if name in term else mean
    return out


def solve_components(squares: np.ndarray, shape: tuple[int, int, float]) -> np.ndarray:
    """Components `(..., 6)` in the order of NAMES from mean squares `(..., 6)` of `shape` (A, S,
    I), I the effective number of identities; may be below 0."""
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
    """Compute the components of scored arms: at least two arms, two seeds and an effective number
    of two identities, else an empty list."""
    cells, share = scored.identity_means(), scored.counts / scored.counts.sum()
    units = _units(cells, share)
    if min(units) < 2 - ROUNDING:
        return []
    squares, freedom = mean_squares(cells, share)
    found = np.maximum(solve_components(squares, units), 0)
    again = squares * freedom / rng.chisquare(freedom, size=(draws, len(freedom)))
    low, high = np.quantile(np.maximum(solve_components(again, units), 0), [0.025, 0.975], axis=0)
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
    cells, share = scored.identity_means(), scored.counts / scored.counts.sum()
    units = _units(cells, share)
    if not groups or min(units[1:]) < 2 - ROUNDING:
        return None
    every = [_draw_squares(cells[group], share) for group in groups]
    freedom = np.array([f for _, f in every]).sum(axis=0)
    squares = np.array([s * f for s, f in every]).sum(axis=0) / freedom
    scale = units[1] * units[2]

    def solved(four: np.ndarray) -> np.ndarray:
        result: np.ndarray = np.maximum(
            (four[..., 0] - four[..., 1] - four[..., 2] + four[..., 3]) / scale, 0
        )
        return result

    low, high = np.quantile(
        solved(squares * freedom / rng.chisquare(freedom, size=(2000, 4))), [0.025, 0.975]
    )
    return VarianceComponent("subset draw", float(solved(squares)), float(low), float(high))


def _draw_squares(cells: np.ndarray, share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean squares of draw, draw x identity, draw x seed and the rest, and their degrees of
    freedom."""
    squares, freedom = mean_squares(cells, share)
    _, seeds, identities = _units(cells, share)
    between = seeds * identities * (cells @ share).mean(axis=1).var(ddof=1)
    chosen = [_SQUARES.index(term) for term in ("ap", "as", "asp")]
    return np.array([between, *squares[chosen]]), np.array([len(cells) - 1, *freedom[chosen]])


def clip_variances(found: Sequence[VarianceComponent]) -> Mapping[str, float]:
    """Components by name."""
    return {one.name: one.variance for one in found}
