"""Distance score of each image, decomposed by factor and by a boosted model."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np

from gprplus.analysis import anova, distance_estimators, permutation
from gprplus.analysis.matched_sample import CrossedSample
from gprplus.core.errors import AnalysisError

_BLOCK = 512  # rows of a matrix of distances held at a time


def image_scores(
    source: np.ndarray,
    people: np.ndarray,
    target: np.ndarray,
    distance: Callable = distance_estimators.squared_distances,
) -> dict[str, np.ndarray]:
    """Return two scores for each image, from source points `(N, D)` of `people` `(N,)` and target
    points `(T, D)`, `(N,)`.

    "raw" is the mean distance to the target images: low for every point near the center. "debiased"
    subtracts the mean distance to the images of other source identities; the mean over all images
    is half of the distance between source and target, and single values are the witness function of
    the energy distance (Gretton et al., JMLR 2012, section 2.3): positive where the source is
    denser than the target.
    """
    raw, own = np.empty(len(source)), np.empty(len(source))
    size = np.bincount(people)
    for start in range(0, len(source), _BLOCK):
        rows = slice(start, start + _BLOCK)
        raw[rows] = distance(source[rows], target).mean(axis=1)
        apart = distance(source[rows], source)
        mine = people[rows]
        same = np.where(mine[:, None] == people[None, :], apart, 0.0).sum(axis=1)
        own[rows] = (apart.sum(axis=1) - same) / (len(people) - size[mine])
    return {"debiased": raw - own, "raw": raw}


def importance_effects(
    scores: dict[str, np.ndarray], crossed: CrossedSample, rng: np.random.Generator
) -> list[dict[str, Any]]:
    """Rows of columns.EFFECTS, without target and features; none of a score that does not vary."""
    rows = []
    for name, values in scores.items():
        if np.ptp(values) <= 0:
            continue
        for effect in anova.anova_effects(values.reshape(crossed.rows.shape), crossed.factors, rng):
            row = asdict(effect) | {
                "score": name,
                "effect": effect.name,
                "order": len(effect.factors),
            }
            rows.append({key: value for key, value in row.items() if key != "factors"})
    return rows


def measure_importance(
    values: np.ndarray, crossed: CrossedSample, rng: np.random.Generator
) -> tuple[float | None, list[dict[str, Any]], str]:
    """Compute R^2 on held-out identities, rows of columns.IMPORTANCE without target and features,
    or the reason for none.
    """
    try:
        permutation.make_booster()
    except AnalysisError as error:
        return None, [], str(error)
    if np.ptp(values) <= 0:
        return None, [], "All images have the same score."
    shape = crossed.rows.shape
    levels = np.stack([axis.ravel() for axis in np.indices(shape)[1:]], axis=1)
    fitted, drops = permutation.permutation_importance(
        values, levels, crossed.people, crossed.factors, rng
    )
    return (
        fitted,
        [
            {"attribute": one.factor, **{k: v for k, v in asdict(one).items() if k != "factor"}}
            for one in drops
        ],
        "",
    )
