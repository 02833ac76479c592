"""CARLA: frames, instance segmentation and a file of actors for each, as users save them.

RUN/SENSOR/rgb/NAME.png, RUN/SENSOR/instance_segmentation/NAME.png, and optionally
RUN/SENSOR/actors/NAME.json or RUN/actors.json. In the instance image red is the tag of the class
(pedestrian: 12, before 0.9.14 4), green and blue the id (G + 256 B), which is that of the actor
since 0.9.16. The look is the blueprint. Left-handed, metres, degrees.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from gprplus.core.errors import FramesError
from gprplus.core.imaging.image_headers import EXTENSIONS as IMAGES
from gprplus.cropping.annotations import AnnotatedFrame, AnnotatedPerson
from gprplus.cropping.coco_reader import trailing_numbers
from gprplus.cropping.forms.form import EngineForm, EngineScene, Scope, register_form
from gprplus.cropping.forms.source_files import (
    folder_above,
    folders_below,
    image_of_stem,
    names_in,
    scene_name,
)
from gprplus.cropping.forms.source_values import (
    BodyPose,
    camera_levels,
    frame_values,
    unread_frame,
    whole_number,
)
from gprplus.cropping.geometry import (
    Axes,
    CameraPose,
    camera_of_angles,
    finite_vector,
    heading_of_yaw,
    to_z_up,
)
from gprplus.cropping.options import FormOptions

INSTANCES = "instance_segmentation"
_LOOKED_AT = 20  # pictures that may lack their mask


def read_actors(path: Path) -> tuple[dict[int, AnnotatedPerson], Mapping[str, Any]]:
    """Return the persons by the id of their actor, and the other values of the file.

    The file is a list of actors, or an object with `actors`, and optionally `camera` (location,
    rotation) and `weather`. Raises FramesError.
    """
    data = frame_values(path, "the actors")
    data = {"actors": data} if isinstance(data, list) else data
    if not isinstance(data, dict) or not isinstance(data.get("actors"), list):
        raise FramesError(f"{path.name}: a list of actors, or an object with one, was expected.")
    camera = camera_of(data.get("camera"))
    people = [_person(item, camera) for item in data["actors"] if isinstance(item, dict)]
    return {person.number: person for person in people if person is not None}, data


def _person(item: Mapping[str, Any], camera: CameraPose | None) -> AnnotatedPerson | None:
    """The person of an actor; None for one without a number."""
    number = whole_number(item.get("actor", item.get("id")))
    if number is None or not 0 < number < 1 << 16:
        return None
    look = item.get("blueprint")
    pose = _pose(item)
    fields = {} if pose is None else pose.fields(camera)
    look = look if isinstance(look, str) and look else None
    return AnnotatedPerson(number, str(number), value=number, look=look, **fields)


def _pose(item: Mapping[str, Any]) -> BodyPose | None:
    place = location_of(item.get("location"))
    yaw = _angle(item, "yaw")
    if place is None or yaw is None:
        return None
    return BodyPose(to_z_up(place, Axes.Z_UP_LEFT), heading_of_yaw(yaw, Axes.Z_UP_LEFT))


def _angle(item: Any, name: str) -> float | None:
    """An angle in degrees, of the object itself or of its rotation."""
    if not isinstance(item, dict):
        return None
    inner = item.get("rotation")
    value = item.get(name, inner.get(name) if isinstance(inner, dict) else None)
    found = finite_vector([value], 1)
    return None if found is None else found[0]


def location_of(value: Any) -> tuple[float, ...] | None:
    """Return a location given as [x, y, z] or as an object with x, y and z."""
    if isinstance(value, dict):
        value = [value.get(key) for key in "xyz"]
    return finite_vector(value, 3)


def camera_of(value: Any) -> CameraPose | None:
    """Return the pose of the camera of a file of actors; None where it has none."""
    if not isinstance(value, dict):
        return None
    place, yaw, pitch = location_of(value.get("location")), _angle(value, "yaw"), None
    pitch = _angle(value, "pitch")
    if place is None or yaw is None or pitch is None:
        return None
    return camera_of_angles(place, yaw, pitch)


@dataclass(frozen=True)
class CarlaRun(EngineScene):
    """A run: the folders of its sensors below one folder."""

    run: Path
    sensors: tuple[str, ...]

    def read(self) -> Iterator[AnnotatedFrame]:
        """Yield the frames, sensor by sensor."""
        for sensor in self.sensors:
            folder = self.run / sensor
            pictures = [name for name in names_in(folder / "rgb") if Path(name).suffix in IMAGES]
            for number, name in zip(trailing_numbers(pictures), pictures, strict=True):
                yield self._frame(sensor, folder, number, name)

    def _frame(self, sensor: str, folder: Path, number: int, name: str) -> AnnotatedFrame:
        people: tuple[AnnotatedPerson, ...] = ()
        known: dict[int, AnnotatedPerson | None] | None = None
        data: Mapping[str, Any] = {}
        mask = image_of_stem(folder / INSTANCES, Path(name).stem)
        try:
            path = _actors_file(self.run, folder, name)
            if mask is None:
                raise FramesError(f"There is no {INSTANCES}/{Path(name).stem}.png.")
            if path is not None:
                actors, data = read_actors(path)
                known = dict(actors)
        except FramesError as error:
            people, mask = (unread_frame(error),), None
        levels = camera_levels(camera_of(data.get("camera")))
        weather = data.get("weather")
        if isinstance(weather, str):  # a preset joins weather and time of day
            levels |= {"weather": weather, "illumination": weather}
        return AnnotatedFrame(
            (folder / "rgb" / name).relative_to(self.root).as_posix(),
            number,
            people=people,
            mask="" if mask is None else mask.relative_to(self.root).as_posix(),
            mask_form="carla-4" if data.get("pedestrian_tag") == 4 else "carla",
            known=known,
            scene=self.name,
            camera=folder.name,
            levels=levels,
        )


def _actors_file(run: Path, folder: Path, name: str) -> Path | None:
    """The file of the actors of a frame, else of the run; None without either."""
    own = folder / "actors"
    if own.is_dir():
        return own / f"{Path(name).stem}.json"
    return run / "actors.json" if (run / "actors.json").is_file() else None


def _sensors(folder: Path) -> Iterator[Path]:
    for below in folders_below(folder):
        if (below / INSTANCES).is_dir() and _has_pair(below):
            yield below


def _has_pair(folder: Path) -> bool:
    """Whether a picture in rgb/ has a mask of its name; the other forms have other names."""
    pictures = (name for name in names_in(folder / "rgb") if Path(name).suffix in IMAGES)
    first = islice(pictures, _LOOKED_AT)
    return any(image_of_stem(folder / INSTANCES, Path(name).stem) for name in first)


def find_scenes(folder: Path, options: FormOptions) -> list[EngineScene]:
    """Return the runs below a folder."""
    runs: dict[Path, list[str]] = {}
    for sensor in _sensors(folder):
        run = folder_above(sensor, folder)
        runs.setdefault(run, []).append(sensor.relative_to(run).as_posix())
    return [
        CarlaRun(scene_name(run, folder), folder, (), run, tuple(sensors))
        for run, sensors in runs.items()
    ]


def detect(folder: Path) -> str:
    """Return why a folder is of CARLA; "" if it is not."""
    found = next(_sensors(folder), None)
    return (
        ""
        if found is None
        else f"{found.name} has pictures of the same names in rgb/ and {INSTANCES}/"
    )


register_form(EngineForm("carla", "CARLA", Scope.RUN, detect, find_scenes))
