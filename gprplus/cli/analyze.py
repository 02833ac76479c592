"""`gprplus analyze`: the distance of each level to a target."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gprplus.cli import console, options

if TYPE_CHECKING:
    from gprplus.analysis import Analysis


@click.command("analyze")
@options.work
@click.option("--manifest", type=click.Path(path_type=Path), help="Manifest to look at.  [default: WORK/manifest]")
@click.option(
    "--target",
    "targets",
    multiple=True,
    required=True,
    callback=options.named,
    metavar="NAME=PATH",
    help=options.TARGET,
)
@click.option(
    "--attr", "attributes", callback=options.listed, help="Crossed factors to score, by commas.  [default: all]"
)
@click.option(
    "--images", type=click.IntRange(min=10), default=300, show_default=True, help="Images a level, and of the target."
)
@options.seed
@options.workers
@options.output
@options.force
@options.as_json
def command(
    work: Path,
    manifest: Path | None,
    targets: dict[str, Path],
    attributes: list[str] | None,
    images: int,
    seed: int,
    workers: int | None,
    output: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Measure how far each level lies from a target.

    Compares light, colour, sharpness and size of images: the same people in the same other conditions at every level,
    against the target's images (its training side, where it has one). Each distance stands beside its 95% interval and
    the range it takes when levels are shuffled. Everything goes to WORK/analysis/NAME.

    \b
    Example:
      gprplus analyze --target market=data/Market-1501-v15.09.15 --attr weather,illumination
    """
    from gprplus.analysis import analyze

    with console.progress("Looking at images") as progress:
        found = analyze(
            manifest or work / "manifest",
            targets,
            output=output or work / "analysis",
            attributes=attributes,
            images=images,
            seed=seed,
            workers=workers,
            force=force,
            progress=progress,
        )
    if as_json:
        console.dump({one.info["target"]: {**one.info, "distances": one.distances.to_pylist()} for one in found})
        return
    for one in found:
        show(one)


def show(analysis: "Analysis") -> None:
    """Print one target's tables, nearest level first, and what may and may not be read from them."""
    from gprplus.analysis.analyze import CAUTION

    info = analysis.info
    side = "training side" if info["target_side"] == "train" else "whole (it has no training side)"
    console.say(
        f"Target {info['target']}: {info['target_images']:,} images of {info['target_identities']:,} people, {side}."
    )
    if info["shared_people"]:
        console.note(
            f"Note: {info['shared_people']:,} people are on both sides, so all distances are a little too small."
        )
    rows = analysis.distances.to_pylist()
    for attribute in info["request"]["attributes"]:
        scores = [row for row in rows if row["attribute"] == attribute and row["features"] == "all"]
        squares = {row["value"]: row["distance"] for row in scores if row["measure"] == "mmd2"}
        energy = sorted((row for row in scores if row["measure"] == "energy"), key=lambda row: row["distance"])
        title = f"{attribute}: {energy[0]['images']:,} images a level, of {energy[0]['identities']:,} people"
        headers = [attribute, "distance", "95% interval", "shuffled levels", "MMD2 x 1000"]
        console.table(headers, [_cells(row, squares[row["value"]]) for row in energy], title, right=(1, 2, 3, 4))
        agreement = info["luminance_agreement"][attribute]
        if agreement is not None:
            console.say(
                f"On luminance alone the levels rank like this with correlation {agreement:.2f} (1: the same order)."
            )
    console.say("Below the range of shuffled levels, a level lies nearer to the target than an even mix of all levels.")
    console.say(CAUTION)
    console.say(f"{'Written to' if analysis.made else 'Nothing to do: the same request is in'} {analysis.path}")


def _cells(row: dict[str, Any], square: float) -> list[str]:
    return [
        row["value"],
        f"{row['distance']:.3f}",
        f"{row['low']:.3f} to {row['high']:.3f}",
        f"{row['null_low']:.3f} to {row['null_high']:.3f}",
        f"{1000 * square:.1f}",
    ]
