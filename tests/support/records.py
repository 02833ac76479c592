"""Records of splits and benchmarks from a few facts, for tests that need no folders."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from gprplus.core.typed import as_json
from gprplus.reporting.experiment import Experiment
from gprplus.schema.run_record import benchmark_record
from gprplus.schema.split_record import SplitRecord, split_record
from gprplus.splits.arm_names import completed, unrecorded

SIZE = {"images": 10, "identities": 2, "fingerprint": ""}


def split_of(
    *names: str, arms: dict[str, dict[str, Any]] | None = None, **facts: Any
) -> SplitRecord:
    """A split of arms that their names describe, or that `arms` holds some keys of; `facts` are
    keys of split.json."""
    named = unrecorded(names)
    known = {
        name: {**SIZE, "levels": [], "kind": "only", **arm} for name, arm in (arms or {}).items()
    }
    record = split_record(
        {**as_json(named), "name": "split", "arms": known, **facts}, Path("split.json")
    )
    return replace(completed(record), arms={**named.arms, **completed(record).arms})


def experiment_of(
    *names: str, estimand: str | None = None, benchmark: dict[str, Any] | None = None, **facts: Any
) -> Experiment:
    """The same with the record of a benchmark, of which `benchmark` holds some keys."""
    found = benchmark_record({"request": {}, **(benchmark or {})}, Path("benchmark.json"))
    return Experiment(split_of(*names, **facts), found, estimand)
