"""Workers: results in order, bounded waiting, and an end that does not keep anybody waiting."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from gprplus.core import parallel
from gprplus.core.parallel import map_processes, map_threads
from gprplus.core.workers import WorkerLost, send_progress

# Both workers are at work before the first is done, so that nobody is caught while still starting.
HOURS = """
import sys, time
from pathlib import Path
from gprplus.core.parallel import map_processes

def work(item):
    (Path(sys.argv[1]) / str(item)).touch()
    while len(list(Path(sys.argv[1]).iterdir())) < 2:
        time.sleep(0.01)
    time.sleep(600 if item > 1 else 0)

if __name__ == "__main__":
    for done in map_processes(work, range(6), 2):
        print("one is done", flush=True)
"""


@pytest.fixture
def hours(tmp_path):
    """The command of a process that has two workers at work for hours, once it has said twice that
    one is done."""
    (tmp_path / "hours.py").write_text(HOURS)
    (tmp_path / "begun").mkdir()
    return [sys.executable, str(tmp_path / "hours.py"), str(tmp_path / "begun")]


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_order_of_the_items(workers):
    assert list(map_threads(abs, range(-20, 0), workers)) == list(range(20, 0, -1))
    assert list(map_processes(abs, range(-20, 0), workers)) == list(range(20, 0, -1))


def test_items_are_taken_as_results_are_wanted():
    taken = []

    def items():
        for i in range(1000):
            taken.append(i)
            yield i

    results = map_threads(abs, items(), 2)
    assert next(results) == 0
    assert len(taken) <= 10
    results.close()


@pytest.mark.parametrize(
    ("limit", "processes", "threads"),
    [("", 1, 8), ("", 3, 2), ("", 16, 1), ("2", 1, 2), ("6", 3, 2), ("all", 1, 8)],
)
def test_omp_num_threads_is_the_most_that_a_process_takes(limit, processes, threads, monkeypatch):
    monkeypatch.setattr(parallel, "available_cores", lambda: 8)
    monkeypatch.setenv("OMP_NUM_THREADS", limit)
    assert parallel.threads_each(processes) == threads


def test_an_error_of_an_item_comes_out_where_its_result_would():
    results = map_processes(int, ["1", "two", "3"], 2)
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
        preexec_fn=lambda: signal.signal(
            signal.SIGINT, signal.SIG_DFL
        ),  # a shell's background job ignores it
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


# Items that fill a pipe before a worker, which has yet to start, reads any.
LARGE = """
import time
from gprplus.core.parallel import map_processes

def slow(item):
    time.sleep(600)

if __name__ == "__main__":
    print("begins", flush=True)
    list(map_processes(slow, [b"x" * 3_000_000] * 20, 2))
"""


@pytest.mark.parametrize("seconds", [0.02, 0.1, 0.3, 1.0])
def test_an_interrupt_ends_workers_that_have_just_started(tmp_path, seconds):
    (tmp_path / "large.py").write_text(LARGE)
    process = subprocess.Popen(
        [sys.executable, str(tmp_path / "large.py")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        assert process.stdout.readline() == "begins\n"
        time.sleep(seconds)
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=60)
        assert "KeyboardInterrupt" in said
        assert "spawn_main" not in said, "a worker took the interrupt for its own"
        assert _group_is_gone(process.pid), "a worker is still there"
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def signalled(number):
    """Die of a signal, as a worker that the kernel ends."""
    os.kill(os.getpid(), number)


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (
            signal.SIGKILL,
            (
                r"was killed, most likely by the system because of insufficient memory. .* fewer"
                r" --jobs: what is finished"
            ),
        ),
        (
            signal.SIGSEGV,
            r"crashed \(SIGSEGV\). Run the same command again: what is finished stays",
        ),
    ],
)
def test_a_worker_that_is_killed_is_one_sentence_that_names_the_option(number, sentence):
    with pytest.raises(WorkerLost, match=sentence):
        list(map_processes(signalled, [number] * 5, 2, option="--jobs"))


def greedy(item):
    """What a list larger than any memory raises."""
    raise MemoryError


def test_a_worker_without_memory_is_one_sentence_that_names_the_option():
    with pytest.raises(WorkerLost, match=r"ran out of memory\. .* fewer --workers"):
        list(map_processes(greedy, range(5), 2))


def test_workers_need_no_semaphores(monkeypatch):
    """A machine whose /dev/shm cannot be written has none."""

    def refused(*_):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("_multiprocessing.SemLock", refused)
    assert list(map_processes(abs, range(-5, 0), 2)) == [5, 4, 3, 2, 1]


def counting(item):
    """An item that tells how far it is."""
    send_progress((item, "begun"))
    return item


@pytest.mark.parametrize("workers", [1, 2])
def test_what_items_tell_arrives_before_their_results(workers):
    told = []
    for item in map_processes(counting, range(6), workers, on_progress=told.append):
        assert (item, "begun") in told
    assert sorted(told) == [(item, "begun") for item in range(6)]
    send_progress("lost")
    assert len(told) == 6


class Unsendable(Exception):
    """An error that pickles and cannot be read back."""

    def __init__(self, first, second):
        super().__init__(first)


def unsendable(item):
    """Raise an error that cannot be sent as it is."""
    raise Unsendable("what happened", item)


def test_an_error_that_cannot_be_sent_comes_as_text():
    with pytest.raises(RuntimeError, match="Unsendable: what happened"):
        list(map_processes(unsendable, range(3), 2))


RUNS = "print(list(map_processes(abs, range(2), 2)))"


def test_a_script_without_a_guard_is_one_sentence(tmp_path):
    script = tmp_path / "unguarded.py"
    script.write_text(f"from gprplus.core.parallel import map_processes\nname = __name__\n{RUNS}\n")
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f'Put the code of {script} under `if __name__ == "__main__":`')
    assert done.stderr.count("\n") == 1


def test_a_guarded_script_and_one_that_needs_no_workers_run(tmp_path):
    for text in (f'if __name__ == "__main__":\n    {RUNS}', RUNS.replace("2)))", "1)))")):
        script = tmp_path / "script.py"
        script.write_text(f"from gprplus.core.parallel import map_processes\n{text}\n")
        done = subprocess.run(
            [sys.executable, str(script)], capture_output=True, text=True, timeout=120
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "[0, 1]\n", "")


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
    while _has_running_process(group):
        if time.monotonic() >= end:
            return False
        time.sleep(0.01)
    return True


def _has_running_process(group: int) -> bool:
    """Whether a process of a group runs. Where /proc shows that all have ended, it need not wait
    until the first process of a container reads their exit codes, which takes a second in some.
    """
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    states = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, found = path.read_text().rpartition(")")[2].split()[:3]
            states += [state] if int(found) == group else []
    return not states or any(state != "Z" for state in states)
