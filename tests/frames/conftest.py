"""Streets in small: frames of flat colours in which every person is one rectangle of a colour of
its own."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

Box = tuple[int, int, int, int]


def colour_of(identity: int) -> tuple[int, int, int]:
    """RGB, far from the grey ground and from each other."""
    return ((60 * identity) % 256, (150 + 70 * identity) % 256, (20 + 110 * identity) % 256)


def draw_frame(path: Path, boxes: Mapping[int, Box], size: tuple[int, int] = (320, 240)) -> None:
    """Grey ground, and a filled box for each identity, later ones over earlier ones; PNG, so that
    pixels stay."""
    image = np.full((size[1], size[0], 3), 128, np.uint8)
    for identity, (x, y, width, height) in boxes.items():
        image[max(y, 0) : y + height, max(x, 0) : x + width] = colour_of(identity)
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), image[:, :, ::-1])


def annotated(
    folder: Path,
    frames: Sequence[Mapping[int, Box]],
    image: Mapping[str, Any] | None = None,
    person: Callable[[int], Mapping[str, Any]] = lambda identity: {},
) -> Path:
    """Draw frames and write their COCO file; `image` and `person(identity)` add keys."""
    images, annotations = [], []
    for i, boxes in enumerate(frames, start=1):
        draw_frame(folder / "frames" / f"{i:04d}.png", boxes)
        images.append(
            {"id": i, "file_name": f"{i:04d}.png", "width": 320, "height": 240, **(image or {})}
        )
        for who, box in boxes.items():
            row = {
                "id": len(annotations) + 1,
                "image_id": i,
                "category_id": 1,
                "bbox": list(box),
                "iscrowd": 0,
            }
            annotations.append({**row, "identity": f"{who:04d}", **person(who)})
    path = folder / "annotations.json"
    categories = [{"id": 1, "name": "person", "keypoints": ["head"], "skeleton": []}]
    path.write_text(
        json.dumps({"images": images, "annotations": annotations, "categories": categories})
    )
    return path


@pytest.fixture(scope="session")
def paint() -> Callable[[int], tuple[int, int, int]]:
    """`paint(identity)`: the person's colour, RGB."""
    return colour_of


@pytest.fixture(scope="session")
def street() -> Callable[..., Path]:
    """`street(folder, frames, image, person)`: draw frames with a COCO file beside; returns the
    file."""
    return annotated


@pytest.fixture(scope="session")
def frame() -> Callable[..., None]:
    """`frame(path, boxes, size)`: draw one frame."""
    return draw_frame
