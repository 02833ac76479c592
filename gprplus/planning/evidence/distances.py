"""`distances`: the distance of each level of the manifest to the target, as `analyze` measures it."""

import math

import numpy as np

from gprplus.analysis import analyze
from gprplus.analysis.options import AnalyzeOptions
from gprplus.analysis.sample import crossed_factors
from gprplus.core.errors import PlanError
from gprplus.planning.evidence.level_evidence import (
    LevelEvidence,
    halfway_neighbors,
    with_halfway_levels,
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


def _of_factor(problem: PlanProblem, factor: str, rows: list[dict[str, object]]) -> LevelEvidence:
    mine = {str(row["value"]): row for row in rows if row["attribute"] == factor}
    levels = problem.cells.levels[factor]
    estimate, error = np.full(len(levels), math.nan), np.full(len(levels), math.nan)
    sentences = [""] * len(levels)
    for place, level in enumerate(levels):
        row = mine.get(str(level))
        if row is None:
            continue
        value, low, high = (float(row[key]) for key in ("distance", "low", "high"))  # type: ignore[arg-type]
        estimate[place], error[place] = -value, (high - low) / (2 * Z95)
        sentences[place] = f"distance {value:.3g} [{low:.3g}, {high:.3g}]"
    neighbors = halfway_neighbors(factor, levels)
    estimate, error = with_halfway_levels(neighbors, estimate, error)
    for place in range(len(levels)):
        if not sentences[place] and np.isfinite(estimate[place]):
            sentences[place] = f"distance {-estimate[place]:.3g} between its neighbors"
    return LevelEvidence("distances", factor, levels, estimate, error, tuple(sentences))
