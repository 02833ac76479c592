"""Subject of a verdict: a split, and the benchmark that trained and scored its arms."""

from dataclasses import dataclass

from gprplus.schema.run_record import BenchmarkRecord
from gprplus.schema.split_record import SplitRecord


@dataclass(frozen=True)
class Experiment:
    """A split and its benchmark; `estimand` (own, transfer or mixed) is the one that a verdict
    answers first."""

    split: SplitRecord
    benchmark: BenchmarkRecord
    estimand: str | None = None
