"""Viewpoint, distance and camera pitch from the poses that engines report.

World vectors are first converted to right-handed axes with z up (`to_z_up`). There, azimuths grow
counter-clockwise seen from above, and one formula holds for all engines: with the heading f of a
person and the direction c from the person to the camera, both horizontal,

    viewpoint = 90 + azimuth(f) - azimuth(c)    (degrees, modulo 360)

so that 90 is the front, 180 the right side, 270 the back and 0 the left side. In left-handed axes
(Unreal, CARLA: x forward, y right, z up; Unity: x right, y up, z forward) azimuths grow clockwise,
which is the same formula with both signs changed. Lengths are in metres. Values that are missing,
not finite or without a direction give None, never an error.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

Vector = tuple[float, float, float]
Plane = tuple[float, float]  # x and y on the ground, in right-handed axes with z up

_ORIGIN = (0.0, 0.0, 0.0)
_TINY = 1e-9  # shorter vectors have no direction
_RIGID = 0.02  # difference of a rotation matrix times its transpose from the identity matrix


class Axes(Enum):
    """Axes of a world: the axis that points up, and whether they are right-handed."""

    Z_UP = "right-handed, z up (Isaac Sim, GTA V, Blender)"
    Z_UP_LEFT = "left-handed, z up (Unreal, CARLA)"
    Y_UP = "right-handed, y up (a USD stage with y up)"
    Y_UP_LEFT = "left-handed, y up (Unity)"


@dataclass(frozen=True)
class CameraPose:
    """The center of a camera and the direction of its optical axis, right-handed with z up."""

    center: Vector
    forward: Vector

    @property
    def pitch_deg(self) -> float | None:
        """The angle of the optical axis above the horizontal in degrees; negative looks down.

        >>> round(CameraPose((0, 0, 3), (0.0, 1.0, -1.0)).pitch_deg, 6)
        -45.0
        """
        length = math.hypot(*self.forward)
        if not _TINY < length < math.inf:
            return None
        return math.degrees(math.asin(max(-1.0, min(1.0, self.forward[2] / length))))


def to_z_up(vector: Sequence[float], axes: Axes) -> Vector:
    """Convert a vector or a position to right-handed axes with z up.

    >>> to_z_up((1, 2, 3), Axes.Z_UP_LEFT), to_z_up((1, 2, 3), Axes.Y_UP_LEFT)
    ((1, -2, 3), (1, 3, 2))
    """
    x, y, z = vector
    if axes is Axes.Z_UP:
        return x, y, z
    if axes is Axes.Z_UP_LEFT:
        return x, -y, z
    return (x, -z, y) if axes is Axes.Y_UP else (x, z, y)


def heading_of_yaw(yaw_deg: float, axes: Axes, zero: Vector = (1.0, 0.0, 0.0)) -> Plane:
    """Return the heading of a body of a given yaw, as a unit vector on the ground.

    `zero` is the heading at yaw 0 in the axes of the engine; yaw turns about the axis that points
    up, in the positive sense of the axes (x to y; with y up z to x), as engines define it.

    >>> [round(value, 9) for value in heading_of_yaw(90, Axes.Z_UP_LEFT)]  # CARLA: to the right
    [0.0, -1.0]
    """
    start = to_z_up(zero, axes)
    # The positive sense is counter-clockwise from above in right-handed axes, else clockwise.
    turn = math.radians(-yaw_deg if axes in (Axes.Z_UP_LEFT, Axes.Y_UP_LEFT) else yaw_deg)
    cosine, sine = math.cos(turn), math.sin(turn)
    return start[0] * cosine - start[1] * sine, start[0] * sine + start[1] * cosine


def unit_heading(vector: Sequence[float]) -> Plane | None:
    """Return the horizontal part of a vector in z-up axes as a unit vector; None if it has none.

    >>> unit_heading((0.0, 2.0, 5.0)), unit_heading((0.0, 0.0, 1.0))
    ((0.0, 1.0), None)
    """
    length = math.hypot(vector[0], vector[1])
    if not _TINY < length < math.inf:
        return None
    return vector[0] / length, vector[1] / length


def viewpoint_of(heading: Plane, person: Sequence[float], camera: Sequence[float]) -> float | None:
    """Return the viewpoint in degrees, 0 <= viewpoint < 360, of a person seen by a camera.

    Args:
        heading: direction on the ground in which the body faces, of any length.
        person: position of the person in metres, (x, y) or (x, y, z), right-handed with z up.
        camera: center of the camera in the same axes.

    >>> viewpoint_of((1, 0), (0, 0), (5, 0)), viewpoint_of((1, 0), (0, 0), (0, -5))  # front, right
    (90.0, 180.0)
    """
    return _viewpoint(heading, (camera[0] - person[0], camera[1] - person[1]))


def _viewpoint(heading: Plane, to_camera: Plane) -> float | None:
    for vector in (heading, to_camera):
        if not _TINY < math.hypot(*vector) < math.inf:
            return None
    turn = math.atan2(heading[1], heading[0]) - math.atan2(to_camera[1], to_camera[0])
    return wrap_degrees(90 + math.degrees(turn))


def wrap_degrees(angle: float) -> float:
    """Return an angle in degrees as 0 <= angle < 360.

    >>> wrap_degrees(-90.0), wrap_degrees(-1e-20), wrap_degrees(720.0)
    (270.0, 0.0, 0.0)
    """
    wrapped = angle % 360
    return 0.0 if wrapped >= 360 else wrapped  # rounding lifts a tiny negative angle to 360


def ground_distance(person: Sequence[float], camera: Sequence[float]) -> float | None:
    """Return the horizontal distance of a person from a camera in metres.

    It is the same whether a source reports the feet, the pelvis or the center of the body.

    >>> ground_distance((0, 0, 0), (3, 4, 12))
    5.0
    """
    distance = math.hypot(camera[0] - person[0], camera[1] - person[1])
    return distance if math.isfinite(distance) else None


def extrinsic_camera(matrix: Any, axes: Axes = Axes.Z_UP) -> CameraPose | None:
    """Return the pose of a camera from its world-to-camera matrix [R|t], 3x4 or 4x4.

    Columns are multiplied from the right, camera axes are x right, y down, z forward (OpenCV). The
    center is -R't, the optical axis the third row of R. None if R is no rotation.

    >>> extrinsic_camera([[1, 0, 0, 0], [0, 0, -1, 2], [0, 1, 0, 5]])
    CameraPose(center=(0.0, -5.0, 2.0), forward=(0.0, 1.0, 0.0))
    """
    rows = matrix_rows(matrix, 3, 4) or matrix_rows(matrix, 4, 4)
    if rows is None:
        return None
    rotation = [row[:3] for row in rows[:3]]
    if not _is_rotation(rotation):
        return None
    shift = [row[3] for row in rows[:3]]
    center = _combined(rotation, _minus(_ORIGIN, shift))
    return CameraPose(to_z_up(center, axes), to_z_up(rotation[2], axes))


def view_camera(matrix: Any, axes: Axes = Axes.Z_UP) -> CameraPose | None:
    """Return the pose of a camera from a world-to-camera matrix for row vectors (Omniverse, USD).

    16 numbers row by row, or 4 rows of 4; the translation is the last row, camera axes are x right,
    y up, -z forward (`cameraViewTransform` of Replicator). None if it holds no rotation.

    >>> view_camera([1, 0, 0, 0, 0, 0, -1, 0, 0, 1, 0, 0, 0, -2, -5, 1])
    CameraPose(center=(0.0, -5.0, 2.0), forward=(0.0, 1.0, 0.0))
    """
    rows = matrix_rows(matrix, 4, 4)
    if rows is None:
        return None
    columns = [[row[i] for row in rows[:3]] for i in range(3)]
    if not _is_rotation(columns):
        return None
    center = _combined(columns, _minus(_ORIGIN, rows[3]))
    return CameraPose(to_z_up(center, axes), to_z_up(_minus(_ORIGIN, columns[2]), axes))


def row_vector_pose(
    matrix: Any, axes: Axes = Axes.Z_UP, front: Vector = (0.0, -1.0, 0.0)
) -> tuple[Vector, Plane | None] | None:
    """Return position and heading of an object from its local-to-world matrix for row vectors.

    The translation is the last row; `front` is the front of the body in local axes (-y for the
    people of Isaac Sim). A scale is allowed. None if the matrix is no 4x4 matrix of numbers.

    >>> row_vector_pose([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [1, 2, 0, 1]])
    ((1.0, 2.0, 0.0), (0.0, -1.0))
    """
    rows = matrix_rows(matrix, 4, 4)
    if rows is None:
        return None
    position = to_z_up(rows[3][:3], axes)
    return position, unit_heading(to_z_up(_combined(rows[:3], front), axes))


def rotate_by_quaternion(quaternion: Sequence[float], vector: Sequence[float]) -> Vector | None:
    """Rotate a vector by a quaternion x, y, z, w (the order of Unity); None if that has no length.

    The formula is the same in left-handed and right-handed axes.

    >>> rotate_by_quaternion((0, 1, 0, 1), (0.0, 0.0, 1.0))  # by 90 degrees about y: z to x
    (1.0, 0.0, 0.0)
    """
    x, y, z, w = quaternion
    norm = x * x + y * y + z * z + w * w
    if not _TINY < norm < math.inf:
        return None
    axis = (x, y, z)
    twice = [2 / norm * value for value in cross(axis, vector)]
    inner = cross(axis, twice)
    turned = [v + w * t + i for v, t, i in zip(vector, twice, inner, strict=True)]
    return turned[0], turned[1], turned[2]


def quaternion_camera(
    position: Sequence[float], quaternion: Sequence[float], axes: Axes = Axes.Y_UP_LEFT
) -> CameraPose | None:
    """Return the pose of a camera that looks along its local z axis (Unity)."""
    forward = rotate_by_quaternion(quaternion, (0.0, 0.0, 1.0))
    if forward is None:
        return None
    return CameraPose(to_z_up(position, axes), to_z_up(forward, axes))


def camera_of_angles(
    position: Sequence[float], yaw_deg: float, pitch_deg: float, axes: Axes = Axes.Z_UP_LEFT
) -> CameraPose:
    """Return the pose of a camera from yaw and pitch: at 0 along x, positive pitch looks up
    (Unreal, CARLA, BEDLAM). Roll does not change the optical axis."""
    x, y = heading_of_yaw(yaw_deg, axes)
    level, rise = math.cos(math.radians(pitch_deg)), math.sin(math.radians(pitch_deg))
    return CameraPose(to_z_up(position, axes), (x * level, y * level, rise))


def viewpoint_of_level_joints(
    left_shoulder: Sequence[float], right_shoulder: Sequence[float], person: Sequence[float]
) -> float | None:
    """Return the viewpoint from joints in camera coordinates (x right, z forward) of a level
    camera.

    The error is below 1 degree up to 14 degrees of tilt, for persons within 10 degrees of the axis.

    >>> viewpoint_of_level_joints((0.2, 0, 5.0), (-0.2, 0, 5.0), (0, 0, 5.0))  # faces the camera
    90.0
    """
    # Seen from above with x to the right and z up the page, azimuths grow counter-clockwise; the
    # front is the direction to the right shoulder, turned counter-clockwise by 90 degrees.
    right = right_shoulder[0] - left_shoulder[0], right_shoulder[2] - left_shoulder[2]
    return _viewpoint((-right[1], right[0]), (-person[0], -person[2]))


@dataclass(frozen=True)
class TrunkJoints:
    """Joints of a trunk in camera coordinates (x right, z forward) in metres."""

    left_shoulder: Vector
    right_shoulder: Vector
    neck: Vector
    pelvis: Vector
    y_down: bool = True

    def viewpoint(self) -> float | None:
        """Return the viewpoint for any tilt of the camera: exact if the trunk is upright.

        With up = neck - pelvis, r = right - left shoulder and c = -pelvis, r and c made orthogonal
        to up, and the front f = up x r (y down) or r x up (y up), it is 90 + atan2(c.r, c.f).
        """
        up = _unit(_minus(self.neck, self.pelvis))
        if up is None:
            return None
        right = _unit(_orthogonal(_minus(self.right_shoulder, self.left_shoulder), up))
        to_camera = _unit(_orthogonal(_minus(_ORIGIN, self.pelvis), up))
        if right is None or to_camera is None:
            return None
        front = cross(up, right) if self.y_down else cross(right, up)
        turn = math.atan2(dot(to_camera, right), dot(to_camera, front))
        return wrap_degrees(90 + math.degrees(turn))

    def distance(self) -> float | None:
        """Return the distance of the pelvis from the camera at right angles to the trunk."""
        up = _unit(_minus(self.neck, self.pelvis))
        return None if up is None else math.hypot(*_orthogonal(self.pelvis, up))


def cross(a: Sequence[float], b: Sequence[float]) -> Vector:
    """Return the cross product of two vectors.

    >>> cross((1, 0, 0), (0, 1, 0))
    (0, 0, 1)
    """
    return (
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    )


def dot(a: Sequence[float], b: Sequence[float]) -> float:
    """Return the scalar product of two vectors."""
    return sum(x * y for x, y in zip(a, b, strict=True))


def _minus(a: Sequence[float], b: Sequence[float]) -> Vector:
    return a[0] - b[0], a[1] - b[1], a[2] - b[2]


def _orthogonal(vector: Vector, axis: Vector) -> Vector:
    along = dot(vector, axis)
    return _minus(vector, [along * value for value in axis])


def _unit(vector: Vector) -> Vector | None:
    length = math.hypot(*vector)
    if not _TINY < length < math.inf:
        return None
    return vector[0] / length, vector[1] / length, vector[2] / length


def matrix_rows(values: Any, height: int, width: int) -> list[list[float]] | None:
    """Return finite numbers given row by row or as a list of rows; None if they are no such matrix.

    >>> matrix_rows([1, 2, 3, 4], 2, 2), matrix_rows([[1, 2], [3]], 2, 2)
    ([[1.0, 2.0], [3.0, 4.0]], None)
    """
    if not isinstance(values, list | tuple):
        return None
    if len(values) == height * width and not isinstance(values[0], list | tuple):
        values = [values[start : start + width] for start in range(0, len(values), width)]
    if len(values) != height:
        return None
    rows = [finite_vector(row, width) for row in values]
    known = [list(row) for row in rows if row is not None]
    return known if len(known) == height else None


def finite_vector(values: Any, size: int) -> tuple[float, ...] | None:
    """Return a list of `size` finite numbers as floats; None for anything else.

    >>> finite_vector([1, 2.5], 2), finite_vector([1, float("nan")], 2), finite_vector("ab", 2)
    ((1.0, 2.5), None, None)
    """
    if not isinstance(values, list | tuple) or len(values) != size:
        return None
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        if not abs(value) < 1e12:  # also for NaN
            return None
    return tuple(map(float, values))


def _is_rotation(rows: Sequence[Sequence[float]]) -> bool:
    """Return True if three vectors are of unit length and orthogonal to each other."""
    for i in range(3):
        for j in range(i, 3):
            if abs(dot(rows[i], rows[j]) - (i == j)) > _RIGID:
                return False
    return True


def _combined(rows: Sequence[Sequence[float]], weights: Sequence[float]) -> Vector:
    """Return the sum of three rows, each times its weight."""
    x, y, z = (dot([row[i] for row in rows], weights) for i in range(3))
    return x, y, z
