"""MTA (GTA V): SPLIT/cam_N/ with a video, boxes as CSV, and optionally a long CSV of joints.

Frames count from 0; person ids span the cameras of a split. The long file has a row for each of 22
joints and repeats the facts about person, camera and time in each; its rows are ordered by frame.
"""

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, TextIO

from gprplus.core.errors import FramesError, did_you_mean
from gprplus.cropping.annotations import AnnotatedFrame, AnnotatedPerson
from gprplus.cropping.forms.form import EngineForm, EngineScene, Scope, register_form
from gprplus.cropping.forms.source_files import (
    folder_above,
    folders_below,
    scene_name,
    video_of_stem,
)
from gprplus.cropping.forms.source_values import (
    BodyPose,
    box_of_corners,
    camera_levels,
    whole_number,
)
from gprplus.cropping.geometry import Axes, CameraPose, camera_of_angles, heading_of_yaw
from gprplus.cropping.options import FormOptions

BOX = ("x_top_left_BB", "y_top_left_BB", "x_bottom_right_BB", "y_bottom_right_BB")
NEEDED = ("frame_no_cam", "person_id", *BOX)
_CAMERA = re.compile(r"cam_([0-9]+)")
GENDERS = {4: "male", 5: "female"}
Row = dict[str, str]
Rows = Iterator[tuple[int, list[str]]]  # line numbers and values


@dataclass(frozen=True)
class _Table:
    """The rows of a CSV file with their line numbers, and the position of each column."""

    rows: Iterator[tuple[int, list[str]]]
    columns: Mapping[str, int]

    def named(self, row: list[str]) -> Row:
        """The values of a row by column; empty where the row is too short."""
        return {name: row[i] if i < len(row) else "" for name, i in self.columns.items()}


def _table(file: TextIO, name: str) -> _Table:
    rows = csv.reader(file)
    columns = {column.strip(): i for i, column in enumerate(next(rows, []))}
    for needed in NEEDED:
        if needed not in columns:
            hint = did_you_mean(needed, columns)
            raise FramesError(f"{name} has no column '{needed}'. {hint}")
    return _Table(((rows.line_num, row) for row in rows if row), columns)


@dataclass(frozen=True)
class MtaFrame:
    """The persons of a frame, and its levels: camera pitch and hour."""

    number: int
    people: tuple[AnnotatedPerson, ...]
    camera: CameraPose | None
    hour: int | None


def read_mta(path: Path) -> Iterator[MtaFrame]:
    """Yield the frames of a short or long MTA file in order, a row at a time. Raises FramesError.

    A row whose frame is no number becomes a rejected annotation of the frame before.
    """
    last = -1
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            table = _table(file, path.name)
            at = table.columns["frame_no_cam"]
            for text, rows in groupby(table.rows, key=lambda item: item[1][at : at + 1]):
                number = whole_number(text[0]) if text else None
                if number is None or number < 0:
                    yield MtaFrame(max(last, 0), _unread(text, rows), None, None)
                    continue
                if number < last:
                    raise FramesError(
                        f"{path.name}: frame {number} follows frame {last}. Sort the file by"
                        " frame_no_cam."
                    )
                last = number
                yield _frame(number, rows, table)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FramesError(f"{path.name} cannot be read as CSV: {error}.") from error


def _unread(text: list[str], rows: Rows) -> tuple[AnnotatedPerson, ...]:
    found = text[0] if text else ""
    reason = f"frame_no_cam is '{found[:40]}'; a number from 0 was expected."
    return tuple(
        AnnotatedPerson(line, reject=("line", f"line {line}: {reason}")) for line, _ in rows
    )


def _frame(number: int, rows: Rows, table: _Table) -> MtaFrame:
    """A frame: the first row of each person has all but the joints, which are not kept."""
    at = table.columns["person_id"]
    first: dict[str, tuple[int, list[str]]] = {}
    for item in rows:  # of joints: 22 for each person
        who = item[1][at] if at < len(item[1]) else ""
        if who not in first:
            first[who] = item
    known = [(line, table.named(row)) for line, row in first.values()]
    camera = _camera(known[0][1])
    people = tuple(_person(line, row, camera) for line, row in known)
    return MtaFrame(number, people, camera, whole_number(known[0][1].get("hours_gta")))


