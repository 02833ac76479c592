"""Worker of frame cropping: decodes each of its frames once, and writes crops and rows about them.

A shard is a run of frames. Its record is written after all of its files, so a shard with a record
is complete.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from gprplus.core.errors import FramesError
from gprplus.core.files.atomic import write_in_place
from gprplus.core.files.folders import remove_output
from gprplus.core.files.workdir import read_json, write_json
from gprplus.core.imaging import images
from gprplus.cropping.annotations import AnnotatedFrame, AnnotatedPerson
from gprplus.cropping.opened_frame import OpenedFrame, open_frame
from gprplus.cropping.segmentation import (
    translate_mask,
)
from gprplus.cropping.selection import (
    CropDecision,
    CropRules,
    Window,
    clip_box,
    decide_crop,
    visible_by_boxes,
    visible_by_masks,
)

PARTS = "_parts"


@dataclass(frozen=True)
class CropWriter:
    """Format of the crops: `extension` .jpg or .png, the JPEG quality, and whether masks are
    written."""

    extension: str = ".jpg"
    quality: int = 95
    masks: bool = False


class CropPaths(Protocol):
    """What names a crop."""

    def path(
        self, frame: AnnotatedFrame, person: AnnotatedPerson, identity: str, extension: str
    ) -> str:
        """Return the path of a crop below the output folder."""


@dataclass(frozen=True)
class FrameShard:
    """Frames of one shard, with all inputs of the worker."""

    number: int
    root: Path
    output: Path
    frames: tuple[AnnotatedFrame, ...]
    rules: CropRules
    naming: CropPaths
    writing: CropWriter
    folders: set[Path] = field(default_factory=set)  # that files were written into

    @property
    def record(self) -> Path:
        """Return the path of the rows of a finished shard."""
        return self.output / PARTS / f"{self.number:06d}.json"


def cut_shard(shard: FrameShard) -> int:
    """Write the crops of a shard and its record; a shard that is whole stays as it is. Returns its
    frames."""
    if not _whole(shard):
        remove_output(shard.record)
        crops: list[dict[str, Any]] = []
        rejected: list[dict[str, Any]] = []
        for frame in shard.frames:
            cut_frame(shard, frame, crops, rejected)
        write_json(shard.record, {"crops": crops, "rejected": rejected})
    return len(shard.frames)


def _whole(shard: FrameShard) -> bool:
    if not shard.record.is_file():
        return False
    rows = read_json(shard.record, FramesError, "a part of a finished cut")["crops"]
    return all((shard.output / row["file_name"]).is_file() for row in rows)


def cut_frame(
    shard: FrameShard,
    frame: AnnotatedFrame,
    crops: list[dict[str, Any]],
    rejected: list[dict[str, Any]],
    pixels: np.ndarray | None = None,
) -> None:
    """Write the crops of a frame, whose pixels are decoded unless given, and append their rows."""
    try:
        needed = shard.rules.blank is not None or shard.writing.masks
        opened = open_frame(shard.root, frame, masks=needed, pixels=pixels)
    except FramesError as error:
        rejected += rejected_frame(frame, str(error))
        return
    for i, person in enumerate(opened.people):
        try:
            row = _person(shard, frame, opened, i)
        except FramesError as error:
            row = _reject(frame, person, "mask", str(error))
        (rejected if "reason" in row else crops).append(row)


def rejected_frame(frame: AnnotatedFrame, why: str) -> list[dict[str, Any]]:
    """Return a row for each person of a frame that cannot be read; one if it has none."""
    lost = [_reject(frame, person, *(person.reject or ("frame", why))) for person in frame.people]
    return lost or [{**_reject(frame, AnnotatedPerson(0), "frame", why), "number": None}]


def _person(
    shard: FrameShard, frame: AnnotatedFrame, opened: OpenedFrame, number: int
) -> dict[str, Any]:
    """Write the crop of the person at a position, and return its row, or the row of a reject."""
    person = opened.people[number]
    if person.reject:
        return _reject(frame, person, *person.reject)
    identity = person.identity or ""
    visible, known_from = _visible(opened, number)
    verdict = decide_crop(
        shard.rules, person.box, opened.size, visible, known_from, person.truncated
    )
    if verdict.window is None:
        return _reject(frame, person, verdict.reason, verdict.detail)
    left, top, right, bottom = verdict.window
    crop = opened.pixels[top:bottom, left:right]
    path = shard.naming.path(frame, person, identity, shard.writing.extension)
    needed = shard.rules.blank is not None or shard.writing.masks
    mask = opened.mask(person, verdict.window) if needed else None
    if shard.rules.blank is not None:
        if mask is None or not mask.any():
            raise FramesError("there is no mask of the person to blank the background by.")
        crop = np.where(mask[:, :, None], crop, np.array(shard.rules.blank, np.uint8))
    _write(shard, path, crop, mask)
    return _row(frame, person, verdict, path, opened.size)


def _visible(opened: OpenedFrame, number: int) -> tuple[float, str]:
    """The visible share: as given, else by masks where all who meet the box have one, else by
    boxes."""
    person = opened.people[number]
    if person.visible is not None:
        return person.visible, "given"
    window = clip_box(person.box, opened.size) if person.box else None
    if person.box is None or window is None:
        return 0.0, "boxes"
    if opened.values is not None:
        part = opened.values[window[1] : window[3], window[0] : window[2]]
        return visible_by_masks(part == person.value, (part != person.value) & (part != 0)), "masks"
    others = _meeting(opened.boxes, number)
    own = opened.mask(person, window)
    if own is not None and opened.masks[0][others].all():
        return (
            visible_by_masks(own, opened.masks[1][window[1] : window[3], window[0] : window[2]]),
            "masks",
        )
    return visible_by_boxes(person.box, opened.boxes[others], opened.size), "boxes"


def _meeting(boxes: np.ndarray, number: int) -> np.ndarray:
    """Find the `(N, 4)` boxes that overlap the one at a position, except itself: `(N,) bool`."""
    x, y, width, height = boxes[number]
    left, top, right, bottom = (
        boxes[:, 0],
        boxes[:, 1],
        boxes[:, 0] + boxes[:, 2],
        boxes[:, 1] + boxes[:, 3],
    )
    found: np.ndarray = (x < right) & (left < x + width) & (y < bottom) & (top < y + height)
    found[number] = False
    return found


def _write(shard: FrameShard, path: str, crop: np.ndarray, mask: np.ndarray | None) -> None:
    data = (
        images.encode_jpeg(crop, shard.writing.quality)
        if shard.writing.extension == ".jpg"
        else encode_png(crop)
    )
    _save(shard, shard.output / path, data)
    if shard.writing.masks and mask is not None:
        _save(
            shard,
            (shard.output / "_masks" / path).with_suffix(".png"),
            encode_png(mask.astype(np.uint8) * 255),
        )


def _save(shard: FrameShard, path: Path, data: bytes) -> None:
    """Write a file of a shard, in place: without a record the shard is cut again.

    An atomic write took 0.3 ms, longer than encoding a crop.
    """
    write_in_place(path, data, shard.folders)


def encode_png(image: np.ndarray) -> bytes:
    """`(H, W, 3)` RGB or `(H, W)` grey, uint8, as the bytes of a PNG."""
    import cv2

    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR) if image.ndim == 3 else image
    done, data = cv2.imencode(".png", bgr)
    if not done:
        raise ValueError(f"an image of shape {image.shape} cannot be written as PNG")
    return data.tobytes()


def _reject(
    frame: AnnotatedFrame, person: AnnotatedPerson, reason: str, detail: str
) -> dict[str, Any]:
    return {
        "frame": frame.path,
        "number": person.number,
        "identity": person.identity,
        "reason": reason,
        "detail": detail,
    }


def _row(
    frame: AnnotatedFrame,
    person: AnnotatedPerson,
    verdict: CropDecision,
    path: str,
    size: tuple[int, int],
) -> dict[str, Any]:
    """Return one crop for the COCO file, without the ids: all coordinates in pixels of the crop."""
    assert verdict.window is not None
    assert person.box is not None
    left, top, right, bottom = verdict.window
    x, y, width, height = person.box
    row: dict[str, Any] = {
        "file_name": path,
        "width": right - left,
        "height": bottom - top,
        "frame": frame.path,
        "frame_number": frame.number,
        "window": [left, top, right, bottom],
        "number": person.number,
        "identity": person.identity,
        "levels": dict(person.levels),
        "bbox": [round(x - left, 3), round(y - top, 3), width, height],
        "visible": None if verdict.visible is None else round(verdict.visible, 4),
        "visible_from": verdict.visible_from,
        "extra": dict(person.extra),
    }
    for name in ("truncated", "look", "viewpoint", "heading"):
        if getattr(person, name) is not None:
            row[name] = getattr(person, name)
    if person.keypoints:
        row["keypoints"] = shift_keypoints(person.keypoints, verdict.window)
    segmentation = translate_mask(person.segmentation, verdict.window, size)
    if segmentation:
        row["segmentation"] = segmentation
    return row


def shift_keypoints(points: tuple[float, ...], window: Window) -> list[float]:
    """Key points (x, y, v) in pixels of the crop. Unlabelled ones (v = 0) stay 0, 0, 0; one outside
    the crop keeps its place and is at most labelled (v = 1), never visible (v = 2).

    >>> shift_keypoints((10.0, 20.0, 2.0, 0.0, 0.0, 0.0, 5.0, 20.0, 2.0), (8, 15, 20, 40))
    [2.0, 5.0, 2, 0, 0, 0, -3.0, 5.0, 1]
    """
    left, top, right, bottom = window
    found: list[float] = []
    for x, y, v in zip(points[::3], points[1::3], points[2::3], strict=True):
        outside = not (left <= x < right and top <= y < bottom)
        found += (
            [0, 0, 0]
            if v == 0
            else [round(x - left, 3), round(y - top, 3), min(int(v), 1) if outside else int(v)]
        )
    return found
