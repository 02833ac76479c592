"""What the audit says of the train side as a whole, whatever arms are drawn from it: work for while they are drawn."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gprplus.splits.audit import balance
from gprplus.splits.audit.collinearity import collinearity
from gprplus.splits.audit.counts import Counted, Joint, pack
from gprplus.splits.designs import Train


@dataclass(frozen=True)
class Survey:
    """The attributes of all rows packed for counting, and what `found` says of those of the train side."""

    joint: Joint
    found: Mapping[str, Any]


def survey(train: Train) -> Survey:
    """Association and nesting of the attributes of the train side."""
    pool, twins = train.pool, train.relations.twins()
    joint = pack({name: codes for name, codes in pool.images.items() if codes.levels and name not in twins}, len(pool))
    whole = Counted(pool, joint, train.rows)
    per_person = {name: whole.by_person(name) for name, codes in pool.images.items() if len(codes.levels) > 1}
    found = {
        **balance.pairs(train, whole, per_person),
        "constant_within_identity": balance.nested(whole, per_person),
        "collinearity": collinearity(train.relations, whole, per_person),
    }
    return Survey(joint, found)
