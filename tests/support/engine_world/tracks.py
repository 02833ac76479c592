"""MOT text, MOTS, COCO-video and MOTSynth: one sequence for each camera of each sequence."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from engine_world.files import save_image, save_json, save_text, save_video
from engine_world.gta import SHOULDERS, joint_pixels
from engine_world.scene import FRAMES, SEQUENCES, SIZE, Camera, Seen, Sequence

JOINTS = 22
WEATHERS = {"sunny": "EXTRASUNNY", "rain": "RAIN"}


def views(sequences: Iterable[Sequence]) -> list[tuple[int, Sequence, Camera]]:
    """Number from 1, sequence and camera of every track file."""
    pairs = [(sequence, camera) for sequence in sequences for camera in sequence.cameras]
    return [(i, sequence, camera) for i, (sequence, camera) in enumerate(pairs, start=1)]


def write_mot(root: Path, sequences: Iterable[Sequence] = SEQUENCES, video: bool = False) -> None:
    """Frames and pixels from 1; a row to ignore and a row of another class."""
    for number, sequence, camera in views(sequences):
        folder = root / f"SEQ-{number:02d}"
        rows = []
        for frame in range(FRAMES):
            for seen in sequence.visible_people(camera, frame):
                left, top, width, height = seen.box
                place = (seen.frame + 1, seen.local, left + 1, top + 1, width, height)
                rows.append(",".join(map(str, (*place, 1, 1, round(seen.visible, 4)))))
            rows += [f"{frame + 1},90,11,11,40,80,0,1,1", f"{frame + 1},91,11,11,40,80,1,3,1"]
        save_text(folder / "gt/gt.txt", rows)
        _write_pictures(folder, sequence, camera, video)


def _write_pictures(folder: Path, sequence: Sequence, camera: Camera, video: bool) -> None:
    frames = [sequence.picture(camera, frame) for frame in range(FRAMES)]
    if video:
        save_video(folder.with_suffix(".mp4"), frames)
        return
    for frame, picture in enumerate(frames, start=1):
        save_image(folder / f"img1/{frame:06d}.png", picture)
    info = {"name": folder.name, "imDir": "img1", "frameRate": 30, "seqLength": FRAMES}
    info |= {"imWidth": SIZE[0], "imHeight": SIZE[1], "imExt": ".png"}
    save_text(
        folder / "seqinfo.ini", ["[Sequence]", *(f"{key}={value}" for key, value in info.items())]
    )


def run_length_text(mask: np.ndarray) -> str:
    """COCO's compressed run-length code."""
    from pycocotools import mask as tools

    return tools.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"].decode()


def write_mots(root: Path, sequences: Iterable[Sequence] = SEQUENCES) -> None:
    """id = 2000 + number for persons; 10000 is ignored."""
    for number, sequence, camera in views(sequences):
        folder = root / f"MOTS20-{number:02d}"
        rows = []
        for frame in range(FRAMES):
            values = sequence.instances(camera, frame)
            for local in range(1, len(sequence.people) + 1):
                code = run_length_text(values == local)
                rows.append(f"{frame + 1} {2000 + local} 2 {SIZE[1]} {SIZE[0]} {code}")
            corner = np.zeros_like(values)
            corner[:5, :5] = 1
            rows.append(f"{frame + 1} 10000 10 {SIZE[1]} {SIZE[0]} {run_length_text(corner > 0)}")
        save_text(folder / "gt/gt.txt", rows)
        _write_pictures(folder, sequence, camera, False)


def write_coco_video(root: Path, sequences: Iterable[Sequence] = SEQUENCES) -> None:
    """As mmtracking converts MOT: `mot_instance_id` by video, `instance_id` by file."""
    videos, images, annotations = [], [], []
    known: dict[tuple[int, int], int] = {}
    for number, sequence, camera in views(sequences):
        name = f"SEQ-{number:02d}"
        videos.append({"id": number, "name": name, "width": SIZE[0], "height": SIZE[1]})
        for frame in range(FRAMES):
            file = f"{name}/img1/{frame + 1:06d}.png"
            save_image(root / "train" / file, sequence.picture(camera, frame))
            image = {"id": len(images) + 1, "video_id": number, "file_name": file}
            images.append({**image, "width": SIZE[0], "height": SIZE[1], "frame_id": frame})
            for seen in sequence.visible_people(camera, frame):
                key = (number, seen.local)
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": image["id"],
                        "category_id": 1,
                        "bbox": list(seen.box),
                        "area": seen.box[2] * seen.box[3],
                        "iscrowd": False,
                        "visibility": seen.visible,
                        "mot_instance_id": seen.local,
                        "mot_conf": 1.0,
                        "instance_id": known.setdefault(key, len(known)),
                    }
                )
    data = {"videos": videos, "images": images, "annotations": annotations}
    categories = [{"id": 1, "name": "pedestrian"}]
    save_json(
        root / "annotations/train_cocoformat.json",
        {**data, "categories": categories, "num_instances": len(known)},
    )


