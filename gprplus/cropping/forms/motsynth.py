"""MOTSynth (GTA V): annotations/NNN.json of one sequence each, or one file of several sequences.

`ped_id` is unique for a sequence. The authors' identity for re-identification, on request, is the
look: model_id and eight of the entries of `attributes`. Weather and time are in `info`, or, in files
of several sequences, in `info[sequence]` or in the images. There is no visible share: the share of
key points with the flag 2 is used. Videos have two pictures before those that were extracted.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from gprplus.core.errors import FramesError
from gprplus.core.files.safe_names import plain_name
from gprplus.cropping.annotations import AnnotatedFrame, AnnotatedPerson
from gprplus.cropping.coco_tracks import TrackFile, TrackImage, head_of, row_person
from gprplus.cropping.forms.form import EngineForm, EngineScene, Scope, register_form
from gprplus.cropping.forms.jta import trunk_of
from gprplus.cropping.forms.source_files import (
    folders_below,
    is_there,
    names_in,
    scene_name,
    stream_items,
    video_of_stem,
)
from gprplus.cropping.forms.source_values import pose_levels
from gprplus.cropping.geometry import finite_vector
from gprplus.cropping.options import FormOptions

LOOK = (0, 2, 3, 4, 7, 8, 9, 10)  # entries of `attributes`
LOST = 2  # pictures of a video before the first that was extracted
FOLDERS = ("annotations", "mot_annotations", "comb_annotations")


def look_of(row: Mapping[str, Any]) -> str | None:
    """Return model and clothing of an annotation as text; None if they are not given.

    >>> look_of({"model_id": 31, "attributes": [0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 5]})
    '31-0-2-0-0-0-0-0-5'
    """
    model, parts = row.get("model_id"), row.get("attributes")
    if model is None or not isinstance(parts, list) or len(parts) <= max(LOOK):
        return None
    return "-".join(str(value) for value in (model, *(parts[i] for i in LOOK)))


def person_of(
    row: dict[str, Any], by_look: bool, reject: tuple[str, str] | None
) -> AnnotatedPerson:
    """Return the person of an annotation."""
    flags = row.get("keypoints")
    visible = None
    if isinstance(flags, list) and len(flags) >= 3:
        visible = sum(flag == 2 for flag in flags[2::3]) / len(flags[2::3])
    trunk = trunk_of(_joints(row.get("keypoints_3d")))
    look = look_of(row)
    return row_person(
        row,
        look if by_look else row.get("ped_id"),
        reject,
        visible=visible,
        look=look,
        viewpoint=None if trunk is None else trunk.viewpoint(),
        levels={} if trunk is None else pose_levels(trunk.distance()),
    )


def _joints(values: Any) -> dict[int, Any]:
    """Return the places of joints in camera coordinates by number."""
    found = {}
    if isinstance(values, list) and len(values) % 4 == 0:
        for joint in range(len(values) // 4):
            place = finite_vector(values[4 * joint : 4 * joint + 3], 3)
            if place is not None:
                found[joint] = place
    return found


@dataclass(frozen=True)
class MotSynthFile(EngineScene):
    """A file of annotations; `by_look` takes looks for identities."""

    path: Path
    top: Path
    by_look: bool

    def read(self) -> Iterator[AnnotatedFrame]:
        """Yield the frames in the order of the annotations."""
        tracks = TrackFile(self.path)
        info = next(iter(stream_items(self.path, "info")), None)
        info = info if isinstance(info, dict) else {}
        videos: dict[str, Path | None] = {}
        for image, rows in tracks.annotated():
            people = tuple(person_of(row, self.by_look, tracks.rejection(row)) for row in rows)
            if image is None:
                yield AnnotatedFrame(f"{self.path.name}: unknown image", 0, people=people)
                continue
            sequence = sequence_of(image, info)
            if sequence not in videos:
                videos[sequence] = find_video(self.top, image, sequence)
            yield self._frame(image, people, sequence, info, videos[sequence])

    def _frame(
        self,
        image: TrackImage,
        people: tuple[AnnotatedPerson, ...],
        sequence: str,
        info: Mapping[str, Any],
        video: Path | None,
    ) -> AnnotatedFrame:
        number = PurePosixPath(image.path).stem[-15:]
        place = self.top / image.path if video is None else video
        return AnnotatedFrame(
            place.relative_to(self.root).as_posix(),
            image.number if image.number is not None else int(number) if number.isdecimal() else 0,
            people=people,
            scene=sequence,
            picture=int(number) + LOST if video is not None and number.isdecimal() else None,
            levels=frame_levels(image, info, sequence),
        )


def sequence_of(image: TrackImage, info: Mapping[str, Any]) -> str:
    """Return the name of the sequence of an image: frames/NNN/rgb/0000.jpg, else that of the file."""
    parts = PurePosixPath(image.path).parts
    if len(parts) >= 3 and parts[-2] == "rgb":
        return parts[-3]
    try:
        return plain_name(info.get("seq_name"), "seq_name", FramesError)
    except FramesError:
        return PurePosixPath(image.path).parent.name or "sequence"


def frame_levels(image: TrackImage, info: Mapping[str, Any], sequence: str) -> dict[str, Any]:
    """Return weather, hour and camera pitch of an image, as the source has them."""
    own = info.get(sequence)
    places = (image.values, own if isinstance(own, dict) else {}, info)

    def first(key: str) -> Any:
        values = (place.get(key) for place in places)
        return next((value for value in values if isinstance(value, str | int)), None)

    found = {"weather": first("weather"), "illumination": first("time")}
    rotation = finite_vector(image.values.get("cam_world_rot"), 3)
    if rotation is not None:
        found["camera_pitch_deg"] = round(rotation[0], 1)
    return {name: value for name, value in found.items() if value is not None}


def find_video(top: Path, image: TrackImage, sequence: str) -> Path | None:
    """Return the video of a sequence if its pictures are not there."""
    if is_there(top / image.path):
        return None
    folders = (top, *(top / name for name in names_in(top) if (top / name).is_dir()))
    found = (video_of_stem(folder, sequence) for folder in folders)
    return next((path for path in found if path is not None), None)


def find_scenes(folder: Path, options: FormOptions) -> list[EngineScene]:
    """Return the files of annotations below a folder."""
    found: list[EngineScene] = []
    for path in _files(folder):
        top = path.parent.parent if path.parent.name in FOLDERS else path.parent
        top = top if top.is_relative_to(folder) else folder
        pictures = [top / name for name in ("frames", "videos") if (top / name).is_dir()]
        name = path.stem
        if len({file.stem for file in _files(folder)}) < len(list(_files(folder))):
            name = scene_name(path.with_suffix(""), folder)
        places = [place / name for place in pictures if (place / name).exists()] or pictures
        found.append(
            MotSynthFile(name, folder, (path, *places), path, top, options.identity == "look")
        )
    if not found:
        raise FramesError(f"{folder} has no file of annotations of MOTSynth.")
    return found


def _files(folder: Path) -> Iterator[Path]:
    for below in folders_below(folder, 2):
        for name in names_in(below):
            if name.endswith(".json") and '"seq_name"' in head_of(below / name):
                yield below / name


def detect(folder: Path) -> str:
    """Return why a folder is MOTSynth; "" if it is not."""
    found = next(_files(folder), None)
    return "" if found is None else f"{found.relative_to(folder)} has a seq_name"


register_form(
    EngineForm("motsynth", "MOTSynth (GTA V)", Scope.SEQUENCE, detect, find_scenes, ("id", "look"))
)
