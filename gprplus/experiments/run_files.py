"""The files of a finished run: its record, the scores of each query, and the heads of rankings."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gprplus import schema
from gprplus.core.errors import TrainingError
from gprplus.core.files import workdir
from gprplus.core.typed import as_json
from gprplus.evaluation.targets import Target
from gprplus.schema.run_record import RunRecord, RunTarget, run_record

if TYPE_CHECKING:
    import pyarrow as pa
    import torch

RECORD = "run.json"
QUERIES = "queries.parquet"
RANKED = "ranked.parquet"


def read_run_record(folder: Path) -> RunRecord | None:
    """Return the record of a finished run; None when there is none."""
    path = folder / RECORD
    if not path.is_file():
        return None
    return run_record(workdir.read_json(path, TrainingError, "a finished run"), path)


def read_queries(folder: Path) -> "pa.Table":
    """The scores of each query of a finished run (schema.QUERIES)."""
    return _stored(folder / QUERIES, schema.QUERIES)


def missing_targets(folder: Path, targets: Iterable[Target]) -> list[Target]:
    """The targets that the record in `folder` does not hold scores of."""
    record = read_run_record(folder)
    done = {name: one.fingerprint for name, one in record.targets.items()} if record else {}
    return [one for one in targets if done.get(one.name) != one.fingerprint()]


def write_scores(
    folder: Path,
    record: RunRecord,
    embedded: "Iterable[tuple[Target, np.ndarray | torch.Tensor]]",
) -> None:
    """Score the features `(N, D)` of targets, and write queries, rankings and the record, in this
    order; targets that the record has already stay.
    """
    import pyarrow as pa

    queries, heads, done = [], [], dict(record.targets)
    for target, features in embedded:
        start = time.perf_counter()
        scores, of_queries = target.score(features)
        queries.append(of_queries)
        heads += [table for table in (target.ranked(features, of_queries),) if table]
        done[target.name] = RunTarget(
            protocol=target.protocol,
            fingerprint=target.fingerprint(),
            seconds=round(time.perf_counter() - start, 3),
            scores=scores.summary(),
        )
    replaced = [name for name in done if done[name] is not record.targets.get(name)]
    for name, columns, parts in (
        (QUERIES, schema.QUERIES, queries),
        (RANKED, schema.RANKED, heads),
    ):
        if record.targets and (folder / name).is_file():
            parts.insert(0, _without(_stored(folder / name, columns), replaced))
        if parts:
            bare = [table.replace_schema_metadata(None) for table in parts]
            workdir.write_table(folder / name, pa.concat_tables(bare).unify_dictionaries())
    workdir.write_json(folder / RECORD, as_json(replace(record, targets=done)))


def _stored(path: Path, columns: Sequence[schema.Column]) -> "pa.Table":
    return schema.stored.read_table(
        path,
        columns,
        TrainingError,
        "Remove the run's folder and run the benchmark again: it repeats this run.",
    )


def _without(table: "pa.Table", targets: Sequence[str]) -> "pa.Table":
    import pyarrow as pa
    import pyarrow.compute as pc

    return table.filter(
        pc.invert(pc.is_in(table.column("target").cast(pa.string()), pa.array(targets)))
    )
