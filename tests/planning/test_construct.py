"""construct on the engine, tiny: rounds, halves, the one test, and what is refused."""

import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from recipes import small_recipe

import gprplus as gpr
from gprplus.cli import cli
from gprplus.core.declarations import declaration_names
from gprplus.core.errors import DeclarationError, GprplusError, PlanError, RequestChanged
from gprplus.core.files.folders import claim_folder
from gprplus.core.files.workdir import read_json
from gprplus.experiments.construction import construct_cost, final_test
from gprplus.experiments.construction.construct_file import read_construct
from gprplus.experiments.construction.final_test import verdict_sentence
from gprplus.experiments.construction.output_folder import begin_request
from gprplus.experiments.construction.stages import planning_options
from gprplus.ingest import Manifest
from gprplus.planning.cells import candidate_cells
from gprplus.schema.construct_record import ComparisonRecord
from gprplus.splits import Split

TINY = """
recipe = "small.toml"
steps = 2
seeds = 2

[construct]
name = "tiny"
question = "Does anything at all happen?"

[renders]
size = "32x64"
viewpoints = 2
weathers = ["sunny", "foggy"]
illuminations = ["noon", "night"]

[target]
town = "renders/town"

[other_target]
noon = "renders/noon"

[rounds]
budget = "6x3"
rounds = 2
looks = 2
methods = ["uniform", "failures"]
probe = 5
"""


def tiny(work):
    """The file, with the recipe of a work folder."""
    return TINY.replace("small.toml", str(work / "small.toml"))


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    work = tmp_path_factory.mktemp("construct") / "work"
    same = {"identities": 10, "viewpoints": 2, "size": "32x64", "seed": 4}
    gpr.render(work / "renders/town", weathers=("foggy",), illuminations=("night",), **same)
    gpr.render(work / "renders/noon", weathers=("sunny",), illuminations=("noon",), **same)
    (work / "small.toml").write_text(small_recipe(2))
    (work / "tiny.toml").write_text(tiny(work))
    return work


@pytest.fixture(scope="module")
def made(work):
    return gpr.construct(work / "tiny.toml", work=work)


def test_the_record_counts_what_was_done(made):
    record = made.record
    assert made.made
    assert (record.identities, record.images_each, record.cells) == (6, 3, 8)
    path, other = record.paths
    assert (path.target, other.target) == ("town", "noon")
    assert [one.images for one in path.rounds] == [12, 18]  # 6 x 2, then 6 x 1 more
    # Failures rest on scores, so that the first round has the uniform proposal alone.
    assert [len(one.trials) for one in path.rounds] == [1, 2]
    assert path.looks == 3
    assert record.trainings["test"] == 2 * len(record.arms)
    assert {"constructed", "uniform", "one-shot", "random-cells", "other-target"} == set(
        record.arms
    )
    assert [one.control for one in record.comparisons] == [
        name for name in record.arms if name != "constructed"
    ]
    assert record.test_looks == 1
    assert record.verdict in made.report.read_text()


def test_halves_share_no_identity_and_only_one_is_looked_at_before_the_end(made):
    halves = {
        half: Manifest.open(made.path / "halves" / f"town-{half}")
        for half in ("validation", "test")
    }
    names = [
        set(one.images.to_arrow(["identity"]).column(0).to_pylist()) for one in halves.values()
    ]
    assert not names[0] & names[1]
    assert len(names[0] | names[1]) == 10
    seen = {
        uid
        for path in (made.path / "rounds").glob("*/looks/*/*/*/seed*/ranked.parquet")
        for uid in _uids(path)
    }
    held_back = set(halves["test"].images.to_arrow(["uid"]).column(0).to_pylist())
    assert seen
    assert not seen & held_back
    records = (made.path / "rounds").glob("town/looks/*/*/benchmark.json")
    targets = [read_json(path, PlanError, "runs")["targets"] for path in records]
    assert all(set(one) == {"town"} for one in targets)


def _uids(path):
    import pyarrow.parquet as pq

    return pq.read_table(path, columns=["uid"]).column(0).to_pylist()


def test_all_sets_have_the_same_identities_and_sizes_in_every_deal(made):
    split = Split.open(made.path / "final" / "final")
    assert split.record.deals == 2  # one a training seed
    for name in made.record.arms:
        for deal in range(2):
            rows = split.train(name, deal=deal).to_pandas()
            assert rows.groupby("identity", observed=True).size().tolist() == [3] * 6
    sets = {
        frozenset(split.train(name, deal=deal).column("uid").to_pylist())
        for name in ("constructed", "uniform")
        for deal in range(2)
    }
    assert len(sets) == 4


