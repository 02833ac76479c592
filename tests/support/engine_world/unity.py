"""Unity: SOLO and the older Perception form; left-handed, y up, quaternions x, y, z, w."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from engine_world.files import save_image, save_json
from engine_world.scene import FRAMES, SEQUENCES, SIZE, Camera, Seen, Sequence

SOLO = "type.unity.com/unity.solo"


def unity(vector: np.ndarray) -> list[float]:
    """Our x, y, z as Unity's x, z, y."""
    x, y, z = np.asarray(vector, float).tolist()
    return [x, z, y]


def quaternion(camera: Camera) -> list[float]:
    right, down, forward = camera.axes
    columns = np.column_stack([unity(right), unity(-down), unity(forward)])
    return Rotation.from_matrix(columns).as_quat().tolist()


def colour_of(number: int) -> list[int]:
    return [(50 * number) % 256, (255 - 30 * number) % 256, (90 * number) % 256, 255]


def write_solo(root: Path, sequences: Iterable[Sequence] = SEQUENCES, names: bool = True) -> None:
    """One run: a Unity sequence for each sequence, a step for each frame, all cameras in a step.

    `instanceId` counts spawned objects, so it continues in the second sequence.
    """
    spawned = 0
    frames = 0
    for i, sequence in enumerate(sequences):
        folder = root / f"sequence.{i}"
        for step in range(FRAMES):
            save_json(
                folder / f"step{step}.frame_data.json",
                _frame(folder, sequence, (i, step, frames), spawned, names),
            )
            frames += 1
        spawned += len(sequence.people)
    definitions = [{"@type": f"{SOLO}.BoundingBox2DAnnotation", "id": "bounding box"}]
    save_json(root / "annotation_definitions.json", {"annotationDefinitions": definitions})


def _frame(
    folder: Path, sequence: Sequence, at: tuple[int, int, int], spawned: int, names: bool
) -> dict[str, Any]:
    number, step, frame = at
    captures, occlusions = [], []
    for camera in sequence.cameras:
        people = sequence.visible_people(camera, step)
        save_image(folder / f"step{step}.{camera.name}.png", sequence.picture(camera, step))
        captures.append(_capture(folder, sequence, camera, step, spawned))
        shares = [
            {
                "instanceId": spawned + seen.local,
                "percentVisible": seen.visible,
                "percentInFrame": 1.0,
            }
            for seen in people
        ]
        occlusions.append(
            {"@type": f"{SOLO}.OcclusionMetric", "sensorId": camera.name, "values": shares}
        )
    metadata = {
        "@type": f"{SOLO}.GenericMetric",
        "id": "metadata",
        "values": [
            {
                "instances": [_instance(seen, spawned) for seen in people],
                "SceneLight-Sun": {"Intensity": sequence.light},
            }
        ],
    }
    return {
        "frame": frame,
        "sequence": number,
        "step": step,
        "captures": captures,
        "metrics": [*occlusions, *([metadata] if names else [])],
    }


def _instance(seen: Seen, spawned: int) -> dict[str, Any]:
    return {
        "instanceId": str(spawned + seen.local),
        "gameObjectName": {"name": seen.person.name},
        "transformRecord": {
            "position": unity(seen.feet),
            "forwardVector": unity(seen.person.front(seen.frame)),
        },
    }


def _capture(
    folder: Path, sequence: Sequence, camera: Camera, step: int, spawned: int
) -> dict[str, Any]:
    people = sequence.visible_people(camera, step)
    boxes = [
        {
            "instanceId": spawned + seen.local,
            "labelId": 1,
            "labelName": "Person",
            "origin": [float(value) for value in seen.box[:2]],
            "dimension": [float(value) for value in seen.box[2:]],
        }
        for seen in people
    ]
    values = sequence.instances(camera, step)
    image = np.zeros((*values.shape, 4), np.uint8)
    image[..., 3] = 255
    for seen in people:
        image[values == seen.local] = colour_of(spawned + seen.local)
    name = f"step{step}.{camera.name}.instance segmentation.png"
    save_image(folder / name, image)
    instances = [
        {"instanceId": box["instanceId"], "color": colour_of(box["instanceId"])} for box in boxes
    ]
    return {
        "@type": f"{SOLO}.RGBCamera",
        "id": camera.name,
        "filename": f"step{step}.{camera.name}.png",
        "position": unity(camera.center),
        "rotation": quaternion(camera),
        "dimension": [float(value) for value in SIZE],
        "annotations": [
            {"@type": f"{SOLO}.BoundingBox2DAnnotation", "id": "bounding box", "values": boxes},
            {
                "@type": f"{SOLO}.InstanceSegmentationAnnotation",
                "id": "instance segmentation",
                "filename": name,
                "instances": instances,
            },
        ],
    }


def write_perception(root: Path, sequences: Iterable[Sequence] = SEQUENCES) -> None:
    """The older form: all captures in files of a few, which name pictures in a folder."""
    captures: list[dict[str, Any]] = []
    spawned = 0
    for i, sequence in enumerate(sequences):
        for step in range(FRAMES):
            for camera in sequence.cameras:
                file = f"RGB11/rgb_{len(captures) + 2}.png"
                save_image(root / file, sequence.picture(camera, step))
                captures.append(
                    {
                        "id": f"capture-{len(captures)}",
                        "sequence_id": f"sequence-{i}",
                        "step": step,
                        "sensor": {
                            "sensor_id": camera.name,
                            "translation": [0.0, 0.0, 0.0],
                            "rotation": [0.0, 0.0, 0.0, 1.0],
                        },
                        "ego": {
                            "translation": unity(camera.center),
                            "rotation": quaternion(camera),
                        },
                        "filename": file,
                        "annotations": [{"values": _older_boxes(sequence, camera, step, spawned)}],
                    }
                )
        spawned += len(sequence.people)
    size = 10
    for start in range(0, len(captures), size):
        part = {"version": "0.0.1", "captures": captures[start : start + size]}
        save_json(root / f"Dataset22/captures_{start // size:03d}.json", part)


def _older_boxes(
    sequence: Sequence, camera: Camera, step: int, spawned: int
) -> list[dict[str, Any]]:
    return [
        {
            "label_id": 1,
            "label_name": "person",
            "instance_id": spawned + seen.local,
            **dict(zip(("x", "y", "width", "height"), map(float, seen.box), strict=True)),
        }
        for seen in sequence.visible_people(camera, step)
    ]
