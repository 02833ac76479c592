"""`gprplus make-split`: a controlled experiment over one attribute."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gprplus.cli import options

if TYPE_CHECKING:
    from gprplus.splits import Split


@click.command("make-split")
@click.option("--attr", required=True, help="Attribute to measure: weather, viewpoint_deg, gender, identity, ...")
@click.option(
    "--manifest", type=click.Path(path_type=Path), default=None, help="Manifest folder.  [default: WORK/manifest]"
)
@click.option(
    "--levels",
    callback=options.listed,
    help="Arms to build, separated by commas; a + joins levels into one arm. For identity: numbers of persons.",
)
@click.option("--where", default=None, help="Use only images for which this holds, on both sides.")
@click.option("--identities", type=int, default=None, help="Persons to train on.")
@click.option("--images-per-identity", type=int, default=None, help="Training images of each person in each arm.")
@click.option("--budget", type=int, default=None, help="Training images in each arm.")
@click.option(
    "--test-share",
    type=float,
    default=0.25,
    show_default=True,
    help="Share of persons kept for testing; 0: test on a --target.",
)
@click.option(
    "--missing",
    default="drop-stratum",
    show_default=True,
    help="Persons that lack combinations: drop-stratum, drop-identity or fail.",
)
@click.option(
    "--min-retention",
    type=float,
    default=0.1,
    show_default=True,
    help="Refuse when a smaller share of images can be matched.",
)
@click.option("--controls/--no-controls", default=True, show_default=True, help="Add random arms of the same size.")
@options.seed
@options.output
@options.work
@options.force
@options.as_json
def command(
    attr: str,
    manifest: Path | None,
    levels: list[str] | None,
    output: Path | None,
    work: Path,
    as_json: bool,
    **request: Any,
) -> None:
    """Build a controlled experiment over one attribute.

    Its arms are training sets of equal size that differ in that attribute alone, each person and every other factor
    matched; all are tested on the same persons, whom none of them has seen. Default output: WORK/splits/ATTR.

    \b
    Examples:
      gprplus make-split --attr=weather
      gprplus make-split --attr=weather --levels sunny+clouds,foggy -o work/splits/dry
      gprplus make-split --attr=illumination --where "weather in (sunny, clouds) and 30 <= viewpoint_deg <= 150"
      gprplus make-split --attr=identity --levels 8,16,48
    """
    from gprplus.splits import make_split

    folder = output or work / "splits" / attr
    split = make_split(manifest or work / "manifest", attr, output=folder, levels=levels, **request)
    _show_json(split) if as_json else _show(split)


def _show_json(split: "Split") -> None:
    from gprplus.cli.console import dump

    dump({"path": str(split.path), "made": split.made, **split.info})


def _show(split: "Split") -> None:
    from gprplus.cli.console import note, say, table

    info = split.info
    done = "made" if split.made else "there already, for the same request"
    rows = [
        [name, f"{arm['images']:,}", f"{arm['identities']:,}", _levels(arm, len(info["levels"]))]
        for name, arm in info["arms"].items()
    ]
    table(["arm", "images", "identities", "levels"], rows, title=f"{split.path} ({done})", right=(1, 2))
    test = info["test"]
    if test["identities"]:
        judged = f"{test['protocol']} rule" if test["protocol"] != "no-camera" else "no camera rule"
        say(
            f"test: {test['identities']:,} other identities, {test['queries']:,} queries, {test['gallery']:,} in the "
            f"gallery ({judged})"
        )
    matched = (
        "" if info["design"] == "identity" else f"; {info['retention']:.1%} of the candidate images could be matched"
    )
    say(f"reference arm: {info['reference']}{matched}")
    for warning in info["warnings"]:
        note(f"Warning: {warning}")
    say(f"next: gprplus benchmark {shlex.quote(str(split.path))}")


def _levels(arm: dict[str, Any], compared: int) -> str:
    if arm["kind"] == "random-images":
        return "whatever the draw gave"
    if arm["kind"].startswith("ids"):
        return "all images" if arm["kind"] == "ids-all" else "images spread evenly"
    if arm["kind"] == "mix":
        return f"all {compared}, dealt evenly"
    return ", ".join(arm["levels"])
