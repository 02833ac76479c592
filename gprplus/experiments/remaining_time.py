"""The time that runs still take, from rates measured while they go on.

Each phase of a run is measured by itself: seconds to prepare (a new process imports torch first),
for a step, for an embedded image, and for scoring. Rates are means over the runs so far, the later
of which count more: the first are slower, and the load of a machine changes.
"""

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from gprplus.experiments.run_reports import (
    DONE,
    EMBEDDING,
    PREPARING,
    SCORING,
    TRAINING,
    RunReport,
)

STARTING = "starting"  # preparing the first run of a process
_PHASES = (PREPARING, TRAINING, EMBEDDING, SCORING)
_KEPT = 0.5  # weight of all that was measured of a phase, each time when another run has done it
_EMBEDS_IN_A_STEP = 3  # an image of a step takes as long as so many embedded ones, until measured


@dataclass(frozen=True)
class Work:
    """Missing work of a run: steps of `batch` images, images to embed, targets to score."""

    steps: int
    images: int
    targets: int
    batch: int

    def amount(self, phase: str) -> int:
        """Return the count of a phase."""
        counts = {TRAINING: self.steps, EMBEDDING: self.images, SCORING: self.targets}
        return counts.get(phase, 1)


@dataclass
class _State:
    """The phase of a run: when it began and with which count, and its last report."""

    phase: str
    began: float
    first: int
    done: int
    reported: float
    steps: int = 0


def makespan(active: Iterable[float], waiting: Iterable[float], workers: int) -> float:
    """Return the seconds until the last of several tasks ends.

    `active` tasks are under way; each of `waiting` begins when a worker is free, in order.

    >>> makespan([2.0, 5.0], [4.0, 1.0], workers=2)
    6.0
    """
    ends = list(active)
    ends += [0.0] * (workers - len(ends))
    heapq.heapify(ends)
    for seconds in waiting:
        heapq.heappush(ends, heapq.heappop(ends) + seconds)
    return max(ends)


class WorkClock:
    """Rates of the phases of runs, and the time left.

    Args:
        batches: the work of each run by folder; each batch begins when the one before is done.
        jobs: runs at a time.
        clock: returns the time in seconds.
    """

    def __init__(
        self, batches: Sequence[Mapping[str, Work]], jobs: int, clock: Callable[[], float]
    ) -> None:
        open_ = [{name: one for name, one in batch.items() if one.targets} for batch in batches]
        self._batches = [batch for batch in open_ if batch]
        self._work = {name: one for batch in self._batches for name, one in batch.items()}
        self._jobs, self._clock = jobs, clock
        self._states: dict[str, _State] = {}
        self._measured: dict[str, tuple[float, float]] = {}  # by phase: amount, seconds
        self._fresh: dict[str, str] = {}  # how the preparation of a run counts
        self._began = clock()

    def take(self, report: RunReport) -> None:
        """Take a report of a run."""
        now, folder = self._clock(), report.folder
        state = self._states.get(folder)
        if state is None:
            state = self._begin(folder, now)
        if report.phase != state.phase:
            self._finish(folder, state, now)
            state.phase, state.began, state.first = report.phase, now, report.done
        state.done, state.reported = report.done, now
        if report.phase == TRAINING:
            state.steps = report.done

    def steps_done(self, folder: str) -> int:
        """Return the steps that a run has done."""
        return self._states[folder].steps

    def is_open(self, folder: str) -> bool:
        """Return whether a run has work left."""
        state = self._states.get(folder)
        return folder in self._work and (state is None or state.phase != DONE)

    def start_seconds(self) -> float:
        """Return the seconds that a process took to start; 0 if none was started."""
        return self._rates().get(STARTING, 0.0)

    def seconds_left(self) -> float | None:
        """Return the seconds until the last run is done; None until the rate of steps is known."""
        rates, total = self._rates(), 0.0
        if TRAINING not in rates and any(
            self._work[name].steps and self.is_open(name) for name in self._work
        ):
            return None
        for batch in self._batches:
            active = [self._active(name, rates) for name in batch if self._is_active(name)]
            waiting = [name for name in batch if name not in self._states]
            if not active and not waiting:
                continue
            workers = min(self._jobs, len(batch))
            fresh = self._processes(batch) - (len(batch) - len(waiting))
            times = [self._whole(name, rates, i < fresh) for i, name in enumerate(waiting)]
            total += makespan(active, times, workers)
        return total

    def _begin(self, folder: str, now: float) -> _State:
        """Return the state of a run whose first report comes now; its process started before."""
        batch = next((batch for batch in self._batches if folder in batch), {})
        before = [name for name in batch if name in self._states]
        fresh = len(before) < self._processes(batch)
        earlier = [self._states[name].reported for name in self._states if name not in batch]
        start = max([self._began, *earlier]) if fresh else now
        self._fresh[folder] = STARTING if fresh else PREPARING
        state = _State(PREPARING, start, 0, 0, now)
        self._states[folder] = state
        return state

    def _processes(self, batch: Mapping[str, Work]) -> int:
        """Return the number of processes that are started for a batch; one run is done here."""
        count = min(self._jobs, len(batch))
        return count if count > 1 else 0

    def _finish(self, folder: str, state: _State, now: float) -> None:
        """Add a phase that is over to its rate."""
        phase = self._fresh[folder] if state.phase == PREPARING else state.phase
        amount = self._work[folder].amount(state.phase) - state.first
        kept = [_KEPT * part for part in self._measured.get(phase, (0.0, 0.0))]
        self._measured[phase] = kept[0], kept[1]
        self._add(phase, amount, now - state.began, self._measured)

    @staticmethod
    def _add(
        phase: str, amount: float, seconds: float, sums: dict[str, tuple[float, float]]
    ) -> None:
        if amount > 0:
            before = sums.get(phase, (0.0, 0.0))
            sums[phase] = (before[0] + amount, before[1] + seconds)

    def _rates(self) -> dict[str, float]:
        """Return seconds for one unit of each phase, of finished phases and those under way."""
        sums = dict(self._measured)
        for state in self._states.values():
            if state.phase in (TRAINING, EMBEDDING, SCORING):
                self._add(state.phase, state.done - state.first, state.reported - state.began, sums)
        rates = {phase: seconds / amount for phase, (amount, seconds) in sums.items() if amount}
        batch = next(iter(self._work.values())).batch
        step = rates.get(TRAINING, 0.0)
        rates.setdefault(EMBEDDING, step / (batch * _EMBEDS_IN_A_STEP))
        return rates

    def _whole(self, folder: str, rates: Mapping[str, float], fresh: bool) -> float:
        work = self._work[folder]
        parts = [work.amount(phase) * rates.get(phase, 0.0) for phase in _PHASES[1:]]
        return rates.get(STARTING if fresh else PREPARING, 0.0) + sum(parts)

    def _is_active(self, folder: str) -> bool:
        state = self._states.get(folder)
        return state is not None and state.phase != DONE

    def _active(self, folder: str, rates: Mapping[str, float]) -> float:
        """Return the seconds left of a run that is under way."""
        state, work = self._states[folder], self._work[folder]
        place = _PHASES.index(state.phase)
        phase = self._fresh[folder] if state.phase == PREPARING else state.phase
        left = (work.amount(state.phase) - state.done) * rates.get(phase, 0.0)
        since = self._clock() - (state.began if state.phase == PREPARING else state.reported)
        later = [work.amount(one) * rates.get(one, 0.0) for one in _PHASES[place + 1 :]]
        return max(0.0, left - since) + sum(later)
