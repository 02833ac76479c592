"""The files of one frame of Replicator's BasicWriter, and the persons in them."""

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from gprplus.core.errors import FramesError, escape
from gprplus.cropping.annotations import AnnotatedPerson
from gprplus.cropping.forms.source_values import (
    BodyPose,
    area_share,
    box_of_corners,
    frame_json,
    frame_values,
    is_person_label,
    known_share,
    prim_identity,
)
from gprplus.cropping.geometry import Axes, CameraPose, matrix_rows, row_vector_pose, view_camera
from gprplus.cropping.segmentation import rgba_value

RGB = re.compile(r"rgb_([0-9]{1,12}(?:_[0-9]{1,12})?)\.(?:png|jpe?g)")
BOXES, _LOOSE, _SOLID = "bounding_box_2d_tight", "bounding_box_2d_loose", "bounding_box_3d"
INSTANCES = "instance_segmentation"
_LARGEST = 64 * 2**20  # bytes of the boxes of a frame
_FRONTS = {Axes.Z_UP: (0.0, -1.0, 0.0), Axes.Y_UP: (0.0, 0.0, 1.0)}  # of bodies, in local axes
# Prims that hold several persons: their children are the persons.
_CONTAINERS = re.compile(
    r"(?i)world|root|stage|scene|env(ironment)?|replicator|(character|person|human|pedestrian|agent"
    r"|actor|walker|worker)s|people|crowd"
)


@dataclass(frozen=True)
class FrameFiles:
    """The paths of one frame of one camera: `folder` / `before` / KIND / `after` / name, where
    KIND is missing if all files are in one folder."""

    picture: Path
    number: str
    nested: bool
    depth: int  # how many folders below KIND the picture is

    @property
    def top(self) -> Path:
        """Return the folder that all files of the frame are below."""
        return self.picture.parents[self.depth + 1 if self.nested else 0]

    def path(self, kind: str, name: str, suffix: str) -> Path:
        """Return the path of another file of the frame, such as name_0012.json of a kind."""
        file = f"{name}_{self.number}{suffix}"
        if not self.nested:
            return self.picture.parent / file
        below = self.picture.parent.relative_to(self.picture.parents[self.depth])
        return self.top / kind / below / file


def frame_files(picture: Path) -> FrameFiles | None:
    """Return the files of a frame by its picture; None if the name is none of the writer's."""
    match = RGB.fullmatch(picture.name)
    if match is None:
        return None
    names = [parent.name for parent in picture.parents]
    for depth in (0, 1):
        if depth < len(names) and names[depth] == "rgb":
            return FrameFiles(picture, match[1], True, depth)
    return FrameFiles(picture, match[1], False, 0)


@dataclass(frozen=True)
class StageView:
    """The camera of a frame in metres, the axes of the stage, and the metres of its unit."""

    camera: CameraPose
    axes: Axes
    unit: float


Known = Mapping[int, AnnotatedPerson | None]


def read_people(
    files: FrameFiles, stage: StageView | None
) -> tuple[list[AnnotatedPerson], Known | None]:
    """Return the persons of a frame by boxes, and by the colors of its instance mask if it has one.

    Raises FramesError if it has neither.
    """
    colours = _colours(files)
    prims = _prim_paths(files, BOXES)
    if prims is not None:
        people = _boxed(files, prims, stage)
        return people, None if colours is None else _known(colours, people)
    if colours is None:
        missing = files.path(BOXES, f"{BOXES}_prim_paths", ".json").name
        raise FramesError(
            f"There is neither {missing} nor an instance mask with its mapping: switch one on."
        )
    return [], _masked(files, colours)


