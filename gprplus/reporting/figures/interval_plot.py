"""Values with intervals along one axis, each in relation to a range that chance alone gives."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gprplus.reporting.figures.plots import PlotAxis, plot_axis


@dataclass(frozen=True)
class IntervalMark:
    """A value with its interval and the range that chance gives; ends are None where unknown."""

    label: str
    value: float
    low: float | None
    high: float | None
    null_low: float | None = None
    null_high: float | None = None

    @property
    def outcome(self) -> str:
        """Return loss (above the range of chance), gain (below it), or unclear; by the interval."""
        if self.null_high is not None and self.low is not None and self.low > self.null_high:
            return "loss"
        if self.null_low is not None and self.high is not None and self.high < self.null_low:
            return "gain"
        return "unclear"


@dataclass(frozen=True)
class IntervalPlot:
    """Marks under a title and a note, in order; `unit` names the axis, `show` formats a value.

    `legend` explains the colors; `headers` and `cells` are the same figures as a table.
    """

    title: str
    note: str
    unit: str
    legend: str
    marks: tuple[IntervalMark, ...]
    show: Callable[[float], str]

    @property
    def axis(self) -> PlotAxis:
        """An axis from 0 that holds all marks."""
        values = [0.0]
        for mark in self.marks:
            ends = (mark.value, mark.low, mark.high, mark.null_low, mark.null_high)
            values += [end for end in ends if end is not None]
        return plot_axis(values)

    def tick(self, value: float) -> str:
        """Format a mark of the axis, without zeros at its end."""
        return re.sub(r"\.?0+(?=%|$)", "", self.show(value)) or "0"

    def span(self, mark: IntervalMark) -> str:
        """Format the interval of a mark; empty without one."""
        return _span(mark.low, mark.high, self.show)

    def text(self, mark: IntervalMark) -> str:
        """Return a mark in words, such as "foggy: 0.527, 95% interval 0.488 to 0.568, by chance
        0.361 to 0.518"."""
        span, chance = self.span(mark), _span(mark.null_low, mark.null_high, self.show)
        parts = [self.show(mark.value), span and f"95% interval {span}"]
        parts += [f"by chance {chance}"] if chance else []
        return f"{mark.label}: {', '.join(filter(None, parts))}"

    @property
    def headers(self) -> list[str]:
        """The headers of the plot as a table."""
        return ["level or factor", self.unit, "95% interval", "by chance"]

    @property
    def rows(self) -> list[list[str]]:
        """The rows of the plot as a table."""
        return [
            [
                mark.label,
                self.show(mark.value),
                self.span(mark) or "–",
                _span(mark.null_low, mark.null_high, self.show) or "–",
            ]
            for mark in self.marks
        ]


def _span(low: float | None, high: float | None, show: Callable[[float], str]) -> str:
    if high is None:
        return ""
    return f"up to {show(high)}" if low is None else f"{show(low)} to {show(high)}"


def by_value(
    marks: Sequence[IntervalMark], *, largest_first: bool = False
) -> tuple[IntervalMark, ...]:
    """The marks in the order of their values."""
    return tuple(sorted(marks, key=lambda mark: -mark.value if largest_first else mark.value))
