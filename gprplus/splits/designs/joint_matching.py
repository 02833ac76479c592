"""Matched arms that are restricted in several attributes at once.

A slot is again one position in a training set, in a stratum of an identity and the factors that no
arm restricts. Each arm has the images of its levels in that stratum, and a stratum gives as many
slots as the arm with the fewest. An arm fills its slots in an order in which every prefix has each
of its levels equally often (`balanced_order`), the levels shuffled anew in each stratum, so that
factors are not correlated. Arms then have the same identities, as many images of each, and one
distribution of every factor that none of them restricts.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from gprplus.core import sampling
from gprplus.core.errors import SplitError, did_you_mean
from gprplus.splits.candidates import AttributeCodes
from gprplus.splits.declared_arm import DeclaredArm
from gprplus.splits.designs.arguments import apply_missing_policy
from gprplus.splits.designs.base import DesignInput
from gprplus.splits.draws.matching import (
    MatchedRows,
    MatchedSlots,
    MatchingStrata,
    stratify,
    take_first,
)
from gprplus.splits.identifiability import nesting_warnings, reject_aliased
from gprplus.splits.test_sets.test_set import rank_in_runs

GREEDY = 4096  # cells of a grid up to which an order is balanced one by one; beyond, a draw is balanced enough


def factors_of(train: DesignInput, restricted: Sequence[str]) -> tuple[str, ...]:
    """Return the factors to match on in addition to identity: those of each restricted attribute
    that are not restricted.

    Raises SplitError for an attribute that is constant for each identity, or whose effect is
    aliased.
    """
    for attr in restricted:
        if attr in train.pool.identity_attributes or train.relations.is_function_of(
            attr, ("identity",)
        ):
            raise SplitError(
                f"{attr} does not vary within an identity, so the same identities cannot be used"
                " with and without a restriction of it. Compare identities with: gprplus"
                f" make-split --attr={attr}"
            )
        reject_aliased(train.relations, attr)
        for other in restricted:
            if other != attr and train.relations.is_function_of(other, ("identity", attr)):
                raise SplitError(
                    f"{other} follows from {attr}, so that the two cannot be restricted apart."
                )
    if not restricted:
        return train.relations.strata("identity")
    kept = [set(train.relations.strata(attr)) for attr in restricted]
    return tuple(
        name
        for name in train.relations.strata(restricted[0])
        if name not in restricted and all(name in k for k in kept)
    )


def match_warnings(train: DesignInput, restricted: Sequence[str]) -> list[str]:
    """Return the attributes that change with each restricted attribute."""
    return [sentence for attr in restricted for sentence in nesting_warnings(train.relations, attr)]


def kept_level_codes(train: DesignInput, attr: str, levels: Sequence[object]) -> np.ndarray:
    """Codes of the named levels in the train set, sorted. Raises SplitError with the nearest
    one."""
    codes = train.codes(attr)
    place = {str(codes.levels[code]): int(code) for code in codes.present()}
    for level in map(str, levels):
        if level not in place:
            raise SplitError(
                f"{attr} has no level '{level}' in the train set. {did_you_mean(level, place)}"
            )
    return np.unique([place[str(level)] for level in levels])


def match_jointly(
    train: DesignInput,
    arms: Sequence[Mapping[str, Sequence[Any]]],
    attrs: Sequence[str],
    factors: Sequence[str],
) -> MatchedRows:
    """Slots whose columns are arms: `arms` name the levels that each keeps of (some of) the
    attributes `attrs`."""
    pool, request = train.pool, train.request
    level = {attr: train.codes(attr) for attr in attrs}
    known = np.ones(len(train.rows), dtype=bool)
    for codes in level.values():
        known &= codes.values >= 0
    rows = train.rows[known]
    level = {attr: codes.at(known) for attr, codes in level.items()}
    others = [train.codes(name).at(known) for name in factors]
    if request.on_missing in ("drop-identity", "fail"):
        whole = stratify(pool.identity[rows], pool.identity_keys, [*others, *level.values()])
        every = np.zeros(len(rows), dtype=np.int64)
        complete = apply_missing_policy(train, whole, rows, [*others, *level.values()], every, 1)
        rows, level = rows[complete], {attr: codes.at(complete) for attr, codes in level.items()}
        others = [codes.at(complete) for codes in others]
    strata = stratify(pool.identity[rows], pool.identity_keys, others)
    priority = sampling.priorities(pool.uid[rows], request.seed, "image")
    offered, counts = [], []
    for restriction in arms:
        allowed = {
            a: kept_level_codes(train, a, restriction[a]) if a in restriction else c.present()
            for a, c in level.items()
        }
        chosen = np.ones(len(rows), dtype=bool)
        for attr, kept_levels in allowed.items():
            chosen &= np.isin(level[attr].values, kept_levels)
        mine = np.flatnonzero(chosen)
        offered.append(
            (mine, {attr: (level[attr].at(mine), codes) for attr, codes in allowed.items()})
        )
        counts.append(np.bincount(strata.code[mine], minlength=len(strata.key)))
    depth = np.min(counts, axis=0)
    kept = np.repeat(np.flatnonzero(depth), depth[depth > 0])
    turn = rank_in_runs(kept)
    filled = np.empty((len(kept), len(arms)), dtype=np.int64)
    for column, ((mine, grid), count) in enumerate(zip(offered, counts, strict=True)):
        order = mine[
            _in_turn(
                strata,
                strata.code[mine],
                grid,
                priority[mine],
                int(depth.max(initial=0)),
                request.seed,
            )
        ]
        filled[:, column] = order[(np.cumsum(count) - count)[kept] + turn]
    owner, key = strata.owner[kept], sampling.splitmix64(strata.key[kept] + turn.astype(np.uint64))
    order = np.lexsort((key, sampling.priorities(key, request.seed, "slot"), turn, owner))
    slots = MatchedSlots(rows[filled[order]], owner[order], rank_in_runs(owner[order]))
    candidates = min(int(count.sum()) for count in counts)
    return MatchedRows(
        slots,
        candidates * len(arms),
        int((np.max(counts, axis=0) > 0).sum()),
        int((depth > 0).sum()),
    )


def _in_turn(
    strata: MatchingStrata,
    code: np.ndarray,
    grid: Mapping[str, tuple[AttributeCodes, np.ndarray]],
    priority: np.ndarray,
    needed: int,
    seed: int,
) -> np.ndarray:
    """Positions of an arm's rows by stratum, in each in the order in which its slots are filled."""
    sizes = tuple(len(allowed) for _, allowed in grid.values())
    if not sizes:
        return np.lexsort((priority, code))
    places = []
    for codes, allowed in grid.values():
        place = np.zeros(len(codes.levels), dtype=np.int64)
        place[allowed] = np.arange(len(allowed))
        turns = sampling.priorities(
            sampling.splitmix64(strata.key[:, None] + codes.level_keys[allowed][None, :]),
            seed,
            "deal",
        )
        shuffled = np.argsort(np.argsort(turns, axis=1), axis=1)
        places.append(shuffled[code, place[codes.values]])
    turn = balanced_order(sizes)[tuple(places)]
    cells = code.astype(np.int64) * int(np.prod(sizes)) + turn
    order = np.argsort(cells)
    if not (np.diff(cells[order]) == 0).any():
        return order
    # Several images of one cell: the second ones come after all.
    order = np.lexsort((priority, cells))
    again = np.zeros(len(code), dtype=np.int64)
    again[order] = rank_in_runs(cells[order])
    return np.lexsort((priority, turn, again, code))


