"""COCO-video, as trackers convert MOT: annotations/NAME.json with videos, images and tracks.

`mot_instance_id` is the id in a video; `instance_id` counts over the file and is used without it.
Pictures are below the folder of the JSON file's folder, or below a folder of it called train, val,
test or data.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gprplus.core.errors import FramesError
from gprplus.cropping.annotations import AnnotatedFrame, AnnotatedPerson
from gprplus.cropping.coco_tracks import TrackFile, TrackImage, head_of, row_person
from gprplus.cropping.field_values import is_id
from gprplus.cropping.forms.form import EngineForm, EngineScene, Scope, register_form
from gprplus.cropping.forms.source_files import (
    folders_below,
    is_there,
    names_in,
    scene_name,
    stream_items,
)
from gprplus.cropping.options import FormOptions

_PLACES = ("", "train", "val", "test", "data", "images")


@dataclass(frozen=True)
class VideoFile(EngineScene):
    """A file of several videos, and the folder that its paths are relative to."""

    path: Path
    pictures: Path

    def read(self) -> Iterator[AnnotatedFrame]:
        """Yield the frames in the order of the annotations."""
        tracks = TrackFile(self.path)
        videos = {
            item["id"]: str(item.get("name", item["id"]))
            for item in stream_items(self.path, "videos.item")
            if isinstance(item, dict) and is_id(item.get("id"))
        }
        for image, rows in tracks.annotated():
            people = tuple(
                row_person(
                    row, row.get("mot_instance_id", row.get("instance_id")), tracks.rejection(row)
                )
                for row in rows
            )
            yield self._frame(image, people, videos)

    def _frame(
        self, image: TrackImage | None, people: tuple[AnnotatedPerson, ...], videos: dict[Any, str]
    ) -> AnnotatedFrame:
        if image is None:
            return AnnotatedFrame(f"{self.path.name}: unknown image", 0, people=people)
        video = videos.get(image.video, Path(image.path).parent.as_posix())
        path = (self.pictures / image.path).relative_to(self.root).as_posix()
        return AnnotatedFrame(path, image.number or 0, people=people, scene=video)


def find_scenes(folder: Path, options: FormOptions) -> list[EngineScene]:
    """Return the files of tracks below a folder. Raises FramesError if pictures are missing."""
    found: list[EngineScene] = []
    for path in _files(folder):
        first = next(iter(stream_items(path, "images.item")), None)
        name = first.get("file_name") if isinstance(first, dict) else None
        if not isinstance(name, str):
            raise FramesError(f"{path.name} has no image with a file_name.")
        top = path.parent.parent if path.parent != folder else folder
        places = [top / place for place in (path.stem.split("_")[0], *_PLACES)]
        pictures = next((place for place in places if is_there(place / name)), None)
        if pictures is None:
            raise FramesError(
                f"{path.name} names the picture {name}, which is neither in {top} nor in"
                f" {' '.join(_PLACES[1:])} there."
            )
        own = scene_name(path.with_suffix(""), folder)
        found.append(VideoFile(own, folder, (path, pictures), path, pictures))
    return found


def _files(folder: Path) -> Iterator[Path]:
    for below in folders_below(folder, 2):
        for name in names_in(below):
            if name.endswith(".json"):
                head = head_of(below / name)
                if '"video_id"' in head and '"seq_name"' not in head:
                    yield below / name


def detect(folder: Path) -> str:
    """Return why a folder is COCO-video; "" if it is not."""
    found = next(_files(folder), None)
    return "" if found is None else f"{found.relative_to(folder)} has images with a video_id"


register_form(EngineForm("coco_video", "COCO-video of tracks", Scope.SEQUENCE, detect, find_scenes))
