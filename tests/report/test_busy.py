"""Reports of folders that another process works in, and reports that are killed."""

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from gprplus.core.errors import ReportError
from gprplus.core.files.folders import hold_folder
from gprplus.reporting import report


def test_a_report_on_a_running_benchmark_is_refused(world, tmp_path):
    run = (
        shutil.copytree(world.run.parents[1], tmp_path / "runs")
        / world.run.parent.name
        / world.run.name
    )
    for output in (None, tmp_path / "page"):
        busy = pytest.raises(ReportError, match="A benchmark is running in")
        with hold_folder(run, "runs", ReportError, adopt=True), busy:
            report([run], output)
    assert not (tmp_path / "page").exists()


def test_two_reports_into_one_folder_are_not_mixed(world, tmp_path):
    busy = pytest.raises(ReportError, match="Another gprplus is writing")
    with hold_folder(tmp_path / "page", "reports", ReportError), busy:
        report([world.run], tmp_path / "page")
    assert os.listdir(tmp_path / "page") == [".gprplus"]
    assert len(report([world.run], tmp_path / "page")) == 3


def test_a_report_that_fails_leaves_no_folder(world, tmp_path):
    run = shutil.copytree(world.run, tmp_path / "weather" / "smoke")
    (run / "contrasts.parquet").unlink()
    with pytest.raises(ReportError, match=r"has no contrasts.parquet"):
        report([run], tmp_path / "page")
    assert not (tmp_path / "page").exists()


def test_a_killed_report_is_written_by_the_next_and_leaves_nothing(world, tmp_path):
    made = tmp_path / "page"
    words = ["report", str(world.run), "-o", str(made)]
    running = subprocess.Popen([sys.executable, "-m", "gprplus", *words], stdout=subprocess.DEVNULL)
    while not made.exists() and running.poll() is None:
        time.sleep(0.001)
    running.send_signal(signal.SIGKILL)
    running.wait()
    (made / f".report.html.{running.pid}.part").write_text("half a pa")
    report([world.run], made)
    report([world.run], tmp_path / "whole")
    assert sorted(os.listdir(made)) == sorted(os.listdir(tmp_path / "whole"))
    for name in ("report.html", "results.csv", "results.md"):
        assert (made / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
