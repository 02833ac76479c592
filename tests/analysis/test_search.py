"""A search from renders to a split: it finds the fog of a foggy target, and says so beside its
controls."""

import json
from dataclasses import replace
from importlib import import_module

import pytest
from click.testing import CliRunner

from gprplus.analysis import Budget, SearchResult, search
from gprplus.analysis.subset_search import holdout
from gprplus.analysis.subset_search.differences import is_nearest
from gprplus.analysis.subset_search.run_search import viewpoint_margins
from gprplus.analysis.subset_search.verdict import search_page
from gprplus.cli import cli
from gprplus.cli.show import search as subsets
from gprplus.core.errors import AnalysisError, GprplusError, RequestChanged
from gprplus.ingest import build_manifest
from gprplus.splits import Split
from gprplus.splits.rebuild import rebuild_split


@pytest.fixture(scope="module", autouse=True)
def _quick():
    """Searches with few resampled target identities behind the intervals of single rows, which no
    test here reads."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(holdout, "RESAMPLES", 10)
        yield


@pytest.fixture(scope="module")
def home(tmp_path_factory, draw):
    """People under three skies, and two targets of other people: all in fog, all in the sun."""
    folder = tmp_path_factory.mktemp("search")
    build_manifest([draw(folder / "engine", people=14, lights=["03"])], folder / "manifest")
    for name, weather in (("fog", "04"), ("sun", "01")):
        renders = draw(folder / name, people=10, weathers=[weather], lights=["03"], name=name)
        build_manifest([renders], folder / f"{name}-manifest")
    return folder


@pytest.fixture(scope="module")
def found(home):
    targets = {name: home / f"{name}-manifest" for name in ("fog", "sun")}
    return search(
        home / "manifest", targets, "6x4", output=home / "out", splits=home / "splits", images=40
    )


def images(one, factor):
    return viewpoint_margins(one.info["factors"], one.cells.to_pylist(), "images")[factor]


def test_each_target_gets_its_weather_and_every_view_keeps_its_floor(found):
    fog, sun = found
    assert max(images(fog, "weather"), key=images(fog, "weather").get) == "foggy"
    assert max(images(sun, "weather"), key=images(sun, "weather").get) == "sunny"
    for one in found:
        assert sum(images(one, "weather").values()) == 24
        assert (
            min(images(one, "viewpoint_deg").values()) >= 2
        )  # half of an even share of 24 images is 3; less rounding


def test_it_is_nearer_than_chance_and_than_what_another_target_would_have(found):
    for one in found:
        held = {row["method"]: row["held_out"] for row in one.baselines.to_pylist()}
        (wrong,) = (name for name in held if name.startswith("wrong-"))
        assert held["searched"] < min(
            held["random-images"], held["random-levels"], held["even"], held[wrong]
        )


def test_the_split_has_the_controls_at_one_size(found):
    fog, _ = found
    split = Split.open(fog.info["split"])
    assert {"searched", "random-images-1", "random-levels-1", "wrong-sun"} <= set(split.arms)
    assert {(arm.images, arm.identities) for arm in split.record.arms.values()} == {(24, 6)}
    assert split.record.reference == "random-images-1"
    counted = images(fog, "weather")
    drawn = split.train("searched").column("weather").to_pylist()
    assert {level: drawn.count(level) for level in counted if counted[level]} == {
        k: v for k, v in counted.items() if v
    }


def test_the_split_is_rebuilt_from_its_record_alone(found, home, tmp_path):
    again = rebuild_split(found[0].info["split"], home / "manifest", output=tmp_path / "again")
    assert again.split is not None
    assert again.split.record.fingerprint == Split.open(found[0].info["split"]).record.fingerprint


def test_the_same_search_again_is_read_and_another_stops(found, home):
    targets = {name: home / f"{name}-manifest" for name in ("fog", "sun")}
    places = {"output": home / "out", "splits": home / "splits", "images": 40}
    again = search(home / "manifest", targets, Budget(6, 4), **places)
    assert not again[0].made
    assert again[0].cells.equals(found[0].cells)
    with pytest.raises(RequestChanged, match="budget"):
        search(home / "manifest", targets, "6x3", **places)


@pytest.mark.parametrize(
    ("budget", "sentence"),
    [
        ("6", "IDENTITIESxIMAGES"),
        ("0x4", "IDENTITIESxIMAGES"),
        ("99x1", "the train set of"),
        ("6x13", "have 72 in total"),
    ],
)
def test_a_budget_that_cannot_be_is_refused(home, tmp_path, budget, sentence):
    with pytest.raises(AnalysisError, match=sentence):
        search(
            home / "manifest",
            {"fog": home / "fog-manifest"},
            budget,
            output=tmp_path,
            splits=tmp_path / "s",
        )


def test_the_command_speaks_of_a_best_dataset_only_beside_a_wrong_target(home, tmp_path):
    arguments = ["analyze", "--manifest", str(home / "manifest"), "--images", "20", "--people", "5"]
    arguments += ["--attr", "weather", "--budget", "6x4"]
    one = ["--target", f"fog={home / 'fog-manifest'}"]
    alone = CliRunner().invoke(cli, [*arguments, *one, "-o", str(tmp_path / "one")])
    assert alone.exit_code == 0, alone.output
    assert "better training set" not in alone.output
    assert "no control chosen for another target" in alone.output
    two = [*one, "--target", f"sun={home / 'sun-manifest'}", "-o", str(tmp_path / "two")]
    both = CliRunner().invoke(cli, [*arguments, *two])
    assert "better training set" in both.output
    assert "searched for sun, another target" in both.output
    assert (
        f"next: gprplus benchmark {tmp_path}/two/splits/search-fog --target"
        f" fog={home}/fog-manifest\n" in both.output
    )
    assert "farther than searched by" in both.output
    assert "searched, by weather: foggy" in both.output
    data = json.loads(CliRunner().invoke(cli, [*arguments, *two, "--json"]).stdout)
    assert (
        data["fog"]["search"]["arms"]
        == SearchResult.open(tmp_path / "two" / "fog" / "search").info["arms"]
    )


def test_each_control_has_a_held_out_difference_in_the_record(found):
    for one, other in zip(found, ("wrong-sun", "wrong-fog"), strict=True):
        held = {row["method"]: row["held_out"] for row in one.baselines.to_pylist()}
        assert [each.control for each in one.differences] == [
            other,
            "random-levels",
            "random-images",
            "even",
        ]
        for each in one.differences:
            assert each.value == pytest.approx(held[each.control] - held["searched"], abs=1e-6)
            assert each.low < each.value < each.high
        record = json.loads((one.path / "search.json").read_text())
        assert record["nearest"] is one.nearest is is_nearest(one.differences)
        assert record["verdict"] == one.verdict


def test_output_and_page_name_the_control_that_is_not_farther(found, home, capsys):
    fog = found[0]
    assert (fog.path / "rivals.md").read_text() == search_page(
        "fog", fog.baselines, fog.differences
    )
    first, *rest = fog.info["differences"]
    undecided = replace(
        fog, info={**fog.info, "differences": [{**first, "low": -0.01, "high": 0.05}, *rest]}
    )
    subsets.print_search(undecided, home / "fog manifest")
    said = " ".join(capsys.readouterr().out.split())
    assert "No subset is shown to be nearer to fog than the controls." in said
    assert "the subset searched for sun by" in said
    assert "(-10.0 to 50.0)" in said
    assert f"--target 'fog={home}/fog manifest'" in said


def test_a_search_of_an_earlier_version_names_no_subset(found):
    old = replace(
        found[0],
        info={name: value for name, value in found[0].info.items() if name != "differences"},
    )
    assert not old.nearest
    assert "Search again with --force" in old.verdict


def test_paper_mode_searches_for_nothing(home):
    arguments = [
        "analyze",
        "--manifest",
        str(home / "manifest"),
        "--target",
        f"x={home}",
        "--mode",
        "paper",
    ]
    shown = CliRunner().invoke(cli, [*arguments, "--budget", "2x2"])
    assert shown.exit_code == 2
    assert "--budget searches by --features" in shown.output


def test_too_many_images_to_compare_are_refused(home, tmp_path, monkeypatch):
    monkeypatch.setattr(import_module("gprplus.analysis.subset_search.run_search"), "MOST", 10)
    with pytest.raises(GprplusError, match="Reduce --people"):
        search(
            home / "manifest",
            {"x": home / "fog-manifest"},
            "2x2",
            output=tmp_path,
            splits=tmp_path / "s",
        )
