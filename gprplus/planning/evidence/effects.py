"""`effects`: what finished runs found each level to be worth on the target.

Of a split by single levels, the effect of training on a level alone (sufficiency), else of having
it in the mixture (necessity); of a factorial, the main effect of the levels that a factor was
restricted to; of a path, the best share of its ends.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gprplus.core.errors import PlanError, first_few
from gprplus.planning.evidence.level_evidence import (
    LevelEvidence,
    halfway_neighbors,
    with_halfway_levels,
)
from gprplus.planning.evidence.path_shares import path_evidence
from gprplus.planning.methods.proposal import PlanProblem
from gprplus.reporting.run_results import RunResults, read_run_results
from gprplus.schema.split_record import SplitRecord

Effect = tuple[float, float]  # value and standard error, of scores 0-1
WORD = {"sufficiency": "alone against mix", "necessity": "in the mix", "main effects": "restricted"}


def read_target_runs(problem: PlanProblem, method: str) -> list[RunResults]:
    """Return the runs of the plan, all scored on its target. Raises PlanError where there are none,
    or where one was not scored on it."""
    if not problem.options.runs:
        raise PlanError(f"The method {method} needs finished runs: --from-runs RUN.")
    found = [read_run_results(path) for path in problem.options.runs]
    for one in found:
        if problem.target_name not in one.targets:
            raise PlanError(
                f"{one.folder} was not scored on a target called {problem.target_name}, but on"
                f" {first_few(one.targets)}. Benchmark it with --target {problem.target_name}=PATH."
            )
    return found


def effect_evidence(problem: PlanProblem) -> list[LevelEvidence]:
    """Return the estimated effects of levels on mAP.

    Raises:
        PlanError: no run has effects with a standard error for a factor that is a candidate.
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
        for attribute, family, effects in _by_attribute(run.split, rows):
            if attribute in problem.cells.factors:
                levels = problem.cells.levels[attribute]
                found.append(_evidence(attribute, levels, family, effects))
    if not found:
        raise PlanError(
            f"The runs have no effects of levels on {problem.target_name} that a plan can use: train"
            " two seeds or more of a split by weather, illumination, viewpoint_deg or background."
        )
    return found


def _by_attribute(
    split: SplitRecord, rows: Sequence[Mapping[str, Any]]
) -> list[tuple[str, str, dict[str, Effect]]]:
    """Effects by level, for each attribute, and their family."""
    if split.factorial is not None:
        return _of_factorial(split, rows)
    for family in ("sufficiency", "necessity"):
        effects = {
            str(level): (row["value"], row["error"])
            for row in rows
            if row["family"] == family
            for level in _levels_of(split, row["contrast"])
        }
        if effects:
            return [(split.attribute, family, effects)]
    return []


def _levels_of(split: SplitRecord, arm: str) -> Sequence[str]:
    """The levels that a single-level arm keeps or leaves out."""
    choice = split.arms[arm].choice if arm in split.arms else ()
    return choice if len(choice) == 1 else ()


def _of_factorial(
    split: SplitRecord, rows: Sequence[Mapping[str, Any]]
) -> list[tuple[str, str, dict[str, Effect]]]:
    """Half of a main effect for the levels a factor was restricted to, minus half for others."""
    assert split.factorial is not None
    found = []
    for factor in split.factorial.factors.values():
        row = next(
            (
                row
                for row in rows
                if row["family"] == "main effects" and row["contrast"] == factor.attribute
            ),
            None,
        )
        if row is None or isinstance(factor.restricted, int):
            continue
        kept = {str(level) for level in factor.restricted}
        half, error = row["value"] / 2, row["error"] / 2
        effects = dict.fromkeys(kept, (half, error))
        effects["*"] = (-half, error)
        found.append((factor.attribute, "main effects", effects))
    return found


def _evidence(
    attribute: str, levels: tuple[Any, ...], family: str, effects: Mapping[str, Effect]
) -> LevelEvidence:
    estimate, error = np.full(len(levels), math.nan), np.full(len(levels), math.nan)
    sentences = [""] * len(levels)
    for place, level in enumerate(levels):
        known = effects.get(str(level), effects.get("*"))
        if known is None:
            continue
        estimate[place], error[place] = known
        points = f"{100 * known[0]:+.1f} +- {100 * known[1]:.1f} points of mAP"
        sentences[place] = f"{points} {WORD[family]}"
    neighbors = halfway_neighbors(attribute, levels)
    estimate, error = with_halfway_levels(neighbors, estimate, error)
    return LevelEvidence("effects", attribute, levels, estimate, error, tuple(sentences))
