"""`gprplus export`: images in a form that other tools read."""

from pathlib import Path

import click

from gprplus.cli import console, options
from gprplus.core.errors import first_few
from gprplus.core.progress import progress_bar


@click.command("export")
@click.argument("source", type=options.LocalPath())
@options.work_option
@click.option("--to", required=True, metavar="FORM", help="market1501, imagefolder, parquet (or hf) or webdataset.")
@click.option("--arm", help="One arm of the split.  [default: every arm, each in a folder of its own]")
@click.option(
    "--link",
    type=click.Choice(["hard", "sym", "copy"]),
    default="hard",
    show_default=True,
    help="Hard links, symbolic links or copies of the images; archive members are copied.",
)
@click.option(
    "--shard-size",
    type=click.IntRange(min=1),
    default=10_000,
    show_default=True,
    help="Most images in one file of parquet or webdataset.",
)
@options.root
@options.output_option
@options.force_option
@options.json_option
def command(
    source: Path,
    work: Path,
    to: str,
    arm: str | None,
    link: str,
    shard_size: int,
    roots: dict[str, Path],
    output: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Write an arm, split or manifest in the format of another tool.

    SOURCE is a split or manifest folder. market1501 gives bounding_box_train, query and bounding_box_test with names
    for the usual loaders, and map.csv from each name to its image; imagefolder gives train and test folders
    with metadata.parquet for Hugging Face; parquet gives files with embedded images and a dataset card, for
    datasets.load_dataset and the hub; webdataset gives tar shards with an index. The default of -o is
    WORK/exports/FORM/NAME.

    \b
    Examples:
      gprplus export work/splits/weather --to market1501 --arm mix
      gprplus export work/splits/weather --to webdataset --arm mix --shard-size 5000
      gprplus export work/manifest --to parquet
    """
    from gprplus.exports import export, export_form
    from gprplus.exports.run_export import default_folder

    to = export_form(to)
    with progress_bar("Writing images") as progress:
        found = export(
            source,
            to,
            output or default_folder(work, source, to, arm),
            arm=arm,
            link=link,
            shard_size=shard_size,
            roots=roots,
            force=force,
            progress=progress,
        )
    if as_json:
        console.print_json({"path": str(found.path), **found.info})
        return
    for note in found.info["notes"]:
        console.print_note(f"Note: {note}")
    images = sum(found.info["images"].values())
    parts = f" in {len(found.info['images'])} arms" if len(found.info["images"]) > 1 else ""
    doing = "Wrote" if found.made else "Nothing to do: the same request wrote"
    origin = f" from {first_few([print_export(root) for root in found.roots])}" if found.roots else ""
    console.print_result(f"{doing} {images:,} images{origin}{parts} as {to} to {found.path}")


def print_export(root: Path) -> str:
    """Return a folder relative to the current one if it is below it, else absolute."""
    root = root.resolve()
    return str(root.relative_to(Path.cwd())) if root.is_relative_to(Path.cwd()) else str(root)
