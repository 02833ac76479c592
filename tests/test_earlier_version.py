"""A small world made by version 0.1: its manifest, split and runs are read, resumed and reported on
by this one."""

import os
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from gprplus import benchmark, build_manifest, make_split, report
from gprplus.core.errors import SplitError
from gprplus.splits import Split

EARLIER = Path(__file__).parent / "data" / "version_0_1"


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """The world, with the modification times that its manifest recorded."""
    shutil.copytree(EARLIER, tmp_path / "work")
    for row in pq.read_table(tmp_path / "work" / "manifest" / "scan.parquet").to_pylist():
        path = tmp_path / "work" / "renders" / row["dataset"] / row["path"]
        os.utime(path, ns=(row["mtime_ns"], row["mtime_ns"]))
    return tmp_path / "work"


def test_the_manifest_is_up_to_date(work):
    assert build_manifest([work / "renders" / "engine"], work / "manifest").rebuilt == ()


# What the earlier version did not have is asked for as it was.
AS_BEFORE = {"controls": False, "deals": 1, "cross_level_tests": False}


def test_the_split_is_there_already(work):
    split = make_split(
        work / "manifest", "weather", output=work / "splits" / "weather", **AS_BEFORE
    )
    assert not split.made
    assert [len(split.train(arm)) for arm in split.arms] == [12, 12, 12]


def test_the_same_request_still_draws_the_same_rows(work):
    again = make_split(work / "manifest", "weather", output=work / "splits" / "again", **AS_BEFORE)
    assert again.record.fingerprint == Split.open(work / "splits" / "weather").record.fingerprint


def test_more_seeds_of_its_one_draw_are_warned_of(work):
    planned = benchmark(
        [work / "splits" / "weather"], work / "runs", recipe="smoke", seeds=2, steps=2, dry_run=True
    ).plan
    assert (planned.kept, planned.trained) == (4, 4)
    assert "All 2 seeds of weather train on one draw" in planned.warnings[0]


def test_finished_runs_are_kept_and_reported_on(work):
    outcome = benchmark(
        [work / "splits" / "weather"], work / "runs", recipe="smoke", seeds=1, steps=2
    )
    assert (outcome.plan.kept, outcome.plan.trained) == (4, 0)
    pages = report([work / "runs" / "weather" / "smoke"])
    assert {path.name for path in pages} >= {"report.html", "results.md"}


def test_rows_of_another_split_are_refused(work):
    other = make_split(
        work / "manifest", "weather", output=work / "splits" / "other", seed=1, controls=False
    )
    shutil.copy(other.path / "members.parquet", work / "splits" / "weather")
    with pytest.raises(SplitError, match=r"does not hold the rows that split\.json describes"):
        Split.open(work / "splits" / "weather")
