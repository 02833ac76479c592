"""`gprplus analyze`: the distance of each level to a target, and what carries it."""

from pathlib import Path
from typing import Any

import click

from gprplus.analysis.options import COMPARED, SEARCHED, AnalyzeOptions, SearchOptions
from gprplus.cli import console, options
from gprplus.cli.click_options import click_options, given_options
from gprplus.cli.show import domain_gap
from gprplus.cli.show import search as subsets
from gprplus.cli.support import parsing
from gprplus.cli.topics import TopicCommand
from gprplus.core.options import options_of
from gprplus.core.progress import progress_bar


def parse_settings(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, Any]:
    """Click callback of a repeated NAME=VALUE."""
    return parsing.parse_values(parsing.parse_pairs(context, parameter, values))


@click.command("analyze", cls=TopicCommand)
@options.topic_option(
    "--manifest",
    group=COMPARED,
    type=options.LocalPath(),
    metavar="FOLDER",
    help="Manifest of the images.  [default: WORK/manifest]",
)
@options.topic_option(
    "--target",
    "targets",
    group=COMPARED,
    multiple=True,
    required=True,
    callback=options.parse_named_paths,
    metavar="NAME=PATH",
    help=(
        "A target, and what to call it: a manifest, or a folder or archive of images. Can be"
        " repeated."
    ),
)
@click_options(AnalyzeOptions, callbacks={"settings": parse_settings})
@options.topic_option(
    "--budget",
    group=SEARCHED,
    metavar="NxM",
    help=(
        "Also search for the training set nearest to the target, of N identities with M images"
        " each, such as 400x50."
    ),
)
@click_options(SearchOptions, leave=(*options_of(AnalyzeOptions), "splits", "test_share"))
@options.output_option
@options.work_option
@options.force_option
@options.json_option
def command(
    work: Path,
    manifest: Path | None,
    targets: dict[str, Path],
    output: Path | None,
    force: bool,
    as_json: bool,
    budget: str | None,
    floor: float,
    control_draws: int,
    **values: Any,
) -> None:
    """Measure the distance of each level to a target, and which attribute causes it.

    Compares the same identities under the same other conditions at every level with the images of
    the target (its train set, if it has one), by light, color, sharpness and size, or by features
    of networks. Each distance has a 95% interval and the range of distances for shuffled levels.
    Where identities have an image in every combination, the distance is decomposed by attribute.
    Everything goes to WORK/analysis/NAME.

    With --budget, a training set near the target is searched by the first of --features, evaluated
    on held-out target images, and written to WORK/splits/search-NAME with its controls, for
    benchmark. A second --target adds a control: the set chosen for that one.

    \b
    Examples:
      gprplus analyze --target market=data/market --attr weather,illumination
      gprplus analyze --target market=data/market -o work/analysis-reid \\
          --features histograms,reid:work/runs/weather/quick/mix/seed0
      gprplus analyze --target market=data/market --mode paper -o paper
      gprplus analyze --target market=data/market --target msmt=data/msmt17 \\
          --budget 400x50
    """
    from gprplus.reporting.pages.analysis_page import PAGE
    from gprplus.reporting.pages.analyzed import analyze

    given = given_options(AnalyzeOptions, values)
    if budget and given.mode != "sound":
        raise click.UsageError("--budget searches by --features; leave --mode out.")
    place, source = output or work / "analysis", manifest or work / "manifest"
    with progress_bar("Looking at images") as progress:
        found = analyze(source, targets, place, given, force=force, progress=progress)
    searches = []
    if budget:
        from gprplus.analysis import search

        shared = {
            name: getattr(given, name) for name in ("people", "images", "seed", "device", "workers")
        }
        splits = place / "splits" if output else work / "splits"
        how = SearchOptions(
            floor, control_draws, features=given.features[0], splits=splits, **shared
        )
        with progress_bar("Looking for a subset") as progress:
            searches = search(source, targets, budget, place, how, force=force, progress=progress)
    if as_json:
        tables = ({name: table.to_pylist() for name, table in one.tables.items()} for one in found)
        data = {
            one.info["target"]: {**one.info, **rows}
            for one, rows in zip(found, tables, strict=True)
        }
        for subset in searches:
            rows = {"cells": subset.cells.to_pylist(), "rivals": subset.baselines.to_pylist()}
            data[subset.info["target"]]["search"] = {**subset.info, **rows}
        console.print_json(data)
        return
    for one in found:
        domain_gap.print_analysis(one)
        console.print_line(f"page: {one.path / PAGE}")
    for subset in searches:
        subsets.print_search(subset, targets[subset.info["target"]])
