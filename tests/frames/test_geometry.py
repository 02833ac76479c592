"""Viewpoint, distance and pitch: hand-worked cases, and a simulated scene in every convention.

The oracle places a person and a camera in a right-handed world with z up, and projects the
direction to the camera on the front and the right axis of the body. Engine values are made from the
scene with scipy and numpy, never with the functions under test.
"""

import math
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from gprplus.cropping.geometry import (
    Axes,
    TrunkJoints,
    camera_of_angles,
    extrinsic_camera,
    ground_distance,
    heading_of_yaw,
    quaternion_camera,
    rotate_by_quaternion,
    row_vector_pose,
    to_z_up,
    unit_heading,
    view_camera,
    viewpoint_of,
    viewpoint_of_level_joints,
    wrap_degrees,
)

UP = np.array([0.0, 0.0, 1.0])


def spin(degrees: float) -> np.ndarray:
    """Rotation about z, counter-clockwise from above."""
    return Rotation.from_euler("z", degrees, degrees=True).as_matrix()


@dataclass(frozen=True)
class Scene:
    """An upright body and a camera; angles in degrees, counter-clockwise from x, pitch up."""

    person: np.ndarray
    heading_deg: float
    camera: np.ndarray
    azimuth_deg: float
    pitch_deg: float

    @property
    def front(self) -> np.ndarray:
        return spin(self.heading_deg) @ [1, 0, 0]

    @property
    def right(self) -> np.ndarray:
        return spin(self.heading_deg) @ [0, -1, 0]

    @property
    def forward(self) -> np.ndarray:
        """The optical axis."""
        tilt = Rotation.from_euler("y", -self.pitch_deg, degrees=True).as_matrix()
        return spin(self.azimuth_deg) @ tilt @ [1, 0, 0]

    @property
    def camera_axes(self) -> np.ndarray:
        """Rows: right, down and forward of the camera."""
        right = spin(self.azimuth_deg) @ [0, -1, 0]
        return np.stack([right, np.cross(self.forward, right), self.forward])

    @property
    def viewpoint(self) -> float:
        there = self.camera - self.person
        return (90 + math.degrees(math.atan2(there @ self.right, there @ self.front))) % 360

    @property
    def distance(self) -> float:
        return float(np.linalg.norm((self.camera - self.person)[:2]))

    def seen(self, point: np.ndarray) -> np.ndarray:
        """A world point in camera coordinates, x right, y down, z forward."""
        return self.camera_axes @ (point - self.camera)


def differ(a: float | None, b: float) -> float:
    """The difference of two angles, 0 to 180."""
    assert a is not None
    return abs((a - b + 180) % 360 - 180)


angles = st.floats(-360, 360)
places = st.floats(-20, 20)


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    person = np.array([draw(places), draw(places), draw(st.floats(0, 2))])
    camera = np.array([draw(places), draw(places), draw(st.floats(0, 6))])
    assume(np.linalg.norm((camera - person)[:2]) > 0.1)
    return Scene(person, draw(angles), camera, draw(angles), draw(st.floats(-80, 80)))


# The camera is south of a person at the origin.
@pytest.mark.parametrize(
    ("heading", "expected"),
    [((0, -1), 90), ((1, 0), 180), ((0, 1), 270), ((-1, 0), 0), ((1, -1), 135)],
)
def test_front_right_back_and_left_are_90_180_270_and_0(heading, expected) -> None:
    """Heading east with the camera in the south, the right side is seen."""
    assert viewpoint_of(heading, (0, 0), (0, -7)) == pytest.approx(expected)


def test_the_left_handed_formula_is_the_same_with_both_signs_changed() -> None:
    """CARLA: body yaw 30, camera at x 3, y 3 of the body: az(c) = 45, so 90 + 45 - 30 = 105."""
    camera = to_z_up((3, 3, 2), Axes.Z_UP_LEFT)
    heading = heading_of_yaw(30, Axes.Z_UP_LEFT)
    assert viewpoint_of(heading, (0, 0, 0), camera) == pytest.approx(105)


def test_unity_azimuths_are_compass_bearings() -> None:
    """Body faces z (bearing 0), camera at x 4, z 4 (bearing 45): 90 + 45 - 0 = 135."""
    heading = unit_heading(to_z_up((0, 0, 1), Axes.Y_UP_LEFT))
    assert heading is not None
    assert viewpoint_of(heading, (0, 0), to_z_up((4, 1.5, 4), Axes.Y_UP_LEFT)) == pytest.approx(135)