def write_motsynth(
    root: Path,
    sequences: Iterable[Sequence] = SEQUENCES,
    combined: bool = False,
    video: bool = False,
) -> None:
    """`ped_id` by sequence; model and `attributes` are the look; weather and time in `info`."""
    files = []
    for number, sequence, camera in views(sequences):
        name = f"{number - 1:03d}"
        data = _motsynth(name, number, sequence, camera)
        files.append(data)
        if not combined:
            save_json(root / f"annotations/{name}.json", data)
        frames = [sequence.picture(camera, frame) for frame in range(FRAMES)]
        if video:
            dropped = frames[:1] * 2  # the two that are lost in the extraction
            save_video(root / f"videos/{name}.mp4", [*dropped, *frames])
            continue
        for frame, picture in enumerate(frames):
            save_image(root / f"frames/{name}/rgb/{frame:04d}.jpg", picture)
    if combined:
        save_json(root / "comb_annotations/train.json", _joined(files))


def _joined(files: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "info": {data["info"]["seq_name"]: data["info"] for data in files},
        "images": [image for data in files for image in data["images"]],
        "annotations": [row for data in files for row in data["annotations"]],
        "categories": files[0]["categories"],
    }


def _motsynth(name: str, number: int, sequence: Sequence, camera: Camera) -> dict[str, Any]:
    images, annotations = [], []
    pitch, azimuth = camera.pitch_deg, camera.azimuth_deg
    for frame in range(FRAMES):
        image_id = 10000 * number + frame
        images.append(
            {
                "id": image_id,
                "file_name": f"frames/{name}/rgb/{frame:04d}.jpg",
                "frame_n": frame + 1,
                "width": SIZE[0],
                "height": SIZE[1],
                "cam_world_pos": list(camera.position),
                "cam_world_rot": [pitch, 0.0, (azimuth - 90 + 180) % 360 - 180],
            }
        )
        for seen in sequence.visible_people(camera, frame):
            own_id = 1000000 * number + len(annotations)
            annotations.append({"id": own_id, "image_id": image_id, **_annotation(seen)})
    info = {
        "seq_name": name,
        "weather": WEATHERS[sequence.weather],
        "time": str(sequence.hour),
        "is_night": int(sequence.hour > 20),
        "is_moving": 0,
    }
    categories = [{"id": 1, "name": "person", "supercategory": "person"}]
    return {"info": info, "images": images, "annotations": annotations, "categories": categories}


def _annotation(seen: Seen) -> dict[str, Any]:
    look = seen.person.look
    hidden = JOINTS - round(JOINTS * seen.visible)
    pixels = joint_pixels(seen)
    return {
        "category_id": 1,
        "bbox": list(seen.box),
        "area": seen.box[2] * seen.box[3],
        "iscrowd": 0,
        "is_blurred": 0,
        "ped_id": seen.local,
        "model_id": look % 2,
        "attributes": [look, 1, look % 3, 0, 0, seen.local, 0, 0, look % 5, 0, 0],
        "keypoints": [
            value
            for joint, (x, y) in enumerate(pixels)
            for value in (round(x), round(y), 1 if joint < hidden else 2)
        ],
        "keypoints_3d": _joints(seen),
        "num_keypoints": JOINTS,
    }


def _joints(seen: Seen) -> list[float]:
    """x right, y down, z forward in metres, and a flag, for each joint."""
    joints = seen.person.joints(seen.frame)
    found: list[float] = []
    for joint in range(JOINTS):
        place = joints[SHOULDERS.get(joint, "pelvis")]
        found += [*seen.camera.seen(place).tolist(), 2]
    return found
