"""Statistics of scores: intervals, contrasts and families, effects, curves, variance components,
power plans."""

from gprplus.statistics.identity_variance import ScoreArray
from gprplus.statistics.intervals import (
    RESAMPLES,
    Estimate,
    arm_intervals,
    bootstrap_weights,
    difference_intervals,
    floor_difference,
    resampled,
)

__all__ = [
    "RESAMPLES",
    "Estimate",
    "ScoreArray",
    "arm_intervals",
    "bootstrap_weights",
    "difference_intervals",
    "floor_difference",
    "resampled",
]
