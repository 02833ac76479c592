"""Evaluation of each method on the held-out halves of source and target, and the stability of its
subset.

Source and target are halved. Evaluated on the identities used for selection, a subset that only
fits chance differences between cells would appear near to any target.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gprplus.analysis.record import Difference
from gprplus.analysis.subset_search import baselines
from gprplus.analysis.subset_search.baselines import SubsetProblem
from gprplus.analysis.subset_search.differences import control_differences
from gprplus.analysis.subset_search.kernels import Kernels

RESAMPLES = 200  # of the target identities, for intervals
REDRAWS = 20  # of the identities of source and target, each with a new search
_TAILS = (0.025, 0.975)


@dataclass(frozen=True)
class HeldOutResult:
    """What the search and every rival chose, and their results on the held-out halves.

    Attributes:
        weights: the searched weights `(C,)` of the cells; `low` and `high` are their range over
            redraws, `counts` the images a cell.
        baselines: rows of columns.RIVALS without the target, the best first.
        chosen: counts `(C,)` of each way to choose.
        drawn: counts of each random draw.
        facts: what else is kept in the record.
        own: the halves that choose.
        other: the held-out halves; its source identities are those of `own` if they are too few to
            halve.
        even: counts of the same share of every cell.
        halved: whether the source identities were halved.
        rng: draws the intervals of further rows and comparisons.
    """

    weights: np.ndarray
    low: np.ndarray
    high: np.ndarray
    counts: np.ndarray
    baselines: list[dict[str, Any]]
    chosen: dict[str, np.ndarray]
    drawn: dict[str, list[np.ndarray]]
    facts: dict[str, Any]
    own: "HoldoutScorer"
    other: "HoldoutScorer"
    even: np.ndarray
    halved: bool
    rng: np.random.Generator

    def row(self, name: str, counts: np.ndarray) -> dict[str, Any]:
        """Return the row of columns.RIVALS of counts `(C,)` that were found elsewhere."""
        return _row(name, [counts], self.own, self.other, self.rng)

    def compare(self, others: Mapping[str, np.ndarray]) -> list[Difference]:
        """Compare all controls with the subset, those found for `others` too; without intervals if
        the source identities were not halved."""
        controls = {name: [counts] for name, counts in others.items()}
        controls |= self.drawn | {"even": [self.even]}
        mixtures = {
            name: [counts / counts.sum() for counts in each]
            for name, each in controls.items()
            if each
        }
        searched = self.counts / self.counts.sum()
        other = self.other
        found = control_differences(other.known, other.images, searched, mixtures, self.rng)
        return found if self.halved else [replace(one, low=None, high=None) for one in found]


def held_out_results(
    known: Kernels,
    problem: Callable[[np.ndarray, np.ndarray], SubsetProblem],
    half: np.ndarray,
    fit: np.ndarray,
    bandwidth: float,
    rng: np.random.Generator,
    *,
    draws: int,
    redraws: int = REDRAWS,
) -> HeldOutResult:
    """Select by the source identities `half` `(P,) bool` and the target images `fit` `(T,) bool`
    with every method, and evaluate on the others; on the same source identities if `half` has all
    of them.

    `problem` makes the program for given weights of identities and target images.
    """
    own, other = (
        HoldoutScorer.of(known.of(half), fit),
        HoldoutScorer.of(known.of(~half if not half.all() else half), ~fit),
    )
    plain = problem(half.astype(np.float64), fit.astype(np.float64))
    chosen = {name: way(plain) for name, way in baselines.CHOSEN.items()}
    kept = {
        name: baselines.whole_counts(plain, weights)
        for name, weights in chosen.items()
        if weights is not None
    }
    weights = np.asarray(chosen["searched"])
    drawn = {name: _draws(way, plain, weights, rng, draws) for name, way in baselines.DRAWN.items()}
    rows = [_row(name, [counts], own, other, rng) for name, counts in kept.items()]
    rows += [_row(name, each, own, other, rng) for name, each in drawn.items() if each]
    cells = len(plain.most)
    shares = plain.filled(np.full(cells, 1 / cells))
    assert shares is not None, "an even mixture meets every floor"
    even = baselines.whole_counts(plain, shares)
    rows.append(_row("even", [even], own, other, rng))
    again = np.stack([_again(known, problem, half, fit, rng) for _ in range(redraws)])
    low, high = np.quantile(again, _TAILS, axis=0)
    facts = {
        "bandwidth": bandwidth,
        "left_out": [name for name, weight in chosen.items() if weight is None],
        "target_images": {"chosen_by": int(fit.sum()), "held_out": int((~fit).sum())},
        "source_persons": {"chosen_by": len(own.known.inside), "held_out": len(other.known.inside)},
        "stability": {
            "l1": float(np.abs(again - weights).sum(axis=1).mean() / 2),
            "jaccard": float(np.mean([_jaccard(plain, w, weights) for w in again])),
        },
    }
    return HeldOutResult(
        weights,
        low,
        high,
        kept["searched"],
        sorted(rows, key=lambda row: row["held_out"]),
        kept,
        drawn,
        facts,
        own,
        other,
        even,
        halved=not half.all(),
        rng=rng,
    )


def _draws(
    way: Callable[[SubsetProblem, np.ndarray, np.random.Generator], np.ndarray | None],
    problem: SubsetProblem,
    searched: np.ndarray,
    rng: np.random.Generator,
    draws: int,
) -> list[np.ndarray]:
    found = [way(problem, searched, rng) for _ in range(draws)]
    return [baselines.whole_counts(problem, weights) for weights in found if weights is not None]


def halve_identities(persons: int, rng: np.random.Generator) -> np.ndarray:
    """The source identities that choose, `(P,) bool`: a random half, or all where there are fewer
    than four."""
    return np.ones(persons, dtype=bool) if persons < 4 else rng.permutation(persons) % 2 == 0


@dataclass(frozen=True)
class HoldoutScorer:
    """Source identities and target images `(T,) bool` for evaluation; `fair` is Kernels.unbiased of
    them."""

    known: Kernels
    fair: np.ndarray
    images: np.ndarray

    @classmethod
    def of(cls, known: Kernels, images: np.ndarray) -> "HoldoutScorer":
        """Make the evaluation for the identities of these kernels and these images."""
        return cls(known, known.unbiased(), images)

    def discrepancy(self, weights: np.ndarray, images: np.ndarray | None = None) -> float:
        """The unbiased squared discrepancy of a mixture to the images, each counted once or
        `images` `(T,)` times."""
        counted = (self.images if images is None else np.where(self.images, images, 0)).astype(
            np.float64
        )
        apart = 2 * weights @ self.known.to_target(counted)
        return float(weights @ self.fair @ weights - apart + self.known.in_target(counted))

    def resampled(self, weights: np.ndarray, rng: np.random.Generator) -> list[float]:
        """Return the result for resampled target identities, `RESAMPLES` times."""
        people = np.unique(self.known.people[self.images])
        most, found = int(self.known.people.max()) + 1, []
        for _ in range(RESAMPLES):
            times = np.bincount(rng.choice(people, len(people)), minlength=most)
            found.append(self.discrepancy(weights, times[self.known.people]))
        return found


def _row(
    name: str,
    each: list[np.ndarray],
    own: HoldoutScorer,
    other: HoldoutScorer,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """Result of one method; for several random draws their mean and range."""
    weights = [counts / counts.sum() for counts in each]
    held = [other.discrepancy(w) for w in weights]
    spread = held if len(each) > 1 else other.resampled(weights[0], rng)
    low, high = np.nanquantile(spread, _TAILS)
    return {
        "method": name,
        "fitted": float(np.mean([own.discrepancy(w) for w in weights])),
        "held_out": float(np.mean(held)),
        "low": float(low),
        "high": float(high),
        "cells": round(float(np.mean([(counts > 0).sum() for counts in each]))),
        "images": int(each[0].sum()),
    }


def _again(
    known: Kernels,
    problem: Callable[[np.ndarray, np.ndarray], SubsetProblem],
    half: np.ndarray,
    fit: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Repeat the search with resampled identities of source and target."""
    targets = np.unique(known.people[fit])
    times = np.bincount(rng.choice(targets, len(targets)), minlength=int(known.people.max()) + 1)
    drawn = rng.multinomial(half.sum(), half / half.sum()).astype(np.float64)
    return baselines.convex_subset(
        problem(drawn, np.where(fit, times[known.people], 0).astype(np.float64))
    )


def _jaccard(problem: SubsetProblem, one: np.ndarray, two: np.ndarray) -> float:
    """Cells that both fill, as a part of those that either does."""
    first, second = (baselines.whole_counts(problem, weights) > 0 for weights in (one, two))
    return float((first & second).sum() / max((first | second).sum(), 1))
