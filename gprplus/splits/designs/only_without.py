"""`only` and `without`: matched arms of one level or set of levels, or of all others; their mixture; the controls."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gprplus.core.names import file_safe
from gprplus.splits.candidates import Codes
from gprplus.splits.designs.arguments import arms_asked, counted, inside_persons, obey_missing, random_sets
from gprplus.splits.designs.base import Arm, Plan, Train, design, in_place, judge_retention, random_images, sized
from gprplus.splits.designs.weighting import cells, common
from gprplus.splits.identifiability import cautions, refuse_aliased
from gprplus.splits.matching import Matched, Slots, Strata, deal, match, stratify


@design(
    "only",
    asks="What is each level worth, by itself, against an even mixture of the same size?",
    example="--attr=weather",
)
def only(train: Train) -> Plan:
    """Arms `only-<level>`, `mix`, `random-images-1`, and `random-levels-q<q>-1` where sets of levels were named.

    Every arm but the random images fills the same slots, so that all have the same persons, the same number of images
    of each and the same joint law of the other factors.
    """
    return compare(train, "only")


@design(
    "without",
    asks="What is lost when a level is left out, at the same size? (Necessity, beside the sufficiency of `only`.)",
    example="--attr=weather --design without",
)
def without(train: Train) -> Plan:
    """Arms `without-<level>`, dealt over the other levels out of the slots of `only`; the same mixture and controls.

    Strata are kept only where every level is there, left out or not, so that `only` and `without` splits of one request
    hold the same slots and the same mixture.
    """
    return compare(train, "without")


@design(
    "transfer",
    asks="Which level carries over best to a level that neither arm was trained on?",
    example="--attr=weather --design transfer",
)
def transfer(train: Train) -> Plan:
    """The arms of `only` and of `without` in one split, out of the same slots.

    On level A alone, `without-A` and every `only-B` are tested on what neither was trained on, which favours none. All
    levels are matched, also those that no arm is named for.
    """
    return compare(train, "only", "without")


def compare(train: Train, *kinds: str) -> Plan:
    """The arms of `only`, of `without` or of both, over an attribute that varies within a person."""
    attr, name = train.request.attr, kinds[0] if len(kinds) == 1 else "transfer"
    inside_persons(train, name)
    refuse_aliased(train.relations, attr)
    sets, compared, names = arms_asked(train.codes(attr), train.request.levels, attr, apart="without" in kinds)
    strata_names = train.relations.strata(attr)
    matched = match_levels(train, compared, strata_names)
    warnings = [
        *cautions(train.relations, attr),
        *judge_retention(matched, train.request, _advice(train, strata_names)),
    ]
    slots = sized(matched.slots, train.order(), train.request, "persons")
    asked = [Comparison(kind, tuple(sets), compared, names) for kind in kinds]
    arms = {arm: made for one in asked for arm, made in named(train, slots, one).items()}
    arms |= mixture(train, slots, asked[0]) | controls(train, slots, asked[0], warnings)
    return Plan(
        design=name,
        arms=arms,
        reference="mix",
        levels=tuple(names[level] for level in compared),
        compared=tuple(name for name, arm in arms.items() if arm.kind in kinds),
        strata=("identity", *strata_names),
        retention=matched.retention,
        matching=counted(matched),
        warnings=tuple(warnings),
    )


def match_levels(train: Train, compared: np.ndarray, strata_names: Sequence[str]) -> Matched:
    """Match the train rows of the compared levels within person and the other factors, as --missing says."""
    pool, request = train.pool, train.request
    level = place_of(compared, pool.codes(request.attr))[train.rows]
    rows, level = _those(level >= 0, train.rows, level)
    others = [pool.images[name].at(rows) for name in strata_names]
    if request.missing == "weight":  # the others' combinations are weighed, not matched
        kept = common(cells(train, rows, others), level, len(compared))
        strata = stratify(pool.person[rows], pool.person_keys, [])
    else:
        strata = stratify(pool.person[rows], pool.person_keys, others)
        kept = obey_missing(train, strata, rows, others, level, len(compared))
    left, level, code = _those(kept, rows, level, strata.code)
    matched = match(Strata(code, strata.owner, strata.key), level, len(compared), pool.uid[left], request.seed)
    slots = Slots(left[matched.slots.rows], matched.slots.block, matched.slots.rank)
    return Matched(slots, len(rows), matched.strata, matched.kept)


def _those(kept: np.ndarray, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
    """The elements that a mask keeps; the arrays themselves where it keeps all, as it does in a complete design."""
    return arrays if kept.all() else tuple(array[kept] for array in arrays)


def place_of(compared: np.ndarray, codes: Codes) -> np.ndarray:
    """The codes of all rows as places among the compared levels, -1 elsewhere."""
    place = np.full(len(codes.levels) + 1, -1, dtype=np.int32)
    place[compared] = np.arange(len(compared))
    return place[codes.values]


@dataclass(frozen=True)
class Comparison:
    """What is compared: `kind` of arm (only or without), the `sets` of level codes named, all levels `compared`."""

    kind: str
    sets: tuple[tuple[int, ...], ...]
    compared: np.ndarray
    names: tuple[Any, ...]

    def trained_on(self, codes: Sequence[int]) -> tuple[int, ...]:
        """The levels that the arm of a set holds."""
        if self.kind == "only":
            return tuple(codes)
        return tuple(int(code) for code in self.compared if code not in codes)

    def arm_name(self, codes: Sequence[int]) -> str:
        """Such as only-sunny+clouds."""
        return file_safe(f"{self.kind}-{'+'.join(str(self.names[code]) for code in codes)}")


def fill(train: Train, slots: Slots, asked: Comparison) -> dict[str, Arm]:
    """The arms asked for and `mix`, out of slots."""
    return named(train, slots, asked) | mixture(train, slots, asked)


def named(train: Train, slots: Slots, asked: Comparison) -> dict[str, Arm]:
    """The arm of each set of levels, out of slots."""
    return {
        asked.arm_name(codes): dealt(train, slots, asked, asked.kind, asked.trained_on(codes)) for codes in asked.sets
    }


def mixture(train: Train, slots: Slots, asked: Comparison) -> dict[str, Arm]:
    """`mix`: all levels compared, dealt evenly over the slots."""
    return {"mix": dealt(train, slots, asked, "mix", [int(code) for code in asked.compared])}


def dealt(train: Train, slots: Slots, asked: Comparison, kind: str, codes: Sequence[int]) -> Arm:
    """One arm: the levels `codes` dealt evenly over the slots."""
    place = {int(code): i for i, code in enumerate(asked.compared)}
    level_keys = train.pool.codes(train.request.attr).level_keys[asked.compared]
    among = np.array([place[code] for code in codes])
    rows = deal(slots, train.pool.person_keys, level_keys, among, train.request.seed)
    return Arm(kind, tuple(str(asked.names[code]) for code in codes), in_place(rows, len(train.pool)))


def controls(train: Train, slots: Slots, asked: Comparison, warnings: list[str]) -> dict[str, Arm]:
    """The arms of random levels and of random images, as many draws of each as were asked for."""
    if not train.request.controls:
        return {}
    keyed = train.pool.codes(train.request.attr).level_keys[asked.compared]
    held = [asked.trained_on(codes) for codes in asked.sets]
    arms = {
        name: dealt(train, slots, asked, "random-levels", codes)
        for name, codes in random_sets(train, held, asked.compared, keyed, warnings).items()
    }
    wanted = np.bincount(slots.block, minlength=len(train.pool.persons))
    return arms | {f"random-images-{k}": random_images(train, wanted, k) for k in range(1, train.request.draws + 1)}


def _advice(train: Train, strata: Sequence[str]) -> str:
    attr, beside = train.request.attr, " and ".join(("identity", *strata))
    fewer = "compare fewer levels with --levels" if len(train.codes(attr).present()) > 2 else "widen --where"
    return f"hardly any combination of {beside} has an image at every level of {attr}; {fewer}."
