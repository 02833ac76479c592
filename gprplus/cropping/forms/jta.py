"""JTA (GTA V): annotations/SPLIT/seq_N.json with a row for each joint, frames from 1, no boxes.

The box is the extent of the 22 joints in the picture. Ids are unique in a sequence. The share of
joints that nothing hides is the visible share; the viewpoint follows from shoulders, neck and hips
in camera coordinates.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from gprplus.core.errors import FramesError
from gprplus.cropping.annotations import AnnotatedFrame, AnnotatedPerson, Box
from gprplus.cropping.field_values import format_value
from gprplus.cropping.forms.form import EngineForm, EngineScene, Scope, register_form
from gprplus.cropping.forms.source_files import (
    folders_below,
    image_of_stem,
    names_in,
    scene_name,
    stream_items,
    video_of_stem,
)
from gprplus.cropping.forms.source_values import pose_levels
from gprplus.cropping.geometry import TrunkJoints, Vector, finite_vector
from gprplus.cropping.options import FormOptions

_NAME = re.compile(r"seq_[0-9]+\.json")
FIELDS = 10
Row = Sequence[float]  # frame, person, joint, x and y in pixels, x, y, z, occluded, self-occluded
NECK, RIGHT_SHOULDER, LEFT_SHOULDER, RIGHT_HIP, LEFT_HIP = 2, 4, 8, 16, 19


def read_jta(path: Path) -> Iterator[tuple[int, tuple[AnnotatedPerson, ...]]]:
    """Yield number and persons of each frame in order. Raises FramesError."""
    last = 0
    for number, rows in groupby(_numbered(path), key=lambda row: row[1]):
        if number < last:
            raise FramesError(f"{path.name}: frame {number} follows frame {last}.")
        last = number
        yield number, _people(rows)


def _numbered(path: Path) -> Iterator[tuple[int, int, Row | str]]:
    """Position, frame and numbers of each row; a sentence and the last frame for a damaged row."""
    last = 1
    for position, row in enumerate(stream_items(path, "item"), start=1):
        values = row if _is_usable(row) else finite_vector(row, FIELDS)
        if values is None or values[0] < 1 or values[0] % 1:
            text = f"row {position} is {format_value(row)}; {FIELDS} numbers were expected."
            yield position, last, text
            continue
        last = int(values[0])
        yield position, last, values


def _is_usable(row: Any) -> bool:
    """Whether a row is surely right; the quick check of what nearly all rows are."""
    try:
        return len(row) == FIELDS and math.isfinite(sum(row))
    except TypeError:
        return False


def _people(rows: Iterable[tuple[int, int, Row | str]]) -> tuple[AnnotatedPerson, ...]:
    bodies: dict[int, list[Row]] = {}
    people = []
    for position, _, row in rows:
        if isinstance(row, str):
            people.append(AnnotatedPerson(position, reject=("line", row)))
        else:
            bodies.setdefault(int(row[1]), []).append(row)
    return (*people, *(_person(number, joints) for number, joints in bodies.items()))


def _person(number: int, joints: list[Row]) -> AnnotatedPerson:
    places = {int(row[2]): (row[5], row[6], row[7]) for row in joints}
    trunk = trunk_of(places)
    visible = sum(row[8] == 0 for row in joints) / len(joints)
    return AnnotatedPerson(
        number,
        str(number),
        _extent(joints),
        visible=visible,
        viewpoint=None if trunk is None else trunk.viewpoint(),
        levels={} if trunk is None else pose_levels(trunk.distance()),
    )


def _extent(joints: list[Row]) -> Box:
    left, top = min(row[3] for row in joints), min(row[4] for row in joints)
    right, bottom = max(row[3] for row in joints), max(row[4] for row in joints)
    return left, top, right - left, bottom - top


def trunk_of(places: Mapping[int, Vector]) -> TrunkJoints | None:
    """Return the trunk of a skeleton of GTA V, in camera coordinates with y down; None where one of
    its joints is missing."""
    if not {NECK, RIGHT_SHOULDER, LEFT_SHOULDER, RIGHT_HIP, LEFT_HIP} <= places.keys():
        return None
    hips = zip(places[RIGHT_HIP], places[LEFT_HIP], strict=True)
    x, y, z = ((right + left) / 2 for right, left in hips)
    return TrunkJoints(places[LEFT_SHOULDER], places[RIGHT_SHOULDER], places[NECK], (x, y, z))


@dataclass(frozen=True)
class JtaSequence(EngineScene):
    """A sequence: its annotations, and its video or its folder of pictures 1.jpg, 2.jpg, ..."""

    annotations: Path
    pictures: Path

    def read(self) -> Iterator[AnnotatedFrame]:
        """Yield the frames in order."""
        video = self.pictures.is_file()
        for number, people in read_jta(self.annotations):
            picture = self.pictures
            if not video:
                picture = image_of_stem(picture, str(number)) or picture / f"{number}.jpg"
            yield AnnotatedFrame(
                picture.relative_to(self.root).as_posix(),
                number,
                people=people,
                scene=self.name,
                camera="camera",
                picture=number - 1 if video else None,
            )


def find_scenes(folder: Path, options: FormOptions) -> list[EngineScene]:
    """Return the sequences below a folder. Raises FramesError if one has no pictures."""
    found: list[EngineScene] = []
    for path in _annotation_files(folder):
        split = path.parent
        top = split.parent.parent
        video = video_of_stem(top / "videos" / split.name, path.stem)
        pictures = video or top / "frames" / split.name / path.stem
        if not pictures.exists():
            raise FramesError(
                f"There is neither a video videos/{split.name}/{path.stem}.mp4 nor a folder"
                f" frames/{split.name}/{path.stem} for {path.name}."
            )
        name = scene_name(top, folder) if top != folder else ""
        name = "/".join(part for part in (name, split.name, path.stem) if part)
        found.append(JtaSequence(name, folder, (path, pictures), path, pictures))
    return found


def _annotation_files(folder: Path) -> Iterator[Path]:
    for below in folders_below(folder):
        if below.parent.name == "annotations" and folder in below.parent.parents:
            yield from (below / name for name in names_in(below) if _NAME.fullmatch(name))


def detect(folder: Path) -> str:
    """Return why a folder is JTA; "" if it is not."""
    found = next(_annotation_files(folder), None)
    return "" if found is None else f"annotations/{found.parent.name} has {found.name}"


register_form(EngineForm("jta", "JTA (GTA V)", Scope.SEQUENCE, detect, find_scenes))
