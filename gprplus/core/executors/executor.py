"""The interface of executors."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

In = TypeVar("In")
Out = TypeVar("Out")


@dataclass(frozen=True)
class Resources:
    """What an item takes where it runs: processor cores, GPUs (or a share of one), and memory."""

    cpus: float = 1
    gpus: float = 0
    memory_bytes: int | None = None


ONE_CORE = Resources()


@dataclass(frozen=True)
class MapOptions:
    """How items are mapped.

    Args:
        workers: items at a time; None means as many as there is room for.
        option: the option of the command for their number, for messages.
        on_progress: gets, in a thread, what functions send with `send_progress`.
        resources: of each item.
    """

    workers: int | None = None
    option: str = "--workers"
    on_progress: Callable[[Any], None] | None = None
    resources: Resources = ONE_CORE


class Executor(ABC):
    """Runs a picklable function on items, and gives the results in order."""

    @abstractmethod
    def map(
        self, function: Callable[[In], Out], items: Iterable[In], options: MapOptions
    ) -> Iterator[Out]:
        """Yield the result for each item, in order.

        A worker that is lost is replaced where the executor can do so; `workers.WorkerLost` is
        raised where it cannot. An error of the function is raised as it is. An interrupt, or the
        end of the iteration, cancels what is under way.
        """

    @abstractmethod
    def room(self, resources: Resources) -> int:
        """Return how many items with these resources run at a time, at least 1."""

    @abstractmethod
    def machines(self) -> int:
        """Return the number of machines that items run on."""

    @abstractmethod
    def gpus(self) -> float:
        """Return the number of GPUs that items can use beyond those that torch sees here."""
