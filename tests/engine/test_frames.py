"""Whole frames: who hides whom, what the annotations say of it, the same pixels however they are
asked for."""

import json
import re
import shlex
from collections import Counter, defaultdict
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner

from gprplus.cli import cli
from gprplus.core.errors import RenderError, RequestChanged
from gprplus.core.imaging.coco_rle import decode_run_lengths
from gprplus.engine import render_frames
from gprplus.engine.annotations import ANNOTATIONS, tight_box
from gprplus.engine.crops.crop_renderer import SAMPLES
from gprplus.engine.crops.design import make_design
from gprplus.engine.domains import DOMAINS
from gprplus.engine.frames.frame_renderer import FrameRenderer
from gprplus.engine.frames.occlusion import draw_people_over
from gprplus.engine.frames.scenario import (
    POOL_SIZE,
    CameraView,
    Moment,
    Placement,
    Scenario,
    make_scenario,
)
from gprplus.engine.keypoints import HIDDEN, NAMES, VISIBLE, label_keypoints, project_joints
from gprplus.engine.people.pose import rotation_matrix
from gprplus.engine.people.traits import sample_person
from gprplus.engine.raycast.camera import fixed_camera

SMALL = {
    "size": (96, 54),
    "identities": 4,
    "viewpoints": 2,
    "meetings": 1,
    "weathers": "foggy,blizzard",
    "illuminations": "noon,night",
    "workers": 1,
}


def frames(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.glob("c*/*.jpg"))
    }


def known(folder: Path) -> dict:
    return json.loads((folder / ANNOTATIONS).read_text())


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> Path:
    """Four people who meet once, two cameras, two weathers, two lights, with masks."""
    return render_frames(tmp_path_factory.mktemp("frames") / "engine", **SMALL, masks=True)


def stage(**asked: object) -> FrameRenderer:
    asked = {
        "identities": 2,
        "viewpoints": 1,
        "weathers": "neutral",
        "illuminations": "noon",
        "size": (96, 96),
        **asked,
    }
    return FrameRenderer(make_scenario(make_design(**asked)), torch.device("cpu"))


def arranged(monkeypatch, *spots: tuple[float, float, float], degree: int = 90):
    """The film of people who stand at (x, y, heading), seen from 6 m ahead of the middle."""
    places = [Placement(i, x, y, heading, still=True) for i, (x, y, heading) in enumerate(spots, 1)]
    monkeypatch.setattr(Scenario, "placements", lambda self, moment: places)
    view = fixed_camera(
        np.array([0.0, 6.0, 1.0]),
        np.array([0.0, 0.0, 1.0]),
        span=3.0,
        size=(96, 96),
        samples=SAMPLES,
    )
    monkeypatch.setattr(Scenario, "view", lambda self, degree, size, samples: view)
    with torch.inference_mode():
        return (
            stage().rendered_frame(CameraView(Moment(1, (1, 2)), 1, degree, 1, "plaza")),
            view,
            places,
        )


def test_everybody_is_met_once_a_round_and_by_different_people() -> None:
    scenario = make_scenario(make_design(identities=40, size=(96, 54)), meetings=3)
    moments = [moment for crew in scenario.encounter_sizes for moment in scenario.moments(crew)]
    met = Counter(identity for moment in moments for identity in moment.cast)
    assert met == dict.fromkeys(range(1, 41), 3)
    assert len({moment.number for moment in moments}) == len(moments)
    assert {len(moment.cast) for moment in moments} <= {4, 5, 6}
    company = defaultdict(set)
    for moment in moments:
        for identity in moment.cast:
            company[identity] |= set(moment.cast)
    assert min(len(others) for identity, others in company.items() if identity <= 2 * POOL_SIZE) > 6


def test_fewer_people_in_whole_crews_meet_as_before() -> None:
    many, few = (
        make_scenario(make_design(identities=n, size=(96, 54)), 2)
        for n in (2 * POOL_SIZE, POOL_SIZE)
    )
    assert many.moments(0) == few.moments(0)
    assert many.moments(0)[:3] == make_scenario(few.design, 1).moments(0)
    assert [many.placements(moment) for moment in many.moments(0)] == [
        few.placements(moment) for moment in few.moments(0)
    ]


