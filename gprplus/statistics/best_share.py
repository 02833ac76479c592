"""Scores along a path of mixtures, and which share of its second end is best.

The best share is the one with the highest score. Its 95% set are the shares that no other is shown
to beat (multiple comparisons with the best: Hsu 1981): share k is in it if, for every other share
j, the interval of S_k - S_j reaches 0 or more, simultaneous over all j. If k is truly best, every
S_k - S_j is 0 or more, and all intervals hold together in 95 of 100 experiments, so k is in the set
at least as often. The set needs no curve; if the scores are equal it holds all shares. Where the
interval is given as its smallest and largest share, shares between them can be missing from the
set. Shares that no arm has are not compared: the best one can be between two of them.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gprplus.schema.split_record import SplitRecord
from gprplus.statistics.contrasts import DRAWS, estimate_contrasts
from gprplus.statistics.identity_variance import ScoreArray
from gprplus.statistics.intervals import arm_intervals
from gprplus.statistics.multiplicity import max_t_adjust
from gprplus.statistics.target_scores import TargetScores


def shares_that_may_be_best(
    scored: ScoreArray, arms: Sequence[int], rng: np.random.Generator, draws: int = DRAWS
) -> np.ndarray | None:
    """`(K,) bool`: which of the arms `arms (K,)` no other one of them is shown to beat; None if
    nothing is known of the noise of any difference. `draws` experiments are simulated for the
    family of each arm."""
    every = np.eye(len(scored.values))[list(arms)]
    kept, known = np.ones(len(arms), dtype=bool), False
    for k in range(len(arms)):
        found = estimate_contrasts(scored, every[k] - np.delete(every, k, axis=0), rng, draws=draws)
        width = max_t_adjust(found)[1]
        beaten = found.value + width < 0  # no width: nothing is known of that difference
        kept[k], known = not beaten.any(), known or not np.isnan(width).all()
    return kept if known else None


def dose_rows(seen: TargetScores, split: SplitRecord) -> list[dict[str, Any]]:
    """Rows of schema.DOSE of one target, from the smallest share to the largest; none without a
    path."""
    shares = {name: one.share for name, one in split.arms.items() if one.kind == "path"}
    steps = sorted(
        (share, arm) for arm, share in shares.items() if share is not None and arm in seen.arms
    )
    if len(steps) < 2:
        return []
    place = seen.place([arm for _, arm in steps])
    spans = arm_intervals(seen.scored)
    likely = shares_that_may_be_best(seen.scored, place, seen.rng("best share"))
    best = max(range(len(steps)), key=lambda k: spans[place[k]].value)
    sizes = {
        "seeds": seen.scored.values.shape[1],
        "query_identities": seen.scored.identities,
    }
    return [
        seen.notes
        | {"arm": arm, "share": share, **vars(spans[place[k]])}
        | {"best": k == best, "may_be_best": None if likely is None else bool(likely[k])}
        | sizes
        for k, (share, arm) in enumerate(steps)
    ]
