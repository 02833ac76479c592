"""`gprplus benchmark`: train and score every arm and seed."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gprplus.cli import options
from gprplus.cli.click_options import click_options, given_options
from gprplus.cli.show.first_seed import print_first_scores
from gprplus.cli.topics import TopicCommand
from gprplus.core.benchmark_options import BenchmarkOptions
from gprplus.core.progress import format_duration, progress_bar
from gprplus.core.shared_options import PROTOCOLS

if TYPE_CHECKING:
    from gprplus.experiments.benchmark_result import BenchmarkCost, BenchmarkResult
    from gprplus.schema.run_record import BenchmarkRecord


@click.command("benchmark", cls=TopicCommand)
@click.argument("splits", nargs=-1, type=options.LocalPath())
@click_options(BenchmarkOptions)
@options.dry_run_option
@options.output_option
@options.work_option
@options.on_option
@options.force_option
@options.json_option
def command(
    splits: tuple[Path, ...],
    output: Path | None,
    work: Path,
    dry_run: bool,
    force: bool,
    as_json: bool,
    **values: Any,
) -> None:
    """Train and score every arm and seed of a split.

    SPLITS are split folders, by default all below WORK/splits; the runs go to WORK/runs, packed
    images to the folder store next to the runs. Every arm is trained with the same recipe and
    tested on the same images. The table shows the mean over
    seeds and the paired difference of each arm to the reference arm, with 95% intervals. Finished
    runs are kept: an interrupted command continues, more seeds and targets only add runs.

    \b
    Examples:
      gprplus benchmark
      gprplus benchmark work/splits/weather --seeds 5 --target market=data/market
      gprplus benchmark --recipe paper --device cuda --dry-run
      gprplus benchmark --seeds 5 --shard 3/16
      gprplus benchmark --seeds 5 --on ray
      gprplus benchmark --track wandb:project=weather,mode=offline
      torchrun --nproc-per-node 8 -m gprplus benchmark --recipe paper
    """
    from gprplus.cli.console import print_json, print_result
    from gprplus.experiments.run_benchmark import benchmark

    chosen = list(splits) or sorted(path.parent for path in (work / "splits").glob("*/split.json"))
    with progress_bar("benchmark") as bar:
        given = given_options(BenchmarkOptions, values)
        outcome = benchmark(
            chosen,
            output or work / "runs",
            given,
            dry_run=dry_run,
            force=force,
            progress=bar,
            on_first_seed=print_first_scores,
        )
    if os.environ.get("RANK", "0") != "0":
        return  # the first process of torchrun speaks for all
    if as_json:
        print_json(as_data(outcome))
    elif dry_run:
        print_plan(outcome.plan)
    elif given.shard:
        print_result(
            f"Shard {given.shard} is finished. When all are, the same command without --shard"
            " reports."
        )
    else:
        print_results(outcome)


def as_data(outcome: "BenchmarkResult") -> dict[str, Any]:
    """Return a result as JSON."""
    from gprplus.reporting.findings import with_family_columns

    return {
        "plan": asdict(outcome.plan),
        "runs": [str(folder) for folder in outcome.folders],
        "reports": [str(path) for path in outcome.reports],
        "summary": [
            row
            for summary, contrasts in zip(outcome.summaries, outcome.contrasts, strict=True)
            for row in with_family_columns(summary.to_pylist(), contrasts.to_pylist())
            if not row["target"].startswith("self:")
        ],
        "levels": [row for levels in outcome.levels for row in levels.to_pylist()],
        "sensitivity": [
            row for again in outcome.sensitivity for row in (again.to_pylist() if again else ())
        ],
    }


def print_plan(plan: "BenchmarkCost") -> None:
    """Print what a request would come to."""
    from gprplus.cli.console import print_note, print_result
    from gprplus.reporting.formatting import pluralize

    for warning in plan.warnings:
        print_note(f"Warning: {warning}")
    print_result(
        f"recipe {plan.recipe} ({plan.why}), {pluralize(plan.seeds, 'seed')}, {plan.jobs} at once"
        f" on {plan.device}"
    )
    print_result(
        f"runs: {plan.trained} to train, {plan.shared} that share a training, {plan.kept} done"
        " already"
    )
    print_result(
        f"images: {plan.images:,}, of them {plan.missing:,} to pack ({plan.bytes / 1e6:,.0f} MB of"
        " disk)"
    )
    on = "here" if plan.device.startswith("cpu") else f"of one {plan.device}"
    parts = ", ".join(
        f"{part} {format_duration(seconds)}" for part, seconds in (plan.parts or {}).items()
    )
    print_result(
        f"time: about {format_duration(plan.seconds or 0)} {on}, at rates just measured: {parts}"
    )


def print_results(outcome: "BenchmarkResult") -> None:
    """Print the table, the verdict and the page of every split."""
    from gprplus.cli.console import print_line, print_note, print_result, print_table
    from gprplus.reporting import verdict_paragraphs
    from gprplus.reporting.formatting import pluralize
    from gprplus.reporting.summary_tables import overview_table

    plan = outcome.plan
    for warning in plan.warnings:
        print_note(f"Warning: {warning}")
    print_note(
        f"recipe {plan.recipe} ({plan.why}), {pluralize(plan.seeds, 'seed')}, on {plan.device}"
    )
    if not plan.trained and not plan.shared:
        print_note(f"Nothing to train: all {plan.kept} runs are there already.")
    tables = zip(
        outcome.summaries,
        outcome.contrasts,
        outcome.levels,
        outcome.sensitivity,
        outcome.logit,
        strict=True,
    )
    for folder, (summary, contrasts, levels, again, logit), about, page in zip(
        outcome.folders, tables, outcome.experiments, outcome.reports, strict=True
    ):
        headers, rows = overview_table(summary, contrasts)
        print_table(
            headers, rows, title=str(folder), right=range(headers.index("arm") + 1, len(headers))
        )
        for sentence in protocol_notes(about.benchmark):
            print_note(sentence)
        print_result(verdict_paragraphs(summary, contrasts, about, levels, again, logit))
        print_line(f"report: {page}")


def protocol_notes(record: "BenchmarkRecord") -> list[str]:
    """Return one sentence for each whole target under another protocol than camera."""
    return [
        f"{name}: protocol {one.protocol}: {PROTOCOLS[one.protocol]}."
        for name, one in record.targets.items()
        if one.protocol != "camera" and ":" not in name
    ]
