"""What comparing designs share: the levels asked for, what --missing leaves, the levels that a control draws."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gprplus import keys
from gprplus.errors import SplitError
from gprplus.splits.arms import Matched, Strata, complete_blocks, stratify
from gprplus.splits.codes import Codes
from gprplus.splits.designs.base import Train
from gprplus.splits.request import level_set


def arms_asked(
    codes: Codes, levels: Sequence[str] | None, attr: str
) -> tuple[list[tuple[int, ...]], np.ndarray, tuple[Any, ...]]:
    """The sets of levels that become arms, the levels that are matched and mixed, and the names of all levels.

    Two or more plain levels are compared among themselves. A set, or a level alone, is compared with the mixture of all
    levels, since within itself there is nothing to compare it with.
    """
    present = codes.present()
    known = [codes.levels[code] for code in present]
    if not len(present):
        raise SplitError(f"{attr} is not known for any image on the train side, so that there is nothing to compare.")
    if len(present) == 1:
        raise SplitError(f"{attr} has one level only on the train side ({known[0]}); an experiment needs two.")
    if levels is None:
        return [(int(code),) for code in present], present, codes.levels
    sets = list(dict.fromkeys(level_set(text, known, attr) for text in levels))
    chosen = [tuple(int(present[place]) for place in places) for places in sets]
    plain = all(len(places) == 1 for places in sets) and len(sets) > 1
    if any(len(places) == len(present) for places in sets):
        raise SplitError(f"A set of all {len(present)} levels of {attr} is what the arm `mix` is; name fewer.")
    return chosen, np.sort([code for (code,) in chosen]) if plain else present, codes.levels


def obey_missing(
    train: Train, strata: Strata, rows: np.ndarray, others: Sequence[Codes], level: np.ndarray, levels: int
) -> np.ndarray:
    """`(n,) bool`: the rows that --missing leaves. Under drop-stratum that is all of them: matching itself drops."""
    if train.request.missing == "drop-stratum":
        return np.ones(len(rows), dtype=bool)
    cells = stratify(np.zeros(len(rows), dtype=np.int64), np.zeros(1, dtype=np.uint64), others)
    person = train.pool.person[rows]
    complete = complete_blocks(strata, cells, level, levels)[person]
    lacking = np.unique(person[~complete])
    if train.request.missing == "fail" and len(lacking):
        names = ", ".join(train.pool.persons[code][1] for code in lacking[:3])
        raise SplitError(
            f"{len(lacking):,} of {len(np.unique(person)):,} identities on the train side lack some combination with "
            f"{train.request.attr} "
            f"(such as {names}), and --missing=fail was given. Try --missing=drop-stratum or drop-identity."
        )
    return complete


def random_set(
    train: Train, size: int, sets: Sequence[tuple[int, ...]], compared: np.ndarray, level_keys: np.ndarray
) -> list[int]:
    """`size` levels of the compared ones by hashed priority, other than the sets that are being tested."""
    for attempt in range(1000):
        stream = f"random-levels-1-{attempt}"
        picked = compared[keys.bottom(keys.priorities(level_keys, train.request.seed, stream), size, level_keys)]
        drawn = tuple(sorted(int(code) for code in picked))
        if drawn not in sets:
            return list(drawn)
    raise SplitError(f"The sets named leave no other set of {size} levels of {train.request.attr} to compare with.")


def counted(matched: Matched) -> dict[str, Any]:
    """What matching kept, for the audit."""
    return {
        "candidates": matched.candidates,
        "matched": int(matched.slots.rows.size),
        "strata": matched.strata,
        "strata_kept": matched.kept,
        "identities_kept": len(np.unique(matched.slots.block)),
    }
