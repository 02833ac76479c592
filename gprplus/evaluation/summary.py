"""From runs to the table people read: means over seeds, intervals, paired differences."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gprplus import schema
from gprplus.evaluation import stats
from gprplus.evaluation.aligned import METRICS, aligned, persons_drawn, shared_seeds

if TYPE_CHECKING:
    import pyarrow as pa

UNTRAINED = "untrained"
_MEANS = ("rank5", "rank10", "mINP", "seconds")
_COPIED = ("split", "recipe", "backbone", "weights", "protocol", "queries", "train_identities", "train_images")


def summarise(
    results: "pa.Table",
    queries: Mapping[tuple[str, int], "pa.Table"],
    reference: str | None,
    *,
    resamples: int = stats.RESAMPLES,
) -> "pa.Table":
    """One row (schema.SUMMARY) for each arm and target of `results` (schema.RESULTS, of one split and recipe).

    `queries` holds the schema.QUERIES table of each (arm, seed). Intervals are `stats`'s; paired differences are to
    the arm `reference`, whose own is null, as are intervals that one seed cannot give. Arms are compared on the seeds
    they all have. An interval of a difference is the contrast's own (schema.CONTRASTS), from the same resamples.
    """
    import pyarrow as pa

    rows = results.to_pylist()
    out: list[dict[str, Any]] = []
    for target in dict.fromkeys(row["target"] for row in rows):
        out += _of_target([row for row in rows if row["target"] == target], queries, target, reference, resamples)
    # Arrow takes the columns from the first row, and the reference arm has no differences
    full = [{column.name: row.get(column.name) for column in schema.SUMMARY} for row in out]
    return schema.conform(pa.Table.from_pylist(full), schema.SUMMARY)


def _of_target(
    rows: Sequence[dict[str, Any]],
    queries: Mapping[tuple[str, int], "pa.Table"],
    target: str,
    reference: str | None,
    resamples: int,
) -> list[dict[str, Any]]:
    arms = list(dict.fromkeys(row["arm"] for row in rows))
    trained = [arm for arm in arms if arm != UNTRAINED]
    seeds = shared_seeds(rows, arms, target)
    rows = [row for row in rows if row["seed"] in seeds]
    found, person = aligned(queries, arms, seeds, target)
    persons = int(person.max()) + 1
    drawn = persons_drawn(person, target, resamples)
    out = {arm: _row([row for row in rows if row["arm"] == arm], target, persons) for arm in arms}
    for row in out.values():
        row["reference"] = reference if reference in trained else None
    for metric in METRICS:
        scored = stats.Scored(found[metric][[arms.index(arm) for arm in trained]], person)
        for arm, level in zip(trained, stats.levels(scored, drawn) if trained else [], strict=True):
            out[arm] |= _columns(metric, level)
        if reference in trained:
            for arm, gap in zip(trained, stats.differences(scored, trained.index(reference), drawn), strict=True):
                out[arm] |= _columns(f"{metric}_difference", gap) if arm != reference else {}
        if UNTRAINED in arms:
            floor = stats.Scored(found[metric][[arms.index(UNTRAINED)]], person)
            out[UNTRAINED] |= _columns(metric, stats.levels(floor, drawn)[0])
            if reference in trained:
                gap = stats.against(floor, scored, trained.index(reference), drawn)
                out[UNTRAINED] |= _columns(f"{metric}_difference", gap)
    return list(out.values())


def _row(rows: Sequence[dict[str, Any]], target: str, persons: int) -> dict[str, Any]:
    first = rows[0]
    row = {name: first[name] for name in _COPIED} | {"arm": first["arm"], "target": target}
    row |= {"seeds": len(rows), "query_identities": persons}
    row |= {name: _mean([one[name] for one in rows]) for name in _MEANS}
    row["mAP_sd"] = float(np.std([one["mAP"] for one in rows], ddof=1)) if len(rows) > 1 else None
    return row


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _columns(name: str, estimate: stats.Estimate) -> dict[str, float | None]:
    ends = {f"{name}_low": estimate.low, f"{name}_high": estimate.high}
    return {name: estimate.value} | {key: None if np.isnan(value) else value for key, value in ends.items()}
