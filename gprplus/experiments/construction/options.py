"""The options of construct: changes of its file, and how it is run."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from gprplus.core.benchmark_options import BenchmarkOptions
from gprplus.core.errors import GprplusError, PlanError
from gprplus.core.options import Options, option, same_option

FILE = "the file's"


@dataclass(frozen=True)
class ConstructOptions(Options):
    """Options of `construct`."""

    error: ClassVar[type[GprplusError]] = PlanError

    recipe: str | Path | None = same_option(BenchmarkOptions, "recipe", None, default_note=FILE)
    seeds: int | None = same_option(BenchmarkOptions, "seeds", default_note=FILE)
    steps: int | None = same_option(BenchmarkOptions, "steps", default_note=FILE)
    device: str = same_option(BenchmarkOptions, "device")
    jobs: int | None = same_option(BenchmarkOptions, "jobs")
    track: str | None = same_option(BenchmarkOptions, "track")
    price_per_hour: float | None = option(
        None,
        group="Compute",
        flag="--price",
        metavar="PER_HOUR",
        above=0,
        default_note="no money is counted",
        help="Price of an hour of this machine, for --dry-run.",
    )
