"""Ratios for the regression watch: two costs, measured in turns."""

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.harness import processor_seconds

Job = Callable[[], object]
MORE = 4  # further calls, at most, of a floor that is much shorter than the job
ENOUGH, MOST = 3.0, 40  # short jobs have further rounds until so many seconds, or so many rounds


@dataclass(frozen=True)
class Ratio:
    """The cost of a job of gprplus over the cost of a floor or a peer.

    Attributes:
        name: `benchmark: job / floor`, at most 44 characters, so that a table fits 80 columns.
        job: what gprplus does.
        floor: what the same result cannot do without, or the same by other means.
        cost: measures one call, by default in processor seconds.
        rounds: measurements of each side, more of short jobs; the least of each side counts.
        warm: whether to call either side once before, which imports modules and fills caches.
    """

    name: str
    job: Job
    floor: Job
    cost: Callable[[Job], float] = processor_seconds
    rounds: int = 5
    warm: bool = True

    def measure(self) -> float:
        """Return the least cost of the job over the least cost of the floor."""
        if self.warm:
            self.cost(self.job)
            self.cost(self.floor)
        jobs: list[float] = []
        floors: list[float] = []
        while len(jobs) < self.rounds or (len(jobs) < MOST and sum(jobs + floors) < ENOUGH):
            jobs.append(self.cost(self.job))
            floors.append(self.cost(self.floor))
            # An interruption weighs more on a short call.
            more = min(MORE, int(jobs[-1] / floors[-1] / 2))
            floors += [self.cost(self.floor) for _ in range(more)]
        return min(jobs) / min(floors)


def returned(job: Job) -> float:
    """A cost that the job measures and returns."""
    return float(job())  # type: ignore[arg-type]
