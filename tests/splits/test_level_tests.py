"""Tests of query level against gallery level, and of removed matches: what they hold fixed, and how
they score."""

from collections import Counter
from itertools import product

import numpy as np
import pytest

from gprplus.core.errors import SplitError
from gprplus.evaluation import score, targets
from gprplus.splits import make_split

SKIES = ("sunny", "clouds", "foggy")


@pytest.fixture
def holed(manifest, crossed):
    rows = crossed(16, weathers=SKIES)
    return manifest([row for i, row in enumerate(rows) if i % 7])


def test_every_entry_of_the_matrix_has_the_same_persons_queries_matches_and_other_factors(
    holed, tmp_path
):
    split = make_split(
        holed, "weather", output=tmp_path / "split", cross_level_tests=True, test_share=0.4
    )
    found = {target.name: target for target in targets.cross_level_targets(split)}
    assert set(found) == {f"self:{a}>{b}" for a, b in product(SKIES, SKIES)}
    laws = set()
    for name, target in found.items():
        asked, searched = name.removeprefix("self:").split(">")
        rows = target.rows.to_pylist()
        query, gallery = (
            [row for row in rows if row["role"] == role] for role in ("query", "gallery")
        )
        assert {row["weather"] for row in query} == {asked}
        assert {row["weather"] for row in gallery} == {searched}
        assert not {row["uid"] for row in query} & {row["uid"] for row in gallery}
        place = ("identity", "camera", "illumination")
        laws.add(
            tuple(
                frozenset(Counter(tuple(row[k] for k in place) for row in side).items())
                for side in (query, gallery)
            )
        )
        for row in query:  # all are answered, by another camera
            assert any(
                row["identity"] == one["identity"] and row["camera"] != one["camera"]
                for one in gallery
            )
    assert len(laws) == 1


def test_where_the_camera_goes_with_the_attribute_another_factor_keeps_query_and_match_apart(
    manifest, crossed, tmp_path
):
    split = make_split(
        manifest(crossed(16, weathers=SKIES)),
        "viewpoint_deg",
        output=tmp_path / "split",
        cross_level_tests=True,
    )
    for target in targets.cross_level_targets(split):
        rows = target.rows.to_pylist()
        asked = {(row["identity"], row["weather"]) for row in rows if row["role"] == "query"}
        held = {(row["identity"], row["weather"]) for row in rows if row["role"] == "gallery"}
        assert not asked & held
        assert target.protocol == "no-camera"
    assert {facts.apart_in for facts in split.record.tests.values()} <= {"weather", "illumination"}


def test_as_many_matches_are_removed_by_chance_as_by_level(holed, tmp_path):
    split = make_split(
        holed, "weather", output=tmp_path / "split", without_same_level_matches=True, test_share=0.4
    )
    same, chance = (
        dict(split.tests())[f"self:without-{what}"][1][2].to_pylist()
        for what in ("same-level", "random")
    )
    assert Counter(row["of"] for row in same) == Counter(row["of"] for row in chance)
    known = {row["uid"]: row for row in split.test().to_pylist()}
    for row in (*same, *chance):
        query, gone = known[row["of"]], known[row["uid"]]
        assert (query["role"], gone["role"]) == ("query", "gallery")
        assert query["identity"] == gone["identity"]
        assert query["camera"] != gone["camera"]
    assert all(known[row["of"]]["weather"] == known[row["uid"]]["weather"] for row in same)
    assert len({known[row["uid"]]["weather"] for row in chance}) == 3


def test_tests_that_cannot_be_had_are_refused(manifest, crossed, tmp_path):
    source = manifest(crossed(16, weathers=SKIES))
    for options, says in (
        ({"cross_level_tests": True, "test_share": 0}, "give a --test-share"),
        ({"attr": "identity", "cross_level_tests": True}, "need an attribute other than identity"),
        ({"attr": "viewpoint_deg", "without_same_level_matches": True}, "would remove nothing"),
    ):
        with pytest.raises(SplitError, match=says):
            make_split(source, output=tmp_path / "split", **{"attr": "weather", **options})


