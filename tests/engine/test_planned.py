"""Plans drawn by the engine: the pixels of a crossed render, added images, new levels, and their
manifest."""

import csv
import json
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from gprplus.cli import cli
from gprplus.core.errors import PlanError, RenderError, RequestChanged
from gprplus.core.files import workdir
from gprplus.core.imaging.images import decode_image
from gprplus.engine import render
from gprplus.engine.crops.crop_renderer import CropRenderer
from gprplus.engine.crops.design import DesignBlock, make_design
from gprplus.engine.options import RenderOptions
from gprplus.engine.output.workers import BlockJob
from gprplus.engine.people.traits import identity_key, sample_person
from gprplus.engine.places.weather_light import HOURS, MIDPOINTS, WEATHERS
from gprplus.engine.plans.planned_design import planned_render
from gprplus.ingest import Manifest, build_manifest
from gprplus.schema.render_plan import PLAN_CELLS

HEADER = "viewpoint_deg,camera_height_m,weather,illumination,background,identities"
FIRST = ("90,,foggy,noon,,1-2", "137,0.6,sunny,afternoon-dusk,park,2")
SECOND = ("90,,foggy,noon,,2-3", "90,,blizzard,night,,1")
SMALL = {"size": (20, 47), "workers": 1}


def plan_file(folder: Path, name: str, *rows: str) -> Path:
    path = folder / f"{name}.csv"
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    return path


def pictures(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.glob("[0-9]*/*.jpg"))
    }


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> Path:
    home = tmp_path_factory.mktemp("planned")
    return render(home / "r", plan=plan_file(home, "first", *FIRST), **SMALL, masks=True)


def test_names_hold_the_values_of_the_levels(drawn: Path) -> None:
    assert list(pictures(drawn)) == [
        "0001/0001_c135090_w04_l04_p01.jpg",
        "0002/0002_c060137_w01_l12_p03.jpg",
        "0002/0002_c135090_w04_l04_p01.jpg",
    ]
    assert len(list(drawn.glob("_masks/*/*.png"))) == 3
    record = json.loads((drawn / "renders.json").read_text())
    assert (record["identities"], record["images"], record["name"]) == (2, 3, "engine-planned")
    assert [(plan["name"], plan["images"]) for plan in record["plans"]] == [("first", 3)]
    assert not list(drawn.rglob("*.part")) + list(drawn.glob("_request.json"))
    rows = list(csv.DictReader((drawn / "identities.csv").open()))
    assert [row["identity"] for row in rows] == ["0001", "0002"]


@pytest.mark.parametrize("domain", ["engine", "street"])
def test_a_planned_image_has_the_bytes_of_the_crossed_one(tmp_path: Path, domain: str) -> None:
    """Also where the height of the domain's own camera is written out."""
    settings = {**SMALL, "domain": domain, "seed": 3}
    crossed = render(tmp_path / "x", **settings, identities=2, viewpoints=4, backgrounds=2,
                     weathers="foggy,blizzard", illuminations="noon,night")  # fmt: skip
    own = {"engine": "1.35", "street": "2.75"}[domain]
    rows = (
        "180,,foggy,noon,street,1-2",
        f"0,{own},blizzard,night,plaza,2",
        "0,,foggy,night,plaza,1",
    )
    planned = pictures(render(tmp_path / "p", plan=plan_file(tmp_path, "p", *rows), **settings))
    known = pictures(crossed)
    height = own.replace(".", "")
    pairs = {
        f"0001/0001_c{height}180_w04_l04_p02.jpg": "0001/0001_c02_w04_l04_p02.jpg",
        f"0002/0002_c{height}180_w04_l04_p02.jpg": "0002/0002_c02_w04_l04_p02.jpg",
        f"0002/0002_c{height}000_w06_l07_p01.jpg": "0002/0002_c04_w06_l07_p01.jpg",
        f"0001/0001_c{height}000_w04_l07_p01.jpg": "0001/0001_c04_w04_l07_p01.jpg",
    }
    assert planned.keys() == pairs.keys()
    for name, other in pairs.items():
        assert planned[name] == known[other], name


