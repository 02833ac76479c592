"""Coarsened exact matching: levels merged by a declared map before strata are made, so that near
ones may meet.

A map is a width for numbers ("30": the nearest multiple, round the circle for degrees), or groups
of levels ("forenoon+noon/dusk+dawn": those not named stay as they are). Maps come from the command
line or, from the finest to the coarsest, from manifests/attributes.toml. Images keep their own
levels; only what counts as equal is coarser. (Iacus, King and Porro, "Causal inference without
balance checking: coarsened exact matching", 2012.)
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from gprplus.core.declarations import Attribute, attributes
from gprplus.core.errors import SplitError, did_you_mean
from gprplus.splits.candidates import AttributeCodes
from gprplus.splits.designs import ArmSet, DesignInput
from gprplus.splits.request import WARN_RETENTION


def draw_with_coarsened_levels(train: DesignInput, draw: Callable[[DesignInput], ArmSet]) -> ArmSet:
    """The plan of `draw` with levels merged no further than half of the images need to be matched.

    Maps from the request are used as they are; else those declared for the other factors, rung by
    rung. Raises what `draw` raises where even the coarsest does not help.
    """
    rungs = [train.request.coarsen] if train.request.coarsen else _declared(train)
    tried: Exception | None = None
    best: tuple[ArmSet, Mapping[str, str]] | None = None
    for maps in rungs:
        try:
            plan = draw(merged_levels(train, maps))
        except SplitError as problem:
            tried = problem
            continue
        if best is None or plan.retention > best[0].retention:
            best = (plan, maps)
        if plan.retention >= WARN_RETENTION:
            break
    if best is None:
        raise tried or SplitError(
            "There is nothing to merge: no other factor has a coarser map. Give --coarsen."
        )
    plan, maps = best
    if not maps:
        return plan
    merged_by = ", ".join(f"{name} by {text}" for name, text in maps.items())
    warning = f"Levels were merged to be matched ({merged_by}): within a merged level the arms may differ."
    matching = {**plan.matching, "coarsened": dict(maps)}
    return replace(plan, warnings=(*plan.warnings, warning), matching=matching)


def _declared(train: DesignInput) -> list[Mapping[str, str]]:
    """Yield no merge, then every other factor merged by its first declared map, by its second,
    ..."""
    known = train.pool.attributes
    maps = {name: known[name].coarser for name in train.relations.strata(train.request.attr)}
    maps = {name: coarser for name, coarser in maps.items() if coarser}
    depth = max((len(coarser) for coarser in maps.values()), default=0)
    return [
        {},
        *(
            {name: coarser[min(i, len(coarser) - 1)] for name, coarser in maps.items()}
            for i in range(depth)
        ),
    ]


def merged_levels(train: DesignInput, maps: Mapping[str, str]) -> DesignInput:
    """The train set with the levels of some attributes merged; itself where there is no map."""
    if not maps:
        return train
    pool = train.pool
    for name in maps:
        if name not in pool.images:
            raise SplitError(
                f"{name} is an identity attribute; --coarsen merges levels of image attributes."
            )
    images = {
        name: merge_levels(codes, maps[name], pool.attributes[name]) if name in maps else codes
        for name, codes in pool.images.items()
    }
    return replace(train, pool=replace(pool, images=images))


def merge_levels(
    codes: AttributeCodes, text: str, declared: Attribute | None = None
) -> AttributeCodes:
    """An attribute with its levels merged by a map, the new levels in the order of their first old
    ones.

    >>> merge_levels(AttributeCodes("viewpoint_deg", np.array([0, 1, 2]), (10, 50, 350)), "30").levels
    (0, 60)
    """
    if not codes.levels:
        return codes
    declared = declared or attributes()[codes.name]
    new = (
        _by_width(codes, text, declared)
        if declared.type == "integer"
        else _by_group(codes, text, declared)
    )
    levels = tuple(dict.fromkeys(new))
    place = np.array([*(levels.index(level) for level in new), -1], dtype=np.int32)
    return AttributeCodes(codes.name, place[codes.values], levels)


def _by_width(codes: AttributeCodes, text: str, declared: Attribute) -> list[object]:
    if not text.isdecimal() or int(text) < 1:
        raise SplitError(
            f"--coarsen {codes.name}={text}: the map of a number is a width, such as"
            f" {codes.name}=30."
        )
    width = int(text)
    nearest_ones = [(int(level) + width // 2) // width * width for level in codes.levels]
    return [one % 360 if declared.unit == "degree" else one for one in nearest_ones]


def _by_group(codes: AttributeCodes, text: str, declared: Attribute) -> list[object]:
    group: dict[str, str] = {}
    known = {*map(str, codes.levels), *declared.levels}
    for names in text.lower().split("/"):
        for name in names.split("+"):
            if name not in known:
                raise SplitError(
                    f"--coarsen {codes.name}={text}: there is no level '{name}'."
                    f" {did_you_mean(name, known)}"
                )
            if group.setdefault(name, names) != names:
                raise SplitError(f"--coarsen {codes.name}={text}: {name} is in two groups.")
    there = set(map(str, codes.levels))
    shown = {
        names: "+".join(name for name in names.split("+") if name in there)
        for names in group.values()
    }
    return [shown[group[str(level)]] if str(level) in group else level for level in codes.levels]
