"""`descent`: attribute descent with the renderer in the loop.

One distribution over the levels of each factor, a cell's weight their product. Each factor in turn
takes the distribution that brings the mixture nearest to the target, given those of the other
factors: Yao et al., "Simulating content consistent vehicle datasets with attribute descent", 2020.
There a factor is one value found by search; here the levels are rendered for the same identities
under the same draw of the other factors, and their mixture is the optimum of the convex programme of
gprplus.analysis.subset_search.qp, averaged over resampled identities, since a few probes are noisy.
"""

from collections.abc import Mapping

import numpy as np

from gprplus.planning.cells import CandidateCells
from gprplus.planning.methods.matched import nearest_mixture
from gprplus.planning.methods.proposal import PlanProblem, Proposal, plan_method
from gprplus.planning.probe import RenderedProbe, target_points

REDRAWS = 50  # resamples of the identities


@plan_method("descent")
def descent_method(problem: PlanProblem) -> Proposal:
    """Return the product of the level shares that attribute descent ends at.

    Raises:
        PlanError: there is no target.
    """
    problem.require_target("descent")
    options, cells = problem.options, problem.cells
    probe = RenderedProbe.of(problem, options.probe)
    shares = {name: np.full(len(each), 1 / len(each)) for name, each in cells.levels.items()}
    path = []
    for sweep in range(options.sweeps):
        # Light and weather change the whole image, so they come before the camera.
        for factor in [name for name in reversed(cells.factors) if len(cells.levels[name]) > 1]:
            rng = problem.rng(f"descent {sweep} {factor}")
            numbers = probe_cells(cells, factor, shares, options.probe, rng)
            found = target_points(problem, probe.kind, probe.features(numbers))
            source = found.source.reshape(*numbers.shape, -1)
            near, _ = nearest_mixture(source, found, rng, REDRAWS)
            moved = float(np.abs(near - shares[factor]).sum() / 2)
            shares[factor] = near
            path.append({"sweep": sweep + 1, "factor": factor, "moved": round(moved, 4)})
    facts = {"steps": path, "shares": _as_record(cells, shares), "probes": probe.rendered}
    return Proposal("descent", cells.product_weights(shares), {}, facts, probe.rendered)


def probe_cells(
    cells: CandidateCells,
    factor: str,
    shares: Mapping[str, np.ndarray],
    count: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """The cells in which `count` identities are rendered at each level of a factor, `(P, L) int64`:
    the other factors are drawn by their shares, once for all levels, so that levels differ in
    nothing else."""
    drawn = {}
    for name, levels in cells.levels.items():
        if name != factor:
            # Systematic: every level appears as often as its share allows.
            points = (np.arange(count) + rng.random()) / count
            picks = np.searchsorted(np.cumsum(shares[name]), points, side="right")
            drawn[name] = rng.permutation(np.minimum(picks, len(levels) - 1))
    sizes = [len(levels) for levels in cells.levels.values()]
    size = len(cells.levels[factor])
    codes = [
        np.broadcast_to(np.arange(size), (count, size))
        if name == factor
        else np.broadcast_to(drawn[name][:, None], (count, size))
        for name in cells.factors
    ]
    return np.ravel_multi_index(tuple(codes), tuple(sizes))


def _as_record(
    cells: CandidateCells, shares: Mapping[str, np.ndarray]
) -> dict[str, dict[str, float]]:
    return {
        name: {
            str(level): round(float(share), 4)
            for level, share in zip(cells.levels[name], each, strict=True)
        }
        for name, each in shares.items()
    }