def _boxed(files: FrameFiles, prims: list[str], stage: StageView | None) -> list[AnnotatedPerson]:
    rows = load_rows(files.path(BOXES, BOXES, ".npy"))
    if len(rows) != len(prims):
        raise FramesError(f"{len(rows)} boxes and {len(prims)} prim paths do not belong together.")
    persons = _person_ids(files.path(BOXES, f"{BOXES}_labels", ".json"))
    whole, placed = _by_prim(files, _LOOSE), _by_prim(files, _SOLID)
    found = []
    for number, (row, prim) in enumerate(zip(rows, prims, strict=True), start=1):
        if str(row["semanticId"]) not in persons:
            reject = ("category", f"the label of {prim} names no person.")
            found.append(AnnotatedPerson(number, prim_identity(prim), _box(row), reject=reject))
            continue
        pose = _pose(placed.get(prim), stage)
        hidden = known_share(float(row["occlusionRatio"])) if "occlusionRatio" in row else None
        visible = area_share(_box(row), _box(whole.get(prim))) if hidden is None else 1 - hidden
        person = AnnotatedPerson(number, prim_identity(prim), _box(row), visible=visible)
        fields = {} if pose is None or stage is None else pose.fields(stage.camera)
        found.append(replace(person, **fields))
    return found


def _box(row: Mapping[str, Any] | None) -> Any:
    keys = ("x_min", "y_min", "x_max", "y_max")
    return None if row is None else box_of_corners(*(row.get(key) for key in keys))


def load_rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a structured NPY file as plain values. Raises FramesError.

    No pickle is loaded, and nothing is allocated for more rows than the file holds.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise FramesError(f"{path.name} is too large for the boxes of one frame.")
        data = path.read_bytes()
        file = io.BytesIO(data)
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0
        shape, _, dtype = (read if version == (1, 0) else np.lib.format.read_array_header_2_0)(file)
    except OSError as error:
        raise FramesError(f"There is no {path.name} with the boxes of the frame.") from error
    except ValueError as error:
        raise FramesError(f"{path.name} cannot be read as NPY: {error}.") from error
    size = dtype.itemsize * int(np.prod(shape, dtype=object))
    if dtype.names is None or dtype.hasobject or len(shape) != 1:
        raise FramesError(f"{path.name} holds no table of boxes.")
    if size != len(data) - file.tell():
        raise FramesError(f"{path.name} is cut: {size:,} bytes of boxes were expected.")
    rows = np.frombuffer(data, dtype, offset=file.tell())
    return [{name: row[name].tolist() for name in dtype.names} for row in rows]


def _prim_paths(files: FrameFiles, kind: str) -> list[str] | None:
    """The prims of the rows of a kind of boxes; None without the file."""
    path = files.path(kind, f"{kind}_prim_paths", ".json")
    if not path.is_file():
        return None
    values = frame_values(path, "the prim paths")
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise FramesError(f"{path.name} is no list of prim paths.")
    return values


def _by_prim(files: FrameFiles, kind: str) -> dict[str, dict[str, Any]]:
    """The rows of a kind of boxes that is optional, by prim."""
    path, prims = files.path(kind, kind, ".npy"), _prim_paths(files, kind)
    if prims is None or not path.is_file():
        return {}
    rows = load_rows(path)
    return dict(zip(prims, rows, strict=True)) if len(rows) == len(prims) else {}


def _person_ids(path: Path) -> set[str]:
    """The semantic ids, as text, whose labels name a person."""
    labels = frame_json(path, "the labels")
    return {number for number, classes in labels.items() if _names_person(classes)}


def _pose(row: Mapping[str, Any] | None, stage: StageView | None) -> BodyPose | None:
    """The pose of a person by the row of its solid box, if the axes of the stage are known."""
    if row is None or stage is None:
        return None
    matrix = row.get("transform")
    placed = row_vector_pose(matrix, stage.axes, _FRONTS[stage.axes])
    if placed is None:
        return None
    x, y, z = placed[0]
    return BodyPose((x * stage.unit, y * stage.unit, z * stage.unit), placed[1])


def stage_of(files: FrameFiles) -> StageView | None:
    """The stage by the camera parameters of a frame; None without the file or a usable matrix."""
    path = files.path("camera_params", "camera_params", ".json")
    if not path.is_file():
        return None
    data = frame_json(path, "the camera")
    unit = known_unit(data.get("metersPerSceneUnit"))
    axes = stage_axes(data.get("cameraViewTransform"))
    pose = view_camera(data.get("cameraViewTransform"), axes)
    if pose is None:
        return None
    x, y, z = pose.center
    return StageView(CameraPose((x * unit, y * unit, z * unit), pose.forward), axes, unit)


def known_unit(value: Any) -> float:
    """Return the metres of a unit of the stage; 1 (the unit of Isaac Sim) if it is unknown."""
    usable = isinstance(value, int | float) and 0 < value < 1e6
    return float(value) if usable else 1.0