def test_nobody_stands_in_anybody() -> None:
    scenario = make_scenario(make_design(identities=32, size=(96, 54)), 4)
    for crew in scenario.encounter_sizes:
        for moment in scenario.moments(crew):
            at = np.array([(spot.x, spot.y) for spot in scenario.placements(moment)])
            apart = np.linalg.norm(at[:, None] - at[None], axis=2)[np.triu_indices(len(at), 1)]
            assert apart.min() > 0.5
            assert np.abs(at).max() < 5


@pytest.mark.parametrize(("heading", "degree"), [(0.0, 90), (180.0, 270), (90.0, 180), (270.0, 0)])
def test_a_viewpoint_is_the_side_that_the_camera_sees(
    monkeypatch, heading: float, degree: int
) -> None:
    """The camera stands at +y. Who faces +y shows the front (90); who has turned left by 90 faces
    -x and shows the right hand (180).
    """
    film, _, _ = arranged(monkeypatch, (0.0, 0.0, heading))
    assert film.annotations[0]["viewpoint_deg"] == degree


def test_a_joint_lands_where_hand_calculation_puts_it(monkeypatch) -> None:
    """6 m away, 3 m high, 96 pixels: 32 pixels a metre at the middle; +x is to the left of who
    looks along -y."""
    film, _, _ = arranged(monkeypatch, (0.5, 0.0, 0.0))
    person = stage()._somebody(Placement(1, 0.5, 0.0, 0.0, still=True))
    found = np.array(film.annotations[0]["keypoints"]).reshape(17, 3)
    for (x, y, z), (u, v, _) in zip(
        project_joints(person, "frame 1") + np.array([0.5, 0.0, 0.0]), found, strict=True
    ):
        near = 6.0 / (6.0 - y)
        assert u == pytest.approx(48 - 32 * x * near, abs=0.06)
        assert v == pytest.approx(48 - 32 * (z - 1.0) * near, abs=0.06)


def test_who_stands_right_behind_somebody_is_hidden(monkeypatch) -> None:
    """Rule: who shows less than a hundredth of their outline is not annotated; else `visible` says
    how much."""
    film, _, _ = arranged(monkeypatch, (0.0, 0.0, 0.0), (0.0, 3.0, 0.0))
    rows = {row["identity"]: row for row in film.annotations}
    assert rows["0002"]["visible"] == 1.0
    hidden = rows.get("0001")
    assert hidden is None or hidden["visible"] < 0.3
    side, _, _ = arranged(monkeypatch, (0.0, 0.0, 0.0), (0.2, 1.5, 0.0))
    half = next(row for row in side.annotations if row["identity"] == "0001")
    assert 0.1 < half["visible"] < 0.9
    seen = np.array(half["keypoints"]).reshape(17, 3)[:, 2]
    assert (seen == HIDDEN).any()
    assert (seen == VISIBLE).any()
    alone, _, _ = arranged(monkeypatch, (0.0, 0.0, 0.0))
    assert half["area"] < alone.annotations[0]["area"]


def test_who_is_wholly_hidden_is_not_annotated(monkeypatch) -> None:
    """A metre from the lens, a chest hides whoever is thirty metres behind it."""
    film, _, _ = arranged(monkeypatch, (0.0, -25.0, 0.0), (0.0, 4.8, 0.0))
    assert [row["identity"] for row in film.annotations] == ["0002"]
    assert set(np.unique(film.instances)) == {0, 1}


def test_half_of_who_stands_on_the_edge_is_truncated(monkeypatch) -> None:
    """The frame is 3 m wide at the middle: its edge runs through whoever stands 1.5 m aside."""
    film, _, _ = arranged(monkeypatch, (1.5, 0.0, 0.0))
    row = film.annotations[0]
    assert 0.35 < row["truncated"] < 0.65
    assert row["visible"] == 1.0
    assert row["bbox"][0] == 0
    assert row["num_keypoints"] < 17
    outside = np.array(row["keypoints"]).reshape(17, 3)
    assert not outside[outside[:, 2] == 0].any()


