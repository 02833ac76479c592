"""Collection of finished runs into results.parquet, summary.parquet and the tables of effects."""

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gprplus import schema
from gprplus.core.files import workdir
from gprplus.evaluation.targets import OWN_TEST_SET, is_own_test_set
from gprplus.experiments import run_files
from gprplus.schema.run_record import RunRecord
from gprplus.schema.split_record import SplitRecord
from gprplus.statistics.effects import MARGIN, EffectTables, compute_effects
from gprplus.statistics.summary import UNTRAINED, summarize

if TYPE_CHECKING:
    import pyarrow as pa

RESULTS = "results.parquet"
SUMMARY = "summary.parquet"


def collect_results(
    folder: Path, split: SplitRecord, margin: float = MARGIN, arms: Sequence[str] | None = None
) -> "tuple[pa.Table, pa.Table, EffectTables]":
    """Gather every finished run under `folder` (ARM/seedK), write the tables, and give results,
    summary and effects.

    The design of `split` declares the effects. Differences below `margin`, of scores 0-1, count as
    none where equivalence is tested. `arms` are those of the split by default.

    Rows are sorted by target (`self` first), arm (in the order of `arms`, the untrained floor last)
    and seed.
    """
    import pyarrow as pa

    rows: list[dict[str, Any]] = []
    queries = {}
    for place, arm in enumerate([*(split.arms if arms is None else arms), UNTRAINED]):
        for path in sorted(
            (folder / arm).glob("seed*"), key=lambda path: int(path.name.removeprefix("seed"))
        ):
            record = run_files.read_run_record(path)
            if record:
                queries[arm, record.seed] = run_files.read_queries(path)
                rows += [{**row, "place": place} for row in _rows(record)]
    rows.sort(
        key=lambda row: (
            row["target"] != OWN_TEST_SET,
            not is_own_test_set(row["target"]),
            row["target"],
            row["place"],
            row["seed"],
        )
    )
    results = schema.conform(pa.Table.from_pylist(rows), schema.RESULTS)
    summary = summarize(results, queries, split.reference)
    workdir.write_table(folder / RESULTS, results)
    workdir.write_table(folder / SUMMARY, summary)
    effects = compute_effects(results, queries, split, margin=margin)
    for field in fields(effects):
        workdir.write_table(folder / f"{field.name}.parquet", getattr(effects, field.name))
    return results, summary, effects


def _rows(record: RunRecord) -> list[dict[str, Any]]:
    """One results row for each target of a run."""
    shared = {column.name: getattr(record, column.name, None) for column in schema.RESULTS}
    counted = record.images_seen and record.seconds  # a program counts no images
    shared["images_per_second"] = record.images_seen / record.seconds if counted else None
    return [
        {**shared, "target": name, "protocol": target.protocol, **target.scores}
        for name, target in record.targets.items()
    ]
