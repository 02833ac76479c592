"""`identity`: the effect of more identities, with a constant number of images and with a growing
one."""

import numpy as np

from gprplus.core import sampling
from gprplus.core.errors import SplitError
from gprplus.splits.designs.base import ArmSet, DesignInput, DrawnArm, design
from gprplus.splits.test_sets.test_set import rank_in_runs


@design(
    "identity",
    asks=(
        "How much do more identities help, at a constant number of images and with all of their"
        " images?"
    ),
    example="--attr=identity",
)
def identity_ladder(train: DesignInput) -> ArmSet:
    """Make arms `ids-<n>` with one total number of images, nested in n, and `ids-<n>-all` with
    every image of them.

    The total is what the smallest number of identities allows (or --budget). It is spread as evenly
    as the images of the identities allow. `-all` exists only if it differs. The reference is the
    largest arm at constant images.
    """
    rows, rank, place = _ranked(train)
    rungs = _rungs(train, len(np.unique(place)))
    total = _total(train, place, rungs)
    arms: dict[str, DrawnArm] = {}
    for rung in rungs:
        mine = np.flatnonzero(place < rung)
        spread = mine[np.lexsort((place[mine], rank[mine]))][:total]
        arms[f"ids-{rung}"] = DrawnArm("ids", (str(rung),), np.sort(rows[spread]))
        if len(mine) > total:
            arms[f"ids-{rung}-all"] = DrawnArm("ids-all", (str(rung),), np.sort(rows[mine]))
    arms = {name: arms[name] for name in sorted(arms, key=lambda name: (arms[name].kind != "ids",))}
    return ArmSet(
        design="identity",
        arms=arms,
        reference=f"ids-{rungs[-1]}",
        levels=tuple(rungs),
        compared=tuple(name for name, arm in arms.items() if arm.kind == "ids"),
        matching={"images": total, "identities": int(rungs[-1])},
    )


def _ranked(train: DesignInput) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return train rows with the rank of each within its identity and the rank of the identity,
    both by priority."""
    person, uid = train.identity, train.pool.uid[train.rows]
    order = np.lexsort((uid, sampling.priorities(uid, train.request.seed, "image"), person))
    rows, person = train.rows[order], person[order]
    rank = rank_in_runs(person)
    most = train.request.images_per_identity
    if most is not None:
        enough = np.bincount(person, minlength=len(train.pool.identities))[person] >= most
        if not enough.any():
            raise SplitError(f"No identity has {most:,} images in the train set.")
        kept = enough & (rank < most)
        rows, rank, person = rows[kept], rank[kept], person[kept]
    there = np.unique(person)
    line = np.zeros(len(train.pool.identities), dtype=np.int64)
    line[there[sampling.bottom_k(train.order()[there], len(there), there)]] = np.arange(len(there))
    return rows, rank, line[person]


def _rungs(train: DesignInput, there: int) -> list[int]:
    """Return the numbers of identities: the requested ones, else an eighth, a half and all."""
    request = train.request
    top = request.identities if request.identities is not None else there
    if request.levels is None:
        rungs = sorted({max(2, round(top / 8)), max(2, top // 2), top})
    else:
        try:
            rungs = sorted({int(level) for level in request.levels})
        except ValueError:
            raise SplitError(
                "The levels of identity are numbers of identities, such as 8,32,64; found"
                f" {','.join(request.levels)}."
            ) from None
    if rungs[0] < 2:
        raise SplitError(f"An arm needs at least 2 identities; found {rungs[0]}.")
    if max(rungs[-1], top) > there:
        raise SplitError(
            f"{max(rungs[-1], top):,} identities were requested, but the train set has {there:,}."
        )
    if len(rungs) < 2:
        raise SplitError(
            f"A ladder needs two different numbers of identities; the train set has {there:,}."
        )
    return rungs


def _total(train: DesignInput, place: np.ndarray, rungs: list[int]) -> int:
    able = int((place < rungs[0]).sum())
    budget = train.request.budget
    if budget is not None and budget > able:
        raise SplitError(
            f"A budget of {budget:,} images was requested, but the smallest arm ({rungs[0]}"
            f" identities) has {able:,}."
        )
    total = budget or able
    if total < rungs[-1]:
        raise SplitError(
            f"{total:,} images are too few for {rungs[-1]:,} identities: the smallest arm sets the"
            " number of images. Start with more identities."
        )
    return total