def stage_axes(matrix: Any) -> Axes:
    """Return which axis of a stage points up, z or y, by the view matrix of a camera without roll.

    The right of such a camera is horizontal. Where that leaves both axes, it is the one to which
    the top of the picture points more.
    """
    rows = matrix_rows(matrix, 4, 4)
    if rows is None:
        return Axes.Z_UP
    (_, right_y, right_z), (_, up_y, up_z) = ([row[i] for row in rows[:3]] for i in (0, 1))
    if abs(abs(right_y) - abs(right_z)) > 0.01:
        return Axes.Z_UP if abs(right_z) < abs(right_y) else Axes.Y_UP
    return Axes.Z_UP if up_z >= up_y else Axes.Y_UP


def _colours(files: FrameFiles) -> dict[int, str] | None:
    """The prims of an instance mask by the value of their color; None without the files."""
    path = files.path(INSTANCES, f"{INSTANCES}_mapping", ".json")
    if not path.is_file() or not files.path(INSTANCES, INSTANCES, ".png").is_file():
        return None
    found = {}
    for colour, prim in frame_json(path, "the colors").items():
        value = colour_value(colour)
        if value is None or not isinstance(prim, str):
            raise FramesError(f"{path.name}: '{escape(colour)}' is no color R, G, B, A of a prim.")
        if value:
            found[value] = prim
    return found


def colour_value(text: str) -> int | None:
    """Return the value in a mask of a color such as "(255, 197, 25, 255)"; None for none.

    >>> colour_value("(0, 1, 2, 255)") == 0x000102FF, colour_value("red")
    (True, None)
    """
    parts = [part.strip() for part in text.strip("()[] ").split(",")]
    if len(parts) != 4 or not all(re.fullmatch(r"[0-9]{1,3}", part) for part in parts):
        return None
    numbers = list(map(int, parts))
    return rgba_value(numbers) if max(numbers) < 256 else None


def _known(colours: Mapping[int, str], people: list[AnnotatedPerson]) -> Known:
    """The persons of boxes by the colors of their meshes; None for the colors of other prims.

    Persons without a color are hidden: their keys are values that no mask has.
    """
    by_prim = {person.identity: person for person in people if person.reject is None}
    found: dict[int, AnnotatedPerson | None] = {-i: one for i, one in enumerate(people, start=1)}
    for value, prim in colours.items():
        parts = prim.strip("/").split("/")
        ancestors = ("-".join(parts[:depth]) for depth in range(len(parts), 0, -1))
        found[value] = next((by_prim[name] for name in ancestors if name in by_prim), None)
    return found


def _masked(files: FrameFiles, colours: Mapping[int, str]) -> Known:
    """The persons of colors alone: meshes of one prim of a person, if their label names one."""
    path = files.path(INSTANCES, f"{INSTANCES}_semantics_mapping", ".json")
    labels = frame_json(path, "the labels of colors") if path.is_file() else None
    persons = {}
    if labels is not None:
        persons = {colour_value(colour): _names_person(named) for colour, named in labels.items()}
    prims = sorted({person_prim(prim) for prim in colours.values()})
    numbers = {prim: number for number, prim in enumerate(prims, start=1)}
    found: dict[int, AnnotatedPerson | None] = {}
    for value, path_of_mesh in colours.items():
        prim = person_prim(path_of_mesh)
        named = persons.get(value, False) if labels is not None else is_person_label(prim)
        found[value] = AnnotatedPerson(numbers[prim], prim_identity(prim)) if named else None
    return found


def _names_person(classes: Any) -> bool:
    values = classes.values() if isinstance(classes, dict) else [classes]
    return any(map(is_person_label, values))


def person_prim(path: str) -> str:
    """Return the prim of a person by a mesh inside it: the first that is no container of several.

    >>> person_prim("/World/Person_01/Body"), person_prim("/World/Characters/Character/Hair/Mesh")
    ('World/Person_01', 'World/Characters/Character')
    """
    parts = [part for part in path.split("/") if part]
    for depth, part in enumerate(parts, start=1):
        if not _CONTAINERS.fullmatch(part):
            return "/".join(parts[:depth])
    return "/".join(parts)