@cache
def balanced_order(sizes: tuple[int, ...]) -> np.ndarray:
    """Return the order of the cells of a grid, an array of shape `sizes`, such that prefixes have
    levels equally often.

    Each step takes the cell whose levels have been used least, then the one whose pairs of levels
    have; remaining ties are random. Row-major order would start with the first levels only.
    """
    cells = np.stack(np.unravel_index(np.arange(int(np.prod(sizes))), sizes), axis=1)
    chance = sampling.priorities(np.arange(len(cells), dtype=np.uint64), 0, "grid")
    order = np.argsort(chance, kind="stable")
    if len(cells) <= GREEDY:
        order = _least_used(cells[order], sizes, order)
    turn = np.empty(len(cells), dtype=np.int64)
    turn[order] = np.arange(len(cells))
    return turn.reshape(sizes)


def _least_used(cells: np.ndarray, sizes: tuple[int, ...], names: np.ndarray) -> np.ndarray:
    pairs = [(i, j) for i in range(len(sizes)) for j in range(i)]
    ones = cells.T
    twos = [cells[:, i] * sizes[j] + cells[:, j] for i, j in pairs]
    score = np.zeros(len(cells), dtype=np.int64)
    weight = len(cells) * max(len(pairs), 1) + 1  # a level counts for more than all pairs together
    taken = np.empty(len(cells), dtype=np.int64)
    for step in range(len(cells)):
        one = int(np.argmin(score))
        taken[step] = one
        for level in ones:
            score[level == level[one]] += weight
        for pair in twos:
            score[pair == pair[one]] += 1
        score[one] = np.iinfo(np.int64).max // 2
    return names[taken]


def rows_of(
    slots: MatchedSlots,
    column: int,
    order: np.ndarray,
    arm: DeclaredArm,
    images: int | None,
    per_person: int | None,
) -> np.ndarray:
    """Return the rows of a matched arm, sorted: its column of the slots of its identities, `images`
    in total."""
    there = len(np.unique(slots.block))
    if arm.identities is not None and arm.identities > there:
        raise SplitError(
            f"The arm '{arm.name}' requires {arm.identities:,} identities, but {there:,} can be"
            " matched in the train set."
        )
    most = take_first(slots, order, arm.identities, per_person, None)
    if images is not None and images > len(most):
        raise SplitError(
            f"The arm '{arm.name}' requires {images:,} images, but it can have at most"
            f" {len(most):,} when matched."
        )
    return np.sort(take_first(slots, order, arm.identities, per_person, images).rows[:, column])
