"""Power law of a score in the number of images N: S(N) = c - b N^-p, and the N at which it is near
a goal.

For a given p the curve is linear in N^-p, so that c and b have a closed form; p is the best of a
fine grid (variable projection); b is not below 0 and c not above 1. Resampled scores are fitted all
at once; intervals are their quantiles.
"""

from dataclasses import dataclass

import numpy as np

from gprplus.core.errors import ScoreError

LEAST = 4  # budgets: three parameters, and one that can contradict them
POWERS = np.geomspace(0.02, 4, 600)


@dataclass(frozen=True)
class PowerLawCurve:
    """Fitted curves, `(R,) float64` each: the ceiling `c`, the scale `b` and the power `p`, and the
    root mean square of what the fit leaves. b is 0 and p NaN where the score does not grow.
    """

    c: np.ndarray
    b: np.ndarray
    p: np.ndarray
    rmse: np.ndarray

    def at(self, size: float) -> np.ndarray:
        """The score at a number of images, `(R,)`."""
        result: np.ndarray = self.c - self.b * np.power(size, -np.nan_to_num(self.p))
        return result


def fit_power_law(sizes: np.ndarray, scores: np.ndarray) -> PowerLawCurve:
    """Fit curves to `scores (R, B)` at `sizes (B,)` images. Raises ScoreError with fewer than four
    budgets.

    >>> n = np.array([30.0, 60, 120, 240])
    >>> found = fit_power_law(n, (0.8 - 2 * n**-0.5)[None])
    >>> round(float(found.c[0]), 2), round(float(found.b[0]), 1), round(float(found.p[0]), 1)
    (0.8, 2.0, 0.5)
    """
    sizes, scores = np.asarray(sizes, dtype=float), np.atleast_2d(np.asarray(scores, dtype=float))
    if len(np.unique(sizes)) < LEAST:
        raise ScoreError(
            f"A curve c - b N^-p has three unknowns and is fitted to {LEAST} budgets or more; "
            f"found {len(np.unique(sizes))}. Add budgets with make-split --levels."
        )
    scale = sizes.min()
    x = (sizes[None, :] / scale) ** -POWERS[:, None]  # (P, B)
    centred = x - x.mean(axis=1, keepdims=True)
    mean = scores.mean(axis=1)
    steepest = -np.maximum(1 - mean, 0)[:, None] / x.mean(
        axis=1
    )  # beyond it the ceiling is above 1
    slope = np.clip(
        scores @ centred.T / (centred**2).sum(axis=1), steepest, 0
    )  # (R, P); scores do not fall with N
    left = (scores - mean[:, None]) ** 2
    total = left.sum(axis=1)[:, None] - slope * (
        2 * (scores @ centred.T) - slope * (centred**2).sum(axis=1)
    )
    best = total.argmin(axis=1)
    row = np.arange(len(scores))
    b = -slope[row, best]
    p = np.where(b > 0, POWERS[best], np.nan)
    c = mean + b * x.mean(axis=1)[best]
    rmse = np.sqrt(np.maximum(total[row, best], 0) / len(sizes))
    return PowerLawCurve(c, b * np.power(scale, np.nan_to_num(p)), p, rmse)


def images_to_reach(curve: PowerLawCurve, goal: np.ndarray | float) -> np.ndarray:
    """The number of images `(R,)` at which each curve comes to `goal`; infinite where it never
    does.

    >>> curve = fit_power_law(np.array([30.0, 60, 120, 240]), 0.8 - 2 * np.array([[30.0, 60, 120, 240]]) ** -0.5)
    >>> float(images_to_reach(curve, 0.7).round(-1)[0])
    400.0
    """
    gap = curve.c - goal
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        found = (curve.b / gap) ** (1 / curve.p)
    return np.where(gap <= 0, np.inf, np.where(curve.b > 0, found, 0.0))
