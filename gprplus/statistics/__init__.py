"""Statistics of scores: intervals, contrasts and families, effects, curves, variance components,
power plans."""

from gprplus.statistics.identity_variance import ScoreArray
from gprplus.statistics.intervals import (
    Estimate,
    arm_intervals,
    difference_intervals,
    floor_difference,
)

__all__ = [
    "Estimate",
    "ScoreArray",
    "arm_intervals",
    "difference_intervals",
    "floor_difference",
]
