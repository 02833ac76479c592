"""Frames become crops that build-manifest reads, and every annotation is accounted for."""

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from gprplus.core.errors import FramesError, LayoutError, RequestChanged
from gprplus.cropping import CropRules, crop_frames
from gprplus.cropping.segmentation import mask_of
from gprplus.ingest import build_manifest

TWO = ({1: (40, 60, 40, 100), 2: (150, 80, 50, 120)}, {1: (60, 60, 40, 100)})


def rejects(folder: Path) -> list[dict[str, str]]:
    with (folder / "_rejected.csv").open() as file:
        return list(csv.DictReader(file))


def bytes_below(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_crops_carry_every_attribute_into_the_manifest(tmp_path: Path, street) -> None:
    said = {
        "camera": 3,
        "weather": "Sunny",
        "illumination": "noon",
        "background": "plaza",
        "frame": 7,
    }
    coco = street(
        tmp_path,
        [TWO[0]],
        said,
        lambda who: {
            "viewpoint_deg": 90 * who,
            "attributes": {"gender": ["", "female", "male"][who], "hat": True},
        },
    )
    crops = crop_frames(tmp_path / "frames", tmp_path / "crops", coco=coco)
    assert crops.info["rejected"] == {}
    manifest = build_manifest([crops.path], tmp_path / "m")
    assert manifest.record.counts == {"images": 2, "identities": 2, "rejected": 0}
    rows = manifest.images().to_pylist()
    assert [row["path"] for row in rows] == [
        "0001/0001_c03_f000007_b1_v090_w01_l01_p01.jpg",
        "0002/0002_c03_f000007_b2_v180_w01_l01_p01.jpg",
    ]
    for i, row in enumerate(rows, start=1):
        found = {
            key: row[key]
            for key in ("camera", "viewpoint_deg", "weather", "illumination", "background", "frame")
        }
        assert found == {**said, "weather": "sunny", "viewpoint_deg": 90 * i}
    people = manifest.identities().to_pylist()
    assert [(row["identity"], row["gender"], row["hat"]) for row in people] == [
        ("0001", "female", "yes"),
        ("0002", "male", "yes"),
    ]


def test_what_nobody_says_stays_unknown(tmp_path: Path, street) -> None:
    crop_frames(tmp_path / "frames", tmp_path / "crops", coco=street(tmp_path, TWO))
    rows = build_manifest([tmp_path / "crops"], tmp_path / "m").images().to_pylist()
    assert [row["frame"] for row in rows] == [1, 2, 1]  # the last number in the frames' names
    assert {
        row[key] for row in rows for key in ("camera", "viewpoint_deg", "weather", "background")
    } == {None}


def test_crop_holds_the_box_and_nothing_else(tmp_path: Path, street, paint) -> None:
    crops = crop_frames(
        tmp_path / "frames", tmp_path / "c", coco=street(tmp_path, TWO), extension=".png"
    )
    picture = cv2.imread(str(crops.path / "0002/0002_f000001_b2.png"))[:, :, ::-1]
    assert picture.shape == (120, 50, 3)
    assert (picture == paint(2)).all()


def test_margin_is_a_share_of_the_box_on_each_side_and_stops_at_the_frame(
    tmp_path: Path, street, paint
) -> None:
    coco = street(tmp_path, [{1: (40, 60, 40, 100), 2: (4, 80, 50, 120)}])
    crops = crop_frames(
        tmp_path / "frames",
        tmp_path / "c",
        coco=coco,
        extension=".png",
        rules=CropRules(margin=0.1),
    )
    one = cv2.imread(str(crops.path / "0001/0001_f000001_b1.png"))[:, :, ::-1]
    assert one.shape == (120, 48, 3)  # 100 + 2 x 10 high, 40 + 2 x 4 wide
    assert (one[10:-10, 18:-4] == paint(1)).all()  # left of it 2 stands before 1
    assert (one[:10] == 128).all()
    assert cv2.imread(str(crops.path / "0002/0002_f000001_b2.png")).shape == (144, 4 + 50 + 5, 3)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"bbox": [10, 10, 24, 50]}, "small"),
        ({"bbox": [10, 10, 25, 49]}, "small"),
        ({"bbox": [10, 10, 25, 50]}, None),
        ({"bbox": [10, 10, 60, 0]}, "box"),
        ({"bbox": [400, 10, 60, 100]}, "box"),
        ({"bbox": None}, "box"),
        ({"bbox": [0, 10, 60, 100]}, "truncated"),
        ({"bbox": [270, 10, 60, 100]}, "truncated"),
        ({"bbox": [100, 10, 60, 100], "truncated": 0.4}, "truncated"),
        ({"bbox": [0, 10, 60, 100], "truncated": 0.1}, None),
        ({"visible": 0.1}, "occluded"),
        ({"visible": 0.25}, None),
        ({"visible": 85}, "value"),
        ({"visible": -0.5}, "value"),
        ({"visible": -1}, None),
        ({"visible": float("nan"), "truncated": -1.0}, None),
        ({"iscrowd": 1}, "crowd"),
        ({"category_id": 2}, "category"),
        ({"identity": None}, "identity"),
        ({"image_id": 99}, "frame"),
        ({"image_id": [1]}, "frame"),
        ({"category_id": {"a": 1}}, "category"),
        ({"identity": ["0001"]}, "identity"),
        ({"identity": float("nan")}, "identity"),
        ({"identity": ""}, "identity"),
        ({"bbox": [10, 10, 10**400, 50]}, "box"),
        ({"bbox": ["10", 10, 60, 100]}, "box"),
        ({"bbox": [10, 10, float("inf"), 100]}, "box"),
        ({"visible": [0.5]}, "value"),
        ({"truncated": 10**400}, "value"),
        ({"weather": {"a": 1}}, "value"),
        ({"camera": 10**400}, "value"),
        ({"keypoints": 7}, "value"),
        ({"keypoints": [1, 2]}, "value"),
        ({"keypoints": [1, "2", 2]}, "value"),
        ({"keypoints": [1, 2, 1e308]}, "value"),
        ({"segmentation": "people"}, "value"),
        ({"segmentation": [[1, 2, 3]]}, "value"),
        ({"segmentation": [[1, 2, float("nan"), 4]]}, "value"),
        ({"segmentation": [1, 2, 3, 4]}, "value"),
        ({"segmentation": [[[1, 2], [3, 4]]]}, "value"),
        ({"segmentation": 2000 * [[10, 10, 20, 10, 20, 20]]}, "value"),
        ({"segmentation": {"size": [240, 320]}}, "value"),
        ({"segmentation": {"size": [240, 320], "counts": [7]}}, "mask"),
        ({"segmentation": {"size": [10**9, 10**9], "counts": [10**18]}}, "mask"),
        ({"segmentation": {"size": [240, 320], "counts": [10**30]}}, "mask"),
        ({"segmentation": {"size": [240, 320], "counts": [-1, 76801]}}, "mask"),
        ({"segmentation": {"size": [240, 320], "counts": [[76800]]}}, "mask"),
        ({"segmentation": {"size": [240, 320], "counts": [[1], [2, 3]]}}, "mask"),
        ({"segmentation": {"size": [240, 320], "counts": 5000 * "o"}}, "mask"),
        ({"segmentation": {"size": "big", "counts": "\x1b[31m"}}, "mask"),
    ],
    ids=lambda value: json.dumps(value)[:60],
)
def test_each_annotation_left_out_has_its_reason(tmp_path: Path, street, changed, reason) -> None:
    coco = street(tmp_path, [TWO[0]])
    data = json.loads(coco.read_text())
    data["annotations"][0] |= changed
    data["categories"].append({"id": 2, "name": "car"})
    coco.write_text(json.dumps(data))
    crops = crop_frames(tmp_path / "frames", tmp_path / "c", coco=coco)
    assert crops.info["rejected"] == ({reason: 1} if reason else {})
    assert [row["reason"] for row in rejects(crops.path)] == ([reason] if reason else [])
    assert (
        crops.info["images"] + sum(crops.info["rejected"].values())
        == crops.info["annotations"]
        == 2
    )
    assert all(
        row["detail"].isprintable() and len(row["detail"]) < 200 for row in rejects(crops.path)
    )