def test_joints_of_a_body_that_turns_its_right_side_to_a_level_camera() -> None:
    """The right shoulder is nearer: z 4.8 against 5.2, so the right side is seen: 180."""
    assert viewpoint_of_level_joints((0, 0, 5.2), (0, 0, 4.8), (0, 0, 5)) == pytest.approx(180)


@pytest.mark.parametrize(
    ("heading", "camera"),
    [((0, 0), (1, 1)), ((1, 0), (0, 0)), ((math.nan, 1), (1, 1)), ((1, 0), (math.inf, 0))],
)
def test_what_has_no_direction_has_no_viewpoint(heading, camera) -> None:
    assert viewpoint_of(heading, (0, 0), camera) is None


def test_matrices_that_are_no_poses_give_none() -> None:
    mirror = [[2, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    for read in (extrinsic_camera, view_camera):
        for matrix in (None, [], "abc", [[1, 0], [0, 1]], [math.nan] * 16, mirror, [True] * 16):
            assert read(matrix) is None
    assert row_vector_pose([[math.nan] * 4] * 4) is None
    assert quaternion_camera((0, 0, 0), (0, 0, 0, 0)) is None
    assert TrunkJoints((1, 0, 5), (0, 0, 5), (0, 0, 5), (0, 0, 5)).viewpoint() is None


@given(scene=scenes())
def test_z_up_worlds_with_extrinsics(scene: Scene) -> None:
    axes = scene.camera_axes
    matrix = np.column_stack([axes, -axes @ scene.camera])
    pose = extrinsic_camera(matrix.tolist())
    assert pose is not None
    assert pose.center == pytest.approx(scene.camera, abs=1e-9)
    assert pose.pitch_deg == pytest.approx(scene.pitch_deg, abs=1e-6)
    found = viewpoint_of(tuple(scene.front[:2]), tuple(scene.person), pose.center)
    assert differ(found, scene.viewpoint) < 1e-6
    assert ground_distance(scene.person, pose.center) == pytest.approx(scene.distance)


@given(scene=scenes(), scale=st.floats(0.01, 100))
def test_row_vector_matrices_of_omniverse(scene: Scene, scale: float) -> None:
    """The inverse of a camera-to-world matrix, transposed; a body whose front is -y, and scaled."""
    right, down, forward = scene.camera_axes
    to_world = np.eye(4)
    to_world[:3] = np.column_stack([right, -down, -forward, scene.camera])
    body = np.eye(4)
    body[:3, :3] = scale * np.column_stack([-scene.right, -scene.front, UP])
    body[:3, 3] = scene.person
    pose, placed = (
        view_camera(np.linalg.inv(to_world).T.ravel().tolist()),
        row_vector_pose(body.T.tolist()),
    )
    assert pose is not None
    assert placed is not None
    position, heading = placed
    assert heading is not None
    assert pose.pitch_deg == pytest.approx(scene.pitch_deg, abs=1e-6)
    assert differ(viewpoint_of(heading, position, pose.center), scene.viewpoint) < 1e-6
    assert ground_distance(position, pose.center) == pytest.approx(scene.distance)


@given(scene=scenes())
def test_unity_quaternions(scene: Scene) -> None:
    """Unity's x is our x, its y our z, its z our y."""
    swap = np.array([[1, 0, 0], [0, 0, 1], [0, 1, 0]])
    right, down, forward = scene.camera_axes
    rotation = Rotation.from_matrix(swap @ np.column_stack([right, -down, forward]))
    pose = quaternion_camera(tuple(swap @ scene.camera), tuple(rotation.as_quat()))
    assert pose is not None
    assert pose.pitch_deg == pytest.approx(scene.pitch_deg, abs=1e-6)
    heading = unit_heading(to_z_up(tuple(swap @ scene.front), Axes.Y_UP_LEFT))
    assert heading is not None
    person = to_z_up(tuple(swap @ scene.person), Axes.Y_UP_LEFT)
    assert differ(viewpoint_of(heading, person, pose.center), scene.viewpoint) < 1e-6


@given(scene=scenes())
def test_unreal_and_carla_yaw(scene: Scene) -> None:
    """Unreal's y is our -y, and its yaw our azimuth with the sign changed."""
    flip = np.array([1, -1, 1])
    pose = camera_of_angles(tuple(flip * scene.camera), -scene.azimuth_deg, scene.pitch_deg)
    assert pose.pitch_deg == pytest.approx(scene.pitch_deg, abs=1e-6)
    assert np.allclose(pose.forward, scene.forward)
    heading = heading_of_yaw(-scene.heading_deg, Axes.Z_UP_LEFT)
    person = to_z_up(tuple(flip * scene.person), Axes.Z_UP_LEFT)
    assert differ(viewpoint_of(heading, person, pose.center), scene.viewpoint) < 1e-6


def trunk(scene: Scene) -> list[np.ndarray]:
    """Left shoulder, right shoulder, neck and pelvis in camera coordinates, y down."""
    person = scene.person
    joints = [
        person + 1.4 * UP - 0.2 * scene.right,
        person + 1.4 * UP + 0.2 * scene.right,
        person + 1.5 * UP,
        person + 0.9 * UP,
    ]
    return [scene.seen(joint) for joint in joints]


@given(scene=scenes(), y_down=st.booleans())
def test_joints_of_tilted_cameras(scene: Scene, y_down: bool) -> None:
    joints = trunk(scene)
    if not y_down:
        joints = [joint * (1, -1, 1) for joint in joints]
    body = TrunkJoints(*map(tuple, joints), y_down=y_down)
    assert differ(body.viewpoint(), scene.viewpoint) < 1e-5
    assert body.distance() == pytest.approx(scene.distance)


@given(
    heading=angles, azimuth=st.floats(-10, 10), tilt=st.floats(-14, 14), distance=st.floats(3, 30)
)
def test_joints_of_nearly_level_cameras_within_a_degree(heading, azimuth, tilt, distance) -> None:
    """The body is at most 10 degrees from the optical axis, which is tilted by at most 14."""
    person = np.array([distance, 0.0, 0.0])
    height = 0.9 - distance * math.tan(math.radians(tilt))  # the pelvis is on the optical axis
    scene = Scene(person, heading, np.array([0.0, 0.0, height]), azimuth, tilt)
    left, right, _, pelvis = trunk(scene)
    found = viewpoint_of_level_joints(tuple(left), tuple(right), tuple(pelvis))
    assert differ(found, scene.viewpoint) < 1


@given(scene=scenes(), turn=angles, dx=places, dy=places)
def test_turning_and_moving_the_world_changes_no_viewpoint(scene, turn, dx, dy) -> None:
    matrix, shift = spin(turn), np.array([dx, dy, 0.0])
    front = matrix @ scene.front
    person, camera = (matrix @ point + shift for point in (scene.person, scene.camera))
    found = viewpoint_of(tuple(front[:2]), tuple(person), tuple(camera))
    assert differ(found, scene.viewpoint) < 1e-5


@given(
    quaternion=st.tuples(*[st.floats(-1, 1)] * 4).filter(lambda q: sum(v * v for v in q) > 0.01),
    vector=st.tuples(places, places, places),
)
def test_quaternions_rotate_as_in_scipy(quaternion, vector) -> None:
    expected = Rotation.from_quat(quaternion).apply(vector)
    assert rotate_by_quaternion(quaternion, vector) == pytest.approx(expected, abs=1e-9)


@given(
    yaw=angles,
    axes=st.sampled_from([Axes.Z_UP, Axes.Y_UP, Axes.Y_UP_LEFT]),
)
def test_yaw_turns_about_the_axis_that_points_up(yaw: float, axes: Axes) -> None:
    """A rotation matrix about the up axis; the formula is the same in both handednesses."""
    axis, zero = ("z", (1.0, 0.0, 0.0)) if axes is Axes.Z_UP else ("y", (0.0, 0.0, 1.0))
    turned = Rotation.from_euler(axis, yaw, degrees=True).apply(zero)
    assert heading_of_yaw(yaw, axes, zero) == pytest.approx(to_z_up(turned, axes)[:2], abs=1e-9)


@given(st.floats(-1e6, 1e6))
def test_wrapped_angles_are_below_360(angle: float) -> None:
    assert 0 <= wrap_degrees(angle) < 360
