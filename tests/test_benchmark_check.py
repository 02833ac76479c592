"""`make bench-check`: how measured ratios are compared with kept ones. Nothing here is timed."""

import json
from pathlib import Path

import pytest

from benchmarks import check, harness
from benchmarks.check import Comparison, compare, table
from benchmarks.ratios import Ratio, returned


def verdicts(kept: dict[str, float], now: dict[str, float]) -> dict[str, str]:
    return {row.name: row.verdict for row in compare(kept, now)}


def test_a_ratio_slips_when_it_grows_by_more_than_15_percent():
    kept = dict.fromkeys(("grew 16%", "grew 14%", "same", "fell 12%", "fell 14%"), 2.0)
    now = {"grew 16%": 2.32, "grew 14%": 2.28, "same": 2.0, "fell 12%": 1.76, "fell 14%": 1.72}
    assert verdicts(kept, now) == {
        "grew 16%": "SLIPPED",
        "grew 14%": "ok",
        "same": "ok",
        "fell 12%": "ok",
        "fell 14%": "faster",
    }


def test_ratios_without_a_partner_are_reported():
    assert verdicts({"gone": 1.0}, {"added": 1.0}) == {"gone": "MISSING", "added": "new"}


def test_the_table_fits_80_columns():
    rows = [
        Comparison("x" * 44, 1234.5678, 1500.0),
        Comparison("evaluation: score / product", 1.264, None),
        Comparison("splits: make-split / bare balanced draw", None, 0.0567),
    ]
    lines = table(rows).splitlines()
    assert max(map(len, lines)) <= 80
    assert [line.split()[-4:] for line in lines[1:]] == [
        ["1.23e+03", "1.5e+03", "+22%", "SLIPPED"],
        ["1.26", "-", "-", "MISSING"],
        ["-", "0.0567", "-", "new"],
    ]


def test_a_ratio_is_the_least_cost_of_the_job_over_the_least_of_the_floor():
    jobs, floors = iter([1.0, 6.0, 3.0, 4.0]), iter([0.5, 2.0, 2.5, 4.0, 4.0, 4.0])
    ratio = Ratio("a: b / c", lambda: next(jobs), lambda: next(floors), returned, rounds=3)
    # The first call of each side is not counted. The floor is called twice in the first round,
    # where the job costs three times as much.
    assert ratio.measure() == 3.0 / 2.0
    assert list(floors) == [4.0]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Run the command with given measurements in place of benchmarks; a second measurement takes
    the next value. Returns the exit code."""
    path = tmp_path / "ratios.json"

    def run_with(measurements: dict[str, list[float]], *arguments: str) -> int:
        left = {name: iter(values) for name, values in measurements.items()}

        def measure_all(benchmarks, only=None):
            names = [name for name in left if check.benchmark_of(name) in benchmarks]
            return {name: next(left[name]) for name in names if not only or name in only}

        monkeypatch.setattr(check, "measure_all", measure_all)
        return check.main(["splits", "archives", *arguments], path)

    run_with.path = path
    return run_with


def test_slips_fail_only_when_a_second_measurement_confirms_them(run, capsys):
    assert run({"splits: a": [1.9, 2.1], "archives: b": [1.0, 1.0]}, "--keep") == 0
    assert run({"splits: a": [2.28], "archives: b": [1.0]}) == 0
    assert run({"splits: a": [2.32, 2.1], "archives: b": [1.0]}) == 0
    capsys.readouterr()
    assert run({"splits: a": [2.32, 2.4], "archives: b": [1.0]}) == 1
    shown = capsys.readouterr().out
    assert [line.split() for line in shown.splitlines()[1:3]] == [
        ["archives:", "b", "1", "1", "+0%", "ok"],
        ["splits:", "a", "2", "2.32", "+16%", "SLIPPED"],
    ]


def test_a_kept_ratio_that_is_not_measured_fails_and_a_new_one_does_not(run):
    run({"splits: a": [1.9, 2.1], "archives: b": [1.0, 1.0]}, "--keep")
    assert run({"splits: a": [2.0], "archives: b": [1.0], "splits: c": [1.0]}) == 0
    assert run({"splits: a": [2.0], "archives: c": [1.0]}) == 1


def test_a_benchmark_that_yields_no_ratio_fails_and_nothing_is_kept(run, capsys):
    run({"splits: a": [1.9, 2.1], "archives: b": [1.0, 1.0]}, "--keep")
    before = run.path.read_text()
    assert run({"splits: a": [3.0, 3.0]}, "--keep") == 1
    assert "Failed, with no ratio: archives." in capsys.readouterr().out
    assert run.path.read_text() == before


def test_keep_replaces_the_ratios_of_its_benchmarks_and_no_others(tmp_path):
    path = tmp_path / "ratios.json"
    check.keep(path, ["splits", "archives"], {"splits: a": 2.0, "archives: b": 1.23456})
    check.keep(path, ["splits"], {"splits: c": 3.0})
    kept = json.loads(path.read_text())["ratios"]
    assert {name: entry["ratio"] for name, entry in kept.items()} == {
        "archives: b": 1.2346,
        "splits: c": 3.0,
    }
    assert kept["splits: c"]["machine"] == harness.machine()
    assert len(kept["splits: c"]["date"]) == len("2026-01-31")


def test_a_benchmark_that_raises_is_reported_and_the_others_run(monkeypatch, capsys):
    def on_one_thread(function, name, only):
        if name == "splits":
            raise RuntimeError("no space left")
        return {f"{name}: a": 1.0}

    monkeypatch.setattr(harness, "on_one_thread", on_one_thread)
    assert check.measure_all(["splits", "archives"]) == {"archives: a": 1.0}
    assert "splits: failed: RuntimeError: no space left" in capsys.readouterr().err


def test_a_real_benchmark_yields_named_ratios(tmp_path):
    from benchmarks import archives

    ratios = archives.ratios(tmp_path, identities=1)
    assert all(len(ratio.name) <= 44 for ratio in ratios)
    assert {check.benchmark_of(ratio.name) for ratio in ratios} == {"archives"}
    assert all(ratio.cost(job) > 0 for ratio in ratios for job in (ratio.job, ratio.floor))


def test_every_benchmark_has_kept_ratios_or_a_reason_for_none():
    kept = json.loads(check.KEPT.read_text())["ratios"]
    assert {check.benchmark_of(name) for name in kept} | {*check.NO_RATIO} >= {
        *harness.benchmark_names()
    }
    assert not {check.benchmark_of(name) for name in kept} & {*check.NO_RATIO}
