"""Identities whose attributes are rare so far."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from gprplus.core.declarations import identity_attributes
from gprplus.core.errors import PlanError, did_you_mean
from gprplus.engine.crops.design import RenderDesign
from gprplus.engine.people.traits import person_attributes
from gprplus.engine.plans.plan_cells import LAST_IDENTITY
from gprplus.ingest import Manifest

_AHEAD = 20  # candidates for each identity that is chosen


def choose_identities(
    design: RenderDesign,
    count: int,
    first: int,
    rare: Sequence[str],
    manifest: Manifest | None,
) -> pa.Table:
    """Return a table of `count` identities to draw: `identity`, the attributes in `rare`, and
    `reason`.

    Without `rare` these are the numbers from `first`. With it, each next identity is the candidate
    whose levels are rarest among the manifest's identities and those chosen so far: the smallest
    sum, over attributes, of the count of its level divided by the mean count of a level.

    Raises:
        PlanError: an attribute is not one of identities, or there are too few numbers.
    """
    if first + count - 1 > LAST_IDENTITY:
        raise PlanError(
            f"{count:,} identities from number {first:,} would pass {LAST_IDENTITY:,}, the last"
            " one. Reduce the budget or --first-identity."
        )
    if not rare:
        return pa.table(
            {
                "identity": [f"{i:04d}" for i in range(first, first + count)],
                "reason": [f"identities from number {first}"] * count,
            }
        )
    known, rare = identity_attributes(), list(dict.fromkeys(rare))
    for name in rare:
        if name not in known:
            raise PlanError(f"'{name}' is no attribute of identities. {did_you_mean(name, known)}")
    last = min(LAST_IDENTITY, first + max(_AHEAD * count, 200) - 1)
    numbers = np.arange(first, last + 1)
    people = [person_attributes(design.person_key(int(i))) for i in numbers]
    candidates = {name: np.array([str(person[name]) for person in people]) for name in rare}
    return _table(numbers, candidates, count, _level_counts(manifest, rare))


def _level_counts(manifest: Manifest | None, rare: list[str]) -> dict[str, dict[str, int]]:
    """Identities of the manifest by level of each attribute."""
    if manifest is None:
        return {name: {} for name in rare}
    table = manifest.identities(rare)
    return {
        name: {
            str(row["values"]): row["counts"]
            for row in table.column(name).value_counts().to_pylist()
            if row["values"] is not None
        }
        for name in rare
    }


def _table(
    numbers: np.ndarray,
    candidates: Mapping[str, np.ndarray],
    count: int,
    known: Mapping[str, Mapping[str, int]],
) -> pa.Table:
    chosen = pick_rare(candidates, count, known)
    rows: list[dict[str, Any]] = []
    for place, counted in chosen:
        levels = {name: str(values[place]) for name, values in candidates.items()}
        why = ", ".join(
            f"{name} {level} ({counted[name]} so far)" for name, level in levels.items()
        )
        rows.append({"identity": f"{numbers[place]:04d}", **levels, "reason": f"rare: {why}"})
    rows.sort(key=lambda row: row["identity"])
    return pa.Table.from_pylist(rows)


def pick_rare(
    candidates: Mapping[str, np.ndarray], count: int, known: Mapping[str, Mapping[str, int]]
) -> list[tuple[int, dict[str, int]]]:
    """Pick `count` candidates one by one, each the one with the rarest levels so far, the first of
    equals. Returns the position of each, and how often its levels had been counted.

    >>> colours = {"upper_colour": np.array(["red", "red", "blue"])}
    >>> pick_rare(colours, 2, {"upper_colour": {"red": 3, "blue": 1}})
    [(2, {'upper_colour': 1}), (0, {'upper_colour': 3})]
    """
    coded = {}
    for name, values in candidates.items():
        levels, codes = np.unique(values, return_inverse=True)
        counts = np.array(
            [known[name].get(level, 0) for level in levels.tolist()], dtype=np.float64
        )
        coded[name] = (codes, counts)
    free = np.ones(len(next(iter(candidates.values()))), dtype=bool)
    found = []
    for _ in range(count):
        burden = np.where(free, 0.0, np.inf)
        for codes, counts in coded.values():
            burden = burden + counts[codes] / max(counts.mean(), 1e-12)
        place = int(np.argmin(burden))
        found.append(
            (place, {name: int(counts[codes[place]]) for name, (codes, counts) in coded.items()})
        )
        free[place] = False
        for codes, counts in coded.values():
            counts[codes[place]] += 1
    return found
