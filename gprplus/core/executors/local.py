"""Items in processes of this machine."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Protocol, TypeVar

from gprplus.core.errors import GprplusError
from gprplus.core.executors.executor import Executor, MapOptions, Resources

In = TypeVar("In")
Out = TypeVar("Out")


def available_cores() -> int:
    """Processor cores this process may use (respects affinity, not the size of the machine)."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class LocalProcesses(Executor):
    """Processes that start fresh ("spawn"), never as forks: a fork of a process in which torch or
    OpenCV has threads may hang.

    One worker runs here, in this process, where errors are easiest to read. An interrupt ends
    workers at once, whatever they are at: what they write, they write whole or not at all. So does
    the end of this process, even one that it cannot notice, as by `kill -9` or for want of memory.
    An error lets the items that are under way finish.
    """

    def map(
        self, function: Callable[[In], Out], items: Iterable[In], options: MapOptions
    ) -> Iterator[Out]:
        """Yield the result for each item, in order."""
        from gprplus.core.workers import WorkerLost, WorkerPool, listen_to_progress

        count = options.workers or available_cores()
        if count == 1:
            with listen_to_progress(options.on_progress):
                yield from map(function, items)
            return
        _refuse_unguarded()
        pool = WorkerPool(count, options.option, options.on_progress)
        try:
            yield from in_order(pool, function, items, 4 * count)
            pool.close()
        except WorkerLost:
            raise
        except Exception:
            pool.close()
            raise
        finally:
            pool.kill()

    def room(self, resources: Resources) -> int:
        """Return the number of cores for items with these resources, at least 1."""
        return max(1, int(available_cores() / resources.cpus)) if resources.cpus else 1

    def machines(self) -> int:
        """Return 1."""
        return 1

    def gpus(self) -> float:
        """Return 0: torch sees the GPUs of this machine."""
        return 0


class _Submits(Protocol):
    def submit(self, function: Callable[[In], Out], item: In, /) -> Future[Out]: ...


def in_order(
    pool: _Submits, function: Callable[[In], Out], items: Iterable[In], ahead: int
) -> Iterator[Out]:
    """Yield the results of a pool in order, with at most `ahead` items submitted."""
    waiting: list[Future[Out]] = []
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) >= ahead:
                yield future_result(waiting.pop(0))
        while waiting:
            yield future_result(waiting.pop(0))
    finally:
        for future in waiting:
            future.cancel()


def future_result(future: Future[Out]) -> Out:
    """Return the future's result. A wait without end would miss an interrupt that comes as it begins."""
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
