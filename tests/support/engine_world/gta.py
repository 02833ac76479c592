"""GTA V: MTA (CSV and videos of several cameras) and JTA (joints only, one sequence a camera)."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from engine_world.files import save_image, save_json, save_text, save_video
from engine_world.scene import FRAMES, SEQUENCES, Camera, Seen, Sequence

SPLITS = ("test", "train")
BOX = ("x_top_left_BB", "y_top_left_BB", "x_bottom_right_BB", "y_bottom_right_BB")
PED_TYPES = {"male": 4, "female": 5}
SHOULDERS = {4: "right_shoulder", 8: "left_shoulder", 2: "neck", 16: "right_hip", 19: "left_hip"}
JOINTS = 22


def write_mta(root: Path, sequences: Iterable[Sequence] = SEQUENCES, joints: bool = True) -> None:
    """The first sequence as test, the second as train; person ids span the cameras of each."""
    for split, sequence in zip(SPLITS, sequences, strict=False):
        for i, camera in enumerate(sequence.cameras):
            folder = root / split / f"cam_{i}"
            frames = (sequence.picture(camera, frame) for frame in range(FRAMES))
            save_video(folder / f"cam_{i}.mp4", frames)
            short = [",".join(("frame_no_cam", "person_id", *BOX))]
            long: list[dict[str, Any]] = []
            for frame in range(FRAMES):
                for seen in sequence.visible_people(camera, frame):
                    short.append(",".join(map(str, (frame, seen.local, *_corners(seen)))))
                    long += _joint_rows(sequence, seen)
            save_text(folder / f"coords_fib_cam_{i}.csv", short)
            if joints:
                lines = [",".join(long[0]), *(",".join(map(str, row.values())) for row in long)]
                save_text(folder / f"coords_cam_{i}.csv", lines)


def _corners(seen: Seen) -> tuple[int, int, int, int]:
    left, top, width, height = seen.box
    return left, top, left + width, top + height


def _joint_rows(sequence: Sequence, seen: Seen) -> list[dict[str, Any]]:
    """A row for each joint; heading = (-sin yaw, cos yaw), camera yaw is 0 along y."""
    camera = seen.camera
    x, y, z = seen.feet.tolist()
    person = {
        "appearance_id": seen.person.look,
        "x_3D_cam": camera.position[0],
        "y_3D_cam": camera.position[1],
        "z_3D_cam": camera.position[2],
        "x_rot_cam": camera.pitch_deg,
        "y_rot_cam": 0.0,
        "z_rot_cam": (camera.azimuth_deg - 90 + 180) % 360 - 180,
        "fov": 40,
        "x_3D_person": x,
        "y_3D_person": y,
        "z_3D_person": z + 0.9,
        "ped_type": PED_TYPES[seen.person.gender],
        "wears_glasses": 0,
        "yaw_person": (seen.heading_deg - 90 + 180) % 360 - 180,
        "hours_gta": sequence.hour,
        "minutes_gta": 30,
    }
    first = {
        "frame_no_gta": 1000 + seen.frame,
        "frame_no_cam": seen.frame,
        "person_id": seen.local,
    }
    box = dict(zip(BOX, _corners(seen), strict=True))
    points = joint_pixels(seen)
    return [
        {
            **first,
            "joint_type": joint,
            "x_2D_joint": points[joint][0],
            "y_2D_joint": points[joint][1],
            "joint_occluded": 0,
            "joint_self_occluded": 0,
            **person,
            **box,
        }
        for joint in range(JOINTS)
    ]


def joint_pixels(seen: Seen) -> list[tuple[float, float]]:
    """22 points, whose extent is the box of the person: the head's top and the ankles."""
    left, top, right, bottom = _corners(seen)
    middle = (left + right) / 2
    points = [(middle, top + (bottom - top) * (0.3 + joint / 100)) for joint in range(JOINTS)]
    points[0] = (middle, float(top))
    points[18], points[21] = (float(left), float(bottom)), (float(right), float(bottom))
    return points


def write_jta(root: Path, sequences: Iterable[Sequence] = SEQUENCES, video: bool = True) -> None:
    """Each camera of each sequence is a JTA sequence; frames from 1."""
    number = 0
    for sequence in sequences:
        for camera in sequence.cameras:
            number += 1
            rows: list[list[float]] = []
            for frame in range(FRAMES):
                for seen in sequence.visible_people(camera, frame):
                    rows += _jta_rows(seen)
            save_json(root / f"annotations/train/seq_{number}.json", rows)
            _write_pictures(root, number, sequence, camera, video)


def _write_pictures(
    root: Path, number: int, sequence: Sequence, camera: Camera, video: bool
) -> None:
    frames = [sequence.picture(camera, frame) for frame in range(FRAMES)]
    if video:
        save_video(root / f"videos/train/seq_{number}.mp4", frames)
        return
    for frame, picture in enumerate(frames, start=1):
        save_image(root / f"frames/train/seq_{number}/{frame}.jpg", picture)


def _jta_rows(seen: Seen) -> list[list[float]]:
    """frame, person, joint, x, y in pixels, x, y, z in camera coordinates, two flags."""
    joints = seen.person.joints(seen.frame)
    pelvis = seen.camera.seen(joints["pelvis"]).tolist()
    rows = []
    for joint, pixel in enumerate(joint_pixels(seen)):
        name = SHOULDERS.get(joint)
        place = seen.camera.seen(joints[name]).tolist() if name else pelvis
        hidden = int(joint >= round(JOINTS * seen.visible))
        rows.append([seen.frame + 1, seen.local, joint, *pixel, *place, hidden, 0])
    return rows
