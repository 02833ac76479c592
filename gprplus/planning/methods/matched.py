"""`matched`: the mixture of cells that is nearest to the target, in one step.

The convex programme of the subset search (gprplus.analysis.subset_search.qp), on the images of the
manifest, or on a crossed probe that is rendered where there is no manifest. Cells without images
have no features, so they get no weight.
"""

from typing import Any

import numpy as np

from gprplus.analysis.features import make_features
from gprplus.analysis.matched_sample import CrossedSample
from gprplus.analysis.sample import search_sample
from gprplus.analysis.subset_search.kernels import Kernels, build_kernels
from gprplus.analysis.subset_search.qp import solve_on_simplex
from gprplus.analysis.subset_search.run_search import MOST, RIDGE
from gprplus.core.errors import PlanError
from gprplus.ingest import Manifest
from gprplus.planning.cells import CandidateCells
from gprplus.planning.methods.proposal import PlanProblem, Proposal, plan_method
from gprplus.planning.probe import RenderedProbe, TargetPoints, target_points

FEWEST = 5  # identities of a probe


@plan_method("matched")
def matched_method(problem: PlanProblem) -> Proposal:
    """Return the weights of the mixture with the least maximum mean discrepancy to the target.

    Raises:
        PlanError: there is no target, no cell of the manifest is a candidate, or there are too many
            cells to compare all of them.
        AnalysisError: fewer than five identities have an image in every cell of the manifest.
    """
    problem.require_target("matched")
    if problem.manifest is None:
        return _of_probe(problem)
    return _of_manifest(problem, problem.manifest)


def crossed_identities(cells: int, most: int) -> int:
    """Return the number of identities that the probe renders in every cell, `most` if it can.

    Raises:
        PlanError: there are too many cells for the fewest identities.
    """
    people = min(most, MOST // cells)
    if people < FEWEST:
        raise PlanError(
            f"The method matched would render all {cells:,} cells for {FEWEST} identities, more than"
            f" {MOST:,} images. Name fewer levels; plan-renders has --method descent instead, while"
            " construct needs matched for its control one-shot."
        )
    return people


def _of_probe(problem: PlanProblem) -> Proposal:
    """Render every cell of a few identities, and weight all cells."""
    cells = problem.cells
    people = crossed_identities(len(cells), problem.options.probe)
    probe = RenderedProbe.of(problem, people)
    numbers = np.tile(np.arange(len(cells)), (people, 1))
    found = target_points(problem, probe.kind, probe.features(numbers))
    source = found.source.reshape(people, len(cells), -1)
    weights, facts = nearest_mixture(source, found)
    return Proposal("matched", weights, {}, facts, probe.rendered)


def _of_manifest(problem: PlanProblem, manifest: Manifest) -> Proposal:
    options, cells = problem.options, problem.cells
    (kind,) = make_features([options.features], options.device)
    side = search_sample(manifest, None, 0.0, options.plan_seed)
    crossed = side.crossed
    assert crossed is not None
    if crossed.flat.size > MOST:
        raise PlanError(
            f"The method matched would compare {crossed.flat.size:,} images with each other, more"
            f" than {MOST:,}: the manifest has {len(crossed.cells()):,} cells. Use --method descent"
            " or distances."
        )
    columns = _levels_of_cells(cells, manifest, crossed)
    numbers = cells.numbers_of(columns)
    usable = numbers >= 0
    if not usable.any():
        absent = [
            name
            for name, levels in cells.levels.items()
            if (CandidateCells({name: levels}).numbers_of(columns) < 0).all()
        ]
        raise PlanError(
            f"The manifest has no image at a candidate level of {', '.join(absent)}, so matched has"
            " nothing to weight. Name levels that it has, or use --method descent, which renders"
            " probes."
        )
    features = kind.extract(side.images(), options.workers, problem.progress)
    found = target_points(problem, kind, features[side.place(crossed.flat)])
    source = found.source.reshape(len(crossed.rows), len(numbers), -1)[:, usable]
    near, facts = nearest_mixture(source, found)
    weights = np.bincount(numbers[usable], near, len(cells))
    missing = len(cells) - len(np.unique(numbers[usable]))
    return Proposal("matched", weights, {}, facts | {"cells_without_images": missing})


def nearest_mixture(
    source: np.ndarray,
    target: TargetPoints,
    rng: np.random.Generator | None = None,
    redraws: int = 0,
) -> tuple[np.ndarray, dict[str, Any]]:
    """Return the weights `(C,)` whose mixture of cells is nearest to the target, for points `(P, C,
    D)` of P identities, and facts for the record.

    With `redraws`, the weights are the mean over so many resamples of the identities of both sides
    (bagging: Breiman, 1996), so that cells which differ by noise alone come out alike.
    """
    known, bandwidth = build_kernels(source, target.images, target.people)
    every = np.ones(len(source)), np.ones(len(target.images))
    if rng is None or not redraws:
        weights = _solve(known, *every)
    else:
        weights = np.mean([_solve(known, *_redrawn(known, rng)) for _ in range(redraws)], axis=0)
    facts = {"cells_compared": source.shape[1], "identities": len(source), "bandwidth": bandwidth}
    return weights / weights.sum(), facts


def _solve(known: Kernels, people: np.ndarray, images: np.ndarray) -> np.ndarray:
    """The nearest mixture with source identities and target images of these weights."""
    within = known.biased(people).astype(np.float64)
    across = known.to_target(images, people).astype(np.float64)
    return solve_on_simplex(within, across, RIDGE * float(np.diag(within).mean()))


def _redrawn(known: Kernels, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Weights of source identities and of target images under one resample of either side."""
    count = len(known.inside)
    people = np.bincount(rng.integers(0, count, count), minlength=count).astype(np.float64)
    names, place = np.unique(known.people, return_inverse=True)
    times = np.bincount(rng.integers(0, len(names), len(names)), minlength=len(names))
    return people, times[place].astype(np.float64)


def _levels_of_cells(
    cells: CandidateCells, manifest: Manifest, crossed: CrossedSample
) -> dict[str, list[object]]:
    """The level of each candidate factor in each crossed cell of the manifest, by factor.

    A factor that the manifest keeps at one level is at that level; None where it is unknown, such
    as of a factor that varies without being crossed.
    """
    found = crossed.cells()
    columns: dict[str, list[object]] = {}
    for name in cells.factors:
        if name in crossed.factors:
            place = crossed.factors.index(name)
            columns[name] = [cell[place] for cell in found]
        else:
            known = manifest.levels(name) if name in manifest.attributes else []
            level = known[0] if len(known) == 1 else None
            columns[name] = [level if known else cells.assumed_level(name)] * len(found)
    return columns
