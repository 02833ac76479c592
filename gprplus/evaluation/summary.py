"""From runs to the table people read: means over seeds, intervals, paired differences."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gprplus import keys, schema
from gprplus.errors import ScoreError
from gprplus.evaluation import stats

if TYPE_CHECKING:
    import pyarrow as pa

UNTRAINED = "untrained"
_PER_QUERY = {"mAP": "AP", "rank1": "first_match_rank"}
_MEANS = ("rank5", "rank10", "mINP", "seconds")
_COPIED = ("split", "recipe", "backbone", "weights", "protocol", "queries", "train_identities", "train_images")


def summarise(
    results: "pa.Table",
    queries: Mapping[tuple[str, int], "pa.Table"],
    reference: str | None,
    *,
    resamples: int = stats.RESAMPLES,
    rng: np.random.Generator | None = None,
) -> "pa.Table":
    """One row (schema.SUMMARY) for each arm and target of `results` (schema.RESULTS, of one split and recipe).

    `queries` holds the schema.QUERIES table of each (arm, seed). Intervals are `stats`'s; paired differences are to
    the arm `reference`, whose own is null, as are intervals that one seed cannot give. Arms are compared on the seeds
    they all have. The resamples come from `rng`, by default the same ones every time.
    """
    import pyarrow as pa

    rows = results.to_pylist()
    rng = rng if rng is not None else np.random.default_rng(keys.text_key("bootstrap"))
    out: list[dict[str, Any]] = []
    for target in dict.fromkeys(row["target"] for row in rows):
        out += _of_target([row for row in rows if row["target"] == target], queries, target, reference, resamples, rng)
    # Arrow takes the columns from the first row, and the reference arm has no differences
    full = [{column.name: row.get(column.name) for column in schema.SUMMARY} for row in out]
    return schema.conform(pa.Table.from_pylist(full), schema.SUMMARY)


def _of_target(
    rows: Sequence[dict[str, Any]],
    queries: Mapping[tuple[str, int], "pa.Table"],
    target: str,
    reference: str | None,
    resamples: int,
    rng: np.random.Generator,
) -> list[dict[str, Any]]:
    arms = list(dict.fromkeys(row["arm"] for row in rows))
    trained = [arm for arm in arms if arm != UNTRAINED]
    seeds = sorted(set.intersection(*({row["seed"] for row in rows if row["arm"] == arm} for arm in arms)))
    if not seeds:
        raise ScoreError(
            f"The arms scored on '{target}' share no seed, so they cannot be compared. Run the benchmark again."
        )
    rows = [row for row in rows if row["seed"] in seeds]
    found, person = _aligned(queries, arms, seeds, target)
    persons = int(person.max()) + 1
    drawn = stats.weights(persons, resamples, rng)
    out = {arm: _row([row for row in rows if row["arm"] == arm], target, persons) for arm in arms}
    for row in out.values():
        row["reference"] = reference if reference in trained else None
    for metric in _PER_QUERY:
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


def _aligned(
    queries: Mapping[tuple[str, int], "pa.Table"], arms: Sequence[str], seeds: Sequence[int], target: str
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """`(A, S, Q)` scores of the valid queries of a target by metric, and the person `(Q,)` of each, numbered from 0."""
    import pyarrow.compute as pc

    uids: np.ndarray | None = None
    scores: dict[str, list[list[np.ndarray]]] = {metric: [] for metric in _PER_QUERY}
    person = np.empty(0, dtype=np.int64)
    for arm in arms:
        for metric in scores:
            scores[metric].append([])
        for seed in seeds:
            table = queries[arm, seed]
            table = table.filter(
                pc.and_(pc.equal(table.column("target").cast("string"), target), table.column("valid"))
            )
            table = table.sort_by("uid")
            own = table.column("uid").to_numpy()
            if uids is None:
                uids = own
                person = np.unique(table.column("identity").cast("string").to_numpy(), return_inverse=True)[1]
            elif not np.array_equal(own, uids):
                raise ScoreError(
                    f"Arm '{arm}', seed {seed} was scored on other queries of '{target}' than the rest. "
                    "Run the benchmark with --force."
                )
            scores["mAP"][-1].append(table.column("AP").to_numpy())
            scores["rank1"][-1].append((table.column("first_match_rank").to_numpy() == 1).astype(np.float64))
    return {metric: np.array(values, dtype=np.float64) for metric, values in scores.items()}, person


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
