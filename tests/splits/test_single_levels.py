"""Tests of one level by itself: which queries and which gallery, and scores by a naive double
loop."""

import numpy as np
import pyarrow as pa
import pytest

from gprplus.evaluation import targets
from gprplus.splits import make_split
from gprplus.splits.compare_splits import compare_records
from gprplus.statistics.levels import level_tables
from gprplus.statistics.levels.level_scores import level_tests

SKIES = ("sunny", "clouds", "foggy")


def average_precision(query, gallery, features):
    """Sort, walk, count: rows of another camera or identity stay, wrong ones first among equals."""
    kept = [
        row
        for row in gallery
        if not (row["identity"] == query["identity"] and row["camera"] == query["camera"])
    ]
    order = sorted(
        kept,
        key=lambda row: (
            -float(features[query["uid"]] @ features[row["uid"]]),
            row["identity"] == query["identity"],
        ),
    )
    hits, total = 0, 0.0
    for rank, row in enumerate(order, start=1):
        if row["identity"] == query["identity"]:
            hits += 1
            total += hits / rank
    return total / hits if hits else None


def features_of(rows, seed):
    rng = np.random.default_rng(seed)
    found = rng.normal(size=(len(rows), 16))
    who = {name: rng.normal(size=16) for name in sorted({row["identity"] for row in rows})}
    found += np.array([who[row["identity"]] for row in rows])
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    return {row["uid"]: vector for row, vector in zip(rows, found.astype(np.float32), strict=True)}


PEOPLE = [{"identity": f"{i:04}", "gender": "female" if i % 2 else "male"} for i in range(1, 25)]
CASES = {"weather": ("cross", SKIES), "gender": ("level", ("female", "male"))}


def scored(split, tests):
    """Rows of results and queries of random features, and naive means of each arm and level."""
    everything, results, queries, naive = split.test().to_pylist(), [], {}, {}
    for place, arm in enumerate(split.arms):
        for seed in range(2):
            features, tables = features_of(everything, [place, seed]), []
            for test in tests:
                tables.append(
                    test.score(np.stack([features[uid] for uid in test.uids.tolist()]))[1]
                )
                results.append(
                    {"arm": arm, "seed": seed, "target": test.name, "split": "s", "recipe": "r"}
                )
                rows = test.rows.to_pylist()
                asked, searched = (
                    [row for row in rows if row["role"] == role] for role in ("query", "gallery")
                )
                (level,) = {row[split.record.attribute] for row in rows}
                each = [average_precision(row, searched, features) for row in asked]
                naive.setdefault((arm, level), []).append(np.mean(each))
            queries[arm, seed] = pa.concat_tables(tables).unify_dictionaries()
    return results, queries, {cell: np.mean(each) for cell, each in naive.items()}


@pytest.mark.parametrize("attr", CASES)
def test_own_level_and_transfer_are_those_of_a_double_loop(manifest, crossed, tmp_path, attr):
    kind, levels = CASES[attr]
    source = manifest(crossed(24, weathers=SKIES), people=PEOPLE)
    split = make_split(source, attr, output=tmp_path / "split", test_share=0.4)
    assert {facts.kind for facts in split.record.tests.values()} == {kind}
    own = set(level_tests(split.record).values())
    tests = [one for one in targets.cross_level_targets(split) if one.name in own]
    results, queries, means = scored(split, tests)
    contrasts, shown_levels = level_tables.level_rows(results, queries, split.record, 0.01)
    for row in shown_levels:
        if row["metric"] == "mAP":
            assert row["value"] == pytest.approx(means[row["arm"], row["level"]], abs=1e-6)
    shown = {
        (row["family"], row["contrast"]): row["value"]
        for row in contrasts
        if row["metric"] == "mAP"
    }
    for level in levels:
        arm, unseen = f"only-{level}", [one for one in levels if one != level]
        assert shown["own level", arm] == pytest.approx(
            means[arm, level] - means["mix", level], abs=1e-6
        )
        lost = np.mean([means[arm, one] - means["mix", one] for one in unseen])
        assert shown["transfer", arm] == pytest.approx(lost, abs=1e-6)
        rivals = [
            means[arm, one]
            - np.mean([means[f"only-{other}", one] for other in unseen if other != one])
            for one in unseen
            if len(levels) > 2
        ]
        if rivals:
            assert shown["transfer, unseen by both", arm] == pytest.approx(
                np.mean(rivals), abs=1e-6
            )


def test_by_default_levels_are_crossed_where_the_test_side_allows_it(manifest, crossed, tmp_path):
    source = manifest(crossed(16, weathers=SKIES))
    kinds = {}
    for attr, cross in (
        ("weather", None),
        ("weather", False),
        ("illumination", None),
        ("viewpoint_deg", None),
    ):
        split = make_split(
            source, attr, output=tmp_path / f"{attr}-{cross}", cross_level_tests=cross
        )
        kinds[attr, cross] = {facts.kind for facts in split.record.tests.values()}
    assert kinds == {
        ("weather", None): {"cross"},
        ("weather", False): set(),
        ("illumination", None): {"cross"},
        ("viewpoint_deg", None): {"cross"},
    }


def test_an_attribute_of_identities_is_tested_level_by_level(manifest, crossed, tmp_path):
    split = make_split(
        manifest(crossed(24, weathers=SKIES), people=PEOPLE),
        "gender",
        output=tmp_path / "split",
        test_share=0.5,
    )
    known = split.record.tests
    assert sorted(known) == ["self:female>female", "self:male>male"]
    whole = split.test().to_pylist()
    for level in ("female", "male"):
        (target,) = [
            one for one in targets.cross_level_targets(split) if one.name == f"self:{level}>{level}"
        ]
        mine = {row["uid"] for row in whole if row["gender"] == level}
        assert set(target.uids.tolist()) == mine, "all rows of the level, and no others"


def test_levels_that_nothing_answers_have_no_test(manifest, crossed, tmp_path):
    rows = [
        row
        for row in crossed(16, weathers=SKIES)
        if row["weather"] != "foggy" or row["camera"] == 1
    ]
    split = make_split(
        manifest(rows),
        "weather",
        output=tmp_path / "split",
        levels=["sunny", "clouds"],
        test_share=0.4,
    )
    assert {facts.query_level for facts in split.record.tests.values()} == {"sunny", "clouds"}
    assert split.record.gallery_levels["foggy"] > 0


def test_identities_have_no_levels_to_test(manifest, crossed, tmp_path):
    split = make_split(manifest(crossed(16, weathers=SKIES)), "identity", output=tmp_path / "split")
    assert not split.record.tests
    assert split.record.gallery_levels == {}
    assert compare_records(split.record, split.record) == []


def test_sets_of_levels_are_tested_on_every_level_that_the_mixture_has(manifest, crossed, tmp_path):
    source = manifest(crossed(16, weathers=(*SKIES, "neutral")))
    split = make_split(
        source, "weather", output=tmp_path / "split", levels=["sunny+clouds"], controls=False
    )
    assert set(level_tests(split.record)) == {*SKIES, "neutral"}
    plain = make_split(
        source, "weather", output=tmp_path / "plain", levels=["sunny", "clouds"], controls=False
    )
    assert set(level_tests(plain.record)) == {"sunny", "clouds"}
