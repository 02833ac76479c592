"""The 17 key points of COCO: where they are on a body, and which of them a camera sees."""

import numpy as np

from gprplus.engine.people.figure import Figure
from gprplus.engine.people.pose import walking_pose
from gprplus.engine.people.traits import Person
from gprplus.engine.raycast.camera import CameraRays

# COCO's names and order; left and right are the person's own. The skeleton counts from 1.
NAMES = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow",
    "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle",
    "right_ankle",
)  # fmt: skip
SKELETON = (
    (16, 14), (14, 12), (17, 15), (15, 13), (12, 13), (6, 12), (7, 13), (6, 7), (6, 8), (7, 9), (8, 10), (9, 11),
    (2, 3), (1, 2), (1, 3), (2, 4), (3, 5), (4, 6), (5, 7),
)  # fmt: skip
OUTSIDE, HIDDEN, VISIBLE = 0, 1, 2
# Meters of body and cloth in front of a visible point: joints are inside the body, a face is not.
FLESH = np.array(
    [
        0.04,
        0.04,
        0.04,
        0.05,
        0.05,
        0.12,
        0.12,
        0.09,
        0.09,
        0.08,
        0.08,
        0.19,
        0.19,
        0.13,
        0.13,
        0.10,
        0.10,
    ]
)


def project_joints(person: Person, moment: int | str) -> np.ndarray:
    """Return the key points of a person at a moment of the walk (see pose.walk), `(17, 3)` in
    meters: the person is at the origin and faces +y, so the left ones have the smaller x.
    """
    figure = Figure(person, walking_pose(person, moment))
    pose = figure.pose
    face = [figure.skull(0.0, 0.108, -0.024)]
    face += [figure.skull(side * 0.031, 0.084, 0.006) for side in (-1, 1)]
    face += [figure.skull(side * 0.082, -0.008, -0.008) for side in (-1, 1)]
    body = [pose.arms[side][i] for i in range(3) for side in ("left", "right")]
    body += [pose.legs[side][i] for i in range(3) for side in ("left", "right")]
    return np.array([*face, *body])


def label_keypoints(
    points: np.ndarray, view: CameraRays, depth: np.ndarray, size: tuple[int, int]
) -> np.ndarray:
    """Return the key points in an image, `(17, 3) float64`: x, y in pixels, and COCO's visibility
    (0 outside, then x = y = 0; 1 hidden; 2 visible).

    `points` (17, 3) in the world; `depth` (height, width) of each sample of `view`, infinite
    without a person; `size` (width, height) of the image in pixels, which the view covers
    completely. A point is hidden if a surface is in front of it by more than its body thickness.
    """
    x, y, away = view.project(points).T
    inside = (away > 0) & (x >= 0) & (x < view.width) & (y >= 0) & (y < view.height)
    column = np.clip(x, 0, view.width - 1).astype(int)
    row = np.clip(y, 0, view.height - 1).astype(int)
    seen = np.where(depth[row, column] < away - FLESH, HIDDEN, VISIBLE)
    found = np.stack([x * size[0] / view.width, y * size[1] / view.height, seen], axis=1)
    found[:, :2] = found[:, :2].round(1)
    # What rounds to the far edge is no longer inside it.
    found[:, :2] = np.minimum(found[:, :2], np.array(size) - 0.1)
    found[~inside] = 0.0
    return found


def flatten_keypoints(points: np.ndarray) -> list[float]:
    """Labelled key points as COCO lists them: x1, y1, v1, x2, and so on; whole numbers as such."""
    return [
        int(value) if value == int(value) else float(value) for value in points.ravel().round(1)
    ]
