"""Comparison between identities, for attributes that are constant for each identity, such as gender
or a dress.

Nothing can be matched within an identity, so the arms have different identities, with the number of
the rarest level. They are aligned by priority, the r-th of each level making one block; a block
keeps the combinations of image factors that all its identities have. Arms therefore agree in the
number of identities, in images for each and in the joint distribution of everything except identity
attributes.
"""

import numpy as np

from gprplus.core import sampling
from gprplus.core.errors import SplitError
from gprplus.core.files.safe_names import file_safe
from gprplus.splits.candidates import AttributeCodes
from gprplus.splits.designs.arguments import (
    WHOLE,
    apply_missing_policy,
    count_levels,
    random_sets,
    requested_levels,
    require_between_identities,
)
from gprplus.splits.designs.base import (
    ArmSet,
    DesignInput,
    DrawnArm,
    apply_size_limits,
    check_retention,
    design,
    random_images,
)
from gprplus.splits.draws.matching import MatchedRows, MatchedSlots, match_strata, stratify


@design(
    "persons",
    asks="How good are identities of one kind, compared with the same number of another kind?",
    example="--attr=gender",
)
def between_identities(train: DesignInput) -> ArmSet:
    """Make arms `only-<level>` of different identities, `mix` of whole identities,
    `random-images-1` of random ones."""
    request = train.request
    require_between_identities(train, "persons")
    trait = identity_level(train)
    _reject_equivalents(train, trait)
    sets, compared, names = requested_levels(trait, request.levels, request.attr)
    strata = train.relations.strata(request.attr)
    block = align_identities(train, _without_holes(train, trait, compared, strata), compared)
    matched = _match(train, compared, block, strata)
    warnings = check_retention(
        matched.totals,
        request,
        f"the identities of different {request.attr} share hardly any combination.",
    )
    order = np.arange(len(block), dtype=np.uint64)
    slots = apply_size_limits(matched.slots, order, request, f"identities of each {request.attr}")
    arms = {
        file_safe(f"only-{'+'.join(str(names[code]) for code in codes)}"): _whole(
            train, slots, compared, codes, names, "only"
        )
        for codes in sets
    }
    arms["mix"] = _whole(
        train, slots, compared, tuple(int(code) for code in compared), names, "mix"
    )
    if request.controls:
        drawn = random_sets(train, sets, compared, trait.level_keys[compared], warnings)
        arms |= {
            name: _whole(train, slots, compared, codes, names, "random-levels")
            for name, codes in drawn.items()
        }
        arms |= _random_identities(train, matched.slots, slots)
    warnings += _small(slots, request.attr)
    return ArmSet(
        design="persons",
        arms=arms,
        reference="mix",
        levels=tuple(names[code] for code in compared),
        compared=tuple(name for name, arm in arms.items() if arm.kind == "only"),
        strata=("block of identities", *strata),
        retention=matched.retention,
        matching=count_levels(matched.totals),
        warnings=tuple(warnings),
    )


def identity_level(train: DesignInput) -> AttributeCodes:
    """Return the attribute as one code for each identity, unknown for identities without train
    rows."""
    codes = train.codes(train.request.attr)
    values = np.full(len(train.pool.identities), -1, dtype=np.int32)
    values[train.identity] = codes.values
    return AttributeCodes(codes.name, values, codes.levels)


def _without_holes(
    train: DesignInput, trait: AttributeCodes, compared: np.ndarray, strata: tuple[str, ...]
) -> AttributeCodes:
    """Return the attribute, unknown for identities that --on-missing drops because they lack a
    combination."""
    if train.request.on_missing not in WHOLE:
        return trait
    pool = train.pool
    rows = train.rows[np.isin(trait.values[train.identity], compared)]
    others = [pool.images[name].at(rows) for name in strata]
    cells = stratify(pool.identity[rows], pool.identity_keys, others)
    kept = apply_missing_policy(train, cells, rows, others, np.zeros(len(rows), dtype=np.int64), 1)
    values = trait.values.copy()
    values[pool.identity[rows[~kept]]] = -1
    return AttributeCodes(trait.name, values, trait.levels)


def align_identities(train: DesignInput, trait: AttributeCodes, compared: np.ndarray) -> np.ndarray:
    """Align identities `(B, L)`: row r has the r-th of each compared level by priority; the rarest
    level sets B."""
    priority = train.order()
    columns = []
    for code in compared:
        mine = np.flatnonzero(trait.values == code)
        columns.append(mine[sampling.bottom_k(priority[mine], len(mine), mine)])
    lines = min(len(column) for column in columns)
    return np.stack([column[:lines] for column in columns], axis=1)


