"""How far a score may be trusted: intervals, contrasts and families of them, effects, curves, components, plans."""

from gprplus.statistics.identity_variance import Scored
from gprplus.statistics.intervals import RESAMPLES, Estimate, against, differences, levels, resampled, weights

__all__ = [
    "RESAMPLES",
    "Estimate",
    "Scored",
    "against",
    "differences",
    "levels",
    "resampled",
    "weights",
]
