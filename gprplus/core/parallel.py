"""Workers, and the one shape that progress has.

Library functions report progress by calling `progress(done, total)`; the command line turns that
into a bar, a library user may pass nothing.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from gprplus.core.executors.executor import ONE_CORE, MapOptions, Resources
from gprplus.core.executors.in_use import current_executor
from gprplus.core.executors.local import available_cores as available_cores
from gprplus.core.executors.local import in_order
from gprplus.core.executors.threads import ThreadPool

In = TypeVar("In")
Out = TypeVar("Out")

Progress = Callable[[int, int], None]


def no_progress(done: int, total: int) -> None:
    """Progress without a display."""


class ProgressDisplay(ABC):
    """A function of (done, total) that shows progress, and can show more than the count."""

    @abstractmethod
    def __call__(self, done: int, total: int) -> None:
        """Show the count."""

    @abstractmethod
    def describe(self, text: str, seconds_left: float | None) -> None:
        """Show the current work in a few words, and the time left, None if it is unknown."""


def describe_progress(progress: Progress, text: str, seconds_left: float | None) -> None:
    """Show the current work and the time left, if `progress` shows them."""
    if isinstance(progress, ProgressDisplay):
        progress.describe(text, seconds_left)


class PhaseProgress(ProgressDisplay):
    """Progress of one phase of a longer work, whose name is shown before what the phase does."""

    def __init__(self, progress: Progress, phase: str) -> None:
        self._progress, self._phase, self._total = progress, phase, -1

    def __call__(self, done: int, total: int) -> None:
        new, self._total = total != self._total, total
        if new:
            describe_progress(self._progress, self._phase, None)
        self._progress(done, total)
        if new:  # again, because a bar clears its text when something else is counted
            describe_progress(self._progress, self._phase, None)

    def describe(self, text: str, seconds_left: float | None) -> None:
        shown = f"{self._phase}: {text}" if text else self._phase
        describe_progress(self._progress, shown, seconds_left)


def threads_each(processes: int) -> int:
    """Threads for each of several processes that share the cores; OMP_NUM_THREADS, where it is set,
    is the most."""
    most = os.environ.get("OMP_NUM_THREADS", "")
    share = max(1, available_cores() // processes)
    return min(share, int(most)) if most.isdigit() and int(most) else share


def map_threads(
    function: Callable[[In], Out], items: Iterable[In], workers: int | None = None
) -> Iterator[Out]:
    """`map` over threads: results in order, at most four a worker waiting, so memory stays
    bounded.

    On one core, one worker is the thread of the caller: starting another takes as long as a small
    item.
    """
    count = workers or available_cores()
    if count == available_cores() == 1:
        yield from map(function, items)
        return
    with ThreadPool(count) as pool:
        yield from in_order(pool, function, items, 4 * count)


def map_processes(
    function: Callable[[In], Out],
    items: Iterable[In],
    workers: int | None = None,
    *,
    option: str = "--workers",
    on_progress: Callable[[Any], None] | None = None,
    resources: Resources = ONE_CORE,
) -> Iterator[Out]:
    """`map` over processes, results in order: of this machine, or of the cluster that `run_on`
    chose (`executors`).

    `function` and items must be picklable. `on_progress` gets what `function` sends with
    `workers.send_progress`; `option` is the option for the number of workers, for messages;
    `resources` are those of each item. A worker that is lost and cannot be replaced raises
    `workers.WorkerLost`.
    """
    options = MapOptions(workers, option, on_progress, resources)
    return current_executor().map(function, items, options)


def worker_count(workers: int | None, resources: Resources = ONE_CORE) -> int:
    """Return how many items run at a time: as given, else as many as there is room for."""
    return workers or current_executor().room(resources)


def several_machines() -> bool:
    """Return whether items run on several machines, where threads of this one are not enough."""
    return current_executor().machines() > 1
