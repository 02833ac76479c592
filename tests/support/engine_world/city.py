"""AI City and SmartSpaces: JSON (2025) and text (2023, 2024), videos of several cameras."""

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from engine_world.files import save_json, save_text, save_video
from engine_world.scene import FRAMES, SEQUENCES, SIZE, Camera, Seen, Sequence


def write_smartspaces(root: Path, sequences: Iterable[Sequence] = SEQUENCES) -> None:
    """One scene a sequence; yaw 0 faces -y, so heading = (sin yaw, -cos yaw)."""
    for i, sequence in enumerate(sequences):
        folder = root / f"Warehouse_{i:03d}"
        for camera in sequence.cameras:
            frames = (sequence.picture(camera, frame) for frame in range(FRAMES))
            save_video(folder / f"videos/{camera.name}.mp4", frames)
        truth = {str(frame): _objects(sequence, frame) for frame in range(FRAMES)}
        save_json(folder / "ground_truth.json", truth)
        save_json(folder / "calibration.json", _calibration(sequence))


def _objects(sequence: Sequence, frame: int) -> list[dict[str, Any]]:
    seen = [sequence.visible_people(camera, frame) for camera in sequence.cameras]
    objects = [_object(of_person) for of_person in zip(*seen, strict=True)]
    robot = {"object type": "Forklift", "object id": 1, "3d location": [0, 0, 0]}
    return [*objects, {**robot, "2d bounding box visible": {"Camera_01": [0, 0, 40, 60]}}]


def _object(views: tuple[Seen, ...]) -> dict[str, Any]:
    """A person in all cameras."""
    person, frame = views[0].person, views[0].frame
    x, y, z = views[0].feet.tolist()
    boxes = {seen.camera.name: _corners(seen) for seen in views}
    return {
        "object type": "Person",
        "object id": views[0].local,
        "object name": person.asset,
        "3d location": [x, y, z + 0.9],
        "3d bounding box scale": [0.7, 0.7, 1.75],
        "3d bounding box rotation": [0, 0, math.radians(person.heading(frame) + 90)],
        "2d bounding box visible": boxes,
        "2d bounding box": boxes,
    }


def _corners(seen: Seen) -> list[int]:
    left, top, width, height = seen.box
    return [left, top, left + width, top + height]


def _calibration(sequence: Sequence) -> dict[str, Any]:
    sensors = [
        {
            "type": "camera",
            "id": camera.name,
            "attributes": [
                {"name": "frameWidth", "value": str(SIZE[0])},
                {"name": "frameHeight", "value": str(SIZE[1])},
            ],
            "intrinsicMatrix": [[400, 0, 160], [0, 400, 120], [0, 0, 1]],
            "extrinsicMatrix": camera.extrinsic.tolist(),
        }
        for camera in sequence.cameras
    ]
    return {"calibrationType": "cartesian", "sensors": sensors}


def write_aicity(root: Path, sequences: Iterable[Sequence] = SEQUENCES) -> None:
    """The text form: camera, person, frame, box, place on the ground; no heading."""
    for i, sequence in enumerate(sequences, start=1):
        folder = root / f"scene_{i:03d}"
        rows = []
        for j, camera in enumerate(sequence.cameras, start=1):
            frames = (sequence.picture(camera, frame) for frame in range(FRAMES))
            save_video(folder / f"camera_{j:04d}/video.mp4", frames)
            save_json(folder / f"camera_{j:04d}/calibration.json", _one_camera(camera))
            for frame in range(FRAMES):
                for seen in sequence.visible_people(camera, frame):
                    x, y, _ = seen.feet.tolist()
                    row = (j, seen.local, frame, *seen.box, round(x, 6), round(y, 6))
                    rows.append(" ".join(map(str, row)))
        save_text(folder / "ground_truth.txt", rows)


def _one_camera(camera: Camera) -> dict[str, Any]:
    return {
        "camera projection matrix": [],
        "homography matrix": [],
        "intrinsicMatrix": [[400, 0, 160], [0, 400, 120], [0, 0, 1]],
        "extrinsicMatrix": camera.extrinsic.tolist(),
    }
