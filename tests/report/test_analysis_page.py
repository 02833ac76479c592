"""Plots of an analysis: colors follow the intervals, and every mark can be read as text."""

import pytest

from gprplus.reporting.figures.interval_plot import IntervalMark, IntervalPlot, by_value

NEAR = IntervalMark("foggy", 0.2, 0.1, 0.3, 0.35, 0.5)
BETWEEN = IntervalMark("snow", 0.4, 0.3, 0.6, 0.35, 0.5)
FAR = IntervalMark("sunny", 0.9, 0.8, 1.0, 0.35, 0.5)


@pytest.mark.parametrize(("mark", "outcome"), [(NEAR, "gain"), (BETWEEN, "unclear"), (FAR, "loss")])
def test_a_mark_is_colored_only_if_its_interval_is_outside_of_chance(mark, outcome):
    assert mark.outcome == outcome


def test_a_mark_without_an_interval_has_no_color():
    assert IntervalMark("sunny", 9.0, None, None, 0.1, 0.2).outcome == "unclear"


def test_a_mark_is_readable_as_text_and_as_a_row():
    marks = by_value([FAR, NEAR])
    plot = IntervalPlot("Weather", "", "distance", "", marks, lambda value: f"{value:.3f}")
    assert [mark.label for mark in plot.marks] == ["foggy", "sunny"]
    assert plot.text(NEAR) == "foggy: 0.200, 95% interval 0.100 to 0.300, by chance 0.350 to 0.500"
    assert plot.rows[1] == ["sunny", "0.900", "0.800 to 1.000", "0.350 to 0.500"]
    assert (plot.axis.at(0.0) < plot.axis.at(0.1), plot.tick(0.2)) == (True, "0.2")
    assert plot.tick(0.0) == "0"