def test_one_persons_shadow_falls_on_another_and_on_the_ground(monkeypatch) -> None:
    """At forenoon the light comes from the person's front right: who stands there shades who stands
    behind."""
    asked = {"illuminations": "forenoon", "weathers": "sunny"}
    found = []
    for other in ((0.4, 0.45), (-3.0, -3.0)):
        place = stage(**asked)
        people = [
            place._standing(
                sample_person(7),
                Placement(1, 0.0, 0.0, 0.0, True),
                CameraView(Moment(1, (1,)), 1, 90, 1, "plaza"),
            ),
            place._standing(
                sample_person(9),
                Placement(2, *other, 0.0, True),
                CameraView(Moment(1, (1,)), 1, 90, 1, "plaza"),
            ),
        ]
        origin, target = np.array([-4.0, 4.0, 1.2]), np.array([0.0, 0.0, 0.9])
        view = fixed_camera(origin, target, span=2.4, size=(96, 96), samples=SAMPLES)
        empty = place._lit("plaza", view)
        with torch.inference_mode():
            layers, _, seen = draw_people_over(empty, people, view, SAMPLES)
        window = seen[0]
        light = layers.key["forenoon"].view(96, 96)
        part = light[
            window.y : window.y + window.share.shape[0], window.x : window.x + window.share.shape[1]
        ]
        found.append(float(part[torch.from_numpy(window.share) > 0.99].mean()))
        ground = (layers.person == 0) & (layers.ground.abs().amax(0) < 2)
        assert (layers.key["forenoon"][ground] < 0.3 * empty.key["forenoon"][ground]).any()
    assert found[0] < 0.8 * found[1]


def test_every_cell_is_there_under_its_name(drawn: Path) -> None:
    names = [
        f"c{c:02d}/f000001_c{c:02d}_w{w:02d}_l{light:02d}.jpg"
        for c in (1, 2)
        for w in (4, 6)
        for light in (4, 7)
    ]
    assert sorted(frames(drawn)) == names
    record = json.loads((drawn / "frames.json").read_text())
    assert (record["images"], record["degrees"]) == (8, {"01": 90, "02": 270})
    assert not list(drawn.rglob("*.part"))
    assert not (drawn / "_takes").exists()


def test_annotations_agree_with_the_instance_masks(drawn: Path) -> None:
    rows, images = known(drawn)["annotations"], known(drawn)["images"]
    assert [row["id"] for row in rows] == list(range(1, len(rows) + 1))
    assert len(rows) >= 8
    for image in images:
        assert {"camera", "weather", "illumination", "background", "frame"} <= set(image)
        shown = cv2.imread(
            str(drawn / "_masks" / image["file_name"].replace(".jpg", ".png")), cv2.IMREAD_UNCHANGED
        )
        assert shown.shape == (54, 96)
        own = [row for row in rows if row["image_id"] == image["id"]]
        assert set(np.unique(shown)) == set(range(len(own) + 1))
        for number, row in enumerate(own, 1):
            mask = decode_run_lengths(row["segmentation"]["counts"], 54, 96)
            np.testing.assert_array_equal(mask, shown == number)
            assert (tuple(row["bbox"]), row["area"]) == (tight_box(mask), mask.sum())
            assert 0 <= row["visible"] <= 1
            assert 0 <= row["truncated"] < 1
            assert len(row["attributes"]) == 13
            assert isinstance(row["viewpoint_deg"], int)


def test_pycocotools_reads_the_annotations(drawn: Path, capsys) -> None:
    coco = pytest.importorskip("pycocotools.coco").COCO(str(drawn / ANNOTATIONS))
    assert coco.loadCats(coco.getCatIds())[0]["keypoints"] == list(NAMES)
    for row in coco.loadAnns(coco.getAnnIds()):
        mask = coco.annToMask(row)
        assert mask.sum() == row["area"]
        assert list(tight_box(mask.astype(bool))) == row["bbox"]


@pytest.mark.parametrize(
    "asked",
    [
        {"weathers": "blizzard"},
        {"illuminations": "all", "weathers": "foggy", "viewpoints": 1},
        {"meetings": 2, "weathers": "foggy", "illuminations": "noon"},
        {"workers": 2},
    ],
    ids=["fewer-weathers", "more-hours-one-camera", "more-meetings", "two-workers"],
)
def test_a_frame_has_the_same_pixels_in_any_scenario(
    drawn: Path, tmp_path: Path, asked: dict
) -> None:
    other = frames(render_frames(tmp_path / "other", **{**SMALL, **asked}))
    shared = frames(drawn).keys() & other.keys()
    assert len(shared) >= 2
    assert all(other[path] == frames(drawn)[path] for path in shared)


