"""Rendering of a scenario into a folder of frames with annotations."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gprplus.core.files.folders import remove_output
from gprplus.core.files.paths import AnyPath
from gprplus.core.files.workdir import package_versions, work_folder, write_bytes, write_json
from gprplus.core.imaging.images import encode_jpeg
from gprplus.core.options import accepts, combined
from gprplus.core.parallel import Progress, map_processes, no_progress, worker_count
from gprplus.core.progress import shows_progress
from gprplus.engine.annotations import ANNOTATIONS, write_coco
from gprplus.engine.crops.design import make_design
from gprplus.engine.frames.scenario import CameraView, Scenario, make_scenario
from gprplus.engine.options import FramesOptions
from gprplus.engine.output.ledger import PART, png_numbers
from gprplus.engine.output.output_folder import (
    LICENCE,
    choose_device,
    is_complete,
    prepare_output,
    remove_parts,
    write_identities,
)
from gprplus.engine.output.workers import one_thread
from gprplus.engine.places.weather_light import HOURS, WEATHERS

if TYPE_CHECKING:
    from gprplus.engine.frames.frame_renderer import FrameRenderer

NOTES = "_takes"


@shows_progress("Rendering")
@accepts(FramesOptions)
def render_frames(
    output: AnyPath | None = None,
    options: FramesOptions | None = None,
    *,
    force: bool = False,
    progress: Progress = no_progress,
    **changes: Any,
) -> Path:
    """Draw whole frames with several people into a folder, and return that folder.

    `viewpoints` fixed cameras around the place record the same moments. The folder also gets COCO
    annotations, identities.csv and, with `masks`, label images. Resumes and refuses like render.

    Args:
        output: folder of the frames; by default WORK/frames/DOMAIN (WORK: $GPRPLUS_WORK, else
            work/).
        options: all options at once; the keywords below change single fields of it.
        force: replace the frames of another request in the folder.
        progress: called with the number of frames drawn and of all frames.
    """
    given = combined(FramesOptions, options, changes, "render_frames")
    scenario = make_scenario(make_design(given), given.meetings)
    output = work_folder() / "frames" / given.domain if output is None else Path(output)
    if is_complete(output, scenario, force=force):
        remove_parts(output, NOTES)
        progress(scenario.images, scenario.images)
        return output
    where = choose_device(given.device)
    with prepare_output(output, scenario, force=force) as real:
        job = FrameJob(scenario, real, where, worker_count(given.workers))
        done = 0
        progress(0, scenario.images)
        for finished in job.run():
            done += finished
            progress(done, scenario.images)
        _conclude(real, scenario)
    return output


@dataclass(frozen=True)
class FrameJob:
    """Job of a worker, sent to processes as a whole."""

    scenario: Scenario
    output: Path
    device: str
    workers: int

    def run(self) -> Iterator[int]:
        """Render what is missing; yields how many frames each unit has, as they are finished. On a
        GPU one process draws and threads encode and write.
        """
        units = self.scenario.units()
        alone = self.device != "cpu"
        yield from map_processes(
            partial(_unit, self), units, 1 if alone else min(self.workers, len(units))
        )


_stages: dict[
    str, "FrameRenderer"
] = {}  # of this process; one at a time, since its lit places are large


def _stage(job: FrameJob) -> "FrameRenderer":
    import torch

    from gprplus.engine.frames.frame_renderer import FrameRenderer

    name = repr(job)
    if name not in _stages:
        _stages.clear()
        _stages[name] = FrameRenderer(job.scenario, torch.device(job.device))
    return _stages[name]


def _unit(job: FrameJob, unit: tuple[int, int, int]) -> int:
    """Render the unfinished takes of one crew, camera and place."""
    takes = job.scenario.takes(*unit)
    cells = job.scenario.design.cell_levels()
    missing = [take for take in takes if not _whole(job, take)]
    if missing:
        threads = 1 if job.device == "cpu" else max(2, job.workers)
        with one_thread(), ThreadPoolExecutor(threads) as pool:
            for take in missing:
                _shoot(job, take, cells, pool if threads > 1 else None)
    return len(takes) * len(cells)


def _shoot(
    job: FrameJob, take: CameraView, cells: list[tuple[str, str]], pool: ThreadPoolExecutor | None
) -> None:
    """Draw one take in all of its cells; its note is written when the files are there."""
    stage = _stage(job)
    film = stage.rendered_frame(take)
    mask = png_numbers(film.instances) if job.scenario.design.masks else None
    save = partial(_save, job, take, mask)
    files = []
    for weather, hour, picture in stage.pictures(film, cells):
        planes = picture.cpu().numpy()
        if pool is None:
            save((weather, hour), planes)
        else:
            files.append(pool.submit(save, (weather, hour), planes))
    for file in files:
        file.result()
    note = _note(job.output, job.scenario, take)
    write_bytes(note, json.dumps(film.annotations, separators=(",", ":")).encode())


def _save(
    job: FrameJob, take: CameraView, mask: bytes | None, cell: tuple[str, str], planes: np.ndarray
) -> None:
    """Encode and write one frame, and its mask."""
    from gprplus.engine.crops.crop_renderer import finish_picture

    design = job.scenario.design
    path = job.output / job.scenario.path(take, *cell)
    write_bytes(path, encode_jpeg(finish_picture(planes, design.size), design.domain.quality))
    if mask is not None:
        mask_path = job.output / "_masks" / job.scenario.path(take, *cell, "png")
        write_bytes(mask_path, mask)


def _note(output: Path, scenario: Scenario, take: CameraView) -> Path:
    """Ledger of finished camera views, with their annotations."""
    return output / NOTES / f"{scenario.stem(take)}.json"


def _whole(job: FrameJob, take: CameraView) -> bool:
    """Return True if a camera view is in the ledger and all of its files exist."""
    if not _note(job.output, job.scenario, take).exists():
        return False
    cells, masks = job.scenario.design.cell_levels(), job.scenario.design.masks
    return all(
        (job.output / job.scenario.path(take, *cell)).exists()
        and (not masks or (job.output / "_masks" / job.scenario.path(take, *cell, "png")).exists())
        for cell in cells
    )


def _conclude(output: Path, scenario: Scenario) -> None:
    """identities.csv, the annotations, and the record, last; leftovers of a kill are swept away."""
    design = scenario.design
    write_identities(output, design, range(1, design.identities + 1))
    write_coco(
        output,
        {"description": "made by gprplus render --frames", "licence": LICENCE},
        _rows(output, scenario),
    )
    for part in output.rglob(f"*{PART}"):
        remove_output(part)
    write_json(
        output / scenario.record,
        {
            "name": design.domain.name,
            "schema_version": 1,
            "request": scenario.request(),
            "annotations": ANNOTATIONS,
            "degrees": {f"{i:02d}": degree for i, degree in enumerate(design.degrees, 1)},
            "weather": {f"{i:02d}": name for i, name in enumerate(WEATHERS, 1)},
            "illumination": {f"{i:02d}": name for i, name in enumerate(HOURS, 1)},
            "background": {f"{i:02d}": name for i, name in enumerate(design.scenes, 1)},
            "identities": design.identities,
            "images": scenario.images,
            "licence": LICENCE,
            "versions": package_versions(),
        },
    )
    remove_parts(output, NOTES)


def _rows(
    output: Path, scenario: Scenario
) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """(image, its annotations) of every frame, moment by moment, for coco.write_coco."""
    design = scenario.design
    for pool, camera, background in sorted(scenario.units()):
        for take in scenario.takes(pool, camera, background):
            annotations = json.loads(_note(output, scenario, take).read_text(encoding="ascii"))
            for weather, hour in design.cell_levels():
                image = {
                    "file_name": scenario.path(take, weather, hour),
                    "width": design.size[0],
                    "height": design.size[1],
                    "frame": take.moment.number,
                    "camera": camera,
                    "weather": weather,
                    "illumination": hour,
                    "background": take.scene,
                }
                yield image, annotations