def test_a_stopped_construction_goes_on_and_a_finished_one_is_read(made, work, monkeypatch):
    again = gpr.construct(work / "tiny.toml", work=work)
    assert not again.made
    assert again.record == made.record
    (made.path / "construct.json").unlink()
    noon = made.path / "rounds" / "noon"
    (noon / "round-2" / "round.json").unlink()
    # As if another machine had dealt other sets before it stopped.
    _change_request(noon / "round-2" / "round-2" / "split.json", seed=7)
    _change_request(next(noon.glob("looks/round-2/*/benchmark.json")), steps=7)
    monkeypatch.setattr(
        final_test, "verdict_sentence", lambda *_: "again"
    )  # what was left is what is run
    resumed = gpr.construct(work / "tiny.toml", work=work)
    assert resumed.made
    assert resumed.record.verdict == "again"
    for name in ("paths", "arms", "comparisons", "mAP", "test_looks"):
        assert getattr(resumed.record, name) == getattr(made.record, name)


def _change_request(path, **changes):
    record = json.loads(path.read_text())
    assert not changes.keys() - record["request"].keys()
    path.write_text(json.dumps({**record, "request": {**record["request"], **changes}}))


def test_another_request_is_refused_and_a_second_look_at_the_test_half_is_counted(made, work):
    with pytest.raises(RequestChanged, match=r"training\.steps was 2, now 3"):
        gpr.construct(work / "tiny.toml", work=work, steps=3)
    home = work / "constructions" / "tiny"
    other = {"constructed": np.eye(2, dtype=bool)}
    request = made.record.request
    assert final_test.count_test_look(home, other, request) == 2
    assert final_test.count_test_look(home, other, request) == 2  # the same again
    assert final_test.count_test_look(home, other, {**request, "training": {"seeds": 3}}) == 3


def test_the_test_trains_with_seeds_that_selected_nothing(made):
    looks = {path.name for path in (made.path / "rounds").glob("*/looks/*/*/trial-1/seed*")}
    test = {path.name for path in (made.path / "runs").glob("final/*/constructed/seed*")}
    assert (looks, test) == ({"seed2"}, {"seed0", "seed1"})


def test_all_trainings_have_one_number_type(made):
    found = {
        read_json(path, PlanError, "runs")["request"]["compute.precision"]
        for path in made.path.rglob("benchmark.json")
    }
    assert found in ({"float32"}, {"bfloat16"})


def test_force_does_not_start_an_unfinished_construction_of_the_same_request_again(tmp_path):
    begin_request(tmp_path, {"steps": 2}, force=False)
    (tmp_path / "seconds.json").write_text("{}")
    begin_request(tmp_path, {"steps": 2}, force=True)
    assert (tmp_path / "seconds.json").exists()
    with pytest.raises(RequestChanged, match="steps was 2"):
        begin_request(tmp_path, {"steps": 3}, force=False)


def test_force_removes_all_that_shows_the_result_of_another_request(tmp_path):
    home = claim_folder(tmp_path / "made", "a construction", PlanError)
    begin_request(home, {"steps": 2}, force=False)
    shown = [home / name for name in ("construct.json", "construct.html", "construct.md")]
    for path in (*shown, home / "test_looks.json"):
        path.write_text("of the other request")
    begin_request(home, {"steps": 3}, force=True)
    assert not any(path.exists() for path in shown)
    assert (home / "test_looks.json").exists()


def test_more_images_than_cells_are_refused_before_anything_is_drawn(work, tmp_path):
    (tmp_path / "many.toml").write_text(tiny(work).replace("6x3", "6x9"))
    with pytest.raises(PlanError, match="9 images of each identity, but there are 8 cells"):
        gpr.construct(tmp_path / "many.toml", tmp_path / "out", work=work)
    (tmp_path / "many.toml").write_text(tiny(work).replace('size = "32x64"', 'domain = "moon"'))
    with pytest.raises(GprplusError, match="There is no domain called 'moon'"):
        gpr.construct(tmp_path / "many.toml", tmp_path / "out", work=work)
    # The corrected file finds no folder of another request.
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("identities", "viewpoints", "message"),
    [
        (9, 2, "The target noon has 9 identities; at least 10 are needed, 5 in the validation"),
        (10, 1, "noon-validation cannot be a target: no image of it has a true match"),
    ],
)
def test_another_target_that_cannot_be_scored_on_is_refused_before_any_round(
    work, tmp_path, identities, viewpoints, message
):
    gpr.render(
        tmp_path / "noon",
        identities=identities,
        viewpoints=viewpoints,
        weathers=("sunny",),
        illuminations=("noon",),
        size="32x64",
    )
    text = tiny(work).replace("renders/noon", str(tmp_path / "noon"))
    (tmp_path / "other.toml").write_text(text)
    with pytest.raises(GprplusError, match=message):
        gpr.construct(tmp_path / "other.toml", tmp_path / "out", work=work)
    assert not (tmp_path / "out" / "rounds").exists()
    assert not (tmp_path / "out" / "pool").exists()


