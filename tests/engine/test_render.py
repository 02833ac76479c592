"""Folders: the same pixels however they are asked for, resumed, refused, recorded."""

import csv
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from gprplus.cli import cli
from gprplus.core.errors import DeviceError, RenderError, RequestChanged
from gprplus.core.files import workdir
from gprplus.core.files.folders import claim_folder, hold_folder
from gprplus.core.imaging.images import decode_image
from gprplus.engine import render
from gprplus.engine.crops.design import make_design
from gprplus.engine.output.ledger import Ledger
from gprplus.engine.output.workers import BlockJob, render_pipelined

SMALL = {
    "size": (50, 118),
    "identities": 2,
    "viewpoints": 2,
    "weathers": "foggy,blizzard",
    "illuminations": "noon,night",
}


def pictures(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.glob("[0-9]*/*.jpg"))
    }


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> Path:
    """Two people, two sides, two weathers, two lights, with masks and boxes."""
    return render(
        tmp_path_factory.mktemp("renders") / "engine", **SMALL, masks=True, boxes=True, workers=1
    )


def test_every_cell_is_there_under_its_name(drawn: Path) -> None:
    names = [
        f"{i:04d}/{i:04d}_c{c:02d}_w{w:02d}_l{light:02d}.jpg"
        for i in (1, 2)
        for c in (1, 2)
        for w in (4, 6)
        for light in (4, 7)
    ]
    assert sorted(pictures(drawn)) == sorted(names)
    assert all(decode_image(data).shape == (118, 50, 3) for data in pictures(drawn).values())


def test_the_record_says_what_the_codes_mean(drawn: Path) -> None:
    record = json.loads((drawn / "renders.json").read_text())
    assert record["layout"] == record["name"] == "engine"
    assert record["degrees"] == {"01": 90, "02": 270}
    assert record["weather"]["04"] == "foggy"
    assert record["illumination"]["07"] == "night"
    assert (record["identities"], record["images"]) == (2, 16)
    assert record["factors"] == ["identity", "viewpoint_deg", "weather", "illumination"]
    assert not [
        path
        for path in drawn.rglob("*")
        if path.name.endswith(".part") or path.name == "_request.json"
    ]


def test_identities_have_their_thirteen_attributes(drawn: Path) -> None:
    rows = list(csv.DictReader((drawn / "identities.csv").open()))
    assert [row["identity"] for row in rows] == ["0001", "0002"]
    assert len(rows[0]) == 14
    assert all(rows[0].values())


def test_boxes_bound_the_masks(drawn: Path) -> None:
    rows = list(csv.DictReader((drawn / "_boxes.csv").open()))
    assert len(rows) == 16
    for row in rows:
        mask = cv2.imread(
            str(drawn / "_masks" / row["path"].replace(".jpg", ".png")), cv2.IMREAD_GRAYSCALE
        )
        assert mask.shape == (118, 50)
        assert set(np.unique(mask)) == {0, 255}
        ys, xs = np.nonzero(mask)
        found = [xs.min(), ys.min(), np.ptp(xs) + 1, np.ptp(ys) + 1]
        assert found == [int(row[name]) for name in ("x_px", "y_px", "width_px", "height_px")]


@pytest.mark.parametrize(
    "asked",
    [
        {"weathers": "blizzard"},
        {"illuminations": "all", "weathers": "foggy"},
        {"identities": 1, "viewpoints": 1},
        {"viewpoints": 4, "identities": 1},
    ],
    ids=["fewer-weathers", "more-hours", "one-person-one-side", "more-sides"],
)
def test_a_cell_has_the_same_pixels_in_any_design(drawn: Path, tmp_path: Path, asked: dict) -> None:
    other = render(tmp_path / "other", **{**SMALL, **asked}, workers=1)
    names = {"01": 90, "02": 270} if asked.get("viewpoints") != 4 else {"01": 90, "03": 270}
    known = pictures(drawn)
    compared = 0
    for path, data in pictures(other).items():
        code = path[path.index("_c") + 2 :][:2]
        twin = (
            path.replace(f"_c{code}", f"_c{ {90: '01', 270: '02'}[names[code]] }")
            if code in names
            else ""
        )
        if twin in known:
            assert data == known[twin], path
            compared += 1
    assert compared >= 4


