"""Audit of the whole train set, independent of the arms: computed while the arms are drawn."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gprplus.splits.audit import balance
from gprplus.splits.audit.collinearity import collinearity
from gprplus.splits.audit.counts import JointTable, LevelCounts, pack_codes
from gprplus.splits.designs import DesignInput


@dataclass(frozen=True)
class TrainSummary:
    """The attributes of all rows packed for counting, and `found`, the associations in the train
    set."""

    joint: JointTable
    found: Mapping[str, Any]


def train_summary(train: DesignInput) -> TrainSummary:
    """Association and nesting of the attributes of the train set."""
    pool, equivalents = train.pool, train.relations.equivalents()
    joint = pack_codes(
        {
            name: codes
            for name, codes in pool.images.items()
            if codes.levels and name not in equivalents
        },
        len(pool),
    )
    whole = LevelCounts(pool, joint, train.rows)
    per_person = {
        name: whole.by_identity(name)
        for name, codes in pool.images.items()
        if len(codes.levels) > 1
    }
    chosen = balance.sampled_identities(pool.identity_keys, np.flatnonzero(whole.identities))
    within = balance.SampledIdentities(pool, train.rows, chosen)
    return TrainSummary(joint, associations(train, whole, per_person, within))


def associations(
    train: DesignInput,
    whole: LevelCounts,
    per_person: Mapping[str, np.ndarray],
    within: balance.SampledIdentities,
) -> dict[str, Any]:
    """Return the association and nesting of the attributes, from the counts of the train set."""
    return {
        **balance.attribute_pairs(train, whole, per_person, within),
        "constant_within_identity": balance.nested_pairs(whole, per_person),
        "collinearity": collinearity(train.relations, whole, per_person),
    }
