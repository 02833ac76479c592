"""Distance of each level to a target, with an interval over identities and the range for shuffled
levels."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gprplus.analysis import distance_estimators

MEASURES = ("energy", "mmd2")
RESAMPLES = 1000
SHUFFLES = 500
_TAILS = (0.025, 0.975)


@dataclass(frozen=True)
class LevelDistance:
    """A distance with its 95% interval, and the 95% range of the same distance with shuffled
    levels."""

    level: int
    measure: str
    distance: float
    low: float
    high: float
    null_low: float
    null_high: float


def compare_levels(
    source: np.ndarray,
    people: np.ndarray,
    target: np.ndarray,
    target_people: np.ndarray,
    bandwidth: float,
    rng: np.random.Generator,
    *,
    measures: Sequence[str] = MEASURES,
    draws: tuple[int, int] = (RESAMPLES, SHUFFLES),
) -> Iterator[LevelDistance]:
    """Score every level of matched features `(S, L, D)` against target features `(T, D)`.

    `draws` are the numbers of bootstrap resamples and of shuffles.

    `people` `(S,)` and `target_people` `(T,)` number the identities from 0. The interval resamples
    identities of both samples, with the same draws for every level (percentiles of a bootstrap; the
    coverage is correct for levels that differ from the target, and conservative for those that do
    not). The null permutes the levels of each identity randomly, the same way in all images of that
    identity: the distance of a level without a common effect, an even mix of all levels. (Permuting
    each image separately would give too narrow a null: a level can have different effects on
    different identities without a common effect.)
    """
    resamples, shuffles = draws
    drawn = distance_estimators.bootstrap_blocks(people.max() + 1, resamples, rng)
    target_drawn = distance_estimators.bootstrap_blocks(target_people.max() + 1, resamples, rng)
    own = {
        measure: distance_estimators.within_group(sums, target_drawn)
        for measure, sums in _sums(
            target, target_people, target, target_people, bandwidth, measures
        ).items()
    }
    levels = range(source.shape[1])
    across = [
        _sums(source[:, one], people, target, target_people, bandwidth, measures) for one in levels
    ]
    named = rng.permuted(np.tile(np.arange(len(levels)), (shuffles, len(drawn[0]), 1)), axis=2)[
        :, :, 0
    ]
    null = {
        measure: 2 * _shuffled_across([sums[measure] for sums in across], named)
        for measure in measures
    }
    inside = []
    for one in levels:
        for two in levels[one:]:
            between = _sums(source[:, one], people, source[:, two], people, bandwidth, measures)
            inside += [between] if one == two else []
            for measure, sums in between.items():
                null[measure] -= (1 if one == two else 2) * _shuffled_within(
                    sums, named == one, named == two
                )
    for level in levels:
        for measure in measures:
            values = (
                2 * distance_estimators.between_groups(across[level][measure], drawn, target_drawn)
                - distance_estimators.within_group(inside[level][measure], drawn)
                - own[measure]
            )
            ends = (
                *np.nanquantile(values[1:], _TAILS),
                *np.quantile(null[measure] - own[measure][0], _TAILS, method="weibull"),
            )
            yield LevelDistance(level, measure, float(values[0]), *map(float, ends))


def _shuffled_across(
    each: Sequence[distance_estimators.BlockSums], named: np.ndarray
) -> np.ndarray:
    """Return the mean cost to the target, `(B,)`, if identity i has level `named[b, i]` of sums by
    level."""
    costs = np.stack([sums.total.sum(axis=1) for sums in each])
    whole = each[0].rows.sum() * each[0].columns.sum()
    return costs[named, np.arange(costs.shape[1])].sum(axis=1) / whole


def _shuffled_within(
    sums: distance_estimators.BlockSums, left: np.ndarray, right: np.ndarray
) -> np.ndarray:
    """Return the term of two levels in the mean cost over pairs of different identities, `(B,)`, if
    those in `left` `(B, I) bool` have the first level and those in `right` the second.
    """
    apart = sums.total - np.diag(np.diag(sums.total))
    pairs = sums.rows.sum() ** 2 - (sums.rows**2).sum()
    return ((left.astype(float) @ apart) * right).sum(axis=1) / (pairs if pairs > 0 else np.nan)


def _sums(
    left: np.ndarray,
    left_blocks: np.ndarray,
    right: np.ndarray,
    right_blocks: np.ndarray,
    bandwidth: float,
    measures: Sequence[str],
) -> dict[str, distance_estimators.BlockSums]:
    return {
        measure: distance_estimators.block_sums(cost, left_blocks, right_blocks)
        for measure, cost in distance_estimators.every_cost(
            left, right, bandwidth, measures
        ).items()
    }
