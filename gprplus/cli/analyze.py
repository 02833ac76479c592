"""`gprplus analyze`: the distance of each level to a target, and what carries it."""

from pathlib import Path
from typing import Any

import click

from gprplus.cli import console, options, parsing
from gprplus.cli.show import domain_gap
from gprplus.cli.show import search as subsets
from gprplus.core.progress import progress_bar


@click.command("analyze")
@options.work_option
@click.option("--manifest", type=options.LocalPath(), help="Manifest of the source.  [default: WORK/manifest]")
@click.option(
    "--target",
    "targets",
    multiple=True,
    required=True,
    callback=options.parse_named_paths,
    metavar="NAME=PATH",
    help=options.TARGET,
)
@click.option(
    "--attr", "attributes", callback=options.parse_list, help="Crossed factors to score, by commas.  [default: all]"
)
@click.option(
    "--features",
    callback=options.parse_list,
    default="histograms",
    show_default=True,
    help="Image features, separated by commas: histograms, reid:RUN, vgg19, resnet50 (vgg19:FILE, resnet50:FILE), "
    "or a .npy or .parquet file as for score.",
)
@click.option(
    "--mode",
    default="sound",
    show_default=True,
    help="sound, or paper: VGG-19 losses, cut levels and split counts as the GPR+ paper had them, with their bias.",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    callback=parsing.parse_pairs,
    metavar="NAME=VALUE",
    help="paper: a setting that the paper does not state, such as rule=median or pairs=32 (docs/analysis.md).",
)
@click.option(
    "--images",
    type=click.IntRange(min=10),
    default=300,
    show_default=True,
    help="Number of images of each level, and of the target.",
)
@click.option(
    "--people",
    type=click.IntRange(min=5),
    help="Number of identities with an image in every combination, to compare factors.  [default: some 4,000 images]",
)
@click.option(
    "--runs",
    multiple=True,
    type=options.LocalPath(),
    help="Benchmarks scored on these targets, to correlate distance with mAP. Can be repeated.",
)
@click.option(
    "--budget",
    metavar="IDENTITIESxIMAGES",
    help="Also search for the nearest training set of this size: identities x images of each, such as 400x50.",
)
@click.option(
    "--floor",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="Minimum share of each viewpoint, as a fraction of its uniform share. Only with --budget.",
)
@click.option(
    "--draws", type=click.IntRange(min=1), default=1, show_default=True, help="--budget: arms of each random control."
)
@options.seed_option
@options.device_option
@options.workers_option
@options.output_option
@options.force_option
@options.json_option
def command(
    work: Path,
    manifest: Path | None,
    targets: dict[str, Path],
    settings: dict[str, str],
    output: Path | None,
    as_json: bool,
    budget: str | None,
    floor: float,
    draws: int,
    **asked: Any,
) -> None:
    """Measure the distance of each level to a target, and which attribute causes it.

    Compares the same identities under the same other conditions at every level with the images of the target (its train
    set, if it has one), by luminance, color, sharpness and size, or by features of networks. Each distance has
    a 95% interval and the range for shuffled levels. If identities have an image in every
    combination, the distance is decomposed by attribute. Results are written to WORK/analysis/NAME.

    With --budget, a training set near to the target is searched for with the first --features, evaluated on held-out
    target images, and written to WORK/splits/search-NAME with its controls, as a split for benchmark. Give a
    second --target to get a control that was selected for another target.

    \b
    Examples:
      gprplus analyze --target market=data/Market-1501-v15.09.15 --attr weather,illumination
      gprplus analyze --target market=data/Market-1501-v15.09.15
        --features histograms,reid:work/runs/weather/smoke/mix/seed0 -o work/analysis-reid
      gprplus analyze --target market=data/market --target msmt=data/msmt17 --budget 400x50
      gprplus analyze --target market=data/Market-1501-v15.09.15 --mode paper -o work/analysis-paper
    """
    from gprplus.analysis import analyze

    if budget and asked["mode"] != "sound":
        raise click.UsageError("--budget searches by --features; leave --mode out.")
    place = output or work / "analysis"
    with progress_bar("Looking at images") as progress:
        found = analyze(
            manifest or work / "manifest",
            targets,
            output=place,
            settings=parsing.parse_values(settings),
            progress=progress,
            **asked,
        )
    searches = []
    if budget:
        from gprplus.analysis import search

        shared = ("people", "images", "seed", "device", "workers", "force")
        with progress_bar("Looking for a subset") as progress:
            searches = search(
                manifest or work / "manifest",
                targets,
                budget,
                output=place,
                splits=place / "splits" if output else work / "splits",
                features=asked["features"][0],
                floor=floor,
                draws=draws,
                progress=progress,
                **{name: asked[name] for name in shared},
            )
    if as_json:
        tables = ({name: table.to_pylist() for name, table in one.tables.items()} for one in found)
        data = {one.info["target"]: {**one.info, **rows} for one, rows in zip(found, tables, strict=True)}
        for subset in searches:
            rows = {"cells": subset.cells.to_pylist(), "rivals": subset.baselines.to_pylist()}
            data[subset.info["target"]]["search"] = {**subset.info, **rows}
        console.print_json(data)
        return
    for one in found:
        domain_gap.print_analysis(one)
    for subset in searches:
        subsets.print_search(subset, targets[subset.info["target"]])
