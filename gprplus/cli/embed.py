"""`gprplus embed`: features of images with a trained network."""

from pathlib import Path
from typing import Any

import click

from gprplus.analysis.options import EmbedOptions
from gprplus.cli import console, options
from gprplus.cli.click_options import click_options, given_options
from gprplus.cli.topics import TopicCommand
from gprplus.core.progress import progress_bar


@click.command("embed", cls=TopicCommand)
@click.argument("network")
@click.argument("source", type=options.LocalPath())
@click_options(EmbedOptions)
@options.topic_option(
    "-o", "--output", type=options.LocalPath(), default=None, help="Parquet file of the features."
)
@options.work_option
@options.force_option
@options.json_option
def command(
    network: str,
    source: Path,
    output: Path | None,
    work: Path,
    force: bool,
    as_json: bool,
    **values: Any,
) -> None:
    """Write features of images with a trained network.

    NETWORK is the folder of a finished run (or its model.safetensors), or a pretrained network:
    imagenet, resnet50, vgg19. SOURCE is a manifest, a split (its query and gallery images), or a
    folder of images. The file has the columns uid, dataset, path and feature; score, analyze and
    export --to atlas read it. The default of -o is WORK/features/SOURCE-NETWORK.parquet.

    \b
    Examples:
      gprplus embed work/runs/weather/quick/mix/seed0 work/splits/weather
      gprplus embed work/runs/weather/quick/mix/seed0 data/market -o market.parquet
      gprplus embed imagenet work/manifest --where "weather == foggy"
    """
    from gprplus.analysis import embed

    given = given_options(EmbedOptions, values)
    with progress_bar("Embedding images") as progress:
        found = embed(network, source, output, given, work=work, force=force, progress=progress)
    if as_json:
        console.print_json({"path": str(found.path), "made": found.made, **found.info})
        return
    for note in found.info.get("notes", ()):
        console.print_note(f"Note: {note}")
    doing = "Wrote" if found.made else "Nothing to do: the same request wrote"
    console.print_line(
        f"{doing} features of {found.info['images']:,} images, {found.info['dimensions']:,}"
        f" dimensions, to {found.path}"
    )
