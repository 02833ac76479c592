"""RandPerson's text of key points: 19 fields a line, a crop's name, its box in the frame, and seven
points in the crop.

The authors do not document the separator: comma, semicolon, tab or space is detected in the first
line and recorded. The box is x1, y1, x2, y2 in the video frame; points are relative to the upper
left corner of the crop.
"""

import math
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from gprplus.core.errors import FramesError, first_few
from gprplus.core.sampling import sha256_digest
from gprplus.cropping.annotations import (
    AnnotatedFrame,
    AnnotatedPerson,
    AnnotationSet,
    RejectedAnnotation,
)
from gprplus.cropping.instance_masks import image_paths

FIELDS = 19
POINTS = (
    "head",
    "left_shoulder",
    "right_shoulder",
    "left_hand",
    "right_hand",
    "left_foot",
    "right_foot",
)
DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "space": None}
# Parsed by letter, never by position: until June 2020 the names had the camera before the scene.
_NAMES = (
    re.compile(r"(?P<identity>\d{6})_s(?P<scene>\d{2})_c(?P<camera>\d{2})_f(?P<frame>\d{6})"),
    re.compile(r"(?P<identity>\d{6})_c(?P<camera>\d{2})_s(?P<scene>\d{2})_f(?P<frame>\d{6})"),
)


@dataclass(frozen=True)
class _Line:
    person: AnnotatedPerson
    frame: int


def read_points(path: Path, frames: Path) -> AnnotationSet:
    """The persons of one `cameraX_Y_point.txt`, or of every one in a folder. Raises FramesError.

    Frames are found by the last number in their names, below `frames/cameraX_Y` where there is such
    a folder, else below `frames`.
    """
    files = sorted(path.glob("*_point.txt")) if path.is_dir() else [path]
    if not files or not files[0].is_file():
        raise FramesError(f"There is no file {path} (nor a cameraX_Y_point.txt in it).")
    found: list[AnnotatedFrame] = []
    rejected: list[RejectedAnnotation] = []
    delimiters = {}
    for file in files:
        own = frames / file.name.removesuffix("_point.txt")
        if len(files) > 1 and not own.is_dir():
            raise FramesError(
                f"There is no folder {own} with the frames of {file.name}. Put them there, or give"
                " --points one file at a time, with its frames."
            )
        lines, delimiters[file.name] = _lines(file, rejected)
        found += _framed(lines, frames, own if own.is_dir() else frames, rejected)
    about = {
        "kind": "points",
        "digest": sha256_digest(*(file.read_bytes() for file in files)),
        "delimiters": delimiters,
        "files": [file.name for file in files],
        "annotations": sum(len(frame.people) for frame in found) + len(rejected),
    }
    names = sorted(set(delimiters.values()))
    remark = (
        f"the separator is a {' or a '.join(names)} (detected in the first line; it is not"
        " documented)."
    )
    return AnnotationSet(
        tuple(sorted(found, key=lambda frame: frame.path)),
        about,
        tuple(rejected),
        POINTS,
        remarks=(remark,),
    )


def delimiter_of(line: str, where: str) -> str:
    """The name of the delimiter that parts a line into 19 fields. Raises FramesError."""
    counts = {name: len(line.split(sign)) for name, sign in DELIMITERS.items()}
    fitting = [name for name, count in counts.items() if count == FIELDS]
    if not fitting:
        shown = ", ".join(f"{count} by {name}" for name, count in counts.items())
        raise FramesError(
            f"{where}: expected {FIELDS} fields (a name, a box, seven points), found {shown}."
        )
    return fitting[0]


def _lines(file: Path, rejected: list[RejectedAnnotation]) -> tuple[list[_Line], str]:
    try:
        texts = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise FramesError(f"{file} cannot be read as text: {error}.") from error
    numbered = [
        (number, text.strip()) for number, text in enumerate(texts, start=1) if text.strip()
    ]
    if not numbered:
        raise FramesError(f"{file} is empty.")
    delimiter = delimiter_of(numbered[0][1], f"{file}, line {numbered[0][0]}")
    found = []
    for number, text in numbered:
        try:
            found.append(
                _line(number, [part.strip() for part in text.split(DELIMITERS[delimiter])])
            )
        except ValueError as error:
            rejected.append(
                RejectedAnnotation(
                    "", number, None, "line", f"{file.name}, line {number}: {error}."
                )
            )
    return found, delimiter


def _line(number: int, fields: list[str]) -> _Line:
    if len(fields) != FIELDS:
        raise ValueError(f"{len(fields)} fields, and {FIELDS} were expected")
    stem = PurePosixPath(fields[0]).stem
    name = next((match for pattern in _NAMES if (match := pattern.fullmatch(stem))), None)
    if name is None:
        raise ValueError(f"'{fields[0]}' is no name such as 000000_s00_c00_f000264.jpg")
    x1, y1, x2, y2, *points = map(float, fields[1:])
    if not all(map(math.isfinite, (x1, y1, x2, y2, *points))):
        raise ValueError("a coordinate is no finite number")
    shifted = [
        value
        for x, y in zip(points[::2], points[1::2], strict=True)
        for value in (x1 + x, y1 + y, 2.0)
    ]
    levels = {
        "camera": 100 * int(name["scene"]) + int(name["camera"]),
        "background": f"s{name['scene']}",
    }
    box = (x1, y1, x2 - x1, y2 - y1)
    return _Line(
        AnnotatedPerson(
            number,
            name["identity"],
            box,
            keypoints=tuple(shifted),
            levels=levels,
            extra={"source": fields[0]},
        ),
        int(name["frame"]),
    )


def _framed(
    lines: list[_Line], root: Path, folder: Path, rejected: list[RejectedAnnotation]
) -> list[AnnotatedFrame]:
    """Group the lines by their frame; lines without a frame are rejected."""
    place: dict[int, str] = {}
    for path in image_paths(folder):
        numbers = re.findall(r"\d+", PurePosixPath(path).stem)
        if numbers and place.setdefault(int(numbers[-1]), path) != path:
            twice = first_few([place[int(numbers[-1])], path])
            raise FramesError(
                f"Two frames under {folder} have the number {int(numbers[-1])}: {twice}."
            )
    people: dict[int, list[AnnotatedPerson]] = {}
    for line in lines:
        if line.frame in place:
            people.setdefault(line.frame, []).append(line.person)
        else:
            missing = f"no frame under {folder.name} has the number {line.frame}."
            rejected.append(
                RejectedAnnotation("", line.person.number, line.person.identity, "frame", missing)
            )
    below = folder.relative_to(root)
    return [
        AnnotatedFrame((below / place[number]).as_posix(), number, None, tuple(found))
        for number, found in people.items()
    ]
