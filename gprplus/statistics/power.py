"""Power planning: the seeds and identities needed to detect one point of mAP.

The variance of a paired difference between two arms with S seeds and I query identities is

    V = 2 v_arm x seed / S + 2 v_arm x identity / I + 2 v_rest / (S I).

An effect is detected if the simultaneous interval of the family, here all arms against the first,
excludes 0, as in the verdict. Its half width is random, especially with few seeds, so power is a
mean over simulated experiments whose variances, degrees of freedom and critical probability are
those of `contrasts` and `multiplicity`. The critical probability of an experiment is simulated from
its estimated variances, which differ between equally noisy arms: it is smaller than that of equal
variances.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from scipy import special

from gprplus.statistics import seed_noise as by_seed
from gprplus.statistics.contrasts import ENOUGH
from gprplus.statistics.multiplicity import critical_value
from gprplus.statistics.variance_sum import (
    combine_variances,
    overlap_factor,
    t_quantile,
    two_sided,
)

LEVEL = 0.95  # of simultaneous intervals
WANTED = 0.8  # power
SEEDS = (2, 3, 5, 8, 10, 20)
MAX_IDENTITIES = 100_000
DRAWS = 4_000  # simulated experiments; they leave one to two percent of power to chance


@dataclass(frozen=True)
class NoiseEstimate:
    """Variances that make a paired difference uncertain, of scores 0-1, and in words where they are
    from."""

    arm_seed: float
    arm_identity: float
    rest: float
    source: str


@dataclass(frozen=True)
class PowerPoint:
    """Result for one number of seeds: the standard error, the smallest difference detected with 80%
    power, and the number of identities needed for the margin; None if no number suffices.
    """

    seeds: int
    identities: int
    std_error: float
    power: float
    smallest: float
    needed: int | None


def noise_from_components(variances: Mapping[str, float], source: str) -> NoiseEstimate:
    """Noise from the variance components of finished runs, by name
    (`variance_components.NAMES`)."""
    return NoiseEstimate(
        variances["arm x seed"], variances["arm x person"], variances["residual"], source
    )


def assumed_noise(queries_each: float = 4.0) -> NoiseEstimate:
    """Noise without any run, from typical values: AP of a query has sd 0.22, two queries of an
    identity correlate 0.4, two arms on the same query 0.7, and a seed changes an arm by 0.4 points.

    >>> round(difference_error(assumed_noise(3368 / 750), seeds=3, persons=750), 4)  # Market-1501's queries
    0.0056
    """
    one_person = 0.22**2 * (1 + (queries_each - 1) * 0.4) / queries_each
    source = (
        "sd of AP 22 points, correlation of an identity's queries 0.4 and of two arms 0.7, sd of a"
        " seed 0.4 points"
    )
    return NoiseEstimate(
        0.004**2,
        (1 - 0.7) * one_person,
        0.0,
        f"assumed: {source}, {queries_each:g} queries an identity",
    )


def difference_error(noise: NoiseEstimate, seeds: int, persons: float) -> float:
    """The standard error of a paired difference of two arms."""
    variance = (
        noise.arm_seed / seeds + noise.arm_identity / persons + noise.rest / (seeds * persons)
    )
    return math.sqrt(2 * variance)


def _to_first(arms: int) -> np.ndarray:
    result: np.ndarray = (np.eye(arms) - np.eye(arms)[0])[1:]
    return result


Part = tuple[np.ndarray, np.ndarray]


@cache
def _seed_draws(arms: int, seeds: int) -> tuple[Part, np.ndarray, Part]:
    """Seeds of variance 1 in `DRAWS` experiments: estimated variances and degrees of freedom
    `(DRAWS, K)` of all arms against the first. Then shifts, variances and degrees of experiments as
    noisy as those were estimated to be.
    """
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(DRAWS, arms, seeds))
    again = rng.normal(size=noise.shape)
    if seeds > 1:
        again *= np.sqrt(by_seed.arm_variances(noise)[0])[:, :, None]
    known, null = (by_seed.contrast_variance(one, _to_first(arms)) for one in (noise, again))
    return known, again.mean(axis=2) @ _to_first(arms).T, null


@cache
def _identity_draws(arms: int, identities: int) -> Part:
    """Simulate over identities, where the mean of an arm has variance 1: shifts and estimated
    variances `(DRAWS, K)`.
    """
    drawn = np.random.default_rng(1).normal(size=(DRAWS, identities, arms)) @ _to_first(arms).T
    return drawn.mean(axis=1) * math.sqrt(identities), drawn.var(axis=1, ddof=1)


def half_widths_of(
    noise: NoiseEstimate, seeds: int, persons: int, arms: int, level: float = LEVEL
) -> np.ndarray:
    """Half widths `(DRAWS,)` of the simultaneous interval of one arm against the first of `arms`,
    as experiments would have them; all intervals of a family hold with probability `level`.
    """
    arms, count = max(arms, 2), min(max(persons, 2), ENOUGH)
    known, shift, null = _seed_draws(arms, seeds)
    moved, spread = _identity_draws(arms, count)
    seed = noise.arm_seed + noise.rest / persons
    identity = (noise.arm_identity + noise.rest / seeds) / persons
    both = 2 * noise.rest / (seeds * persons)
    people = identity * spread, np.array(count - 1.0)
    total, freedom = combine_variances(
        [(seed * known[0][:, :1], known[1][:, :1]), (people[0][:, :1], people[1])], both
    )
    chance = 1 - level
    if arms > 2:
        variance, degrees = combine_variances([(seed * null[0], null[1]), people], both)
        apart = np.full(shift.shape, 2 * identity)
        once = overlap_factor(seed * known[0], apart, both)
        shift = (math.sqrt(seed) * shift + math.sqrt(identity) * moved) * once
        t = np.divide(shift, np.sqrt(variance), out=np.zeros_like(shift), where=variance > 0)
        # Only p up to `chance` count, and none is where |t| is below the normal quantile.
        large = np.abs(t) > special.ndtri(1 - chance / 2)
        p = np.ones(t.shape)
        p[large] = two_sided(t[large], np.broadcast_to(degrees, t.shape)[large])
        chance = critical_value(np.sort(p.min(axis=1)), chance)
    width = np.sqrt(total[:, 0]) * t_quantile(freedom[:, 0], chance)
    return np.where(freedom[:, 0] >= 1, width, np.nan)


def _power_of(margin: float, error: float, halves: np.ndarray) -> float:
    """The probability that a difference of `margin` comes out beyond its half width."""
    return float(
        (special.ndtr((margin - halves) / error) + special.ndtr((-margin - halves) / error)).mean()
    )


def power(
    noise: NoiseEstimate, seeds: int, persons: int, arms: int, margin: float, level: float = LEVEL
) -> float:
    """The probability that the simultaneous interval of an arm, `margin` apart from the first of
    `arms`, excludes 0."""
    error = difference_error(noise, seeds, persons)
    return (
        _power_of(margin, error, half_widths_of(noise, seeds, persons, arms, level))
        if error > 0
        else 1.0
    )


def smallest_difference(
    noise: NoiseEstimate, seeds: int, persons: int, arms: int, level: float = LEVEL
) -> float:
    """The smallest difference that is seen with 80% power, by bisection."""
    error, halves = (
        difference_error(noise, seeds, persons),
        half_widths_of(noise, seeds, persons, arms, level),
    )
    low, high = 0.0, float(halves.max()) + 4 * error
    while high - low > 1e-4 * high and high > 0:
        middle = (low + high) / 2
        low, high = (middle, high) if _power_of(middle, error, halves) < WANTED else (low, middle)
    return high


def needed_size(
    noise: NoiseEstimate, seeds: int, arms: int, margin: float, level: float = LEVEL
) -> int | None:
    """The fewest identities, to half a percent, with which `margin` is seen with 80% power; None
    where the seeds' noise alone forbids it.
    """
    if power(noise, seeds, MAX_IDENTITIES, arms, margin, level) < WANTED:
        return None
    low, high = 1, MAX_IDENTITIES
    while high - low > max(1, high // 200):
        middle = math.isqrt(low * high) if high > 2 * low else (low + high) // 2
        low, high = (
            (middle, high)
            if power(noise, seeds, middle, arms, margin, level) < WANTED
            else (low, middle)
        )
    return high


@lru_cache(maxsize=64)
def plan_power(
    noise: NoiseEstimate, persons: int, arms: int, margin: float, level: float = LEVEL
) -> tuple[PowerPoint, ...]:
    """Plan for each number of SEEDS with `identities` identities, and the number of identities
    needed for the margin, by intervals that hold together with probability `level`.

    Kept, because a page and its text form need the same plan, and each takes a second.
    """
    return tuple(
        PowerPoint(
            count,
            persons,
            difference_error(noise, count, persons),
            power(noise, count, persons, arms, margin, level),
            smallest_difference(noise, count, persons, arms, level),
            needed_size(noise, count, arms, margin, level),
        )
        for count in SEEDS
    )
