"""How fast the engine draws: a crossed design at 200x470 on one core, and what a picture's
milliseconds go to."""

import tempfile
import time
from pathlib import Path
from statistics import median

import torch

from benchmarks import harness
from benchmarks.ratios import Job, Ratio
from gprplus.core.imaging.images import encode_jpeg
from gprplus.engine import render
from gprplus.engine.crops.crop_renderer import CropRenderer, finish_picture
from gprplus.engine.crops.design import DesignBlock, RenderDesign, make_design
from gprplus.engine.frames.frame_renderer import FrameRenderer
from gprplus.engine.frames.scenario import make_scenario
from gprplus.engine.output.workers import one_thread

PEOPLE, SIDES = 8, 4
CELLS = 21  # of the default design: seven weathers in three hours


def main() -> None:
    """Measure and keep results/engine.md."""
    default = make_design(viewpoints=12)
    every = make_design(viewpoints=12, illuminations="all")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    with one_thread():
        steps = [_steps(design, device) for design in (default, every)]
        taken = _frames(device)
    whole = _whole(device.type)
    rows = [
        ["light a place, once a camera", *(f"{1000 * s['place']:.0f} ms" for s in steps)],
        ["intersect a person, once a block", *(f"{1000 * s['shot']:.1f} ms" for s in steps)],
        ["shade a cell", *(f"{1000 * s['shade']:.2f} ms" for s in steps)],
        ["encode it as JPEG", *(f"{1000 * s['jpeg']:.2f} ms" for s in steps)],
        ["images a second and core, places apart", *(f"{s['rate']:.0f}" for s in steps)],
    ]
    body = "\n\n".join(
        [
            harness.table(
                ["step (CPU seconds of one thread)", "21 cells a block", "49 cells a block"], rows
            ),
            (
                f"`render` of {PEOPLE} people x {SIDES} sides x 49 cells, one worker, places and"
                f" files included: {whole:.0f} images a second of wall clock on {device.type}."
            ),
            (
                f"Whole frames of 1280x720, {CELLS} cells (CPU seconds of one thread): lighting the"
                f" place, once a camera, {taken['place']:.1f} s; intersecting {taken['people']}"
                f" people, once a moment and camera, {taken['film']:.2f} s; shading a frame"
                f" {1000 * taken['shade']:.0f} ms, encoding it {1000 * taken['jpeg']:.0f} ms:"
                f" {taken['rate']:.1f} frames a second and core, places apart."
            ),
        ]
    )
    harness.keep("engine", "The engine: pictures of 200x470", body)


def _steps(design: RenderDesign, device: torch.device) -> dict[str, float]:
    """CPU seconds of each step; medians."""
    jobs, cells = _crop_jobs(design, device), len(design.cell_levels())
    place, shot = _seconds(jobs["place"], 3), _seconds(jobs["shot"], 3) / PEOPLE
    shade, jpeg = (_seconds(jobs[name], 5) / cells for name in ("shade", "jpeg"))
    rate = 1 / (shot / cells + shade + jpeg)
    return {"place": place, "shot": shot, "shade": shade, "jpeg": jpeg, "rate": rate}


def _crop_jobs(design: RenderDesign, device: torch.device) -> dict[str, Job]:
    """The steps of crops: light one place, intersect `PEOPLE` blocks, shade and encode all cells of
    one."""
    studio, cells = CropRenderer(design, device), design.cell_levels()
    blocks = [DesignBlock(identity, 2, 120, 1, "plaza") for identity in range(1, PEOPLE + 1)]
    taken = studio.shaded_block(blocks[0])
    shaded = [picture.cpu() for *_, picture in studio.pictures(taken, cells)]
    pictures = [studio.finish(picture.numpy()) for picture in shaded]

    def lit_crops() -> None:
        studio._places.clear()
        studio.place(blocks[0])

    return {
        "place": lit_crops,
        "shot": lambda: [studio.shaded_block(block) for block in blocks],
        "shade": lambda: [picture.cpu() for *_, picture in studio.pictures(taken, cells)],
        "jpeg": lambda: [encode_jpeg(picture, design.domain.quality) for picture in pictures],
    }


