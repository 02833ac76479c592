"""Effect tables of an experiment: effects, variance components, learning curves, effects over
targets."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gprplus import schema, statistics
from gprplus.evaluation.targets import OWN_TEST_SET
from gprplus.schema.split_record import SplitRecord
from gprplus.statistics import (
    best_share,
    estimands,
    factorial,
    identity_variance,
    learning_curves,
    multiplicity,
    variance_components,
)
from gprplus.statistics.align import METRICS, align_queries, shared_seeds
from gprplus.statistics.estimands import DeclaredContrast
from gprplus.statistics.levels import level_tables
from gprplus.statistics.levels.level_estimands import count_estimands
from gprplus.statistics.robustness import logit_scale, pooled_effects
from gprplus.statistics.summary import UNTRAINED
from gprplus.statistics.target_scores import TargetScores

if TYPE_CHECKING:
    import pyarrow as pa

MARGIN = 0.01  # one point of mAP or rank-1: what is called no difference worth having


@dataclass(frozen=True)
class EffectTables:
    """The tables schema.CONTRASTS, COMPONENTS, CURVES, POOLED, LEFT_OUT, LOGIT, DOSE and LEVELS of
    one split and recipe."""

    contrasts: "pa.Table"
    components: "pa.Table"
    curves: "pa.Table"
    pooled: "pa.Table"
    left_out: "pa.Table"
    logit: "pa.Table"
    dose: "pa.Table"
    levels: "pa.Table"


def compute_effects(
    results: "pa.Table",
    queries: Mapping[tuple[str, int], "pa.Table"],
    split: SplitRecord,
    *,
    margin: float = MARGIN,
) -> EffectTables:
    """Compute the declared contrasts of the split (split.json as `split`) on every target except
    its tests across levels.

    `results` and `queries` are as for `summary.summarize`; `margin` (of scores 0-1) is the
    equivalence margin.
    """
    rows = results.to_pylist()
    names = [
        name
        for name in dict.fromkeys(row["target"] for row in rows)
        if not name.startswith("self:")
    ]
    seen = [one for name in names for one in _seen(rows, queries, name, margin)]
    declared = {one.target: estimands.declared_contrasts(split, one.arms) for one in seen}
    of_levels, levels = level_tables.level_rows(rows, queries, split, margin)
    shared = count_estimands(row["family"] for row in of_levels)
    tables = {
        "contrasts": [
            row for one in seen for row in _effects(one, declared[one.target], split, shared)
        ],
        "components": [row for one in seen for row in _components(one, split)],
        "curves": [row for one in seen for row in learning_curves.curve_rows(one, split)],
    }
    over = [
        pair
        for metric in METRICS
        for pair in pooled_effects.pooled_rows(
            [one for one in seen if one.metric == metric], declared
        )
    ]
    tables["pooled"] = [row for row, _ in over]
    tables["left_out"] = [row for _, others in over for row in others]
    tables["logit"] = logit_scale.logit_rows(seen, declared, tables["contrasts"], shared)
    tables["dose"] = [row for one in seen for row in best_share.dose_rows(one, split)]
    tables["levels"] = levels
    tables["contrasts"] += of_levels
    return EffectTables(
        **{name: _table(table, schema.TABLES[name]) for name, table in tables.items()}
    )


def _table(rows: Sequence[Mapping[str, Any]], columns: tuple[schema.Column, ...]) -> "pa.Table":
    import pyarrow as pa

    full = {column.name: [_known(row.get(column.name)) for row in rows] for column in columns}
    types = schema.arrow_schema(columns)
    return pa.table([pa.array(full[field.name], field.type) for field in types], schema=types)


def _known(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _seen(
    rows: Sequence[Mapping[str, Any]],
    queries: Mapping[tuple[str, int], "pa.Table"],
    target: str,
    margin: float,
) -> list[TargetScores]:
    mine = [row for row in rows if row["target"] == target and row["arm"] != UNTRAINED]
    arms = tuple(dict.fromkeys(row["arm"] for row in mine))
    if not arms:
        return []
    common = shared_seeds(mine, arms, target)
    found = align_queries(queries, arms, common, target)
    person = found.identities
    notes = {name: mine[0][name] for name in ("split", "recipe")} | {"target": target}
    return [
        TargetScores(
            target,
            metric,
            arms,
            statistics.ScoreArray(found.scores[metric], person),
            margin,
            notes | {"metric": metric},
            tuple(common),
        )
        for metric in METRICS
    ]


def _drawn(seen: TargetScores, one: DeclaredContrast, split: SplitRecord) -> int:
    """Count the draws of a random control in a contrast: for each arm one for every seed, up to its
    deals."""
    return sum(
        min(len(split.arms[arm].every_deal), seen.scored.values.shape[1]) for arm in one.draws
    )


def _effects(
    seen: TargetScores, declared: Sequence[DeclaredContrast], split: SplitRecord, shared: int
) -> list[dict[str, Any]]:
    """Rows of the contrasts of one target; on the split's own test set `shared` estimands share the
    5%."""
    out, count = [], shared if seen.target == OWN_TEST_SET else 1
    for name in dict.fromkeys(one.family for one in declared):
        family = [one for one in declared if one.family == name]
        sizes = {"seeds": seen.scored.values.shape[1], "query_identities": seen.scored.identities}
        for one, figures in zip(
            family,
            multiplicity.family_figures(seen.estimate(family), seen.margin, count),
            strict=True,
        ):
            row: dict[str, Any] = {"family": name, "contrast": one.name, "formula": one.formula}
            row |= {
                "aliases": ", ".join(one.aliases) or None,
                "omega2": _omega(seen, one),
                "draws": _drawn(seen, one, split),
            }
            out.append(seen.notes | row | figures | sizes)
    return out


def _omega(seen: TargetScores, one: DeclaredContrast) -> float | None:
    if one.family not in ("main effects", "interactions"):
        return None
    runs = seen.place(list(one.weights))
    return factorial.partial_omega_squared(
        seen.scored.means()[runs], np.array(list(one.weights.values()))
    )


def _components(seen: TargetScores, split: SplitRecord) -> list[dict[str, Any]]:
    found = variance_components.variance_components(seen.scored, seen.rng("components"))
    groups = [seen.place(draws) for draws in estimands.control_draws(split.among(seen.arms).arms)]
    drawn = variance_components.control_draw_component(seen.scored, groups, seen.rng("subset draw"))
    sizes = {
        "arms": len(seen.arms),
        "seeds": seen.scored.values.shape[1],
        "query_identities": seen.scored.identities,
    }
    sizes |= {"effective_identities": identity_variance.effective_identities(seen.scored.identity)}
    return [
        seen.notes
        | {"component": one.name, "variance": one.variance, "low": one.low, "high": one.high}
        | sizes
        for one in [*found, *([drawn] if drawn else [])]
    ]
