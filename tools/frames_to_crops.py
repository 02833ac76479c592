"""Cut persons out of whole frames into a folder that `gprplus build-manifest` reads: `--help` says
how."""

from pathlib import Path
from typing import Any

import click

from gprplus.cli import console, main, options
from gprplus.cli.click_options import click_options, given_options
from gprplus.cli.topics import TopicCommand
from gprplus.core.progress import progress_bar
from gprplus.cropping.options import CROPS, CropOptions

SELECTION = "Which persons"

PATH = click.Path(path_type=Path)


def size(context: click.Context, parameter: click.Parameter, value: str) -> tuple[int, int]:
    """Click callback: '25x50' -> (25, 50)."""
    width, by, height = value.lower().partition("x")
    if not (by and width.isdecimal() and height.isdecimal()):
        raise click.BadParameter(
            f"expected WIDTHxHEIGHT such as 25x50, found '{value}'.", context, parameter
        )
    return int(width), int(height)


def colour(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> tuple[int, int, int] | None:
    """Click callback: '128,128,128' -> (128, 128, 128)."""
    if value is None:
        return None
    parts = value.split(",")
    if len(parts) != 3 or not all(part.strip().isdecimal() and int(part) < 256 for part in parts):
        raise click.BadParameter(
            f"expected R,G,B such as 128,128,128, found '{value}'.", context, parameter
        )
    red, green, blue = map(int, parts)
    return red, green, blue


@click.command(
    cls=TopicCommand,
)
@click.argument("frames", type=PATH)
@click_options(CropOptions, leave=("extension", "workers"))
@options.topic_option("--png", group=CROPS, is_flag=True, help="Write PNG instead of JPEG.")
@options.topic_option(
    "--margin",
    group=CROPS,
    type=float,
    default=0.0,
    help="Added on each side, as a share of the box.  [default: 0]",
)
@options.topic_option(
    "--blank",
    group=CROPS,
    metavar="R,G,B",
    callback=colour,
    help="Paint all but the person, by its mask.",
)
@options.topic_option(
    "--min-size",
    group=SELECTION,
    metavar="WxH",
    default="25x50",
    callback=size,
    help="Smallest box in the frame, in pixels.  [default: 25x50]",
)
@options.topic_option(
    "--min-visible",
    group=SELECTION,
    type=float,
    default=0.25,
    help="Smallest visible share of a person.  [default: 0.25]",
)
@options.topic_option(
    "--max-truncated",
    group=SELECTION,
    type=float,
    default=0.25,
    help="Largest share outside the frame.  [default: 0.25]",
)
@options.topic_option(
    "--edges",
    group=SELECTION,
    type=click.Choice(["drop", "keep"]),
    default="drop",
    help="Boxes that touch the edge of the frame where `truncated` is not given.  [default: drop]",
)
@click_options(CropOptions, only=("workers",))
@options.topic_option("-o", "--output", type=PATH, required=True, help="Folder of the crops.")
@options.force_option
@options.json_option
def command(
    frames: Path,
    output: Path,
    min_size: tuple[int, int],
    png: bool,
    force: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Cut persons out of whole FRAMES into a folder that `gprplus build-manifest` reads.

    For the output of an engine as it is, give its folder to `gprplus build-manifest` instead: it
    recognizes MOTSynth, MOT, Isaac Sim, Unity and others (docs/engines.md).

    Every annotation becomes a crop or a line of _rejected.csv, counted by reason. The first that
    holds counts: category (no person), crowd (iscrowd), identity (unknown), value (a share or
    another value is invalid), box (no pixel in the frame), small, truncated, occluded, frame
    (missing, unreadable or of another size), mask (none to blank by).

    Truncation: `truncated` where it is given, else a box that touches the edge counts as cut.
    Occlusion: `visible` where it is given; else, of the pixels in the box that belong to masks, the
    share of the person's own; without masks the share of the box that no box reaching lower in the
    frame covers. Shares of -1 and NaN are unknown. The margin stops at the frame's edge.

    Attributes named as in gprplus are kept (in the annotation, its `attributes`, or the image); key
    points move into pixels of the crop (_crops.json, COCO). Identities that cannot be file names
    are mapped in _identities.csv.

    \b
    Examples:
      python tools/frames_to_crops.py frames --coco frames/annotations.json -o work/renders/crops
      python tools/frames_to_crops.py MOTSynth --coco MOTSynth/annotations/001.json \\
          --key identity=ped_id -o crops
      python tools/frames_to_crops.py MOTSynth --coco MOTSynth/annotations/001.json \\
          --key identity=model_id+attributes.0+attributes.2 -o crops
      python tools/frames_to_crops.py frames --masks masks --people people.csv \\
          --blank 128,128,128 -o crops
      python tools/frames_to_crops.py scene00 --points camera0_1_point.txt -o crops
    """
    from gprplus.cropping import CropRules, crop_frames

    names = ("margin", "min_visible", "max_truncated", "edges", "blank")
    rules = CropRules(
        min_width_px=min_size[0],
        min_height_px=min_size[1],
        **{name: given.pop(name) for name in names},
    )
    with progress_bar("Cutting") as progress:
        asked = given_options(CropOptions, {**given, "extension": ".png" if png else ".jpg"})
        crops = crop_frames(frames, output, asked, rules=rules, force=force, progress=progress)
    show(crops.path, crops.info, crops.made, as_json)


def show(path: Path, info: dict[str, Any], made: bool, as_json: bool) -> None:
    """Print what was cut and what was not."""
    if as_json:
        console.print_json({"path": str(path), "made": made, **info})
        return
    rows = [["crop", info["images"], ""]]
    rows += [[reason, count, info["reasons"][reason]] for reason, count in info["rejected"].items()]
    console.print_table(
        ["annotations", "count", "why"],
        [[name, f"{count:,}", why] for name, count, why in rows],
        right=(1,),
    )
    for remark in info["remarks"]:
        console.print_note(f"- {remark}")
    if info["renamed_identities"]:
        console.print_note(
            f"- {info['renamed_identities']:,} identities are called otherwise in names:"
            " _identities.csv."
        )
    done = f"Wrote {info['images']:,} crops of {info['identities']:,} identities into {path}."
    console.print_result(done if made else f"Nothing has changed: {path} stays as it is.")


if __name__ == "__main__":
    main(command)