def test_a_row_may_leave_the_ranking_of_one_query_alone():
    # Gallery: a wrong one that looks best, then two right ones. Without the wrong one query 0 finds
    # a match at once.
    gallery = np.array([[1, 0], [0.9, 0.1], [0, 1]], dtype=np.float32)
    queries = np.array([[1, 0], [1, 0]], dtype=np.float32)
    none = np.array([], dtype=np.int64)
    plain = score(queries, gallery, [7, 7], [3, 7, 7])
    assert plain.per_query.first_match_rank.tolist() == [2, 2]
    apart = score(queries, gallery, [7, 7], [3, 7, 7], removed=[np.array([0]), np.array([1])])
    assert apart.per_query.first_match_rank.tolist() == [1, 2]
    assert apart.per_query.AP.tolist() == [1.0, 0.5]
    gone = score(queries, gallery, [7, 7], [3, 7, 7], removed=[np.array([1, 2]), none])
    assert gone.per_query.valid.tolist() == [False, True]


def turn(first, second):
    gap = abs(first - second) % 360
    return min(gap, 360 - gap)


@pytest.mark.parametrize(
    ("asked", "least"), [(None, 60), (120, 120), (0, 30)], ids=["two steps", "asked", "none"]
)
def test_matches_stand_an_angle_apart_on_every_entry_alike(
    manifest, crossed, tmp_path, asked, least
):
    source = manifest(crossed(8, views=12, weathers=SKIES, lights=("dusk",)))
    split = make_split(
        source,
        "weather",
        output=tmp_path / "split",
        cross_level_tests=True,
        min_viewpoint_gap_deg=asked,
        test_share=0.4,
    )
    counts = set()
    for target in targets.cross_level_targets(split):
        rows = target.rows.to_pylist()
        gone = (
            {(row["of"], row["uid"]) for row in target.removed.to_pylist()}
            if target.removed
            else set()
        )
        left = []
        for query in (row for row in rows if row["role"] == "query"):
            mine = [
                row
                for row in rows
                if row["role"] == "gallery" and row["identity"] == query["identity"]
            ]
            true = [
                row
                for row in mine
                if row["camera"] != query["camera"] and (query["uid"], row["uid"]) not in gone
            ]
            angles = [turn(row["viewpoint_deg"], query["viewpoint_deg"]) for row in true]
            assert min(angles) >= least
            left.append(len(angles))
        counts.add(tuple(sorted(left)))
        facts = split.record.tests[target.name]
        assert (30 if facts.apart_deg is None else facts.apart_deg) == least
        assert facts.matches_per_query == [min(left), max(left)]
        assert target.score(np.eye(len(rows)))[0].per_query.valid.all()
    assert len(counts) == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"cross_level_tests": True, "min_viewpoint_gap_deg": 190}, "at most 180; found 190"),
        ({"cross_level_tests": False, "min_viewpoint_gap_deg": 30}, "found --no-cross-level-tests"),
        (
            {
                "cross_level_tests": True,
                "min_viewpoint_gap_deg": 120,
                "where": "viewpoint_deg in (0, 90)",
            },
            "and 120 degrees apart",
        ),
    ],
)
def test_an_angle_that_cannot_be_had_is_refused(manifest, crossed, tmp_path, options, said):
    with pytest.raises(SplitError, match=said):
        make_split(manifest(crossed(16)), "weather", output=tmp_path / "split", **options)


@pytest.mark.parametrize("by", ["weather", "identity"])
def test_a_place_that_tells_level_or_person_is_warned_of(manifest, crossed, tmp_path, by):
    rows = [{**row, "background": f"place-{row[by]}"} for row in crossed(16, weathers=SKIES)]
    attr = "weather" if by == "identity" else "illumination"
    split = make_split(
        manifest(rows), attr, output=tmp_path / "split", cross_level_tests=True, controls=False
    )
    said = [one for one in split.record.warnings if "the matching of backgrounds too" in one]
    assert bool(said) == (by == "identity")
