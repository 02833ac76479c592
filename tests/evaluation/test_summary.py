"""From runs to rows: means over seeds, paired differences, what is null and what is not."""

import numpy as np
import pyarrow as pa
import pytest

from gprplus import schema
from gprplus.core.errors import ScoreError
from gprplus.statistics.summary import summarize

ARMS = {"only-sunny": 0.2, "mix": 0.5, "untrained": 0.1}


def run(arm, seed, persons=6, target="self"):
    """The results row and the queries of one run: AP is the arm's level plus something of the query
    and the seed, and a little that identities do to one arm more than to another."""
    rng = np.random.default_rng([7, persons])
    count = persons * 2
    own = 1e-4 * len(arm) * np.repeat((-1) ** np.arange(persons), 2)
    ap = np.clip(ARMS[arm] + rng.normal(0, 0.05, count) + 0.01 * seed + own, 0, 1)
    queries = pa.table(
        {
            "target": [target] * (count + 1),
            "uid": pa.array([*range(count), 99], pa.uint64()),
            "identity": [*np.repeat([f"p{i}" for i in range(persons)], 2).tolist(), "p0"],
            "level": [None] * (count + 1),
            "valid": [True] * count + [False],
            "AP": [*ap.tolist(), None],
            "first_match_rank": [*([1, 2] * persons), None],
            "inp": [*ap.tolist(), None],
        }
    )
    row = {
        "split": "weather",
        "recipe": "smoke",
        "backbone": "small",
        "weights": "none",
        "arm": arm,
        "target": target,
    }
    row |= {
        "protocol": "camera",
        "seed": seed,
        "mAP": float(ap.mean()),
        "rank1": 0.5,
        "rank5": 0.8,
        "rank10": 0.9,
    }
    row |= {
        "mINP": 0.3,
        "queries": count,
        "train_identities": 4,
        "train_images": 40,
        "seconds": 2.0 + seed,
    }
    return row, schema.conform(queries, schema.QUERIES)


def experiment(seeds=(0, 1), arms=tuple(ARMS)):
    pairs = {(arm, seed): run(arm, seed) for arm in arms for seed in seeds}
    results = schema.conform(
        pa.Table.from_pylist([row for row, _ in pairs.values()]), schema.RESULTS
    )
    return results, {key: queries for key, (_, queries) in pairs.items()}


def rows(summary):
    return {row["arm"]: row for row in summary.to_pylist()}


def test_every_arm_has_a_row_with_every_column():
    summary = summarize(*experiment(), "mix")
    assert summary.schema.equals(schema.arrow_schema(schema.SUMMARY))
    assert summary.column("arm").to_pylist() == list(ARMS)
    mix = rows(summary)["mix"]
    assert mix["seeds"] == 2
    assert mix["queries"] == 12
    assert mix["query_identities"] == 6
    assert mix["seconds"] == 2.5
    assert mix["mAP_low"] < mix["mAP"] < mix["mAP_high"]


def test_paired_differences_know_what_unpaired_ones_do_not():
    sunny = rows(summarize(*experiment(), "mix"))["only-sunny"]
    assert sunny["mAP_difference"] == pytest.approx(-0.3, abs=1e-6)
    assert 0 < sunny["mAP_difference_high"] - sunny["mAP_difference_low"] < 0.002, (
        "queries and seeds moved both arms alike"
    )
    assert sunny["mAP_high"] - sunny["mAP_low"] > 0.02


def test_the_reference_has_no_difference_and_the_floor_has_one():
    summary = rows(summarize(*experiment(), "mix"))
    assert summary["mix"]["mAP_difference"] is None
    assert summary["mix"]["reference"] == "mix"
    assert summary["untrained"]["mAP_difference"] == pytest.approx(-0.4, abs=1e-6)
    assert summary["untrained"]["mAP_difference_high"] < -0.3


def test_a_reference_that_comes_first_hides_no_difference():
    results, queries = experiment()
    order = [
        row
        for arm in ("mix", "only-sunny", "untrained")
        for row in results.to_pylist()
        if row["arm"] == arm
    ]
    first = rows(
        summarize(schema.conform(pa.Table.from_pylist(order), schema.RESULTS), queries, "mix")
    )
    usual = rows(summarize(results, queries, "mix"))
    for arm in ("only-sunny", "untrained"):
        assert first[arm]["mAP_difference"] == pytest.approx(usual[arm]["mAP_difference"])


def test_one_seed_leaves_intervals_null():
    mix = rows(summarize(*experiment(seeds=(0,)), "mix"))["mix"]
    assert mix["mAP"] is not None
    assert mix["mAP_low"] is None
    assert mix["mAP_sd"] is None


def test_row_order_changes_nothing():
    results, queries = experiment()
    shuffled = {
        key: table.take(np.random.default_rng(1).permutation(len(table)))
        for key, table in queries.items()
    }
    assert summarize(results, queries, "mix").equals(summarize(results, shuffled, "mix"))


def test_without_a_reference_there_are_scores_only():
    summary = rows(summarize(*experiment(), None))
    assert all(
        row["mAP_difference"] is None and row["reference"] is None for row in summary.values()
    )


def test_other_queries_than_the_rest_are_refused():
    results, queries = experiment()
    queries["mix", 1] = queries["mix", 1].slice(1)
    with pytest.raises(ScoreError, match="other queries"):
        summarize(results, queries, "mix")


def test_arms_are_compared_on_the_seeds_they_share():
    results, queries = experiment(seeds=(0, 1, 2))
    kept = [not (row["arm"] == "mix" and row["seed"] == 2) for row in results.to_pylist()]
    sunny = rows(summarize(results.filter(kept), queries, "mix"))["only-sunny"]
    two = rows(summarize(*experiment(seeds=(0, 1)), "mix"))["only-sunny"]
    assert sunny == two, "one row, one set of seeds: the third is in none of its columns"


def test_an_untrained_floor_with_fewer_seeds_takes_none_from_the_arms():
    results, queries = experiment(seeds=(0, 1, 2))
    kept = [not (row["arm"] == "untrained" and row["seed"] > 0) for row in results.to_pylist()]
    found = rows(summarize(results.filter(kept), queries, "mix"))
    whole = rows(summarize(results, queries, "mix"))
    assert found["only-sunny"] == whole["only-sunny"], (
        "its interval alone is then that of schema.CONTRASTS"
    )
    assert found["untrained"]["seeds"] == 1
    assert found["untrained"]["mAP_low"] is None
