"""`gprplus export`: images in a form that other tools read."""

from pathlib import Path

import click

from gprplus.cli import console, options


@click.command("export")
@click.argument("source", type=click.Path(path_type=Path))
@options.work
@click.option("--to", required=True, metavar="FORM", help="market1501 or imagefolder.")
@click.option("--arm", help="One arm of the split.  [default: every arm, each in a folder of its own]")
@click.option(
    "--link",
    type=click.Choice(["hard", "sym", "copy"]),
    default="hard",
    show_default=True,
    help="Hard links, symbolic links or copies of the images; what lies in an archive is copied.",
)
@options.root
@options.output
@options.force
@options.as_json
def command(
    source: Path,
    work: Path,
    to: str,
    arm: str | None,
    link: str,
    roots: dict[str, Path],
    output: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Write an arm, split or manifest in a foreign form.

    SOURCE is a split or manifest folder. market1501 gives bounding_box_train, query and bounding_box_test with names
    that the usual loaders read, and map.csv from each name to its image; imagefolder gives train and test folders
    with metadata.parquet for Hugging Face. It goes to WORK/exports/FORM/NAME unless -o says otherwise.

    \b
    Example:
      gprplus export work/splits/weather --to market1501 --arm mix
    """
    from gprplus.exports import export

    home = work / "exports" / to / (f"{source.resolve().name}-{arm}" if arm else source.resolve().name)
    with console.progress("Writing images") as progress:
        found = export(source, to, output or home, arm=arm, link=link, roots=roots, force=force, progress=progress)
    if as_json:
        console.dump({"path": str(found.path), **found.info})
        return
    for note in found.info["notes"]:
        console.note(f"Note: {note}")
    images = sum(found.info["images"].values())
    parts = f" in {len(found.info['images'])} arms" if len(found.info["images"]) > 1 else ""
    doing = "Wrote" if found.made else "Nothing to do: the same request wrote"
    console.say(f"{doing} {images:,} images{parts} as {to} to {found.path}")
