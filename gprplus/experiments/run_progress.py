"""How far a benchmark is: optimiser steps over all runs, and the scoring after them counted as so many steps."""

import threading
from collections.abc import Sequence

from gprplus.core.parallel import Progress
from gprplus.experiments.run import Trial, embedded, read

_STEP_TO_EMBED = 3  # an image costs so many times more in a training step than where it is only embedded


def work(trial: Trial) -> int:
    """What is missing of a run, in steps of its training: those of the training itself, and its scoring."""
    missing = trial.missing()
    if not missing:
        return 0
    images = sum(map(len, embedded(missing).values()))
    scoring = max(1, round(images / (_STEP_TO_EMBED * trial.recipe.batch.size)))
    trained = trial.data is None or trial.twin is not None or bool(read(trial.folder))
    return scoring if trained or trial.data is None else scoring + trial.recipe.steps(len(trial.data.uids))


class Meter:
    """The progress of several runs at once; `told` may be called from any thread."""

    def __init__(self, trials: Sequence[Trial], progress: Progress) -> None:
        self._work = {str(trial.folder): work(trial) for trial in trials}
        self._done = dict.fromkeys(self._work, 0)
        self._progress, self._lock = progress, threading.Lock()
        self._show()

    def told(self, reached: tuple[str, int]) -> None:
        """A run has reached a step of its training (`trial.run`)."""
        folder, step = reached
        with self._lock:
            self._done[folder] = max(self._done[folder], min(step, self._work[folder]))
            self._show()

    def finished(self, trial: Trial) -> None:
        """A run is scored and written."""
        self.told((str(trial.folder), self._work[str(trial.folder)]))

    def _show(self) -> None:
        if self._work:
            self._progress(sum(self._done.values()), sum(self._work.values()))
