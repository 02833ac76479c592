"""`gprplus construct`: a training set built for a target in rounds."""

from pathlib import Path
from typing import Any

import click

from gprplus.cli import console, options
from gprplus.cli.click_options import click_options, given_options
from gprplus.cli.topics import TopicCommand
from gprplus.core.progress import progress_bar
from gprplus.experiments.construction.options import ConstructOptions


@click.command("construct", cls=TopicCommand)
@click.argument("file", metavar="CONSTRUCTION")
@click_options(ConstructOptions)
@options.dry_run_option
@options.output_option
@options.work_option
@options.force_option
@options.on_option
@options.json_option
def command(
    file: str,
    output: Path | None,
    work: Path,
    dry_run: bool,
    force: bool,
    as_json: bool,
    **values: Any,
) -> None:
    """Construct a training set for a target in rounds, and test it once.

    CONSTRUCTION is the name of a shipped one, such as street_for_mall, or a .toml file. Each round
    plans additions by several methods, renders them, trains on the set with each, scores on the
    validation half of the target, and keeps the best. At the end the set is tested on the other
    half, which no decision has seen, against sets of the same size: all cells alike, random cells,
    the target-matched mixture in one step, and the set constructed for another target. Everything
    goes to WORK/constructions/NAME; a stopped construction continues.

    \b
    Examples:
      gprplus construct street_for_mall --dry-run --price 2.5
      gprplus construct street_for_mall
      gprplus construct mall.toml --seeds 2 --steps 100 -o work/trial
    """
    from gprplus.experiments.construction.construct_cost import estimate_construct
    from gprplus.experiments.construction.run_construct import construct

    given = given_options(ConstructOptions, values)
    if dry_run:
        with progress_bar("Estimating") as progress:
            cost = estimate_construct(file, given, work=work, output=output, progress=progress)
        if as_json:
            console.print_json(cost.as_data())
            return
        console.print_table(["part", "number", "time"], cost.rows(), right=[1, 2])
        for sentence in cost.sentences():
            console.print_result(sentence)
        return
    with progress_bar("Constructing") as progress:
        found = construct(
            file, output, given, work=work, force=force, progress=progress, on_round=_print_round
        )
    if as_json:
        from gprplus.core.typed import as_json as to_json

        console.print_json({"path": str(found.path), **to_json(found.record)})
        return
    _show(found)


def _print_round(target: str, number: int, result: Any) -> None:
    """Print what a round kept on stderr, while the next one runs."""
    from gprplus.reporting.figures.path_plot import mixture_text
    from gprplus.reporting.formatting import format_points

    kept = result.chosen
    scores = ", ".join(format_points(trial.scores.mean_ap) for trial in result.trials)
    console.print_note(
        f"{target}, round {number + 1}: kept {mixture_text(kept.shares)}, mAP"
        f" {format_points(kept.scores.mean_ap)} (trials: {scores})"
    )


def _show(found: Any) -> None:
    """Print the rounds, the test, and where the page is."""
    from gprplus.reporting.figures.path_plot import mixture_text
    from gprplus.reporting.formatting import format_points, signed_interval, signed_points

    record = found.record
    console.print_result(record.question)
    path = record.paths[0]
    rows = []
    for number, one in enumerate(path.rounds, start=1):
        kept = one.trials[one.kept]
        scores = [trial.mAP for trial in one.trials]
        rows.append(
            [
                str(number),
                f"{one.images:,}",
                mixture_text(kept.shares),
                format_points(kept.mAP),
                format_points(min(scores)),
                format_points(one.optimism),
            ]
        )
    console.print_table(
        ["round", "images", "kept mixture", "mAP", "worst", "optimism"],
        rows,
        title=f"rounds on the validation half of {path.target}",
        right=[0, 1, 3, 4, 5],
    )
    rows = [
        [
            one.control,
            signed_points(one.gain),
            signed_interval(one.low, one.high),
            one.verdict,
        ]
        for one in record.comparisons
    ]
    console.print_table(
        ["constructed against", "points", "95% interval", "verdict"],
        rows,
        title=f"mAP on the test half of {path.target}, seeds: {record.seeds}",
        right=[1, 2],
    )
    console.print_result(record.verdict)
    if record.test_looks > 1:
        console.print_result(
            f"This was look {record.test_looks} at the test half: its result counts less than a"
            " first one."
        )
    console.print_line(f"report: {found.report}")
