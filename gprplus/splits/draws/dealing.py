"""Deals: the design drawn again with other seeds, so that each training seed trains on rows of its
own.

Training seed k trains on deal k of every arm. The luck of one draw (which level a mixture has of
which slot, which images a random control has) is then part of the variance over seeds instead of
being the same for all of them. Within a deal all arms are matched with each other; the test set is
the same in all deals.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from gprplus.core.errors import SplitError
from gprplus.core.hashing import hash64, join_canonical
from gprplus.splits.designs import ArmSet, DesignInput, DrawnArm


def deal_seed(seed: int, deal: int) -> int:
    """The seed that a deal is drawn with: that of the request for deal 0, else a hash of it, 0 to
    2^63 - 1.

    >>> deal_seed(7, 0), deal_seed(7, 1) == deal_seed(7, 1), deal_seed(7, 1) == deal_seed(7, 2)
    (7, True, False)
    """
    return (
        seed if deal == 0 else hash64(join_canonical("deal of a split", str(seed), str(deal))) >> 1
    )


def draw_deals(train: DesignInput, draw: Callable[[DesignInput], ArmSet]) -> ArmSet:
    """The plan of deal 0 whose arms hold their other deals, where those differ in any of them.

    Raises SplitError where a design that deal 0 satisfies cannot be drawn in another deal.
    """
    plan = draw(train)
    others: dict[str, list[DrawnArm]] = {name: [] for name in plan.arms}
    for deal in range(1, train.request.deals):
        drawn = _drawn_again(train, draw, deal)
        for name, arm in plan.arms.items():
            again = drawn.get(name)
            if again is None:
                raise SplitError(f"Deal {deal} has no arm '{name}', unlike deal 0. {_fewer(deal)}")
            others[name].append(arm if _equal(arm, again) else again)  # equal rows are held once
    return replace(plan, arms={name: _joined(arm, others[name]) for name, arm in plan.arms.items()})


def _drawn_again(
    train: DesignInput, draw: Callable[[DesignInput], ArmSet], deal: int
) -> Mapping[str, DrawnArm]:
    request = replace(train.request, seed=deal_seed(train.request.seed, deal))
    try:
        return draw(replace(train, request=request, deal=deal)).arms
    except SplitError as problem:
        raise SplitError(f"Deal {deal} cannot be drawn: {problem} {_fewer(deal)}") from problem


def _fewer(deal: int) -> str:
    return f"Use --deals {deal} or fewer, or another --seed."


def _equal(one: DrawnArm, two: DrawnArm) -> bool:
    if not np.array_equal(one.rows, two.rows):
        return False
    if one.weights is None or two.weights is None:
        return one.weights is two.weights
    return np.array_equal(one.weights, two.weights)


def _joined(arm: DrawnArm, others: list[DrawnArm]) -> DrawnArm:
    return arm if all(one is arm for one in others) else replace(arm, others=tuple(others))


def arms_of_every_deal(arms: Mapping[str, DrawnArm]) -> Iterator[DrawnArm]:
    """Yield each arm in each of its deals."""
    for arm in arms.values():
        yield from arm.deals
