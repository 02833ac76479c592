"""Annotations in COCO format, as plain data.

Lin et al., "Microsoft COCO: common objects in context", ECCV 2014; the format is documented at
cocodataset.org, "Data format". Masks are run lengths, column by column, zeros first, not
compressed.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gprplus.core.files.workdir import atomic_write
from gprplus.core.imaging.coco_rle import encode_run_lengths
from gprplus.engine.keypoints import NAMES, OUTSIDE, SKELETON, flatten_keypoints

ANNOTATIONS = "_annotations/person_keypoints.json"
PERSON = 1
CATEGORY = {
    "id": PERSON,
    "name": "person",
    "supercategory": "person",
    "keypoints": list(NAMES),
    "skeleton": [list(bone) for bone in SKELETON],
}


def tight_box(mask: np.ndarray) -> tuple[int, int, int, int]:
    """x, y, width, height of a `(H, W) bool` mask in pixels; zeros when it is empty."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return 0, 0, 0, 0
    return int(columns[0]), int(rows[0]), int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1


def annotate_person(mask: np.ndarray, points: np.ndarray) -> dict[str, Any]:
    """The annotation of one person, ids apart: `mask` (H, W) bool, `points` (17, 3) as labelled()
    gives them."""
    height, width = mask.shape
    return {
        "category_id": PERSON,
        "bbox": list(tight_box(mask)),
        "area": int(mask.sum()),
        "segmentation": {"size": [height, width], "counts": encode_run_lengths(mask)},
        "iscrowd": 0,
        "keypoints": flatten_keypoints(points),
        "num_keypoints": int((points[:, 2] > OUTSIDE).sum()),
    }


def write_coco(
    output: Path,
    info: Mapping[str, Any],
    pictures: Iterable[tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]]],
) -> Path:
    """Write (image, its annotations) in order as one COCO file under `output`, numbered from 1 as
    they come.

    It is written in one pass and renamed when whole, so memory holds the images alone, not the
    masks.
    """
    path = output / ANNOTATIONS
    path.parent.mkdir(parents=True, exist_ok=True)
    images: list[str] = []
    with atomic_write(path) as part, part.open("w", encoding="utf-8") as file:
        file.write('{"info": ' + json.dumps(info) + ',\n"categories": ' + json.dumps([CATEGORY]))
        file.write(',\n"annotations": [')
        for number, row in enumerate(_rows(pictures, images), 1):
            file.write((",\n" if number > 1 else "\n") + json.dumps({"id": number, **row}))
        file.write('\n],\n"images": [\n' + ",\n".join(images) + "\n]}\n")
    return path


def _rows(
    pictures: Iterable[tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]]], images: list[str]
) -> Iterator[dict[str, Any]]:
    """Return every annotation with the number of its image; image rows are kept as text."""
    for image, annotations in pictures:
        images.append(json.dumps({"id": len(images) + 1, **image}))
        for annotation in annotations:
            yield {"image_id": len(images), **annotation}
