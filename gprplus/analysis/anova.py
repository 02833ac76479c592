"""Which factor carries how much of the distance: functional ANOVA of a balanced factorial, persons drawn at random.

A table has one number an image: `(P, L1, ..., Lk)`, P persons in every cell of k crossed factors. For each person i it
is taken apart exactly, without a model, into effects d_iu of every subset u of the factors (each sums to zero along
each factor in u; Hoeffding's decomposition). With d_u their mean over persons,

    V_u = mean over cells of d_u^2          V_iu = mean over persons and cells of (d_iu - d_u)^2

Persons are a random sample, levels are all there are. The variance that u has for the person one has not yet seen
splits into a part that all persons share and a part by which they differ, estimated without bias (the expected mean
squares of a mixed model; Searle, Casella and McCulloch, "Variance Components", 1992, chapter 4):

    shared     theta_u = V_u - V_iu / (P - 1)          by person     sigma_iu = V_iu P / (P - 1)

Their sum over all u is the total; u = {} gives the person itself. S_u = theta_u / total, and the total index S_Ta of
a factor adds everything that a takes part in, with other factors and with persons. The last component, of all factors
by person, holds whatever noise single images have.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

PERSON = "identity"
RESAMPLES = 1000
SHUFFLES = 200
_TAILS = (0.025, 0.975)


@dataclass(frozen=True)
class Effect:
    """One component: the factors in it (`identity` among them where persons differ), its share of the variance with
    a 95% interval over persons; for a single factor the total index; the 97.5% point of the share with shuffled levels.
    """

    factors: tuple[str, ...]
    share: float
    low: float
    high: float
    total: float | None = None
    total_low: float | None = None
    total_high: float | None = None
    null_high: float | None = None

    @property
    def name(self) -> str:
        """Such as weather x illumination."""
        return " x ".join(self.factors)


def components(table: np.ndarray) -> dict[tuple[int, ...], np.ndarray]:
    """Effects d_iu of every subset u of the factor axes (numbered from 0), each `(P, ...)` with 1 along other axes.

    >>> parts = components(np.array([[[1.0, 2.0], [3.0, 8.0]]]))
    >>> {u: part.ravel().tolist() for u, part in parts.items()}
    {(): [3.5], (0,): [-2.0, 2.0], (1,): [-1.5, 1.5], (0, 1): [1.0, -1.0, -1.0, 1.0]}
    """
    count = table.ndim - 1
    subsets = [u for size in range(count + 1) for u in combinations(range(count), size)]
    found: dict[tuple[int, ...], np.ndarray] = {}
    for u in subsets:
        others = tuple(axis + 1 for axis in range(count) if axis not in u)
        below = [found[v] for v in subsets if set(v) < set(u)]
        found[u] = table.mean(axis=others, keepdims=True) - sum(below, np.zeros(1))
    return found


def variances(parts: dict[tuple[int, ...], np.ndarray], drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """V_u and V_iu, each `(B, U)`, with persons counted `drawn` `(B, P)` times (each row sums to P)."""
    people = drawn.shape[1]
    shared, apart = [], []
    for part in parts.values():
        flat = part.reshape(people, -1)
        products = flat @ flat.T / flat.shape[1]
        mean = ((drawn @ products) * drawn).sum(axis=1) / people**2
        shared.append(mean)
        apart.append(drawn @ np.diag(products) / people - mean)
    return np.stack(shared, axis=1), np.stack(apart, axis=1)


def effects(
    table: np.ndarray,
    factors: Sequence[str],
    rng: np.random.Generator,
    *,
    resamples: int = RESAMPLES,
    shuffles: int = SHUFFLES,
) -> list[Effect]:
    """All components of a table `(P, L1, ..., Lk) float64` with P >= 2, single factors first, then by order and size.

    Intervals resample persons; they are set around the unbiased estimate by how far the estimates of resamples fall
    from the shares of the sample itself, which is what those resamples are drawn from. `null_high` is what a factor's
    share would seldom exceed if its levels meant nothing: they are shuffled within each person and combination of the
    other factors. Where nothing varies, every share is NaN.
    """
    parts = components(table)
    drawn = rng.multinomial(len(table), np.full(len(table), 1 / len(table)), size=resamples)
    shared, apart = variances(parts, np.vstack([np.ones(len(table)), drawn]).astype(np.float64))
    people = len(table)
    subsets = list(parts)
    unbiased = np.hstack([shared - apart / (people - 1), apart * people / (people - 1)])
    # The grand mean says how far the target is, not what makes a difference.
    unbiased[:, 0] = shared[:, 0] = 0
    whole = unbiased.sum(axis=1, keepdims=True)
    every = np.divide(unbiased, whole, out=np.full(unbiased.shape, np.nan), where=whole > 0)
    population = np.hstack([shared[0], apart[0]])  # what the resampled persons are drawn from, and its own shares
    shares, spread = every[0], every[1:] - population / max(population.sum(), 1e-300)
    named = [tuple(factors[a] for a in u) for u in subsets]
    names = [*named, *((PERSON, *name) for name in named)]
    found = []
    for place, name in enumerate(names):
        if not name:
            continue
        low, high = _around(shares[place], spread[:, place])
        effect = Effect(name, float(shares[place]), low, high)
        if len(name) == 1 and name != (PERSON,):
            total, total_low, total_high = _total(name, names, shares, spread)
            null = _null(table, list(factors).index(name[0]), rng, shuffles)
            effect = replace(effect, total=total, total_low=total_low, total_high=total_high, null_high=null)
        found.append(effect)
    return sorted(found, key=lambda e: (len(e.factors), -e.share))


def _total(
    name: tuple[str, ...], names: Sequence[tuple[str, ...]], shares: np.ndarray, spread: np.ndarray
) -> tuple[float, float, float]:
    inside = np.array([name[0] in other for other in names])
    total = shares[inside].sum()
    low, high = _around(total, spread[:, inside].sum(axis=1))
    return float(total), low, high


def _around(value: float, spread: np.ndarray) -> tuple[float, float]:
    low, high = np.nanquantile(spread, _TAILS) if np.isfinite(spread).any() else (np.nan, np.nan)
    return float(value + low), float(value + high)


def _null(table: np.ndarray, axis: int, rng: np.random.Generator, shuffles: int) -> float:
    """The 97.5% point of S of one factor when its levels are shuffled in every person and other combination."""
    people, found = len(table), []
    others = tuple(a for a in range(1, table.ndim) if a != axis + 1)
    whole = table.reshape(people, -1).var(axis=1).mean() + table.reshape(people, -1).mean(axis=1).var()
    for _ in range(shuffles):
        level = rng.permuted(table, axis=axis + 1).mean(axis=others)
        level = level - level.mean(axis=1, keepdims=True)
        shared = (level.mean(axis=0) ** 2).mean()
        found.append(shared - ((level**2).mean() - shared) / (people - 1))
    return float(np.quantile(found, _TAILS[1]) / whole) if whole > 0 else float("nan")
