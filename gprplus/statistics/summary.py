"""Summary table of runs: means over seeds, intervals, paired differences."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gprplus import schema, statistics
from gprplus.core.errors import ScoreError
from gprplus.statistics.align import METRICS, align_queries, shared_seeds

if TYPE_CHECKING:
    import pyarrow as pa

UNTRAINED = "untrained"
_MEANS = ("rank5", "rank10", "mINP", "seconds")
_COPIED = (
    "split",
    "recipe",
    "backbone",
    "weights",
    "protocol",
    "queries",
    "train_identities",
    "train_images",
)


def summarize(
    results: "pa.Table",
    queries: Mapping[tuple[str, int], "pa.Table"],
    reference: str | None,
) -> "pa.Table":
    """Return one row (schema.SUMMARY) for each arm and target of `results` (schema.RESULTS, of one
    split and recipe).

    `queries` has the schema.QUERIES table of each (arm, seed). Intervals are those of
    `gprplus.statistics`; paired differences are to the arm `reference`, whose difference is null,
    as are intervals with one seed. Trained arms are compared on the seeds they all have, the
    untrained baseline on its seeds. The interval of a difference is that of the single contrast
    (schema.CONTRASTS).
    """
    import pyarrow as pa

    rows = results.to_pylist()
    out: list[dict[str, Any]] = []
    for target in dict.fromkeys(row["target"] for row in rows):
        out += _of_target(
            [row for row in rows if row["target"] == target], queries, target, reference
        )
    # Arrow takes the columns from the first row, and the reference arm has no differences
    full = [{column.name: row.get(column.name) for column in schema.SUMMARY} for row in out]
    return schema.conform(pa.Table.from_pylist(full), schema.SUMMARY)


def _of_target(
    rows: Sequence[dict[str, Any]],
    queries: Mapping[tuple[str, int], "pa.Table"],
    target: str,
    reference: str | None,
) -> list[dict[str, Any]]:
    arms = list(dict.fromkeys(row["arm"] for row in rows))
    trained = [arm for arm in arms if arm != UNTRAINED]
    groups = [group for group in (trained, [UNTRAINED] if UNTRAINED in arms else []) if group]
    out: dict[str, dict[str, Any]] = {}
    aligned = []
    for group in groups:
        seeds = shared_seeds(rows, group, target)
        aligned.append(align_queries(queries, group, seeds, target))
        if not np.array_equal(aligned[-1].identities, aligned[0].identities):
            raise ScoreError(
                f"The untrained network was scored on other queries of '{target}' than the"
                " arms. Run the benchmark with --force."
            )
        persons = int(aligned[-1].identities.max()) + 1
        mine = [row for row in rows if row["arm"] in group and row["seed"] in seeds]
        out |= {
            arm: _row([row for row in mine if row["arm"] == arm], target, persons) for arm in group
        }
    reference = reference if reference in trained else None
    for row in out.values():
        row["reference"] = reference
    for metric in METRICS:
        scores = [statistics.ScoreArray(one.scores[metric], one.identities) for one in aligned]
        for group, one in zip(groups, scores, strict=True):
            for arm, level in zip(group, statistics.arm_intervals(one), strict=True):
                out[arm] |= _columns(metric, level)
        for arm, gap in _differences(groups, scores, reference).items():
            out[arm] |= _columns(f"{metric}_difference", gap)
    return [out[arm] for arm in arms]


def _differences(
    groups: Sequence[Sequence[str]],
    scores: Sequence[statistics.ScoreArray],
    reference: str | None,
) -> dict[str, statistics.Estimate]:
    """Return the difference of every other arm from the reference, which is one of the first of
    the `groups`; none without a reference."""
    if reference is None:
        return {}
    trained, place = groups[0], groups[0].index(reference)
    gaps = statistics.difference_intervals(scores[0], place)
    found = {arm: gap for arm, gap in zip(trained, gaps, strict=True) if arm != reference}
    if len(groups) > 1:
        found[UNTRAINED] = statistics.floor_difference(scores[1], scores[0], place)
    return found


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


def _columns(name: str, estimate: statistics.Estimate) -> dict[str, float | None]:
    ends = {f"{name}_low": estimate.low, f"{name}_high": estimate.high}
    return {name: estimate.value} | {
        key: None if np.isnan(value) else value for key, value in ends.items()
    }
