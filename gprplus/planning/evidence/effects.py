"""`effects`: what finished runs found each level to be worth on the target.

Of a split by single levels, the effect of training on a level alone (sufficiency), else of having
it in the mixture (necessity); of a factorial, the main effect of the levels that a factor was
restricted to; of a path, the best share of its ends.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow.compute as pc

from gprplus.core.errors import PlanError, first_few
from gprplus.ingest import Manifest
from gprplus.planning.evidence.level_evidence import (
    UNKNOWN,
    LevelEstimate,
    LevelEvidence,
    evidence_of_levels,
    own_error,
)
from gprplus.planning.evidence.path_shares import path_evidence
from gprplus.planning.methods.proposal import PlanProblem
from gprplus.reporting.run_results import RunResults, read_run_results
from gprplus.schema.split_record import SplitRecord

WORDS = {"sufficiency": "alone against mix", "necessity": "in the mix"}


def read_target_runs(problem: PlanProblem, method: str) -> list[RunResults]:
    """Return the runs of the plan, all scored on its target. Raises PlanError where there is no
    target or run, or where one was not scored on it, or on other queries under its name."""
    target = problem.require_target(method)
    if not problem.options.runs:
        raise PlanError(f"The method {method} needs finished runs: --from-runs RUN.")
    found = [read_run_results(path) for path in problem.options.runs]
    for one in found:
        if problem.target_name not in one.targets:
            raise PlanError(
                f"{one.folder} was not scored on a target called {problem.target_name}, but on"
                f" {first_few(one.targets)}. Benchmark it with --target {problem.target_name}=PATH."
            )
        if not _has_queries(target, problem.target_name, one):
            raise PlanError(
                f"{one.folder} was scored on queries called {problem.target_name} that are not in"
                f" {target.path}. Give the target it was scored on, or benchmark it again."
            )
    return found


def _has_queries(target: Manifest, name: str, run: RunResults) -> bool:
    """Return True if all queries of a run on the target called `name` are images of a manifest."""
    scored = run.queries.filter(pc.field("target") == name).column("uid")
    return bool(np.isin(scored, target.images(["uid"]).column("uid")).all())


def effect_evidence(problem: PlanProblem) -> list[LevelEvidence]:
    """Return the estimated effects of levels on mAP.

    Raises:
        PlanError: there is no target, or no run has effects with a standard error for a factor that
            is a candidate.
    """
    found = []
    for run in read_target_runs(problem, "effects"):
        rows = [
            row
            for row in run.contrasts
            if (row["target"], row["metric"]) == (problem.target_name, "mAP") and row["freedom"]
        ]
        if run.split.path is not None and run.split.attribute in problem.cells.factors:
            levels = problem.cells.levels[run.split.attribute]
            shares = path_evidence(run.split, rows, levels, problem.options.plan_seed)
            found += [shares] if shares is not None else []
            continue
        for attribute, effects in _by_attribute(run.split, rows):
            if attribute in problem.cells.factors:
                found.append(_evidence(attribute, problem.cells.levels[attribute], effects))
    if not found:
        raise PlanError(
            f"The runs have no effects of levels on {problem.target_name} that a plan can use: train"
            " two seeds or more of a split by weather, illumination, viewpoint_deg or background."
        )
    return found


def _by_attribute(
    split: SplitRecord, rows: Sequence[Mapping[str, Any]]
) -> list[tuple[str, dict[str, LevelEstimate]]]:
    """Effects by level, for each attribute."""
    if split.factorial is not None:
        return _of_factorial(split, rows)
    for family, words in WORDS.items():
        effects = {
            str(level): LevelEstimate(row["value"], own_error(row), f"{_points(row)} {words}")
            for row in rows
            if row["family"] == family
            for level in _levels_of(split, row["contrast"])
        }
        if effects:
            return [(split.attribute, effects)]
    return []


def _levels_of(split: SplitRecord, arm: str) -> Sequence[str]:
    """The levels that a single-level arm keeps or leaves out."""
    choice = split.arms[arm].choice if arm in split.arms else ()
    return choice if len(choice) == 1 else ()


def _of_factorial(
    split: SplitRecord, rows: Sequence[Mapping[str, Any]]
) -> list[tuple[str, dict[str, LevelEstimate]]]:
    """Half of a main effect for the levels that a factor was restricted to, minus half for the
    others, under "*"."""
    assert split.factorial is not None
    main = {row["contrast"]: row for row in rows if row["family"] == "main effects"}
    found = []
    for factor in split.factorial.factors.values():
        row = main.get(factor.attribute)
        if row is None or isinstance(factor.restricted, int):
            continue
        half, error = row["value"] / 2, own_error(row)
        kept = LevelEstimate(half, error, f"{_points(row)} when restricted to it")
        effects = {str(level): kept for level in factor.restricted}
        effects["*"] = LevelEstimate(-half, error, f"{_points(row)} without it")
        found.append((factor.attribute, effects))
    return found


def _points(row: Mapping[str, Any]) -> str:
    return f"{100 * row['value']:+.1f} +- {100 * row['error']:.1f} points of mAP"


def _evidence(
    attribute: str, levels: tuple[Any, ...], effects: Mapping[str, LevelEstimate]
) -> LevelEvidence:
    others = effects.get("*", UNKNOWN)
    found = [effects.get(str(level), others) for level in levels]
    return evidence_of_levels("effects", attribute, levels, found)
