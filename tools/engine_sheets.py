"""Contact sheets of the engine, to be looked at: `python tools/engine_sheets.py FOLDER [SHEET...]`.

Sheets: views, cells (weather x hour), people, domains, places, frames, plan. A change of the engine is
judged on these before any score.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from gprplus.core.contact_sheet import contact_sheet
from gprplus.engine.crops.crop_renderer import CropRenderer, finish_picture
from gprplus.engine.crops.design import DesignBlock, make_design
from gprplus.engine.domains import domain_named
from gprplus.engine.frames.frame_renderer import FrameRenderer
from gprplus.engine.frames.scenario import make_scenario
from gprplus.engine.places.indoor import MALLS
from gprplus.engine.places.outdoor import SCENES
from gprplus.engine.places.weather_light import HOURS, MIDPOINTS, WEATHERS
from gprplus.engine.plans.planned_design import PlannedDesign

Cells = list[list[np.ndarray]]
Sheet = tuple[Cells, list[str], list[str]]


class Lens:
    """Single pictures by what they show."""

    def __init__(self, domain: str = "engine") -> None:
        places = len(domain_named(domain).scenes)
        design = make_design(
            viewpoints=36, weathers="all", illuminations="all", backgrounds=places, domain=domain
        )
        self.studio = CropRenderer(design, torch.device("cpu"))

    def take(
        self, identity: int, degree: int, scene: str, cells: Sequence[tuple[str, str]]
    ) -> list[np.ndarray]:
        """Pictures of one block, `(470, 200, 3) uint8` each."""
        shot = self.studio.shaded_block(DesignBlock(identity, 1, degree, 1, scene))
        return [
            self.studio.finish(picture.numpy())
            for _, _, picture in self.studio.pictures(shot, list(cells))
        ]


def views() -> Sheet:
    """Six people from twelve sides: 90 is the front, 180 faces right, 270 the back."""
    lens, degrees = Lens(), list(range(0, 360, 30))
    people = [3, 8, 16, 17, 22, 29]
    cells = [
        [lens.take(who, degree, "plaza", [("sunny", "forenoon")])[0] for degree in degrees]
        for who in people
    ]
    return cells, [f"{who:04d}" for who in people], [f"{degree}°" for degree in degrees]


def cells() -> Sheet:
    """Every weather in every light, in one place."""
    shots = Lens().take(24, 130, "park", [(w, h) for w in WEATHERS for h in HOURS])
    return [shots[i * 7 : i * 7 + 7] for i in range(7)], list(WEATHERS), list(HOURS)


def people() -> Sheet:
    """Forty people in the same soft light."""
    lens = Lens()
    shots = [
        lens.take(who, (110, 60)[who % 2], "yard", [("neutral", "forenoon")])[0]
        for who in range(1, 41)
    ]
    return (
        [shots[i : i + 10] for i in range(0, 40, 10)],
        [str(i + 1) for i in range(0, 40, 10)],
        [""] * 10,
    )


def domains() -> Sheet:
    """The engine's cameras beside those of the street and the mall."""
    shown = [("sunny", "noon"), ("clouds", "dusk"), ("foggy", "dawn"), ("snowlight", "night")]
    rows, names = [], []
    for domain, scenes in (
        ("engine", ("plaza", "street")),
        ("street", ("plaza", "street")),
        ("mall", tuple(MALLS)[:2]),
    ):
        lens = Lens(domain)
        for scene in scenes:
            rows.append(
                [shot for who in (2, 5) for shot in lens.take(who, 60 + 100 * who, scene, shown)]
            )
            names.append(f"{domain}, {scene}")
    return rows, names, [f"{w}, {h}" for _ in (2, 5) for w, h in shown]


def places() -> Sheet:
    """Every place from eight sides, the weather changing along."""
    lens, degrees = Lens(), list(range(0, 360, 45))
    levels = [(WEATHERS[i % 7], HOURS[(3 * i + 2) % 7]) for i in range(8)]
    shots = [
        [lens.take(9, d, scene, [level])[0] for d, level in zip(degrees, levels, strict=True)]
        for scene in SCENES
    ]
    return shots, list(SCENES), [f"{d}° {w} {h}" for d, (w, h) in zip(degrees, levels, strict=True)]


def frames() -> Sheet:
    """One moment as three cameras see it in three lights: people meet, pass and hide each other."""
    levels = (("sunny", "forenoon"), ("clouds", "dusk"), ("snowlight", "night"))
    rows, names = [], []
    for domain, scene in (("engine", "street"), ("street", "park"), ("mall", "foodcourt")):
        design = make_design(
            identities=16,
            weathers="all",
            illuminations="all",
            backgrounds=4,
            size=(960, 540),
            domain=domain,
        )
        scenario = make_scenario(design)
        stage, place = FrameRenderer(scenario, torch.device("cpu")), design.scenes.index(scene) + 1
        row = []
        for camera, level in zip((1, 3, 5), levels, strict=True):
            film = stage.rendered_frame(scenario.takes(0, camera, place)[0])
            row.append(
                finish_picture(next(iter(stage.pictures(film, [level])))[2].numpy(), design.size)
            )
        rows.append(row)
        names.append(f"{domain}, {scene}")
    return (
        rows,
        names,
        [f"camera {c}, {w}, {h}" for c, (w, h) in zip((1, 3, 5), levels, strict=True)],
    )


def plan() -> Sheet:
    """What only plans have: lights half way between two hours, and other camera heights."""
    design = PlannedDesign(
        size=(200, 470), domain=domain_named("engine"), same_people=False, seed=0
    )
    studio = CropRenderer(design, torch.device("cpu"))

    def take(degree: int, height: float | None, hour: str) -> np.ndarray:
        cells = (("sunny", hour),)
        shot = studio.shaded_block(DesignBlock(24, 1, degree, 3, "park", height, cells, cells))
        return studio.finish(next(studio.pictures(shot, cells))[2].numpy())

    day = [light for pair in zip(HOURS, MIDPOINTS, strict=True) for light in pair]
    lights = [*day[8:], *day[:2]]
    heights = [0.3, 0.6, 1.0, 1.35, 2.0, 3.0, 4.5, 6.0]
    turned = [take(45 * i + 7, height, "forenoon") for i, height in enumerate(heights)]
    rows = [[take(130, None, light) for light in lights], turned]
    return (
        rows,
        ["light", "height in m"],
        [f"{a}, {b:g}" for a, b in zip(lights, heights, strict=True)],
    )


SHEETS: dict[str, Callable[[], Sheet]] = {
    sheet.__name__: sheet for sheet in (views, cells, people, domains, places, frames, plan)
}


def main(folder: Path, names: Sequence[str]) -> None:
    """Draw the named sheets (all unless named) into a folder."""
    import cv2

    torch.set_num_threads(1)
    folder.mkdir(parents=True, exist_ok=True)
    for name in names or SHEETS:
        with torch.inference_mode():
            shots, rows, columns = SHEETS[name]()
        sheet = contact_sheet(shots, rows, columns, title=name, height=300)
        cv2.imwrite(str(folder / f"{name}.png"), cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))
        print(folder / f"{name}.png")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), sys.argv[2:])
