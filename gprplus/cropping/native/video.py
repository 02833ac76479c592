"""Pictures of a video in order.

OpenCV decodes: its wheel brings FFmpeg, and a reading loop returns every picture once, in the order
of presentation, also with B-frames (tests/frames/test_one_command.py). PyAV takes as much processor
time: 1.3 to 1.8 ms a frame of 1280 x 720 H.264 against 1.6. Seeking by number is never used: it
lands near a key frame.
"""

import os
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from gprplus.core.errors import FramesError
from gprplus.core.imaging.images import load_opencv


class VideoReader:
    """The pictures of a video by their position from 0; ascending positions cost one decode each."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._capture: Any = None
        self._position, self._more = -1, True

    def __enter__(self) -> "VideoReader":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._capture is not None:
            self._capture.release()

    def picture(self, number: int) -> np.ndarray | None:
        """Return a picture, `(H, W, 3) uint8` RGB; None past the end, and from the first picture
        that does not decode. Raises FramesError if the file is missing or no video.
        """
        cv2 = load_opencv()
        if self._capture is None or number < self._position:
            self._open()
        while self._more and self._position < number:
            self._more = self._capture.grab()
            self._position += self._more
        if not self._more or number < 0:
            return None
        pixels = self._capture.retrieve()[1]
        return None if pixels is None else cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)

    def _open(self) -> None:
        if not self.path.is_file():
            raise FramesError(f"{self.path.name} is missing in {self.path.parent}.")
        if self._capture is not None:
            self._capture.release()
        os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # damage is reported by our sentences
        cv2 = load_opencv()
        self._capture = cv2.VideoCapture(str(self.path), cv2.CAP_FFMPEG)
        self._position, self._more = -1, True
        if not self._capture.isOpened():
            raise FramesError(f"{self.path} cannot be read as a video.")
