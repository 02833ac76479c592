"""Whether effects that add up on the scale of scores hold on the logit scale.

A score is between 0 and 1: two effects that multiply the odds S / (1 - S) do not add up in S, and
show an interaction there that has no other cause than the scale. So each contrast sum_a w_a S_a of
a family that is about adding up is also taken of the logits, sum_a w_a log(S_a / (1 - S_a)).

Its noise is that of the contrast by the delta method: log(S / (1 - S)) has the slope
1 / (S (1 - S)), so the score x of a query, seed and arm becomes

    log(S_a / (1 - S_a)) + (x - S_a) / (S_a (1 - S_a)),

with S_a the mean score of the arm. The mean over queries and seeds is the logit of the mean, and
identities, seeds, pairing and families are treated as on the scale of scores.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gprplus.evaluation.targets import OWN_TEST_SET
from gprplus.statistics.estimands import ADDITIVE, DeclaredContrast
from gprplus.statistics.identity_variance import ScoreArray
from gprplus.statistics.multiplicity import classify_interval, max_t_adjust
from gprplus.statistics.target_scores import TargetScores

Row = dict[str, Any]


def logit_scores(scored: ScoreArray) -> ScoreArray:
    """Scores on the logit scale, by the delta method about the mean score of each arm.

    >>> scored = ScoreArray(np.array([[[0.7, 0.9]]]), np.array([0, 1]))
    >>> logit_scores(scored).values.round(3).tolist()  # log(0.8 / 0.2) -+ 0.1 / 0.16
    [[[0.761, 2.011]]]
    """
    mean = scored.values.mean(axis=(1, 2), keepdims=True)
    slope = 1 / (mean * (1 - mean))
    values = np.log(mean / (1 - mean)) + (scored.values - mean) * slope
    return ScoreArray(values, scored.identity)


def logit_rows(
    seen: Sequence[TargetScores],
    declared: Mapping[str, Sequence[DeclaredContrast]],
    contrasts: Sequence[Row],
    shared: int = 1,
) -> list[Row]:
    """Rows of schema.LOGIT of all targets: the families that are about adding up.

    `contrasts` are the rows of schema.CONTRASTS; on the split's own test set `shared` estimands
    share the 5%, as they do there. A family with an arm whose score is 0 or 1 is left out: its
    logit is infinite.
    """
    keys = ("target", "metric", "family", "contrast")
    points = {tuple(row[key] for key in keys): row for row in contrasts}
    rows = []
    for one in seen:
        for name in dict.fromkeys(d.family for d in declared[one.target] if d.family in ADDITIVE):
            family = [d for d in declared[one.target] if d.family == name]
            count = shared if one.target == OWN_TEST_SET else 1
            for found in _family_rows(one, family, count):
                row = one.notes | found
                holds = _holds(row, points[tuple(row[key] for key in keys)])
                rows.append(row | {"holds": holds})
    return rows


def _family_rows(
    seen: TargetScores, family: Sequence[DeclaredContrast], count: int
) -> Iterator[Row]:
    arms = seen.place(list(dict.fromkeys(arm for one in family for arm in one.weights)))
    mean = seen.scored.values.mean(axis=(1, 2))[arms]
    if (mean <= 0).any() or (mean >= 1).any():
        return
    chosen = replace(
        seen,
        arms=tuple(seen.arms[at] for at in arms),
        scored=logit_scores(ScoreArray(seen.scored.values[arms], seen.scored.identity)),
    )
    found = chosen.estimate(family)
    width = max_t_adjust(found, 1 - 0.05 / count)[1]
    for k, one in enumerate(family):
        low, high = float(found.value[k] - width[k]), float(found.value[k] + width[k])
        yield {
            "family": one.family,
            "contrast": one.name,
            "value": float(found.value[k]),
            "error": float(found.std_error[k]),
            "family_low": low,
            "family_high": high,
            "verdict": classify_interval(low, high, 0.0),
        }


def _holds(logit: Row, points: Row) -> bool | None:
    """Return True if both intervals exclude 0 on one side, or neither does; None without
    intervals."""
    if "unknown" in (logit["verdict"], points["verdict"]):
        return None
    sides = [
        one["verdict"] if one["verdict"] in ("higher", "lower") else "" for one in (logit, points)
    ]
    return sides[0] == sides[1]
