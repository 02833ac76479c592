"""The default mode: debiased distances of each level, and which factor carries them, for every kind
of features."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gprplus.analysis import distance_estimators, importance, level_distance
from gprplus.analysis.features import Features
from gprplus.analysis.matched_sample import MatchedSample
from gprplus.analysis.rank_correlation import spearman
from gprplus.analysis.sample import ImageSample
from gprplus.core.parallel import Progress
from gprplus.core.sampling import hash64, join_canonical

_DIGITS = 12  # of a distance; what differs by less is rounding

Measured = tuple[dict[str, pa.Table], dict[str, Any]]


def measure_debiased(
    kinds: Sequence[Features],
    side: ImageSample,
    targets: Mapping[str, ImageSample],
    seed: int,
    workers: int | None,
    progress: Progress,
) -> dict[str, Measured]:
    """Return, by target, its tables (distances, effects, importance) and the other entries of its
    record."""
    looks = {kind.name: kind.extract(side.images(), workers, progress) for kind in kinds}
    found = {}
    for name, target in targets.items():
        rows: dict[str, list[dict[str, Any]]] = {"distances": [], "effects": [], "importance": []}
        facts: dict[str, Any] = {"bandwidths": {}, "main": {}, "r2": {}, "notes": []}
        for kind in kinds:
            one = _one(
                name,
                kind,
                side,
                looks[kind.name],
                target,
                kind.extract(target.images(), workers, progress),
                seed,
            )
            for key in rows:
                rows[key] += one[0][key]
            for key, value in one[1].items():
                facts[key] = (
                    [*facts[key], *value] if isinstance(value, list) else facts[key] | value
                )
        if side.crossed is None:
            facts["notes"].append(
                "Factors are not compared with each other: fewer than five identities have an image"
                " in every combination."
            )
        tables = {key: pa.Table.from_pylist(value) for key, value in rows.items() if value}
        facts["notes"] = list(dict.fromkeys(facts["notes"]))
        facts["luminance_agreement"] = {
            a: feature_agreement(tables["distances"], a, "luminance", "all") for a in side.samples
        }
        facts["agreement"] = _between_kinds(
            tables["distances"], list(side.samples), list(facts["main"].values())
        )
        found[name] = (tables, facts)
    return found


def _one(
    name: str,
    kind: Features,
    side: ImageSample,
    looks: np.ndarray,
    target: ImageSample,
    target_looks: np.ndarray,
    seed: int,
) -> tuple[dict[str, list[dict[str, Any]]], dict[str, Any]]:
    """Compute every attribute, level and measure of one kind of features, and the shares of the
    factors."""
    pool = kind.points(np.vstack([looks, target_looks]))
    (sample,) = target.samples.values()
    bandwidths = {key: distance_estimators.median_distance(points) for key, points in pool.items()}
    rows: dict[str, list[dict[str, Any]]] = {"distances": [], "effects": [], "importance": []}
    for attribute, matched in side.samples.items():
        for key, points in pool.items():
            rng = np.random.default_rng(
                hash64(join_canonical("analyze", name, attribute, key, str(seed)))
            )
            source_points, target_points = points[: len(looks)], points[len(looks) :]
            scores = level_distance.compare_levels(
                source_points[side.place(matched.rows)],
                matched.people,
                target_points[target.place(sample.rows[:, 0])],
                sample.people,
                bandwidths[key],
                rng,
                measures=kind.measures,
            )
            rows["distances"] += [
                _row(name, attribute, key, side, matched, score) for score in scores
            ]
    main, points = next(iter(pool.items()))
    facts: dict[str, Any] = {
        "bandwidths": bandwidths,
        "main": {kind.name: main},
        "r2": {},
        "notes": [],
    }
    if side.crossed is not None:
        rng = np.random.default_rng(hash64(join_canonical("attribution", name, main, str(seed))))
        at, of = side.place(side.crossed.flat), target.place(sample.rows[:, 0])
        values = importance.image_scores(
            points[: len(looks)][at], side.crossed.people, points[len(looks) :][of]
        )
        about = {"target": name, "features": main}
        rows["effects"] = [
            about | row for row in importance.importance_effects(values, side.crossed, rng)
        ]
        r2, drops, why = importance.measure_importance(values["debiased"], side.crossed, rng)
        rows["importance"] = [about | row for row in drops]
        facts |= {
            "r2": {main: r2},
            "notes": [f"Permutation importance is left out. {why}"] if why else [],
        }
    return rows, facts


def _row(
    name: str,
    attribute: str,
    kind: str,
    side: ImageSample,
    matched: MatchedSample,
    score: level_distance.LevelDistance,
) -> dict[str, Any]:
    return {
        "target": name,
        "attribute": attribute,
        "value": str(side.levels[attribute][score.level]),
        "features": kind,
        **{
            field.name: getattr(score, field.name)
            for field in fields(score)
            if field.name != "level"
        },
        "images": len(matched.rows),
        "identities": int(matched.people.max() + 1),
    }


def feature_agreement(table: pa.Table, attribute: str, left: str, right: str) -> float | None:
    """Rank correlation of the levels' energy distances on two kinds of features; None below four
    levels, if one of them was not measured, or if all levels are equally far on one.
    """
    chosen = table.filter((pc.field("attribute") == attribute) & (pc.field("measure") == "energy"))
    one, two = (
        np.asarray(chosen.filter(pc.field("features") == kind).column("distance"))
        for kind in (left, right)
    )
    if not len(one) == len(two) >= 4:
        return None
    return spearman(np.round(one, _DIGITS), np.round(two, _DIGITS))


def _between_kinds(
    table: pa.Table, attributes: Sequence[str], kinds: Sequence[str]
) -> list[dict[str, Any]]:
    """Correlate the rankings of levels by two kinds of features, for each attribute and every pair
    of kinds."""
    pairs = [(one, two) for i, one in enumerate(kinds) for two in kinds[i + 1 :]]
    return [
        {
            "attribute": attribute,
            "features": [one, two],
            "correlation": feature_agreement(table, attribute, one, two),
        }
        for attribute in attributes
        for one, two in pairs
    ]
