"""Rendering of a design into a folder; the record is written last."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gprplus.core.files.paths import AnyPath
from gprplus.core.files.workdir import package_versions, work_folder, write_json, write_text
from gprplus.core.options import accepts, combined
from gprplus.core.parallel import Progress, no_progress, worker_count
from gprplus.core.progress import shows_progress
from gprplus.engine.annotations import write_coco
from gprplus.engine.crops.design import RenderDesign, make_design
from gprplus.engine.options import RenderOptions
from gprplus.engine.output.ledger import BLOCKS, Ledger
from gprplus.engine.output.output_folder import (
    LICENCE,
    choose_device,
    csv_text,
    is_complete,
    prepare_output,
    remove_parts,
    write_identities,
)
from gprplus.engine.output.workers import BlockJob
from gprplus.engine.places.weather_light import HOURS, WEATHERS
from gprplus.engine.plans.render_planned import render_planned


@shows_progress("Rendering")
@accepts(RenderOptions)
def render(
    output: AnyPath | None = None,
    options: RenderOptions | None = None,
    *,
    force: bool = False,
    progress: Progress = no_progress,
    **changes: Any,
) -> Path:
    """Draw synthetic identities into a folder, a crossed design or a plan; return that folder.

    What is finished of the same request is kept, so that an interrupted call continues. A plan
    adds its images to those of other plans with the same settings.

    Args:
        output: folder of the images; by default WORK/renders/DOMAIN (WORK: $GPRPLUS_WORK, else
            work/).
        options: all options at once; the keywords below change single fields of it.
        force: replace the images of another request in the folder.
        progress: called with the number of images drawn and of all images.

    Raises:
        RenderError: the design or the plan is impossible.
        RequestChanged: the folder holds another design, and `force` is not set.
        DeviceError: the device does not exist.
    """
    given = combined(RenderOptions, options, changes, "render")
    if given.plan is not None:
        return render_planned(output, given, force=force, progress=progress)
    design = make_design(given)
    output = work_folder() / "renders" / design.domain.name if output is None else Path(output)
    if is_complete(output, design, force=force):
        remove_parts(output, BLOCKS)
        progress(design.images, design.images)
        return output
    where = choose_device(given.device)
    with prepare_output(output, design, force=force) as real:
        job = BlockJob(design, real, where, worker_count(given.workers))
        done = 0
        progress(0, design.images)
        for finished in job.run([design.blocks(i) for i in range(1, design.identities + 1)]):
            done += finished
            progress(done, design.images)
        _conclude(real, design)
    return output


def _conclude(output: Path, design: RenderDesign) -> None:
    """identities.csv, boxes, and the record, last."""
    write_identities(output, design, range(1, design.identities + 1))
    if design.boxes:
        write_text(
            output / "_boxes.csv",
            csv_text([["path", "x_px", "y_px", "width_px", "height_px"], *_boxes(output, design)]),
        )
    if design.keypoints:
        info = {"description": "made by gprplus render", "licence": LICENCE}
        write_coco(output, info, _annotations(output, design))
    write_json(
        output / design.record,
        {
            "layout": "engine",
            "name": design.domain.name,
            "schema_version": 1,
            "request": design.request(),
            "degrees": {f"{i:02d}": degree for i, degree in enumerate(design.degrees, 1)},
            "weather": {f"{i:02d}": name for i, name in enumerate(WEATHERS, 1)},
            "illumination": {f"{i:02d}": name for i, name in enumerate(HOURS, 1)},
            "background": {f"{i:02d}": name for i, name in enumerate(design.scenes, 1)},
            "identities": design.identities,
            "images": design.images,
            "factors": [
                "identity",
                "viewpoint_deg",
                "weather",
                "illumination",
                *(["background"] if len(design.scenes) > 1 else []),
            ],
            "licence": LICENCE,
            "versions": package_versions(),
        },
    )
    remove_parts(output, BLOCKS)


def _boxes(output: Path, design: RenderDesign) -> Iterator[list[object]]:
    for identity in range(1, design.identities + 1):
        notes = Ledger(output, identity).read()
        for block in design.blocks(identity):
            for weather, hour in design.cell_levels():
                yield [
                    design.path(block, weather, hour),
                    *notes[block.camera, block.background].box,
                ]


def _annotations(
    output: Path, design: RenderDesign
) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """(image, its one annotation) of every render, for coco.write_coco."""
    width, height = design.size
    for identity in range(1, design.identities + 1):
        notes = Ledger(output, identity).read()
        for block in design.blocks(identity):
            person = notes[block.camera, block.background].annotation
            for weather, hour in design.cell_levels():
                image = {
                    "file_name": design.path(block, weather, hour),
                    "width": width,
                    "height": height,
                    "camera": block.camera,
                    "weather": weather,
                    "illumination": hour,
                    "background": block.scene,
                }
                yield image, [person] if person else []
