"""Worker processes: one pipe and one thread of the parent each, without unbounded waits.

The standard library's pool needs semaphores (a writable /dev/shm) and uses a queue whose thread
blocks, and keeps the parent from ending, once its workers were killed. Here each worker has a
separate pipe, which ends for parent and worker if one of them does.
"""

import multiprocessing
import multiprocessing.resource_tracker as resource_tracker
import os
import pickle
import queue
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from multiprocessing.reduction import ForkingPickler
from multiprocessing.util import Finalize
from typing import Any

from gprplus.core.errors import GprplusError, out_of_memory

ProgressCallback = Callable[[Any], None]

_LEAVING = 10.0  # seconds that an idle worker has to end before it is killed
_DONE, _FAILED, _TOLD = range(3)
_send: ProgressCallback | None = (
    None  # of this process: where `send_progress` sends what it is given
)


class WorkerLost(GprplusError, RuntimeError):
    """A worker process ended before its item was done, or ran out of memory."""


def send_progress(value: Any) -> None:
    """Send a value from inside an item to the caller that maps the items; lost if there is no
    listener."""
    if _send is not None:
        _send(value)


@contextmanager
def listen_to_progress(on_progress: ProgressCallback | None) -> Iterator[None]:
    """Give `on_progress` what functions `send_progress` in this process."""
    global _send
    before, _send = _send, on_progress or _send
    try:
        yield
    finally:
        _send = before


