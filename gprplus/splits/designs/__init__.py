"""The kinds of experiment, by name: one module a design, each a function from the train side to its arms."""

from gprplus.splits.designs import identity, only, persons
from gprplus.splits.designs.base import DESIGNS, Arm, Plan, Train

__all__ = ["DESIGNS", "Arm", "Plan", "Train", "draw", "identity", "only", "persons"]


def draw(train: Train) -> Plan:
    """The arms that the attribute calls for: a ladder of persons, a comparison between persons, or one within them."""
    attr = train.request.attr
    if attr == "identity":
        return DESIGNS["identity"](train)
    if attr in train.pool.traits or train.relations.follows(attr, ("identity",)):
        return DESIGNS["persons"](train)
    return DESIGNS["only"](train)
