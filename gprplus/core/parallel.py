"""Workers, and the one shape that progress has.

Library functions report progress by calling `progress(done, total)`; the command line turns that
into a bar, a library user may pass nothing.
"""

import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol, TypeVar

from gprplus.core.errors import GprplusError

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


def available_cores() -> int:
    """Processor cores this process may use (respects affinity, not the size of the machine)."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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
    bounded."""
    with ThreadPoolExecutor(workers or available_cores()) as pool:
        yield from _ordered(pool, function, items, 4 * (workers or available_cores()))


def map_processes(
    function: Callable[[In], Out],
    items: Iterable[In],
    workers: int | None = None,
    *,
    option: str = "--workers",
    on_progress: Callable[[Any], None] | None = None,
) -> Iterator[Out]:
    """`map` over processes: results in order. One worker runs here, in this process, where errors
    are easiest to read.

    Processes start fresh ("spawn"), never as forks: a fork of a process in which torch or OpenCV
    has threads may hang. An interrupt ends them at once, whatever they are at: what they write,
    they write whole or not at all. So does the end of this process, even one that it cannot notice,
    as by `kill -9` or for want of memory. An error lets the items that are under way finish. A
    worker that is killed raises `workers.WorkerLost`, which names `option`. `on_progress` gets what
    `function` sends with `workers.send_progress`.
    """
    from gprplus.core.workers import WorkerLost, WorkerPool, listen_to_progress

    count = workers or available_cores()
    if count == 1:
        with listen_to_progress(on_progress):
            yield from map(function, items)
        return
    _refuse_unguarded()
    pool = WorkerPool(count, option, on_progress)
    try:
        yield from _ordered(pool, function, items, 4 * count)
        pool.close()
    except WorkerLost:
        raise
    except Exception:
        pool.close()
        raise
    finally:
        pool.kill()


class _Submits(Protocol):
    def submit(self, function: Callable[[In], Out], item: In, /) -> Future[Out]: ...


def _ordered(
    pool: _Submits, function: Callable[[In], Out], items: Iterable[In], ahead: int
) -> Iterator[Out]:
    waiting: list[Future[Out]] = []
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) >= ahead:
                yield _result(waiting.pop(0))
        while waiting:
            yield _result(waiting.pop(0))
    finally:
        for future in waiting:
            future.cancel()


def _result(future: Future[Out]) -> Out:
    """The future's result. A wait without end would miss an interrupt that comes as it begins."""
    while not future.done():
        with suppress(TimeoutError):
            future.exception(timeout=0.5)
    return future.result()


class UnguardedScript(GprplusError, SystemExit):
    """A script that workers would run once more; uncaught it is a sentence on stderr, without a
    traceback."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.code = text


def _refuse_unguarded() -> None:
    """Raise UnguardedScript where workers would run the main script once more.

    A worker imports the script that was started, to find what it defines. Code that is not under
    `if __name__ == "__main__":` would run again in each of them.
    """
    import multiprocessing

    main = sys.modules.get("__main__")
    path, spec = getattr(main, "__file__", None), getattr(main, "__spec__", None)
    if path is None or (spec is not None and spec.name.rpartition(".")[2] == "__main__"):
        return  # what multiprocessing does not import
    # A process that still imports the script is a worker that was started by it.
    if getattr(multiprocessing.current_process(), "_inheriting", False) or not _guarded(Path(path)):
        raise UnguardedScript(
            f'Put the code of {path} under `if __name__ == "__main__":`, because worker processes'
            " import it. Or do without them: workers=1 (jobs=1 for a benchmark)."
        )


def _guarded(script: Path) -> bool:
    """Return True if a script has a guard at its top level, or if the script cannot be read."""
    import ast

    try:
        tree = ast.parse(script.read_bytes())
    except (OSError, ValueError, SyntaxError):
        return True
    tests = [node.test for node in tree.body if isinstance(node, ast.If)]
    words = {
        getattr(part, "id", getattr(part, "attr", "")) for test in tests for part in ast.walk(test)
    }
    return bool(words & {"__name__", "current_process", "parent_process"})
