"""Key points: where hand calculation puts them, left and right, and what is hidden."""

import json
import re
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from gprplus.core.imaging.coco_rle import decode_run_lengths, encode_run_lengths
from gprplus.engine import render
from gprplus.engine.annotations import ANNOTATIONS, tight_box
from gprplus.engine.crops.design import DesignBlock
from gprplus.engine.keypoints import (
    HIDDEN,
    NAMES,
    OUTSIDE,
    SKELETON,
    VISIBLE,
    label_keypoints,
    project_joints,
)
from gprplus.engine.raycast.camera import Orbit, orbit_camera

NOBODY = np.full((100, 100), np.inf)
AT = {name: i for i, name in enumerate(NAMES)}
SIDE = {"orbit": Orbit(distance=2.0, height=1.0, aim=1.0, span=2.0), "size": (100, 100)}


def points(**named: tuple[float, float, float]) -> np.ndarray:
    """Seventeen points; those not named are far below the picture."""
    found = np.tile([0.0, 0.0, -9.0], (17, 1))
    for name, point in named.items():
        found[AT[name]] = point
    return found


def test_a_point_lands_where_hand_calculation_puts_it() -> None:
    """From 2 m ahead, level, 50 pixels a metre: half a metre left of and above the aim is 25 pixels
    right and up."""
    view = orbit_camera(90, **SIDE)
    found = label_keypoints(
        points(left_wrist=(-0.5, 0.0, 1.5), nose=(0.0, 1.0, 1.0)), view, NOBODY, (100, 100)
    )
    np.testing.assert_allclose(found[AT["left_wrist"]], [75.0, 25.0, VISIBLE])
    np.testing.assert_allclose(found[AT["nose"]], [50.0, 50.0, VISIBLE])
    assert found[AT["right_knee"]].tolist() == [0.0, 0.0, OUTSIDE]


def test_a_point_is_hidden_when_more_than_its_flesh_is_before_it() -> None:
    view = orbit_camera(90, **SIDE)
    for before, seen in ((0.05, VISIBLE), (0.30, HIDDEN)):
        wall = np.full((100, 100), 2.0 - before, dtype=np.float32)
        found = label_keypoints(points(right_elbow=(0.0, 0.0, 1.0)), view, wall, (100, 100))
        assert found[AT["right_elbow"], 2] == seen


def test_points_scale_with_the_picture() -> None:
    found = label_keypoints(
        points(left_wrist=(-0.5, 0.0, 1.5)), orbit_camera(90, **SIDE), NOBODY, (200, 400)
    )
    assert found[AT["left_wrist"]].tolist() == [150.0, 100.0, VISIBLE]


@pytest.mark.parametrize(("degree", "left"), [(90, "right"), (270, "left")])
def test_left_is_the_persons_own(somebody, degree: int, left: str) -> None:
    view = orbit_camera(degree, **SIDE)
    found = label_keypoints(project_joints(somebody(), degree), view, NOBODY, (100, 100))
    for part in ("shoulder", "hip", "knee", "ear"):
        apart = found[AT[f"left_{part}"], 0] - found[AT[f"right_{part}"], 0]
        assert (apart > 0) == (left == "right"), part


def test_joints_are_inside_the_body_and_in_order(somebody) -> None:
    found = project_joints(somebody(), 90)
    height = {name: found[AT[name], 2] for name in NAMES}
    assert (
        height["left_eye"]
        > height["nose"]
        > height["left_shoulder"]
        > height["left_elbow"]
        > height["left_wrist"]
    )
    assert height["left_hip"] > height["left_knee"] > height["left_ankle"] > 0
    assert found[AT["nose"], 1] > found[AT["left_ear"], 1]


def test_the_skeleton_joins_what_is_joined_and_is_the_same_on_both_sides() -> None:
    bones = {frozenset(NAMES[end - 1] for end in bone) for bone in SKELETON}
    mirror = {"left": "right", "right": "left"}
    mirrored = {
        frozenset(re.sub("left|right", lambda side: mirror[side[0]], end) for end in bone)
        for bone in bones
    }
    assert mirrored == bones
    limbs = [
        ("shoulder", "elbow"),
        ("elbow", "wrist"),
        ("shoulder", "hip"),
        ("hip", "knee"),
        ("knee", "ankle"),
    ]
    face = [("ear", "shoulder"), ("eye", "ear")]
    assert bones >= {frozenset(f"left_{end}" for end in bone) for bone in limbs + face}
    across = [
        ("left_shoulder", "right_shoulder"),
        ("left_hip", "right_hip"),
        ("left_eye", "right_eye"),
    ]
    assert bones >= {frozenset(bone) for bone in [*across, ("nose", "left_eye")]}
    assert len(bones) == len(SKELETON) == 2 * len(limbs + face) + len(across) + 2


