"""BEDLAM: png/SEQUENCE/, masks/SEQUENCE/, be_seq.csv and the cameras as CSV.

The identity is the subject of a body, the look its clothing. There are no boxes: a person is the
union of its masks (body, clothing, hair), whose number is the order of the body in its sequence.
The yaw of the CSV is that of the animation, inside of which a body turns, so there is no viewpoint.
"""

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gprplus.core.errors import FramesError
from gprplus.core.files.safe_names import plain_name
from gprplus.cropping.annotations import AnnotatedFrame, AnnotatedPerson
from gprplus.cropping.forms.form import EngineForm, EngineScene, Scope, register_form
from gprplus.cropping.forms.mta import as_number
from gprplus.cropping.forms.source_files import folders_below, names_in, scene_name
from gprplus.cropping.forms.source_values import camera_levels, unread_frame
from gprplus.cropping.geometry import CameraPose, camera_of_angles
from gprplus.cropping.options import FormOptions

TABLE = "be_seq.csv"
COLUMNS = ("Type", "Body", "Comment")
_BODY = re.compile(r"(?P<subject>.+)_(?P<animation>[0-9]+)")
_MASK = re.compile(r"(?P<frame>.+)_(?P<body>[0-9]{2,4})_[a-z]+\.png")


@dataclass(frozen=True)
class Body:
    """A body of a sequence: subject, clothing, and gender if the name of the clothing has it."""

    subject: str
    clothing: str | None


def read_sequences(path: Path) -> dict[str, list[Body]]:
    """Return the bodies of each sequence of be_seq.csv, in order. Raises FramesError."""
    found: dict[str, list[Body]] = {}
    bodies: list[Body] | None = None
    for line, row in _rows(path):
        comment = comment_fields(row.get("Comment") or "")
        if row["Type"] == "Group":
            name = comment.get("sequence_name")
            bodies = found.setdefault(
                plain_name(name, f"{path.name}, line {line}", FramesError), []
            )
        elif row["Type"] == "Body":
            if bodies is None:
                raise FramesError(f"{path.name}, line {line}: a body precedes all groups.")
            match = _BODY.fullmatch(row["Body"] or "")
            subject = match["subject"] if match else row["Body"] or ""
            bodies.append(Body(subject, comment.get("texture_clothing")))
    return found


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            missing = [name for name in COLUMNS if name not in (rows.fieldnames or [])]
            if missing:
                raise FramesError(f"{path.name} has no column '{missing[0]}'.")
            yield from ((rows.line_num, row) for row in rows)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FramesError(f"{path.name} cannot be read as CSV: {error}.") from error


def comment_fields(text: str) -> dict[str, str]:
    """Return the fields of a comment.

    >>> comment_fields("sequence_name=seq_000000;frames=30")
    {'sequence_name': 'seq_000000', 'frames': '30'}
    """
    parts = (part.partition("=") for part in text.split(";"))
    return {key.strip(): value.strip() for key, equals, value in parts if equals}


def read_cameras(path: Path) -> dict[str, CameraPose]:
    """Return the pose of the camera by the name of the picture; empty without the file.

    Centimetres, left-handed, yaw and pitch in degrees.
    """
    if not path.is_file():
        return {}
    found = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            for row in csv.DictReader(file):
                values = [as_number(row.get(key)) for key in ("x", "y", "z", "yaw", "pitch")]
                known = [value for value in values if value is not None and abs(value) < 1e9]
                if len(known) == len(values):
                    x, y, z, yaw, pitch = known
                    place = (x / 100, y / 100, z / 100)
                    found[str(row.get("name"))] = camera_of_angles(place, yaw, pitch)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FramesError(f"{path.name} cannot be read as CSV: {error}.") from error
    return found


def masks_by_frame(folder: Path) -> dict[str, dict[int, list[str]]]:
    """Return the names of the masks of each frame, by the number of the body."""
    found: dict[str, dict[int, list[str]]] = {}
    for name in names_in(folder):
        match = _MASK.fullmatch(name)
        if match:
            bodies = found.setdefault(match["frame"], {})
            bodies.setdefault(int(match["body"]), []).append(name)
    return found


def people_of(
    bodies: list[Body], folder: str, masks: Mapping[int, list[str]]
) -> list[AnnotatedPerson]:
    """Return the persons of a frame by the names of their masks in a folder; a mask without a body
    is rejected."""
    found = []
    for number, names in masks.items():
        if number >= len(bodies):
            why = f"be_seq.csv has {len(bodies)} bodies, and {names[0]} is of body {number}."
            found.append(AnnotatedPerson(number, reject=("identity", why)))
            continue
        body = bodies[number]
        identity, look = body.subject or None, body.clothing
        paths = tuple(f"{folder}/{name}" for name in names)
        found.append(AnnotatedPerson(number, identity, masks=paths, look=look))
    return found


@dataclass(frozen=True)
class BedlamScene(EngineScene):
    """A scene: the folder with be_seq.csv; each of its sequences is a camera."""

    folder: Path

    def read(self) -> Iterator[AnnotatedFrame]:
        """Yield the frames, sequence by sequence."""
        sequences = read_sequences(self.folder / TABLE)
        for name in names_in(self.folder / "png"):
            cameras = read_cameras(self.folder / f"ground_truth/camera/{name}_camera.csv")
            masks = masks_by_frame(self.folder / "masks" / name)
            files = names_in(self.folder / "png" / name)
            pictures = [file for file in files if file.endswith(".png")]
            for number, file in enumerate(pictures):
                yield AnnotatedFrame(
                    (self.folder / "png" / name / file).relative_to(self.root).as_posix(),
                    number,
                    people=self._people(name, file, sequences, masks),
                    scene=self.name,
                    camera=name,
                    levels=camera_levels(cameras.get(file)),
                )

    def _people(
        self,
        name: str,
        file: str,
        sequences: Mapping[str, list[Body]],
        masks: Mapping[str, Mapping[int, list[str]]],
    ) -> tuple[AnnotatedPerson, ...]:
        stem = file.removesuffix(".png")
        if name not in sequences:
            return (unread_frame(FramesError(f"{TABLE} has no sequence {name}.")),)
        if stem not in masks:
            return (unread_frame(FramesError(f"There is no mask {stem}_00_body.png.")),)
        folder = (self.folder / "masks" / name).relative_to(self.root)
        return tuple(people_of(sequences[name], folder.as_posix(), masks[stem]))


def _scene_folders(folder: Path) -> Iterator[Path]:
    for below in folders_below(folder):
        if (below / TABLE).is_file() and (below / "png").is_dir():
            yield below


def find_scenes(folder: Path, options: FormOptions) -> list[EngineScene]:
    """Return the scenes below a folder."""
    return [
        BedlamScene(scene_name(below, folder), folder, (), below)
        for below in _scene_folders(folder)
    ]


def detect(folder: Path) -> str:
    """Return why a folder is BEDLAM; "" if it is not."""
    found = next(_scene_folders(folder), None)
    return "" if found is None else f"{scene_name(found, folder)} has {TABLE} and png/"


register_form(EngineForm("bedlam", "BEDLAM", Scope.GLOBAL, detect, find_scenes))
