"""The executor in use: processes of this machine, unless `run_on` chose another."""

from collections.abc import Iterator
from contextlib import contextmanager

from gprplus.core.executors.executor import Executor
from gprplus.core.executors.local import LocalProcesses

_in_use: list[Executor] = [LocalProcesses()]


def current_executor() -> Executor:
    """Return the executor in use."""
    return _in_use[-1]


@contextmanager
def run_on(place: str) -> Iterator[None]:
    """Inside, `parallel.map_processes` runs items on `place`: "local", "ray" or "ray://HOST:PORT".

    "ray" is the cluster of the environment (RAY_ADDRESS, or one that runs on this machine), else one
    that is started for the block. Raises ExecutorError if it cannot be reached.
    """
    if place == "local":
        yield
        return
    from gprplus.core.executors.ray_cluster import RayCluster

    with RayCluster.joined(place) as cluster:
        _in_use.append(cluster)
        try:
            yield
        finally:
            _in_use.remove(cluster)
