"""The readers of plans for other engines: their mappings agree with the engine's."""

import json
import runpy
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from gprplus.engine.crops.crop_renderer import CropRenderer
from gprplus.engine.crops.design import make_design
from gprplus.engine.domains import domain_named
from gprplus.engine.options import RenderOptions
from gprplus.engine.places.weather_light import HOURS, WEATHERS, sun_direction
from gprplus.engine.plans.planned_design import LIGHTS, planned_render
from gprplus.engine.plans.render_plan import RenderPlan
from gprplus.ingest.layouts.load import load_layout

TOOLS = Path(__file__).parents[2] / "tools"
BLENDER = SimpleNamespace(**runpy.run_path(str(TOOLS / "plan_in_blender.py")))
UNITY = SimpleNamespace(**runpy.run_path(str(TOOLS / "plan_for_unity.py")))
ROWS = [
    {"viewpoint_deg": 90, "weather": "sunny", "illumination": "noon", "identities": "1-2"},
    {"viewpoint_deg": 137, "camera_height_m": 0.6, "weather": "foggy",
     "illumination": "dusk-night", "identities": "12"},
]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return RenderPlan.make("p", ROWS).write(tmp_path / "plan")


@pytest.mark.parametrize("hour", HOURS)
def test_the_sun_of_blender_is_where_the_engine_has_it(hour: str) -> None:
    light = BLENDER.light_of(hour)
    assert np.allclose(BLENDER.direction(light.azimuth, light.elevation), sun_direction(hour))


def test_a_light_of_blender_between_two_hours_is_their_mean() -> None:
    noon, afternoon, light = (BLENDER.light_of(h) for h in ("noon", "afternoon", "noon-afternoon"))
    assert (light.azimuth, light.elevation) == ((76 + 136) / 2, (68 + 22) / 2)
    assert light.sun[2] == pytest.approx((noon.sun[2] + afternoon.sun[2]) / 2)


@pytest.mark.parametrize(("degree", "height"), [(90, None), (0, 2.5), (137, 0.6), (301, 6.0)])
def test_the_camera_of_blender_is_where_the_engine_has_it(
    degree: int, height: float | None
) -> None:
    view = CropRenderer(make_design(), torch.device("cpu")).view(degree, (0.0, 0.0), 0, height)
    assert np.allclose(BLENDER.camera_at(degree, height), view.origin)


def test_blender_names_images_as_the_engine_does(folder: Path) -> None:
    plan = json.loads((folder / "plan.json").read_text())
    named = [BLENDER.image_path(cell, who) for cell in plan["cells"] for who in cell["identities"]]
    wanted = planned_render(RenderOptions(plan=folder))
    drawn = [wanted.design.path(block, *cell) for block in wanted.blocks for cell in block.cells]
    assert sorted(named) == sorted(drawn)
    assert all(load_layout("engine_plan").pattern.fullmatch(name) for name in named)
    record = BLENDER.renders_record(3, 3)
    assert tuple(record["weather"].values()) == WEATHERS
    assert tuple(record["illumination"].values()) == LIGHTS


def test_the_colors_of_a_figure_are_those_of_the_plan(tmp_path: Path) -> None:
    rows = [{"identity": i, "upper_colour": "red" if i == 2 else None} for i in (1, 2, 12)]
    folder = RenderPlan.make("p", ROWS, identities=rows).write(tmp_path / "plan")
    looks = BLENDER.looks_of(json.loads((folder / "plan.json").read_text()))
    assert list(looks) == ["0001", "0002", "0012"]
    assert looks["0002"][0] == "red"
    assert {colour for look in looks.values() for colour in look} <= BLENDER.COLOURS.keys()


def test_blender_is_not_needed_to_read_the_script(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-I", str(TOOLS / "plan_in_blender.py")], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "plan.json OUTPUT" in done.stderr


def test_a_scenario_of_unity_has_one_iteration_for_each_image(folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "scenario.json"
    words = [
        sys.executable,
        str(TOOLS / "plan_for_unity.py"),
        str(folder),
        str(output),
        "--seed",
        "7",
    ]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert "3 iterations" in done.stdout
    found = json.loads(output.read_text())
    assert found["constants"] == {"startIteration": 0, "iterationCount": 3, "randomSeed": 7}
    (group,) = found["randomizers"]["randomizerGroups"]
    assert group["randomizerId"] == "GprplusPlanRandomizer"
    fields = {name: item["scalar"]["value"]["str"] for name, item in group["items"].items()}
    assert fields == {
        "identities": "0001;0002;0012",
        "cameraPositions": "0 1.35 3;0 1.35 3;2.1941 0.6 2.046",
        "sunDirections": fields["sunDirections"],
        "weathers": "sunny;sunny;foggy",
        "illuminations": "noon;noon;dusk-night",
        "backgrounds": ";;",
        "viewpoints": "90;90;137",
        "aim": "0 0.93 0",
    }
    noon = [float(part) for part in fields["sunDirections"].split(";")[0].split()]
    assert noon == pytest.approx([0.0906, 0.9272, 0.3635], abs=1e-4), "high, in front, to the right"


def test_the_source_for_unity_has_the_fields_of_the_configuration(folder: Path) -> None:
    page = (TOOLS.parent / "docs" / "engine.md").read_text(encoding="utf-8")
    fields = UNITY.iterations(RenderPlan.open(folder), domain_named("engine"))
    source = page.partition("```csharp\n")[2].partition("```")[0]
    assert f"class {UNITY.RANDOMIZER} : Randomizer" in source
    declared = source.partition("public string ")[2].partition(";")[0].split(", ")
    assert set(declared) == {*fields, "aim"}
