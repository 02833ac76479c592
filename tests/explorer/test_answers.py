"""Answers of the page about design, splits and runs, against counts by hand and by loops."""

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from gprplus import Manifest, Split
from gprplus.core.errors import BrowseError
from gprplus.explorer.design_answers import cross
from gprplus.explorer.facets import Facet
from gprplus.explorer.routes import CHANGES, QUESTIONS
from gprplus.explorer.sources import find_sources
from gprplus.explorer.split_answers import _balance
from gprplus.explorer.workspace import Workspace


@pytest.fixture(scope="module")
def space(run_work) -> Workspace:
    return Workspace(find_sources([run_work]))


def ask(space: Workspace, name: str, **given: str) -> dict:
    number = {source.kind: str(i) for i, source in enumerate(space.sources)}
    kind = {"split": "split", "run": "run", "compare": "run", "ranking": "run", "map": "run"}
    return QUESTIONS[name](space, {"s": number[kind.get(name, "manifest")], **given})


def test_a_work_folder_has_its_manifest_split_and_run(space):
    assert [(one.kind, one.name) for one in space.sources] == [
        ("manifest", "manifest"),
        ("split", "weather"),
        ("run", "weather / tiny"),
    ]


def test_a_run_brings_its_split_and_manifest(space):
    found = find_sources([space.sources[2].path])
    assert [one.kind for one in found] == ["manifest", "split", "run"]


def test_a_folder_of_nothing_is_refused(tmp_path):
    with pytest.raises(BrowseError, match="holds no manifest, split or run"):
        find_sources([tmp_path])


def test_crossed_counts_by_hand():
    """Five images: (a, x), (a, y), (a, y), (b, x), and one of unknown second level."""
    first = Facet("first", np.array([1, 1, 1, 2, 2]), ("a", "b"))
    second = Facet("second", np.array([1, 2, 2, 1, 0]), ("x", "y"))
    assert cross(first, second, slice(None)).tolist() == [[1, 2], [1, 0]]


def test_the_design_has_no_hole_until_a_filter_makes_some(space):
    found = ask(space, "design", a="weather", b="illumination")
    assert found["counts"] == [[24, 24], [24, 24]]
    assert found["holes"] == 0
    some = ask(
        space,
        "design",
        a="weather",
        b="illumination",
        where="weather = sunny or illumination = night",
    )
    assert some["counts"] == [[24, 24], [0, 24]]
    assert some["holes"] == 1


def test_the_design_shows_what_an_arm_took(space):
    taken = CHANGES["part"](space, {"s": "1", "part": "only-sunny"})
    found = ask(space, "design", a="weather", b="illumination", taken=taken["subset"])
    rows = space.split("1").train("only-sunny").column("illumination").to_pylist()
    assert found["taken"] == [[rows.count("forenoon"), rows.count("night")], [0, 0]]


def test_two_arms_side_by_side(space):
    found = ask(space, "split", a="only-sunny", b="only-foggy")["compared"]
    split = space.split("1")
    one, two = (set(split.train(arm)["uid"].to_pylist()) for arm in ("only-sunny", "only-foggy"))
    assert found["images"] == {"a": len(one - two), "b": len(two - one), "both": len(one & two)}
    assert found["identities"]["a"] == found["identities"]["b"] == 0
    balance = {entry["name"]: entry["levels"] for entry in found["balance"]}
    assert balance["weather"] == [("sunny", len(one), 0), ("foggy", 0, len(two))]


def test_the_images_of_an_arm_are_a_subset_of_the_manifest(space):
    held = CHANGES["part"](space, {"s": "1", "part": "queries"})
    found = ask(space, "rows", subset=held["subset"], limit="600")["rows"]
    test = space.split("1").test()
    queries = test.filter(pc.equal(test["role"], "query"))["uid"].to_pylist()
    assert {int(row["uid"]) for row in found} == set(queries)


