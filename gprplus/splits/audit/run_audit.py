"""The audit of a split: its checks, and the warnings, the worst first."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gprplus.core.errors import first_few
from gprplus.splits.audit import balance, image_statistics, shortcuts
from gprplus.splits.audit.counts import LevelCounts, pack_codes
from gprplus.splits.audit.leakage import find_leakage, near_duplicates
from gprplus.splits.audit.survey import TrainSummary, train_summary
from gprplus.splits.designs import ArmSet, DesignInput
from gprplus.splits.draws.coarsening import merged_levels
from gprplus.splits.request import SCOPES
from gprplus.splits.test_sets.answerable import AnswerableQueries
from gprplus.splits.test_sets.test_set import TestSet

ASSOCIATED = 0.1  # a Cramer's V from which an association with the arm is worth a warning


def scope_includes(done: str, wanted: str) -> bool:
    """Return True if an audit covers everything that another scope requires."""
    order = list(SCOPES)
    return order.index(done) >= order.index(wanted)


def audit_split(
    train: DesignInput,
    plan: ArmSet,
    test_set: TestSet,
    answerable: Mapping[str, AnswerableQueries],
    scope: str = "rows",
    roots: Mapping[str, Path] | None = None,
    surveyed: TrainSummary | None = None,
) -> tuple[dict[str, Any], list[str]]:
    """Return the audit of a split as JSON, and its warnings as sentences. The scope "pixels" reads
    images below `roots`.

    `surveyed` are the results for the train set without merged levels. Raises SplitError if train
    set and test set share identities or files, or an image cannot be read.
    """
    pool = train.pool
    found = audit_head(train, plan, scope, answerable, find_leakage(pool, plan.arms, test_set))
    if scope == "none":
        return found, []
    near, alike = near_duplicates(pool, plan.arms, test_set)
    maps = plan.matching.get("coarsened", {})
    matched = _as_matched(train, maps)
    known = surveyed if surveyed and not maps else train_summary(matched)
    arms = {
        name: LevelCounts(matched.pool, known.joint, arm.rows) for name, arm in plan.arms.items()
    }
    rows, warnings = of_rows(matched, plan, known, arms)
    looked, given_away = of_looks(matched, plan, roots if scope == "pixels" else None)
    if maps:
        rows["differences_before_merging"] = _before_merging(train, plan, maps)
    record = {
        name: codes.at(test_set.rows[test_set.query])
        for name, codes in pool.images.items()
        if codes.levels
    }
    counts = {
        name: np.bincount(codes.values + 1, minlength=len(codes.levels) + 1)
        for name, codes in record.items()
    }
    found["test"]["query_levels"] = {
        name: balance.level_table(codes, counts[name]) for name, codes in record.items()
    }
    found["leakage"] |= near
    return {**found, **rows, **looked}, [*warnings, *alike, *given_away]


def audit_head(
    train: DesignInput,
    plan: ArmSet,
    scope: str,
    answerable: Mapping[str, AnswerableQueries],
    leakage: Mapping[str, int | None],
) -> dict[str, Any]:
    """Return the part of the audit that every scope has."""
    return {
        "scope": scope,
        "matched_within": list(plan.strata),
        "matching": dict(plan.matching),
        "aliases": [
            {"attribute": a.name, "of": list(a.of), "declared": a.declared}
            for a in train.relations.aliases
        ],
        "leakage": dict(leakage),
        "left_out": dict(train.pool.left_out),
        "test": {
            "answerable": {protocol: found.record() for protocol, found in answerable.items()}
        },
    }


def of_looks(
    train: DesignInput, plan: ArmSet, roots: Mapping[str, Path] | None
) -> tuple[dict[str, Any], list[str]]:
    """Return shortcuts that reveal a level, and the effect of levels on image statistics, for each
    attribute of the arms.
    """
    found: dict[str, Any] = {"shortcuts": {}, "manipulation": {}}
    warnings: list[str] = []
    if roots is not None:
        found["shortcuts"]["identity"] = who = image_statistics.identity_from_border(train, roots)
        warnings += shortcuts.shortcut_sentences("identity", who)
    for attr in plan.about or (train.request.attr,):
        if attr == "identity":
            continue
        probes, looks = image_statistics.statistics_of_rows(train, attr)
        if roots is not None:
            more, looks, found["cost"] = image_statistics.statistics_of_pixels(train, attr, roots)
            probes |= more
        found["shortcuts"][attr], found["manipulation"][attr] = probes, looks
        warnings += shortcuts.shortcut_sentences(attr, probes)
    return found, warnings


def of_rows(
    train: DesignInput, plan: ArmSet, surveyed: TrainSummary, arms: Mapping[str, LevelCounts]
) -> tuple[dict[str, Any], list[str]]:
    """Balance of the arms and association of attributes, from the counts of each arm."""
    pool, about, joint = train.pool, plan.about or (train.request.attr,), surveyed.joint
    several = len(plan.compared) > 1
    tables = (
        balance.arm_tables(pool, [arms[name] for name in plan.compared], about) if several else {}
    )
    with_arm = {name: balance.cramers_v(table) for name, table in tables.items()} if several else {}
    factors = balance.joint_names(joint, plan, about)
    return {
        "arms": {name: balance.describe_arms(counted, factors) for name, counted in arms.items()},
        "differences": balance.level_differences(pool, plan.compared, tables) if several else {},
        "association_with_arm": with_arm,
        "association_with_arm_p": balance.chance_of_pairs(tables, with_arm),
        "information_with_arm": {
            name: balance.mutual_information(tables[name]) for name in with_arm
        },
        **surveyed.found,
    }, _leanings(train, plan, with_arm)


def _as_matched(train: DesignInput, maps: Mapping[str, str]) -> DesignInput:
    """Treat levels that were merged for matching as equal; merged attributes are a function of
    nothing."""
    if not maps:
        return train
    kept = tuple(
        alias for alias in train.relations.aliases if not {alias.name, *alias.of} & set(maps)
    )
    return replace(merged_levels(train, maps), relations=replace(train.relations, aliases=kept))


def _before_merging(train: DesignInput, plan: ArmSet, maps: Mapping[str, str]) -> dict[str, Any]:
    """Return the differences between compared arms in the original levels of merged attributes."""
    if len(plan.compared) < 2:
        return {}
    joint = pack_codes({}, len(train.pool))
    arms = [LevelCounts(train.pool, joint, plan.arms[name].rows) for name in plan.compared]
    others = [
        name for name in (*train.pool.images, *train.pool.identity_attributes) if name not in maps
    ]
    tables = balance.arm_tables(train.pool, arms, [*others, "identity"])
    return balance.level_differences(train.pool, plan.compared, tables)


def _leanings(train: DesignInput, plan: ArmSet, with_arm: Mapping[str, float | None]) -> list[str]:
    """Return one sentence on the differences between arms in other attributes, largest first.

    Arms with different identities by design are not listed, nor attributes with a known relation to
    the tested one.
    """
    excused = set().union(
        *(train.relations.tied(attr) for attr in plan.about or (train.request.attr,))
    )
    if "identity" not in plan.strata:
        excused |= {"identity"}
    if train.request.attr == "identity":
        excused |= set(train.pool.identity_attributes)
    leaning = {
        name: v
        for name, v in with_arm.items()
        if v is not None and v >= ASSOCIATED and name not in excused
    }
    if not leaning:
        return []
    ranked = [
        f"{name} {v:.2f}"
        for name, v in sorted(leaning.items(), key=lambda pair: (-pair[1], pair[0]))
    ]
    return [
        f"The arms differ in more than {train.request.attr} (Cramer's V with the arm:"
        f" {first_few(ranked, 5)})."
    ]