def _match(
    train: DesignInput, compared: np.ndarray, block: np.ndarray, strata: tuple[str, ...]
) -> MatchedRows:
    pool = train.pool
    line = np.full(len(pool.identities), -1, dtype=np.int64)
    level = np.full(len(pool.identities), -1, dtype=np.int64)
    line[block] = np.arange(len(block))[:, None]
    level[block] = np.arange(len(compared))[None, :]
    rows = train.rows[line[train.identity] >= 0]
    who = pool.identity[rows]
    block_keys = sampling.hash64_many(
        sampling.join_canonical("block", str(i)) for i in range(len(block))
    )
    others = [pool.images[name].at(rows) for name in strata]
    cells = stratify(line[who], block_keys, others)
    matched = match_strata(cells, level[who], len(compared), pool.uid[rows], train.request.seed)
    slots = MatchedSlots(rows[matched.slots.rows], matched.slots.block, matched.slots.rank)
    return MatchedRows(slots, len(rows), matched.strata, matched.kept)


def _whole(
    train: DesignInput,
    slots: MatchedSlots,
    compared: np.ndarray,
    codes: tuple[int, ...],
    names: tuple[object, ...],
    kind: str,
) -> DrawnArm:
    """Choose whole identities: row after row takes the next of the levels in a hashed order."""
    among = np.flatnonzero(np.isin(compared, codes))
    level_keys = sampling.hash64_many(
        sampling.join_canonical(train.request.attr, str(names[compared[i]])) for i in among
    )
    turns = among[
        sampling.bottom_k(
            sampling.priorities(level_keys, train.request.seed, "deal"), len(among), level_keys
        )
    ]
    turn = np.unique(slots.block, return_inverse=True)[1]
    rows = slots.rows[np.arange(len(slots)), turns[turn % len(turns)]]
    return DrawnArm(kind, tuple(str(names[code]) for code in codes), np.sort(rows))


def _random_identities(
    train: DesignInput, whole: MatchedSlots, slots: MatchedSlots
) -> dict[str, DrawnArm]:
    """Draw as many identities as an arm has, from all, with as many random images of each.

    Each row takes the first drawn identity with as many images as the row could have (`whole`), the
    longest rows first: the choice does not depend on the requested size, so that smaller arms are
    subsets of larger ones.
    """
    able = np.bincount(whole.block)
    sizes = np.bincount(slots.block, minlength=len(able))
    lines = np.flatnonzero(able)
    owned = np.bincount(train.identity, minlength=len(train.pool.identities))
    there = np.flatnonzero(owned)
    arms = {}
    for draw in range(1, train.request.control_draws + 1):
        drawn = there[
            sampling.bottom_k(train.order(f"random-persons-{draw}")[there], len(there), there)
        ]
        left = np.ones(len(drawn), dtype=bool)
        wanted = np.zeros(len(owned), dtype=np.int64)
        for line in lines[np.lexsort((lines, -able[lines]))]:
            first = int(
                (left & (owned[drawn] >= able[line])).argmax()
            )  # exists: the identities of the row have enough
            left[first] = False
            wanted[drawn[first]] = sizes[line]
        arms[f"random-images-{draw}"] = random_images(train, wanted, draw)
    return arms


def _reject_equivalents(train: DesignInput, trait: AttributeCodes) -> None:
    """Refuse an attribute that partitions the identities exactly like another one."""
    known = trait.values >= 0
    for name, other in train.pool.identity_attributes.items():
        both = set(zip(trait.values[known].tolist(), other.values[known].tolist(), strict=True))
        firsts, seconds = {pair[0] for pair in both}, {pair[1] for pair in both}
        if (
            name != trait.name
            and -1 not in seconds
            and len(both) == len(firsts) == len(seconds) > 1
            and known.sum() > len(both)
        ):
            raise SplitError(
                f"The effect of {trait.name} is aliased with that of {name}: in the train set each"
                f" {trait.name} occurs with one {name} and vice versa. More varied identities are"
                " needed."
            )


def _small(slots: MatchedSlots, attr: str) -> list[str]:
    count = len(np.unique(slots.block))
    if count < 8:
        number = "1 identity" if count == 1 else f"{count} identities"
        return [
            f"Each arm has only {number}, because the rarest {attr} has no more;"
            " differences between identities will dominate its effect."
        ]
    return []
