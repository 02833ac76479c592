"""How near each way to choose comes, on the half of the target it was not chosen by, and how firm the choice is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gprplus.analysis.search import rivals
from gprplus.analysis.search.kernels import Kernels
from gprplus.analysis.search.rivals import Problem

RESAMPLES = 200  # of the target's persons, for intervals
REDRAWS = 20  # of both sides' persons, each a search of its own
_TAILS = (0.025, 0.975)


@dataclass(frozen=True)
class Outcome:
    """The chosen weights `(C,)`, their range over redraws, images a cell; rows of columns.RIVALS without the target;
    counts of every way to choose and of each random draw; what else is kept in the record; how to make the row of
    counts that were found elsewhere.
    """

    weights: np.ndarray
    low: np.ndarray
    high: np.ndarray
    counts: np.ndarray
    rivals: list[dict[str, Any]]
    chosen: dict[str, np.ndarray]
    drawn: dict[str, list[np.ndarray]]
    facts: dict[str, Any]
    place: Callable[[str, np.ndarray], dict[str, Any]]


def judged(
    known: Kernels,
    problem: Callable[[np.ndarray | None, np.ndarray], Problem],
    fit: np.ndarray,
    bandwidth: float,
    rng: np.random.Generator,
    *,
    draws: int,
    redraws: int = REDRAWS,
) -> Outcome:
    """Choose on the target images `fit` `(T,) bool` by every way there is, and judge on the others.

    `problem` makes the programme of persons counted so often (None: once each) and target images weighted so.
    """
    plain = problem(None, fit.astype(np.float64))
    chosen = {name: way(plain) for name, way in rivals.CHOSEN.items()}
    kept = {name: rivals.whole(plain, weights) for name, weights in chosen.items() if weights is not None}
    weights = np.asarray(chosen["searched"])
    drawn = {name: _draws(way, plain, weights, rng, draws) for name, way in rivals.DRAWN.items()}
    fair = known.unbiased()
    rows = [_row(name, [counts], known, fair, fit, rng) for name, counts in kept.items()]
    rows += [_row(name, each, known, fair, fit, rng) for name, each in drawn.items() if each]
    even = rivals.whole(plain, plain.filled(np.full(len(plain.most), 1 / len(plain.most))))  # type: ignore[arg-type]
    rows.append(_row("even", [even], known, fair, fit, rng))
    again = np.stack([_again(known, problem, fit, rng) for _ in range(redraws)])
    low, high = np.quantile(again, _TAILS, axis=0)
    facts = {
        "bandwidth": bandwidth,
        "left_out": [name for name, weight in chosen.items() if weight is None],
        "target_images": {"chosen_by": int(fit.sum()), "held_out": int((~fit).sum())},
        "stability": {
            "l1": float(np.abs(again - weights).sum(axis=1).mean() / 2),
            "jaccard": float(np.mean([_jaccard(plain, w, weights) for w in again])),
        },
    }
    order = sorted(rows, key=lambda row: row["held_out"])

    def place(name: str, counts: np.ndarray) -> dict[str, Any]:
        return _row(name, [counts], known, fair, fit, rng)

    return Outcome(weights, low, high, kept["searched"], order, kept, drawn, facts, place)


def _draws(
    way: Callable[[Problem, np.ndarray, np.random.Generator], np.ndarray | None],
    problem: Problem,
    searched: np.ndarray,
    rng: np.random.Generator,
    draws: int,
) -> list[np.ndarray]:
    found = [way(problem, searched, rng) for _ in range(draws)]
    return [rivals.whole(problem, weights) for weights in found if weights is not None]


def _row(
    name: str, each: list[np.ndarray], known: Kernels, fair: np.ndarray, fit: np.ndarray, rng: np.random.Generator
) -> dict[str, Any]:
    """One way to choose; of several random draws their mean and the range of the draws."""
    weights = [counts / counts.sum() for counts in each]
    held = [discrepancy(w, known, fair, (~fit).astype(float)) for w in weights]
    spread = held if len(each) > 1 else _resampled(weights[0], known, fair, ~fit, rng)
    low, high = np.nanquantile(spread, _TAILS)
    return {
        "method": name,
        "fitted": float(np.mean([discrepancy(w, known, fair, fit.astype(float)) for w in weights])),
        "held_out": float(np.mean(held)),
        "low": float(low),
        "high": float(high),
        "cells": round(float(np.mean([(counts > 0).sum() for counts in each]))),
        "images": int(each[0].sum()),
    }


def discrepancy(weights: np.ndarray, known: Kernels, fair: np.ndarray, images: np.ndarray) -> float:
    """The unbiased squared discrepancy of a mixture to weighted target images; `fair` is Kernels.unbiased."""
    return float(weights @ fair @ weights - 2 * weights @ known.to_target(images) + known.in_target(images))


def _resampled(
    weights: np.ndarray, known: Kernels, fair: np.ndarray, held: np.ndarray, rng: np.random.Generator
) -> list[float]:
    """The held-out discrepancy with the target's persons drawn anew."""
    people = np.unique(known.people[held])
    found = []
    for _ in range(RESAMPLES):
        times = np.bincount(rng.choice(people, len(people)), minlength=int(known.people.max()) + 1)
        found.append(discrepancy(weights, known, fair, np.where(held, times[known.people], 0).astype(float)))
    return found


def _again(
    known: Kernels,
    problem: Callable[[np.ndarray | None, np.ndarray], Problem],
    fit: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """The search once more, with persons of both sides drawn anew."""
    people = len(known.inside)
    targets = np.unique(known.people[fit])
    times = np.bincount(rng.choice(targets, len(targets)), minlength=int(known.people.max()) + 1)
    drawn = rng.multinomial(people, np.full(people, 1 / people)).astype(np.float64)
    return rivals.convex(problem(drawn, np.where(fit, times[known.people], 0).astype(np.float64)))


def _jaccard(problem: Problem, one: np.ndarray, two: np.ndarray) -> float:
    """Cells that both fill, as a part of those that either does."""
    first, second = (rivals.whole(problem, weights) > 0 for weights in (one, two))
    return float((first & second).sum() / max((first | second).sum(), 1))
