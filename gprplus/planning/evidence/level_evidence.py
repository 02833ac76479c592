"""Estimates by level, and the share of each level that follows from them.

A level gets the probability that it is the most wanted one, given its estimate and standard error
(probability matching: Thompson, "On the likelihood that one unknown probability exceeds another",
1933). Without evidence the levels are equal, and with little evidence nearly so.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

_DRAWS = 20_000


@dataclass(frozen=True, eq=False)
class LevelEvidence:
    """What one source states about the levels of one factor.

    `estimate` `(L,)` is larger for what is wanted more, with standard errors `error` `(L,)`; NaN
    where nothing is known of a level. `sentences` `(L,)` state each in words, "" where nothing is
    known. `given` `(L,)` are shares that the source states itself, instead of estimates.
    """

    source: str
    factor: str
    levels: tuple[Any, ...]
    estimate: np.ndarray
    error: np.ndarray
    sentences: tuple[str, ...]
    given: np.ndarray | None = None

    def shares(self, rng: np.random.Generator) -> np.ndarray:
        """The share of each level, `(L,)`, summing to 1. Levels of which nothing is known keep
        their even share."""
        if self.given is not None:
            return self.given
        shares = np.full(len(self.levels), 1 / len(self.levels))
        known = np.isfinite(self.estimate) & np.isfinite(self.error)
        if known.sum() > 1:
            found = best_probabilities(self.estimate[known], self.error[known], rng)
            shares[known] = found * known.sum() / len(self.levels)
        return shares


class LevelEstimate(NamedTuple):
    """How much a level is wanted, its standard error, and the sentence for both."""

    value: float
    error: float
    sentence: str


UNKNOWN = LevelEstimate(math.nan, math.nan, "")


def evidence_of_levels(
    source: str, factor: str, levels: tuple[Any, ...], found: Sequence[LevelEstimate]
) -> LevelEvidence:
    """Return the evidence of estimates, one for each level (UNKNOWN where there is none), with the
    levels halfway between two known ones filled in."""
    measured = np.array([one.value for one in found])
    estimate, error = with_halfway_levels(
        halfway_neighbors(factor, levels), measured, np.array([one.error for one in found])
    )
    filled = np.isnan(measured) & np.isfinite(estimate)
    sentences = tuple(
        "between its neighbors" if new else one.sentence
        for one, new in zip(found, filled, strict=True)
    )
    return LevelEvidence(source, factor, levels, estimate, error, sentences)


def best_probabilities(
    estimate: np.ndarray, error: np.ndarray, rng: np.random.Generator, draws: int = _DRAWS
) -> np.ndarray:
    """The probability that each of L independent normal quantities is the largest, `(L,)`, by
    simulation. Equal ones share.

    >>> rng = np.random.default_rng(0)
    >>> best_probabilities(np.array([1.0, 0.0]), np.array([0.0, 0.0]), rng).tolist()
    [1.0, 0.0]
    >>> best_probabilities(np.array([0.0, 0.0]), np.array([0.0, 0.0]), rng).tolist()
    [0.5, 0.5]
    """
    drawn = estimate + error * rng.normal(size=(draws, len(estimate)))
    best = drawn == drawn.max(axis=1, keepdims=True)
    shares: np.ndarray = (best / best.sum(axis=1, keepdims=True)).mean(axis=0)
    return shares


def own_error(row: Mapping[str, Any]) -> float:
    """The standard error of one side of a contrast of two sides with equal variances.

    The levels are compared with each other as independent quantities, so that each has its own
    part; the difference of the two sides keeps the error of the contrast.

    >>> round(own_error({"error": 0.02}), 4)
    0.0141
    """
    return float(row["error"]) / math.sqrt(2)


def with_halfway_levels(
    neighbors: Sequence[tuple[int, int] | None],
    estimate: np.ndarray,
    error: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Fill in the levels halfway between two known ones: their mean, with half of their difference
    added to the error in quadrature, since nothing was measured between them.

    `neighbors` `(L,)` are the positions of the two, None for a level that is not between two.
    """
    estimate, error = estimate.copy(), error.copy()
    for place, pair in enumerate(neighbors):
        if pair is None or np.isfinite(estimate[place]):
            continue
        low, high = pair
        estimate[place] = (estimate[low] + estimate[high]) / 2
        gap = (estimate[low] - estimate[high]) / 2
        error[place] = math.sqrt((error[low] ** 2 + error[high] ** 2) / 4 + gap**2)
    return estimate, error


def halfway_neighbors(factor: str, levels: Sequence[Any]) -> list[tuple[int, int] | None]:
    """The positions of the two levels of which each level is the middle, None for others:
    hours such as dawn-forenoon, and viewpoints.

    >>> halfway_neighbors("illumination", ["dawn", "forenoon", "dawn-forenoon"])
    [None, None, (0, 1)]
    >>> halfway_neighbors("viewpoint_deg", [0, 45, 90])
    [None, (0, 2), None]
    """
    place = {level: i for i, level in enumerate(levels)}
    found: list[tuple[int, int] | None] = [None] * len(levels)
    if factor == "illumination":
        for i, level in enumerate(levels):
            first, dash, second = str(level).partition("-")
            if dash and first in place and second in place:
                found[i] = place[first], place[second]
    elif factor == "viewpoint_deg" and len(levels) > 2:
        order = sorted(levels)
        for k, level in enumerate(order):
            before, after = order[k - 1], order[(k + 1) % len(order)]
            if (level - before) % 360 == (after - level) % 360:
                found[place[level]] = place[before], place[after]
    return found
