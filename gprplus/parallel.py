"""Workers, and the one shape that progress has.

Library functions report progress by calling `progress(done, total)`; the command line turns that into a bar, a library
user may pass nothing.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from typing import TypeVar

In = TypeVar("In")
Out = TypeVar("Out")

Progress = Callable[[int, int], None]


def silent(done: int, total: int) -> None:
    """Progress that nobody watches."""


def cores() -> int:
    """Processor cores this process may use (respects affinity, not the size of the machine)."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_threads(function: Callable[[In], Out], items: Iterable[In], workers: int | None = None) -> Iterator[Out]:
    """`map` over threads: results in order, at most four a worker waiting, so memory stays bounded."""
    with ThreadPoolExecutor(workers or cores()) as pool:
        yield from _ordered(pool, function, items, 4 * (workers or cores()))


def in_processes(function: Callable[[In], Out], items: Iterable[In], workers: int | None = None) -> Iterator[Out]:
    """`map` over processes: results in order. One worker runs here, in this process, where errors are easiest to read.

    Processes start fresh ("spawn"), never as forks: a fork of a process in which torch or OpenCV has threads may hang.
    An interrupt ends them at once, whatever they are at: what they write, they write whole or not at all. So does the
    end of this process, even one that it cannot notice, as by `kill -9` or for want of memory. An error lets the items
    that are under way finish.
    """
    import multiprocessing

    count = workers or cores()
    if count == 1:
        yield from map(function, items)
        return
    before = set(multiprocessing.active_children())
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, mp_context=spawn, initializer=_depend_on_the_parent) as pool:
        try:
            yield from _ordered(pool, function, items, 4 * count)
        except (KeyboardInterrupt, GeneratorExit):
            for child in set(multiprocessing.active_children()) - before:
                child.terminate()
            raise


def _depend_on_the_parent() -> None:
    """Ctrl-C reaches every process of a terminal; a worker that took it for an error of its item would go on.

    The death of the parent reaches nobody: workers hold both ends of the queue they wait at, so they would wait for
    ever, half a gigabyte each. A thread waits for that death instead.
    """
    import signal
    import threading

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_the_parent, daemon=True).start()


def _end_with_the_parent() -> None:
    import multiprocessing

    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _ordered(pool: Executor, function: Callable[[In], Out], items: Iterable[In], ahead: int) -> Iterator[Out]:
    waiting: list[Future[Out]] = []
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) >= ahead:
                yield waiting.pop(0).result()
        while waiting:
            yield waiting.pop(0).result()
    finally:
        for future in waiting:
            future.cancel()