def test_a_second_plan_adds_its_images_and_keeps_the_others(tmp_path: Path) -> None:
    first, second = plan_file(tmp_path, "a", *FIRST), plan_file(tmp_path, "b", *SECOND)
    folder = render(tmp_path / "r", plan=first, **SMALL)
    before = {path: path.stat().st_mtime_ns for path in folder.glob("0*/*.jpg")}
    seen = []
    render(folder, plan=second, **SMALL, progress=lambda done, total: seen.append((done, total)))
    assert seen[0] == (1, 3), "one of three images is there already"
    assert seen[-1] == (3, 3)
    after = {path: path.stat().st_mtime_ns for path in folder.glob("0*/*.jpg")}
    assert {path: after[path] for path in before} == before
    assert sorted(path.name for path in after.keys() - before.keys()) == [
        "0001_c135090_w06_l07_p01.jpg",
        "0003_c135090_w04_l04_p01.jpg",
    ]
    record = json.loads((folder / "renders.json").read_text())
    assert (record["identities"], record["images"]) == (3, 5)
    assert [(plan["name"], plan["images"]) for plan in record["plans"]] == [("a", 3), ("b", 3)]
    whole = render(
        tmp_path / "w",
        plan=plan_file(tmp_path, "w", *FIRST, "90,,foggy,noon,,3", SECOND[1]),
        **SMALL,
    )
    assert pictures(whole) == pictures(folder), "one plan draws the same as two"
    assert (whole / "identities.csv").read_text() == (folder / "identities.csv").read_text()
    stamp = (folder / "renders.json").stat().st_mtime_ns
    render(folder, plan=first, **SMALL)
    assert (folder / "renders.json").stat().st_mtime_ns == stamp


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"seed": 1}, "seed was 0, now 1"),
        ({"size": (20, 48)}, "size was 20x47, now 20x48"),
        ({"masks": False}, "masks was true, now false"),
        ({"same_people": True}, "same_people was false, now true"),
    ],
    ids=str,
)
def test_other_settings_stop(drawn: Path, tmp_path: Path, changes: dict, sentence: str) -> None:
    plan = plan_file(tmp_path, "b", *SECOND)
    with pytest.raises(RequestChanged, match=sentence):
        render(drawn, plan=plan, **{**SMALL, "masks": True, **changes})


def test_a_crossed_folder_is_not_extended(tmp_path: Path) -> None:
    folder = render(tmp_path / "r", **SMALL, identities=1, viewpoints=1, weathers="sunny",
                    illuminations="noon")  # fmt: skip
    plan = plan_file(tmp_path, "p", *FIRST)
    with pytest.raises(RequestChanged, match="holds the outcome of another request"):
        render(folder, plan=plan, **SMALL)
    render(folder, plan=plan, **SMALL, force=True)
    assert len(pictures(folder)) == 3


@pytest.mark.parametrize("extends", [False, True])
def test_a_killed_render_goes_on(drawn: Path, tmp_path: Path, monkeypatch, extends: bool) -> None:
    """The second image dies half-way, leaving a torn temporary file, as kill -9 would."""
    real, count = workdir.write_bytes, 0

    def dying(path: Path, data: bytes) -> None:
        nonlocal count
        count += path.suffix == ".jpg"
        if count == 2:
            path.parent.mkdir(parents=True, exist_ok=True)
            Path(f"{path}.part").write_bytes(data[: len(data) // 2])
            raise KeyboardInterrupt
        real(path, data)

    folder, plan = tmp_path / "r", plan_file(tmp_path, "first", *FIRST)
    if extends:
        render(folder, plan=plan_file(tmp_path, "b", SECOND[1]), **SMALL, masks=True)
    module = __import__("gprplus.engine.output.workers", fromlist=["write_bytes"])
    with monkeypatch.context() as patched:
        patched.setattr(module, "write_bytes", dying)
        with pytest.raises(KeyboardInterrupt):
            render(folder, plan=plan, **SMALL, masks=True)
    assert (folder / "renders.json").exists() == extends
    finished = {path: path.stat().st_mtime_ns for path in folder.glob("0*/*.jpg")}
    assert len(finished) == 1 + extends
    render(folder, plan=plan, **SMALL, masks=True)
    assert {path: path.stat().st_mtime_ns for path in finished} == finished
    assert pictures(drawn).items() <= pictures(folder).items()
    assert len(pictures(folder)) == 3 + extends
    assert not list(folder.rglob("*.part")) + list(folder.glob("_request.json"))


def test_encoding_behind_the_drawing_gives_the_same_files(drawn: Path, tmp_path: Path) -> None:
    """What a GPU does, done on the CPU."""
    options = RenderOptions(plan=plan_file(tmp_path, "first", *FIRST), size=(20, 47), masks=True)
    wanted = planned_render(options)
    module = __import__("gprplus.engine.output.workers", fromlist=["render_pipelined"])
    job = BlockJob(wanted.design, tmp_path / "r", "cpu", 2)
    assert list(module.render_pipelined(job, wanted.batches(), noted=False)) == [2, 1]
    assert pictures(tmp_path / "r") == pictures(drawn)


def test_batches_have_one_view_each(tmp_path: Path) -> None:
    plan = plan_file(
        tmp_path, "p", "9,,sunny,noon,,1-20", "9,,foggy,noon,,5-25", "7,,sunny,noon,,3"
    )
    wanted = planned_render(RenderOptions(plan=plan))
    batches = wanted.batches()
    assert [(batch[0].degree, len(batch)) for batch in batches] == [(7, 1), (9, 16), (9, 9)]
    assert batches[1][0].cells == (("sunny", "noon"),)
    assert batches[1][0].lit == (("sunny", "noon"), ("foggy", "noon"))
    assert sum(len(block.cells) for batch in batches for block in batch) == wanted.images == 42


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("90,,sunni,noon,,1", "row 1: the engine has no weather 'sunni'. Did you mean 'sunny'"),
        ("90,,sunny,dusk-noon,,1", "row 1: the engine has no illumination 'dusk-noon'"),
        ("90,,sunny,noon,atrium,1", "row 1: the engine has no background 'atrium'"),
        ("90,6.5,sunny,noon,,1", "row 1: camera_height_m: expected 0.3 to 6 meters, found 6.5"),
        ("90,1.234,sunny,noon,,1", "expected whole centimeters, such as 1.23; found 1.234"),
        ("90,,sunny,noon,,1\n90,1.35,sunny,noon,plaza,1", "rows 1 and 2 are the same image"),
    ],
)
def test_a_cell_that_the_engine_lacks_is_one_sentence(
    tmp_path: Path, row: str, sentence: str
) -> None:
    with pytest.raises(PlanError, match=sentence):
        render(tmp_path / "r", plan=plan_file(tmp_path, "p", row), **SMALL)
    assert not (tmp_path / "r").exists()


