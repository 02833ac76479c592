"""gprplus render."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gprplus.cli import options
from gprplus.cli.console import print_json, print_result
from gprplus.core.progress import progress_bar

if TYPE_CHECKING:
    from gprplus.engine.output.render_crops import RenderPlan


@click.command("render", short_help="Render a crossed design of synthetic identities.")
@click.option("--identities", type=int, default=64, show_default=True, help="Number of identities.")
@click.option(
    "--viewpoints", type=int, default=6, show_default=True, help="Cameras around each; must divide 360, 36 at most."
)
@click.option("--weathers", default="all", show_default=True, help="Levels separated by commas, or all.")
@click.option(
    "--illuminations", default="forenoon,dusk,night", show_default=True, help="Hours separated by commas, or all."
)
@click.option(
    "--backgrounds", type=int, default=1, show_default=True, help="Number of places, crossed with the other factors."
)
@click.option("--size", default=None, help="Width x height in pixels.  [default: 200x470, or 1280x720 with --frames]")
@click.option("--domain", default="engine", show_default=True, help="Cameras and identities: engine, street or mall.")
@click.option("--frames", is_flag=True, help="Whole frames with several identities and COCO annotations, not crops.")
@click.option(
    "--meetings", type=int, default=None, help="With --frames: number of moments of each identity.  [default: 2]"
)
@click.option("--masks", is_flag=True, help="Also write the mask of every image.")
@click.option("--boxes", is_flag=True, help="Also write the box of every image.")
@click.option(
    "--keypoints", is_flag=True, help="Also write COCO annotations: 17 key points, box and mask of every image."
)
@click.option("--same-people", is_flag=True, help="Use the identities of the domain engine in every domain.")
@options.seed_option
@options.device_option
@options.workers_option
@options.work_option
@click.option(
    "-o",
    "--output",
    type=options.LocalPath(),
    default=None,
    help="Folder.  [default: WORK/renders/DOMAIN, or WORK/frames/DOMAIN with --frames]",
)
@options.force_option
@options.dry_run_option
@options.json_option
def command(
    identities: int,
    viewpoints: int,
    weathers: str,
    illuminations: str,
    backgrounds: int,
    size: str | None,
    domain: str,
    frames: bool,
    meetings: int | None,
    masks: bool,
    boxes: bool,
    keypoints: bool,
    same_people: bool,
    seed: int,
    device: str,
    workers: int | None,
    work: Path,
    output: Path | None,
    force: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Render a crossed design of synthetic identities.

    Every identity is rendered from every viewpoint in every weather and every light. With --frames, several identities
    are in one place, recorded by --viewpoints fixed cameras. The same command continues after an
    interruption.

    \b
    Examples:
      gprplus render
      gprplus render --identities 8 --viewpoints 12 --illuminations all
      gprplus render --domain street --weathers sunny,foggy -o work/renders/street
      gprplus render --frames --identities 16 --weathers sunny --size 960x540
    """
    from gprplus.engine import render, render_frames
    from gprplus.engine.crops.design import make_design, parse_size
    from gprplus.engine.frames.scenario import make_scenario
    from gprplus.engine.output.render_crops import is_complete

    if meetings is not None and not frames:
        raise click.UsageError("--meetings is for whole frames: give --frames too.")

    asked: dict[str, Any] = {
        "identities": identities,
        "viewpoints": viewpoints,
        "weathers": weathers,
        "illuminations": illuminations,
        "backgrounds": backgrounds,
        "size": parse_size(size or ("1280x720" if frames else "200x470")),
        "domain": domain,
        "masks": masks,
        "same_people": same_people,
        "seed": seed,
    }
    if frames:  # their annotations always hold boxes and key points
        plan: RenderPlan = make_scenario(make_design(**asked), meetings or 2)
        draw: Callable[..., Path] = partial(render_frames, meetings=meetings or 2)
    else:
        asked |= {"boxes": boxes, "keypoints": keypoints}
        plan, draw = make_design(**asked), render
    folder = output or work / ("frames" if frames else "renders") / domain
    known = {"output": str(folder), "identities": identities, "images": plan.images}
    what = "frames" if frames else "images"
    if dry_run:
        size_mb = plan.bytes_expected / 1e6
        text = f"Would draw {plan.images:,} {what} of {identities:,} identities into {folder}: about {size_mb:,.0f} MB."
        print_json({**known, "bytes": plan.bytes_expected, "state": "planned"}) if as_json else print_result(text)
        return
    done = is_complete(folder, plan, force=force)
    with progress_bar("render") as bar:
        draw(folder, **asked, device=device, workers=workers, force=force, progress=bar)
    state = "already drawn" if done else "drawn"
    print_json({**known, "state": state}) if as_json else print_result(
        f"{plan.images:,} {what} of {identities:,} identities {state} in {folder}."
    )
