"""What it takes to see a difference: seeds and persons for one point of mAP.

The variance of a paired difference between two arms with S seeds and I persons searched for is

    V = 2 v_arm x seed / S + 2 v_arm x person / I + 2 v_rest / (S I)

and, against the mean of random draws, v_draw more for each draw. How wide an interval comes out is itself chance, the
more so the fewer the seeds: its half width is drawn as intervals are formed, with the check for a noisier arm
(`seeds`), and power is the mean over draws. V and its degrees of freedom alone would promise 81% where 61% come out
(three seeds, nine arms, three quarters of V from seeds).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from gprplus.evaluation.stats import seeds as by_seed
from gprplus.evaluation.stats.joining import joined, quantile
from gprplus.evaluation.stats.tails import normal

WANTED = 0.8  # power
SEEDS = (2, 3, 5, 8, 10, 20)
MOST_PERSONS = 100_000
DRAWS = 2_000  # of half widths; they leave half a percent of power to chance


@dataclass(frozen=True)
class Noise:
    """Variances that make a paired difference uncertain, of scores 0-1, and in words where they are from."""

    arm_seed: float
    arm_person: float
    rest: float
    source: str


@dataclass(frozen=True)
class Step:
    """With so many seeds: the standard error and the smallest difference seen with 80% power by so many persons, and
    how many persons the margin takes; None where no number does.
    """

    seeds: int
    persons: int
    error: float
    power: float
    smallest: float
    needed: int | None


def measured(variances: Mapping[str, float], source: str) -> Noise:
    """From the components of finished runs, by name (`components.NAMES`)."""
    return Noise(variances["arm x seed"], variances["arm x person"], variances["residual"], source)


def assumed(queries_each: float = 4.0) -> Noise:
    """Before any run, from guesses of the field's size: AP of a query has sd 0.22, two queries of a person correlate
    0.4, two arms on the same query 0.7, and a seed moves an arm by 0.4 points.

    >>> round(difference_error(assumed(3368 / 750), seeds=3, persons=750), 4)  # Market-1501's queries
    0.0056
    """
    one_person = 0.22**2 * (1 + (queries_each - 1) * 0.4) / queries_each
    told = "sd of AP 22 points, correlation of a person's queries 0.4 and of two arms 0.7, sd of a seed 0.4 points"
    return Noise(0.004**2, (1 - 0.7) * one_person, 0.0, f"assumed: {told}, {queries_each:g} queries a person")


def difference_error(noise: Noise, seeds: int, persons: float) -> float:
    """The standard error of a paired difference of two arms."""
    variance = noise.arm_seed / seeds + noise.arm_person / persons + noise.rest / (seeds * persons)
    return math.sqrt(2 * variance)


@cache
def _drawn(arms: int, seeds: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draws `(DRAWS,)` of the variance of a pair among `arms` that is estimated from so many seeds where noise has
    variance 1, and of its degrees of freedom; and standard normal draws for the persons part.
    """
    rng = np.random.default_rng(0)
    pair = np.eye(arms)[:1] - np.eye(arms)[1:2]
    variance, known = by_seed.contrast_variance(rng.normal(size=(DRAWS, arms, seeds)), pair)
    return variance[:, 0], known[:, 0], rng.normal(size=DRAWS)


def half_widths(noise: Noise, seeds: int, persons: float, arms: int) -> np.ndarray:
    """Half widths `(DRAWS,)` of the 95% interval of a pair among `arms`, as experiments would have them."""
    unit, known, z = _drawn(max(arms, 2), seeds)
    freedom = max(persons - 1, 1)
    chi = np.maximum(1 - 2 / (9 * freedom) + z * math.sqrt(2 / (9 * freedom)), 0) ** 3  # Wilson and Hilferty 1931
    both = 2 * noise.rest / (seeds * persons)
    parts = [(unit * (noise.arm_seed + noise.rest / persons), known)]
    parts.append((chi * (2 * noise.arm_person / persons + both), np.full(DRAWS, float(freedom))))
    variance, freedoms = joined(parts, both)
    return quantile(freedoms) * np.sqrt(variance)


def _seen(margin: float, error: float, halves: np.ndarray) -> float:
    """The probability that a difference of `margin` comes out beyond its half width."""
    return float((normal((margin - halves) / error) + normal((-margin - halves) / error)).mean())


def power(noise: Noise, seeds: int, persons: float, arms: int, margin: float) -> float:
    """The probability of telling a difference of `margin` from 0 by its 95% interval, seed noise pooled over `arms`."""
    error = difference_error(noise, seeds, persons)
    return _seen(margin, error, half_widths(noise, seeds, persons, arms)) if error > 0 else 1.0


def smallest(noise: Noise, seeds: int, persons: float, arms: int) -> float:
    """The smallest difference that is seen with 80% power, by bisection."""
    error, halves = difference_error(noise, seeds, persons), half_widths(noise, seeds, persons, arms)
    low, high = 0.0, float(halves.max()) + 4 * error
    while high - low > 1e-4 * high and high > 0:
        middle = (low + high) / 2
        low, high = (middle, high) if _seen(middle, error, halves) < WANTED else (low, middle)
    return high


def needed(noise: Noise, seeds: int, arms: int, margin: float) -> int | None:
    """The fewest persons with which `margin` is seen with 80% power; None where the seeds' noise alone forbids it."""
    if power(noise, seeds, MOST_PERSONS, arms, margin) < WANTED:
        return None
    low, high = 1, MOST_PERSONS
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if power(noise, seeds, middle, arms, margin) < WANTED else (low, middle)
    return high


def plan(noise: Noise, persons: int, arms: int, margin: float, seeds: Sequence[int] = SEEDS) -> list[Step]:
    """What each number of seeds sees with `persons` persons, and how many persons the margin takes."""
    return [
        Step(
            count,
            persons,
            difference_error(noise, count, persons),
            power(noise, count, persons, arms, margin),
            smallest(noise, count, persons, arms),
            needed(noise, count, arms, margin),
        )
        for count in seeds
    ]
