"""`gprplus export`: images in a form that other tools read."""

from pathlib import Path
from typing import Any

import click

from gprplus.cli import console, options
from gprplus.cli.click_options import click_options, given_options
from gprplus.cli.topics import TopicCommand
from gprplus.core.errors import first_few
from gprplus.core.progress import progress_bar
from gprplus.exports.options import EXPORTED, ExportOptions


@click.command("export", cls=TopicCommand)
@click.argument("source", type=options.LocalPath())
@options.topic_option(
    "--to",
    group=EXPORTED,
    required=True,
    metavar="FORM",
    help=(
        "market1501, msmt17, mot-reid, coco, datumaro, fiftyone, imagefolder, oml, parquet (or hf),"
        " webdataset, atlas or onnx."
    ),
)
@click_options(ExportOptions)
@options.stored_output_option
@options.work_option
@options.force_option
@options.json_option
def command(
    source: Path,
    to: str,
    output: Path | None,
    work: Path,
    force: bool,
    as_json: bool,
    **values: Any,
) -> None:
    """Write an arm, split or manifest in the format of another tool.

    SOURCE is a split or manifest folder, for onnx the folder of a finished run. market1501 gives
    bounding_box_train, query and bounding_box_test with names for the usual loaders, and map.csv
    from each name to its image; msmt17 gives its folders and lists; mot-reid gives the crops that
    trackers train on; coco, datumaro and fiftyone give annotations of whole images for their
    tools; imagefolder gives train and test folders with metadata.parquet for Hugging Face; oml
    gives df.csv for open-metric-learning; parquet gives files with embedded images and a dataset
    card, for datasets.load_dataset and the hub; webdataset gives tar shards with an index; atlas
    gives one file with coordinates, neighbours and thumbnails, of --features; onnx gives
    model.onnx, checked against torch, with the preprocessing inside. The default of -o is
    WORK/exports/FORM/NAME.

    \b
    Examples:
      gprplus export work/splits/weather --to market1501 --arm mix
      gprplus export work/splits/weather --to webdataset --arm mix --shard-size 5000
      gprplus export work/manifest --to parquet
      gprplus export work/runs/weather/quick/mix/seed0 --to onnx
      gprplus export work/manifest --to webdataset -o s3://bucket/shards
    """
    from gprplus.exports import export, export_form
    from gprplus.exports.run_export import ONNX, default_folder

    to = export_form(to)
    given = given_options(ExportOptions, values)
    folder = output or default_folder(work, source, to, given.arm)
    with progress_bar("Writing images") as progress:
        found = export(source, to, folder, given, force=force, progress=progress)
    if as_json:
        console.print_json({"path": str(found.path), **found.info})
        return
    for note in found.info["notes"]:
        console.print_note(f"Note: {note}")
    doing = "Wrote" if found.made else "Nothing to do: the same request wrote"
    if to == ONNX:
        facts = found.info["onnx"]
        console.print_line(f"{doing} the network to {found.path / 'model.onnx'}")
        console.print_note(
            f"{facts['input']}; {facts['output']}. Largest difference to torch:"
            f" {facts['largest_difference']:.1g}."
        )
        return
    images = sum(found.info["images"].values())
    parts = f" in {len(found.info['images'])} arms" if len(found.info["images"]) > 1 else ""
    origin = (
        f" from {first_few([print_export(root) for root in found.roots])}" if found.roots else ""
    )
    console.print_line(f"{doing} {images:,} images{origin}{parts} as {to} to {found.path}")


def print_export(root: Path) -> str:
    """Return a folder relative to the current one if it is below it, else absolute."""
    root = root.resolve()
    return str(root.relative_to(Path.cwd())) if root.is_relative_to(Path.cwd()) else str(root)
