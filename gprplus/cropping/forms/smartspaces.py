"""AI City and SmartSpaces 2025, 2026: SCENE/ground_truth.json, calibration.json and videos/.

The ground truth has a key for each video frame, counted from 0, and the objects in it with a box in
each camera that sees them. It may have hundreds of megabytes and is read frame by frame. Ids are
unique for a scene and class; the name of an object is its asset, which scenes share. World: metres,
right-handed, z up; with yaw 0 a person looks along -y.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gprplus.core.errors import FramesError
from gprplus.cropping.annotations import AnnotatedFrame, AnnotatedPerson
from gprplus.cropping.field_values import format_value
from gprplus.cropping.forms.form import EngineForm, EngineScene, Scope, register_form
from gprplus.cropping.forms.source_files import (
    folders_below,
    scene_name,
    stream_pairs,
    video_of_stem,
)
from gprplus.cropping.forms.source_values import (
    BodyPose,
    area_share,
    box_of_corners,
    camera_levels,
    frame_json,
    is_person_label,
    whole_number,
)
from gprplus.cropping.geometry import (
    Axes,
    CameraPose,
    extrinsic_camera,
    finite_vector,
    heading_of_yaw,
)
from gprplus.cropping.options import FormOptions

TRUTH, CALIBRATION, VIDEOS = "ground_truth.json", "calibration.json", "videos"
_FRONT = (0.0, -1.0, 0.0)  # of a body with yaw 0


def read_cameras(path: Path) -> dict[str, CameraPose | None]:
    """Return the cameras of calibration.json by name; empty without the file. Raises FramesError."""
    if not path.is_file():
        return {}
    sensors = frame_json(path, "the calibration").get("sensors")
    if not isinstance(sensors, list):
        raise FramesError(f"{path.name} has no list 'sensors'.")
    return {
        str(sensor.get("id")): extrinsic_camera(sensor.get("extrinsicMatrix"))
        for sensor in sensors
        if isinstance(sensor, dict)
    }


def people_by_camera(
    objects: Any, cameras: Mapping[str, CameraPose | None]
) -> dict[str, list[AnnotatedPerson]]:
    """Return the persons of a frame as each camera sees them; other objects are rejected."""
    found: dict[str, list[AnnotatedPerson]] = {}
    for item in objects if isinstance(objects, list) else ():
        item = item if isinstance(item, dict) else {}
        boxes, wholes = (
            _boxes(item, key) for key in ("2d bounding box visible", "2d bounding box")
        )
        for camera in boxes or wholes:
            person = _person(item, boxes.get(camera), wholes.get(camera), cameras.get(camera))
            found.setdefault(camera, []).append(person)
    return found


def _boxes(item: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = item.get(key)
    return value if isinstance(value, dict) else {}


def _person(
    item: Mapping[str, Any], visible: Any, whole: Any, camera: CameraPose | None
) -> AnnotatedPerson:
    number = whole_number(item.get("object id"))
    part, all_of_it = (box_of_corners(*_four(corners)) for corners in (visible, whole))
    reject = None
    if not is_person_label(item.get("object type")):
        reject = ("category", f"{format_value(item.get('object type'))} is no person.")
    elif number is None:
        reject = ("identity", f"the object id is {format_value(item.get('object id'))}.")
    name, pose = item.get("object name"), _pose(item)
    return AnnotatedPerson(
        number or 0,
        None if number is None else str(number),
        part if part is not None else all_of_it,
        visible=area_share(part, all_of_it),
        look=name if isinstance(name, str) and name else None,
        reject=reject,
        **({} if pose is None else pose.fields(camera)),
    )


def _four(corners: Any) -> list[Any]:
    return corners if isinstance(corners, list) and len(corners) == 4 else [None] * 4


def _pose(item: Mapping[str, Any]) -> BodyPose | None:
    place = finite_vector(item.get("3d location"), 3)
    rotation = finite_vector(item.get("3d bounding box rotation"), 3)
    if place is None:
        return None
    heading = None
    if rotation is not None:
        heading = heading_of_yaw(math.degrees(rotation[2]), Axes.Z_UP, _FRONT)
    return BodyPose((place[0], place[1], place[2]), heading)


@dataclass(frozen=True)
class SmartSpace(EngineScene):
    """A scene: its folder."""

    folder: Path

    def read(self) -> Iterator[AnnotatedFrame]:
        """Yield the frames in order, camera by camera in each."""
        cameras = read_cameras(self.folder / CALIBRATION)
        videos: dict[str, Path] = {}
        for key, objects in stream_pairs(self.folder / TRUTH):
            number = whole_number(key)
            if number is None:
                raise FramesError(f"{self.name}: {TRUTH} has the frame {format_value(key)}.")
            for name, people in people_by_camera(objects, cameras).items():
                if name not in videos:
                    folder = self.folder / VIDEOS
                    safe = Path(name).name == name
                    found = video_of_stem(folder, name) if safe else None
                    videos[name] = found or folder / f"{Path(name).name}.mp4"
                yield AnnotatedFrame(
                    videos[name].relative_to(self.root).as_posix(),
                    number,
                    people=tuple(people),
                    scene=self.name,
                    camera=name,
                    picture=number,
                    levels=camera_levels(cameras.get(name)),
                )


def find_scenes(folder: Path, options: FormOptions) -> list[EngineScene]:
    """Return the scenes below a folder that have a ground truth and videos."""
    return [
        SmartSpace(
            scene_name(place, folder),
            folder,
            (place / TRUTH, place / CALIBRATION, place / VIDEOS),
            place,
        )
        for place in _scene_folders(folder)
    ]


def _scene_folders(folder: Path) -> Iterator[Path]:
    for below in folders_below(folder, 3):
        if (below / TRUTH).is_file() and (below / VIDEOS).is_dir():
            yield below


def detect(folder: Path) -> str:
    """Return why a folder holds scenes of AI City or SmartSpaces; "" if it does not."""
    scene = next(_scene_folders(folder), None)
    return "" if scene is None else f"{scene.name} has {TRUTH} and {VIDEOS}/"


register_form(
    EngineForm(
        "smartspaces", "AI City and SmartSpaces 2025, 2026", Scope.SCENE, detect, find_scenes
    )
)