def test_who_stands_behind_another_is_occluded_and_who_stands_before_is_not(
    tmp_path: Path, street
) -> None:
    coco = street(
        tmp_path, [{1: (100, 50, 40, 100), 2: (104, 60, 50, 120)}]
    )  # 2 reaches lower: it is nearer
    crops = crop_frames(tmp_path / "frames", tmp_path / "c", coco=coco)
    (left_out,) = rejects(crops.path)
    assert (left_out["identity"], left_out["reason"]) == ("0001", "occluded")
    assert left_out["detail"].startswith("0.19 is visible by boxes")  # 1 - 36 x 90 / (40 x 100)


def test_masks_say_better_than_boxes_what_is_visible(tmp_path: Path, street) -> None:
    """2's mask is a thin pole: it covers a quarter of what the boxes would say, in pixels of
    persons."""
    masks = {
        1: [[100, 50, 130, 50, 130, 150, 100, 150]],
        2: [[130, 50, 140, 50, 140, 180, 130, 180]],
    }
    coco = street(
        tmp_path,
        [{1: (100, 50, 40, 100), 2: (100, 50, 60, 130)}],
        None,
        lambda w: {"segmentation": masks[w]},
    )
    crops = crop_frames(tmp_path / "frames", tmp_path / "c", coco=coco)
    found = {
        a["identity"]: a
        for a in json.loads((crops.path / "_crops.json").read_text())["annotations"]
    }
    assert (found["0001"]["visible"], found["0001"]["visible_from"]) == (0.75, "masks")


