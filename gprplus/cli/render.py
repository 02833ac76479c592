"""gprplus render."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click

from gprplus.cli import options
from gprplus.cli.click_options import click_options, given_options
from gprplus.cli.console import print_json, print_result
from gprplus.cli.topics import TopicCommand
from gprplus.core.options import options_of
from gprplus.core.progress import progress_bar
from gprplus.engine.options import FRAMES, PLANNED, FramesOptions, RenderOptions


@click.command(
    "render",
    cls=TopicCommand,
    short_help="Render synthetic identities: a crossed design, or a plan.",
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
    help=(
        "Folder.  [default: WORK/renders/DOMAIN; WORK/frames/DOMAIN with --frames;"
        " WORK/renders/DOMAIN-planned with --plan]"
    ),
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
    """Render synthetic identities: a crossed design, or a plan.

    Each identity is drawn from every viewpoint in every weather and illumination. With --frames,
    several identities meet in one place, recorded by fixed cameras around it. With --plan, exactly
    the images of a plan are drawn; those of earlier plans in the folder stay. An interrupted
    command continues when it is run again.

    \b
    Examples:
      gprplus render
      gprplus render --identities 8 --viewpoints 12 --illuminations all
      gprplus render --domain street --weathers sunny,foggy
      gprplus render --frames --identities 16 --weathers sunny --size 960x540
      gprplus render --plan plan.csv --domain street
    """
    _refuse_options(frames, values["plan"])
    if frames:
        shared = {
            name: value
            for name, value in values.items()
            if name not in ("boxes", "keypoints", "plan")
        }  # the annotations of frames always hold boxes and keypoints
        given = given_options(FramesOptions, {**shared, "meetings": meetings})
        task = _frames(given, output or work / "frames" / given.domain, force)
    else:
        crops = given_options(RenderOptions, values)
        if crops.plan is None:
            task = _crossed(crops, output or work / "renders" / crops.domain, force)
        else:
            task = _planned(crops, output or work / "renders" / f"{crops.domain}-planned", force)
    known = {"output": str(task.folder), "identities": task.identities, "images": task.images}
    if dry_run:
        size_mb = task.bytes_expected / 1e6
        text = (
            f"Would draw {task.images:,} {task.what} of {task.identities:,} identities into"
            f" {task.folder}: about {size_mb:,.0f} MB."
        )
        if task.missing < task.images:
            text += f" {task.images - task.missing:,} of them are there already."
        rest = {"missing": task.missing, "bytes": task.bytes_expected, "state": "planned"}
        print_json({**known, **rest}) if as_json else print_result(text)
        return
    with progress_bar("render") as bar:
        task.draw(progress=bar)
    state = "drawn" if task.missing else "already drawn"
    if 0 < task.missing < task.images:
        state = f"drawn, {task.missing:,} of them now,"
    (
        print_json({**known, "missing": task.missing, "state": state.partition(",")[0]})
        if as_json
        else print_result(
            f"{task.images:,} {task.what} of {task.identities:,} identities {state} in"
            f" {task.folder}."
        )
    )


@dataclass(frozen=True)
class RenderTask:
    """What a command is going to draw; `missing` is the number of images that are not there."""

    folder: Path
    draw: Callable[..., Path]
    what: str
    identities: int
    images: int
    missing: int
    bytes_expected: int


def _refuse_options(frames: bool, plan: Path | None) -> None:
    """Refuse options of another kind of render."""
    context = click.get_current_context()
    given = [
        name
        for name in context.params
        if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
    ]
    if "meetings" in given and not frames:
        raise click.UsageError("--meetings is for whole frames: give --frames too.")
    if plan is None:
        return
    for name in ("frames", *PLANNED):
        if name in given:
            raise click.UsageError(
                f"--{name} cannot be given with --plan: the plan has every image. Leave one out."
            )


def _crossed(given: RenderOptions, folder: Path, force: bool) -> RenderTask:
    from gprplus.engine import render
    from gprplus.engine.crops.design import make_design
    from gprplus.engine.output.output_folder import is_complete

    design = make_design(given)
    missing = 0 if is_complete(folder, design, force=force) else design.images
    draw = partial(render, folder, given, force=force)
    size = design.bytes_expected
    return RenderTask(folder, draw, "images", given.identities, design.images, missing, size)


def _frames(given: FramesOptions, folder: Path, force: bool) -> RenderTask:
    from gprplus.engine import render_frames
    from gprplus.engine.crops.design import make_design
    from gprplus.engine.frames.scenario import make_scenario
    from gprplus.engine.output.output_folder import is_complete

    scenario = make_scenario(make_design(given), given.meetings)
    missing = 0 if is_complete(folder, scenario, force=force) else scenario.images
    draw = partial(render_frames, folder, given, force=force)
    size = scenario.bytes_expected
    return RenderTask(folder, draw, "frames", given.identities, scenario.images, missing, size)


def _planned(given: RenderOptions, folder: Path, force: bool) -> RenderTask:
    from gprplus.engine.plans.planned_design import planned_render
    from gprplus.engine.plans.render_planned import missing_images, render_planned

    wanted = planned_render(given)
    missing = missing_images(folder, wanted, force=force)
    draw = partial(render_planned, folder, given, force=force, wanted=wanted)
    numbers = (wanted.identities, wanted.images, missing.images, missing.bytes_expected)
    return RenderTask(folder, draw, "images", *numbers)
