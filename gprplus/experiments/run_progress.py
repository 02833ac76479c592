"""Progress of a benchmark: optimizer steps over all runs, with scoring converted to steps."""

import threading
from collections.abc import Sequence

from gprplus.core.parallel import Progress
from gprplus.experiments.run import TrainingRun, read_run_record, target_image_keys

_STEP_TO_EMBED = (
    3  # an image costs so many times more in a training step than where it is only embedded
)


def remaining_units(trial: TrainingRun) -> int:
    """Remaining work of a run, in steps of its training: those of the training, and its scoring."""
    missing = trial.missing()
    if not missing:
        return 0
    images = sum(map(len, target_image_keys(missing).values()))
    scoring = max(1, round(images / (_STEP_TO_EMBED * trial.recipe.batch.size)))
    trained = trial.data is None or trial.twin is not None or bool(read_run_record(trial.folder))
    return (
        scoring
        if trained or trial.data is None
        else scoring + trial.recipe.steps(len(trial.data.uids))
    )


class RunMeter:
    """The progress of several runs at once; `advance` may be called from any thread."""

    def __init__(self, trials: Sequence[TrainingRun], progress: Progress) -> None:
        self._work = {str(trial.folder): remaining_units(trial) for trial in trials}
        self._done = dict.fromkeys(self._work, 0)
        self._progress, self._lock = progress, threading.Lock()
        self._show()

    def advance(self, reached: tuple[str, int]) -> None:
        """A run has reached a step of its training (`experiments.run`)."""
        folder, step = reached
        with self._lock:
            self._done[folder] = max(self._done[folder], min(step, self._work[folder]))
            self._show()

    def finished(self, trial: TrainingRun) -> None:
        """A run is scored and written."""
        self.advance((str(trial.folder), self._work[str(trial.folder)]))

    def _show(self) -> None:
        if self._work:
            self._progress(sum(self._done.values()), sum(self._work.values()))
