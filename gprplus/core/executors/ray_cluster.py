"""Items as tasks of a Ray cluster. Ray places them, and retries those whose worker or node died.

Nodes need gprplus, and the same paths: the work folder and the renders are on a disk that all of
them see. What a task wrote stays, so a retried task skips what was finished.
"""

import logging
import os
import pickle
import platform
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from gprplus.core.errors import ExecutorError
from gprplus.core.executors.executor import Executor, MapOptions, Resources
from gprplus.core.storage.settings import settings_to_pass_on
from gprplus.core.workers import WorkerLost, listen_to_progress

In = TypeVar("In")
Out = TypeVar("Out")

ADDRESS = re.compile(r"ray://[\w.\-\[\]:]+:\d{1,5}")
RETRIES = 5  # of a task whose worker or node died
_AHEAD = 2  # tasks submitted for each that has room, so that nodes need not wait for the next
_WINDOW = 8  # results kept for each task at a time, while an earlier one is not done
_REPORT_S = 0.5  # between two looks at what tasks report
# Tasks compute as this process would; libraries read these when they are imported.
_INHERITED = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "GPRPLUS_WORK")


class RayCluster(Executor):
    """A cluster that this process has joined."""

    @classmethod
    @contextmanager
    def joined(cls, place: str) -> Iterator["RayCluster"]:
        """Join a cluster, or start one on this machine; leave it at the end. Raises ExecutorError."""
        # Ray reads it when it is imported; its default is to try again without end.
        os.environ.setdefault("RAY_task_oom_retries", str(RETRIES))
        try:
            import ray
        except ImportError as error:
            raise ExecutorError(
                f"--on {place} needs Ray ({error}). Install it with: pip install 'gprplus[ray]'"
            ) from error
        if place != "ray" and not ADDRESS.fullmatch(place):
            raise ExecutorError(f"--on {place}: expected local, ray or ray://HOST:PORT.")
        given = None if place == "ray" else place
        if ray.is_initialized():  # by the caller, who also ends it
            yield cls()
            return
        try:
            ray.init(given, log_to_driver=False, logging_level=logging.ERROR, **_local_only(given))
        except (ConnectionError, RuntimeError, TimeoutError, ValueError) as error:
            first = str(error).strip().splitlines()[0] if str(error).strip() else "no answer"
            raise ExecutorError(
                f"No Ray cluster answers at {given or 'the address of the environment'}: {first}"
            ) from error
        try:
            yield cls()
        finally:
            ray.shutdown()

    def room(self, resources: Resources) -> int:
        """Return how many items with these resources run at a time, at least 1."""
        have = _resources()
        rooms = [have.get("CPU", 0) / resources.cpus] if resources.cpus else []
        rooms += [have.get("GPU", 0) / resources.gpus] if resources.gpus else []
        if resources.memory_bytes:
            rooms.append(have.get("memory", 0) / resources.memory_bytes)
        return max(1, int(min(rooms, default=1)))

    def machines(self) -> int:
        """Return the number of nodes that are alive."""
        import ray

        return max(1, sum(bool(node["Alive"]) for node in ray.nodes()))

    def gpus(self) -> float:
        """Return the number of GPUs of the cluster."""
        return _resources().get("GPU", 0.0)

    def map(
        self, function: Callable[[In], Out], items: Iterable[In], options: MapOptions
    ) -> Iterator[Out]:
        """Yield the result for each item, in order."""
        import ray

        needs = options.resources
        task = ray.remote(_call).options(
            name=getattr(function, "__name__", type(function).__name__).strip("_"),
            num_cpus=needs.cpus,
            num_gpus=needs.gpus,
            memory=needs.memory_bytes,
            max_retries=RETRIES,
        )
        environment, folder = _environment(), os.getcwd()
        limit = options.workers or _AHEAD * self.room(needs)
        waiting: list[Any] = []
        with _reports(options.on_progress) as mailbox:
            try:
                for item in items:
                    while waiting and _is_done(waiting[0]):
                        yield _result(waiting.pop(0), options.option)
                    while len(waiting) >= _WINDOW * limit:
                        yield _result(waiting.pop(0), options.option)
                    _wait_for_room(waiting, limit)
                    call = ray.cloudpickle.dumps((function, item))
                    waiting.append(task.remote(call, environment, folder, mailbox))
                while waiting:
                    yield _result(waiting.pop(0), options.option)
            finally:
                for reference in waiting:
                    with suppress(Exception):  # the cluster may be gone
                        ray.cancel(reference, force=True)