def test_key_points_and_masks_move_with_the_crop(tmp_path: Path, street) -> None:
    more = {
        "keypoints": [50, 70, 2, 0, 0, 0, 10, 70, 2],
        "segmentation": [[40, 60, 80, 60, 80, 160]],
    }
    coco = street(tmp_path, [{1: (40, 60, 40, 100)}], None, lambda who: {**more, "pose_seed": 5})
    crops = crop_frames(tmp_path / "frames", tmp_path / "c", coco=coco)
    data = json.loads((crops.path / "_crops.json").read_text())
    (annotation,), (image,) = data["annotations"], data["images"]
    assert annotation["keypoints"] == [
        10,
        10,
        2,
        0,
        0,
        0,
        -30,
        10,
        1,
    ]  # outside the crop: labelled, not visible
    assert annotation["num_keypoints"] == 2
    assert annotation["segmentation"] == [[0, 0, 40, 0, 40, 100]]
    assert annotation["pose_seed"] == 5  # extra keys stay
    assert (image["frame_file"], image["window"], image["width"]) == (
        "0001.png",
        [40, 60, 80, 160],
        40,
    )
    assert data["categories"][0]["keypoints"] == ["head"]


def test_background_is_painted_over_by_the_mask(tmp_path: Path, street, paint) -> None:
    mask = [[60, 60, 80, 60, 80, 160, 60, 160]]
    coco = street(tmp_path, [{1: (40, 60, 40, 100)}], None, lambda who: {"segmentation": mask})
    rules = CropRules(blank=(255, 0, 0))
    crops = crop_frames(
        tmp_path / "frames", tmp_path / "c", coco=coco, rules=rules, extension=".png"
    )
    picture = cv2.imread(str(crops.path / "0001/0001_f000001_b1.png"))[:, :, ::-1]
    assert (picture[:, :20] == (255, 0, 0)).all()
    assert (picture[:, 20:] == paint(1)).all()


def test_who_has_no_mask_cannot_be_blanked_and_is_told(tmp_path: Path, street) -> None:
    crops = crop_frames(
        tmp_path / "frames",
        tmp_path / "c",
        coco=street(tmp_path, TWO),
        rules=CropRules(blank=(0, 0, 0)),
    )
    assert crops.info["rejected"] == {"mask": 3}