class WorkerPool:
    """Pool of up to `count` processes that call functions on items; `option` is the option for
    their number.

    `on_progress` gets, in a thread, what the functions `send_progress`.
    """

    def __init__(self, count: int, option: str, on_progress: ProgressCallback | None) -> None:
        self._count, self._option, self._told = count, option, on_progress
        self._todo: queue.SimpleQueue[tuple[Future[Any], bytes] | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._workers: list[_Worker] = []
        self._starting = threading.Lock()
        self._stopped = False
        # Runs before multiprocessing waits for its children, when the interpreter ends without
        # having closed this.
        self._last = Finalize(self, _kill, (self._workers,), exitpriority=10)

    def submit(self, function: Callable[[Any], Any], item: Any) -> "Future[Any]":
        """Let a worker call `function` on `item`; the first `count` items start a worker each."""
        future: Future[Any] = Future()
        self._todo.put((future, bytes(ForkingPickler.dumps((function, item)))))
        if len(self._threads) < self._count:
            self._threads.append(threading.Thread(target=self._serve, daemon=True))
            self._threads[-1].start()
        return future

    def close(self) -> None:
        """Let the workers finish what they are at and end."""
        for _ in self._threads:
            self._todo.put(None)
        for thread in self._threads:
            while thread.is_alive():
                thread.join(
                    0.5
                )  # a wait without end would miss an interrupt that comes as it begins
        self._last.cancel()

    def kill(self) -> None:
        """End the workers at once, whatever they are at."""
        with self._starting:
            self._stopped = True
        _kill(self._workers)
        for _ in self._threads:
            self._todo.put(None)
        self._last.cancel()

    def _serve(self) -> None:
        """The thread of one worker: hands it items until there are none."""
        worker = None
        while (job := self._todo.get()) is not None:
            future, message = job
            if not future.set_running_or_notify_cancel():
                continue
            try:
                worker = worker or self._started()
                future.set_result(worker.result(message, self._told or _ignore))
            except BaseException as error:
                future.set_exception(self._explained(error))
        if worker is not None:
            worker.leave()

    def _started(self) -> "_Worker":
        with self._starting:
            if self._stopped:
                raise WorkerLost("The workers were stopped.")
            worker = _Worker()
            self._workers.append(worker)
            worker.start()
        return worker

    def _explained(self, error: BaseException) -> BaseException:
        again = "Run the same command again"
        if isinstance(error, _Ended) and error.code != -signal.SIGKILL:
            lost = WorkerLost(
                f"A worker process {_ending(error.code)}. {again}: what is finished stays."
            )
        elif isinstance(error, _Ended) or out_of_memory(error):
            what = "was killed, most likely by the system because of insufficient memory"
            what = what if isinstance(error, _Ended) else "ran out of memory"
            lost = WorkerLost(
                f"A worker process {what}. {again} with fewer {self._option}: what is finished"
                " stays."
            )
        else:
            return error
        lost.__cause__ = error
        return lost


class _Ended(Exception):
    """A worker is no more; `code` is its exit code, negative for a signal."""

    def __init__(self, code: int | None) -> None:
        super().__init__(code)
        self.code = code


def _ending(code: int | None) -> str:
    if code == -signal.SIGBUS:
        return (
            "crashed (SIGBUS): a file it reads was cut short, or the disk or memory behind it is"
            " full"
        )
    if code is not None and code < 0:
        return f"crashed ({signal.Signals(-code).name})"
    return f"ended before its work was done (exit code {code})"


class _Worker:
    """One process and the parent's end of its pipe."""

    def __init__(self) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._pipe, self._theirs = spawn.Pipe()
        self._process: SpawnProcess = spawn.Process(target=_work, args=(self._theirs,))

    def start(self) -> None:
        resource_tracker.ensure_running()  # which unblocks the signal
        # The worker inherits it: a Ctrl-C that comes while it starts would be a traceback on the
        # terminal.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        self._process.start()
        self._theirs.close()  # so that the pipe ends when the process does

    def result(self, message: bytes, on_progress: ProgressCallback) -> Any:
        """Return the result of the function for its item; raises its exception, or _Ended."""
        try:
            self._pipe.send_bytes(message)
            kind, value = pickle.loads(self._pipe.recv_bytes())
            while kind == _TOLD:
                on_progress(value)
                kind, value = pickle.loads(self._pipe.recv_bytes())
        except (EOFError, OSError):
            raise _Ended(self._exit_code()) from None
        if kind == _FAILED:
            raise value
        return value

    def _exit_code(self) -> int | None:
        """Return the exit status of the process; None if it has closed its pipe and still runs."""
        end = time.monotonic() + _LEAVING
        while self._process.exitcode is None and time.monotonic() < end:
            time.sleep(
                0.01
            )  # not join: of two threads that wait for one process, the system answers only one
        return self._process.exitcode

    def leave(self) -> None:
        """Let the process end, and see to it that it does."""
        self._pipe.close()
        self._exit_code()
        self.kill()

    def kill(self) -> None:
        if self._process.pid is not None and self._process.exitcode is None:
            self._process.kill()
            self._exit_code()


def _kill(workers: list[_Worker]) -> None:
    for worker in workers:
        worker.kill()


def _ignore(value: Any) -> None:
    pass


def _work(pipe: Connection) -> None:
    """Run calls in a worker process until the pipe ends. Ctrl-C reaches every process of a terminal
    and is handled by the parent.
    """
    global _send
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    _send = lambda value: pipe.send_bytes(ForkingPickler.dumps((_TOLD, value)))  # noqa: E731
    while True:
        try:
            message = pipe.recv_bytes()
        except (EOFError, OSError):
            return
        pipe.send_bytes(_answer(message))


def _answer(message: bytes) -> bytes:
    try:
        function, item = pickle.loads(message)
        return bytes(ForkingPickler.dumps((_DONE, function(item))))
    except BaseException as error:
        if not isinstance(error, GprplusError):
            error.add_note(f"In a worker process:\n{traceback.format_exc()}")
        return _failed(error)


def _failed(error: BaseException) -> bytes:
    """The answer that holds an error; its text alone where it cannot be sent."""
    try:
        data = bytes(ForkingPickler.dumps((_FAILED, error)))
        pickle.loads(data)
        return data
    except Exception:
        return bytes(
            ForkingPickler.dumps((_FAILED, RuntimeError(f"{type(error).__name__}: {error}")))
        )


def _end_with_the_parent() -> None:
    """A worker in the middle of an item does not read its pipe, and would not notice that the
    parent has died."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
