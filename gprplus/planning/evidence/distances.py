"""`distances`: the distance of each level of the manifest to the target, as `analyze` measures it."""

from typing import Any

from gprplus.analysis import analyze
from gprplus.analysis.options import AnalyzeOptions
from gprplus.analysis.sample import crossed_factors
from gprplus.core.errors import PlanError
from gprplus.planning.evidence.level_evidence import (
    UNKNOWN,
    LevelEstimate,
    LevelEvidence,
    evidence_of_levels,
)
from gprplus.planning.methods.proposal import PlanProblem

Z95 = 1.959963984540054  # of a 95% interval


def distance_evidence(problem: PlanProblem) -> list[LevelEvidence]:
    """Return how near each level is to the target: the negative debiased energy distance, with the
    error of its interval over identities.

    Raises:
        PlanError: there is no manifest or target, or no factor of it is a candidate.
    """
    manifest, target = problem.require_manifest("distances"), problem.require_target("distances")
    options = problem.options
    factors = [name for name in crossed_factors(manifest) if name in problem.cells.factors]
    if not factors:
        raise PlanError(
            f"{manifest.path} has no crossed factor with two levels or more that the engine can"
            " draw, so it has no distances of levels."
        )
    (found,) = analyze(
        manifest,
        {problem.target_name: target.path},
        problem.folder / "analysis",
        AnalyzeOptions(
            attributes=tuple(factors),
            features=(options.features,),
            seed=options.plan_seed,
            device=options.device,
            workers=options.workers,
        ),
        force=True,
        progress=problem.progress,
    )
    rows = found.distances.to_pylist()
    main = rows[0]["features"], rows[0]["measure"]
    rows = [row for row in rows if (row["features"], row["measure"]) == main]
    return [_of_factor(problem, name, rows) for name in factors]


def _of_factor(problem: PlanProblem, factor: str, rows: list[dict[str, Any]]) -> LevelEvidence:
    known = {str(row["value"]): _estimate(row) for row in rows if row["attribute"] == factor}
    levels = problem.cells.levels[factor]
    found = [known.get(str(level), UNKNOWN) for level in levels]
    return evidence_of_levels("distances", factor, levels, found)


def _estimate(row: dict[str, Any]) -> LevelEstimate:
    distance, low, high = row["distance"], row["low"], row["high"]
    sentence = f"distance {distance:.3g} [{low:.3g}, {high:.3g}]"
    return LevelEstimate(-distance, (high - low) / (2 * Z95), sentence)
