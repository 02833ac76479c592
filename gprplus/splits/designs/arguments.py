"""Common arguments of comparing designs: requested levels, --on-missing policy, random levels of
controls."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gprplus.core import sampling
from gprplus.core.errors import SplitError
from gprplus.splits.candidates import AttributeCodes
from gprplus.splits.designs.base import DesignInput
from gprplus.splits.draws.matching import MatchingStrata, MatchTotals, complete_blocks, stratify
from gprplus.splits.request import level_set

DRAWS = 5  # recommended minimum of random draws to distinguish their spread from an effect


def require_within_identity(train: DesignInput, design: str) -> None:
    """Raise SplitError for an attribute that is constant for each identity: the design compares
    within identities."""
    attr = train.request.attr
    if suited_design(train) != "only":
        raise SplitError(
            f"The design {design} compares images within identities, but {attr} does not vary"
            f" within an identity. Leave --design out: {attr} has the design"
            f" {suited_design(train)}."
        )


def require_between_identities(train: DesignInput, design: str) -> None:
    """Raise SplitError for an attribute that has several levels within some identity, and for the
    identity itself: the design compares different identities."""
    attr = train.request.attr
    if suited_design(train) == "persons" or len(train.codes(attr).present()) < 2:
        return  # a single level is the complaint of `requested_levels`
    reason = (
        "that several identities share, but each identity is one level of identity"
        if attr == "identity"
        else f"that is constant for each identity, but {attr} varies within an identity"
    )
    raise SplitError(
        f"The design {design} compares identities by an attribute {reason}. Leave --design out:"
        f" {attr} has the design {suited_design(train)}."
    )


def suited_design(train: DesignInput) -> str:
    """Return the name of the default design of the requested attribute: `identity`, `persons` for
    one that is constant for each identity, else `only`."""
    attr = train.request.attr
    if attr == "identity":
        return "identity"
    constant = attr in train.pool.identity_attributes or train.relations.is_function_of(
        attr, ("identity",)
    )
    return "persons" if constant else "only"


# Policies of --on-missing that require identities with every combination. With the others, matching
# drops slots.
WHOLE = ("drop-identity", "fail")


def requested_levels(
    codes: AttributeCodes, levels: Sequence[str] | None, attr: str, *, apart: bool = False
) -> tuple[list[tuple[int, ...]], np.ndarray, tuple[Any, ...]]:
    """The sets of levels that become arms, the levels that are matched and mixed, and the names of
    all levels.

    Two or more plain levels are compared among themselves, unless they are to be left out
    (`apart`). A set, or a level alone, is compared with the mixture of all levels, since within
    itself there is nothing to compare it with.
    """
    present = codes.present()
    known = [codes.levels[code] for code in present]
    if not len(present):
        raise SplitError(
            f"{attr} is not known for any image in the train set, so that there is nothing to"
            " compare."
        )
    if len(present) == 1:
        raise SplitError(
            f"{attr} has one level only in the train set ({known[0]}); an experiment needs two."
        )
    if levels is None:
        return [(int(code),) for code in present], present, codes.levels
    sets = list(dict.fromkeys(level_set(text, known, attr) for text in levels))
    chosen = [tuple(int(present[place]) for place in places) for places in sets]
    plain = all(len(places) == 1 for places in sets) and len(sets) > 1 and not apart
    if any(len(places) == len(present) for places in sets):
        raise SplitError(
            f"A set of all {len(present)} levels of {attr} is what the arm `mix` is; name fewer."
        )
    return chosen, np.sort([code for (code,) in chosen]) if plain else present, codes.levels


def apply_missing_policy(
    train: DesignInput,
    strata: MatchingStrata,
    rows: np.ndarray,
    others: Sequence[AttributeCodes],
    level: np.ndarray,
    levels: int,
) -> np.ndarray:
    """`(n,) bool`: the rows that --on-missing leaves. All of them where matching itself drops."""
    if train.request.on_missing not in WHOLE:
        return np.ones(len(rows), dtype=bool)
    cells = stratify(np.zeros(len(rows), dtype=np.int64), np.zeros(1, dtype=np.uint64), others)
    person = train.pool.identity[rows]
    complete = complete_blocks(strata, cells, level, levels)[strata.owner[strata.code]]
    lacking = np.unique(person[~complete])
    if train.request.on_missing == "fail" and len(lacking):
        names = ", ".join(train.pool.identities[code][1] for code in lacking[:3])
        raise SplitError(
            f"{len(lacking):,} of {len(np.unique(person)):,} identities in the train set lack some"
            f" combination with {train.request.attr} (such as {names}), and --on-missing=fail was"
            " given. Try --on-missing=drop-stratum or drop-identity."
        )
    return complete


def random_sets(
    train: DesignInput,
    held: Sequence[tuple[int, ...]],
    compared: np.ndarray,
    level_keys: np.ndarray,
    warnings: list[str],
) -> dict[str, tuple[int, ...]]:
    """Arms `random-levels-q<q>-<k>`: for each size q of the sets `held`, where 2 <= q <= levels -
    2, as many sets of q levels as there are to be draws, none of them held and no two alike.
    """
    drawn: dict[str, tuple[int, ...]] = {}
    for size in sorted({len(codes) for codes in held}):
        if not 2 <= size <= len(compared) - 2:
            continue
        seen = {codes for codes in held if len(codes) == size}
        free = math.comb(len(compared), size) - len(seen)
        if free < train.request.control_draws:
            warnings.append(
                f"There are only {free} other sets of {size} of the {len(compared)} levels of"
                f" {train.request.attr}, so that there are no more draws of random levels."
            )
        for draw in range(1, min(free, train.request.control_draws) + 1):
            codes = _random_set(train, size, seen, compared, level_keys, draw)
            seen.add(codes)
            drawn[f"random-levels-q{size}-{draw}"] = codes
    times = train.request.control_draws * train.request.deals
    if drawn and times < DRAWS:
        shown = {1: "once", 2: "twice"}.get(times, f"{times} times")
        warnings.append(
            f"The control of random levels was drawn {shown}: the variance of the draw is in any"
            f" difference to it. --deals {DRAWS} draws it again for each of {DRAWS} training seeds."
        )
    return drawn


def _random_set(
    train: DesignInput,
    size: int,
    seen: set[tuple[int, ...]],
    compared: np.ndarray,
    level_keys: np.ndarray,
    draw: int,
) -> tuple[int, ...]:
    """Draw `size` levels of the compared ones by hashed priority, different from earlier draws,
    which must be possible.
    """
    attempt = 0
    while True:
        stream = f"random-levels-{draw}-{attempt}"
        picked = compared[
            sampling.bottom_k(
                sampling.priorities(level_keys, train.request.seed, stream), size, level_keys
            )
        ]
        drawn = tuple(sorted(int(code) for code in picked))
        if drawn not in seen:
            return drawn
        attempt += 1


def count_levels(matched: MatchTotals) -> dict[str, Any]:
    """Return the retention of matching, for the audit."""
    return {
        "candidates": matched.candidates,
        "matched": matched.matched,
        "strata": matched.strata,
        "strata_kept": matched.kept,
        "identities_kept": matched.identities,
    }
