"""A fair split of a total among attributes (Shapley 1953): arms of a full factorial as coalitions.

A coalition is the set of attributes that are left free, v its score at one number of images. The
value of an attribute is what freeing it adds, averaged over all orders of freeing them one by one;
the values add up to v(all free) less v(none). It splits a total and names no cause, and it changes
with the restriction and with the number of images.
"""

from collections.abc import Sequence
from itertools import combinations
from math import factorial

import numpy as np

from gprplus.core.errors import ScoreError

MOST = 5  # attributes; 32 arms


def shapley_weights(free: Sequence[frozenset[str]], players: Sequence[str]) -> np.ndarray:
    """Weights `(k, A)` of the arms for the value of each player; `free[a]` is the coalition of arm
    a.

    Raises ScoreError when a coalition has no arm, or there are more than five players.

    >>> arms = [frozenset("AB"), frozenset("B"), frozenset("A"), frozenset()]
    >>> shapley_weights(arms, "AB").tolist()
    [[0.5, -0.5, 0.5, -0.5], [0.5, 0.5, -0.5, -0.5]]
    """
    if len(players) > MOST:
        raise ScoreError(
            f"Shapley values are worked out exactly for up to {MOST} attributes; found"
            f" {len(players)}."
        )
    place = {coalition: arm for arm, coalition in enumerate(free)}
    lacking = [
        one
        for size in range(len(players) + 1)
        for one in combinations(players, size)
        if frozenset(one) not in place
    ]
    if lacking:
        raise ScoreError(
            f"Shapley values need an arm for each of the {2 ** len(players)} combinations of"
            f" {', '.join(players)}; {len(lacking)} are missing, as in a fraction of a factorial."
            " Run the full one."
        )
    out = np.zeros((len(players), len(free)))
    for row, player in enumerate(players):
        others = [one for one in players if one != player]
        for size in range(len(players)):
            weight = factorial(size) * factorial(len(players) - size - 1) / factorial(len(players))
            for chosen in map(frozenset, combinations(others, size)):
                out[row, place[chosen | {player}]] += weight
                out[row, place[chosen]] -= weight
    return out