def _person(line: int, row: Row, camera: CameraPose | None) -> AnnotatedPerson:
    identity = whole_number(row["person_id"])
    levels: dict[str, Any] = {}
    gender = GENDERS.get(whole_number(row.get("ped_type")) or 0)
    pose = _pose(row)
    fields = {} if pose is None else pose.fields(camera)
    levels = {**fields.pop("levels", {}), **({"gender": gender} if gender else {})}
    reject = None
    if identity is None:
        found = row["person_id"]
        reject = ("identity", f"line {line}: person_id is '{found}'; a number was expected.")
    return AnnotatedPerson(
        0 if identity is None else identity,
        None if identity is None else str(identity),
        box_of_corners(*(as_number(row.get(key)) for key in BOX)),
        look=row.get("appearance_id") or None,
        levels=levels,
        reject=reject,
        **fields,
    )


def as_number(text: str | None) -> float | None:
    """Return a number in a text field; None if there is none (NaN is refused later)."""
    try:
        return float(text or "")
    except ValueError:
        return None


def _numbers(row: Row, *names: str) -> list[float] | None:
    found = [as_number(row.get(name)) for name in names]
    known = [value for value in found if value is not None and abs(value) < 1e9]
    return known if len(known) == len(names) else None


def _pose(row: Row) -> BodyPose | None:
    """Position and heading; at yaw 0 a body faces y, so its heading is (-sin yaw, cos yaw)."""
    values = _numbers(row, "x_3D_person", "y_3D_person", "z_3D_person", "yaw_person")
    if values is None:
        return None
    heading = heading_of_yaw(values[3], Axes.Z_UP, (0.0, 1.0, 0.0))
    return BodyPose((values[0], values[1], values[2]), heading)


def _camera(row: Row) -> CameraPose | None:
    names = ("x_3D_cam", "y_3D_cam", "z_3D_cam", "x_rot_cam", "z_rot_cam")
    values = _numbers(row, *names)
    if values is None:
        return None
    # Like bodies, cameras look along y at rotation 0; x is the pitch, z turns counter-clockwise.
    return camera_of_angles(values[:3], values[4] + 90, values[3], Axes.Z_UP)


@dataclass(frozen=True)
class MtaSplit(EngineScene):
    """A split: for each camera its name, its annotations and its video."""

    cameras: tuple[tuple[str, Path, Path], ...]

    def read(self) -> Iterator[AnnotatedFrame]:
        """Yield the frames, camera by camera."""
        for camera, annotations, video in self.cameras:
            path = video.relative_to(self.root).as_posix()
            for frame in read_mta(annotations):
                levels = camera_levels(frame.camera)
                if frame.hour is not None:
                    levels["illumination"] = str(frame.hour)
                yield AnnotatedFrame(
                    path,
                    frame.number,
                    people=frame.people,
                    scene=self.name,
                    camera=camera,
                    picture=frame.number,
                    levels=levels,
                )


def find_scenes(folder: Path, options: FormOptions) -> list[EngineScene]:
    """Return the splits below a folder. Raises FramesError if a camera has no video."""
    splits: dict[Path, list[tuple[str, Path, Path]]] = {}
    for camera, annotations in _cameras(folder):
        video = video_of_stem(camera, camera.name)
        if video is None:
            raise FramesError(f"There is no video {camera.name}.mp4 for {annotations.name}.")
        splits.setdefault(folder_above(camera, folder), []).append(
            (camera.name, annotations, video)
        )
    return [
        MtaSplit(scene_name(split, folder), folder, (), tuple(cameras))
        for split, cameras in splits.items()
    ]


def _cameras(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Folder and annotations of each camera: the long file if there is one, as it holds more."""
    for below in folders_below(folder):
        if _CAMERA.fullmatch(below.name):
            for name in (f"coords_{below.name}.csv", f"coords_fib_{below.name}.csv"):
                if (below / name).is_file():
                    yield below, below / name
                    break


def detect(folder: Path) -> str:
    """Return why a folder is MTA; "" if it is not."""
    found = next(_cameras(folder), None)
    return "" if found is None else f"{found[0].name} has {found[1].name}"


register_form(EngineForm("mta", "MTA (GTA V)", Scope.SCENE, detect, find_scenes))
