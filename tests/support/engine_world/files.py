"""Pictures, videos and JSON files of the small world."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np


def save_image(path: Path, rgb: np.ndarray) -> None:
    """`(H, W, 3)` RGB, `(H, W, 4)` RGBA or `(H, W)` gray; the suffix chooses PNG or JPEG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    codes = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}
    image = rgb if rgb.ndim == 2 else cv2.cvtColor(rgb, codes[rgb.shape[2]])
    quality = [cv2.IMWRITE_JPEG_QUALITY, 100] if path.suffix == ".jpg" else []
    done, data = cv2.imencode(path.suffix, image, quality)
    assert done
    path.write_bytes(data.tobytes())


def save_video(path: Path, frames: Iterable[np.ndarray], codec: str = "mp4v") -> None:
    """`(H, W, 3)` RGB frames at 30 a second."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = None
    for frame in frames:
        if writer is None:
            size = (frame.shape[1], frame.shape[0])
            writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), 30, size)
            assert writer.isOpened()
        writer.write(frame[:, :, ::-1])
    assert writer is not None
    writer.release()


def save_json(path: Path, data: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data))


def save_text(path: Path, lines: Iterable[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))
