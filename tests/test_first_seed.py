"""The scores of the first seed are shown once, when all arms have them, and equal the records."""

import json

import pytest
from click.testing import CliRunner
from recipes import small_work

from gprplus import benchmark
from gprplus.cli import cli
from gprplus.cli.show.first_seed import print_first_scores
from gprplus.experiments.first_seed import FirstScores


@pytest.fixture(scope="module")
def work(draw, tmp_path_factory):
    return small_work(draw, tmp_path_factory.mktemp("work"), steps=2)


def ask(work, shown, seeds):
    return benchmark(
        [work / "splits" / "weather"],
        work / "runs",
        recipe=work / "tiny.toml",
        device="cpu",
        jobs=1,
        seeds=seeds,
        on_first_seed=shown.append,
    )


def test_one_table_of_the_first_seed_of_several(work):
    shown: list[FirstScores] = []
    ask(work, shown, seeds=1)
    assert shown == [], "the table of one seed is the result"
    ask(work, shown, seeds=2)
    assert shown == [], "seed 0 was done before"
    (work / "runs/weather/tiny/mix/seed0/run.json").unlink()
    outcome = ask(work, shown, seeds=3)
    (found,) = shown
    assert found.folder == outcome.folders[0]
    assert (found.target, found.seed, found.seeds, found.reference) == ("self", 0, 3, "mix")
    arms = [*outcome.experiments[0].split.arms, "untrained"]
    assert list(found.scores) == arms
    for arm in arms:
        record = json.loads((found.folder / arm / "seed0" / "run.json").read_text())
        scores = record["targets"]["self"]["scores"]
        assert found.scores[arm] == (scores["mAP"], scores["rank1"])


def test_the_command_prints_them_on_stderr(work):
    typed = ["benchmark", "--work", str(work), "--recipe", str(work / "tiny.toml")]
    typed += ["--device", "cpu", "--seeds", "2", "-o", str(work / "again"), "--json"]
    shown = CliRunner().invoke(cli, typed, catch_exceptions=False)
    assert "seed 0 is scored, 1 more to come" in shown.stderr
    assert len(json.loads(shown.stdout)["summary"]) == 5
    typed[typed.index("-o") + 1] = str(work / "later")
    typed += ["--first-seed", "7"]
    shown = CliRunner().invoke(cli, typed, catch_exceptions=False)
    assert "seed 7 is scored, 1 more to come" in shown.stderr


def test_scores_are_points_and_differences_are_to_the_reference(tmp_path, capsys):
    scores = {"only-foggy": (0.25, 0.5), "mix": (0.5, 1.0), "untrained": (0.05, 0.1)}
    print_first_scores(FirstScores(tmp_path, "self", 4, 3, "mix", scores))
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].endswith(": seed 4 is scored, 2 more to come (no intervals yet)")
    assert lines[1:] == [
        "  arm            mAP  rank-1  vs mix",
        "  only-foggy    25.0    50.0   −25.0",
        "  mix           50.0   100.0",
        "  untrained      5.0    10.0   −45.0",
    ]
    print_first_scores(FirstScores(tmp_path, "self", 0, 3, None, {"all": (0.25, 0.5)}))
    assert capsys.readouterr().err.splitlines()[1:] == [
        "  arm     mAP  rank-1",
        "  all    25.0    50.0",
    ]