def test_the_same_name_for_other_images_gets_a_quote(space):
    table = space.manifest("0").table
    first, second = table.uids[:3], table.uids[2:9]
    names = [table.hold_subset("mine", uids) for uids in (first, second, first[::-1], second)]
    assert names == ["mine", "mine'", "mine", "mine'"]
    assert [int(table.mask("", name).sum()) for name in names[:2]] == [3, 7]


def test_levels_are_balanced_with_those_that_one_side_does_not_know():
    split = SimpleNamespace(record=SimpleNamespace(attributes={}))
    one, two = pa.table({"weather": ["sunny", "foggy"]}), pa.table({"weather": ["sunny", None]})
    assert _balance(split, "weather", one, two) == [("sunny", 1, 1), ("foggy", 1, 0), (None, 0, 1)]


def test_the_scores_are_those_of_the_summary(space):
    found = ask(space, "run")
    summary = space.run("2").summary.to_pylist()
    wanted = {row["arm"]: row["mAP"] for row in summary if row["target"] == "self"}
    assert {row["arm"]: row["mAP"] for row in found["arms"]} == wanted
    assert found["matrix"]["levels"] == ("sunny", "foggy")
    assert {curve["arm"] for curve in found["curves"]} == set(wanted) - {"untrained"}


def test_queries_that_one_arm_finds_and_the_other_does_not(space):
    rows = space.run("2").queries.to_pylist()
    rows = [row for row in rows if row["target"] == "self" and row["valid"]]
    found = {
        arm: {row["uid"] for row in rows if row["arm"] == arm and row["first_match_rank"] == 1}
        for arm in ("mix", "only-foggy")
    }
    answer = ask(space, "compare", a="mix", b="only-foggy")["differ"]
    uids = {side: {int(row["uid"]) for row in answer[side]} for side in answer}
    assert uids["a"] == found["mix"] - found["only-foggy"]
    assert uids["b"] == found["only-foggy"] - found["mix"]
    assert uids["neither"] == {row["uid"] for row in rows} - found["mix"] - found["only-foggy"]


def test_the_cost_of_identities_adds_up_to_all_that_is_missing(space):
    answer = ask(space, "compare", a="mix", b="only-foggy")
    assert sum(one["cost"][0] for one in answer["identities"]) == pytest.approx(1)
    assert sum(one["queries"] for one in answer["identities"]) == answer["queries"]


def test_a_ranked_gallery_has_its_first_match_where_the_score_has_it(space):
    rows = space.run("2").queries.to_pylist()
    mine = [row for row in rows if (row["arm"], row["target"]) == ("mix", "self") and row["valid"]]
    assert mine
    for row in mine:
        images = ask(space, "ranking", arm="mix", seed="0", uid=str(row["uid"]))["images"]
        ranks = [one["rank"] for one in images if one["kind"] == "relevant"]
        if ranks:
            assert ranks[0] == row["first_match_rank"]
        counted = [one["rank"] for one in images if one["kind"] != "excluded"]
        assert counted == list(range(1, len(counted) + 1))


def test_the_map_has_every_test_image_once(space):
    found = ask(space, "map", arm="mix", seed="0")
    assert sorted(map(int, found["uids"])) == sorted(space.split("1").test()["uid"].to_pylist())
    assert len(found["x"]) == len(found["colours"]["weather"]["codes"]) == len(found["uids"])


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("split", {"a": "onlysunny"}),
        ("ranking", {"arm": "mix", "seed": "7", "uid": "1"}),
        ("ranking", {"arm": "../mix", "seed": "0", "uid": "1"}),
        ("compare", {"a": "nothing"}),
        ("run", {"target": "mars"}),
        ("image", {"uid": "front"}),
        ("rows", {"offset": "-1"}),
        ("facets", {"pick": "[1"}),
        ("facets", {"pick": '{"colour": ["red"]}'}),
        ("facets", {"sort": "weather"}),
    ],
)
def test_requests_that_fit_nothing_are_refused(space, name, given):
    with pytest.raises(BrowseError):
        ask(space, name, **given)


def test_a_split_opened_alone_brings_its_manifest(space):
    split = Split.open(space.sources[1].path)
    manifest = Manifest.open(split.path / split.record.manifest.path)
    assert len(manifest.images) == 96
