"""Association of two attributes: statistics of contingency tables, with known oracles."""

import numpy as np


def cramers_v(table: np.ndarray) -> float | None:
    """Bias-corrected Cramer's V of a contingency table `(r, c)` of counts; None where one side has
    a single level.

    Bergsma, "A bias-correction for Cramer's V and Tschuprow's T", 2013: phi2 loses its expectation
    under independence, (r-1)(c-1)/(n-1), and the numbers of levels shrink alike.

    >>> cramers_v(np.array([[10, 10], [10, 10]]))
    0.0
    >>> cramers_v(np.array([[50, 0], [0, 50]]))
    1.0
    """
    return cramers_v_within(np.asarray(table)[None])


def mutual_information(table: np.ndarray) -> float | None:
    """Mutual information of a table `(r, c)` of counts over the smaller entropy, 0-1; None if an
    attribute is constant.

    The value is 1 if one attribute is a function of the other; Cramer's V is then 1 only with equal
    numbers of levels.

    >>> mutual_information(np.array([[10, 10], [10, 10]])), mutual_information(np.array([[5, 0], [0, 5], [5, 0]]))
    (0.0, 1.0)
    """
    return mutual_information_within(np.asarray(table)[None])


def cramers_v_within(tables: np.ndarray) -> float | None:
    """Cramer's V given a third attribute: tables `(S, r, c)`, one a stratum, merged; None where no
    stratum has both.

    Each stratum's chi2 loses its expectation under independence there, n_s (r_s-1)(c_s-1)/(n_s-1),
    before all are added up and set against the most that they could be; levels that a stratum lacks
    do not count in it. One stratum gives `cramers_v`.

    >>> rotated = np.array([[[9, 0], [0, 9]], [[0, 9], [9, 0]]])  # tied in each stratum, otherwise in each
    >>> cramers_v_within(rotated), cramers_v(rotated.sum(axis=0))
    (1.0, 0.0)
    """
    counts = np.asarray(tables, dtype=np.float64)
    across, down = counts.sum(axis=2), counts.sum(axis=1)
    n = across.sum(axis=1)
    rows, columns = (across > 0).sum(axis=1), (down > 0).sum(axis=1)
    useful = (np.minimum(rows, columns) > 1) & (n > 1)
    if not useful.any():
        return None
    counts, across, down, n = counts[useful], across[useful], down[useful], n[useful]
    r, c = rows[useful] - 1, columns[useful] - 1
    product = across[:, :, None] * down[:, None, :]
    share = np.divide(counts**2, product, out=np.zeros_like(counts), where=product > 0).sum(
        axis=(1, 2)
    )
    excess = (n * (share - 1 - r * c / (n - 1))).sum()
    most = (n * np.minimum(r - r**2 / (n - 1), c - c**2 / (n - 1))).sum()
    return round(float(min(1.0, np.sqrt(max(0.0, excess) / most))), 6) if most > 0 else None


def mutual_information_within(tables: np.ndarray) -> float | None:
    """Mutual information given a third attribute: tables `(S, r, c)`, over the smaller entropy
    given it, 0-1."""
    counts = np.asarray(tables, dtype=np.float64)
    n = counts.sum()
    whole = _plogp(counts.sum(axis=(1, 2)), n)
    first, second = (whole - _plogp(counts.sum(axis=axis), n) for axis in (2, 1))
    least = min(first, second)
    if n == 0 or least <= 1e-12:
        return None
    both = whole - _plogp(counts, n)
    return round(float(min(1.0, max(0.0, (first + second - both) / least))), 6)


def permutation_null(table: np.ndarray, rng: np.random.Generator, draws: int = 199) -> float:
    """The share of random tables of the same margins that are at least as far from independence, by
    chi-squared.

    What shuffling the rows' levels gives, drawn cell by cell (each hypergeometric given those
    before), all draws at once. (1 + as far) / (1 + draws), so never 0. Levels without rows do not
    count.

    >>> permutation_null(np.array([[50, 0], [0, 50]]), np.random.default_rng(0))
    0.005
    """
    counts = np.asarray(table, dtype=np.int64)
    counts = counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0]
    if min(counts.shape) < 2:
        return 1.0
    across, down = counts.sum(axis=1), counts.sum(axis=0)
    drawn = np.zeros((draws, *counts.shape), dtype=np.int64)
    left = np.tile(down, (draws, 1))
    for row, size in enumerate(across[:-1]):
        wanted = np.full(draws, size)
        for column in range(len(down) - 1):
            rest = left[:, column + 1 :].sum(axis=1)
            drawn[:, row, column] = rng.hypergeometric(left[:, column], rest, wanted)
            wanted -= drawn[:, row, column]
        drawn[:, row, -1] = wanted
        left -= drawn[:, row]
    drawn[:, -1] = left
    expected = np.outer(across, down)
    seen, chance = ((given**2 / expected).sum(axis=(-2, -1)) for given in (counts, drawn))
    return round(float((1 + (chance >= seen * (1 - 1e-12)).sum()) / (1 + draws)), 4)


def _plogp(counts: np.ndarray, n: float) -> float:
    shares = counts[counts > 0] / n if n else counts[:0]
    return float((shares * np.log(shares)).sum())


def gini_impurity(sizes: np.ndarray) -> float:
    """Gini's coefficient of sizes `(n,)`: 0 where all are equal, near 1 where one has everything.

    >>> gini_impurity(np.array([3, 3, 3])), gini_impurity(np.array([0, 0, 0, 8]))
    (0.0, 0.75)
    """
    n, total = len(sizes), float(np.sum(sizes))
    if not total:
        return 0.0
    ranks = np.arange(1, n + 1)
    return round(float(2 * (ranks * np.sort(sizes)).sum() / (n * total) - (n + 1) / n), 6)


def standardize(shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Differences of shares `(A, L)` of levels between any two arms, in standard deviations.

    `(L,)` the largest difference of each level, and `(L, 2)` the two arms. The difference is
    infinite for a level that one arm has in every image and another in none. Austin, "Balance
    diagnostics", 2009: (p - q) over the root of (p(1-p) + q(1-q))/2.

    >>> standardize(np.array([[0.5, 0.5], [0.5, 0.5]]))[0].tolist()
    [0.0, 0.0]
    """
    variance = shares * (1 - shares)
    gap = shares[:, None] - shares[None, :]
    spread = np.sqrt((variance[:, None] + variance[None, :]) / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = np.where(gap > 0, gap / spread, 0.0).reshape(-1, shares.shape[1])
    best = between.argmax(axis=0)
    return between[best, np.arange(shares.shape[1])], np.stack(np.divmod(best, len(shares)), axis=1)
