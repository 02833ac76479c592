"""Student's t and the F distribution without scipy: tails and quantiles; and the normal distribution's."""

import math
from functools import lru_cache

import numpy as np


def beta_tail(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function I_x(a, b), by its continued fraction (DLMF 8.17.22).

    >>> round(beta_tail(2, 3, 0.4), 6)
    0.5248
    """
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - beta_tail(b, a, 1 - x)
    front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    tiny = 1e-300
    d = 1 / _away(1 - (a + b) * x / (a + 1), tiny)
    fraction, c = d, 1.0
    for m in range(1, 20_000):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / _away(1 + term * d, tiny)
            c = _away(1 + term / c, tiny)
            fraction *= d * c
        if abs(d * c - 1) < 1e-14:
            break
    return math.exp(front) * fraction / a


def _away(value: float, tiny: float) -> float:
    return value if abs(value) > tiny else tiny


def t_tail(t: float, freedom: float) -> float:
    """P(T > t) of Student's t.

    >>> round(t_tail(2.228139, 10), 5)
    0.025
    """
    half = beta_tail(freedom / 2, 0.5, freedom / (freedom + t * t)) / 2
    return half if t >= 0 else 1 - half


def f_tail(x: float, above: float, below: float) -> float:
    """P(F > x) of the F distribution with degrees of freedom `above` and `below` the bar.

    >>> round(f_tail(4.964603, 1, 10), 5)
    0.05
    """
    return beta_tail(below / 2, above / 2, below / (below + above * x)) if x > 0 else 1.0


@lru_cache(maxsize=256)
def f_quantile(probability: float, above: float, below: float) -> float:
    """The quantile of the F distribution, by bisection on a logarithmic scale to nine digits."""
    low, high = -40.0, 40.0
    while high - low > 1e-9:
        middle = (low + high) / 2
        low, high = (middle, high) if f_tail(math.exp(middle), above, below) > 1 - probability else (low, middle)
    return math.exp((low + high) / 2)


@lru_cache(maxsize=4096)
def t_quantile(probability: float, freedom: float) -> float:
    """The quantile of Student's t for a probability above one half, to five digits.

    With t = sqrt(f) tan(a) the density becomes cos(a)^(f - 1), which is smooth enough to sum up on a grid; towards
    a = pi / 2, where it falls steeply for f just above 1, the grid is finer.

    >>> round(t_quantile(0.975, 10), 4)
    2.2281
    """
    # Within 12 / sqrt(f) of zero lies all that counts, and up to pi / 2 for few degrees of freedom.
    end = min(math.pi / 2, 12 / math.sqrt(freedom))
    angle = end * (1 - np.linspace(1, 0, 8_001) ** 3)
    density = np.maximum(np.cos(angle), 0) ** (freedom - 1)
    area = np.concatenate([[0], np.cumsum((density[1:] + density[:-1]) / 2 * np.diff(angle))])
    place = np.interp((2 * probability - 1) * area[-1], area, angle)
    return math.sqrt(freedom) * math.tan(place)


_erf = np.vectorize(math.erf, otypes=[float])


def normal(z: np.ndarray) -> np.ndarray:
    """The probability of a standard normal value below `z (...)`.

    >>> normal(np.array([0.0, 1.96])).round(3).tolist()
    [0.5, 0.975]
    """
    return (1 + _erf(z / math.sqrt(2))) / 2
