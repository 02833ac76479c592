"""The time that runs still take, on hand-worked phases under a clock that the test sets."""

import pytest

from gprplus.core.parallel import ProgressDisplay
from gprplus.core.progress import _Lines
from gprplus.experiments.remaining_time import Work, WorkClock, makespan
from gprplus.experiments.run_reports import (
    DONE,
    EMBEDDING,
    PREPARING,
    SCORING,
    TRAINING,
    RunReport,
    RunReporter,
)

FLOOR = Work(steps=0, images=100, targets=2, batch=10)
TRAINED = Work(steps=50, images=100, targets=2, batch=10)


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def run(meter, clock, name, *, start, steps=50, step=1.0, embedded=0.1, target=2.0, prepare=0.0):
    """Report a run whose phases take these seconds; gives the time of its end."""
    clock.now = start
    meter.take(RunReport(name, PREPARING))
    clock.now += prepare
    if steps:
        for done in range(1, steps + 1):
            meter.take(RunReport(name, TRAINING, done))
            clock.now += step if done < steps else 0.0
    meter.take(RunReport(name, EMBEDDING))
    clock.now += 100 * embedded
    meter.take(RunReport(name, SCORING))
    clock.now += 2 * target
    meter.take(RunReport(name, DONE))
    return clock.now


def test_several_tasks_end_with_the_last_of_the_busiest_worker():
    assert makespan([3.0], [], workers=1) == 3.0
    assert makespan([3.0, 1.0], [4.0, 1.0, 1.0], workers=2) == 5.0  # 1+4, 3+1+1
    assert makespan([], [2.0, 2.0, 2.0], workers=2) == 4.0


def test_the_time_left_is_that_of_each_phase():
    clock = Clock()
    meter = WorkClock([{"floor": FLOOR, "a": TRAINED, "b": TRAINED}], 1, clock)
    assert meter.seconds_left() is None
    end = run(meter, clock, "floor", start=0.0, steps=0)  # 100 images in 10 s, 2 targets in 4 s
    assert end == 14.0
    assert meter.seconds_left() is None, "the seconds of a step are not known"
    meter.take(RunReport("a", PREPARING))
    meter.take(RunReport("a", TRAINING, 1))
    clock.now += 9.0
    meter.take(RunReport("a", TRAINING, 10))  # 1 s a step
    assert meter.seconds_left() == pytest.approx(40 + 14 + 50 + 14)
    clock.now += 3.0  # time passes without a report
    assert meter.seconds_left() == pytest.approx(37 + 14 + 50 + 14)


def test_parallel_runs_share_the_time_and_new_processes_start_first():
    clock = Clock()
    first = {"a": TRAINED, "b": TRAINED, "c": TRAINED}
    meter = WorkClock([first, {"twin": FLOOR, "other": FLOOR}], 2, clock)
    clock.now = 5.0  # a process imports for 5 s before its first report
    meter.take(RunReport("a", PREPARING))
    meter.take(RunReport("b", PREPARING))
    for done, now in ((1, 5.0), (11, 15.0)):
        clock.now = now
        meter.take(RunReport("a", TRAINING, done))
        meter.take(RunReport("b", TRAINING, done))
    embedding = 100 * 1.0 / (10 * 3)  # a third of a step's seconds for an image, until measured
    run_left, whole = 39 + embedding, 50 + embedding
    second = 5.0 + embedding  # two processes start again
    assert meter.seconds_left() == pytest.approx(run_left + whole + second)


def test_later_runs_count_more():
    clock = Clock()
    meter = WorkClock([{"a": TRAINED, "b": TRAINED, "c": TRAINED}], 1, clock)
    end = run(meter, clock, "a", start=0.0, step=3.0)
    run(meter, clock, "b", start=end, step=1.0)
    # 49 steps of 3 s with weight 1/2, 49 of 1 s: (73.5 + 49) / 73.5 s a step
    assert meter.seconds_left() == pytest.approx(50 * 122.5 / 73.5 + 14.0)


def test_nothing_is_left_when_all_runs_are_done():
    clock = Clock()
    nothing = Work(steps=0, images=0, targets=0, batch=10)
    meter = WorkClock([{"kept": nothing, "a": TRAINED}], 1, clock)
    run(meter, clock, "a", start=0.0)
    assert meter.seconds_left() == 0.0
    assert not meter.is_open("a")
    assert not meter.is_open("kept")


def test_a_run_reports_each_phase_and_the_speed_of_a_chunk(tmp_path, monkeypatch):
    sent = []
    monkeypatch.setattr("gprplus.experiments.run_reports.send_progress", sent.append)
    reporter = RunReporter(tmp_path)
    reporter.begin(PREPARING)
    reporter.reached(1)
    reporter.reached(2)  # within half a second: not sent
    reporter.chunk({"loss": 2.5, "images": 640, "seconds": 2.0})
    reporter.chunk({"loss": 1.5, "images": 1280, "seconds": 3.0})
    reporter._sent = -1.0
    reporter.reached(20)
    reporter.begin(EMBEDDING)
    folder = str(tmp_path)
    assert sent == [
        RunReport(folder, PREPARING),
        RunReport(folder, TRAINING, 1),
        RunReport(folder, TRAINING, 20, 1.5, 640.0),
        RunReport(folder, EMBEDDING),
    ]


def test_piped_output_gets_a_line_every_half_minute(capsys):
    clock = Clock()
    lines = _Lines("benchmark", clock)
    assert isinstance(lines, ProgressDisplay)
    for now in (1.0, 31.0, 45.0, 62.0):
        clock.now = now
        lines.describe("training mix, seed 1: loss 2.31, 1,234 images/s", 300 - now)
        lines(int(100 * now), 30_000)
    assert capsys.readouterr().err.splitlines() == [
        "benchmark 3,100/30,000, about 4 min left; training mix, seed 1: loss 2.31, 1,234 images/s",
        "benchmark 6,200/30,000, about 4 min left; training mix, seed 1: loss 2.31, 1,234 images/s",
    ]
