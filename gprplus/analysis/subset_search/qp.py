"""The convex programme behind a search: weights of cells that bring a mixture nearest to the
target.

With Q_cc' the mean kernel between images of two cells, b_c that between a cell and the target, the
squared maximum mean discrepancy of the mixture w is w'Qw - 2 b'w + const (Gretton et al., JMLR
2012). It is convex when Q holds the pairs of an image with itself too, so

    min over w of  w'Qw - 2 b'w + ridge |w - even|^2,   0 <= w <= upper,  sum w = 1,  sum of w in group g >= least_g

has one solution for ridge > 0, found by accelerated projected gradients.
"""

import math

import numpy as np

_STEPS = 20_000
_CLOSE = 1e-9
_SUM = 1e4  # weight of the row that makes weights sum to 1: relative to the others


def project_to_simplex(
    point: np.ndarray, upper: np.ndarray, groups: np.ndarray, least: np.ndarray
) -> np.ndarray:
    """The nearest w `(C,)` to a point that meets all constraints; `groups` `(C,)` numbers the group
    of each cell.

    w = clip(point - t_g, 0, upper) with one threshold t for all groups, lowered in those that would
    fall under their `least` `(G,)`: the Karush-Kuhn-Tucker conditions of disjoint groups.

    >>> even = np.array([1.0, 1.0])
    >>> groups, least = np.array([0, 0, 1]), np.array([0.0, 0.2])
    >>> project_to_simplex(np.array([0.9, 0.5, 0.0]), np.ones(3), groups, least).round(3).tolist()
    [0.6, 0.2, 0.2]
    """
    own = np.full(len(least), np.inf)
    for group in (least > 0).nonzero()[0]:
        mine = groups == group
        own[group] = _threshold(point[mine], upper[mine], least[group])
    limit = own[groups]
    whole = _threshold(point, upper, 1.0, limit)
    return (point - np.minimum(whole, limit)).clip(0, upper)


def _threshold(
    point: np.ndarray, upper: np.ndarray, wanted: float, limit: np.ndarray | float = np.inf
) -> float:
    """The t at which clip(point - min(t, limit), 0, upper) sums to `wanted`.

    Every part falls in a straight line between two values of t, so the sum is known where the lines
    bend. Methods of arrays in place of functions of NumPy: a search takes 100,000 thresholds of a few
    cells, where those cost more than the work.
    """
    high = np.minimum(point, limit)
    low = np.minimum(point - upper, high)
    bends = np.concatenate([low, high])
    order = bends.argsort()
    bends = bends[order]
    falling = np.where(order < len(point), 1, -1).cumsum()[:-1]
    fallen = np.zeros(len(bends))
    (falling * (bends[1:] - bends[:-1])).cumsum(out=fallen[1:])
    return float(np.interp(upper.sum() - wanted, fallen, bends))


def solve_weights(
    within: np.ndarray,
    across: np.ndarray,
    *,
    ridge: float,
    upper: np.ndarray,
    groups: np.ndarray,
    least: np.ndarray,
) -> np.ndarray:
    """The weights `(C,)` of the programme for Q `(C, C)` positive semidefinite and b `(C,)`.

    Nesterov's method with restarts (O'Donoghue and Candes, "Adaptive restart for accelerated
    gradient schemes", 2015).
    """
    even = np.full(len(across), 1 / len(across))
    step = 1 / (2 * (np.linalg.eigvalsh(within)[-1] + ridge))
    w = ahead = project_to_simplex(even, upper, groups, least)
    momentum = 1.0
    for _ in range(_STEPS):
        slope = 2 * (within @ ahead - across + ridge * (ahead - even))
        new = project_to_simplex(ahead - step * slope, upper, groups, least)
        moved = new - w
        if (ahead - new) @ moved > 0:  # the last steps overshot: start the acceleration anew
            momentum = 1.0
        grown = (1 + math.sqrt(1 + 4 * momentum**2)) / 2
        ahead = new + (momentum - 1) / grown * moved
        w, momentum = new, grown
        if np.abs(moved).max() < _CLOSE:
            break
    return w


def solve_on_simplex(within: np.ndarray, across: np.ndarray, ridge: float) -> np.ndarray:
    """The weights `(C,)` of the programme without bounds and groups, for Q `(C, C)` and b `(C,)`.

    With Q + ridge = L L' it is a least squares problem with weights of at least 0, and a row of large
    weight for their sum (Lawson and Hanson, "Solving least squares problems", 1974): 30 times as
    fast as `solve_weights` at 1,000 cells.
    """
    from scipy.optimize import nnls

    count = len(across)
    lower = np.linalg.cholesky(within + ridge * np.eye(count))
    wanted = np.linalg.solve(lower, across + ridge / count)
    large = _SUM * np.sqrt(np.diag(within).mean() + ridge)
    rows = np.vstack([lower.T, np.full((1, count), large)])
    weights, _ = nnls(rows, np.append(wanted, large), maxiter=30 * count)
    found: np.ndarray = weights / weights.sum()
    return found


def round_counts(weights: np.ndarray, total: int, most: np.ndarray) -> np.ndarray:
    """Whole numbers `(C,)` near weights x total that sum to it, none above `most`: the largest
    remainders are rounded up, and what a full cell cannot take goes to the next ones.

    >>> round_counts(np.array([0.5, 0.3, 0.2]), 4, np.array([9, 9, 9])).tolist()
    [2, 1, 1]
    """
    ideal = weights * total
    found = np.minimum(np.floor(ideal + 1e-9).astype(np.int64), most)
    while found.sum() < total:
        open_cells = np.flatnonzero(found < most)
        order = open_cells[np.argsort(-(ideal - found)[open_cells], kind="stable")]
        found[order[: total - found.sum()]] += 1
    return found