def test_identities_of_another_seed_are_refused(tmp_path: Path) -> None:
    """The plan expects the hat that identity 1 has, or has not, with seed 0."""
    hats = [sample_person(identity_key(1, seed, "engine"))["hat"] for seed in range(20)]
    other = next(seed for seed, hat in enumerate(hats) if hat != hats[0])
    cell = {"viewpoint_deg": 90, "weather": "sunny", "illumination": "noon", "identities": ["0001"]}
    plan = tmp_path / "plan.json"
    plan.write_text(
        json.dumps({"cells": [cell], "identities": [{"identity": "0001", "hat": hats[0]}]})
    )
    assert planned_render(RenderOptions(plan=plan)).images == 1
    with pytest.raises(PlanError, match=f"identity 0001 was planned with hat '{hats[0]}'"):
        planned_render(RenderOptions(plan=plan, seed=other))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"weathers": "sunny"}, "weathers cannot be given with a plan"),
        ({"identities": 3}, "identities cannot be given with a plan"),
        ({"keypoints": True}, "keypoints is written for crossed designs only"),
    ],
    ids=str,
)
def test_options_that_the_plan_replaces_are_refused(
    tmp_path: Path, changes: dict, sentence: str
) -> None:
    with pytest.raises(RenderError, match=sentence):
        render(tmp_path / "r", plan=tmp_path / "p.csv", **changes)


def run(*arguments: str) -> str:
    return CliRunner().invoke(cli, ["render", *arguments], catch_exceptions=False).output


def test_the_command_draws_a_plan(tmp_path: Path) -> None:
    plan = str(plan_file(tmp_path, "p", *FIRST))
    rest = ["--size", "20x47", "--workers", "1", "--work", str(tmp_path)]
    assert "Would draw 3 images of 2 identities" in run("--plan", plan, *rest, "--dry-run")
    assert not (tmp_path / "renders").exists()
    assert "3 images of 2 identities drawn in" in run("--plan", plan, *rest)
    assert "3 images of 2 identities already drawn in" in run("--plan", plan, *rest)
    more = str(plan_file(tmp_path, "q", *SECOND))
    assert "1 of them are there already" in run("--plan", more, *rest, "--dry-run")
    assert json.loads(run("--plan", more, *rest, "--json"))["missing"] == 2
    assert (tmp_path / "renders" / "engine-planned" / "renders.json").exists()
    for option in (["--weathers", "sunny"], ["--frames"], ["--identities", "64"]):
        assert f"{option[0]} cannot be given with --plan" in run("--plan", plan, *option)


