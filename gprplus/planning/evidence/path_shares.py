"""The share of levels that is best for a target, from a finished path between them.

The arms of a path have shares of its second end from 0 to 1. Each share gets the probability that
it is the best, given its score relative to the first arm and the standard error of either; the
levels of both ends get the mean of these shares.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gprplus.planning.evidence.level_evidence import (
    LevelEvidence,
    best_probabilities,
    own_error,
)
from gprplus.schema.split_record import SplitRecord


def path_evidence(
    split: SplitRecord, rows: Sequence[Mapping[str, Any]], levels: tuple[Any, ...], seed: int
) -> LevelEvidence | None:
    """Return the shares of the levels of a path, from its contrasts `rows` (schema.CONTRASTS); None
    if fewer than two arms were scored, or an end has no candidate level.

    Levels that are on neither end keep their even share.
    """
    assert split.path is not None
    shares, values, errors = [0.0], [0.0], []
    for row in rows:
        arm = split.arms.get(row["contrast"])
        if row["family"] == "to the reference" and arm is not None and arm.share is not None:
            shares.append(arm.share)
            values.append(row["value"])
            errors.append(own_error(row))
    ends = [[str(level) for level in end] for end in (split.path.start, split.path.end)]
    places = [[i for i, level in enumerate(levels) if str(level) in end] for end in ends]
    if len(shares) < 2 or not all(places):
        return None
    # The first arm is as uncertain as the others, which are compared with it.
    errors = [float(np.mean(errors)), *errors]
    chances = best_probabilities(np.array(values), np.array(errors), np.random.default_rng(seed))
    best = float(chances @ np.array(shares))
    found = np.full(len(levels), 1 / len(levels))
    mass = found[[*places[0], *places[1]]].sum()
    found[places[0]] = mass * (1 - best) / len(places[0])
    found[places[1]] = mass * best / len(places[1])
    sentences = [""] * len(levels)
    for end, part in zip(places, (1 - best, best), strict=True):
        for place in end:
            sentences[place] = f"best share on the path {part:.0%}"
    unknown = np.full(len(levels), math.nan)
    return LevelEvidence(
        "effects", split.attribute, levels, unknown, unknown, tuple(sentences), found
    )
