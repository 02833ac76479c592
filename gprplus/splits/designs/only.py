"""`only`: one matched arm a level or set of levels, their mixture, and the controls of equal size."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gprplus.splits.aliases import cautions, refuse_aliased
from gprplus.splits.arms import Matched, Slots, Strata, deal, match, stratify
from gprplus.splits.codes import Codes
from gprplus.splits.designs.base import Arm, Plan, Train, design, judge_retention, random_images, sized
from gprplus.splits.designs.levels import arms_asked, counted, obey_missing, random_set


@design("only")
def only(train: Train) -> Plan:
    """Arms `only-<level>`, `mix`, `random-images-1`, and `random-levels-q<q>-1` where sets of levels were named.

    Every arm but the random images fills the same slots, so that all have the same persons, the same number of images
    of each and the same joint law of the other factors.
    """
    attr = train.request.attr
    refuse_aliased(train.relations, attr)
    sets, compared, names = arms_asked(train.codes(attr), train.request.levels, attr)
    strata_names = train.relations.strata(attr)
    matched = match_levels(train, compared, strata_names)
    warnings = [
        *cautions(train.relations, attr),
        *judge_retention(matched, train.request, _advice(train, strata_names)),
    ]
    slots = sized(matched.slots, train.order(), train.request, "persons")
    arms = fill(train, slots, sets, compared, names)
    if train.request.controls:
        wanted = np.bincount(slots.block, minlength=len(train.pool.persons))
        arms["random-images-1"] = random_images(train, wanted, 1)
    return Plan(
        design="only",
        arms=arms,
        reference="mix",
        levels=tuple(names[level] for level in compared),
        compared=tuple(name for name, arm in arms.items() if arm.kind == "only"),
        strata=("identity", *strata_names),
        retention=matched.retention,
        matching=counted(matched),
        warnings=tuple(warnings),
    )


def match_levels(train: Train, compared: np.ndarray, strata_names: Sequence[str]) -> Matched:
    """Match the train rows of the compared levels within person and the other factors, as --missing says."""
    pool, request = train.pool, train.request
    level = place_of(compared, pool.codes(request.attr))[train.rows]
    chosen = np.flatnonzero(level >= 0)
    rows, level = train.rows[chosen], level[chosen]
    others = [pool.images[name].at(rows) for name in strata_names]
    strata = stratify(pool.person[rows], pool.person_keys, others)
    kept = obey_missing(train, strata, rows, others, level, len(compared))
    strata = Strata(strata.code[kept], strata.owner, strata.key)
    matched = match(strata, level[kept], len(compared), pool.uid[rows[kept]], request.seed)
    slots = Slots(rows[kept][matched.slots.rows], matched.slots.block, matched.slots.rank)
    return Matched(slots, len(rows), matched.strata, matched.kept)


def place_of(compared: np.ndarray, codes: Codes) -> np.ndarray:
    """The codes of all rows as places among the compared levels, -1 elsewhere."""
    place = np.full(len(codes.levels) + 1, -1, dtype=np.int64)
    place[compared] = np.arange(len(compared))
    return place[codes.values]


def fill(
    train: Train, slots: Slots, sets: Sequence[tuple[int, ...]], compared: np.ndarray, names: tuple[Any, ...]
) -> dict[str, Arm]:
    """`only` arms, `mix` and random-levels controls out of slots."""
    place = {int(code): i for i, code in enumerate(compared)}
    level_keys = train.codes(train.request.attr).level_keys[compared]

    def arm(kind: str, codes: Sequence[int]) -> Arm:
        among = np.array([place[code] for code in codes])
        rows = deal(slots, train.pool.person_keys, level_keys, among, train.request.seed)
        return Arm(kind, tuple(str(names[code]) for code in codes), np.sort(rows))

    arms = {f"only-{'+'.join(str(names[code]) for code in codes)}": arm("only", codes) for codes in sets}
    arms["mix"] = arm("mix", [int(code) for code in compared])
    if train.request.controls:
        for size in sorted({len(codes) for codes in sets}):
            if 2 <= size <= len(compared) - 2:
                arms[f"random-levels-q{size}-1"] = arm(
                    "random-levels", random_set(train, size, sets, compared, level_keys)
                )
    return arms


def _advice(train: Train, strata: Sequence[str]) -> str:
    attr, beside = train.request.attr, " and ".join(("identity", *strata))
    fewer = "compare fewer levels with --levels" if len(train.codes(attr).present()) > 2 else "widen --where"
    return f"hardly any combination of {beside} has an image at every level of {attr}; {fewer}."
