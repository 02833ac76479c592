"""The mall: its own places and people, weather and hours weaker than in the open."""

import numpy as np
import torch

from gprplus.engine.crops.crop_renderer import CropRenderer
from gprplus.engine.crops.design import DesignBlock, make_design
from gprplus.engine.places import weather_light
from gprplus.engine.places.indoor import MALLS
from gprplus.engine.places.outdoor import SCENES

CELLS = [
    ("sunny", "noon"),
    ("sunny", "dusk"),
    ("sunny", "midnight"),
    ("foggy", "noon"),
    ("blizzard", "noon"),
]


def shots(domain: str) -> dict[tuple[str, str], np.ndarray]:
    design = make_design(
        viewpoints=4, weathers="all", illuminations="all", size=(50, 118), domain=domain
    )
    studio = CropRenderer(design, torch.device("cpu"))
    with torch.inference_mode():
        shot = studio.shaded_block(DesignBlock(1, 1, 90, 1, design.scenes[0]))
        return {
            (w, h): studio.finish(p.numpy()).astype(float)
            for w, h, p in studio.pictures(shot, CELLS)
        }


def test_weather_and_hours_act_through_glass_and_weaker() -> None:
    inside, outside = shots("mall"), shots("engine")
    for cell in CELLS[1:]:
        change = [
            np.abs(found[cell].mean((0, 1)) - found["sunny", "noon"].mean((0, 1))).max()
            for found in (inside, outside)
        ]
        assert 2 < change[0] < 0.75 * change[1], cell
    assert inside["sunny", "midnight"].mean() > 2 * outside["sunny", "midnight"].mean()


def test_nothing_falls_and_nothing_veils_under_a_roof() -> None:
    cell = weather_light.lighting_cell("blizzard", "noon", indoors=True)
    assert (
        cell.particles,
        cell.snow,
        weather_light.haze_per_m("blizzard", "noon", indoors=True),
    ) == ("", 0, 0.0)
    assert weather_light.lighting_cell("blizzard", "noon").particles == "blizzard"


def test_the_mall_has_places_of_its_own() -> None:
    assert not set(MALLS) & set(SCENES)
    assert make_design(domain="mall", backgrounds=len(MALLS)).scenes == tuple(MALLS)
    assert make_design(domain="street", backgrounds=8).scenes == tuple(SCENES)


def test_nothing_stands_where_people_walk() -> None:
    for name, build in MALLS.items():
        shapes = build().shapes
        corners = shapes._corners()
        low = corners[..., 2].min(1) < 2.4
        nearest = np.abs(corners[low][..., :2]).max(2).min(1)
        assert nearest.min() > 2.0, name
        for box in corners[low]:
            (x0, y0), (x1, y1) = box[:, :2].min(0), box[:, :2].max(0)
            gap = np.hypot(max(x0, -x1, 0.0), max(y0, -y1, 0.0))
            assert gap > 5.5, name