def test_an_interrupted_render_goes_on(drawn: Path, tmp_path: Path, monkeypatch) -> None:
    folder, count = tmp_path / "f", 0
    module = __import__("gprplus.engine.output.render_frames", fromlist=["write_bytes"])
    real = module.write_bytes

    def dying(path: Path, data: bytes) -> None:
        nonlocal count
        count += Path(path).suffix == ".jpg"
        if count == 7:
            Path(f"{path}.1.part").write_bytes(data[:99])
            raise KeyboardInterrupt
        real(path, data)

    with monkeypatch.context() as patched:
        patched.setattr(module, "write_bytes", dying)
        with pytest.raises(KeyboardInterrupt):
            render_frames(folder, **SMALL, masks=True)
    assert not (folder / "frames.json").exists()
    with pytest.raises(RequestChanged):
        render_frames(folder, **SMALL)
    finished = {path: path.stat().st_mtime_ns for path in (folder / "c01").iterdir()}
    render_frames(folder, **SMALL, masks=True)
    assert {path: path.stat().st_mtime_ns for path in (folder / "c01").iterdir()} == finished
    assert frames(folder) == frames(drawn)
    assert (folder / ANNOTATIONS).read_bytes() == (drawn / ANNOTATIONS).read_bytes()
    assert not list(folder.rglob("*.part"))


def test_depth_of_the_nearest_decides_what_is_hidden(monkeypatch) -> None:
    """Points of somebody alone and behind somebody: only what the other covers changes from visible
    to hidden."""
    alone, view, places = arranged(monkeypatch, (0.0, 0.0, 0.0))
    behind, _, _ = arranged(monkeypatch, (0.0, 0.0, 0.0), (0.25, 2.0, 0.0))
    one = np.array(alone.annotations[0]["keypoints"]).reshape(17, 3)
    two = np.array(
        next(r for r in behind.annotations if r["identity"] == "0001")["keypoints"]
    ).reshape(17, 3)
    np.testing.assert_array_equal(one[:, :2], two[:, :2])
    cover = behind.instances == 1 + [r["identity"] for r in behind.annotations].index("0002")
    for (x, y, before), (_, _, after) in zip(one, two, strict=True):
        if after != before:
            near = cover[max(int(y) - 1, 0) : int(y) + 2, max(int(x) - 1, 0) : int(x) + 2]
            assert (before, after) == (VISIBLE, HIDDEN)
            assert near.any()
    point = project_joints(stage()._somebody(places[0]), "frame 1") @ rotation_matrix("z", 0).T
    np.testing.assert_array_equal(
        label_keypoints(point, view, np.full((192, 192), np.inf), (96, 96))[:, 2], VISIBLE
    )


def test_the_command_draws_frames_and_says_so(tmp_path: Path) -> None:
    arguments = ["--frames", "--identities", "2", "--viewpoints", "1", "--meetings", "1", "--weathers", "sunny",
                 "--illuminations", "noon", "--size", "64x36", "--workers", "1", "--work", str(tmp_path),
                 "--domain", "mall"]  # fmt: skip
    first, again = (
        CliRunner().invoke(cli, ["render", *arguments], catch_exceptions=False) for _ in range(2)
    )
    assert "1 frames of 2 identities drawn in" in first.output
    assert "already drawn" in again.output
    assert (tmp_path / "frames" / "mall" / "frames.json").exists()


def test_the_page_about_the_engine_says_what_works(tmp_path: Path, monkeypatch) -> None:
    page = (Path(__file__).parents[2] / "docs" / "engine.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"^gprplus render --frames .*$", page, flags=re.MULTILINE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GPRPLUS_WORK", raising=False)
    words = [*shlex.split(line)[2:], "--workers", "1"]
    assert CliRunner().invoke(cli, ["render", *words], catch_exceptions=False).exit_code == 0
    assert len(frames(tmp_path / "work" / "frames" / "engine")) == 2
    for domain in DOMAINS.values():
        assert f"| `{domain.name}` |" in page
        assert ", ".join(domain.scenes) in page


def test_what_does_not_fit_together_is_refused(tmp_path: Path) -> None:
    wrong = CliRunner().invoke(cli, ["render", "--meetings", "3", "--work", str(tmp_path)])
    assert wrong.exit_code == 2
    assert "--frames" in wrong.output
    with pytest.raises(RenderError, match="--meetings must be between 1 and 100"):
        make_scenario(make_design(), 0)
