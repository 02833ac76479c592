"""`only` and `without`: matched arms of one level or set of levels, or of all others; their
mixture; the controls."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gprplus.core.files.safe_names import file_safe
from gprplus.splits.candidates import AttributeCodes
from gprplus.splits.designs.arguments import (
    apply_missing_policy,
    count_levels,
    random_sets,
    requested_levels,
    require_within_identity,
)
from gprplus.splits.designs.base import (
    ArmSet,
    DesignInput,
    DrawnArm,
    apply_size_limits,
    check_retention,
    design,
    random_images,
    sorted_unique,
)
from gprplus.splits.designs.weighting import cell_weights, common_cells
from gprplus.splits.draws.matching import (
    MatchedRows,
    MatchedSlots,
    MatchingStrata,
    MatchTotals,
    match_strata,
    round_robin_rows,
    stratify,
)
from gprplus.splits.identifiability import nesting_warnings, reject_aliased


@design(
    "only",
    asks="What is each level worth, by itself, against an even mixture of the same size?",
    example="--attr=weather",
)
def only_design(train: DesignInput) -> ArmSet:
    """Make arms `only-<level>`, `mix`, `random-images-1`, and `random-levels-q<q>-1` if sets of
    levels were named.

    Every arm except the random images fills the same slots, so that all have the same identities,
    the same number of images of each and the same joint distribution of the other factors.
    """
    return compare_levels(train, "only")


@design(
    "without",
    asks=(
        "How much is lost if a level is left out, at the same size? (Necessity; `only` measures"
        " sufficiency.)"
    ),
    example="--attr=weather --design without",
)
def without_design(train: DesignInput) -> ArmSet:
    """Arms `without-<level>`, dealt over the other levels out of the slots of `only`; the same
    mixture and controls.

    Strata are kept only where every level is there, left out or not, so that `only` and `without`
    splits of one request hold the same slots and the same mixture.
    """
    return compare_levels(train, "without")


@design(
    "transfer",
    asks="Which level carries over best to a level that neither arm was trained on?",
    example="--attr=weather --design transfer",
)
def transfer_design(train: DesignInput) -> ArmSet:
    """The arms of `only` and of `without` in one split, out of the same slots.

    On level A alone, `without-A` and every `only-B` are tested on what neither was trained on,
    which favors none. All levels are matched, also those that no arm is named for.
    """
    return compare_levels(train, "only", "without")


@dataclass(frozen=True)
class LevelPlan:
    """What a comparison of levels does, before any row is drawn: the kinds of arm, the named `sets`
    of level codes, all levels `compared`, the names of the levels, and the factors to match on.
    `present` counts the levels in the train set."""

    kinds: tuple[str, ...]
    sets: tuple[tuple[int, ...], ...]
    compared: np.ndarray
    names: tuple[Any, ...]
    strata: tuple[str, ...]
    present: int

    @property
    def design(self) -> str:
        """Return the name of the design."""
        return self.kinds[0] if len(self.kinds) == 1 else "transfer"

    def advice(self, attr: str) -> str:
        """Return what to do where hardly anything can be matched."""
        strata_names = " and ".join(("identity", *self.strata))
        fewer = "compare fewer levels with --levels" if self.present > 2 else "widen --where"
        return (
            f"hardly any combination of {strata_names} has an image at every level of {attr};"
            f" {fewer}."
        )

    def arm_set(
        self, arms: dict[str, DrawnArm], matched: MatchTotals, warnings: Sequence[str]
    ) -> ArmSet:
        """Return the arms with the facts of the design."""
        return ArmSet(
            design=self.design,
            arms=arms,
            reference="mix",
            levels=tuple(self.names[level] for level in self.compared),
            compared=tuple(name for name, arm in arms.items() if arm.kind in self.kinds),
            strata=("identity", *self.strata),
            retention=matched.retention,
            matching=count_levels(matched),
            warnings=tuple(warnings),
        )


def compare_levels(train: DesignInput, *kinds: str) -> ArmSet:
    """Make the arms of `only`, of `without` or of both, over an attribute that varies within
    identities."""
    plan = plan_levels(train, train.codes(train.request.attr), kinds)
    matched = match_levels(train, plan.compared, plan.strata)
    warnings = matching_warnings(train, plan, matched.totals)
    slots = apply_size_limits(matched.slots, train.order(), train.request, "identities")
    arms = planned_arms(train, slots, plan, warnings)
    return plan.arm_set(arms, matched.totals, warnings)


def plan_levels(train: DesignInput, codes: AttributeCodes, kinds: tuple[str, ...]) -> LevelPlan:
    """Plan the comparison; `codes` hold each level of the attribute in the train set at least once.
    Raises SplitError for an attribute or levels that cannot be compared."""
    attr = train.request.attr
    require_within_identity(train, kinds[0] if len(kinds) == 1 else "transfer")
    reject_aliased(train.relations, attr)
    sets, compared, names = requested_levels(
        codes, train.request.levels, attr, apart="without" in kinds
    )
    strata = train.relations.strata(attr)
    return LevelPlan(kinds, tuple(sets), compared, names, strata, len(codes.present()))


def matching_warnings(train: DesignInput, plan: LevelPlan, matched: MatchTotals) -> list[str]:
    """Return warnings on what was matched. Raises SplitError where it is too little."""
    attr = train.request.attr
    return [
        *nesting_warnings(train.relations, attr),
        *check_retention(matched, train.request, plan.advice(attr)),
    ]


def planned_arms(
    train: DesignInput, slots: MatchedSlots, plan: LevelPlan, warnings: list[str]
) -> dict[str, DrawnArm]:
    """Fill the arms of a plan, and its controls, from slots."""
    comparisons = [
        LevelComparison(kind, plan.sets, plan.compared, plan.names) for kind in plan.kinds
    ]
    arms = {arm: made for one in comparisons for arm, made in level_arms(train, slots, one).items()}
    return (
        arms
        | mixture_arm(train, slots, comparisons[0])
        | control_arms(train, slots, comparisons[0], warnings)
    )


def match_levels(
    train: DesignInput, compared: np.ndarray, strata_names: Sequence[str]
) -> MatchedRows:
    """Match the train rows of the compared levels within identity and the other factors, under the
    --on-missing policy.
    """
    pool, request = train.pool, train.request
    level = level_index(compared, pool.codes(request.attr))[train.rows]
    rows, level = _those(level >= 0, train.rows, level)
    others = [pool.images[name].at(rows) for name in strata_names]
    if request.on_missing == "weight":  # the others' combinations are weighed, not matched
        kept = common_cells(cell_weights(train, rows, others), level, len(compared))
        strata = stratify(pool.identity[rows], pool.identity_keys, [])
    else:
        strata = stratify(pool.identity[rows], pool.identity_keys, others)
        kept = apply_missing_policy(train, strata, rows, others, level, len(compared))
    left, level, code = _those(kept, rows, level, strata.code)
    matched = match_strata(
        MatchingStrata(code, strata.owner, strata.key),
        level,
        len(compared),
        pool.uid[left],
        request.seed,
    )
    slots = MatchedSlots(left[matched.slots.rows], matched.slots.block, matched.slots.rank)
    return MatchedRows(slots, len(rows), matched.strata, matched.kept)


def _those(kept: np.ndarray, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
    """The elements that a mask keeps; the arrays themselves where it keeps all, as it does in a
    complete design."""
    return arrays if kept.all() else tuple(array[kept] for array in arrays)


def level_index(compared: np.ndarray, codes: AttributeCodes) -> np.ndarray:
    """The codes of all rows as places among the compared levels, -1 elsewhere."""
    place = np.full(len(codes.levels) + 1, -1, dtype=np.int32)
    place[compared] = np.arange(len(compared))
    return place[codes.values]


@dataclass(frozen=True)
class LevelComparison:
    """Comparison: `kind` of arm (only or without), the named `sets` of level codes, all levels
    `compared`."""

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
        """Return the name, such as only-sunny+clouds."""
        return file_safe(f"{self.kind}-{'+'.join(str(self.names[code]) for code in codes)}")


def fill_arms(
    train: DesignInput, slots: MatchedSlots, comparison: LevelComparison
) -> dict[str, DrawnArm]:
    """Make the requested arms and `mix` from slots."""
    return level_arms(train, slots, comparison) | mixture_arm(train, slots, comparison)


def level_arms(
    train: DesignInput, slots: MatchedSlots, comparison: LevelComparison
) -> dict[str, DrawnArm]:
    """The arm of each set of levels, out of slots."""
    return {
        comparison.arm_name(codes): round_robin_arm(
            train, slots, comparison, comparison.kind, comparison.trained_on(codes)
        )
        for codes in comparison.sets
    }


def mixture_arm(
    train: DesignInput, slots: MatchedSlots, comparison: LevelComparison
) -> dict[str, DrawnArm]:
    """`mix`: all levels compared, dealt evenly over the slots."""
    return {
        "mix": round_robin_arm(
            train, slots, comparison, "mix", [int(code) for code in comparison.compared]
        )
    }


def round_robin_arm(
    train: DesignInput,
    slots: MatchedSlots,
    comparison: LevelComparison,
    kind: str,
    codes: Sequence[int],
) -> DrawnArm:
    """Make one arm: the levels `codes` distributed evenly over the slots."""
    place = {int(code): i for i, code in enumerate(comparison.compared)}
    level_keys = train.pool.codes(train.request.attr).level_keys[comparison.compared]
    among = np.array([place[code] for code in codes])
    rows = round_robin_rows(slots, train.pool.identity_keys, level_keys, among, train.request.seed)
    return DrawnArm(
        kind,
        tuple(str(comparison.names[code]) for code in codes),
        sorted_unique(rows, len(train.pool)),
    )


def control_arms(
    train: DesignInput, slots: MatchedSlots, comparison: LevelComparison, warnings: list[str]
) -> dict[str, DrawnArm]:
    """Make the arms of random levels and of random images, with the requested number of draws."""
    if not train.request.controls:
        return {}
    keyed = train.pool.codes(train.request.attr).level_keys[comparison.compared]
    held = [comparison.trained_on(codes) for codes in comparison.sets]
    arms = {
        name: round_robin_arm(train, slots, comparison, "random-levels", codes)
        for name, codes in random_sets(train, held, comparison.compared, keyed, warnings).items()
    }
    wanted = np.bincount(slots.block, minlength=len(train.pool.identities))
    return arms | {
        f"random-images-{k}": random_images(train, wanted, k)
        for k in range(1, train.request.control_draws + 1)
    }