def _resources() -> dict[str, float]:
    """Return what the nodes of the cluster have, by name."""
    import ray

    resources: Any = ray.cluster_resources
    return dict(resources())


def _local_only(address: str | None) -> dict[str, Any]:
    """Settings for a cluster that is started here; a cluster that is joined refuses them."""
    found = {"include_dashboard": False}
    return {} if address or os.environ.get("RAY_ADDRESS") else found


def _environment() -> dict[str, str | None]:
    """The environment of tasks: None for a variable that they are to be without. With the settings
    of object storage of this process, because a cluster may have been started without them."""
    found = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return {**settings_to_pass_on(), **found, "GPRPLUS_ON": "local"}  # no task starts tasks


def _call(call: bytes, environment: dict[str, str | None], folder: str, mailbox: Any) -> Any:
    """Run in a task: call a pickled function on its item, in the folder that paths are relative to.

    The environment is set before the function is unpickled, which imports its libraries. Ray can
    set it too, but by an agent of the node and a second interpreter for each worker: 0.6 s more.
    """
    for name, value in environment.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value
    try:
        os.chdir(folder)
    except OSError as error:
        raise ExecutorError(
            f"The node {platform.node()} has no folder {folder}. Start the command in a folder that"
            " all nodes see, such as one on a network disk."
        ) from error
    last: list[Any] = []

    def send(value: Any) -> None:
        last[:] = [mailbox.put.remote(value)]

    with listen_to_progress(None if mailbox is None else send):
        function, item = pickle.loads(call)
        result = function(item)
    _delivered(last)
    return result


def _delivered(last: list[Any]) -> None:
    """Wait until the mailbox has the last message, and so all: a caller's messages keep their
    order."""
    import ray

    with suppress(ray.exceptions.RayError):  # a mailbox that moves to another node
        ray.get(last, timeout=10)


class Mailbox:
    """An actor that keeps what tasks send until the caller takes it."""

    def __init__(self) -> None:
        self._values: list[Any] = []

    def put(self, value: Any) -> None:
        """Keep a value."""
        self._values.append(value)

    def take(self) -> list[Any]:
        """Return what was kept since the last call."""
        values, self._values = self._values, []
        return values


@contextmanager
def _reports(on_progress: Callable[[Any], None] | None) -> Iterator[Any]:
    """Give `on_progress` what tasks send to the mailbox, which is yielded; None without listener."""
    if on_progress is None:
        yield None
        return
    import ray

    mailbox: Any = ray.remote(Mailbox).options(num_cpus=0, max_restarts=-1).remote()
    ended = threading.Event()

    def deliver() -> None:
        for value in ray.get(mailbox.take.remote()):
            on_progress(value)

    def listen() -> None:
        while not ended.wait(_REPORT_S):
            with suppress(ray.exceptions.RayError):  # a mailbox that moves to another node
                deliver()

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    try:
        yield mailbox
        ended.set()
        thread.join()
        with suppress(ray.exceptions.RayError):
            deliver()
    finally:
        ended.set()
        with suppress(Exception):
            ray.kill(mailbox)


def _is_done(reference: Any) -> bool:
    import ray

    return bool(ray.wait([reference], timeout=0)[0])


def _wait_for_room(references: list[Any], limit: int) -> None:
    """Wait until fewer than `limit` of the tasks are unfinished."""
    import ray

    while len(references) >= limit:
        _, unfinished = ray.wait(references, num_returns=len(references), timeout=0)
        if len(unfinished) < limit:
            return
        ray.wait(unfinished, num_returns=1, timeout=_REPORT_S)


def _result(reference: Any, option: str) -> Any:
    """Return the result of a task, once it is done; raises what its function raised."""
    import ray

    while not ray.wait([reference], timeout=_REPORT_S)[0]:  # an interrupt comes between two waits
        pass
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        raise error.cause from None
    except ray.exceptions.OutOfMemoryError as error:
        raise WorkerLost(
            "A task of the Ray cluster ran out of memory, also when it was tried again. Let fewer run"
            f" at a time with {option}."
        ) from error
    except ray.exceptions.RayError as error:
        first = str(error).strip().splitlines()[0]
        raise WorkerLost(
            f"A task of the Ray cluster was lost {RETRIES + 1} times: {first} The same command"
            " continues with what is finished."
        ) from error
