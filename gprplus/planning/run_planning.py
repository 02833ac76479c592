"""`plan_renders`: which renders to make next, as a plan that any engine can read."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from gprplus.analysis.sample import open_target_sample
from gprplus.core.errors import PlanError
from gprplus.core.files.folders import claim_folder, discard_if_empty
from gprplus.core.files.paths import AnyPath
from gprplus.core.files.workdir import (
    check_request,
    fingerprint,
    package_versions,
    work_folder,
)
from gprplus.core.options import accepts, combined, record_of
from gprplus.core.parallel import Progress, no_progress
from gprplus.core.progress import shows_progress
from gprplus.engine.crops.design import make_design
from gprplus.engine.plans.plan_files import JSON
from gprplus.engine.plans.render_plan import FOLDER_KIND, RenderPlan
from gprplus.ingest import Manifest
from gprplus.planning.budget import RenderBudget
from gprplus.planning.cells import CandidateCells, candidate_cells
from gprplus.planning.evidence.holes import images_by_cell
from gprplus.planning.image_deal import deal_images, feasible_weights
from gprplus.planning.methods.known import propose
from gprplus.planning.methods.proposal import PlanProblem, Proposal, mix_proposals, reason_of
from gprplus.planning.options import PlanOptions, engine_of
from gprplus.planning.rare_identities import choose_identities
from gprplus.planning.write_plan import CellNotes, plan_of_images
from gprplus.reporting.run_results import read_run_results


@dataclass(frozen=True, eq=False)
class PlanResult:
    """A render plan in its folder: the plan, the candidate cells, and the proposals that it mixes;
    no proposals where the plan was read."""

    path: Path
    plan: RenderPlan
    proposals: tuple[Proposal, ...] = ()
    made: bool = False


@shows_progress("Planning renders")
@accepts(PlanOptions)
def plan_renders(
    budget: RenderBudget | str,
    targets: Mapping[str, AnyPath] | None = None,
    output: AnyPath | None = None,
    options: PlanOptions | None = None,
    *,
    manifest: AnyPath | None = None,
    force: bool = False,
    progress: Progress = no_progress,
    **changes: Any,
) -> PlanResult:
    """Choose cells and identities to render, and write the plan as Parquet, CSV and JSON.

    Args:
        budget: number of images, or "IDENTITIESxIMAGES".
        targets: one manifest or folder of images, by name: what the renders are for.
        output: folder of the plan; by default WORK/plans/NAME, NAME that of the target.
        options: all options at once; the keywords below change single fields of it.
        manifest: images that exist; None if there are none.
        force: replace the plan of another request in the folder.
        progress: called with the number of images rendered or measured, and of all.

    Raises:
        PlanError: a method lacks its input, or the budget does not fit the cells.
        RequestChanged: the folder holds another plan, and `force` is not set.
    """
    given = combined(PlanOptions, options, changes, "plan_renders")
    budget = RenderBudget.parse(budget) if isinstance(budget, str) else budget
    named = dict(targets or {})
    if len(named) > 1:
        raise PlanError(f"A plan has one target; found {', '.join(named)}. Make one plan for each.")
    name = next(iter(named), "renders")
    home = work_folder() / "plans" / name if output is None else Path(output)
    source = None if manifest is None else Manifest.open(manifest)
    target = open_target_sample(name, Path(named[name]), home.parent / "targets") if named else None
    methods = given.methods or (
        ("matched",) if source else ("descent",) if target else ("uniform",)
    )
    given = replace(given, methods=methods)
    request = {
        **record_of(given),
        "budget": str(budget),
        "manifest": source.fingerprint if source else None,
        "target": {name: target.fingerprint} if target else None,
        "runs": [[path.as_posix(), _scores(path)] for path in given.runs],
    }
    for unrecorded in ("device", "workers"):
        request.pop(unrecorded, None)
    if check_request(home / JSON, request, force=force) == "same":
        return PlanResult(home, RenderPlan.open(home))
    claim_folder(home, FOLDER_KIND, PlanError)
    try:
        cells = candidate_cells(given, source)
        problem = PlanProblem(cells, name, target, source, given, home, budget.total, progress)
        proposals = propose(problem, methods)
        mixed = mix_proposals(proposals, [1.0] * len(proposals))
        plan = make_plan(problem, budget, mixed, name, request)
        plan.write(home)
    finally:
        discard_if_empty(home)
    return PlanResult(home, plan, tuple(proposals), made=True)


def _scores(run: Path) -> str:
    """The fingerprint of the scores of a run: more seeds in its folder make another plan."""
    return fingerprint(read_run_results(run).summary.to_pylist())


def make_plan(
    problem: PlanProblem,
    budget: RenderBudget,
    proposal: Proposal,
    name: str,
    request: Mapping[str, Any],
) -> RenderPlan:
    """Deal the budget by the weights of a proposal, and return the plan with its reasons."""
    options, cells = problem.options, problem.cells
    weights = feasible_weights(proposal.weights, cells, budget, options.floor)
    dealt = deal_images(weights, budget.identities, budget.images, options.plan_seed)
    design = make_design(None, identities=1, **engine_of(options))
    people = choose_identities(
        design, budget.identities, options.first_identity, options.rare, problem.manifest
    )
    existing = None if problem.manifest is None else images_by_cell(problem.manifest, cells)
    shares = cells.level_shares(proposal.weights)
    return plan_of_images(
        name,
        cells,
        dealt,
        people.column("identity").to_pylist(),
        notes=CellNotes(
            weights, existing, lambda number: reason_of(proposal, cells, shares, number)
        ),
        people=people,
        info={
            "request": dict(request),
            "engine": engine_of(options),
            "candidate_cells": len(cells),
            "evidence": proposal.facts,
            "probes": proposal.probes,
            "planned": level_counts(cells, dealt),
            "versions": package_versions(),
        },
    )


def level_counts(cells: CandidateCells, dealt: np.ndarray) -> dict[str, dict[str, int]]:
    """Count the images of each level of each factor, for images `dealt` `(N, C) bool`."""
    shares = cells.level_shares(dealt.sum(axis=0).astype(np.float64))
    return {
        name: {str(level): int(n) for level, n in zip(cells.levels[name], each, strict=True)}
        for name, each in shares.items()
    }
