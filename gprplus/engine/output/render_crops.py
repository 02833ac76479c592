"""Rendering of a design into a folder: resumption, refusals, and the record, which is written
last."""

import csv
import io
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from gprplus.core.declarations import identity_attributes
from gprplus.core.errors import DeviceError, RenderError, format_bytes
from gprplus.core.files.folders import claim_folder, remove_output
from gprplus.core.files.paths import AnyPath
from gprplus.core.files.workdir import (
    REQUEST_FILE,
    check_request,
    hold_request,
    package_versions,
    work_folder,
    write_json,
    write_text,
)
from gprplus.core.options import accepts, combined
from gprplus.core.parallel import Progress, no_progress, worker_count
from gprplus.core.progress import shows_progress
from gprplus.engine.annotations import write_coco
from gprplus.engine.crops.design import RenderDesign, make_design
from gprplus.engine.options import RenderOptions
from gprplus.engine.output.ledger import BLOCKS, Ledger
from gprplus.engine.output.workers import BlockJob
from gprplus.engine.people.traits import sample_person
from gprplus.engine.places.weather_light import HOURS, WEATHERS

KIND = "renders"  # of folder, as its mark states
LICENCE = "CC0-1.0"


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
    """Draw a crossed design of synthetic identities into a folder, and return that folder.

    Finished (identity, viewpoint, place) blocks of the same request are kept, so that an
    interrupted call continues.

    Args:
        output: folder of the images; by default WORK/renders/DOMAIN (WORK: $GPRPLUS_WORK, else
            work/).
        options: all options at once; the keywords below change single fields of it.
        force: replace the images of another request in the folder.
        progress: called with the number of images drawn and of all images.

    Raises:
        RenderError: the design is impossible.
        RequestChanged: the folder holds another design, and `force` is not set.
        DeviceError: the device does not exist.
    """
    given = combined(RenderOptions, options, changes, "render")
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
        for finished in job.run():
            done += finished
            progress(done, design.images)
        _conclude(real, design)
    return output


class RenderPlan(Protocol):
    """Content of an output folder: crops (see design.Design) or frames (see frames.Scenario)."""

    @property
    def images(self) -> int:
        """Return the number of images."""

    @property
    def bytes_expected(self) -> int:
        """Return the approximate size on disk."""

    @property
    def record(self) -> str:
        """The name of the record that is written last."""

    def request(self) -> dict[str, Any]:
        """Return the settings that determine pixels and files."""


def is_complete(output: Path, plan: RenderPlan, *, force: bool = False) -> bool:
    """Return True if the folder is complete for this plan; RequestChanged if it has another one
    without `force`."""
    request = plan.request()
    check_request(Path(output) / REQUEST_FILE, request, force=force)
    return check_request(Path(output) / plan.record, request, force=force) == "same"


def choose_device(name: str) -> str:
    """Resolve 'auto' to 'cuda' if available, else 'cpu'; DeviceError if the requested device is
    missing."""
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    kind, _, number = name.partition(":")
    if kind not in ("cpu", "cuda") or (number and not number.isdecimal()):
        raise DeviceError(f"--device is auto, cpu, cuda or cuda:N, not '{name}'.")
    if kind == "cuda" and not torch.cuda.is_available():
        raise DeviceError(
            "--device cuda was requested, but torch finds no CUDA device. Use --device cpu, or"
            " auto."
        )
    if number and kind == "cuda" and int(number) >= torch.cuda.device_count():
        count = torch.cuda.device_count()
        raise DeviceError(
            f"--device {name} was requested, but torch finds {count} CUDA device(s), numbered"
            " from 0."
        )
    return name


@contextmanager
def prepare_output(output: Path, plan: RenderPlan, *, force: bool) -> Iterator[Path]:
    """Hold an empty or resumable folder with room for the plan, its request noted; yield its real
    path."""
    parent = next(folder for folder in (output, *output.resolve().parents) if folder.exists())
    free = shutil.disk_usage(parent).free
    if plan.bytes_expected > free:
        raise RenderError(
            f"{plan.images:,} images need about {format_bytes(plan.bytes_expected)}, and {parent}"
            f" has {format_bytes(free)} free. Request fewer or smaller images, or give another"
            " folder with -o."
        )
    with hold_request(output, KIND, plan.record, plan.request(), RenderError, force=force) as real:
        yield real


def remove_parts(output: Path, notes: str) -> None:
    """Remove what a finished render no longer needs: its folder of notes and its request."""
    for name in (notes, REQUEST_FILE):
        if (output / name).exists():
            claim_folder(output, KIND, RenderError, adopt=True)
            remove_output(output / name)


def write_identities(output: Path, design: RenderDesign) -> None:
    """Write identities.csv: the attributes of all people."""
    names = identity_attributes()
    rows = [
        [f"{i:04d}", *(sample_person(design.person_key(i))[name] for name in names)]
        for i in range(1, design.identities + 1)
    ]
    write_text(output / "identities.csv", _csv([["identity", *names], *rows]))


def _conclude(output: Path, design: RenderDesign) -> None:
    """identities.csv, boxes, and the record, last."""
    write_identities(output, design)
    if design.boxes:
        write_text(
            output / "_boxes.csv",
            _csv([["path", "x_px", "y_px", "width_px", "height_px"], *_boxes(output, design)]),
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


def _csv(rows: Sequence[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