def _frames(device: torch.device) -> dict[str, float]:
    """CPU seconds of each step of whole frames; medians."""
    jobs, people = _frame_jobs((1280, 720), device)
    place, film = _seconds(jobs["place"], 1), _seconds(jobs["film"], 3)
    shade, jpeg = (_seconds(jobs[name], 3) / CELLS for name in ("shade", "jpeg"))
    rate = 1 / (film / CELLS + shade + jpeg)
    return {
        "place": place,
        "film": film,
        "shade": shade,
        "jpeg": jpeg,
        "rate": rate,
        "people": people,
    }


def _frame_jobs(size: tuple[int, int], device: torch.device) -> tuple[dict[str, Job], int]:
    """The steps of frames: light one place, intersect one frame, shade and encode all its cells; and
    how many people the frame has."""
    design = make_design(identities=16, size=size)
    scenario, cells = make_scenario(design), design.cell_levels()
    stage, take = FrameRenderer(scenario, device), scenario.takes(0, 1, 1)[0]
    shot = stage.rendered_frame(take)
    shaded = [picture.cpu() for *_, picture in stage.pictures(shot, cells)]
    pictures = [finish_picture(picture.numpy(), design.size) for picture in shaded]

    def lit_frames() -> None:
        stage._places.clear()
        stage.place(take.scene, take.degree)

    jobs: dict[str, Job] = {
        "place": lit_frames,
        "film": lambda: stage.rendered_frame(take),
        "shade": lambda: [picture.cpu() for *_, picture in stage.pictures(shot, cells)],
        "jpeg": lambda: [encode_jpeg(picture, design.domain.quality) for picture in pictures],
    }
    return jobs, len(take.moment.cast)


def ratios(scratch: Path, size: tuple[int, int] = (480, 270)) -> list[Ratio]:
    """The steps of a render over the encoding of the JPEGs, on the processor; those that pass over
    large arrays, which contention for the memory slows, over plain arithmetic."""
    device = torch.device("cpu")
    design = make_design(viewpoints=12)
    crops, (frames, _) = _crop_jobs(design, device), _frame_jobs(size, device)
    crop, frame = _arithmetic(design.size), _arithmetic(size)
    return [
        Ratio("engine: light a place / encode its crops", crops["place"], crops["jpeg"]),
        Ratio("engine: intersect blocks / encode a block", crops["shot"], crops["jpeg"], rounds=3),
        Ratio("engine: shade crops / arithmetic", crops["shade"], crop),
        Ratio("engine: intersect a frame / encode frames", frames["film"], frames["jpeg"]),
        Ratio("engine: shade frames / arithmetic", frames["shade"], frame),
        Ratio("engine: encode crops / arithmetic", crops["jpeg"], crop),
    ]


def _arithmetic(size: tuple[int, int]) -> Job:
    """Ten products, sums and roots of every channel of `CELLS` pictures."""
    pixels = torch.rand(3, size[1], size[0], generator=torch.Generator().manual_seed(0))

    def passes() -> None:
        for _ in range(10 * CELLS):
            (pixels * pixels + pixels).sqrt()

    return passes


def _seconds(function: Job, repeats: int) -> float:
    """Median CPU seconds of this process: what other programs on the machine take does not
    count."""
    function()
    taken = []
    for _ in range(repeats):
        start = time.process_time()
        function()
        taken.append(time.process_time() - start)
    return median(taken)


def _whole(device: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        render(
            Path(folder) / "renders",
            identities=PEOPLE,
            viewpoints=SIDES,
            illuminations="all",
            device=device,
            workers=1,
        )
        return PEOPLE * SIDES * 49 / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