def test_a_place_looks_the_same_when_it_is_one_of_several(drawn: Path, tmp_path: Path) -> None:
    other = render(
        tmp_path / "other",
        **{**SMALL, "identities": 1, "weathers": "foggy"},
        backgrounds=2,
        workers=1,
    )
    for path, data in pictures(other).items():
        if "_p01" in path:
            assert data == pictures(drawn)[path.replace("_p01", "")]


def test_workers_do_not_change_a_byte(drawn: Path, tmp_path: Path) -> None:
    other = render(tmp_path / "other", **SMALL, masks=True, boxes=True, workers=2)
    assert pictures(other) == pictures(drawn)
    assert (other / "_boxes.csv").read_bytes() == (drawn / "_boxes.csv").read_bytes()


def test_encoding_behind_the_drawing_gives_the_same_files(drawn: Path, tmp_path: Path) -> None:
    """What a GPU does, done on the CPU."""
    job = BlockJob(make_design(**SMALL, masks=True, boxes=True), tmp_path, "cpu", 3)
    design = make_design(**SMALL, masks=True, boxes=True)
    people = [design.blocks(1), design.blocks(2)]
    assert list(render_pipelined(job, people, noted=True)) == [8, 8]
    assert pictures(tmp_path) == pictures(drawn)
    assert len(Ledger(tmp_path, 2).read()) == 2


def test_the_same_request_again_touches_nothing(drawn: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in drawn.rglob("*")}
    render(drawn, **SMALL, masks=True, boxes=True, workers=1)
    assert {path: path.stat().st_mtime_ns for path in drawn.rglob("*")} == before


def test_an_interrupted_render_goes_on_where_it_stopped(
    drawn: Path, tmp_path: Path, monkeypatch
) -> None:
    """The third block dies half-way, leaving a torn temporary file and a torn line, as kill -9
    would."""
    folder, real, count = tmp_path / "broken", workdir.write_bytes, 0

    def dying(path: Path, data: bytes) -> None:
        nonlocal count
        count += path.suffix == ".jpg"
        if count == 11:
            Path(f"{path}.part").write_bytes(data[: len(data) // 2])
            raise KeyboardInterrupt
        real(path, data)

    module = __import__("gprplus.engine.output.workers", fromlist=["write_bytes"])
    with monkeypatch.context() as patched:
        patched.setattr(module, "write_bytes", dying)
        with pytest.raises(KeyboardInterrupt):
            render(folder, **SMALL, masks=True, boxes=True, workers=1)
    assert not (folder / "renders.json").exists()
    with (folder / "_blocks" / "0002.csv").open("a") as ledger:
        ledger.write("1,1,3")
    finished = {path: path.stat().st_mtime_ns for path in (folder / "0001").iterdir()}
    render(folder, **SMALL, masks=True, boxes=True, workers=1)
    assert {path: path.stat().st_mtime_ns for path in (folder / "0001").iterdir()} == finished
    assert pictures(folder) == pictures(drawn)
    assert not list(folder.rglob("*.part"))
    assert (folder / "_boxes.csv").read_bytes() == (drawn / "_boxes.csv").read_bytes()


def test_a_lost_picture_is_drawn_again_while_the_render_is_under_way(
    drawn: Path, tmp_path: Path
) -> None:
    folder = render(tmp_path / "again", **SMALL, workers=1)
    (folder / "renders.json").unlink()
    lost = folder / "0001" / "0001_c01_w04_l04.jpg"
    lost.unlink()
    (folder / "_request.json").write_text(json.dumps({"request": make_design(**SMALL).request()}))
    render(folder, **SMALL, workers=1)
    assert lost.read_bytes() == pictures(drawn)["0001/0001_c01_w04_l04.jpg"]


def test_another_request_stops_and_force_replaces(tmp_path: Path) -> None:
    tiny = {
        "size": (20, 47),
        "identities": 1,
        "viewpoints": 1,
        "weathers": "sunny",
        "illuminations": "noon",
        "workers": 1,
    }
    folder = render(tmp_path / "f", **tiny)
    with pytest.raises(RequestChanged, match="seed was 0, now 1"):
        render(folder, **tiny, seed=1)
    before = pictures(folder)
    render(folder, **tiny, seed=1, force=True)
    assert pictures(folder).keys() == before.keys()
    assert pictures(folder) != before


def test_force_does_not_empty_a_folder_that_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    for force in (False, True):
        with pytest.raises(RenderError, match="-o"):
            render(tmp_path, identities=1, viewpoints=1, size=(20, 47), force=force)
    assert (tmp_path / "thesis.txt").exists()


def test_a_short_disk_is_said_before_any_work(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 1000})())
    with pytest.raises(RenderError, match=r"need about [\d.]+ [kM]B, and .* has 1\.0 kB free"):
        render(tmp_path / "f", **SMALL)
    assert not (tmp_path / "f").exists()


