"""`gprplus study`: a declared study end to end."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gprplus.cli import console, options
from gprplus.core.progress import progress_bar

if TYPE_CHECKING:
    from gprplus.experiments.study import StudyResult


@click.command("study")
@click.argument("names", metavar="STUDY.toml...", nargs=-1, required=True)
@options.work_option
@click.option("--manifest", type=options.LocalPath(), help="Manifest in the place of the one the study names.")
@options.target
@options.root
@options.device_option
@click.option("--jobs", type=click.IntRange(min=1), default=None, help="Runs at once.  [default: cores; 1 on a GPU]")
@click.option(
    "--scale", default="1", show_default=True, metavar="FRACTION", help="Every number of people and images times this."
)
@click.option("--recipe", default=None, help="Another recipe than the study's: auto, a name or a .toml file.")
@click.option("--seeds", type=click.IntRange(min=1), default=None, help="Seeds of every arm.  [default: the study's]")
@click.option("--steps", type=click.IntRange(min=1), default=None, help="Optimiser steps, the same for every arm.")
@click.option(
    "--epochs", type=click.FloatRange(min=0, min_open=True), default=None, help="Passes over each arm's own images."
)
@options.compile_option
@options.dry_run_option
@options.output_option
@options.force_option
@options.json_option
def command(names: tuple[str, ...], work: Path, dry_run: bool, as_json: bool, scale: str, **request: Any) -> None:
    """Run a declared study end to end.

    Makes the study's splits, trains and scores every arm and seed that is missing, and writes the reports. STUDY.toml
    is a file, or the name of a shipped study such as first_look. Stopped and started again, it goes on where it was.
    Everything goes to WORK/studies/NAME. Several studies are run as one: what they share is trained once, and every arm
    is scored on the targets of all.

    \b
    Examples:
      gprplus study first_look --dry-run
      gprplus study first_look
      gprplus study icassp2021_market icassp2021_duke --manifest work/gprplus --dry-run
      gprplus study icassp2021_market --scale 1/20 --recipe smoke --target market=work/renders/street
    """
    from gprplus.cli.benchmark import as_data, print_plan, print_results
    from gprplus.experiments.study import study
    from gprplus.experiments.study_scale import read_scale

    with progress_bar("Training and scoring") as progress:
        found = study(names, work=work, scale=read_scale(scale), dry_run=dry_run, progress=progress, **request)
    if as_json:
        console.print_json({"study": found.plan.study.name, "path": str(found.path), **as_data(found.outcome)})
        return
    console.print_result(found.plan.study.question)
    if found.plan.study.unknown:
        console.print_result(f"Not published, and chosen here: {', '.join(found.plan.study.unknown)}.")
    if dry_run:
        print_plan(found.outcome.plan)
        return
    print_results(found.outcome)
    _show_published(found)
    console.print_result(f"study: {found.path}")
    console.print_result(f"report: {found.path / 'study.html'}")


def _show_published(found: "StudyResult") -> None:
    """A paper's values beside those of the runs, in per cent and hours."""
    from gprplus.experiments.study import compare_with_published

    def percent(value: float | None) -> str:
        return "-" if value is None else f"{100 * value:.1f}"

    rows = []
    for row in compare_with_published(found.plan, found.outcome):
        paper, here = row["published"], row["here"]
        hours = (paper["gpu_hours"], here["seconds"] and here["seconds"] / 3600)
        scores = [percent(values[metric]) for metric in ("mAP", "rank1", "rank5") for values in (paper, here)]
        rows.append([row["arm"], row["target"], *scores, *("-" if h is None else f"{h:.2g}" for h in hours)])
    if rows:
        headers = ["arm", "target", *(f"{m} {of}" for m in ("mAP", "R1", "R5", "hours") for of in ("paper", "here"))]
        console.print_table(headers, rows, title=found.plan.study.source, right=range(2, len(headers)))
