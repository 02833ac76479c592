"""Sums of variances that are known to unlike degrees, and on how many degrees of freedom an interval of them rests.

A variance has parts: persons, seeds, draws of a control. Welch and Satterthwaite's degrees of freedom promise too much
where a part that counts is known to one or two degrees: a 95% interval then covers as little as 87%. Cochran and Cox
(1950) multiply the error by the mean of the parts' own t quantiles, weighted by the variances,

    t = (V_1 t(f_1) + V_2 t(f_2) + ...) / (V_1 + V_2 + ...),

which covers 95% or more (tests/evaluation/test_calibration.py). It is written down as the number of degrees of freedom
whose 97.5% quantile is that t, so that intervals and probabilities say the same.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np

from gprplus.evaluation.stats.tails import t_quantile

MOST = 10_000.0  # degrees of freedom; beyond it t is the normal quantile to four digits


@cache
def _table() -> tuple[np.ndarray, np.ndarray]:
    """Logarithms of degrees of freedom, and of their 97.5% quantiles of t."""
    freedom = np.concatenate([np.geomspace(1, 30, 320, endpoint=False), np.geomspace(30, MOST, 60)])
    return np.log(freedom), np.log([t_quantile(0.975, float(one)) for one in freedom])


def quantile(freedom: np.ndarray | float) -> np.ndarray:
    """The 97.5% quantile of t, to four digits, for degrees of freedom `(...)` of 1 or more.

    >>> quantile(np.array([1, 4, 10])).round(3).tolist()
    [12.706, 2.776, 2.228]
    """
    known, values = _table()
    return np.exp(np.interp(np.log(np.clip(freedom, 1, MOST)), known, values))


def freedom_of(t: np.ndarray) -> np.ndarray:
    """The degrees of freedom whose 97.5% quantile of t is `t (...)`: the inverse of `quantile`."""
    known, values = _table()
    return np.exp(np.interp(-np.log(t), -values, known))


def joined(
    parts: Sequence[tuple[np.ndarray, np.ndarray]], overlap: np.ndarray | float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """The variance `(...)` and degrees of freedom `(...)` of a sum of parts, each a variance and its own degrees.

    `overlap` is noise that two parts both hold and that counts once; what is left is never below the largest part.
    Where all variances are 0 the fewest degrees stand; a part of 0 degrees leaves the sum without any.

    >>> variance, freedom = joined([(np.array([3.0]), np.array([1.0])), (np.array([1.0]), np.array([60.0]))])
    >>> float(variance[0]), float(freedom[0].round(2))
    (4.0, 1.11)
    """
    shape = np.broadcast_shapes(*(np.shape(one) for part in parts for one in part))
    variances, freedoms = (np.stack([np.broadcast_to(part[one], shape) for part in parts]) for one in (0, 1))
    total = variances.sum(axis=0)
    weight = np.divide(variances, total, out=np.zeros_like(variances, dtype=float), where=total > 0)
    fewest = freedoms.min(axis=0)
    freedom = np.where(total > 0, freedom_of((weight * quantile(freedoms)).sum(axis=0) + (total <= 0)), fewest)
    known = np.where(variances > 0, freedoms, np.inf).min(axis=0) >= 1
    return np.maximum(total - overlap, variances.max(axis=0)), np.where(known & (fewest > 0), freedom, 0.0)


def normal_scores(t: np.ndarray, freedom: np.ndarray) -> np.ndarray:
    """|t| of unlike degrees of freedom brought to one scale, that of the normal distribution (Wallace 1959).

    >>> normal_scores(np.array([2.228, 2.776]), np.array([10.0, 4.0])).round(2).tolist()
    [1.96, 1.95]
    """
    return np.sqrt(freedom * np.log1p(t**2 / freedom)) * (8 * freedom + 1) / (8 * freedom + 3)


def from_normal(z: np.ndarray | float, freedom: np.ndarray) -> np.ndarray:
    """The inverse of `normal_scores`."""
    power = (z * (8 * freedom + 3) / (8 * freedom + 1)) ** 2 / freedom
    return np.sqrt(freedom * np.expm1(np.minimum(power, 700)))
