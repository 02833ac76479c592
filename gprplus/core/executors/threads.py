"""Threads whose work can be left behind: a request that hangs must not keep a command from ending.

The pool of the standard library waits for its threads when a program ends, also after Ctrl-C.
"""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from gprplus.core.executors.local import future_result

In = TypeVar("In")
Out = TypeVar("Out")


class ThreadPool:
    """A pool of at most `count` threads, which end with the process, whatever they are at.

    An error waits for the items that are under way, an interrupt does not.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._todo: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None]
        self._todo = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []

    def submit(self, function: Callable[[In], Out], item: In) -> "Future[Out]":
        """Let a thread call `function` on `item`; the first `count` items start a thread each."""
        future: Future[Out] = Future()
        self._todo.put((future, lambda: function(item)))
        if len(self._threads) < self._count:
            self._threads.append(threading.Thread(target=_serve, args=(self._todo,), daemon=True))
            self._threads[-1].start()
        return future

    def __enter__(self) -> "ThreadPool":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        for _thread in self._threads:
            self._todo.put(None)
        if kind is not None and issubclass(kind, KeyboardInterrupt):
            return
        for thread in self._threads:
            while thread.is_alive():
                thread.join(0.5)  # a wait without end would miss an interrupt


def run_interruptibly(function: Callable[[], Out]) -> Out:
    """Return the result of a function that may block outside Python, where Ctrl-C is not seen.

    In the main thread, the only one that Ctrl-C reaches, it runs in another one.
    """
    if threading.current_thread() is not threading.main_thread():
        return function()
    future: Future[Out] = Future()
    threading.Thread(target=_run, args=(future, function), daemon=True).start()
    return future_result(future)


def _serve(todo: "queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None]") -> None:
    """The work of one thread: items until there is None."""
    while (job := todo.get()) is not None:
        if job[0].set_running_or_notify_cancel():
            _run(*job)
        del job  # an idle thread keeps no result


def _run(future: "Future[Any]", function: Callable[[], Any]) -> None:
    try:
        future.set_result(function())
    except BaseException as error:
        future.set_exception(error)
