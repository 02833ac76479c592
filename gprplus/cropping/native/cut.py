"""Worker that cuts one list of frames: each frame or video is decoded once, in order."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from gprplus.core.errors import FramesError
from gprplus.core.files.folders import remove_output
from gprplus.core.sampling import hash64
from gprplus.cropping.annotations import AnnotatedFrame, AnnotatedPerson
from gprplus.cropping.forms.form import scope_prefix
from gprplus.cropping.native.frame_lines import read_frames
from gprplus.cropping.native.row_files import key_of, rows_of, write_rows
from gprplus.cropping.native.video import VideoReader
from gprplus.cropping.selection import CropRules
from gprplus.cropping.worker import CropWriter, FrameShard, cut_frame, rejected_frame

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}", re.ASCII)


@dataclass(frozen=True)
class CutJob:
    """A list of frames to cut, and their number: the folder that their paths are relative to, the
    folder of the crops, and a key that changes with everything that decides the crops of the list.
    """

    frames: Path
    count: int
    root: Path
    output: Path
    key: str
    rules: CropRules
    writing: CropWriter

    @property
    def rows(self) -> Path:
        """Return the path of the rows about the crops."""
        return self.frames.with_suffix(".rows")


class NativePaths:
    """Paths of crops: SCENE/CAMERA/IDENTITY_fFRAME_bBOX, from safe names."""

    def path(
        self, frame: AnnotatedFrame, person: AnnotatedPerson, identity: str, extension: str
    ) -> str:
        """Return the path of a crop below the output folder."""
        folders = "/".join(safe_name(part) for part in (frame.camera or "").split("/"))
        own = identity.removeprefix(scope_prefix(frame.scene))
        return f"{folders}/{safe_name(own)}_f{frame.number:06d}_b{person.number}{extension}"


def safe_name(text: str) -> str:
    """Return text as part of a path: itself where it is safe, else a readable prefix and 8
    hexadecimal digits of its hash.

    >>> safe_name("Camera_01"), safe_name("World/Characters/Ann Lee")
    ('Camera_01', 'World-Characters-Ann-Lee-c3cbcd4c')
    """
    if _SAFE.fullmatch(text):
        return text
    readable = re.sub(r"[^A-Za-z0-9_.-]+", "-", text).strip("-._")[-40:].lstrip("-._")
    return f"{readable or 'x'}-{hash64(text) >> 32:08x}"


def cut_list(job: CutJob) -> int:
    """Write the crops of a list and its rows; a list that is whole stays as it is. Returns its
    number of frames."""
    if key_of(job.rows) == job.key and all(
        (job.output / row["path"]).is_file() for row in rows_of(job.rows, "crop")
    ):
        return job.count
    remove_output(job.rows)
    shard = FrameShard(0, job.root, job.output, (), job.rules, NativePaths(), job.writing)
    with write_rows(job.rows, job.key) as add:
        for frame, pixels, why in _opened(job):
            crops: list[dict[str, Any]] = []
            rejected = rejected_frame(frame, why) if why else []
            if not why:
                cut_frame(shard, frame, crops, rejected, pixels)
            for row in crops:
                add("crop", _crop(frame, row))
            for row in rejected:
                add("reject", {**row, "frame_number": frame.number})
    return job.count


def _opened(job: CutJob) -> Iterator[tuple[AnnotatedFrame, np.ndarray | None, str]]:
    """Yield frames with their pixels, if they are of a video, and why these are missing."""
    for path, frames in groupby(read_frames(job.frames), lambda frame: frame.path):
        with VideoReader(job.root / path) as video:
            for frame in frames:
                yield frame, *_picture(video, frame)


def _picture(video: VideoReader, frame: AnnotatedFrame) -> tuple[np.ndarray | None, str]:
    if frame.picture is None:
        return None, ""
    try:
        pixels = video.picture(frame.picture)
    except FramesError as error:
        return None, str(error)
    missing = f"{frame.path} has no picture {frame.picture} (counted from 0) that decodes."
    return pixels, missing if pixels is None else ""


def _crop(frame: AnnotatedFrame, row: dict[str, Any]) -> dict[str, Any]:
    """Return the row about a crop, with the levels of its frame and its person."""
    levels = {**frame.levels, **row["levels"]}
    if "look" in row:
        levels.setdefault("look", row["look"])
    found: dict[str, Any] = {
        "path": row["file_name"],
        "identity": row["identity"],
        "camera": frame.camera,
        "scene": frame.scene,
        "frame": frame.number,
        "source": frame.path,
        "number": row["number"],
        "window": row["window"],
        "visible": row["visible"],
        "visible_from": row["visible_from"],
        "levels": levels,
    }
    found |= {name: row[name] for name in ("truncated", "viewpoint", "keypoints") if name in row}
    if "heading" in row:
        found["by_heading"] = True
    return found
