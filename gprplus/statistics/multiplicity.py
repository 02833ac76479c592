"""Many contrasts at once: probabilities and intervals that hold for a whole declared family, and
equivalence.

Holm's steps need no more than the single probabilities. min-p compares each probability with the
smallest of its family under no effect, drawn jointly (Westfall and Young 1993, single step);
contrasts that share the reference arm are correlated, and it is sharper for using that. Where all
degrees of freedom are alike it is max-|t|.
"""

import math
from typing import Any

import numpy as np
from scipy import special

from gprplus.statistics.contrasts import ContrastEstimates
from gprplus.statistics.variance_sum import half_widths


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


def max_t_adjust(
    estimates: ContrastEstimates, level: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """Single-step min-p over a family: adjusted probabilities `(K,)` and half widths `(K,)` of
    simultaneous intervals.

    All contrasts share one critical probability, at most 1 - level, and each has the t quantile of
    its own degrees of freedom at it. So no interval is narrower than that of the contrast by
    itself, and contrasts that little is known of do not widen all others. The critical probability
    is an order statistic, so that an interval excludes 0 exactly where its adjusted p is below 1 -
    level.
    """
    known = ~np.isnan(estimates.t)
    if not known.any():
        return np.full(len(known), np.nan), np.full(len(known), np.nan)
    p, chance = estimates.p, 1 - level
    if known.sum() > 1:
        peak = np.sort(estimates.null[:, known].min(axis=1))
        p = np.maximum((np.searchsorted(peak, p, side="right") + 1) / (len(peak) + 1), p)
        chance = critical_value(peak, chance)
    width = half_widths(estimates.std_error, estimates.df, chance)
    return np.where(known, p, np.nan), np.where(known, width, np.nan)


def critical_value(peak: np.ndarray, chance: float = 0.05) -> float:
    """The probability that a contrast of a family has to be below, from the smallest ones `peak
    (R,)`, sorted, of simulated experiments without any effect.

    >>> critical_value(np.linspace(0.001, 1, 1000))
    0.05
    >>> critical_value(np.linspace(0.0001, 0.1, 1000))
    0.005
    """
    place = math.ceil(chance * (len(peak) + 1) - 1e-9) - 2
    return float(min(peak[max(place, 0)], chance))


def family_figures(
    estimates: ContrastEstimates, margin: float, estimands: int = 1
) -> list[dict[str, Any]]:
    """The columns of schema.CONTRASTS that follow from the contrasts of one family alone, a row for
    each.

    Where one verdict holds several `estimands`, they share the 5% (Bonferroni): a family's
    intervals then hold at 1 - 0.05 / estimands, and `p_max` is that many times as large.
    """
    p_max, half = max_t_adjust(estimates, 1 - 0.05 / estimands)
    p_max = np.minimum(p_max * estimands, 1)
    adjusted = zip(estimates.intervals(), estimates.p, holm(estimates.p), p_max, half, strict=True)
    rows = []
    for k, (span, p, p_holm, p_family, width) in enumerate(adjusted):
        ends = (float(span.value - width), float(span.value + width))
        error, freedom = float(estimates.std_error[k]), float(estimates.df[k])
        row: dict[str, Any] = {
            "value": span.value,
            "low": span.low,
            "high": span.high,
            "error": error,
            "freedom": freedom,
        }
        row |= {
            "p": float(p),
            "p_holm": float(p_holm),
            "p_max": float(p_family),
            "d_z": float(estimates.d_z[k]),
        }
        row |= {
            "family_low": ends[0],
            "family_high": ends[1],
            "margin": margin,
            "verdict": classify_interval(*ends, margin),
        }
        rows.append(row | {"p_equivalence": equivalence(span.value, error, freedom, margin)})
    return rows


def equivalence(value: float, error: float, freedom: float, margin: float) -> float:
    """P value of two one-sided t tests that the true value is within -margin to margin (Schuirmann
    1987).

    Below 0.05 exactly if the 90% interval is within the margin. NaN without an estimate of the
    noise.

    >>> round(equivalence(0.0, 0.004, 20, 0.01), 4)
    0.0106
    """
    if not freedom >= 1 or error <= 0:
        return math.nan
    return float(special.stdtr(freedom, -(margin - abs(value)) / error))


def classify_interval(low: float | None, high: float | None, margin: float) -> str:
    """Classify an interval of a difference.

    "higher" or "lower" if it excludes 0, "equivalent" if it contains 0 and is within -margin to
    margin, else "undecided"; "unknown" if there is no interval.

    >>> classify_interval(0.001, 0.02, 0.01), classify_interval(-0.004, 0.006, 0.01)
    ('higher', 'equivalent')
    >>> classify_interval(-0.004, 0.02, 0.01), classify_interval(None, None, 0.01)
    ('undecided', 'unknown')
    """
    if low is None or high is None or math.isnan(low) or math.isnan(high):
        return "unknown"
    if low > 0 or high < 0:
        return "higher" if low > 0 else "lower"
    return "equivalent" if is_within_margin(low, high, margin) else "undecided"


def is_within_margin(low: float | None, high: float | None, margin: float) -> bool:
    """Return True if an interval is completely between -margin and margin."""
    return low is not None and high is not None and -margin < low and high < margin
