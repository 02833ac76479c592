"""`cells`: an arm for each cell of several crossed attributes, such as foggy nights alone.

Cells share their slots, so every arm has the same identities, the same number of images of each,
and one distribution of every other factor. The mixture deals all cells in turn over the same slots.
"""

from itertools import product

import numpy as np

from gprplus.core import sampling
from gprplus.core.errors import SplitError, first_few
from gprplus.core.files.safe_names import file_safe
from gprplus.splits.designs.arguments import count_levels
from gprplus.splits.designs.base import (
    ArmSet,
    DesignInput,
    DrawnArm,
    apply_size_limits,
    check_retention,
    design,
    random_images,
)
from gprplus.splits.designs.joint_matching import (
    factors_of,
    kept_level_codes,
    match_jointly,
    match_warnings,
)
from gprplus.splits.draws.matching import MatchedSlots, round_robin_rows

Cell = tuple[str, ...]


@design(
    "cells",
    asks=(
        "What is each cell of several crossed attributes worth, by itself, and do levels add up?"
    ),
    example=(
        "--attr=weather,illumination --design cells --restrict weather=sunny+foggy --restrict"
        " illumination=forenoon+night"
    ),
)
def cells_design(train: DesignInput) -> ArmSet:
    """Make an arm `only-<level>+<level>` for each cell, `mix`, and `random-images-1`."""
    request, attrs = train.request, train.request.factors
    levels = _levels(train)
    cells = list(product(*levels))
    _refuse_empty(train, cells)
    factors = factors_of(train, attrs)
    restrictions = [
        {attr: (level,) for attr, level in zip(attrs, cell, strict=True)} for cell in cells
    ]
    matched = match_jointly(train, restrictions, attrs, factors)
    advice = (
        f"hardly any combination of {' and '.join(('identity', *factors))} has an image in every"
        " cell; name fewer levels with --restrict."
    )
    warnings = [
        *match_warnings(train, attrs),
        *check_retention(matched.totals, request, advice),
    ]
    slots = apply_size_limits(matched.slots, train.order(), request, "identities")
    arms = {
        file_safe(f"only-{'+'.join(cell)}"): DrawnArm(
            "cell",
            cell,
            np.sort(slots.rows[:, column]),
            {"restrict": {attr: [level] for attr, level in zip(attrs, cell, strict=True)}},
        )
        for column, cell in enumerate(cells)
    }
    arms["mix"] = DrawnArm("mix", levels[0], _mixture(train, slots, cells))
    if request.controls:
        wanted = np.bincount(slots.block, minlength=len(train.pool.identities))
        arms |= {
            f"random-images-{k}": random_images(train, wanted, k)
            for k in range(1, request.control_draws + 1)
        }
    return ArmSet(
        design="cells",
        arms=arms,
        reference="mix",
        levels=levels[0],
        compared=tuple(name for name, arm in arms.items() if arm.kind == "cell"),
        strata=("identity", *factors),
        retention=matched.retention,
        matching=count_levels(matched.totals),
        warnings=tuple(warnings),
        about=attrs,
    )


def _levels(train: DesignInput) -> list[Cell]:
    """The levels of each attribute: those of --restrict, else all that are present."""
    request = train.request
    attrs = request.factors
    unknown = sorted(set(request.restrict) - set(attrs))
    if len(set(attrs)) < 2 or "identity" in attrs or unknown:
        raise SplitError(
            "The design cells crosses two or more attributes other than identity:"
            " --attr=weather,illumination, and --restrict weather=sunny+foggy for some of their"
            " levels" + (f"; {unknown[0]} is not among them." if unknown else ".")
        )
    if request.levels is not None:
        raise SplitError(
            "The design cells takes the levels of each attribute from --restrict"
            f" {attrs[0]}={'+'.join(request.levels)}, not from --levels."
        )
    found = []
    for attr in attrs:
        codes = train.codes(attr)
        named = request.restrict.get(attr)
        kept = codes.present() if named is None else kept_level_codes(train, attr, named)
        if len(kept) < 2:
            raise SplitError(
                f"The design cells needs two levels or more of {attr}; found"
                f" {', '.join(str(codes.levels[code]) for code in kept) or 'none'}."
            )
        found.append(tuple(str(codes.levels[code]) for code in kept))
    return found


def _refuse_empty(train: DesignInput, cells: list[Cell]) -> None:
    """Raise SplitError for cells of which the train set has no image."""
    names = [train.codes(attr) for attr in train.request.factors]
    held = set(zip(*(codes.values.tolist() for codes in names), strict=True))
    filled = {
        tuple(str(codes.levels[code]) for codes, code in zip(names, cell, strict=True))
        for cell in held
        if min(cell) >= 0
    }
    empty = ["+".join(cell) for cell in cells if cell not in filled]
    if empty:
        raise SplitError(
            f"The train set has no image of {first_few(empty)}; name the levels whose cells are all"
            " there with --restrict."
        )


def _mixture(train: DesignInput, slots: MatchedSlots, cells: list[Cell]) -> np.ndarray:
    """All cells dealt in turn over the slots of each identity, as sorted positions in the pool."""
    keys = np.array([sampling.hash64("+".join(cell)) for cell in cells], dtype=np.uint64)
    among = np.arange(len(cells))
    identities = train.pool.identity_keys
    return np.sort(round_robin_rows(slots, identities, keys, among, train.request.seed))
