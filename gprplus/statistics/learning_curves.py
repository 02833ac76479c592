"""Growth with the number of images: a curve for each line of nested budgets, and where it comes
near the full score."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from gprplus.schema.split_record import RANDOM_IMAGES, SplitRecord
from gprplus.statistics import power_law, seed_noise
from gprplus.statistics.identity_variance import ScoreArray, df_of_shares, variance_factors

if TYPE_CHECKING:
    from gprplus.statistics.target_scores import TargetScores

RESAMPLES = 2000


def group_by_budget(split: SplitRecord, arms: tuple[str, ...]) -> dict[str, dict[int, list[str]]]:
    """Return the curves of a split: by name, the arms of each number of images (several for draws
    of a control).

    `scaling` has its mixture, its selected levels and random images; `budget` varies identities at
    constant images of each, and images at constant identities; a ladder of identities varies both.
    """
    out: dict[str, dict[int, list[str]]] = {}
    for name, one in split.arms.items():
        if name not in arms:
            continue
        size, design = one.images, split.design
        found = []
        if design == "scaling":
            found = [
                "random-images" if one.kind == RANDOM_IMAGES else name.removesuffix(f"-{size}")
            ]
        elif design == "budget" and one.rung:
            found = [f"{one.rung.images_each} images each", f"{one.rung.identities} identities"]
        elif design == "identity" and (one.kind == "ids-all" or name == split.reference):
            found = ["all their images"]
        for line in found:
            out.setdefault(line, {}).setdefault(size, []).append(name)
    return out


def curve_rows(seen: "TargetScores", split: SplitRecord) -> list[dict[str, Any]]:
    """A row (schema.CURVES) for each line of four budgets or more."""
    found = {
        name: line
        for name, line in group_by_budget(split, seen.arms).items()
        if len(line) >= power_law.LEAST
    }
    if not found:
        return []
    best = "full" if "full" in seen.arms else str(split.reference)
    if best not in seen.arms:
        return []
    means = seen.scored.means().mean(axis=1)
    again = _resampled(seen)
    goal = seen.place([best])[0]
    return [_row(seen, name, line, means, again, goal, best) for name, line in found.items()]


def _row(
    seen: "TargetScores",
    name: str,
    line: Mapping[int, list[str]],
    means: np.ndarray,
    again: np.ndarray,
    goal: int,
    best: str,
) -> dict[str, Any]:
    sizes = np.array(sorted(line))
    pick = np.array(
        [[float(arm in line[size]) / len(line[size]) for arm in seen.arms] for size in sizes]
    )
    fitted, refitted = (
        power_law.fit_power_law(sizes, (pick @ means)[None]),
        power_law.fit_power_law(sizes, again @ pick.T),
    )
    wanted = float(power_law.images_to_reach(fitted, means[goal] - seen.margin)[0])
    others = power_law.images_to_reach(refitted, again[:, goal] - seen.margin)
    known = seen.scored.values.shape[1] > 1 and df_of_shares(_shares(seen.scored)) >= 1
    row = {
        "curve": name,
        "budgets": len(sizes),
        "smallest_images": int(sizes[0]),
        "largest_images": int(sizes[-1]),
    }
    for column, value, resample in (
        ("ceiling", fitted.c, refitted.c),
        ("scale", fitted.b, refitted.b),
        ("power", fitted.p, refitted.p),
    ):
        row[column] = float(value[0])
        row |= _ends(column, resample) if known else {}
    row |= {"rmse": float(fitted.rmse[0]), "goal": best, "margin": seen.margin, "reach": wanted}
    if known:
        row |= _ends("reach", others) | {"unreached": float(np.isinf(others).mean())}
    return seen.notes | row


def _ends(column: str, values: np.ndarray) -> dict[str, float]:
    """The 2.5% and 97.5% points; what is undefined (the power of a flat line) is left out, the
    infinite is kept."""
    known = np.sort(values[~np.isnan(values)])
    if not len(known):
        return {f"{column}_low": math.nan, f"{column}_high": math.nan}
    low, high = known[[int(0.025 * (len(known) - 1)), math.ceil(0.975 * (len(known) - 1))]]
    return {f"{column}_low": float(low), f"{column}_high": float(high)}


def _resampled(seen: "TargetScores") -> np.ndarray:
    """Resample mean scores of all arms `(R, A)`: what identities add, seed noise and the common
    shift of seeds are drawn anew.
    """
    scored, count, rng = seen.scored, RESAMPLES, seen.rng("curves")
    means = scored.means()
    arms, repeats = means.shape
    identity_shift = _identity_shifts(scored, count, rng)
    if repeats < 2:
        result: np.ndarray = means.mean(axis=1) + identity_shift
        return result
    square, freedom = seed_noise.pool_variances(means)
    few = np.sqrt(freedom / rng.chisquare(max(freedom, 1), size=count))[:, None] if freedom else 1.0
    noise = rng.normal(size=(count, arms)) * math.sqrt(square / repeats) * few
    shift = max(float(means.mean(axis=0).var(ddof=1)) - square / arms, 0.0) / repeats
    result = (
        means.mean(axis=1) + identity_shift + noise + rng.normal(size=(count, 1)) * math.sqrt(shift)
    )
    return result


def _identity_shifts(scored: ScoreArray, count: int, rng: np.random.Generator) -> np.ndarray:
    """What other identities would add to the mean scores of all arms, `(count, A)`.

    The deviation of each identity has a random normal factor (wild bootstrap), with the variance of
    `identity_variance`; each resample has a variance that its degrees of freedom allow, as in a t
    interval.
    """
    share = _shares(scored)
    freedom = df_of_shares(share)
    if freedom <= 0:
        return np.zeros((count, len(scored.values)))
    each = scored.identity_means().mean(axis=1)
    apart = (each - (each @ share)[:, None]) * np.sqrt(variance_factors(share))
    few = np.sqrt(freedom / rng.chisquare(freedom, size=count))[:, None]
    result: np.ndarray = rng.normal(size=(count, len(share))) @ apart.T * few
    return result


def _shares(scored: ScoreArray) -> np.ndarray:
    result: np.ndarray = scored.counts / scored.counts.sum()
    return result