@pytest.mark.parametrize("spoil", ["gone", "torn", "other size"])
def test_a_frame_that_is_not_there_loses_no_annotation_in_silence(
    tmp_path: Path, street, frame, spoil: str
) -> None:
    coco = street(tmp_path, TWO)
    path = tmp_path / "frames" / "0001.png"
    if spoil == "gone":
        path.unlink()
    elif spoil == "torn":
        path.write_bytes(b"torn")
    else:
        frame(path, {}, (640, 480))
    crops = crop_frames(tmp_path / "frames", tmp_path / "c", coco=coco)
    assert (crops.info["images"], crops.info["rejected"]) == (1, {"frame": 2})


def test_any_number_of_workers_writes_the_same_bytes(tmp_path: Path, street) -> None:
    frames = [{who: (20 + 70 * who + i, 40, 40, 100) for who in (1, 2, 3)} for i in range(20)]
    coco = street(tmp_path, frames, {"weather": "foggy"})
    outputs = [
        crop_frames(tmp_path / "frames", tmp_path / str(n) / "c", coco=coco, workers=n).path
        for n in (1, 2)
    ]
    one, two = map(bytes_below, outputs)
    assert one.keys() == two.keys()
    assert one == two
    assert sum(name.endswith(".jpg") for name in one) == 60


def test_an_interrupted_cut_is_not_taken_for_whole_and_goes_on(
    tmp_path: Path, street, monkeypatch
) -> None:
    from gprplus.cropping import cut_frames as module

    coco = street(tmp_path, [{1: (20 + i, 40, 40, 100)} for i in range(20)])
    whole = crop_frames(tmp_path / "frames", tmp_path / "whole" / "c", coco=coco).path

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "write_outputs", killed)
        with pytest.raises(KeyboardInterrupt):
            crop_frames(tmp_path / "frames", tmp_path / "c", coco=coco)
    with pytest.raises(LayoutError, match="not finished"):
        build_manifest([tmp_path / "c"], tmp_path / "m")
    victim = next((tmp_path / "c").rglob("*.jpg"))
    before = {
        path: path.stat().st_mtime_ns for path in (tmp_path / "c").rglob("*.jpg") if path != victim
    }
    victim.unlink()
    crop_frames(tmp_path / "frames", tmp_path / "c", coco=coco)
    assert bytes_below(tmp_path / "c") == bytes_below(whole)
    untouched = [path for path, mtime in before.items() if path.stat().st_mtime_ns == mtime]
    assert len(untouched) >= 4  # the shard of the victim is cut again, the other is not


def test_the_same_request_does_nothing_and_another_one_stops(tmp_path: Path, street) -> None:
    coco = street(tmp_path, TWO)
    assert crop_frames(tmp_path / "frames", tmp_path / "c", coco=coco).made
    assert not crop_frames(tmp_path / "frames", tmp_path / "c", coco=coco).made
    with pytest.raises(RequestChanged, match="quality was 95, now 80"):
        crop_frames(tmp_path / "frames", tmp_path / "c", coco=coco, quality=80)
    assert crop_frames(tmp_path / "frames", tmp_path / "c", coco=coco, quality=80, force=True).made
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "diary.txt").write_text("x")
    with pytest.raises(FramesError, match="already holds other files"):
        crop_frames(tmp_path / "frames", tmp_path / "mine", coco=coco, force=True)


