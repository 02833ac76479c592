"""Validation score of every trial of a construction, round by round."""

from collections.abc import Mapping
from dataclasses import dataclass

from gprplus.reporting import formatting
from gprplus.reporting.figures.plots import PlotAxis, plot_axis
from gprplus.schema.construct_record import PathRecord, RoundRecord

LEAST = 0.005  # share of a proposal that is named
SPREAD = 0.6  # part of the width of a round that its trials take


@dataclass(frozen=True)
class TrialMark:
    """A trial: its position along the axis, 0-100, its mAP, 0-1, whether it was kept, and both in
    words."""

    x: float
    score: float
    kept: bool
    text: str


@dataclass(frozen=True)
class RoundMarks:
    """The trials of a round in the order they were tried, the position of its label, 0-100, and the
    score of the kept one less its optimism."""

    label: str
    x: float
    trials: tuple[TrialMark, ...]
    corrected: float

    @property
    def kept(self) -> TrialMark:
        """Return the trial that was kept."""
        return next(one for one in self.trials if one.kept)


@dataclass(frozen=True)
class PathPlot:
    """The rounds towards one target; `up` is the axis of scores."""

    target: str
    up: PlotAxis
    rounds: tuple[RoundMarks, ...]


def build_path_plot(path: PathRecord) -> PathPlot:
    """Build the plot of the rounds towards one target."""
    rounds = tuple(
        _round_marks(number, one, len(path.rounds)) for number, one in enumerate(path.rounds)
    )
    values = [mark.score for one in rounds for mark in one.trials]
    return PathPlot(path.target, plot_axis([*values, *(one.corrected for one in rounds)]), rounds)


def _round_marks(number: int, found: RoundRecord, rounds: int) -> RoundMarks:
    corrected = found.trials[found.kept].mAP - found.optimism
    marks = []
    for place, trial in enumerate(found.trials):
        inside = (1 - SPREAD) / 2 + SPREAD * (place + 0.5) / len(found.trials)
        kept = place == found.kept
        text = (
            f"round {number + 1}, trial {place + 1} of {len(found.trials)}: mAP"
            f" {formatting.format_points(trial.mAP)}; {mixture_text(trial.shares)}"
        )
        if kept:
            text += f"; kept, {formatting.format_points(corrected)} less the optimism"
        x = round(100 * (number + inside) / rounds, 3)
        marks.append(TrialMark(x, trial.mAP, kept, text))
    x = round(100 * (number + 0.5) / rounds, 3)
    return RoundMarks(f"round {number + 1}", x, tuple(marks), corrected)


def mixture_text(shares: Mapping[str, float]) -> str:
    """The proposals of a mixture and their shares, the largest first.

    >>> mixture_text({"uniform": 0.25, "matched": 0.75, "failures": 0.0})
    '75% matched + 25% uniform'
    """
    known = [
        name for name in sorted(shares, key=lambda name: -shares[name]) if shares[name] >= LEAST
    ]
    return " + ".join(f"{100 * shares[name]:.0f}% {name}" for name in known) or formatting.DASH
