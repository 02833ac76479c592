"""Scores of arms on the tests within one level each, and intervals of contrasts between their
cells.

A contrast of cells is one of arms once each arm has its own mix of levels: X_a = sum over l of
(w[a, l] / w[a]) M_a[l], weighted by w[a] = sum over l of w[a, l]. So its interval is that of
`stats.contrasts`: identities are clusters over all levels, and seeds are blocks. Contrasts with
equal levels are simulated together, so that those with a common reference correlate; others as if
independent, which makes simultaneous intervals wider and not narrower (Sidak 1967).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gprplus.schema.split_record import SplitRecord
from gprplus.statistics import ScoreArray
from gprplus.statistics.align import align_queries, shared_seeds
from gprplus.statistics.contrasts import DRAWS, ContrastEstimates, combine_parts, estimate_contrasts
from gprplus.statistics.levels.level_estimands import CellContrast

if TYPE_CHECKING:
    import pyarrow as pa

Profile = tuple[tuple[str, float], ...]  # levels and their shares of an arm's score


@dataclass(frozen=True)
class LevelScores:
    """Scores of arms with one metric on the test of each level: `values` by level `(A, S, Q_l)
    float64`, `identities` by level `(Q_l,)` int64, with the same numbers in all levels.
    """

    arms: tuple[str, ...]
    values: Mapping[str, np.ndarray]
    identities: Mapping[str, np.ndarray]

    @property
    def levels(self) -> list[str]:
        """The levels that have a test."""
        return list(self.values)

    def scored(self, level: str) -> ScoreArray:
        """The scores on one level, identities numbered without gaps."""
        return ScoreArray(
            self.values[level], np.unique(self.identities[level], return_inverse=True)[1]
        )

    def means(self, level: str) -> np.ndarray:
        """Mean over queries `(A, S)`."""
        result: np.ndarray = self.values[level].mean(axis=2)
        return result


def level_tests(split: SplitRecord) -> dict[str, str]:
    """The test within each level, by level: those of split.json whose query and gallery level are
    one."""
    return {str(test.query_level): name for name, test in split.tests.items() if test.within_level}


def read_level_scores(
    results: Sequence[Mapping[str, Any]],
    queries: Mapping[tuple[str, int], "pa.Table"],
    arms: Sequence[str],
    tests: Mapping[str, str],
) -> dict[str, LevelScores]:
    """Scores by metric of `arms` on `tests` (target by level), for the seeds that all arms have on
    all of them.

    Empty where an arm lacks one of them.
    """
    wanted = {(arm, target) for arm in arms for target in tests.values()}
    if not arms or not tests or not wanted <= {(row["arm"], row["target"]) for row in results}:
        return {}
    seeds = set.intersection(
        *(set(shared_seeds(results, arms, target)) for target in tests.values())
    )
    found = {
        level: align_queries(queries, arms, sorted(seeds), target)
        for level, target in tests.items()
    }
    names = np.unique(np.concatenate([one.identity_names for one in found.values()]))
    identities = {level: np.searchsorted(names, one.identity_names) for level, one in found.items()}
    metrics = next(iter(found.values())).scores
    return {
        metric: LevelScores(
            tuple(arms), {level: one.scores[metric] for level, one in found.items()}, identities
        )
        for metric in metrics
    }


def estimate_cells(
    scores: LevelScores,
    contrasts: Sequence[CellContrast],
    rng: np.random.Generator,
    draws: int = DRAWS,
) -> ContrastEstimates:
    """Intervals of contrasts of cells; those whose arms have equal levels are simulated together,
    `draws` times."""
    groups: dict[tuple[Profile, ...], list[int]] = {}
    tables: list[tuple[dict[str, Profile], np.ndarray]] = []
    for place, contrast in enumerate(contrasts):
        profiles, row = _profiles(scores, contrast)
        tables.append((profiles, row))
        groups.setdefault(tuple(profiles[arm] for arm in scores.arms), []).append(place)
    parts, order = [], []
    for places in groups.values():
        matrix = np.array([tables[place][1] for place in places])
        parts.append(
            estimate_contrasts(_scored(scores, tables[places[0]][0]), matrix, rng, draws=draws)
        )
        order += places
    return combine_parts(parts, np.argsort(order))


def _profiles(scores: LevelScores, contrast: CellContrast) -> tuple[dict[str, Profile], np.ndarray]:
    """Return each arm's levels with their shares, and the weight of each arm `(A,)`.

    An arm outside the contrast has the shares of all arms together: it only informs the variance
    over seeds.
    """
    weight = {
        arm: sum(w for (one, _), w in contrast.cells.items() if one == arm) for arm in scores.arms
    }
    overall = dict.fromkeys(scores.levels, 0.0)
    for (_, level), w in contrast.cells.items():
        overall[level] += abs(w)
    total = sum(overall.values())
    rest = tuple((level, w / total) for level, w in overall.items() if w)
    profiles = {arm: _profile(scores, contrast, arm, weight[arm]) or rest for arm in scores.arms}
    return profiles, np.array([weight[arm] for arm in scores.arms])


def _profile(scores: LevelScores, contrast: CellContrast, arm: str, weight: float) -> Profile:
    shares = ((level, contrast.cells.get((arm, level), 0.0)) for level in scores.levels)
    return tuple((level, round(w / weight, 12)) for level, w in shares if w)


def _scored(scores: LevelScores, profiles: Mapping[str, Profile]) -> ScoreArray:
    """Scores whose mean over queries is each arm's mean over its levels, by their shares."""
    used = [
        level
        for level in scores.levels
        if any(level == one for mine in profiles.values() for one, _ in mine)
    ]
    count = sum(scores.values[level].shape[2] for level in used)
    parts = []
    for level in used:
        values = scores.values[level]
        share = np.array([dict(profiles[arm]).get(level, 0.0) for arm in scores.arms])
        parts.append(values * (share * count / values.shape[2])[:, None, None])
    identities = np.concatenate([scores.identities[level] for level in used])
    return ScoreArray(np.concatenate(parts, axis=2), np.unique(identities, return_inverse=True)[1])