def test_names_that_cannot_be_files_are_mapped_and_told(tmp_path: Path, street) -> None:
    names = {1: "../Ann Lee", 2: "b_2", 3: "B_2"}
    frames = [{who: (20 + 70 * who, 40, 40, 100) for who in names}]
    coco = street(tmp_path, frames, None, lambda who: {"identity": names[who], "hat": who == 1})
    crops = crop_frames(tmp_path / "frames", tmp_path / "c", coco=coco)
    with (crops.path / "_identities.csv").open() as file:
        mapped = {row["identity"]: row["token"] for row in csv.DictReader(file)}
    assert set(mapped) == set(
        names.values()
    )  # b_2 and B_2 are one file where capitals do not count
    assert all(token.replace("-", "").isalnum() for token in mapped.values())
    rows = build_manifest([crops.path], tmp_path / "m").identities().to_pylist()
    assert {row["identity"]: row["hat"] for row in rows} == {
        mapped[n]: "yes" if "Ann" in n else "no" for n in mapped
    }


def test_a_person_of_two_genders_has_none(tmp_path: Path, street) -> None:
    coco = street(tmp_path, TWO)
    data = json.loads(coco.read_text())
    for i, annotation in enumerate(data["annotations"]):
        annotation["gender"] = ["male", "male", "female"][i]
    coco.write_text(json.dumps(data))
    crops = crop_frames(tmp_path / "frames", tmp_path / "c", coco=coco)
    assert crops.info["remarks"] == [
        "1 identities have more than one gender (0001): it stays unknown for them."
    ]
    people = build_manifest([crops.path], tmp_path / "m").identities().to_pylist()
    assert [row["gender"] for row in people] == [None, "male"]


def test_motsynth_a_slip_in_a_key_cannot_merge_people(tmp_path: Path, street) -> None:
    """MOTSynth-reid groups by model and clothing, but a slip of one underscore dropped the
    clothing: one model in two outfits became one person. Its names hold no identity, and its
    cameras are made up.
    """
    wears = {1: {"attr_0": 4}, 2: {"attr_0": 9}}
    coco = street(
        tmp_path,
        [TWO[0]],
        None,
        lambda who: {"identity": None, "model_id": 7, "attributes": wears[who]},
    )
    with pytest.raises(
        FramesError, match=r"no annotation has the key 'attr0'.*Did you mean 'attr_0'"
    ):
        crop_frames(
            tmp_path / "frames", tmp_path / "c", coco=coco, rename=["identity=model_id+attr0"]
        )
    crops = crop_frames(
        tmp_path / "frames", tmp_path / "c", coco=coco, rename=["identity=model_id+attr_0"]
    )
    rows = build_manifest([crops.path], tmp_path / "m").images().to_pylist()
    assert [row["identity"] for row in rows] == ["7-4", "7-9"]
    assert [row["camera"] for row in rows] == [None, None]  # nobody invents one


def test_an_entry_of_a_list_is_a_key(tmp_path: Path, street) -> None:
    """The authors' identity of MOTSynth joins the model and entries of the list `attributes`."""
    wears = {1: [0, 4, 2], 2: [0, 9, 2]}
    coco = street(tmp_path, [TWO[0]], None, lambda who: {"model_id": 31, "attributes": wears[who]})
    rename = ["identity=model_id+attributes.1+attributes.2"]
    crops = crop_frames(tmp_path / "frames", tmp_path / "c", coco=coco, rename=rename)
    rows = build_manifest([crops.path], tmp_path / "m").images().to_pylist()
    assert [row["identity"] for row in rows] == ["31-4-2", "31-9-2"]
    with pytest.raises(FramesError, match=r"no annotation has the key 'attributes\.3'"):
        crop_frames(
            tmp_path / "frames", tmp_path / "c", coco=coco, rename=["identity=attributes.3"]
        )


def test_identities_and_cameras_of_several_files_are_kept_apart(tmp_path: Path, street) -> None:
    files = []
    for name in ("walk", "run"):
        file = street(tmp_path / name, [{1: (40, 60, 40, 100)}], {"camera": 1})
        data = json.loads(file.read_text())
        data["images"][0]["file_name"] = f"{name}/frames/0001.png"
        files.append(tmp_path / f"{name}.json")
        files[-1].write_text(json.dumps(data))
    crops = crop_frames(tmp_path, tmp_path / "c", coco=files)
    rows = build_manifest([crops.path], tmp_path / "m").images().to_pylist()
    assert [(row["identity"], row["camera"]) for row in rows] == [("run_0001", 1), ("walk_0001", 2)]
    assert crops.info["cameras"] == {"run/1": 1, "walk/1": 2}
    with pytest.raises(FramesError, match=r"Two annotation files are called walk\.json"):
        crop_frames(tmp_path, tmp_path / "c2", coco=[files[0], tmp_path / "other" / "walk.json"])


