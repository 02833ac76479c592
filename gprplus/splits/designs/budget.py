"""`budget` and `scaling`: growth of a score with identities, with images of each, and with both."""

import re

import numpy as np

from gprplus.core import sampling
from gprplus.core.errors import SplitError, first_few
from gprplus.schema.split_record import BudgetFacts, ScalingFacts
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
from gprplus.splits.designs.only_without import LevelComparison, match_levels, round_robin_arm
from gprplus.splits.draws.matching import take_first
from gprplus.splits.identifiability import nesting_warnings, reject_aliased
from gprplus.splits.test_sets.test_set import rank_in_runs

PARTS = 4  # smallest part of identities and images in a default grid
SIZES = (8, 4, 2, 1)  # a default scaling takes these parts of all


@design(
    "budget",
    asks=(
        "Do more identities help more than more images of each, at a constant number of images and"
        " along either axis?"
    ),
    example="--attr=identity --design budget --levels 8x24,16x12,32x6",
)
def budget_design(train: DesignInput) -> ArmSet:
    """Make arms `ids-<n>x<m>`: n identities with m images each, every smaller one a subset of every
    larger one.

    By default (a quarter, a half, all) x (a quarter, a half, all) of the identities and of the
    images of each; cells of equal n m are the constant-budget diagonal. The reference is the cell
    with most identities on the longest diagonal.
    """
    if train.request.attr != "identity":
        raise SplitError("The design budget requires --attr=identity. See also scaling.")
    person, uid = train.identity, train.pool.uid[train.rows]
    owned = np.bincount(person, minlength=len(train.pool.identities))
    cells, top = _cells(train, owned)
    able = np.flatnonzero(owned >= top)
    line = np.full(len(owned), len(able), dtype=np.int64)
    line[able[sampling.bottom_k(train.order()[able], len(able), able)]] = np.arange(len(able))
    order = np.lexsort((uid, sampling.priorities(uid, train.request.seed, "image"), person))
    rows, place = train.rows[order], line[person[order]]
    rank = rank_in_runs(person[order])
    arms = {
        f"ids-{n}x{m}": DrawnArm(
            "ids", (f"{n}x{m}",), np.sort(rows[(place < n) & (rank < m)]), _facts(n, m)
        )
        for n, m in cells
    }
    sizes = [n * m for n, m in cells]
    common = max(set(sizes), key=lambda size: (sizes.count(size), size))
    reference = max(
        (cell for cell in cells if cell[0] * cell[1] == common), key=lambda cell: cell[0]
    )
    return ArmSet(
        design="budget",
        arms=arms,
        reference=f"ids-{reference[0]}x{reference[1]}",
        levels=tuple(arm.levels[0] for arm in arms.values()),
        compared=tuple(f"ids-{n}x{m}" for n, m in cells if n * m == common),
        warnings=tuple(_scarce(len(able), owned, top)),
        facts=BudgetFacts(common, top, len(able)),
    )


def _facts(n: int, m: int) -> dict[str, int]:
    return {"images_per_identity": m}


