"""What is missing, cut or impossible in a native tree is a rejected annotation or one sentence."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from engine_world import gta, omniverse, unity, unreal
from engine_world.files import save_json, save_text
from engine_world.scene import FRAMES, SEQUENCES

from gprplus.core.errors import FramesError
from gprplus.cropping.annotations import AnnotatedFrame, AnnotatedPerson
from gprplus.cropping.forms.registry import all_forms, find_form
from gprplus.cropping.forms.replicator_frames import load_rows, person_prim, stage_axes
from gprplus.cropping.geometry import Axes
from gprplus.cropping.native.crop_output import crop_engine_output
from gprplus.cropping.opened_frame import open_frame
from gprplus.cropping.options import FormOptions

ONE = SEQUENCES[:1]
NUMBER = 4  # of people in the first sequence


def frames(form: str, folder: Path, identity: str = "") -> list[AnnotatedFrame]:
    scenes = find_form(form).scenes(folder, FormOptions(identity=identity))
    return [frame for scene in scenes for frame in scene.read()]


def edit(path: Path, change: Any) -> None:
    """Change the JSON value of a file in place."""
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


def reason(person: AnnotatedPerson) -> str:
    return "" if person.reject is None else person.reject[0]


def only_reject(frame: AnnotatedFrame) -> str:
    """The sentence about a frame whose annotations cannot be read."""
    (person,) = frame.people
    assert person.reject is not None
    assert person.reject[0] == "labels"
    return person.reject[1]


@pytest.fixture
def ira(tmp_path: Path) -> Path:
    omniverse.write_ira(tmp_path, ONE)
    return tmp_path / "seq_1/_World_Cameras_Camera_01/object_detection"


def agents(data: Any) -> list[Any]:
    return list(data["agents"].values())


def test_isaac_frames_without_detections_are_rejected(ira: Path, tmp_path: Path) -> None:
    (ira / "object_detection_0000.json").unlink()
    cut = ira / "object_detection_0001.json"
    cut.write_text(cut.read_text()[:100])
    (ira / "object_detection_0002.json").write_text("[]")
    (ira / "object_detection_0003.json").write_text('{"agents": [1]}')
    found = frames("isaac_people", tmp_path)[:5]
    assert "There is no object_detection_0000.json" in only_reject(found[0])
    assert "cannot be read" in only_reject(found[1])
    assert "no JSON object" in only_reject(found[2])
    assert "no object 'agents'" in only_reject(found[3])
    assert len(found[4].people) == NUMBER


def test_isaac_values_that_cannot_be(ira: Path, tmp_path: Path) -> None:
    def change(data: Any) -> None:
        first, second, third, fourth = agents(data)
        first["annotators"]["bounding_box_2d_tight_fast"]["x_min"] = float("nan")
        del first["annotators"]["bounding_box_2d_loose_fast"]
        second["annotators"]["bounding_box_3d_fast"]["transform"] = [["a"]]
        third["label"] = {"class": "forklift"}
        tight = fourth["annotators"]["bounding_box_2d_tight_fast"]
        tight |= {"occlusionRatio": -1, "y_max": (tight["y_min"] + tight["y_max"]) / 2}

    edit(ira / "object_detection_0000.json", change)
    first, second, third, fourth = frames("isaac_people", tmp_path)[0].people
    assert first.box is None
    assert second.viewpoint is None
    assert second.box is not None
    assert reason(third) == "category"
    assert fourth.visible == pytest.approx(0.5)  # of the whole box, where occlusion is unknown


def test_isaac_frames_without_cameras_have_no_viewpoint(ira: Path, tmp_path: Path) -> None:
    for path in ira.parent.glob("camera_params/*"):
        path.unlink()
    people = frames("isaac_people", tmp_path)[0].people
    assert [person.viewpoint for person in people] == [None] * NUMBER
    assert all(person.heading is not None for person in people)


@pytest.fixture
def replicator(tmp_path: Path) -> Path:
    omniverse.write_replicator(tmp_path, ONE)
    return tmp_path / "seq_1/Replicator"


def test_replicator_frames_without_their_files_are_rejected(
    replicator: Path, tmp_path: Path
) -> None:
    boxes = replicator / "bounding_box_2d_tight"
    (boxes / "bounding_box_2d_tight_labels_0000.json").unlink()
    cut = boxes / "bounding_box_2d_tight_0001.npy"
    cut.write_bytes(cut.read_bytes()[:-5])
    (boxes / "bounding_box_2d_tight_0002.npy").unlink()
    edit(boxes / "bounding_box_2d_tight_prim_paths_0003.json", lambda data: data.pop())
    (boxes / "bounding_box_2d_tight_prim_paths_0004.json").unlink()
    masks = replicator / "instance_segmentation"
    (masks / "instance_segmentation_mapping_0004.json").unlink()
    found = frames("replicator", tmp_path)[:6]
    assert "no bounding_box_2d_tight_labels_0000.json" in only_reject(found[0])
    assert "is cut" in only_reject(found[1])
    assert "no bounding_box_2d_tight_0002.npy" in only_reject(found[2])
    assert "do not belong together" in only_reject(found[3])
    assert "neither bounding_box_2d_tight_prim_paths_0004.json nor" in only_reject(found[4])
    assert found[5].known is not None


def test_a_color_that_the_mapping_lacks_is_a_rejected_annotation(
    replicator: Path, tmp_path: Path
) -> None:
    lost = str(omniverse.part_colours(1, 0)[0])
    mapping = replicator / "instance_segmentation/instance_segmentation_mapping_0000.json"
    edit(mapping, lambda data: data.pop(lost))
    for kind in ("bounding_box_2d_tight", "bounding_box_3d"):
        for path in (replicator / kind).glob("*_prim_paths_*.json"):
            path.unlink()
    frame = frames("replicator", tmp_path)[0]
    people = open_frame(tmp_path, frame, masks=False).people
    assert [reason(person) for person in people] == ["", "", "", "", "identity"]


def test_no_object_is_loaded_from_npy(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([print, len], object), allow_pickle=True)
    np.save(tmp_path / "b.npy", np.zeros(5))
    (tmp_path / "c.npy").write_bytes(b"not NPY at all")
    huge = np.lib.format.header_data_from_array_1_0(np.zeros(1, omniverse.BOXES))
    with (tmp_path / "d.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {**huge, "shape": (10**15,)})
    for name in "abcd":
        with pytest.raises(FramesError, match=r"no table|cannot be read as NPY|is cut"):
            load_rows(tmp_path / f"{name}.npy")


def test_persons_are_the_prims_above_their_meshes() -> None:
    assert person_prim("/World/Characters/Character/Body/Mesh") == "World/Characters/Character"
    assert person_prim("/World/Person_01/Body") == "World/Person_01"
    assert person_prim("/Replicator/Ref_Xform_03/Ref/Body") == "Replicator/Ref_Xform_03"


def test_trigger_times_in_the_names_are_no_frame_numbers(tmp_path: Path) -> None:
    """0_9999, 1_9999: the first number counts; a number twice makes them positions."""
    omniverse.write_replicator(tmp_path, ONE, layout="flat")
    folder = tmp_path / "seq_1/Replicator"
    for path in folder.iterdir():
        path.rename(path.with_name(path.name.replace("_000", "_").replace(".", "_9999.", 1)))
    assert [frame.number for frame in frames("replicator", tmp_path)][:FRAMES] == list(range(8))
    again = folder / "rgb_0_12345.png"
    again.write_bytes((folder / "rgb_0_9999.png").read_bytes())
    assert [frame.number for frame in frames("replicator", tmp_path)][:9] == list(range(9))


@pytest.mark.parametrize("pitch", [0, -20, -60, 30])
@pytest.mark.parametrize("azimuth", [0, 37, 90, 200, 270])
def test_the_axis_that_points_up_is_seen_in_the_camera(pitch: float, azimuth: float) -> None:
    """The same camera in a stage with z up, and with y up: x, y, z as x, z, -y."""
    from engine_world.scene import Camera

    if azimuth in (90, 270) and abs(pitch) > 45:
        return  # right is along x: both axes are possible, and the picture is steeper than level
    camera = Camera("c", (1, 2, 3), azimuth, pitch)
    assert stage_axes(omniverse.view_transform(camera)) is Axes.Z_UP
    turned = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]])
    right, down, forward = camera.axes
    to_world = np.eye(4)
    to_world[:3] = np.column_stack(
        [turned @ right, turned @ -down, turned @ -forward, turned @ camera.center]
    )
    assert stage_axes(np.linalg.inv(to_world).T.ravel().tolist()) is Axes.Y_UP


@pytest.fixture
def solo(tmp_path: Path) -> Path:
    unity.write_solo(tmp_path, ONE)
    return tmp_path / "sequence.0"


def test_solo_without_names_is_refused_and_the_choice_is_named(tmp_path: Path) -> None:
    unity.write_solo(tmp_path, names=False)
    with pytest.raises(FramesError, match="--identity instance"):
        frames("unity_solo", tmp_path)
    found = frames("unity_solo", tmp_path, "instance")
    identities = {person.identity for frame in found for person in (frame.known or {}).values()}
    assert len(identities) == 8
    assert "sequence.1-5" in identities


def test_older_perception_is_refused_and_the_choice_is_named(tmp_path: Path) -> None:
    unity.write_perception(tmp_path, ONE)
    with pytest.raises(FramesError, match="--identity instance"):
        frames("unity_perception", tmp_path)
    cut = next(tmp_path.glob("Dataset*/captures_000.json"))
    cut.write_text(cut.read_text()[:-40])
    with pytest.raises(FramesError, match=r"captures_000\.json cannot be read as JSON"):
        frames("unity_perception", tmp_path, "instance")


def test_two_objects_of_one_name_have_no_identity(solo: Path, tmp_path: Path) -> None:
    def change(data: Any) -> None:
        for item in data["metrics"][-1]["values"][0]["instances"][:2]:
            item["gameObjectName"] = {"name": "human(Clone)"}

    edit(solo / "step0.frame_data.json", change)
    people = [p for p in (frames("unity_solo", tmp_path)[0].known or {}).values() if p]
    reasons = {person.number: reason(person) for person in people}
    assert reasons == {1: "identity", 2: "identity", 3: "", 4: ""}
    assert {person.look for person in people if reason(person)} == {"human"}


def test_solo_values_that_cannot_be(solo: Path, tmp_path: Path) -> None:
    def change(data: Any) -> None:
        first, second, third = data["captures"]
        first["filename"] = None
        second["filename"] = "../../secret.png"
        boxes = third["annotations"][0]["values"]
        boxes[0]["instanceId"], boxes[0]["origin"] = 1.0, [float("nan"), 3]
        boxes[1]["dimension"] = [-5.0, 90.0]
        boxes[2]["labelName"] = "Car"
        boxes[3]["instanceId"] = "four"
        data["metrics"][2]["values"][0]["percentVisible"] = -1

    edit(solo / "step0.frame_data.json", change)
    (solo / "step1.frame_data.json").write_text('{"captures": [')
    found = frames("unity_solo", tmp_path)
    assert "filename" in only_reject(found[0])
    assert "not a plain name" in only_reject(found[1])
    people = {person.number: person for person in (found[2].known or {}).values() if person}
    assert people[1].box is None
    assert people[1].visible is None
    assert people[2].box == (people[2].box[0], people[2].box[1], -5, 90)
    assert (reason(people[3]), reason(people[0])) == ("category", "identity")
    assert "cannot be read" in only_reject(found[3])


def mta_lines(folder: Path) -> Path:
    gta.write_mta(folder, ONE, joints=False)
    return folder / "test/cam_0/coords_fib_cam_0.csv"


def test_mta_rows_that_cannot_be(tmp_path: Path) -> None:
    path = mta_lines(tmp_path)
    lines = path.read_text().splitlines()
    lines[1:3] = ["0,17,nan,200,660,390", "0,x,600,200,660,390"]
    lines.append("seven,1,1,1,1,1")
    save_text(path, lines)
    found = frames("mta", tmp_path)
    first, second = found[0].people[:2]
    assert (first.identity, first.box, reason(second)) == ("17", None, "identity")
    (last,) = (
        next(frame for frame in found if frame.people[0].reject).people[:1] or found[-1].people
    )
    assert reason(found[FRAMES].people[0]) == "line"
    assert last is not None


def test_an_mta_file_out_of_order_or_without_a_column_is_refused(tmp_path: Path) -> None:
    path = mta_lines(tmp_path)
    lines = path.read_text().splitlines()
    save_text(path, [lines[0], *reversed(lines[1:])])
    with pytest.raises(FramesError, match=r"frame 6 follows frame 7\. Sort the file"):
        frames("mta", tmp_path)
    save_text(path, [lines[0].replace("person_id", "personid"), *lines[1:]])
    with pytest.raises(FramesError, match=r"no column 'person_id'.*personid"):
        frames("mta", tmp_path)
    (tmp_path / "test/cam_0/cam_0.mp4").unlink()
    with pytest.raises(FramesError, match=r"no video cam_0\.mp4"):
        frames("mta", tmp_path)


def test_jta_rows_that_cannot_be(tmp_path: Path) -> None:
    gta.write_jta(tmp_path, ONE)
    path = tmp_path / "annotations/train/seq_1.json"
    edit(path, lambda rows: rows.insert(0, [1, 2, 3]))
    assert reason(frames("jta", tmp_path)[0].people[0]) == "line"
    path.write_text(path.read_text()[:-30])
    with pytest.raises(FramesError, match=r"seq_1\.json cannot be read as JSON"):
        frames("jta", tmp_path)
    (tmp_path / "videos/train/seq_1.mp4").unlink()
    with pytest.raises(FramesError, match=r"neither a video videos/train/seq_1\.mp4 nor a folder"):
        frames("jta", tmp_path)


def test_bedlam_masks_without_a_body_are_rejected(tmp_path: Path) -> None:
    unreal.write_bedlam(tmp_path, ONE)
    table = tmp_path / "be_seq.csv"
    lines = table.read_text().splitlines()
    del lines[5]  # the fourth body of the first sequence
    save_text(table, lines)
    people = frames("bedlam", tmp_path)[0].people
    assert [reason(person) for person in people] == ["", "", "", "identity"]
    save_text(table, [line.replace("seq_000001", "seq_000009") for line in lines])
    found = frames("bedlam", tmp_path)
    assert "be_seq.csv has no sequence seq_000001" in only_reject(found[FRAMES])
    for mask in tmp_path.glob("masks/seq_000000/seq_000000_0003_*"):
        mask.unlink()
    assert "no mask seq_000000_0003_00_body.png" in only_reject(frames("bedlam", tmp_path)[3])


def test_a_bedlam_table_that_cannot_be_is_refused(tmp_path: Path) -> None:
    unreal.write_bedlam(tmp_path, ONE)
    table = tmp_path / "be_seq.csv"
    text = table.read_text()
    table.write_text(text.replace("sequence_name=seq_000000", "sequence_name=../../etc"))
    with pytest.raises(FramesError, match="not a plain name"):
        frames("bedlam", tmp_path)
    table.write_text(text.replace("Comment", "Remark", 1))
    with pytest.raises(FramesError, match="no column 'Comment'"):
        frames("bedlam", tmp_path)


def test_carla_frames_without_instances_or_actors_are_rejected(tmp_path: Path) -> None:
    unreal.write_carla(tmp_path, ONE)
    folder = tmp_path / "seq_1/Camera_01"
    (folder / "instance_segmentation/000000.png").unlink()
    (folder / "actors/000001.json").unlink()
    save_json(folder / "actors/000002.json", {"walkers": []})
    edit(folder / "actors/000003.json", lambda data: data["actors"].pop())
    found = frames("carla", tmp_path)
    assert "no instance_segmentation/000000.png" in only_reject(found[0])
    assert "no 000001.json" in only_reject(found[1])
    assert "a list of actors" in only_reject(found[2])
    people = open_frame(tmp_path, found[3], masks=False).people
    assert [reason(person) for person in people] == ["", "", "", "identity"]


def test_carla_without_a_file_of_actors_takes_the_ids_of_the_run(tmp_path: Path) -> None:
    unreal.write_carla(tmp_path, ONE)
    for path in tmp_path.rglob("actors/*.json"):
        path.unlink()
    for path in tmp_path.rglob("actors"):
        path.rmdir()
    people = open_frame(tmp_path, frames("carla", tmp_path)[0], masks=False).people
    assert [person.identity for person in people] == ["346", "347", "348", "349"]


def test_isaac_people_with_instance_masks_is_no_plain_replicator_output(tmp_path: Path) -> None:
    omniverse.write_ira(tmp_path, ONE)
    for camera in (tmp_path / "seq_1").iterdir():
        save_json(camera / "instance_segmentation/instance_segmentation_mapping_0000.json", {})
    assert [name for name, form in all_forms().items() if form.detect(tmp_path)] == ["isaac_people"]


def cut(folder: Path, **options: Any) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """The record and the rejected annotations of a folder."""
    made = crop_engine_output(folder, folder.parent / f"{folder.name}-crops", workers=1, **options)
    with (made.path / "_rejected.csv").open(newline="") as file:
        return made.record, list(csv.DictReader(file))


def test_two_pictures_of_one_frame_are_one_picture_and_rejects(tmp_path: Path) -> None:
    """rgb_0000.png and rgb_0000.jpg: the second would write over the crops of the first."""
    folder = tmp_path / "tree"
    omniverse.write_ira(folder, ONE)
    picture = folder / "seq_1/_World_Cameras_Camera_01/rgb/rgb_0000.png"
    picture.with_suffix(".jpg").write_bytes(picture.read_bytes())
    record, rejected = cut(folder)
    assert record["images"] == 3 * FRAMES * NUMBER
    assert [row["reason"] for row in rejected] == ["frame"] * NUMBER
    assert "two pictures of the frame 0" in rejected[0]["detail"]


def test_a_person_that_is_listed_twice_in_a_frame_is_one_crop(tmp_path: Path) -> None:
    folder = tmp_path / "tree"
    unity.write_perception(folder, ONE)

    def change(data: Any) -> None:
        values = data["captures"][0]["annotations"][0]["values"]
        values.append(values[0])

    edit(folder / "Dataset22/captures_000.json", change)
    record, rejected = cut(folder, identity="instance")
    assert record["images"] == 3 * FRAMES * NUMBER
    assert [row["detail"] for row in rejected] == ["the person is listed twice in the frame."]


def test_frames_outside_the_video_are_rejected(tmp_path: Path) -> None:
    folder = tmp_path / "tree"
    path = mta_lines(folder)
    save_text(path, [*path.read_text().splitlines(), "999,1,60,20,100,120"])
    record, rejected = cut(folder)
    assert record["images"] == 3 * FRAMES * NUMBER
    assert [row["reason"] for row in rejected] == ["frame"]
    assert "no picture 999" in rejected[0]["detail"]


@pytest.mark.parametrize(
    ("write", "change"),
    [
        (
            omniverse.write_ira,
            lambda data: [
                agent["annotators"]["bounding_box_3d_fast"].update(
                    transform=[
                        [-value for value in row[:2]] + row[2:] if i < 2 else row
                        for i, row in enumerate(
                            agent["annotators"]["bounding_box_3d_fast"]["transform"]
                        )
                    ]
                )
                for agent in agents(data)
            ],
        ),
        (
            unity.write_solo,
            lambda data: [
                item["transformRecord"].update(
                    forwardVector=[-value for value in item["transformRecord"]["forwardVector"]]
                )
                for item in data["metrics"][-1]["values"][0]["instances"]
            ],
        ),
    ],
    ids=["isaac", "solo"],
)
def test_people_who_walk_backwards_have_no_viewpoint(tmp_path: Path, write, change) -> None:
    """Bodies whose front is the other way: 180 degrees from the way they go."""
    folder = tmp_path / "tree"
    write(folder, ONE)
    for path in [*folder.rglob("object_detection_*.json"), *folder.rglob("*.frame_data.json")]:
        edit(path, change)
    record, _ = cut(folder)
    (remark,) = record["remarks"]
    assert "differ by 180 degrees" in remark
    assert "viewpoint_deg" not in pq.read_table(record_table(folder)).schema.names


def record_table(folder: Path) -> Path:
    return folder.parent / f"{folder.name}-crops" / "crops.parquet"


def test_tokens_that_a_level_table_lacks_are_named(tmp_path: Path) -> None:
    folder = tmp_path / "tree"
    unreal.write_carla(folder, ONE)
    for path in folder.rglob("actors/*.json"):
        edit(path, lambda data: data.update(weather="DustStorm"))
    record, _ = cut(folder)
    assert any(
        "weather stays unknown" in text and "DustStorm" in text for text in record["remarks"]
    )


def test_solo_identities_by_tag_and_headings_by_rotation(solo: Path, tmp_path: Path) -> None:
    """Rotation by 90 degrees about y turns z to x: Unity (1, 0, 0), east."""

    def change(data: Any) -> None:
        first, second, third, fourth = data["metrics"][-1]["values"][0]["instances"]
        for item, tag in ((first, "anna"), (second, "ben"), (third, "Untagged")):
            item["gameObjectTag"] = {"unityTag": tag}
        del first["transformRecord"]["forwardVector"]
        first["transformRecord"]["rotationEuler"] = [0.0, 90.0, 0.0]
        del second["transformRecord"]["forwardVector"]
        second["transformRecord"]["rotationQuaternion"] = [0.0, 0.5**0.5, 0.0, 0.5**0.5]
        del fourth["transformRecord"]

    edit(solo / "step0.frame_data.json", change)
    people = {p.number: p for p in frames("unity_solo", tmp_path, "tag")[0].all_people()}
    assert [people[i].identity for i in (1, 2, 3, 4)] == ["anna", "ben", None, None]
    assert people[1].heading == pytest.approx((1, 0))
    assert people[2].heading == pytest.approx((1, 0))
    assert people[4].ground is None


def test_the_light_of_solo_is_that_of_its_step(tmp_path: Path) -> None:
    unity.write_solo(tmp_path)
    found = frames("unity_solo", tmp_path)
    lights = [frame.levels["light_intensity"] for frame in found]
    assert lights == [1.2] * 3 * FRAMES + [0.1] * 3 * FRAMES


def test_boxes_that_cannot_be_are_rejected(tmp_path: Path) -> None:
    """NaN, and corners the wrong way round, so that the width is negative."""
    folder = tmp_path / "tree"
    path = mta_lines(folder)
    lines = path.read_text().splitlines()
    save_text(path, [*lines, "7,71,nan,20,100,120", "7,72,100,20,60,120"])
    record, rejected = cut(folder)
    assert record["images"] == 3 * FRAMES * NUMBER
    assert [row["reason"] for row in rejected] == ["box", "box"]


def test_ids_of_different_runs_are_never_joined_by_their_names(tmp_path: Path) -> None:
    """Run "a" with an object "1_b" and run "a_1" with an object "b" have two identities."""
    folder = tmp_path / "tree"
    for run, name in (("a", "1_b"), ("a_1", "b")):
        unity.write_solo(folder / run, ONE)
        for path in folder.glob(f"{run}/*/*.frame_data.json"):

            def change(data: Any, name: str = name) -> None:
                for item in data["metrics"][-1]["values"][0]["instances"][:1]:
                    item["gameObjectName"]["name"] = name

            edit(path, change)
    cut(folder)
    identities = set(pq.read_table(record_table(folder))["identity"].to_pylist())
    assert {"a_1_b", "a-1_b"} < identities
    assert len(identities) == 2 * NUMBER
