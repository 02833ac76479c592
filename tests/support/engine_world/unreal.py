"""Unreal: BEDLAM (masks and CSV, centimetres) and CARLA (instance PNG and a file of actors)."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from engine_world.files import save_image, save_json, save_text
from engine_world.scene import FRAMES, SEQUENCES, Camera, Person, Seen, Sequence

PEDESTRIAN = 12  # the tag of CARLA since 0.9.14
WEATHERS = {"sunny": "ClearNoon", "rain": "HardRainNight"}


def unreal(vector: np.ndarray) -> list[float]:
    """Left-handed: our y with the sign changed."""
    x, y, z = np.asarray(vector, float).tolist()
    return [x, -y, z]


def subject(person: Person) -> str:
    """A name such as BEDLAM's, without the number of the animation."""
    return f"rp_human{person.number:02d}_posed_{person.number:03d}"


def write_bedlam(root: Path, sequences: Iterable[Sequence] = SEQUENCES) -> None:
    """Each camera of each sequence is a BEDLAM sequence."""
    rows = ["Index,Type,Body,X,Y,Z,Yaw,Pitch,Roll,Comment"]
    number = 0
    for sequence in sequences:
        for camera in sequence.cameras:
            name = f"seq_{number:06d}"
            rows += _sequence_rows(len(rows) - 1, name, sequence)
            _write_camera(root / f"ground_truth/camera/{name}_camera.csv", name, camera)
            for frame in range(FRAMES):
                stem = f"{name}_{frame:04d}"
                save_image(root / f"png/{name}/{stem}.png", sequence.picture(camera, frame))
                _write_masks(root / f"masks/{name}", stem, sequence.instances(camera, frame))
            number += 1
    save_text(root / "be_seq.csv", rows)


def _sequence_rows(index: int, name: str, sequence: Sequence) -> list[str]:
    rows = [f"{index},Group,None,0,0,0,0,0,0,sequence_name={name};frames={FRAMES};fps=30"]
    for i, person in enumerate(sequence.people, start=1):
        x, y, z = (100 * value for value in unreal(person.position(0)))
        yaw = -person.heading_deg - 90
        comment = f"start_frame=0;texture_body=skin_01;texture_clothing={person.asset}"
        rows.append(f"{index + i},Body,{subject(person)}_1{i:03d},{x},{y},{z},{yaw},0,0,{comment}")
    return rows


def _write_camera(path: Path, name: str, camera: Camera) -> None:
    x, y, z = (100 * value for value in unreal(camera.center))
    pose = f"{x},{y},{z},{-camera.azimuth_deg},{camera.pitch_deg},0,36.9,36,20.25,52"
    header = "name,x,y,z,yaw,pitch,roll,focal_length,sensor_width,sensor_height,hfov"
    save_text(path, [header, *(f"{name}_{frame:04d}.png,{pose}" for frame in range(FRAMES))])


def _write_masks(folder: Path, stem: str, values: np.ndarray) -> None:
    """A body and a clothing mask of each person: the columns of even and of odd number."""
    even = np.arange(values.shape[1]) % 2 == 0
    for local in range(1, int(values.max()) + 1):
        for part, columns in (("body", even), ("clothing", ~even)):
            mask = ((values == local) & columns).astype(np.uint8) * 255
            save_image(folder / f"{stem}_{local - 1:02d}_{part}.png", mask)


def actor(seen: Seen) -> int:
    return 345 + seen.local


def write_carla(root: Path, sequences: Iterable[Sequence] = SEQUENCES) -> None:
    """One run a sequence, a folder for each sensor: frames, instances and actors of each frame."""
    for sequence in sequences:
        for camera in sequence.cameras:
            folder = root / sequence.name / camera.name
            for frame in range(FRAMES):
                people = sequence.visible_people(camera, frame)
                name = f"{frame:06d}"
                save_image(folder / f"rgb/{name}.png", sequence.picture(camera, frame))
                values = sequence.instances(camera, frame)
                save_image(folder / f"instance_segmentation/{name}.png", _instances(values, people))
                save_json(folder / f"actors/{name}.json", _actors(sequence, camera, people))


def _instances(values: np.ndarray, people: list[Seen]) -> np.ndarray:
    """R = tag, id = G + 256 B; the ground has a tag and ids too."""
    image = np.zeros((*values.shape, 3), np.uint8)
    image[..., 0], image[..., 1] = 1, 7
    for seen in people:
        image[values == seen.local] = (PEDESTRIAN, actor(seen) % 256, actor(seen) // 256)
    return image


def _actors(sequence: Sequence, camera: Camera, people: list[Seen]) -> dict[str, Any]:
    rotation = {"yaw": -camera.azimuth_deg, "pitch": camera.pitch_deg, "roll": 0.0}
    walkers = [
        {
            "actor": actor(seen),
            "blueprint": f"walker.pedestrian.{seen.person.look:04d}",
            "location": unreal(seen.raised(0.9)),
            "yaw": -seen.heading_deg,
        }
        for seen in people
    ]
    return {
        "weather": WEATHERS[sequence.weather],
        "camera": {"location": unreal(camera.center), "rotation": rotation},
        "actors": walkers,
    }
