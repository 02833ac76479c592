"""Workers: results in order, bounded waiting, and an end that does not keep anybody waiting."""

import os
import signal
import subprocess
import sys
import time

import pytest

from gprplus.parallel import in_processes, in_threads

# Both workers are at work before the first is done, so that nobody is caught while still starting.
HOURS = """
import sys, time
from pathlib import Path
from gprplus.parallel import in_processes

def work(item):
    (Path(sys.argv[1]) / str(item)).touch()
    while len(list(Path(sys.argv[1]).iterdir())) < 2:
        time.sleep(0.01)
    time.sleep(600 if item > 1 else 0)

if __name__ == "__main__":
    for done in in_processes(work, range(6), 2):
        print("one is done", flush=True)
"""


@pytest.fixture
def hours(tmp_path):
    """The command of a process that has two workers at work for hours, once it has said twice that one is done."""
    (tmp_path / "hours.py").write_text(HOURS)
    (tmp_path / "begun").mkdir()
    return [sys.executable, str(tmp_path / "hours.py"), str(tmp_path / "begun")]


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_order_of_the_items(workers):
    assert list(in_threads(abs, range(-20, 0), workers)) == list(range(20, 0, -1))
    assert list(in_processes(abs, range(-20, 0), workers)) == list(range(20, 0, -1))


def test_items_are_taken_as_results_are_wanted():
    taken = []

    def items():
        for i in range(1000):
            taken.append(i)
            yield i

    results = in_threads(abs, items(), 2)
    assert next(results) == 0
    assert len(taken) <= 10
    results.close()


def test_an_error_of_an_item_comes_out_where_its_result_would():
    results = in_processes(int, ["1", "two", "3"], 2)
    assert next(results) == 1
    with pytest.raises(ValueError, match="two"):
        next(results)


@pytest.mark.parametrize("everybody", [True, False], ids=["as from a terminal", "the parent alone"])
def test_an_interrupt_ends_at_once_and_leaves_no_worker_behind(hours, everybody):
    process = subprocess.Popen(
        hours,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background job ignores it
    )
    try:
        for _ in range(2):
            assert process.stdout.readline() == "one is done\n"
        (os.killpg if everybody else os.kill)(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=120)
        assert "KeyboardInterrupt" in said
        assert "SpawnProcess" not in said, "a worker took the interrupt for its own"
        assert _group_is_gone(process.pid), "a worker is still there"
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=["kill -9", "kill"])
def test_no_worker_outlives_a_parent_that_is_killed(hours, how):
    process = subprocess.Popen(hours, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        for _ in range(2):
            assert process.stdout.readline() == "one is done\n"
        os.kill(process.pid, how)
        process.wait(timeout=120)
        assert _group_is_gone(process.pid), "a worker is still there"
    finally:
        if not _group_is_gone(process.pid, seconds=0):
            os.killpg(process.pid, signal.SIGKILL)


def _group_is_gone(group: int, seconds: float = 120) -> bool:
    """Whether the last process of a group ends within that time."""
    end = time.monotonic() + seconds
    while True:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        if time.monotonic() >= end:
            return False
        time.sleep(0.1)