@pytest.mark.parametrize("name", ["cuda", "cuda:7", "gpu"])
def test_an_absent_device_is_one_sentence(tmp_path: Path, name: str) -> None:
    import torch

    if name != "gpu" and torch.cuda.is_available():
        pytest.skip("this machine has the device")
    with pytest.raises(DeviceError):
        render(tmp_path / "f", **SMALL, device=name)


def test_the_command_says_what_it_drew_and_that_it_was_there_already(tmp_path: Path) -> None:
    arguments = ["--identities", "1", "--viewpoints", "1", "--weathers", "sunny", "--illuminations", "noon",
                 "--size", "20x47", "--workers", "1", "--work", str(tmp_path), "--domain", "street"]  # fmt: skip
    first, again = (
        CliRunner().invoke(cli, ["render", *arguments], catch_exceptions=False) for _ in range(2)
    )
    assert "1 images of 1 identities drawn in" in first.output
    assert "already drawn" in again.output
    assert (tmp_path / "renders" / "street" / "renders.json").exists()


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        cli, ["render", "--dry-run", "--work", str(tmp_path)], catch_exceptions=False
    )
    assert "8,064 images" in result.output
    assert not any(tmp_path.iterdir())


def test_progress_counts_every_picture(tmp_path: Path) -> None:
    seen = []
    render(
        tmp_path / "f", **SMALL, workers=1, progress=lambda done, total: seen.append((done, total))
    )
    assert seen[0] == (0, 16)
    assert seen[-1] == (16, 16)


def test_pictures_too_small_for_a_particle_are_drawn(tmp_path: Path) -> None:
    folder = render(
        tmp_path / "r",
        identities=1,
        viewpoints=1,
        weathers="all",
        illuminations="noon",
        size=(16, 32),
        workers=1,
    )
    assert len(pictures(folder)) == 7


def test_two_renders_at_once_do_not_share_a_folder(tmp_path: Path) -> None:
    with (
        hold_folder(tmp_path / "r", "renders", RenderError),
        pytest.raises(RenderError, match="Another gprplus is writ"),
    ):
        render(tmp_path / "r", **SMALL, workers=1)


def test_a_render_forced_through_a_link_leaves_nobody_of_the_old_one(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    render(tmp_path / "link", **{**SMALL, "identities": 3}, workers=1)
    render(tmp_path / "link", **SMALL, workers=1, force=True)
    assert sorted(path.name for path in (tmp_path / "real").glob("0*")) == ["0001", "0002"]


@pytest.mark.parametrize("force", [False, True])
def test_a_render_killed_before_its_request_was_noted_goes_on(tmp_path: Path, force: bool) -> None:
    folder = claim_folder(tmp_path / "r", "renders", RenderError)
    (folder / "._request.json.4711.part").touch()
    render(folder, **SMALL, workers=1, force=force)
    assert len(pictures(folder)) == 16
    assert not list(folder.rglob("*.part"))


def test_a_render_killed_after_its_record_was_written_is_tidied(
    drawn: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "r"
    shutil.copytree(drawn, folder)
    (folder / "_blocks").mkdir()
    request = json.loads((drawn / "renders.json").read_text())["request"]
    (folder / "_request.json").write_text(json.dumps({"request": request}))
    render(folder, **SMALL, masks=True, boxes=True, workers=1)
    assert not (folder / "_blocks").exists()
    assert not (folder / "_request.json").exists()
