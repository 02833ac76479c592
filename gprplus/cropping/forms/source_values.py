"""Values that several native forms share: labels of persons, boxes by corners, shares, poses."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gprplus.core.errors import FramesError
from gprplus.core.files.json_files import load_json
from gprplus.cropping.annotations import AnnotatedPerson, Box
from gprplus.cropping.field_values import parse_number
from gprplus.cropping.geometry import (
    CameraPose,
    Plane,
    Vector,
    ground_distance,
    viewpoint_of,
)

PERSON_LABELS = frozenset(
    ("person", "persons", "people", "pedestrian", "human", "character", "walker")
)
LARGEST_JSON = 256 * 2**20  # bytes of a file for one frame, which is loaded whole


def is_person_label(label: Any) -> bool:
    """Return True if a class label names a person; Replicator joins several by commas.

    >>> is_person_label("person, cloth"), is_person_label("Character"), is_person_label("forklift")
    (True, True, False)
    """
    return isinstance(label, str) and not PERSON_LABELS.isdisjoint(
        re.split(r"[^a-z]+", label.lower())
    )


def box_of_corners(left: Any, top: Any, right: Any, bottom: Any) -> Box | None:
    """Return a box (left, top, width, height); None if a corner is no finite number.

    >>> box_of_corners(1, 2, 4, 8), box_of_corners(1, 2, None, 8)
    ((1.0, 2.0, 3.0, 6.0), None)
    """
    x1, y1, x2, y2 = map(parse_number, (left, top, right, bottom))
    if x1 is None or y1 is None or x2 is None or y2 is None:
        return None
    return x1, y1, x2 - x1, y2 - y1


def known_share(value: Any) -> float | None:
    """Return a share from 0 to 1; None for anything else (-1 and NaN mean unknown).

    >>> known_share(0.25), known_share(-1), known_share(float("nan"))
    (0.25, None, None)
    """
    number = parse_number(value)
    return number if number is not None and 0 <= number <= 1 else None


def area_share(part: Box | None, whole: Box | None) -> float | None:
    """Return the area of the visible box as a share of the whole box; None if either is unknown.

    >>> area_share((0, 0, 10, 10), (0, 0, 10, 20))
    0.5
    """
    if part is None or whole is None:
        return None
    areas = [max(box[2], 0) * max(box[3], 0) for box in (part, whole)]
    return min(areas[0] / areas[1], 1.0) if areas[1] else None


@dataclass(frozen=True)
class BodyPose:
    """Where a person is and looks, in right-handed axes with z up, in metres."""

    position: Vector
    heading: Plane | None

    def fields(self, camera: CameraPose | None) -> dict[str, Any]:
        """Return the fields of an AnnotatedPerson that follow from this pose and a camera."""
        found: dict[str, Any] = {"ground": self.position[:2], "heading": self.heading}
        if camera is not None:
            found["levels"] = pose_levels(ground_distance(self.position, camera.center))
            if self.heading is not None:
                found["viewpoint"] = viewpoint_of(self.heading, self.position, camera.center)
        return found


def pose_levels(distance_m: float | None) -> dict[str, Any]:
    """Return the level of the distance of a person, to a centimetre."""
    return {} if distance_m is None else {"distance_m": round(distance_m, 2)}


def camera_levels(camera: CameraPose | None) -> dict[str, Any]:
    """Return the levels of a frame that follow from the pose of its camera, to 0.1 degree."""
    pitch = None if camera is None else camera.pitch_deg
    return {} if pitch is None else {"camera_pitch_deg": round(pitch, 1)}


def whole_number(value: Any) -> int | None:
    """Return a whole number that may be written as a float or as text; None for anything else.

    >>> whole_number(3.0), whole_number("12"), whole_number(1.5), whole_number(float("nan"))
    (3, 12, None, None)
    """
    if isinstance(value, str):
        return int(value) if re.fullmatch(r"-?[0-9]{1,15}", value) else None
    number = parse_number(value)
    return None if number is None or not number.is_integer() else int(number)


def frame_json(path: Path, what: str) -> dict[str, Any]:
    """Return the JSON object of one frame. Raises FramesError if it is missing, too large or
    damaged."""
    value = frame_values(path, what)
    if not isinstance(value, dict):
        raise FramesError(f"{path.name} is no JSON object with {what} of the frame.")
    return value


def frame_values(path: Path, what: str) -> Any:
    """Return the JSON value of one frame, as `frame_json`."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise FramesError(f"There is no {path.name} with {what} of the frame.") from error
    if size > LARGEST_JSON:
        raise FramesError(f"{path.name} has {size:,} bytes; {what} of one frame were expected.")
    return load_json(path, FramesError, what, "Write the frame again.")


def prim_identity(path: str) -> str:
    """Return the path of a prim as an identity; names of prims hold no dash, so that it is unique.

    >>> prim_identity("/World/Characters/Character_01")
    'World-Characters-Character_01'
    """
    return path.strip("/").replace("/", "-")


def unread_frame(error: FramesError) -> AnnotatedPerson:
    """Return the rejected annotation for a frame whose annotations cannot be read."""
    return AnnotatedPerson(0, reject=("labels", str(error)))
