"""AI City 2023, 2024: SCENE/ground_truth.txt with camera_N/video.mp4 and calibration.json.

A row is: camera, person, frame from 0, left, top, width, height, x, y; separated by blanks. Ids are
unique for a scene. There is no heading, so a person's is the direction in which it walks.
"""

import math
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np

from gprplus.core.errors import FramesError
from gprplus.cropping.annotations import AnnotatedFrame, AnnotatedPerson
from gprplus.cropping.forms.form import EngineForm, EngineScene, Scope, register_form
from gprplus.cropping.forms.source_files import folders_below, names_in, scene_name, video_of_stem
from gprplus.cropping.forms.source_values import camera_levels, frame_json, pose_levels
from gprplus.cropping.geometry import (
    CameraPose,
    extrinsic_camera,
    ground_distance,
    unit_heading,
    viewpoint_of,
)
from gprplus.cropping.options import FormOptions

TRUTH, FIELDS = "ground_truth.txt", 9
STEP_M = 0.05  # from the frame before to the frame after: less is not walking


@dataclass(frozen=True)
class TrackRows:
    """Rows of a text file, sorted by camera and frame: `keys (N, 3)` camera, person and frame,
    `values (N, 6)` box, x and y; and what is wrong with the lines that are none."""

    keys: np.ndarray
    values: np.ndarray
    faults: tuple[str, ...]


def is_number_of(value: float) -> bool:
    """Return True if a value can be the number of a camera, a person or a frame.

    >>> is_number_of(7.0), is_number_of(1.5), is_number_of(1e30)
    (True, False, False)
    """
    return value.is_integer() and abs(value) < 2**31


def read_rows(path: Path) -> TrackRows:
    """Return the rows of a ground truth. Raises FramesError if it cannot be read."""
    keys, values, faults = array("q"), array("d"), []
    try:
        with path.open(encoding="utf-8-sig") as file:
            for line, text in enumerate(file, start=1):
                fields = text.split()
                try:
                    numbers = list(map(float, fields))
                    whole = [int(number) for number in numbers[:3] if is_number_of(number)]
                except (ValueError, OverflowError):
                    numbers, whole = [], []
                if len(numbers) < FIELDS - 2 or len(whole) < 3:
                    if fields:
                        faults.append(f"{path.name}, line {line}: {FIELDS} numbers were expected.")
                    continue
                keys.extend(whole)
                values.extend((*numbers[3:FIELDS], math.nan, math.nan)[:6])
    except (OSError, UnicodeDecodeError) as error:
        raise FramesError(f"{path.name} cannot be read as text: {error}.") from error
    who = np.array(keys, np.int64).reshape(-1, 3)
    order = np.lexsort((who[:, 1], who[:, 2], who[:, 0]))
    what = np.array(values, np.float32).reshape(-1, 6)
    return TrackRows(who[order], what[order], tuple(faults))


def walking_directions(rows: TrackRows) -> np.ndarray:
    """Return the direction from the place in the frame before to that in the frame after, `(N, 2)`
    in metres; NaN where either is unknown, or less than STEP_M away."""
    people, frames = rows.keys[:, 1], rows.keys[:, 2]
    order = np.lexsort((frames, people))
    names = people[order] * (frames.max(initial=0) + 3) + frames[order]  # one number for each pair
    own = people * (frames.max(initial=0) + 3) + frames

    def place(shift: int) -> np.ndarray:
        at = np.minimum(np.searchsorted(names, own + shift), max(len(names) - 1, 0))
        found = rows.values[order[at], 4:6].astype(np.float64)
        found[names[at] != own + shift] = np.nan
        return found

    if not len(own):
        return np.empty((0, 2))
    moved: np.ndarray = place(1) - place(-1)
    moved[~(np.hypot(*moved.T) >= STEP_M)] = np.nan
    return moved


@dataclass(frozen=True)
class TextScene(EngineScene):
    """A scene: its folder."""

    folder: Path

    def read(self) -> Iterator[AnnotatedFrame]:
        """Yield the frames, camera by camera."""
        rows = read_rows(self.folder / TRUTH)
        moved = walking_directions(rows)
        folders = camera_folders(self.folder)
        if rows.faults:
            lost = [AnnotatedPerson(0, reject=("line", fault)) for fault in rows.faults]
            yield AnnotatedFrame(f"{self.name}/{TRUTH}", 0, people=tuple(lost), scene=self.name)
        pairs = groupby(range(len(rows.keys)), lambda i: (rows.keys[i, 0], rows.keys[i, 2]))
        cameras: dict[int, CameraPose | None] = {}
        for (camera, frame), positions in pairs:
            folder = folders.get(int(camera), self.folder / f"camera_{camera:04d}")
            if int(camera) not in cameras:
                cameras[int(camera)] = read_camera(folder / "calibration.json")
            pose = cameras[int(camera)]
            video = video_of_stem(folder, "video") or folder / "video.mp4"
            yield AnnotatedFrame(
                video.relative_to(self.root).as_posix(),
                int(frame),
                people=tuple(_person(rows, moved, i, pose) for i in positions),
                scene=self.name,
                camera=folder.name,
                picture=int(frame),
                levels=camera_levels(pose),
            )


def _person(
    rows: TrackRows, moved: np.ndarray, i: int, camera: CameraPose | None
) -> AnnotatedPerson:
    left, top, width, height, x, y = rows.values[i].tolist()
    number = int(rows.keys[i, 1])
    heading, place = unit_heading(moved[i].tolist()), (x, y, 0.0)
    viewpoint = distance = None
    if camera is not None:
        distance = ground_distance(place, camera.center)
        if heading is not None:
            viewpoint = viewpoint_of(heading, place, camera.center)
    return AnnotatedPerson(
        number,
        str(number),
        (left, top, width, height),
        viewpoint=viewpoint,
        ground=(x, y),
        levels=pose_levels(distance),
    )


def camera_folders(scene: Path) -> dict[int, Path]:
    """Return the folders of the cameras of a scene by number."""
    numbers = {name: name.rpartition("_")[2] for name in names_in(scene)}
    return {
        int(number): scene / name
        for name, number in numbers.items()
        if number.isdecimal() and (scene / name).is_dir()
    }


def read_camera(path: Path) -> CameraPose | None:
    """Return the camera of a calibration; None without the file or an extrinsic matrix."""
    if not path.is_file():
        return None
    values = frame_json(path, "the calibration")
    return extrinsic_camera(values.get("extrinsicMatrix"))


def find_scenes(folder: Path, options: FormOptions) -> list[EngineScene]:
    """Return the scenes below a folder."""
    return [
        TextScene(
            scene_name(place, folder),
            folder,
            (place / TRUTH, *camera_folders(place).values()),
            place,
        )
        for place in _scene_folders(folder)
    ]


def _scene_folders(folder: Path) -> Iterator[Path]:
    for below in folders_below(folder, 3):
        if (below / TRUTH).is_file() and camera_folders(below):
            yield below


def detect(folder: Path) -> str:
    """Return why a folder holds scenes of AI City 2023 or 2024; "" if it does not."""
    scene = next(_scene_folders(folder), None)
    return "" if scene is None else f"{scene.name} has {TRUTH} and folders of cameras"


register_form(EngineForm("aicity", "AI City 2023, 2024", Scope.SCENE, detect, find_scenes))
