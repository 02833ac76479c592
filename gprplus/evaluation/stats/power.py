"""What it takes to see a difference: seeds and persons for one point of mAP.

The variance of a paired difference between two arms with S seeds and I persons searched for is

    V = 2 v_arm x seed / S + 2 v_arm x person / I + 2 v_rest / (S I)

and, against the mean of random draws, v_draw more for each draw. The arm x seed part is known to (A - 1)(S - 1) degrees
of freedom, the persons part to I - 1.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gprplus.evaluation.stats.joining import joined
from gprplus.evaluation.stats.tails import t_power, t_quantile

WANTED = 0.8  # power
SEEDS = (2, 3, 5, 8, 10, 20)
MOST_PERSONS = 100_000


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


def freedom(noise: Noise, seeds: int, persons: float, arms: int) -> float:
    """Degrees of freedom of that error as intervals have them (`joining`), seed noise pooled over `arms` arms."""
    by_seed, by_person = noise.arm_seed / seeds, noise.arm_person / persons + noise.rest / (seeds * persons)
    parts = [(by_seed, (arms - 1) * (seeds - 1)), (by_person, max(persons - 1, 1))]
    return float(joined([(np.array([variance]), np.array([float(f)])) for variance, f in parts])[1][0])


def power(noise: Noise, seeds: int, persons: float, arms: int, margin: float) -> float:
    """The probability of telling a difference of `margin` from 0 at 5%."""
    error = difference_error(noise, seeds, persons)
    return t_power(margin / error, freedom(noise, seeds, persons, arms)) if error > 0 else 1.0


def smallest(noise: Noise, seeds: int, persons: float, arms: int) -> float:
    """The smallest difference that is seen with 80% power, by bisection."""
    error = difference_error(noise, seeds, persons)
    low, high = 0.0, error * (t_quantile(0.975, freedom(noise, seeds, persons, arms)) + 4)
    while high - low > 1e-4 * high and high > 0:
        middle = (low + high) / 2
        low, high = (middle, high) if power(noise, seeds, persons, arms, middle) < WANTED else (low, middle)
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
