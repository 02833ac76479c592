"""Many contrasts at once: probabilities and intervals that hold for a whole declared family, and equivalence.

Holm's steps need no more than the single probabilities. max-|t| compares each |t| with the largest of its family under
no effect, drawn jointly (Westfall and Young, single step); contrasts that share the reference arm are correlated, and
it is sharper for knowing that.
"""

import math

import numpy as np

from gprplus.evaluation.stats.contrasts import Judged
from gprplus.evaluation.stats.joining import from_normal, normal_scores, quantile
from gprplus.evaluation.stats.tails import t_tail


def holm(p: np.ndarray) -> np.ndarray:
    """Holm's adjusted probabilities `(K,)`; NaN stays NaN and does not count (Holm 1979).

    >>> holm(np.array([0.01, 0.04, 0.03])).round(6).tolist()
    [0.03, 0.06, 0.06]
    """
    out = np.full(len(p), np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    steps = p[order] * np.arange(len(order), 0, -1)
    out[order] = np.minimum(np.maximum.accumulate(steps), 1) if len(order) else []
    return out


def largest(judged: Judged, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """max-|t| over a family: adjusted probabilities `(K,)` and half widths `(K,)` of simultaneous intervals.

    Values of unlike degrees of freedom are compared as normal scores, so that one contrast that little is known of does
    not widen all others. Neither result is ever sharper than that of the contrast by itself; a family of one is that
    contrast. The width is an order statistic of the peaks, not a mean of two, so that an interval leaves out 0 exactly
    where its p is below 1 - level.
    """
    t, p = np.abs(judged.t), judged.p
    known = ~np.isnan(t)
    if not known.any():
        return np.full(len(t), np.nan), np.full(len(t), np.nan)
    alone = np.where(known, quantile(judged.freedom), np.nan)
    if known.sum() == 1:
        return p, alone * judged.error
    freedom = np.where(known, judged.freedom, 1.0)
    peak = judged.null[:, known].max(axis=1)
    scores = normal_scores(np.where(known, t, 0.0), freedom)
    adjusted = ((peak[:, None] >= scores).sum(axis=0) + 1) / (len(peak) + 1)
    place = min(math.ceil(level * (len(peak) + 1)), len(peak)) - 1
    width = np.maximum(from_normal(np.sort(peak)[place], freedom), alone)
    return np.where(known, np.maximum(adjusted, p), np.nan), width * judged.error


def equivalence(value: float, error: float, freedom: float, margin: float) -> float:
    """The probability of two one-sided t tests that the truth lies within -margin to margin (Schuirmann 1987).

    Below 0.05 exactly when the 90% interval lies inside the margin. NaN where nothing is known of the noise.

    >>> round(equivalence(0.0, 0.004, 20, 0.01), 4)
    0.0106
    """
    if not freedom >= 1:
        return math.nan
    if error <= 0:
        return float(abs(value) >= margin)
    return max(t_tail((value + margin) / error, freedom), t_tail((margin - value) / error, freedom))


def says(low: float | None, high: float | None, margin: float) -> str:
    """What an interval of a difference says.

    "higher" or "lower" where it leaves out 0, "equivalent" where it contains 0 and lies within -margin to margin, else
    "undecided"; "unknown" where there is no interval.

    >>> says(0.001, 0.02, 0.01), says(-0.004, 0.006, 0.01), says(-0.004, 0.02, 0.01), says(None, None, 0.01)
    ('higher', 'equivalent', 'undecided', 'unknown')
    """
    if low is None or high is None or math.isnan(low) or math.isnan(high):
        return "unknown"
    if low > 0 or high < 0:
        return "higher" if low > 0 else "lower"
    return "equivalent" if within(low, high, margin) else "undecided"


def within(low: float | None, high: float | None, margin: float) -> bool:
    """Whether an interval lies wholly between -margin and margin."""
    return low is not None and high is not None and -margin < low and high < margin
