"""Content of a run folder, read once: the benchmark's record, its split, and the collected tables
of the arms."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gprplus import schema
from gprplus.core.errors import ReportError, first_few
from gprplus.core.files.workdir import read_json
from gprplus.reporting.arm_labels import OWN_TEST_SET
from gprplus.reporting.basis import basis_targets
from gprplus.reporting.contrast_tables import TABLES as JUDGED
from gprplus.reporting.experiment import Experiment
from gprplus.reporting.findings import Row, with_family_columns
from gprplus.reporting.sentences.verdicts import Verdict, verdict_of, verdicts_of
from gprplus.reporting.summary_tables import in_split_order
from gprplus.schema.run_record import BenchmarkRecord, benchmark_record
from gprplus.schema.split_record import SplitRecord
from gprplus.splits.arm_names import unrecorded
from gprplus.splits.record_file import load_split_record

if TYPE_CHECKING:
    import pyarrow as pa

AGAIN = "Run `gprplus benchmark` again: it continues from finished runs."


@dataclass(frozen=True)
class RunResults:
    """A finished benchmark of one split with one recipe.

    `benchmark` is benchmark.json; `split` is split.json, or the meaning of the names of the arms if
    it is not at the recorded path; `split_folder` is then None. `estimand` is the one that the
    verdict reports first. `queries` is schema.QUERIES with the first columns arm and seed; `effect_tables`
    has the tables of contrasts, and of components, curves, pooled effects and levels if they exist.
    """

    folder: Path
    benchmark: BenchmarkRecord
    split: SplitRecord
    split_folder: Path | None
    estimand: str | None
    summary: "pa.Table"
    results: "pa.Table"
    queries: "pa.Table"
    effect_tables: "Mapping[str, pa.Table]"

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """Return the summary's rows by target, in the split's order of arms, with the verdict of
        their family (`with_family_columns`)."""
        return with_family_columns(
            in_split_order(self.summary.to_pylist(), self.arms), self.contrasts
        )

    def rows_of(self, target: str) -> list[Row]:
        """The summary's rows of one target."""
        return [row for row in self.rows if row["target"] == target]

    @property
    def contrasts(self) -> list[Row]:
        """Return the declared comparisons of the design (schema.CONTRASTS)."""
        return self.table("contrasts")

    @property
    def levels(self) -> list[Row]:
        """The scores on each level by itself (schema.LEVELS); none where the split has no such
        tests."""
        return self.table("levels")

    def table(self, name: str) -> list[Row]:
        """The rows of one of the tables of effects; none where the run has no such table."""
        return self.effect_tables[name].to_pylist() if name in self.effect_tables else []

    @property
    def arms(self) -> list[str]:
        """The arms in the split's order."""
        return list(self.split.arms)

    @property
    def experiment(self) -> Experiment:
        """Return the subject of the verdicts."""
        return Experiment(self.split, self.benchmark, self.estimand)

    def verdict(self, target: str) -> Verdict:
        """The verdict on one target."""
        levels = self.levels if target == OWN_TEST_SET else []
        return verdict_of(
            self.rows_of(target),
            verdicts_of(self.contrasts, target),
            self.experiment,
            levels,
            verdicts_of(self.table("sensitivity"), target),
            verdicts_of(self.table("logit"), target),
        )

    @property
    def targets(self) -> list[str]:
        """Return the targets, the split's own test set first."""
        return basis_targets(self.rows)

    @property
    def name(self) -> str:
        """Split and recipe, as the run folder names them."""
        first = self.rows[0]
        return f"{first['split']} / {first['recipe']}"


