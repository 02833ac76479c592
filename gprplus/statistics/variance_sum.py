"""Sums of variances with unlike degrees of freedom, and the degrees of freedom of an interval that
rests on them.

A variance has parts: identities, seeds, draws of a control. Welch and Satterthwaite's degrees of
freedom are too many where a part that counts has one or two: a 95% interval then covers as little
as 87%. Cochran and Cox (1950) multiply the error by the mean of the parts' own t quantiles,
weighted by the variances,

    t = (V_1 t(f_1) + V_2 t(f_2) + ...) / (V_1 + V_2 + ...),

which covers 95% or more (`python -m benchmarks coverage`). It is written down as the number of
degrees of freedom whose 97.5% quantile is that t, so that intervals and probabilities agree.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from scipy import special

NOTHING = 1e-18  # variance of scores 0-1 that rounding can give to scores that do not vary
MOST = 10_000.0  # degrees of freedom; beyond it t is the normal quantile to four digits


@lru_cache(maxsize=16)
def _table(chance: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
    """Logarithms of degrees of freedom, and of the t that |t| exceeds with probability `chance`."""
    freedom = np.concatenate([np.geomspace(1, 30, 320, endpoint=False), np.geomspace(30, MOST, 60)])
    return np.log(freedom), np.log(special.stdtrit(freedom, 1 - chance / 2))


def t_quantile(freedom: np.ndarray | float, chance: float = 0.05) -> np.ndarray:
    """The t that |t| exceeds with probability `chance`, to four digits, for degrees of freedom
    `(...)` of 1 or more: by default the 97.5% quantile.

    Interpolated: simulations need hundreds of thousands, and scipy's own quantile takes a
    microsecond each.

    >>> t_quantile(np.array([1, 4, 10])).round(3).tolist()
    [12.706, 2.776, 2.228]
    """
    known, values = _table(chance)
    result: np.ndarray = np.exp(np.interp(np.log(np.clip(freedom, 1, MOST)), known, values))
    return result


def df_from_quantile(t: np.ndarray) -> np.ndarray:
    """The degrees of freedom whose 97.5% quantile of t is `t (...)`: the inverse of
    `t_quantile`."""
    known, values = _table()
    result: np.ndarray = np.exp(np.interp(-np.log(t), -values, known))
    return result


def two_sided(t: np.ndarray, freedom: np.ndarray | float) -> np.ndarray:
    """The probability `(...)` of a |t| at least as large under no effect; NaN where `t` is NaN or
    `df` is below 1.

    >>> two_sided(np.array([2.228139, -2.228139]), 10).round(5).tolist()
    [0.05, 0.05]
    """
    known = np.asarray(freedom) >= 1
    return np.where(known, 2 * special.stdtr(np.where(known, freedom, 1.0), -np.abs(t)), np.nan)


def half_widths(error: np.ndarray, freedom: np.ndarray, chance: float = 0.05) -> np.ndarray:
    """Half widths `(...)` of intervals of standard errors `error (...)` that miss with probability
    `chance`.

    NaN where there are no degrees of freedom.
    """
    known = np.asarray(freedom) >= 1
    return np.where(
        known, special.stdtrit(np.where(known, freedom, 1.0), 1 - chance / 2) * error, np.nan
    )


def combine_variances(
    parts: Sequence[tuple[np.ndarray, np.ndarray]], overlap: np.ndarray | float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """The variance `(...)` and degrees of freedom `(...)` of a sum of parts, each a variance and
    its own degrees.

    `overlap` is noise that two parts both hold and that counts once; what is left is never below
    the largest part. A part of 0 degrees leaves the sum without any, and so does a sum of NOTHING:
    values that do not vary, or by rounding alone, say nothing of their noise.

    >>> variance, freedom = combine_variances([(np.array([3.0]), np.array([1.0])), (np.array([1.0]), np.array([60.0]))])
    >>> float(variance[0]), float(freedom[0].round(2))
    (4.0, 1.11)
    """
    shape = np.broadcast_shapes(*(np.shape(one) for part in parts for one in part))
    variances, freedoms = (
        np.stack([np.broadcast_to(part[one], shape) for part in parts]) for one in (0, 1)
    )
    total = variances.sum(axis=0)
    weight = np.divide(variances, total, out=np.zeros_like(variances, dtype=float), where=total > 0)
    varies = total > NOTHING
    freedom = df_from_quantile((weight * t_quantile(freedoms)).sum(axis=0) + (total <= 0))
    known = varies & (np.where(variances > 0, freedoms, np.inf).min(axis=0) >= 1)
    return np.maximum(total - overlap, variances.max(axis=0)), np.where(
        known & (freedoms.min(axis=0) > 0), freedom, 0.0
    )


def overlap_factor(one: np.ndarray, other: np.ndarray, overlap: np.ndarray | float) -> np.ndarray:
    """The factor `(...)` that makes a sum of two independent draws, of variances `one (...)` and
    `other (...)`, as noisy as `combine_variances` estimates it: `overlap` counts once.

    >>> overlap_factor(np.array([2.0]), np.array([2.0]), 1.0).round(4).tolist()  # root of 3/4
    [0.866]
    """
    total = one + other
    kept = np.maximum(total - overlap, np.maximum(one, other))
    result: np.ndarray = np.sqrt(np.divide(kept, total, out=np.ones_like(total), where=total > 0))
    return result
