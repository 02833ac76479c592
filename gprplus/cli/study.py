"""`gprplus study`: a declared study end to end."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gprplus.cli import console, options
from gprplus.cli.click_options import click_options, given_options
from gprplus.cli.topics import TopicCommand
from gprplus.core.progress import progress_bar
from gprplus.experiments.options import StudyOptions

if TYPE_CHECKING:
    from gprplus.experiments.studies.run_study import StudyResult


@click.command("study", cls=TopicCommand)
@click.argument("names", metavar="STUDY...", nargs=-1, required=True)
@click_options(StudyOptions)
@options.dry_run_option
@options.output_option
@options.work_option
@options.on_option
@options.force_option
@options.json_option
def command(
    names: tuple[str, ...],
    output: Path | None,
    work: Path,
    dry_run: bool,
    force: bool,
    as_json: bool,
    **values: Any,
) -> None:
    """Run a declared study end to end.

    STUDY is the name of a shipped study, such as first_look, or a .toml file. Makes the splits of
    the study, trains and scores every arm and seed that is missing, and writes the reports to
    WORK/studies/NAME. An interrupted study continues. Several studies are run as one: shared
    trainings are run once, and every arm is scored on the targets of all.

    \b
    Examples:
      gprplus study first_look --dry-run
      gprplus study first_look
      gprplus study icassp2021_market icassp2021_duke --dry-run
      gprplus study first_look --shard 3/16
      gprplus study first_look --track tensorboard
      gprplus study icassp2021_market --scale 1/20 --recipe quick \\
          --target market=work/renders/street
    """
    from gprplus.cli.benchmark import as_data, print_plan, print_results
    from gprplus.experiments.studies.run_study import study

    with progress_bar("Training and scoring") as progress:
        given = given_options(StudyOptions, values)
        found = study(
            names, output, given, work=work, dry_run=dry_run, force=force, progress=progress
        )
    if given.shard and not dry_run:
        console.print_result(
            f"Shard {given.shard} is finished. When all are, the same command without --shard"
            " reports."
        )
        return
    if as_json:
        console.print_json(
            {"study": found.plan.study.name, "path": str(found.path), **as_data(found.outcome)}
        )
        return
    console.print_result(found.plan.study.question)
    if found.plan.study.unknown:
        console.print_result(
            f"Not published, and chosen here: {', '.join(found.plan.study.unknown)}."
        )
    if dry_run:
        print_plan(found.outcome.plan)
        return
    print_results(found.outcome)
    _show_published(found)
    console.print_line(f"study: {found.path}")
    console.print_line(f"report: {found.path / 'study.html'}")


def _show_published(found: "StudyResult") -> None:
    """Print the values of a paper next to those of the runs, in percent and hours."""
    from gprplus.experiments.studies.run_study import compare_with_published

    def percent(value: float | None) -> str:
        return "-" if value is None else f"{100 * value:.1f}"

    rows = []
    for row in compare_with_published(found.plan, found.outcome):
        paper, here = row.published, row.here
        hours = (paper["gpu_hours"], here["seconds"] and here["seconds"] / 3600)
        scores = [
            percent(values[metric])
            for metric in ("mAP", "rank1", "rank5")
            for values in (paper, here)
        ]
        rows.append(
            [row.arm, row.target, *scores, *("-" if h is None else f"{h:.2g}" for h in hours)]
        )
    if rows:
        headers = [
            "arm",
            "target",
            *(f"{m} {of}" for m in ("mAP", "R1", "R5", "hours") for of in ("paper", "here")),
        ]
        console.print_table(
            headers, rows, title=found.plan.study.source, right=range(2, len(headers))
        )
