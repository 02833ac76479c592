"""MOT text and MOTS: SEQUENCE/gt/gt.txt and img1/, or SEQUENCE.mp4 with a text of that name.

MOT: frame, id, left, top, width, height, use, class, visible; frames and pixels count from 1, a use
of 0 means to ignore the row, class 1 is a person, -1 means unknown. MOTS: frame, id, class, height,
width, run-length code; id = 1000 class + number, 10000 means to ignore. Ids are unique for a
sequence, and there is one camera.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np

from gprplus.core.errors import FramesError
from gprplus.cropping.annotations import AnnotatedFrame, AnnotatedPerson, Box
from gprplus.cropping.forms.form import EngineForm, EngineScene, Scope, register_form
from gprplus.cropping.forms.source_files import (
    VIDEOS,
    folders_below,
    names_in,
    scene_name,
    video_of_stem,
)
from gprplus.cropping.forms.source_values import known_share
from gprplus.cropping.options import FormOptions
from gprplus.cropping.segmentation import decode_counts
from gprplus.cropping.sorted_lines import LAST_GROUP, lines_by_group

_IGNORED = 10_000
_IMAGE = re.compile(r"\D*(\d{1,12})\.(?:jpe?g|png|webp|bmp)", re.IGNORECASE)


def read_tracks(path: Path) -> Iterator[tuple[int, AnnotatedPerson]]:
    """Yield frame, from 1, and person of each row of a text of MOT or MOTS, ordered by frame.

    MOT orders its rows by id. A line that cannot be read becomes a rejected person. Raises
    FramesError.
    """
    for frame, line, text in lines_by_group(path, _frame_of):
        yield frame, _track(text, line)


def _frame_of(text: bytes) -> int:
    """Return the frame of a row; 0 if it has none."""
    first = text.split(b"," if b"," in text else None, 1)[:1]
    try:
        return min(max(int(float(first[0])), 0), LAST_GROUP)
    except (ValueError, OverflowError, IndexError):
        return 0


def _track(text: str, line: int) -> AnnotatedPerson:
    try:
        return _box_track(text.split(","), line) if "," in text else _mask_track(text.split())
    except (ValueError, OverflowError, FramesError) as error:
        return AnnotatedPerson(line, reject=("line", f"line {line}: {error}."))


def _box_track(fields: list[str], line: int) -> AnnotatedPerson:
    if len(fields) < 6:
        raise ValueError(f"{len(fields)} fields, and at least 6 were expected")
    numbers = [float(field) for field in fields]
    number = int(numbers[1])
    int(numbers[0])  # a frame that is no number is a fault
    box = (numbers[2] - 1, numbers[3] - 1, numbers[4], numbers[5])
    # Ten fields end in places in the world, which are -1 in results.
    labelled = len(numbers) in (8, 9)
    reject = None
    if labelled and numbers[6] == 0:
        reject = ("category", "the row is marked to be ignored.")
    elif labelled and numbers[7] not in (1, -1):
        reject = ("category", f"the class {numbers[7]:g} is no person.")
    visible = known_share(numbers[8]) if len(numbers) == 9 else None
    return AnnotatedPerson(
        number if number >= 0 else line,
        str(number) if number >= 0 else None,
        box,
        visible=visible,
        reject=reject or (None if number >= 0 else ("identity", f"the id is {number}.")),
    )


def _mask_track(fields: list[str]) -> AnnotatedPerson:
    if len(fields) != 6:
        raise ValueError(f"{len(fields)} fields, and 6 were expected")
    _, number, kind, height, width = map(int, fields[:5])
    reject = None
    if number == _IGNORED or kind != 2:
        reject = ("category", f"the class {kind} is no person.")
    code: dict[str, Any] = {"size": [height, width], "counts": fields[5]}
    box = None if reject else _extent(code, (width, height))
    return AnnotatedPerson(number, str(number), box, segmentation=code, reject=reject)


def _extent(code: dict[str, Any], size: tuple[int, int]) -> Box | None:
    """Return the box around a mask; None if it is empty."""
    mask = decode_counts(code, size)
    columns, rows = (np.flatnonzero(mask.any(axis=axis)) for axis in (0, 1))
    if not len(columns):
        return None
    left, top = int(columns[0]), int(rows[0])
    return left, top, int(columns[-1]) - left + 1, int(rows[-1]) - top + 1


@dataclass(frozen=True)
class TrackSequence(EngineScene):
    """A sequence: its text, and its video or its folder of pictures."""

    text: Path
    pictures: Path

    def read(self) -> Iterator[AnnotatedFrame]:
        """Yield the frames in order."""
        video = not self.pictures.is_dir()
        images = {} if video else _numbered_images(self.pictures)
        for number, rows in groupby(read_tracks(self.text), key=itemgetter(0)):
            name = images.get(number, f"{number:06d}.jpg")
            path = self.pictures if video else self.pictures / name
            yield AnnotatedFrame(
                path.relative_to(self.root).as_posix(),
                number,
                people=tuple(person for _, person in rows),
                scene=self.name,
                picture=number - 1 if video else None,
            )


def _numbered_images(folder: Path) -> dict[int, str]:
    matches = (_IMAGE.fullmatch(name) for name in names_in(folder))
    return {int(match[1]): match[0] for match in matches if match}


def find_scenes(folder: Path, options: FormOptions) -> list[EngineScene]:
    """Return the sequences below a folder. Raises FramesError if one has no pictures."""
    found: list[EngineScene] = []
    for text, sequence in _texts(folder):
        pictures = sequence / image_folder(sequence / "seqinfo.ini")
        if not pictures.is_dir():
            video = video_of_stem(sequence.parent, sequence.name) or video_of_stem(
                sequence, sequence.name
            )
            if video is None:
                raise FramesError(
                    f"{text.relative_to(folder)} has neither a folder {pictures.name}/ nor a video"
                    f" {sequence.name}.mp4."
                )
            pictures = video
        name = scene_name(sequence, folder)
        found.append(TrackSequence(name, folder, (text, pictures), text, pictures))
    return found


def image_folder(info: Path) -> str:
    """Return the name of the folder of pictures that seqinfo.ini gives, img1 without it."""
    try:
        match = re.search(r"^imDir\s*=\s*([\w.-]+)\s*$", info.read_text("utf-8-sig"), re.MULTILINE)
    except (OSError, UnicodeDecodeError):
        return "img1"
    return match[1] if match and not match[1].startswith(".") else "img1"


def _texts(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Yield each text of tracks, and the folder of its sequence, which need not exist."""
    for below in folders_below(folder, 3):
        if (below / "gt/gt.txt").is_file():
            yield below / "gt/gt.txt", below
        for name in names_in(below):
            if name.endswith(VIDEOS):
                text = (below / name).with_suffix(".txt")
                if text.is_file() and _fits(text):
                    yield text, text.with_suffix("")


def _fits(text: Path) -> bool:
    """Whether the first line of a text is a row of tracks."""
    try:
        with text.open(encoding="utf-8-sig") as file:
            line = file.readline(10_000).strip()
    except (OSError, UnicodeDecodeError):
        return False
    return _track(line, 1).reject is None or line.count(",") >= 6


def detect(folder: Path) -> str:
    """Return why a folder holds sequences of MOT; "" if it does not."""
    found = next(_texts(folder), None)
    return "" if found is None else f"{found[0].relative_to(folder)} is a text of tracks"


register_form(EngineForm("mot", "MOT text and MOTS", Scope.SEQUENCE, detect, find_scenes))
