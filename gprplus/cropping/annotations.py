"""What every kind of annotation comes to: frames, and the persons in each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Box = tuple[float, float, float, float]  # left, top, width, height in pixels of the frame

# Why an annotation became no crop, one word each; the table of rejects has a sentence beside it.
REASONS = {
    "line": "a line that cannot be read",
    "category": "is no person by its category",
    "crowd": "a crowd in one annotation",
    "identity": "nobody says who it is",
    "value": "a value that cannot be",
    "box": "no box with an area inside the frame",
    "small": "smaller than asked for",
    "truncated": "cut by the frame's edge",
    "occluded": "too little of the person is seen",
    "frame": "the frame is missing, unreadable or of another size",
    "mask": "there is no mask to blank the background by",
}


@dataclass(frozen=True)
class AnnotatedIdentity:
    """One annotated person in one frame.

    `number` tells the boxes of a frame apart; `visible` and `truncated` are shares from 0 to 1 where the source gives
    them; `segmentation` is COCO's (polygons or a run-length code), `value` the person's value in the frame's instance
    mask; `keypoints` are x, y, v in pixels of the frame. `levels` are values of declared attributes, `extra` is all
    else that the source says. `reject` is (reason, detail) where the source itself rules the annotation out.
    """

    number: int
    identity: str | None = None
    box: Box | None = None
    visible: float | None = None
    truncated: float | None = None
    segmentation: Any = None
    value: int | None = None
    keypoints: tuple[float, ...] = ()
    levels: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    reject: tuple[str, str] | None = None


@dataclass(frozen=True)
class AnnotatedFrame:
    """One frame: its path below the frames' folder, its number, its size (width, height) where the source says it.

    `mask` is the path of its instance mask; the persons are then found in it. `known` says who a value of the mask is;
    None where the value itself is the identity.
    """

    path: str
    number: int
    size: tuple[int, int] | None = None
    people: tuple[AnnotatedIdentity, ...] = ()
    mask: str = ""
    known: Mapping[int, AnnotatedIdentity] | None = None


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
    """Everything that was read: frames sorted by path, what is already ruled out, and how it was understood.

    `about` goes into the record and into the request (it must hold the digests of what was read); `points` are the
    names of the key points; `remarks` are sentences for the user.
    """

    frames: tuple[AnnotatedFrame, ...]
    about: dict[str, Any]
    rejected: tuple[RejectedAnnotation, ...] = ()
    points: tuple[str, ...] = ()
    skeleton: tuple[Any, ...] = ()
    remarks: tuple[str, ...] = ()

    def people(self) -> list[AnnotatedIdentity]:
        """Every person that may become a crop, those that a table of masks knows included."""
        found = [person for frame in self.frames for person in frame.people]
        tables = {id(frame.known): frame.known for frame in self.frames if frame.known is not None}
        return found + [person for table in tables.values() for person in table.values()]
