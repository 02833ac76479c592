"""Rows of schema.LEVELS, and of schema.CONTRASTS for the estimands own level and transfer."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gprplus import statistics
from gprplus.core import sampling
from gprplus.evaluation.targets import OWN_TEST_SET
from gprplus.schema.split_record import ArmRecord, SplitRecord
from gprplus.statistics import multiplicity
from gprplus.statistics.levels.level_estimands import (
    ESTIMANDS,
    CellContrast,
    level_contrasts,
    reference_of,
    seen_levels,
)
from gprplus.statistics.levels.level_scores import (
    LevelScores,
    estimate_cells,
    level_tests,
    read_level_scores,
)
from gprplus.statistics.summary import UNTRAINED

if TYPE_CHECKING:
    import pyarrow as pa

Rows = list[dict[str, Any]]


def level_rows(
    results: Sequence[Mapping[str, Any]],
    queries: Mapping[tuple[str, int], "pa.Table"],
    split: SplitRecord,
    margin: float,
) -> tuple[Rows, Rows]:
    """Contrast rows and level rows of one split and recipe; both empty where the split has no tests
    of single levels.

    `results` are rows of schema.RESULTS, `split` is split.json, and `margin` (of scores 0-1) is
    what equivalence means.
    """
    tests = level_tests(split)
    arms = list(dict.fromkeys(row["arm"] for row in results if row["arm"] != UNTRAINED))
    trained = read_level_scores(results, queries, arms, tests)
    floor = read_level_scores(results, queries, [UNTRAINED], tests)
    contrasts: Rows = []
    levels: Rows = []
    for metric, scores in trained.items():
        whose = {name: results[0][name] for name in ("split", "recipe")} | {"metric": metric}
        contrasts += [
            whose | {"target": OWN_TEST_SET} | row
            for row in _contrast_rows(scores, metric, split, margin)
        ]
        levels += [whose | row for row in _level_rows(scores, metric, split, margin)]
        if metric in floor:
            levels += [whose | row for row in _score_rows(floor[metric], {})]
    return contrasts, levels


def _contrast_rows(scores: LevelScores, metric: str, split: SplitRecord, margin: float) -> Rows:
    arms = {name: arm for name, arm in split.arms.items() if name in scores.arms}
    declared = level_contrasts(arms, split.reference, scores.levels)
    out = []
    for family in dict.fromkeys(one.family for one in declared):
        mine = [one for one in declared if one.family == family]
        estimates = estimate_cells(scores, mine, _rng(family, metric))
        for one, figures in zip(
            mine, multiplicity.family_figures(estimates, margin, len(ESTIMANDS)), strict=True
        ):
            row = {"family": family, "contrast": one.name, "formula": one.formula, "draws": 0}
            out.append(row | figures | _sizes(scores, {level for _, level in one.cells}))
    return out


def _level_rows(scores: LevelScores, metric: str, split: SplitRecord, margin: float) -> Rows:
    """The matrix of arms and levels; differences to the references are one family."""
    out = _score_rows(scores, split.arms)
    arms = {name: arm for name, arm in split.arms.items() if name in scores.arms}
    against = {name: reference_of(name, arms, split.reference) for name in scores.arms}
    others = [row for row in out if against[row["arm"]] not in (None, row["arm"])]
    others = [row for row in others if against[row["arm"]] in scores.arms]
    cells = [_difference(row["arm"], str(against[row["arm"]]), row["level"]) for row in others]
    if cells:
        figures = multiplicity.family_figures(
            estimate_cells(scores, cells, _rng("levels", metric)), margin
        )
        for row, found in zip(others, figures, strict=True):
            row |= {name: found[name] for name in ("family_low", "family_high", "verdict")}
            row["difference"] = found["value"]
    return out


def _difference(arm: str, reference: str, level: str) -> CellContrast:
    cells = {(arm, level): 1.0, (reference, level): -1.0}
    return CellContrast(
        "levels", f"{arm} on {level}", f"S({arm}) - S({reference}), on {level}", cells
    )


def _score_rows(scores: LevelScores, arms: Mapping[str, ArmRecord]) -> Rows:
    """Scores of every arm and level with their own intervals, level by level within an arm."""
    found = {level: statistics.arm_intervals(scores.scored(level)) for level in scores.levels}
    out = []
    for place, arm in enumerate(scores.arms):
        for level in scores.levels:
            one = found[level][place]
            row: dict[str, Any] = {
                "arm": arm,
                "level": level,
                "trained_on": _trained_on(arms.get(arm), level, scores.levels),
            }
            row |= {"value": one.value, "low": _known(one.low), "high": _known(one.high)}
            out.append(row | _sizes(scores, {level}) | {"queries": scores.values[level].shape[2]})
    return out


def _trained_on(arm: ArmRecord | None, level: str, levels: Sequence[str]) -> bool | None:
    if arm is None:
        return None
    mine = seen_levels(arm, levels)
    return level in mine if mine else True if arm.kind == "mix" else None


def _sizes(scores: LevelScores, levels: set[str]) -> dict[str, int]:
    identities = np.unique(np.concatenate([scores.identities[level] for level in sorted(levels)]))
    seeds = next(iter(scores.values.values())).shape[1]
    return {"seeds": seeds, "query_identities": len(identities)}


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _rng(stream: str, metric: str) -> np.random.Generator:
    return np.random.default_rng(sampling.hash64(f"{stream} {metric} {OWN_TEST_SET}"))
