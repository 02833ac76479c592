"""How far a score may be trusted: intervals, contrasts and families of them, effects, curves, components, plans."""

from gprplus.evaluation.stats.intervals import (
    RESAMPLES,
    Estimate,
    Scored,
    against,
    differences,
    levels,
    resampled,
    weights,
)
from gprplus.evaluation.stats.tails import t_quantile

__all__ = [
    "RESAMPLES",
    "Estimate",
    "Scored",
    "against",
    "differences",
    "levels",
    "resampled",
    "t_quantile",
    "weights",
]
