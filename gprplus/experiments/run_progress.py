"""Progress of a benchmark: optimizer steps over all runs, with scoring converted to steps."""

import threading
from collections.abc import Sequence

from gprplus.core.parallel import Progress
from gprplus.experiments.run import TrainingRun, read_run_record, target_image_keys

_STEP_TO_EMBED = (
    3  # an image costs so many times more in a training step than where it is only embedded
)


def remaining_units(training_run: TrainingRun) -> int:
    """Remaining work of a run, in steps of its training: those of the training, and its scoring."""
    missing = training_run.missing()
    if not missing:
        return 0
    images = sum(map(len, target_image_keys(missing).values()))
    scoring = max(1, round(images / (_STEP_TO_EMBED * training_run.recipe.batch.size)))
    trained = (
        training_run.data is None
        or training_run.twin is not None
        or bool(read_run_record(training_run.folder))
    )
    return (
        scoring
        if trained or training_run.data is None
        else scoring + training_run.recipe.steps(len(training_run.data.uids))
    )


class RunMeter:
    """The progress of several runs at once; `advance` may be called from any thread."""

    def __init__(self, training_runs: Sequence[TrainingRun], progress: Progress) -> None:
        self._work = {
            str(training_run.folder): remaining_units(training_run)
            for training_run in training_runs
        }
        self._done = dict.fromkeys(self._work, 0)
        self._progress, self._lock = progress, threading.Lock()
        self._show()

    def advance(self, reached: tuple[str, int]) -> None:
        """A run has reached a step of its training (`experiments.run`)."""
        folder, step = reached
        with self._lock:
            self._done[folder] = max(self._done[folder], min(step, self._work[folder]))
            self._show()

    def finished(self, training_run: TrainingRun) -> None:
        """A run is scored and written."""
        self.advance((str(training_run.folder), self._work[str(training_run.folder)]))

    def _show(self) -> None:
        if self._work:
            self._progress(sum(self._done.values()), sum(self._work.values()))
