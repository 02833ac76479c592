"""COCO files of tracks, of any size: images are indexed, annotations read image by image."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from gprplus.core.errors import FramesError
from gprplus.core.files.safe_names import plain_path
from gprplus.cropping.annotations import AnnotatedPerson, Box
from gprplus.cropping.coco_reader import PERSONS
from gprplus.cropping.field_values import format_value, is_id, parse_number, segmentation_fault
from gprplus.cropping.forms.source_files import stream_items
from gprplus.cropping.forms.source_values import known_share

HEAD = 1 << 20  # characters of a file in which its form is looked for


def head_of(path: Path) -> str:
    """Return the first characters of a file; "" if it cannot be read."""
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            return file.read(HEAD)
    except OSError:
        return ""


@dataclass(frozen=True)
class TrackImage:
    """An image of a file: its path, its number or None, its video, and its other keys."""

    path: str
    number: int | None
    video: Any
    values: dict[str, Any]


class TrackFile:
    """A COCO file of tracks. Raises FramesError if it is damaged or lacks images."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.images = {image[0]: image[1] for image in self._images()}
        if not self.images:
            raise FramesError(f"{path.name} has no images.")
        self.persons = {
            item.get("id")
            for item in stream_items(path, "categories.item")
            if isinstance(item, dict)
            and is_id(item.get("id"))
            and str(item.get("name", "")).lower() in PERSONS
        }

    def _images(self) -> Iterator[tuple[Any, TrackImage]]:
        for item in stream_items(self.path, "images.item"):
            if not isinstance(item, dict) or not is_id(item.get("id")):
                raise FramesError(f"{self.path.name}: an image has no id.")
            name = plain_path(item.get("file_name"), f"{self.path.name}: file_name", FramesError)
            number = next(
                (item[key] for key in ("frame_n", "frame_id") if isinstance(item.get(key), int)),
                None,
            )
            kept = {key: item[key] for key in item if key not in ("id", "file_name")}
            video = item.get("video_id")
            yield item["id"], TrackImage(name, number, video if is_id(video) else None, kept)

    def annotated(self) -> Iterator[tuple[TrackImage | None, list[dict[str, Any]]]]:
        """Yield each image with its annotations, None for annotations of an unknown image.

        Images come in the order of their first annotation. Raises FramesError if the annotations of
        an image are not together.
        """
        done: set[Any] = set()
        rows = (row if isinstance(row, dict) else {} for row in self._annotations())
        for key, some in groupby(rows, lambda row: row.get("image_id")):
            key = key if is_id(key) else None
            if key in done and key is not None:
                raise FramesError(
                    f"{self.path.name}: the annotations of image {key} are in several places;"
                    " sort them by image_id."
                )
            done.add(key)
            yield self.images.get(key), list(some)

    def _annotations(self) -> Iterator[Any]:
        return stream_items(self.path, "annotations.item")

    def rejection(self, row: dict[str, Any]) -> tuple[str, str] | None:
        """Return why an annotation is no person."""
        if row.get("iscrowd"):
            return "crowd", "the annotation is a crowd or a distractor (iscrowd)."
        category = row.get("category_id")
        if self.persons and not (is_id(category) and category in self.persons):
            return "category", f"the category {format_value(category)} is no person."
        return None


def row_box(row: dict[str, Any]) -> Box | None:
    """Return the box of an annotation; None if it is none."""
    values = row.get("bbox")
    if not isinstance(values, list) or len(values) != 4:
        return None
    left, top, width, height = map(parse_number, values)
    if left is None or top is None or width is None or height is None:
        return None
    return left, top, width, height


def row_person(
    row: dict[str, Any], identity: Any, reject: tuple[str, str] | None, **fields: Any
) -> AnnotatedPerson:
    """Return the person of an annotation: number, identity, box and mask, and given fields."""
    known = isinstance(identity, int | str) and not isinstance(identity, bool) and identity != ""
    number = row.get("id")
    segmentation = row.get("segmentation")
    if reject is None and not known:
        reject = ("identity", "the annotation has no identity.")
    fields.setdefault("visible", known_share(row.get("visibility")))
    return AnnotatedPerson(
        number if isinstance(number, int) else 0,
        str(identity) if known else None,
        row_box(row),
        segmentation=None if segmentation_fault(segmentation) else segmentation,
        reject=reject,
        **fields,
    )
