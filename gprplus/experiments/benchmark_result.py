"""Results of a benchmark: its cost, and the tables of its runs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gprplus.core.html import html_table, html_text

if TYPE_CHECKING:
    import pyarrow as pa

    from gprplus.reporting.experiment import Experiment


@dataclass(frozen=True)
class BenchmarkCost:
    """Work and cost of a request.

    Attributes:
        recipe: The recipe's name, and `why` it was selected.
        device: The device, with `jobs` parallel runs.
        seeds: Seeds of every arm, numbered from `first_seed`.
        trained: Runs to train; `shared` share another's training, `kept` exist already.
        images: Images to read; `missing` of them are still to pack, which takes `bytes` of disk.
        seconds: Estimated seconds, and `parts` of packing, starting processes, training,
            embedding, scoring and reporting; None unless it was a dry run.
        warnings: Sentences about the targets and the deals of the splits.
    """

    recipe: str
    why: str
    device: str
    jobs: int
    seeds: int
    trained: int
    shared: int
    kept: int
    images: int
    missing: int
    bytes: int
    first_seed: int = 0
    seconds: float | None = None
    parts: Mapping[str, float] | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, repr=False)
class BenchmarkResult:
    """Result of a benchmark; a dry run has the plan alone.

    Iterating gives the run folders, so that `gprplus.report(result)` works.

    Attributes:
        plan: Work and cost of the request.
        folders: The run folders, SPLIT/RECIPE; the tuples below have one entry for each folder.
        summaries: One row for each arm and target, over seeds (schema.SUMMARY).
        contrasts: One row for each contrast (schema.CONTRASTS).
        levels: Scores by level of query and gallery (schema.LEVELS).
        sensitivity: schema.SENSITIVITY if it was measured, else None.
        logit: Effects on the logit scale (schema.LOGIT).
        experiments: The subjects of the verdicts: the records of each split and of its benchmark.
        reports: The HTML pages.
    """

    plan: BenchmarkCost
    folders: tuple[Path, ...] = ()
    summaries: "tuple[pa.Table, ...]" = ()
    contrasts: "tuple[pa.Table, ...]" = ()
    levels: "tuple[pa.Table, ...]" = ()
    sensitivity: "tuple[pa.Table | None, ...]" = ()
    logit: "tuple[pa.Table, ...]" = ()
    experiments: "tuple[Experiment, ...]" = ()
    reports: tuple[Path, ...] = ()

    def __iter__(self) -> Iterator[Path]:
        return iter(self.folders)

    def summary(self) -> "pa.Table":
        """Return the summaries of all folders as one table: one row an arm and target, over seeds,
        scores 0-1."""
        import pyarrow as pa

        from gprplus import schema

        none = schema.arrow_schema(schema.SUMMARY).empty_table()
        return pa.concat_tables(self.summaries) if self.summaries else none

    def verdicts(self) -> list[str]:
        """Return the verdict of each folder in words."""
        from gprplus.reporting import verdict_paragraphs

        tables = zip(
            self.summaries,
            self.contrasts,
            self.experiments,
            self.levels,
            self.sensitivity,
            self.logit,
            strict=True,
        )
        return [verdict_paragraphs(*one) for one in tables]

    def __repr__(self) -> str:
        plan = self.plan
        runs = (
            f"{plan.trained} runs to train"
            if not self.folders
            else f"{plan.trained + plan.shared + plan.kept} runs"
        )
        head = f"Benchmark of {plan.recipe}, {plan.seeds} seeds, {runs}, on {plan.device}"
        splits = ", ".join(str(folder) for folder in self.folders[:3])
        more = f" and {len(self.folders) - 3} more" if len(self.folders) > 3 else ""
        return f"{head}\n{splits}{more}" if splits else head

    def _repr_html_(self) -> str:
        from gprplus.reporting.summary_tables import overview_table

        parts = [
            f"<p>{html_text(line)}</p>"
            for line in [repr(self).partition("\n")[0], *self.plan.warnings]
        ]
        tables = zip(self.folders, self.summaries, self.contrasts, self.verdicts(), strict=True)
        for folder, summary, contrasts, verdict in tables:
            headers, rows = overview_table(summary, contrasts)
            parts.append(
                html_table(
                    headers, rows, str(folder), range(headers.index("arm") + 1, len(headers))
                )
            )
            parts += [f"<p>{html_text(line)}</p>" for line in verdict.split("\n")]
        return "".join(parts)