@pytest.mark.parametrize(
    ("degree", "hidden", "seen"),
    [
        (90, (), ("nose", "left_eye", "right_eye", "left_shoulder", "right_shoulder", "left_hip")),
        (
            270,
            ("nose", "left_eye", "right_eye"),
            ("left_shoulder", "right_shoulder", "left_hip", "right_hip"),
        ),
        (
            180,
            ("left_ear", "left_shoulder", "left_hip"),
            ("right_ear", "right_shoulder", "right_hip"),
        ),
        (
            0,
            ("right_ear", "right_shoulder", "right_hip"),
            ("left_ear", "left_shoulder", "left_hip"),
        ),
    ],
)
def test_a_body_hides_its_far_side(studio, monkeypatch, somebody, degree, hidden, seen) -> None:
    monkeypatch.setattr(
        "gprplus.engine.crops.crop_renderer.sample_person",
        lambda key: replace(somebody(), hair_style="bald"),
    )
    monkeypatch.setattr(studio, "design", replace(studio.design, keypoints=True))
    found = studio.shaded_block(DesignBlock(1, 1, degree, 1, "plaza")).points[:, 2]
    assert {name: found[AT[name]] for name in hidden} == dict.fromkeys(hidden, HIDDEN)
    assert {name: found[AT[name]] for name in seen} == dict.fromkeys(seen, VISIBLE)


def test_run_lengths_agree_with_pycocotools() -> None:
    oracle = pytest.importorskip("pycocotools.mask")
    rng = np.random.default_rng(4)
    for share in (0.0, 0.1, 0.5, 1.0):
        mask = rng.random((9, 13)) < share
        packed = oracle.frPyObjects({"size": [9, 13], "counts": encode_run_lengths(mask)}, 9, 13)
        np.testing.assert_array_equal(oracle.decode(packed).astype(bool), mask)
        np.testing.assert_array_equal(decode_run_lengths(encode_run_lengths(mask), 9, 13), mask)
        if mask.any():
            assert oracle.toBbox(packed).tolist() == list(tight_box(mask))


@pytest.mark.parametrize("domain", ["engine", "street"])
def test_annotations_agree_with_masks_and_boxes(tmp_path: Path, domain: str) -> None:
    asked = {
        "identities": 2,
        "viewpoints": 2,
        "weathers": "foggy",
        "illuminations": "noon,night",
        "size": (50, 118),
    }
    folder = render(
        tmp_path / "f", **asked, domain=domain, masks=True, boxes=True, keypoints=True, workers=1
    )
    known = json.loads((folder / ANNOTATIONS).read_text())
    assert [image["id"] for image in known["images"]] == list(range(1, 9))
    assert {path.relative_to(folder).as_posix() for path in folder.glob("[0-9]*/*.jpg")} == {
        image["file_name"] for image in known["images"]
    }
    for image, row in zip(known["images"], known["annotations"], strict=True):
        mask = (
            cv2.imread(str(folder / "_masks" / image["file_name"].replace(".jpg", ".png")), 0) > 0
        )
        assert row["image_id"] == image["id"]
        np.testing.assert_array_equal(
            decode_run_lengths(row["segmentation"]["counts"], 118, 50), mask
        )
        assert (tuple(row["bbox"]), row["area"]) == (tight_box(mask), mask.sum())
        assert (row["identity"], row["viewpoint_deg"]) == (
            image["file_name"][:4],
            (90, 270)[image["camera"] - 1],
        )
        seen = np.array(row["keypoints"]).reshape(17, 3)
        assert row["num_keypoints"] == (seen[:, 2] > 0).sum() >= 15
        x, y, width, height = row["bbox"]
        inside = seen[seen[:, 2] > 0]
        assert ((inside[:, 0] >= x - 2) & (inside[:, 0] <= x + width + 2)).all()
        assert ((inside[:, 1] >= y - 2) & (inside[:, 1] <= y + height + 2)).all()
