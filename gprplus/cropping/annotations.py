"""Common form of all annotations: frames, and the persons in each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Box = tuple[float, float, float, float]  # left, top, width, height in pixels of the frame

# Reasons why an annotation is rejected, one word each, with a sentence for the table of rejects.
REASONS = {
    "line": "a line that cannot be read",
    "labels": "the annotations of the frame are missing or cannot be read",
    "category": "is no person by its category",
    "crowd": "a crowd in one annotation",
    "identity": "the identity is unknown",
    "value": "a value that cannot be",
    "box": "no box with an area inside the frame",
    "small": "smaller than the minimum size",
    "truncated": "cut by the frame's edge",
    "occluded": "too little of the person is seen",
    "frame": "the frame is missing, unreadable or of another size",
    "mask": "there is no mask to blank the background by",
}


@dataclass(frozen=True)
class AnnotatedPerson:
    """An annotated person in a frame.

    `number` distinguishes the boxes of a frame; `visible` and `truncated` are shares from 0 to 1 if
    the source gives them; `segmentation` is COCO's (polygons or a run-length code), `value` the
    value of the person in the instance mask of the frame, `masks` the paths of binary masks whose
    union is the person; `keypoints` are x, y, v in pixels of the frame. `levels` are values of
    declared attributes, `extra` all other keys of the source. `look` is the asset or clothing, which
    several identities may share; `viewpoint` in degrees (90 front, 180 right side, 270 back, 0 left
    side); `ground` the position (x, y) in metres and `heading` a unit vector in the same axes.
    `reject` is (reason, detail) if the source excludes the annotation.
    """

    number: int
    identity: str | None = None
    box: Box | None = None
    visible: float | None = None
    truncated: float | None = None
    segmentation: Any = None
    value: int | None = None
    masks: tuple[str, ...] = ()
    keypoints: tuple[float, ...] = ()
    look: str | None = None
    viewpoint: float | None = None
    ground: tuple[float, float] | None = None
    heading: tuple[float, float] | None = None
    levels: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    reject: tuple[str, str] | None = None


@dataclass(frozen=True)
class AnnotatedFrame:
    """A frame: its path below the folder of frames, its number, its size (width, height) if the
    source has it.

    `mask` is the path of its instance mask, as `path`; the persons are then read from it.
    `mask_form` is one of segmentation.MASK_FORMS: how its pixels become values. `known` maps values
    to persons (values of one number are parts of one person) or to None for what is no person; it
    is None if the value itself is the identity. `scene` and `camera` name the sequence or scene, and the sensor in it;
    `picture` is the position of the picture, from 0, if `path` is a video; `levels` are values of
    attributes that hold for all persons of the frame.
    """

    path: str
    number: int
    size: tuple[int, int] | None = None
    people: tuple[AnnotatedPerson, ...] = ()
    mask: str = ""
    mask_form: str = "value"
    known: Mapping[int, AnnotatedPerson | None] | None = None
    scene: str = ""
    camera: str | None = None
    picture: int | None = None
    levels: Mapping[str, Any] = field(default_factory=dict)

    def all_people(self) -> list[AnnotatedPerson]:
        """Return the persons of the frame, also those of its mask, once each."""
        known = {person.number: person for person in (self.known or {}).values() if person}
        return [*self.people, *known.values()]


@dataclass(frozen=True)
class RejectedAnnotation:
    """An annotation that became no crop."""

    frame: str
    number: int | None
    identity: str | None
    reason: str
    detail: str


@dataclass(frozen=True)
class AnnotationSet:
    """All annotations of a source: frames sorted by path, rejected annotations, and how the source
    was parsed.

    `about` is part of the record and of the request (it must contain the digests of the files);
    `points` are the names of the key points; `remarks` are sentences for the user.
    """

    frames: tuple[AnnotatedFrame, ...]
    about: dict[str, Any]
    rejected: tuple[RejectedAnnotation, ...] = ()
    points: tuple[str, ...] = ()
    skeleton: tuple[Any, ...] = ()
    remarks: tuple[str, ...] = ()

    def people(self) -> list[AnnotatedPerson]:
        """Yield every person that can become a crop, including those of a mask table."""
        found = [person for frame in self.frames for person in frame.people]
        tables = {id(frame.known): frame.known for frame in self.frames if frame.known is not None}
        known = [person for table in tables.values() for person in table.values()]
        return found + [person for person in known if person is not None]
