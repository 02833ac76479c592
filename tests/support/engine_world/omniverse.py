"""Isaac Sim people (IRA) and Replicator's BasicWriter: row-vector matrices, one file a frame."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from engine_world.files import save_image, save_json
from engine_world.scene import FRAMES, SEQUENCES, SIZE, Camera, Seen, Sequence

BOXES = np.dtype(
    [
        ("semanticId", "<u4"),
        ("x_min", "<i4"),
        ("y_min", "<i4"),
        ("x_max", "<i4"),
        ("y_max", "<i4"),
        ("occlusionRatio", "<f4"),
    ]
)
SOLID = np.dtype([("semanticId", "<u4"), ("transform", "<f4", (4, 4)), ("occlusionRatio", "<f4")])


def view_transform(camera: Camera) -> list[float]:
    """World to camera for row vectors: y up, -z forward."""
    right, down, forward = camera.axes
    to_world = np.eye(4)
    to_world[:3] = np.column_stack([right, -down, -forward, camera.center])
    return np.linalg.inv(to_world).T.ravel().tolist()


def camera_params(camera: Camera) -> dict[str, Any]:
    return {
        "cameraViewTransform": view_transform(camera),
        "renderProductResolution": list(SIZE),
        "metersPerSceneUnit": 1.0,
    }


def local_to_world(seen: Seen) -> list[list[float]]:
    """Of the body, whose front is -y, for row vectors; of the center of its box."""
    matrix = np.eye(4)
    front = seen.person.front(seen.frame)
    right = seen.person.right(seen.frame)
    matrix[:3, :3] = np.column_stack([-right, -front, [0, 0, 1]])
    matrix[:3, 3] = seen.raised(0.9)
    return matrix.T.tolist()


def write_ira(root: Path, sequences: Iterable[Sequence] = SEQUENCES) -> None:
    """One run a sequence, with a folder for each camera."""
    for sequence in sequences:
        for camera in sequence.cameras:
            folder = root / sequence.name / f"_World_Cameras_{camera.name}"
            for frame in range(FRAMES):
                save_image(folder / f"rgb/rgb_{frame:04d}.png", sequence.picture(camera, frame))
                save_json(
                    folder / f"camera_params/camera_params_{frame:04d}.json",
                    camera_params(camera),
                )
                agents = {
                    f"/World/Characters/Character_{seen.local:02d}": _agent(seen)
                    for seen in sequence.visible_people(camera, frame)
                }
                save_json(
                    folder / f"object_detection/object_detection_{frame:04d}.json",
                    {"agents": agents, "objects": {}},
                )


def _agent(seen: Seen) -> dict[str, Any]:
    left, top, width, height = seen.box
    box = {"x_min": left, "y_min": top, "x_max": left + width, "y_max": top + height}
    annotators = {
        "bounding_box_2d_tight_fast": {**box, "occlusionRatio": 1 - seen.visible},
        "bounding_box_2d_loose_fast": {**box, "occlusionRatio": 1 - seen.visible},
        "bounding_box_3d_fast": {"transform": local_to_world(seen)},
        "asset_url": f"http://server/People/{seen.person.asset}/{seen.person.asset}.usd",
    }
    return {"label": {"class": "character"}, "annotators": annotators}


def write_replicator(
    root: Path,
    sequences: Iterable[Sequence] = SEQUENCES,
    layout: str = "camera",
    boxes: bool = True,
) -> None:
    """One run a sequence. `layout` "camera" puts a folder of each kind into a folder of each
    camera, "kind" the reverse, "flat" all files of a camera into one folder. Without `boxes` there
    are instance masks only, as of versions that wrote no prim paths."""
    for sequence in sequences:
        for i, camera in enumerate(sequence.cameras):
            name = "Replicator" if i == 0 else f"Replicator_{i:02d}"
            for frame in range(FRAMES):
                tree = _Tree(root / sequence.name, name, layout)
                _write_frame(tree, sequence, camera, frame)
                if boxes:
                    _write_boxes(tree, sequence.visible_people(camera, frame), frame)


class _Tree:
    """Paths of the files of one camera."""

    def __init__(self, run: Path, name: str, layout: str) -> None:
        self.run, self.name, self.layout = run, name, layout

    def path(self, kind: str, file: str) -> Path:
        inner = {"camera": f"{self.name}/{kind}", "kind": f"{kind}/{self.name}", "flat": self.name}
        return self.run / inner[self.layout] / file


def _write_frame(tree: _Tree, sequence: Sequence, camera: Camera, frame: int) -> None:
    number = f"{frame:04d}"
    picture = sequence.picture(camera, frame)
    opaque = np.full((*picture.shape[:2], 1), 255, np.uint8)
    save_image(tree.path("rgb", f"rgb_{number}.png"), np.concatenate([picture, opaque], axis=2))
    save_json(tree.path("camera_params", f"camera_params_{number}.json"), camera_params(camera))
    _write_instances(tree, sequence.instances(camera, frame), frame)


def _write_boxes(tree: _Tree, people: list[Seen], frame: int) -> None:
    """Tight boxes, and solid boxes with the poses; the last box is no person."""
    kind, number = "bounding_box_2d_tight", f"{frame:04d}"
    rows, solid = np.zeros(len(people) + 1, BOXES), np.zeros(len(people), SOLID)
    for i, seen in enumerate(people):
        left, top, width, height = seen.box
        rows[i] = (0, left, top, left + width, top + height, 1 - seen.visible)
        solid[i]["transform"] = local_to_world(seen)
    rows[-1] = (1, 0, 0, 40, 60, -1)
    prims = [f"/World/Person_{seen.local:02d}" for seen in people]
    save_json(tree.path(kind, f"{kind}_prim_paths_{number}.json"), [*prims, "/World/Forklift"])
    np.save(tree.path(kind, f"{kind}_{number}.npy"), rows)
    labels = {"0": {"class": "person, cloth"}, "1": {"class": "forklift"}}
    save_json(tree.path(kind, f"{kind}_labels_{number}.json"), labels)
    kind = "bounding_box_3d"
    save_json(tree.path(kind, f"{kind}_prim_paths_{number}.json"), prims)
    np.save(tree.path(kind, f"{kind}_{number}.npy"), solid)


def part_colours(local: int, frame: int) -> list[tuple[int, int, int, int]]:
    """The colours of body and legs, RGBA, which change with every frame."""
    return [
        ((60 * local + 7 * frame) % 256, 20 + 90 * part, (31 * local + frame) % 256, 255)
        for part in range(2)
    ]


def _write_instances(tree: _Tree, values: np.ndarray, frame: int) -> None:
    """Each person is two sub-meshes, the upper and the lower half of the frame."""
    kind, number = "instance_segmentation", f"{frame:04d}"
    image = np.zeros((*values.shape, 4), np.uint8)
    mapping = {"(0, 0, 0, 0)": "BACKGROUND", "(0, 0, 0, 255)": "UNLABELLED"}
    semantics = {"(0, 0, 0, 0)": {"class": "BACKGROUND"}}
    lower = np.arange(values.shape[0])[:, None] >= 120
    for local in np.unique(values[values > 0]).tolist():
        for part, colour in enumerate(part_colours(local, frame)):
            image[(values == local) & (lower == bool(part))] = colour
            mapping[str(colour)] = f"/World/Person_{local:02d}/{('Body', 'Legs')[part]}"
            semantics[str(colour)] = {"class": "person"}
    save_image(tree.path(kind, f"{kind}_{number}.png"), image)
    save_json(tree.path(kind, f"{kind}_mapping_{number}.json"), mapping)
    save_json(tree.path(kind, f"{kind}_semantics_mapping_{number}.json"), semantics)