def read_run_results(folder: Path, estimand: str | None = None) -> RunResults:
    """Read one run folder, for a verdict that answers `estimand` first; by default what the
    benchmark was given.

    Raises ReportError when it is none, or is half there.
    """
    info = read_json(
        folder / "benchmark.json", ReportError, "a benchmark's run folder (SPLIT/RECIPE)"
    )
    benchmark = benchmark_record(info, folder / "benchmark.json")
    summary = table_at(folder / "summary.parquet", schema.SUMMARY)
    results = table_at(folder / "results.parquet", schema.RESULTS)
    if not summary.num_rows or not results.num_rows:
        raise ReportError(f"{folder} holds no finished run yet. {AGAIN}")
    lost = _runs(summary) - _runs(results)
    if lost:
        shown = first_few([" on ".join(run) for run in sorted(lost)])
        raise ReportError(
            f"{folder}/results.parquet lacks runs that summary.parquet counts: {shown}. {AGAIN}"
        )
    home = _split_folder(folder, benchmark)
    names = dict.fromkeys(summary.column("arm").to_pylist())
    split = load_split_record(home, ReportError) if home else unrecorded(names)
    estimand = estimand or benchmark.estimand
    effect_tables = {
        name: table_at(path, schema.TABLES[name])
        for name in (*JUDGED, "levels", "sensitivity")
        if (path := folder / f"{name}.parquet").is_file() or name == "contrasts"
    }
    tables = (summary, results, _queries(folder, results), effect_tables)
    return RunResults(folder, benchmark, split, home, estimand, *tables)


def table_at(path: Path, columns: tuple[schema.Column, ...]) -> "pa.Table":
    """A table of a run folder, held to its columns. Raises ReportError where it is missing or
    torn."""
    if not path.is_file():
        raise ReportError(f"{path.parent} has no {path.name}: its runs are not finished. {AGAIN}")
    return schema.stored.read_table(path, columns, ReportError, AGAIN)


def _runs(table: "pa.Table") -> set[tuple[str, str]]:
    """Arm and target of each row."""
    return set(
        zip(table.column("arm").to_pylist(), table.column("target").to_pylist(), strict=True)
    )


def _split_folder(folder: Path, benchmark: BenchmarkRecord) -> Path | None:
    path = folder / benchmark.split_path
    return path if benchmark.split_path and (path / "split.json").is_file() else None


def _queries(folder: Path, results: "pa.Table") -> "pa.Table":
    """queries.parquet of every run in `results`, with arm and seed in front."""
    import pyarrow as pa

    runs = sorted(
        set(zip(results.column("arm").to_pylist(), results.column("seed").to_pylist(), strict=True))
    )
    paths = {run: folder / run[0] / f"seed{run[1]}" / "queries.parquet" for run in runs}
    absent = [str(path.relative_to(folder)) for path in paths.values() if not path.is_file()]
    if absent:
        raise ReportError(
            f"{folder} is half there: {first_few(absent)} listed in results.parquet but missing."
            f" {AGAIN}"
        )
    parts = []
    for (arm, seed), path in paths.items():
        table = table_at(path, schema.QUERIES)
        _require_queries(table, results, arm, seed, path)
        front = {
            "arm": pa.array([arm] * len(table), pa.string()),
            "seed": pa.array([seed] * len(table), pa.int64()),
        }
        parts.append(
            pa.table({**front, **{name: table.column(name) for name in table.column_names}})
        )
    return pa.concat_tables(parts).unify_dictionaries()


def _require_queries(
    queries: "pa.Table", results: "pa.Table", arm: str, seed: int, path: Path
) -> None:
    """Raise ReportError unless a run's queries are as many, target by target, as its results
    count."""
    import pyarrow.compute as pc

    valid = Counter(queries.filter(queries.column("valid")).column("target").to_pylist())
    mine = results.filter((pc.field("arm") == arm) & (pc.field("seed") == seed))
    for target, count in zip(
        mine.column("target").to_pylist(), mine.column("queries").to_pylist(), strict=True
    ):
        if valid[target] != count:
            raise ReportError(
                f"{path} has {valid[target]:,} valid queries of {target}, results.parquet counts"
                f" {count:,}. {AGAIN}"
            )