@pytest.mark.parametrize("name", declaration_names("constructions"))
def test_every_shipped_construction_is_read(name):
    plan, declaration = read_construct(name)
    assert plan.construct.name == declaration.name == name
    assert len(candidate_cells(planning_options(plan), None)) >= plan.rounds.size.images


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('methods = ["uniform", "failures"]', 'methods = ["unifrm"]', "unifrm"),
        ('budget = "6x3"', 'budget = "1x3"', "at least 2 identities"),
        ("rounds = 2", "rounds = 4", "4 rounds cannot share 3 images"),
        ("[other_target]\nnoon", "[other_target]\ntown", "have the same name, town"),
        ("rounds = 2", "rounds = 1", "Give 2 rounds or more, and another method"),
        ('"uniform", "failures"', '"failures"', "Give 2 rounds or more, and another method"),
        ("looks = 2", "glances = 2", "unknown key 'glances'"),
        ('town = "renders/town"', 'a = "x"\nb = "y"', "expected one line NAME = PATH, found 2"),
        (
            "[rounds]",
            "[target_images]\nvillage = 30\n\n[rounds]",
            "target_images: expected numbers",
        ),
    ],
)
def test_a_wrong_file_is_one_sentence_with_its_place(tmp_path, old, new, message):
    assert old in TINY
    (tmp_path / "wrong.toml").write_text(TINY.replace(old, new))
    with pytest.raises(DeclarationError, match=message) as caught:
        read_construct(tmp_path / "wrong.toml")
    assert "wrong.toml" in str(caught.value)


def test_a_dry_run_counts_renders_and_trainings_and_writes_no_construction(work, monkeypatch):
    monkeypatch.setattr(construct_cost, "_LIT", 8)
    monkeypatch.setattr(construct_cost, "_DRAWN", 4)
    words = ["construct", str(work / "tiny.toml"), "--work", str(work), "--dry-run", "--json"]
    words += ["--price", "3", "-o", str(work / "dry")]
    found = CliRunner().invoke(cli, words, catch_exceptions=False)
    cost = json.loads(found.output)
    numbers = {part["name"]: part["number"] for part in cost["parts"]}
    # 2 targets x 2 looks x 18 images, and 5 sets of 18 in 2 deals, of which 2 exist; the set that is
    # matched in one step needs 5 identities in all 8 cells.
    assert numbers["rendering sets"] == 2 * 2 * 18 + (5 * 2 - 2) * 18
    assert numbers["rendering probes"] == 5 * 8
    assert numbers["trainings of trials"] == 2 * 2 * 2
    assert numbers["trainings of the test"] == 5 * 2
    assert cost["price"] == pytest.approx(cost["seconds"] / 3600 * 3)
    assert not (work / "dry" / "construct.json").exists()


def compared(control, gain, half):
    return ComparisonRecord(control, gain, gain - half, gain + half, "")


@pytest.mark.parametrize(
    ("gain", "half", "start"),
    [
        (0.05, 0.02, "is better than"),
        (0.01, 0.02, "is not shown to be better"),
        (-0.05, 0.02, "is worse"),
    ],
)
def test_better_needs_an_interval_above_zero(gain, half, start):
    found = [compared("uniform", gain, half), compared("one-shot", 0.001, half)]
    sentence = verdict_sentence("town", found)
    assert f"The constructed set {start}" in sentence
    assert ("It is not shown to be better than one-shot." in sentence) == (gain - half > 0)
    one = replace(found[0], low=None, high=None)
    assert "give no interval" in verdict_sentence("town", [one])


def test_the_engine_is_timed_where_a_round_gives_an_identity_all_images_that_are_drawn(
    work, monkeypatch
):
    monkeypatch.setattr(construct_cost, "_DRAWN", 1)
    plan, _ = read_construct(work / "tiny.toml")
    rates = construct_cost.measure_rendering(plan, (32, 16))
    assert min(rates.crossed, rates.apart, rates.read) > 0


def test_too_many_cells_for_the_set_in_one_step_are_refused_before_anything_is_drawn(work):
    """12 viewpoints, 7 weathers, 7 hours and 5 places are 2,940 cells, 14,700 images of five
    identities."""
    text = tiny(work).replace("viewpoints = 2", "viewpoints = 12\nbackgrounds = 5")
    text = text.replace('["sunny", "foggy"]', '["all"]').replace('["noon", "night"]', '["all"]')
    (work / "wide.toml").write_text(text)
    for more in ([], ["--dry-run"]):
        words = ["construct", str(work / "wide.toml"), "--work", str(work), *more]
        refused = CliRunner().invoke(cli, [*words, "-o", str(work / "wide")])
        assert refused.exit_code == 1
        assert "all 2,940 cells for 5 identities, more than 12,000 images" in str(refused.exception)
    assert not (work / "wide" / "pool").exists()
