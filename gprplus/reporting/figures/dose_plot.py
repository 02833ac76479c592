"""Score against the share of a path's second end, a line for each target."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gprplus.reporting import formatting
from gprplus.reporting.arm_labels import OWN_TEST_SET
from gprplus.reporting.figures.plots import PlotAxis, plot_axis
from gprplus.reporting.sections.target_tables import DOSE_NOTE, best_share
from gprplus.schema.split_record import SplitRecord

# One mark for each target: a circle, a square, a triangle, a diamond, as paths about the origin.
MARKS = (
    "M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0-9 0z",
    "M-4-4h8v8h-8z",
    "M0-5L5 4H-5z",
    "M0-5.5L5.5 0L0 5.5L-5.5 0z",
)
AIR = 4.0  # percent of the width left and right of the shares


@dataclass(frozen=True)
class DosePoint:
    """The mean score of one share (0-1), with its single interval."""

    share: float
    score: float
    low: float | None
    high: float | None
    best: bool


@dataclass(frozen=True)
class DoseLine:
    """The points of one target in order of share, with its best share and 95% set in words."""

    name: str
    points: tuple[DosePoint, ...]
    best: str
    likely: str

    @property
    def verdict(self) -> str:
        """Format, such as "mall: best at 50%, 95% set 25% to 50%"."""
        known = f", 95% set {self.likely}" if self.likely != formatting.DASH else ""
        return f"{self.name}: best at {self.best}{known}"


@dataclass(frozen=True)
class DosePlot:
    """Lines over the shares of `end` in the place of `start`; `up` is the axis of scores."""

    start: str
    end: str
    up: PlotAxis
    lines: tuple[DoseLine, ...]
    note: str = DOSE_NOTE

    @property
    def shares(self) -> list[float]:
        """Return the distinct shares."""
        return sorted({point.share for line in self.lines for point in line.points})

    def at(self, share: float) -> float:
        """Position of a share along the axis, 0-100."""
        return round(AIR + (100 - 2 * AIR) * share, 3)

    def series(self, line: int) -> int:
        """Number of the color and mark of a line."""
        return line % len(MARKS)

    def mark(self, line: int) -> str:
        """Path of the mark of a line about the origin."""
        return MARKS[self.series(line)]

    def text(self, line: DoseLine, point: DosePoint) -> str:
        """Format the values of a point, such as "mall, 50% foggy: mAP 41.2, 95% interval
        39.0–43.4"."""
        span = formatting.format_interval(point.low, point.high)
        interval = "" if span == formatting.DASH else f", 95% interval {span}"
        share = f"{100 * point.share:g}% {self.end}"
        score = f"{line.name}, {share}: mAP {formatting.format_points(point.score)}{interval}"
        return score + (", the best of the path" if point.best else "")


def build_dose_plot(rows: Sequence[Mapping[str, Any]], split: SplitRecord) -> DosePlot | None:
    """Build the plot from rows of schema.DOSE; None for a split without a path."""
    rows = [row for row in rows if row["metric"] == "mAP"]
    if not rows or split.path is None:
        return None
    lines = []
    for target in dict.fromkeys(row["target"] for row in rows):
        mine = [row for row in rows if row["target"] == target]
        points = tuple(
            DosePoint(row["share"], row["value"], row["low"], row["high"], row["best"])
            for row in mine
        )
        name = "own test set" if target == OWN_TEST_SET else target
        lines.append(DoseLine(name, points, *best_share(mine)))
    values = [
        value
        for line in lines
        for one in line.points
        for value in (one.score, one.low, one.high)
        if value is not None
    ]
    start, end = "+".join(split.path.start), "+".join(split.path.end)
    return DosePlot(start, end, plot_axis(values), tuple(lines))
