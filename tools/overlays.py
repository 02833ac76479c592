"""What COCO annotations say, drawn over the pictures they are about: masks, boxes, skeletons. To be
looked at.

`python tools/overlays.py RENDERS OUT.jpg [COUNT [COLUMNS]]` takes COUNT pictures spread over a
folder that `gprplus render --keypoints` or `--frames` wrote.
"""

import json
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from gprplus.core.imaging.coco_rle import decode_run_lengths
from gprplus.core.imaging.images import decode_image, read_bytes
from gprplus.engine.annotations import ANNOTATIONS
from gprplus.engine.keypoints import NAMES, SKELETON, VISIBLE

# Blue, green, red: the person's left is green, the right is red, the middle is white.
SIDES = {"left": (80, 220, 80), "righ": (60, 60, 240)}
TINTS = (
    (240, 170, 60),
    (80, 200, 240),
    (200, 100, 220),
    (110, 230, 120),
    (90, 110, 250),
    (230, 230, 90),
)


def overlaid(picture: np.ndarray, annotations: list[dict[str, Any]]) -> np.ndarray:
    """A picture `(H, W, 3) uint8` (blue, green, red) under its annotations; hidden key points are
    rings."""
    shown = picture.copy()
    for number, row in enumerate(annotations):
        mask = decode_run_lengths(row["segmentation"]["counts"], *row["segmentation"]["size"])
        tint = np.array(TINTS[number % len(TINTS)])
        shown[mask] = (0.72 * shown[mask] + 0.28 * tint).astype(np.uint8)
        x, y, width, height = row["bbox"]
        cv2.rectangle(shown, (x, y), (x + width - 1, y + height - 1), TINTS[number % len(TINTS)], 1)
        said = f"{row['identity']} {row['viewpoint_deg']}" + (
            f" v{row['visible']:.2f}" if "visible" in row else ""
        )
        if min(picture.shape[:2]) > 300:
            cv2.putText(
                shown,
                said,
                (x + 2, max(y - 4, 12)),
                cv2.FONT_HERSHEY_SIMPLEX,
                0.42,
                (255, 255, 255),
                1,
            )
        _skeleton(shown, np.array(row["keypoints"]).reshape(17, 3))
    return shown


def _skeleton(shown: np.ndarray, points: np.ndarray) -> None:
    for one, two in SKELETON:
        (x, y, seen), (u, v, seen_2) = points[one - 1], points[two - 1]
        if seen and seen_2:
            cv2.line(shown, (int(x), int(y)), (int(u), int(v)), (200, 200, 200), 1, cv2.LINE_AA)
    for name, (x, y, seen) in zip(NAMES, points, strict=True):
        if seen:
            colour = SIDES.get(name[:4], (255, 255, 255))
            cv2.circle(
                shown, (int(x), int(y)), 2, colour, -1 if seen == VISIBLE else 1, cv2.LINE_AA
            )


def main(folder: Path, out: Path, count: int = 12, columns: int = 6) -> None:
    """Write one sheet."""
    known = json.loads((folder / ANNOTATIONS).read_text())
    step = max(1, len(known["images"]) // count)
    tiles = []
    for image in known["images"][::step][:count]:
        rows = [row for row in known["annotations"] if row["image_id"] == image["id"]]
        picture = decode_image(read_bytes(folder, image["file_name"]))
        assert picture is not None, f"{image['file_name']} does not decode"
        tiles.append(overlaid(np.ascontiguousarray(picture[:, :, ::-1]), rows))
    rows = [
        np.hstack(tiles[i : i + columns])
        for i in range(0, len(tiles) - len(tiles) % columns, columns)
    ]
    cv2.imwrite(str(out), np.vstack(rows), [cv2.IMWRITE_JPEG_QUALITY, 85])


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:]))
