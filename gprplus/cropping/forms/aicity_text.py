"""AI City 2023, 2024: SCENE/ground_truth.txt with camera_N/video.mp4 and calibration.json.

A row is: camera, person, frame from 0, left, top, width, height, x, y; separated by blanks. Ids are
unique for a scene. There is no heading, so a person's is the direction in which it walks.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, repeat
from operator import itemgetter
from pathlib import Path

from gprplus.cropping.annotations import AnnotatedFrame, AnnotatedPerson
from gprplus.cropping.forms.form import EngineForm, EngineScene, Scope, register_form
from gprplus.cropping.forms.source_files import folders_below, names_in, scene_name, video_of_stem
from gprplus.cropping.forms.source_values import camera_levels, frame_json, pose_levels
from gprplus.cropping.geometry import (
    CameraPose,
    Plane,
    extrinsic_camera,
    ground_distance,
    unit_heading,
    viewpoint_of,
)
from gprplus.cropping.options import FormOptions
from gprplus.cropping.sorted_lines import lines_by_group

TRUTH, FIELDS = "ground_truth.txt", 9
LAST_CAMERA, LAST_FRAME = 2**11 - 1, 2**24 - 1
_NOWHERE = (math.nan, math.nan)
STEP_M = 0.05  # from the frame before to the frame after: less is not walking


@dataclass(frozen=True)
class Row:
    """A row: the person, its box (left, top, width, height), and its place on the ground."""

    person: int
    box: tuple[float, float, float, float]
    place: Plane


@dataclass(frozen=True)
class FrameRows:
    """The rows of a frame of a camera."""

    camera: int
    frame: int
    rows: tuple[Row, ...]

    def places(self) -> dict[int, Plane]:
        """Return where each person is."""
        return {row.person: row.place for row in self.rows}


def is_number_of(value: float, last: int = 2**31 - 1) -> bool:
    """Return True if a value can be the number of a camera, a person or a frame.

    >>> is_number_of(7.0), is_number_of(1.5), is_number_of(1e30)
    (True, False, False)
    """
    return value.is_integer() and 0 <= value <= last


def _group_of(text: bytes) -> int:
    """A number that sorts a line by camera and frame; 0 if it has none."""
    try:
        camera, _, frame = map(float, text.split(None, 3)[:3])
    except ValueError:
        return 0
    if not (is_number_of(camera, LAST_CAMERA) and is_number_of(frame, LAST_FRAME)):
        return 0
    return (int(camera) + 1) * (LAST_FRAME + 1) + int(frame)


def _row(text: str) -> Row | None:
    """The row of a line; None if it is none."""
    try:
        numbers = list(map(float, text.split()))
    except ValueError:
        return None
    if len(numbers) < FIELDS - 2 or not is_number_of(numbers[1]):
        return None
    left, top, width, height, x, y = (*numbers[3:FIELDS], math.nan, math.nan)[:6]
    return Row(int(numbers[1]), (left, top, width, height), (x, y))


def read_rows(path: Path) -> Iterator[FrameRows | str]:
    """Yield the rows of each frame, camera by camera, and sentences about lines that are none.

    Raises FramesError if the file cannot be read.
    """
    for group, lines in groupby(lines_by_group(path, _group_of), key=itemgetter(0)):
        rows = []
        for _, line, text in lines:
            row = _row(text) if group else None
            if row is None:
                yield f"{path.name}, line {line}: {FIELDS} numbers were expected."
            else:
                rows.append(row)
        if rows:
            camera, frame = divmod(group, LAST_FRAME + 1)
            yield FrameRows(camera - 1, frame, tuple(rows))


def walking_directions(
    before: FrameRows | None, now: FrameRows, after: FrameRows | None
) -> list[Plane | None]:
    """Return for each row of a frame the direction in metres from the place in the frame before to
    that in the frame after; None where either is unknown, or less than STEP_M away."""
    ends = [
        other.places() if other and (other.camera, other.frame) == (now.camera, number) else {}
        for other, number in ((before, now.frame - 1), (after, now.frame + 1))
    ]
    found: list[Plane | None] = []
    for row in now.rows:
        (x1, y1), (x2, y2) = (places.get(row.person, _NOWHERE) for places in ends)
        moved = x2 - x1, y2 - y1
        found.append(moved if math.hypot(*moved) >= STEP_M else None)
    return found


def with_neighbours(
    frames: Iterable[FrameRows],
) -> Iterator[tuple[FrameRows | None, FrameRows, FrameRows | None]]:
    """Yield each frame between the one before and the one after."""
    before: FrameRows | None = None
    now: FrameRows | None = None
    for after in frames:
        if now is not None:
            yield before, now, after
        before, now = now, after
    if now is not None:
        yield before, now, None


@dataclass(frozen=True)
class TextScene(EngineScene):
    """A scene: its folder."""

    folder: Path

    def read(self) -> Iterator[AnnotatedFrame]:
        """Yield the frames, camera by camera, at last the lines that are none."""
        faults: list[str] = []
        folders = camera_folders(self.folder)
        pose: CameraPose | None = None
        for before, now, after in with_neighbours(_frames(self.folder / TRUTH, faults)):
            folder = folders.get(now.camera, self.folder / f"camera_{now.camera:04d}")
            if before is None or before.camera != now.camera:
                pose = read_camera(folder / "calibration.json")
            video = video_of_stem(folder, "video") or folder / "video.mp4"
            directions = walking_directions(before, now, after)
            yield AnnotatedFrame(
                video.relative_to(self.root).as_posix(),
                now.frame,
                people=tuple(map(_person, now.rows, directions, repeat(pose))),
                scene=self.name,
                camera=folder.name,
                picture=now.frame,
                levels=camera_levels(pose),
            )
        if faults:
            lost = tuple(AnnotatedPerson(0, reject=("line", fault)) for fault in faults)
            yield AnnotatedFrame(f"{self.name}/{TRUTH}", 0, people=lost, scene=self.name)


def _frames(path: Path, faults: list[str]) -> Iterator[FrameRows]:
    """The frames of a text; what is wrong with other lines is appended to `faults`."""
    for found in read_rows(path):
        if isinstance(found, str):
            faults.append(found)
        else:
            yield found


def _person(row: Row, moved: Plane | None, camera: CameraPose | None) -> AnnotatedPerson:
    heading = None if moved is None else unit_heading(moved)
    viewpoint = distance = None
    if camera is not None:
        distance = ground_distance(row.place, camera.center)
        if heading is not None:
            viewpoint = viewpoint_of(heading, row.place, camera.center)
    return AnnotatedPerson(
        row.person,
        str(row.person),
        row.box,
        viewpoint=viewpoint,
        ground=row.place,
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
