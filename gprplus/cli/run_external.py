"""`gprplus run-external`: train and score every arm and seed with another program."""

from pathlib import Path
from typing import Any

import click

from gprplus.cli import options
from gprplus.cli.benchmark import as_data, print_results
from gprplus.cli.click_options import click_options, given_options
from gprplus.cli.topics import TopicCommand
from gprplus.core.progress import progress_bar
from gprplus.experiments.options import PROGRAM, ExternalOptions


@click.command("run-external", cls=TopicCommand)
@click.argument("split", type=options.LocalPath())
@options.topic_option(
    "--command",
    "program",
    group=PROGRAM,
    required=True,
    metavar="COMMAND",
    help="Command line of the program, with placeholders.",
)
@click_options(ExternalOptions)
@options.on_option
@options.output_option
@options.work_option
@options.force_option
@options.json_option
def command(
    split: Path,
    program: str,
    output: Path | None,
    work: Path,
    force: bool,
    as_json: bool,
    **values: Any,
) -> None:
    """Train and score every arm and seed of a split with another program.

    COMMAND runs once for each arm and seed. Its placeholders: {train} is a CSV list of the arm's
    images (file, pid, camid, uid, ...), {market1501} a folder of the arm in the layout of
    Market-1501, {images} a CSV list of the query and gallery images (file, uid, ...). The program
    writes their features to {features}.npz, .parquet or another form that score reads, or a state
    dict to {checkpoint}.pt or .safetensors with --backbone. {seed} and {arm} name the run. The
    tables and the report are those of benchmark, in WORK/runs/SPLIT/NAME. Finished runs are kept.
    --untrained gives the floor under every score: the same network before training.

    \b
    Examples:
      gprplus run-external work/splits/weather \\
          --command 'python train.py {train} {images} {features}.npz --seed {seed}'
    """
    from gprplus.cli.console import print_json
    from gprplus.experiments.external.runs import run_external

    given = given_options(ExternalOptions, values)
    with progress_bar("Running the program") as bar:
        outcome = run_external(
            split, program, output or work / "runs", given, force=force, progress=bar
        )
    if as_json:
        print_json(as_data(outcome))
        return
    print_results(outcome)
