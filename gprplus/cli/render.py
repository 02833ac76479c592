"""gprplus render."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gprplus.cli import options
from gprplus.cli.click_options import click_options, given_options
from gprplus.cli.console import print_json, print_result
from gprplus.cli.topics import TopicCommand
from gprplus.core.options import options_of
from gprplus.core.progress import progress_bar
from gprplus.engine.options import FRAMES, FramesOptions, RenderOptions

if TYPE_CHECKING:
    from gprplus.engine.output.render_crops import RenderPlan


@click.command(
    "render", cls=TopicCommand, short_help="Render a crossed design of synthetic identities."
)
@click_options(RenderOptions)
@options.topic_option(
    "--frames",
    group=FRAMES,
    is_flag=True,
    help="Draw whole frames with several identities and COCO annotations, instead of crops.",
)
@click_options(FramesOptions, leave=options_of(RenderOptions))
@options.topic_option(
    "-o",
    "--output",
    type=options.LocalPath(),
    default=None,
    help="Folder.  [default: WORK/renders/DOMAIN; WORK/frames/DOMAIN with --frames]",
)
@options.work_option
@options.on_option
@options.force_option
@options.dry_run_option
@options.json_option
def command(
    frames: bool,
    meetings: int | None,
    work: Path,
    output: Path | None,
    force: bool,
    dry_run: bool,
    as_json: bool,
    **values: Any,
) -> None:
    """Render a crossed design of synthetic identities.

    Each identity is drawn from every viewpoint in every weather and illumination. With --frames,
    several identities meet in one place, recorded by fixed cameras around it. An interrupted
    command continues when it is run again.

    \b
    Examples:
      gprplus render
      gprplus render --identities 8 --viewpoints 12 --illuminations all
      gprplus render --domain street --weathers sunny,foggy
      gprplus render --frames --identities 16 --weathers sunny --size 960x540
    """
    from gprplus.engine import render, render_frames
    from gprplus.engine.crops.design import make_design
    from gprplus.engine.frames.scenario import make_scenario
    from gprplus.engine.output.render_crops import is_complete

    given = click.get_current_context().get_parameter_source("meetings")
    if given is click.core.ParameterSource.COMMANDLINE and not frames:
        raise click.UsageError("--meetings is for whole frames: give --frames too.")
    given_values: RenderOptions | FramesOptions
    if frames:  # their annotations always hold boxes and keypoints
        shared = {
            name: value for name, value in values.items() if name not in ("boxes", "keypoints")
        }
        given_values = given_options(FramesOptions, {**shared, "meetings": meetings})
        plan: RenderPlan = make_scenario(make_design(given_values), given_values.meetings)
        draw: Callable[..., Path] = render_frames
    else:
        given_values = given_options(RenderOptions, values)
        plan, draw = make_design(given_values), render
    identities = given_values.identities
    folder = output or work / ("frames" if frames else "renders") / given_values.domain
    known = {"output": str(folder), "identities": identities, "images": plan.images}
    what = "frames" if frames else "images"
    if dry_run:
        size_mb = plan.bytes_expected / 1e6
        text = (
            f"Would draw {plan.images:,} {what} of {identities:,} identities into {folder}: about"
            f" {size_mb:,.0f} MB."
        )
        (
            print_json({**known, "bytes": plan.bytes_expected, "state": "planned"})
            if as_json
            else print_result(text)
        )
        return
    done = is_complete(folder, plan, force=force)
    with progress_bar("render") as bar:
        draw(folder, given_values, force=force, progress=bar)
    state = "already drawn" if done else "drawn"
    (
        print_json({**known, "state": state})
        if as_json
        else print_result(
            f"{plan.images:,} {what} of {identities:,} identities {state} in {folder}."
        )
    )