def _cells(train: DesignInput, owned: np.ndarray) -> tuple[list[tuple[int, int]], int]:
    """Return the requested (identities, images of each), sorted, and the maximum number of
    images."""
    request = train.request
    if request.budget is not None:
        raise SplitError(
            "The design budget has a size for each arm: name them with --levels 8x24,16x12."
        )
    if request.levels is not None:
        found = [re.fullmatch(r"(\d+)x(\d+)", level) for level in request.levels]
        if not all(found):
            raise SplitError(
                "The levels of the design budget are PERSONSxIMAGES, such as 8x24,16x12; found "
                f"{', '.join(request.levels)}."
            )
        cells = sorted({(int(one[1]), int(one[2])) for one in found if one})
    else:
        images = request.images_per_identity or int(np.median(owned[owned > 0]))
        persons = request.identities or int((owned >= images).sum())
        steps = [PARTS // 2**i for i in range(PARTS.bit_length())]
        cells = sorted({(persons // n, images // m) for n in steps for m in steps})
    most, top = max(n for n, _ in cells), max(m for _, m in cells)
    able = int((owned >= top).sum())
    few = [f"{n}x{m}" for n, m in cells if n < 2 or m < 1]
    if few:
        raise SplitError(
            f"An arm needs at least 2 identities and 1 image of each; found {first_few(few)}."
        )
    wanted = max(most, request.identities or 0)
    if wanted > able:
        raise SplitError(
            f"{wanted:,} identities with {top:,} images were requested, but the train set has"
            f" {able:,} such identities."
        )
    return cells, top


def _scarce(able: int, owned: np.ndarray, top: int) -> list[str]:
    there = int((owned > 0).sum())
    if able == there:
        return []
    return [
        f"{there - able:,} of {there:,} identities have fewer than {top:,} images and are left out"
        " of all arms."
    ]


@design(
    "scaling",
    asks=(
        "How many images does a choice of levels need to be as good as a random one, and does the"
        " gap last?"
    ),
    example="--attr=weather --design scaling --levels sunny+clouds",
)
def scaling_design(train: DesignInput) -> ArmSet:
    """Nested budgets of `mix`, of `random-images` and of each set of levels named, at 1/8, 1/4, 1/2
    and all slots.

    Arms are `mix-<n>`, `only-<levels>-<n>` and `random-images-<k>-<n>`, n images each; the smaller
    are parts of the larger. The reference is the largest mixture. --budget sets the largest n.
    """
    attr, request = train.request.attr, train.request
    require_within_identity(train, "scaling")
    reject_aliased(train.relations, attr)
    sets, compared, names = (
        requested_levels(train.codes(attr), request.levels or (), attr)
        if request.levels
        else _all(train)
    )
    strata_names = train.relations.strata(attr)
    matched = match_levels(train, compared, strata_names)
    advice = f"hardly any combination has an image at every level of {attr}."
    warnings = [
        *nesting_warnings(train.relations, attr),
        *check_retention(matched.totals, request, advice),
    ]
    slots = apply_size_limits(matched.slots, train.order(), request, "identities")
    sizes = [len(slots) // part for part in SIZES]
    if sizes[0] < 2:
        raise SplitError(
            f"{len(slots):,} matched slots are too few for budgets of an eighth; widen --where."
        )
    comparison = LevelComparison("only", tuple(sets), compared, names)
    arms = {}
    for size in sizes:
        part = take_first(slots, train.order(), None, None, size)
        for codes in sets:
            arms[f"{comparison.arm_name(codes)}-{size}"] = round_robin_arm(
                train, part, comparison, "only", codes
            )
        arms[f"mix-{size}"] = round_robin_arm(
            train, part, comparison, "mix", [int(code) for code in compared]
        )
        if request.controls:
            wanted = np.bincount(part.block, minlength=len(train.pool.identities))
            for k in range(1, request.control_draws + 1):
                arms[f"random-images-{k}-{size}"] = random_images(train, wanted, k)
    return ArmSet(
        design="scaling",
        arms=arms,
        reference=f"mix-{sizes[-1]}",
        levels=tuple(names[code] for code in compared),
        compared=tuple(
            name
            for name, arm in arms.items()
            if arm.kind != "random-images" and name.endswith(f"-{sizes[-1]}")
        ),
        strata=("identity", *strata_names),
        retention=matched.retention,
        matching=count_levels(matched.totals),
        warnings=tuple(warnings),
        facts=ScalingFacts(sizes),
    )


def _all(train: DesignInput) -> tuple[list[tuple[int, ...]], np.ndarray, tuple[object, ...]]:
    """Return the mixture of all levels alone, without a set of levels."""
    _, compared, names = requested_levels(train.codes(train.request.attr), None, train.request.attr)
    return [], compared, names
