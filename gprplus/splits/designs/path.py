"""`path`: from one level, or set of levels, to another in five mixtures of equal size."""

import numpy as np

from gprplus.core.errors import SplitError
from gprplus.schema.split_record import PathFacts
from gprplus.splits.designs.arguments import count_levels, requested_levels, require_within_identity
from gprplus.splits.designs.base import (
    ArmSet,
    DesignInput,
    DrawnArm,
    apply_size_limits,
    check_retention,
    design,
    random_images,
)
from gprplus.splits.designs.only_without import level_index, match_levels
from gprplus.splits.draws.matching import MatchedSlots, round_robin_rows
from gprplus.splits.identifiability import nesting_warnings, reject_aliased
from gprplus.splits.test_sets.test_set import rank_in_runs

SHARES = (0, 25, 50, 75, 100)  # percent of the way


@design(
    "path",
    asks="How does the score change as training moves from one level to another, all else equal?",
    example="--attr=weather --design path --levels sunny:foggy",
)
def path_design(train: DesignInput) -> ArmSet:
    """Make arms `path-0` to `path-100`: w(t) = (1 - t) w0 + t w1, in percent; `path-0` is the
    reference.

    Slots switch from the first end to the second in one hashed order, so that each arm differs from
    the next only in the slots that switch between them. The number of switched images of each arm
    is the nearest to its share (largest remainder), and so is that of each identity, within one.
    """
    attr, request = train.request.attr, train.request
    require_within_identity(train, "path")
    reject_aliased(train.relations, attr)
    first, second, names = _ends(train)
    compared = np.array(sorted({*first, *second}))
    strata_names = train.relations.strata(attr)
    matched = match_levels(train, compared, strata_names)
    advice = f"hardly any combination has an image at both ends of the path over {attr}."
    warnings = [
        *nesting_warnings(train.relations, attr),
        *check_retention(matched.totals, request, advice),
    ]
    slots = apply_size_limits(matched.slots, train.order(), request, "identities")
    arms = {
        f"path-{share}": _mixed(train, slots, compared, first, second, share) for share in SHARES
    }
    if request.controls:
        wanted = np.bincount(slots.block, minlength=len(train.pool.identities))
        arms |= {
            f"random-images-{k}": random_images(train, wanted, k)
            for k in range(1, request.control_draws + 1)
        }
    return ArmSet(
        design="path",
        arms=arms,
        reference="path-0",
        levels=tuple(names[code] for code in compared),
        compared=tuple(name for name, arm in arms.items() if arm.kind == "path"),
        strata=("identity", *strata_names),
        retention=matched.retention,
        matching=count_levels(matched.totals),
        warnings=tuple(warnings),
        facts=PathFacts(
            [str(names[code]) for code in first], [str(names[code]) for code in second]
        ),
    )


def _ends(train: DesignInput) -> tuple[tuple[int, ...], tuple[int, ...], tuple[object, ...]]:
    """The level codes of both ends, from `--levels sunny:foggy` or `--levels
    sunny,foggy+clouds`."""
    attr, levels = train.request.attr, train.request.levels
    ends = [end for level in levels or () for end in level.split(":")]
    if len(ends) != 2 or not all(ends):
        raise SplitError(
            f"A path goes from one level of {attr} to another: --levels FROM:TO, each a level or"
            f" several joined by +; found {', '.join(levels) if levels else 'none'}."
        )
    sets, _, names = requested_levels(train.codes(attr), ends, attr)
    if len(sets) < 2 or set(sets[0]) & set(sets[1]):
        raise SplitError(
            f"The two ends of the path share levels of {attr} ({ends[0]} and {ends[1]}); name"
            " others."
        )
    return sets[0], sets[1], names


def _mixed(
    train: DesignInput,
    slots: MatchedSlots,
    compared: np.ndarray,
    first: tuple[int, ...],
    second: tuple[int, ...],
    share: int,
) -> DrawnArm:
    codes = train.codes(train.request.attr)
    place_in = {int(code): i for i, code in enumerate(compared)}
    ends = [
        round_robin_rows(
            slots,
            train.pool.identity_keys,
            codes.level_keys[compared],
            np.array([place_in[code] for code in end]),
            train.request.seed,
        )
        for end in (first, second)
    ]
    rows = np.where(turned_shares(slots, train.order("path"), share), ends[1], ends[0])
    found = np.bincount(
        level_index(compared, train.pool.codes(codes.name))[rows], minlength=len(compared)
    )
    counts = {str(codes.levels[code]): int(n) for code, n in zip(compared, found, strict=True) if n}
    return DrawnArm(
        "path", tuple(counts), np.sort(rows), {"share": share / 100, "images_of": counts}
    )


def turned_shares(slots: MatchedSlots, order: np.ndarray, share: int) -> np.ndarray:
    """Return `(S,) bool`: the slots that have switched to the second end at `share` percent.

    Of an identity's n slots floor(share n) switch, and one more of the identities with the largest
    remainders, as many as the whole arm lacks; `order` (B,) breaks ties of remainders.
    """
    size = np.bincount(slots.block, minlength=len(order))
    whole, rest = np.divmod(size * share, 100)
    short = (2 * len(slots) * share + 100) // 200 - int(whole.sum())
    whole[np.lexsort((order, -rest))[:short]] += 1
    return rank_in_runs(slots.block) < whole[slots.block]