def test_two_folders_of_crops_are_two_datasets_of_a_manifest(tmp_path: Path, street) -> None:
    coco = street(tmp_path, TWO)
    folders = [
        crop_frames(tmp_path / "frames", tmp_path / name, coco=coco).path
        for name in ("first", "second")
    ]
    manifest = build_manifest(folders, tmp_path / "m")
    assert sorted(manifest.datasets) == ["first", "second"]


@pytest.mark.parametrize(
    ("break_it", "sentence"),
    [
        (lambda data: data.pop("images"), "expected a list of objects called 'images'"),
        (lambda data: data["annotations"].clear(), "has no annotation"),
        (lambda data: data["images"].append(dict(data["images"][0])), "two images have the id 1"),
        (
            lambda data: data["images"][0].update(file_name="../x.png"),
            "file_name: .../x.png. is not a relative path",
        ),
        (
            lambda data: data["images"][0].update(file_name="/etc/passwd"),
            "./etc/passwd. is not a relative path",
        ),
        (lambda data: data["images"][0].update(file_name=7), "file_name: '7' .* is not text"),
        (
            lambda data: data["images"][0].update(id=[1]),
            r"the id of an image is \[1\]; a number or text",
        ),
        (
            lambda data: data["images"][0].update(width="wide"),
            "is of size .*; pixels were expected",
        ),
        (lambda data: data["images"][0].update(width=1e308), "is of size .*; pixels were expected"),
        (lambda data: data["images"].append(3), "expected a list of objects called 'images'"),
        (
            lambda data: data["categories"].append(None),
            "categories: expected a list of objects with an id",
        ),
        (
            lambda data: data["categories"][0].update(id=[]),
            "categories: expected a list of objects with an id",
        ),
        (
            lambda data: data["categories"][0].update(keypoints=7),
            "keypoints: expected a list of names, found 7",
        ),
        (
            lambda data: data["categories"][0].update(skeleton=[1]),
            r"skeleton: expected a list of pairs, found \[1\]",
        ),
        (lambda data: data["annotations"][0].update(note="\ud800"), "surrogates not allowed"),
        (lambda data: data["categories"][0].update(name="cat"), "has no category 'person'"),
        (
            lambda data: [a.pop("identity") for a in data["annotations"]],
            "Give the key, such as --key",
        ),
    ],
)
def test_a_coco_file_that_is_none_is_one_sentence(
    tmp_path: Path, street, break_it, sentence: str
) -> None:
    coco = street(tmp_path, TWO)
    data = json.loads(coco.read_text())
    break_it(data)
    coco.write_text(json.dumps(data))
    with pytest.raises(FramesError, match=sentence):
        crop_frames(tmp_path / "frames", tmp_path / "c", coco=coco)


def test_a_mask_that_does_not_fit_is_rejected_and_its_neighbours_are_not(
    tmp_path: Path, street
) -> None:
    def mask(identity: int) -> dict[str, object]:
        return {
            "segmentation": {"size": [240, 320], "counts": [7]}
            if identity == 2
            else [[40, 40, 90, 40, 90, 160]]
        }

    coco = street(tmp_path, [{1: (40, 40, 60, 120), 2: (60, 40, 60, 120)}], person=mask)
    crops = crop_frames(tmp_path / "frames", tmp_path / "c", coco=coco)
    assert (crops.info["images"], crops.info["rejected"]) == (1, {"mask": 1})


