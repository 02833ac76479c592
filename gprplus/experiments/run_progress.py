"""Progress of a benchmark: steps over all runs, what they do, and the time they still take."""

import threading
import time
from collections.abc import Callable, Sequence

from gprplus.core.parallel import Progress, describe_progress
from gprplus.experiments.remaining_time import Work, WorkClock
from gprplus.experiments.run import TrainingRun, target_image_keys
from gprplus.experiments.run_files import read_run_record
from gprplus.experiments.run_reports import DONE, RunReport

_STEP_TO_EMBED = 3  # an image of a step counts as so many that are only embedded


def remaining_work(training_run: TrainingRun) -> Work:
    """Return the steps of a run that are missing, and its images and targets to score."""
    missing = training_run.missing()
    images = sum(map(len, target_image_keys(missing).values()))
    trained = (
        not missing
        or training_run.data is None
        or training_run.twin is not None
        or bool(read_run_record(training_run.folder))
    )
    return Work(
        steps=0 if trained or not training_run.data else _steps(training_run),
        images=images,
        targets=len(missing),
        batch=training_run.recipe.batch.size,
    )


def _steps(training_run: TrainingRun) -> int:
    assert training_run.data is not None
    return training_run.recipe.steps(len(training_run.data.uids))


def _count(work: Work) -> int:
    """Return the work of a run as a number of steps, its scoring included."""
    scoring = max(1, round(work.images / (_STEP_TO_EMBED * work.batch))) if work.targets else 0
    return work.steps + scoring


class RunMeter:
    """The progress of several runs at once; `advance` may be called from any thread.

    Args:
        batches: runs, of which each batch begins when the one before is done.
        jobs: runs at a time.
        progress: takes steps done and all steps; a bar also gets a sentence and the seconds left.
        after: seconds of work after the last run, from those that a process took to start.
    """

    def __init__(
        self,
        batches: Sequence[Sequence[TrainingRun]],
        jobs: int,
        progress: Progress,
        after: Callable[[float], float] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        work = [{str(one.folder): remaining_work(one) for one in batch} for batch in batches]
        self._counts = {folder: _count(one) for batch in work for folder, one in batch.items()}
        self._names = {
            str(one.folder): f"{one.arm}, seed {one.seed}" for batch in batches for one in batch
        }
        self._done = dict.fromkeys(self._counts, 0)
        self._reports: dict[str, RunReport] = {}
        self._clock = WorkClock(work, jobs, clock)
        self._progress, self._after, self._lock = progress, after, threading.Lock()
        self._show()

    def advance(self, report: RunReport) -> None:
        """Take a report of a run."""
        with self._lock:
            self._clock.take(report)
            count, steps = self._counts[report.folder], self._clock.steps_done(report.folder)
            done = count if report.phase == DONE else min(steps, count)
            self._done[report.folder] = max(self._done[report.folder], done)
            self._reports[report.folder] = report
            self._show()

    def _show(self) -> None:
        total = sum(self._counts.values())
        if total:
            self._progress(sum(self._done.values()), total)
            left = self._clock.seconds_left()
            if left is not None and self._after:
                left += self._after(self._clock.start_seconds())
            describe_progress(self._progress, self._sentence(), left)

    def _sentence(self) -> str:
        """Return what the first of the open runs does, and how many others are open."""
        active = [self._reports[name] for name in self._names if name in self._reports]
        active = [report for report in active if report.phase != DONE]
        if not active:
            return ""
        first = active[0]
        more = [] if first.loss is None else [f"loss {first.loss:.3g}"]
        if first.images_per_second is not None:
            more.append(f"{first.images_per_second:,.0f} images/s")
        sentence = f"{first.phase} {self._names[first.folder]}"
        if more:
            sentence += f" ({', '.join(more)})"
        return sentence + (f" and {len(active) - 1} more" if len(active) > 1 else "")


def packing_progress(progress: Progress, clock: Callable[[], float] = time.monotonic) -> Progress:
    """Return `progress` for packing images: a bar also shows the phase and its time left."""
    start = clock()

    def packed(done: int, total: int) -> None:
        progress(done, total)
        left = (clock() - start) * (total - done) / done if done else None
        describe_progress(progress, "packing images", left)

    return packed
