"""Shards of a benchmark: jobs of an array train parts of the runs, and one command reports."""

import subprocess

import pytest
from recipes import small_work

from gprplus import benchmark
from gprplus.core.errors import TrainingError


@pytest.fixture(scope="module")
def work(draw, tmp_path_factory):
    return small_work(draw, tmp_path_factory.mktemp("work"), steps=3)


def run_benchmark(work, output, **options):
    options = {"recipe": work / "tiny.toml", "seeds": 2, "device": "cpu", "jobs": 1, **options}
    return benchmark([work / "splits" / "weather"], output, **options)


def runs(folder):
    return {path.parent: path.stat().st_mtime_ns for path in folder.rglob("run.json")}


def test_shards_train_every_run_once_and_the_last_command_only_reports(work, tmp_path):
    """Four arms and the untrained network with two seeds are ten runs, of which three shards take
    four, three and three."""
    seen: set = set()
    for number, count in ((1, 4), (2, 3), (3, 3)):
        result = run_benchmark(work, tmp_path / "runs", shard=f"{number}/3")
        assert result.folders == ()
        new = runs(tmp_path / "runs").keys() - seen
        assert len(new) == count
        seen |= new
    before = runs(tmp_path / "runs")
    result = run_benchmark(work, tmp_path / "runs")
    assert runs(tmp_path / "runs") == before
    whole = run_benchmark(work, tmp_path / "whole")
    columns = [name for name in whole.summary().to_pandas() if "second" not in name]
    tables = [one.summary().to_pandas()[columns] for one in (result, whole)]
    assert tables[0].equals(tables[1])


def test_shards_may_start_at_the_same_time(work, tmp_path, commands):
    words = [
        "benchmark",
        str(work / "splits" / "weather"),
        "-o",
        str(tmp_path / "runs"),
        "--device",
        "cpu",
    ]
    words += ["--recipe", str(work / "tiny.toml"), "--seeds", "2", "--jobs", "1"]
    started = [
        subprocess.Popen(commands.sent("gprplus", *words, "--shard", f"{number}/2"))
        for number in (1, 2)
    ]
    assert [one.wait() for one in started] == [0, 0]
    assert len(runs(tmp_path / "runs")) == 10


def test_wrong_shards_are_one_sentence(work, tmp_path):
    with pytest.raises(TrainingError, match="--shard '3/2': expected I/N"):
        run_benchmark(work, tmp_path / "runs", shard="3/2")
    with pytest.raises(TrainingError, match="--force replaces the runs of all shards"):
        run_benchmark(work, tmp_path / "runs", shard="1/2", force=True)
