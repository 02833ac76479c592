"""`failures`: the levels on which the best arm of finished runs fails most at the target."""

import math

import numpy as np
import pyarrow as pa

from gprplus.core.errors import PlanError
from gprplus.planning.cells import level_text
from gprplus.planning.evidence.effects import read_target_runs
from gprplus.planning.evidence.level_evidence import (
    UNKNOWN,
    LevelEstimate,
    LevelEvidence,
    evidence_of_levels,
)
from gprplus.planning.methods.proposal import PlanProblem
from gprplus.reporting.run_results import RunResults
from gprplus.statistics.identity_variance import variance_factors


def failure_evidence(problem: PlanProblem) -> list[LevelEvidence]:
    """Return 1 - mAP of the target's queries by level, with its error over identities.

    The arm is the one with the highest mAP on the target among all runs; the levels of a query are
    those of the target's manifest.

    Raises:
        PlanError: there are no runs, or the target has no values of a candidate factor.
    """
    target = problem.require_target("failures")
    runs = read_target_runs(problem, "failures")
    run, arm = _best_arm(runs, problem.target_name)
    uids, precision, identity = query_precisions(run, arm, problem.target_name)
    images = target.images(["uid", *_known(problem)])
    return failures_by_level(problem, images, uids, 1 - precision, identity)


def failures_by_level(
    problem: PlanProblem,
    images: pa.Table,
    uids: np.ndarray,
    failed: np.ndarray,
    identity: np.ndarray,
) -> list[LevelEvidence]:
    """Return the evidence of queries `uids` `(Q,)` with 1 - AP `failed` `(Q,)` and numbered
    identities `(Q,)`; `images` has the uid and the factors of the target's images.

    Raises:
        PlanError: no query has a level of a candidate factor.
    """
    keys = images.column("uid").to_numpy()
    order = np.argsort(keys)
    rows = order[np.searchsorted(keys[order], uids)]
    found = []
    for name in images.column_names[1:]:
        values = images.column(name).cast(pa.string()).take(pa.array(rows)).to_pylist()
        found.append(_of_factor(problem, name, values, failed, identity))
    found = [one for one in found if np.isfinite(one.estimate).sum() > 1]
    if not found:
        raise PlanError(
            f"The queries of {problem.target_name} have no levels of weather, illumination,"
            " viewpoint_deg or background, so failures cannot be counted by level."
        )
    return found


def _known(problem: PlanProblem) -> list[str]:
    assert problem.target is not None
    columns = set(problem.target.columns("images"))
    return [name for name in problem.cells.factors if name in columns]


def _best_arm(runs: list[RunResults], target: str) -> tuple[RunResults, str]:
    scored = [
        (row["mAP"], place, row["arm"])
        for place, run in enumerate(runs)
        for row in run.rows_of(target)
        if row["train_images"]
    ]
    _, place, arm = max(scored)
    return runs[place], arm


def query_precisions(
    run: RunResults, arm: str, target: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the uid `(Q,)`, the average precision, the mean over seeds, and the numbered identity
    of each valid query of a target."""
    import pyarrow.compute as pc

    chosen = (pc.field("arm") == arm) & (pc.field("target") == target) & pc.field("valid")
    rows = run.queries.filter(chosen)
    uids, first, place = np.unique(
        rows.column("uid").to_numpy(), return_index=True, return_inverse=True
    )
    precision = np.bincount(place, rows.column("AP").to_numpy()) / np.bincount(place)
    names = np.array(rows.column("identity").cast(pa.string()).to_pylist(), dtype=str)[first]
    return uids, precision, np.unique(names, return_inverse=True)[1]


def _of_factor(
    problem: PlanProblem,
    factor: str,
    values: list[str | None],
    failed: np.ndarray,
    identity: np.ndarray,
) -> LevelEvidence:
    levels, texts = problem.cells.levels[factor], np.array(values, dtype=object)
    found = []
    for level in levels:
        mine = texts == level_text(level)
        known = len(np.unique(identity[mine])) > 1
        found.append(_estimate(failed[mine], identity[mine]) if known else UNKNOWN)
    return evidence_of_levels("failures", factor, levels, found)


def _estimate(failed: np.ndarray, identity: np.ndarray) -> LevelEstimate:
    value, error = clustered_mean(failed, identity)
    return LevelEstimate(value, error, f"mAP {100 * (1 - value):.1f} of {len(failed)} queries")


def clustered_mean(values: np.ndarray, groups: np.ndarray) -> tuple[float, float]:
    """The mean of values `(N,)` and its standard error over groups `(N,)`.

    >>> value, error = clustered_mean(np.array([0.0, 0.0, 1.0, 1.0]), np.array([0, 0, 1, 1]))
    >>> round(value, 3), round(error, 3)
    (0.5, 0.5)
    """
    _, place = np.unique(groups, return_inverse=True)
    sizes = np.bincount(place)
    means = np.bincount(place, values) / sizes
    share = sizes / sizes.sum()
    mean = float(share @ means)
    return mean, math.sqrt(float(variance_factors(share) @ (means - mean) ** 2))
