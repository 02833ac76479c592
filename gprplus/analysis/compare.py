"""How far each level lies from a target: with an interval over persons, beside what a meaningless level scores."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gprplus.analysis import discrepancy

MEASURES = ("energy", "mmd2")
RESAMPLES = 1000
SHUFFLES = 200
_TAILS = (0.025, 0.975)


@dataclass(frozen=True)
class Score:
    """One distance with its 95% interval, and the 95% range of the same distance with shuffled levels."""

    level: int
    measure: str
    distance: float
    low: float
    high: float
    null_low: float
    null_high: float


def compare(
    source: np.ndarray,
    people: np.ndarray,
    target: np.ndarray,
    target_people: np.ndarray,
    bandwidth: float,
    rng: np.random.Generator,
    *,
    measures: Sequence[str] = MEASURES,
    resamples: int = RESAMPLES,
    shuffles: int = SHUFFLES,
) -> Iterator[Score]:
    """Score every level of matched features `(S, L, D)` against target features `(T, D)`.

    `people` `(S,)` and `target_people` `(T,)` number the persons from 0. The interval resamples persons on both
    sides, the same draws for every level (percentiles of a bootstrap; they cover as they should for levels that
    differ from the target, and are too wide, never too narrow, for those that do not). The null picks a level at
    random in every stratum, which is what remains of a level when its name means nothing: an even mix of all of them.
    """
    drawn = discrepancy.draws(people.max() + 1, resamples, rng)
    target_drawn = discrepancy.draws(target_people.max() + 1, resamples, rng)
    own = {
        measure: discrepancy.within(sums, target_drawn)
        for measure, sums in _sums(target, target_people, target, target_people, bandwidth, measures).items()
    }

    def scores(images: np.ndarray, rows: slice) -> dict[str, np.ndarray]:
        inside = _sums(images, people, images, people, bandwidth, measures)
        across = _sums(images, people, target, target_people, bandwidth, measures)
        left, right = drawn[rows], target_drawn[rows]
        return {
            measure: 2 * discrepancy.between(across[measure], left, right)
            - discrepancy.within(inside[measure], left)
            - own[measure][rows]
            for measure in measures
        }

    strata = np.arange(len(source))
    picks = rng.integers(source.shape[1], size=(shuffles, len(source)))
    nulls = [scores(source[strata, pick], slice(0, 1)) for pick in picks]
    null = {measure: np.quantile([one[measure][0] for one in nulls], _TAILS) for measure in measures}
    for level in range(source.shape[1]):
        for measure, values in scores(source[:, level], slice(None)).items():
            low, high = np.nanquantile(values[1:], _TAILS)
            yield Score(level, measure, float(values[0]), float(low), float(high), *map(float, null[measure]))


def _sums(
    left: np.ndarray,
    left_blocks: np.ndarray,
    right: np.ndarray,
    right_blocks: np.ndarray,
    bandwidth: float,
    measures: Sequence[str],
) -> dict[str, discrepancy.Sums]:
    return {
        measure: discrepancy.block_sums(cost, left_blocks, right_blocks)
        for measure, cost in discrepancy.every_cost(left, right, bandwidth, measures).items()
    }


def rank_agreement(left: np.ndarray, right: np.ndarray) -> float:
    """Spearman's rank correlation of two lists without ties; 1: the same order.

    >>> rank_agreement(np.array([0.1, 0.2, 0.9]), np.array([1.0, 5.0, 3.0])).__round__(3)
    0.5
    """
    ranks = np.argsort(np.argsort([left, right], axis=1), axis=1)
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])
