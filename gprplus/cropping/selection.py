"""Selection of annotations that become crops, and of their pixels: pure rules over boxes and
masks."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from gprplus.core.errors import FramesError
from gprplus.cropping.annotations import Box
from gprplus.cropping.options import EDGES

Window = tuple[
    int, int, int, int
]  # left, top, right, bottom in pixels; right and bottom are exclusive


@dataclass(frozen=True)
class CropRules:
    """Requirements for a crop. `margin` is added on every side as a share of the box's width and
    height.

    `min_width_px` and `min_height_px` are of the box inside the frame, before the margin.
    `min_visible` is the minimum visible share; `max_truncated` the maximum share outside the frame.
    If the source does not give that share, a box that touches the edge of the frame counts as
    truncated: `edges` "drop" rejects it, "keep" accepts it. `blank` is the color (R, G, B) of
    everything but the person; None keeps the background.
    """

    margin: float = 0.0
    min_width_px: int = 25
    min_height_px: int = 50
    min_visible: float = 0.25
    max_truncated: float = 0.25
    edges: str = "drop"
    blank: tuple[int, int, int] | None = None

    def __post_init__(self) -> None:
        for name, value in (
            ("min_visible", self.min_visible),
            ("max_truncated", self.max_truncated),
        ):
            if not 0 <= value <= 1:
                raise FramesError(f"{name} is a share from 0 to 1, not {value}.")
        if not 0 <= self.margin <= 2:
            raise FramesError(f"margin is a share of the box from 0 to 2, not {self.margin}.")
        if self.min_width_px < 1 or self.min_height_px < 1:
            raise FramesError(
                f"the least size is 1x1 pixels, not {self.min_width_px}x{self.min_height_px}."
            )
        if self.edges not in EDGES:
            raise FramesError(f"edges is drop or keep, not '{self.edges}'.")

    def as_dict(self) -> dict[str, Any]:
        """The rules as plain values, for the record."""
        return asdict(self)


def clip_box(box: Box, size: tuple[int, int]) -> Window | None:
    """The whole pixels that a box touches inside a frame of `size` (width, height); None when there
    are none.

    >>> clip_box((-3.5, 2.2, 10.0, 4.0), (100, 50))
    (0, 2, 7, 7)
    """
    x, y, width, height = box
    if not all(map(math.isfinite, box)) or width <= 0 or height <= 0:
        return None
    left, top = max(math.floor(x), 0), max(math.floor(y), 0)
    right, bottom = min(math.ceil(x + width), size[0]), min(math.ceil(y + height), size[1])
    return (left, top, right, bottom) if left < right and top < bottom else None


def expand_box(box: Box, margin: float, size: tuple[int, int]) -> Window | None:
    """The pixels of the crop: the box and its margin, cut at the frame's edges (nothing is made up
    beyond them)."""
    x, y, width, height = box
    more = (
        x - margin * width,
        y - margin * height,
        width * (1 + 2 * margin),
        height * (1 + 2 * margin),
    )
    return clip_box(more, size)


def touches_border(box: Box, size: tuple[int, int]) -> bool:
    """Return True if a box reaches the edge of the frame, or is less than half a pixel from it."""
    x, y, width, height = box
    return x < 0.5 or y < 0.5 or x + width > size[0] - 0.5 or y + height > size[1] - 0.5


def visible_by_masks(own: np.ndarray, others: np.ndarray) -> float:
    """Return the share of the person among all person pixels of a box, `(H, W) bool` each."""
    mine = np.count_nonzero(own)
    theirs = np.count_nonzero(others) - np.count_nonzero(others & own)
    return mine / (mine + theirs) if mine else 0.0


def visible_by_boxes(box: Box, others: Sequence[Box] | np.ndarray, size: tuple[int, int]) -> float:
    """The share of a box that no nearer box covers.

    Nearer is whose box ends lower in the frame, which assumes level ground.
    """
    window = clip_box(box, size)
    if window is None:
        return 0.0
    boxes = np.asarray(others, np.float64).reshape(-1, 4)
    boxes = boxes[boxes[:, 1] + boxes[:, 3] > box[1] + box[3]]
    left, top, right, bottom = window
    edges = np.concatenate([np.floor(boxes[:, :2]), np.ceil(boxes[:, :2] + boxes[:, 2:])], axis=1)
    x1, y1, x2, y2 = (
        np.clip(edges - (left, top, left, top), 0, (right - left, bottom - top) * 2).astype(int).T
    )
    over = (x1 < x2) & (y1 < y2) & (boxes[:, 2] > 0) & (boxes[:, 3] > 0)
    if not over.any():
        return 1.0
    # One step up at each box's left upper corner, and down where it ends: the sums are how many
    # boxes cover a pixel.
    steps = np.zeros((bottom - top + 1, right - left + 1), np.int32)
    for rows, columns, step in ((y1, x1, 1), (y1, x2, -1), (y2, x1, -1), (y2, x2, 1)):
        np.add.at(steps, (rows[over], columns[over]), step)
    for axis in (0, 1):
        np.cumsum(steps, axis=axis, out=steps)
    return 1.0 - float((steps[:-1, :-1] > 0).mean())


@dataclass(frozen=True)
class CropDecision:
    """A verdict: the pixels of the crop, or a reason; with the visible share and where it is known
    from."""

    window: Window | None
    reason: str = ""
    detail: str = ""
    visible: float | None = None
    visible_from: str = ""


def decide_crop(
    rules: CropRules,
    box: Box | None,
    size: tuple[int, int],
    visible: float,
    visible_from: str,
    truncated: float | None,
) -> CropDecision:
    """Decide whether a box becomes a crop. The first of these reasons counts: box, small,
    truncated, occluded."""
    window = clip_box(box, size) if box else None
    if box is None or window is None:
        return CropDecision(
            None, "box", f"the box {list(box) if box else None} has no pixel in a frame of {size}."
        )
    width, height = window[2] - window[0], window[3] - window[1]
    if width < rules.min_width_px or height < rules.min_height_px:
        least = f"{rules.min_width_px}x{rules.min_height_px}"
        return CropDecision(
            None,
            "small",
            f"{width}x{height} pixels inside the frame; at least {least} are required.",
        )
    if truncated is not None and truncated > rules.max_truncated:
        return CropDecision(
            None,
            "truncated",
            f"{truncated:.2f} of the person is outside; at most {rules.max_truncated}.",
        )
    if truncated is None and rules.edges == "drop" and touches_border(box, size):
        return CropDecision(
            None,
            "truncated",
            "the box touches the frame's edge, and the truncated share is unknown.",
        )
    if visible < rules.min_visible:
        detail = (
            f"{visible:.2f} is visible by {visible_from}; at least {rules.min_visible} is required."
        )
        return CropDecision(None, "occluded", detail, visible, visible_from)
    return CropDecision(expand_box(box, rules.margin, size), "", "", visible, visible_from)