def test_numbers_too_long_for_names_are_replaced_by_positions(tmp_path: Path, street) -> None:
    coco = street(
        tmp_path, TWO, image={"frame": 10**18}, person=lambda identity: {"id": 10**4000 + identity}
    )
    crops = crop_frames(tmp_path / "frames", tmp_path / "c", coco=coco)
    assert sorted(path.name for path in crops.path.rglob("0*.jpg")) == [
        "0001_f000001_b1.jpg",
        "0001_f000002_b3.jpg",
        "0002_f000001_b2.jpg",
    ]


def test_values_nested_too_deeply_are_rejected(tmp_path: Path, street) -> None:
    coco = street(tmp_path, [TWO[0]])
    coco.write_text(
        coco.read_text().replace('"bbox"', '"note": ' + 900 * "[" + 900 * "]" + ', "bbox"', 1)
    )
    crops = crop_frames(tmp_path / "frames", tmp_path / "c", coco=coco)
    assert crops.info["rejected"] == {"value": 1}
    assert rejects(crops.path)[0]["detail"] == "the value of 'note' is nested too deeply."
    coco.write_text(
        coco.read_text().replace('"bbox"', '"note": ' + 50_000 * "[" + 50_000 * "]" + ', "bbox"', 1)
    )
    with pytest.raises(FramesError, match="nested too deeply"):
        crop_frames(tmp_path / "frames", tmp_path / "c2", coco=coco)


def test_each_mask_is_drawn_twice_however_many_lie_over_it(
    tmp_path: Path, street, monkeypatch
) -> None:
    """Once for all that it covers, once for its own crop: 4,000 that were drawn for each other took
    minutes."""
    coco = street(tmp_path, [{1: (40, 40, 60, 120)}])
    data = json.loads(coco.read_text())
    left = 240 * 40
    code = {"size": [240, 320], "counts": [left, 240 * 60, 240 * 320 - left - 240 * 60]}
    rows = [
        {**data["annotations"][0], "id": i, "identity": f"{i:04d}", "segmentation": code}
        for i in range(50)
    ]
    coco.write_text(json.dumps({**data, "annotations": rows}))
    drawn = []
    monkeypatch.setattr(
        "gprplus.cropping.opened_frame.mask_of",
        lambda *given: drawn.append(given) or mask_of(*given),
    )
    crops = crop_frames(tmp_path / "frames", tmp_path / "c", coco=coco, workers=1)
    assert crops.info["images"] == 50
    assert len(drawn) == 100


def test_a_frame_of_too_many_annotations_is_rejected(tmp_path: Path, street, monkeypatch) -> None:
    monkeypatch.setattr("gprplus.cropping.opened_frame.MAX_IDENTITIES", 1)
    crops = crop_frames(tmp_path / "frames", tmp_path / "c", coco=street(tmp_path, TWO), workers=1)
    assert (crops.info["images"], crops.info["rejected"]) == (1, {"frame": 2})


def test_each_frame_is_decoded_once(tmp_path: Path, street, monkeypatch) -> None:
    from gprplus.core.imaging import images

    seen: list[int] = []
    whole = images.decode_image
    monkeypatch.setattr(images, "decode_image", lambda data: seen.append(len(data)) or whole(data))
    crop_frames(tmp_path / "frames", tmp_path / "c", coco=street(tmp_path, TWO), workers=1)
    assert len(seen) == 2


def test_pixels_of_a_jpeg_frame_are_those_of_the_frame(tmp_path: Path, street) -> None:
    """A JPEG frame is decoded whole, then cut: the crop's pixels are the frame's."""
    coco = street(tmp_path, [TWO[0]])
    data = json.loads(coco.read_text())
    data["images"][0]["file_name"] = "0001.jpg"
    coco.write_text(json.dumps(data))
    picture = np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "frames" / "0001.jpg"), picture)
    crops = crop_frames(tmp_path / "frames", tmp_path / "c", coco=coco, extension=".png")
    decoded = cv2.imread(str(tmp_path / "frames" / "0001.jpg"))
    assert (
        cv2.imread(str(crops.path / "0001/0001_f000001_b1.png")) == decoded[60:160, 40:80]
    ).all()