def levels(manifest: Manifest) -> list[tuple]:
    names = ("identity", "camera", "viewpoint_deg", "camera_height_m", "weather", "illumination",
             "background")  # fmt: skip
    table = manifest.images.to_arrow(columns=list(names))
    return [tuple(row.values()) for row in table.to_pylist()]


def test_the_manifest_of_a_plan_has_its_levels(tmp_path: Path) -> None:
    folder = render(tmp_path / "r", plan=plan_file(tmp_path, "a", *FIRST), **SMALL)
    rows = [
        ("0001", 135090, 90, 1.35, "foggy", "noon", "plaza"),
        ("0002", 60137, 137, 0.6, "sunny", "afternoon-dusk", "park"),
        ("0002", 135090, 90, 1.35, "foggy", "noon", "plaza"),
    ]
    first = build_manifest(folder, tmp_path / "m")
    keys = set(first.images.to_arrow(columns=["uid"])["uid"].to_pylist())
    assert levels(first) == rows
    render(folder, plan=plan_file(tmp_path, "b", *SECOND), **SMALL)
    second = build_manifest(folder, tmp_path / "m")
    assert levels(second) == [
        ("0001", 135090, 90, 1.35, "foggy", "noon", "plaza"),
        ("0001", 135090, 90, 1.35, "blizzard", "night", "plaza"),
        *rows[1:],
        ("0003", 135090, 90, 1.35, "foggy", "noon", "plaza"),
    ]
    assert keys < set(second.images.to_arrow(columns=["uid"])["uid"].to_pylist())


def test_a_light_between_two_hours_is_between_them_in_brightness() -> None:
    design = make_design(
        identities=1, viewpoints=1, weathers="all", illuminations="noon", size=(50, 118)
    )
    everything = [(weather, hour) for weather in WEATHERS for hour in (*HOURS, *MIDPOINTS)]
    studio = CropRenderer(replace(design, illuminations=(*HOURS, *MIDPOINTS)), torch.device("cpu"))
    shot = studio.shaded_block(DesignBlock(1, 1, 90, 1, "plaza"))
    bright = {
        (weather, hour): float(np.mean(picture.numpy()))
        for weather, hour, picture in studio.pictures(shot, everything)
    }
    for name in MIDPOINTS:
        first, second = name.split("-")
        for weather in WEATHERS:
            ends = sorted((bright[weather, first], bright[weather, second]))
            assert ends[0] <= bright[weather, name] <= ends[1], (name, weather)


def test_a_higher_camera_sees_more_ground(tmp_path: Path) -> None:
    """The horizon rises out of the image; the person stays in it."""
    rows = [f"90,{height},sunny,noon,,1" for height in (0.3, 1.35, 6)]
    folder = render(
        tmp_path / "r", plan=plan_file(tmp_path, "p", *rows), size=(50, 118), workers=1, masks=True
    )
    masks = [
        decode_image(path.read_bytes())[:, :, 0] > 0 for path in sorted(folder.glob("_masks/*/*"))
    ]
    heights = [np.ptp(np.flatnonzero(mask.any(1))) for mask in masks]
    skies = [
        decode_image(data)[:12].astype(float).mean((0, 1)) @ [-1, 0, 1]
        for data in pictures(folder).values()
    ]
    assert all(mask.any() and not mask[:, 0].any() for mask in masks)
    assert heights[2] < 0.8 * heights[1], "seen from above, a person is shorter"
    assert skies[0] > 5 > skies[2], "blue above a low camera, ground above a high one"


def test_the_commands_of_the_page_run(tmp_path: Path, monkeypatch) -> None:
    page = (Path(__file__).parents[2] / "docs" / "engine.md").read_text(encoding="utf-8")
    block = page.partition("## Render from a plan")[2].partition("```bash\n")[2].partition("```")[0]
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GPRPLUS_WORK", raising=False)
    table, _, commands = block.partition("'END'\n")[2].partition("END\n")
    Path("plan.csv").write_text(table)
    assert table.startswith(HEADER)
    for line in commands.splitlines():
        found = CliRunner().invoke(cli, shlex.split(line)[1:], catch_exceptions=False)
        assert found.exit_code == 0, found.output
    assert len(pictures(Path("planned"))) == 5
    for name in (*(column.name for column in PLAN_CELLS), *MIDPOINTS[4:5], *MIDPOINTS[6:]):
        assert f"`{name}`" in page
