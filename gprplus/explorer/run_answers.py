"""Answers about a run: scores with intervals, learning curves, levels, and what differs between two
arms, query by query."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from gprplus.core.errors import BrowseError
from gprplus.explorer.split_answers import KEYS, manifest_number
from gprplus.explorer.workspace import Workspace
from gprplus.reporting.arm_labels import plot_label, question_of, target_phrase
from gprplus.reporting.figures.plots import build_heat_map
from gprplus.reporting.findings import outcome_of
from gprplus.reporting.level_matrix import build_level_matrix
from gprplus.reporting.run_results import RunResults

if TYPE_CHECKING:
    import pandas as pd

    from gprplus.splits import Split

LISTED = 300  # queries and identities of a table
SCORES = ("mAP", "mAP_low", "mAP_high", "mAP_difference", "mAP_difference_low")
SHOWN = ("arm", *SCORES, "mAP_difference_high", "rank1", "rank1_low", "rank1_high", "mINP", "seeds")


def run_answer(space: Workspace, given: Mapping[str, str]) -> dict[str, Any]:
    """Return scores of each arm on a target, the verdict, learning curves and the matrix of
    levels."""
    run = space.run(given.get("s", ""))
    target = read_target(run, given)
    split = run_split(space, run)
    return {
        "name": run.name,
        "question": question_of(run.split),
        "targets": [[name, target_phrase(name)] for name in run.targets],
        "target": target,
        "verdict": str(run.verdict(target)),
        "manifest": None if split is None else manifest_number(space, split),
        "reference": run.split.reference,
        "arms": [
            {
                **{name: row.get(name) for name in SHOWN},
                "label": plot_label(row["arm"], run.split),
                "outcome": outcome_of(row),
            }
            for row in run.rows_of(target)
        ],
        "curves": _curves(run),
        "matrix": _matrix(run, target),
    }


def read_target(run: RunResults, given: Mapping[str, str]) -> str:
    """Return the target of a request, by default the first of the run."""
    target = given.get("target") or run.targets[0]
    if target not in run.targets:
        raise BrowseError(f"The run has no target '{target}'. Load the page again.")
    return target


def run_split(space: Workspace, run: RunResults) -> "Split | None":
    """Return the split of a run; None if it is gone."""
    number = space.number_of(run.split_folder, "split") if run.split_folder else None
    return None if number is None else space.split(number)


def _curves(run: RunResults) -> list[dict[str, Any]]:
    """Return loss and learning rate by step of each arm and seed."""
    found = []
    pairs = {(row["arm"], row["seed"]) for row in run.results.to_pylist()}
    for arm, seed in sorted(pairs):
        path = run.folder / arm / f"seed{seed}" / "log.jsonl"
        lines = _log(path.read_text()) if path.is_file() else []
        if lines:
            found.append({"arm": arm, "seed": seed, "steps": lines})
    return found


def _log(text: str) -> list[list[float]]:
    found = []
    for line in text.splitlines():
        try:
            entry = json.loads(line)
            found.append([entry["step"], entry["loss"], entry["lr"]])
        except (ValueError, KeyError, TypeError):
            continue  # the last line of a training that was stopped
    return found


def _matrix(run: RunResults, target: str) -> dict[str, Any] | None:
    """Return the matrix of arms and levels: by single-level galleries if there are, else by the
    level of the query."""
    matrix = build_level_matrix(run.levels, run.split) if target == "self" else None
    if matrix:
        lines = [
            [line.label, [[cell.value, cell.trained_on, cell.text] for cell in line.cells]]
            for line in matrix.lines
        ]
        return {"levels": matrix.levels, "lines": lines, "what": "gallery and queries of the level"}
    heat = build_heat_map(run.queries, run.split, target)
    if heat is None:
        return None
    lines = [
        [heat.labels[i], [[value, heat.matched(i, j), ""] for j, value in enumerate(row)]]
        for i, row in enumerate(heat.cells)
    ]
    what = "queries of the level, whole gallery"
    what += f"; no query has {', '.join(heat.empty_levels)}" if heat.empty_levels else ""
    return {"levels": heat.levels, "lines": lines, "what": what}


def compare_answer(space: Workspace, given: Mapping[str, str]) -> dict[str, Any]:
    """Return the queries on which two arms differ most, failures by attribute, and the identities
    that cost most."""
    run = space.run(given.get("s", ""))
    target = read_target(run, given)
    arms = [row["arm"] for row in run.rows_of(target)]
    first, second = given.get("a") or run.split.reference or arms[0], given.get("b") or arms[-1]
    if first not in arms or second not in arms:
        raise BrowseError("The run has no such arm. Load the page again.")
    joined = _joined(run, target, first, second)
    return {
        "a": first,
        "b": second,
        "queries": len(joined),
        "differ": _differing(joined),
        "failures": _failures(space, run, joined) if target == "self" else [],
        "identities": _identities(joined),
    }


def _joined(run: RunResults, target: str, first: str, second: str) -> "pd.DataFrame":
    """Return for each valid query the mean AP and the share of seeds with a match at rank 1, under
    both arms."""
    frame = run.queries.select(
        ["arm", "seed", "target", "uid", "identity", "AP", "first_match_rank", "valid"]
    ).to_pandas()
    frame = frame[(frame["target"] == target) & frame["valid"]]
    frame = frame.assign(found=frame["first_match_rank"] == 1)
    sides = []
    for arm in (first, second):
        grouped = frame[frame["arm"] == arm].groupby("uid", observed=True)
        sides.append(
            grouped.agg(AP=("AP", "mean"), found=("found", "mean"), identity=("identity", "first"))
        )
    other = sides[1].drop(columns="identity").add_suffix("_b")
    return sides[0].join(other, how="inner")


def _differing(joined: "pd.DataFrame") -> dict[str, list[dict[str, Any]]]:
    """Return the queries that one arm finds in most seeds and the other does not, the largest
    difference of AP first."""
    majority = joined.assign(a=joined["found"] > 0.5, b=joined["found_b"] > 0.5)
    sides = {"a": majority["a"] & ~majority["b"], "b": majority["b"] & ~majority["a"]}
    sides["neither"] = ~majority["a"] & ~majority["b"]
    answer = {}
    for name, chosen in sides.items():
        rows = joined[chosen]
        gap = (rows["AP"] - rows["AP_b"]).abs() if name != "neither" else -rows["AP"] - rows["AP_b"]
        rows = rows.loc[gap.sort_values(ascending=False, kind="stable").index]
        answer[name] = [
            {"uid": str(uid), "identity": str(row.identity), "AP": [row.AP, row.AP_b]}
            for uid, row in zip(rows.index[:LISTED], rows[:LISTED].itertuples(), strict=True)
        ]
    return answer


def _failures(space: Workspace, run: RunResults, joined: "pd.DataFrame") -> list[dict[str, Any]]:
    """Return for each attribute and level of the queries the share without a match at rank 1."""
    split = run_split(space, run)
    if split is None:
        return []
    test = split.test().to_pandas().drop_duplicates("uid").set_index("uid")
    found = []
    for column in split.columns:
        if column.name in KEYS:
            continue
        levels = test[column.name].reindex(joined.index)
        if not 1 < levels.nunique() <= 40:
            continue
        table = joined.assign(level=levels.astype(str))
        grouped = table.groupby("level", observed=True)[["found", "found_b", "AP"]]
        means, sizes = grouped.mean(), grouped.size()
        rows = [
            [level, int(sizes[level]), 1 - means.found[level], 1 - means.found_b[level]]
            for level in means.index
        ]
        found.append({"name": column.name, "levels": rows, "spread": _spread(rows)})
    return sorted(found, key=lambda one: -one["spread"])


def _spread(rows: list[list[Any]]) -> float:
    """Return the standard deviation of the failures of both arms over levels, weighted by
    queries."""
    sizes = np.array([row[1] for row in rows], dtype=float)
    failed = np.array([(row[2] + row[3]) / 2 for row in rows])
    mean = np.average(failed, weights=sizes)
    return float(np.sqrt(np.average((failed - mean) ** 2, weights=sizes)))


def _identities(joined: "pd.DataFrame") -> list[dict[str, Any]]:
    """Return the identities by what they cost: their share of all that is missing to an mAP of
    100."""
    import pandas as pd

    lost = joined.assign(lost=1 - joined["AP"], lost_b=1 - joined["AP_b"])
    grouped = lost.groupby("identity", observed=True)
    sums, sizes, means = (
        grouped[["lost", "lost_b"]].sum(),
        grouped.size(),
        grouped[["AP", "AP_b"]].mean(),
    )
    total = {name: max(float(sums[name].sum()), 1e-12) for name in ("lost", "lost_b")}
    share = sums / pd.Series(total)
    order = share.mean(axis=1).sort_values(ascending=False, kind="stable").index[:LISTED]
    first = grouped["lost"].idxmax()
    return [
        {
            "identity": str(name),
            "queries": int(sizes[name]),
            "AP": [means.AP[name], means.AP_b[name]],
            "cost": [share.lost[name], share.lost_b[name]],
            "uid": str(first[name]),
        }
        for name in order
    ]
