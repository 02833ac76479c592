"""Answers about the crossed design: images of each pair of levels, holes, and attributes that go
together."""

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np

from gprplus.core.errors import BrowseError
from gprplus.explorer.facets import Facet
from gprplus.explorer.image_table import BrowsedImages
from gprplus.explorer.selection import ImageSelection
from gprplus.explorer.workspace import Workspace
from gprplus.splits.audit.association import cramers_v

MOST = 80  # levels of a side of the heat map; identities are shown up to this number
PAIRED = 40  # levels of an attribute in the table of pairs


def design_answer(space: Workspace, given: Mapping[str, str]) -> dict[str, Any]:
    """Return the counts of two attributes crossed, over a selection, and the association of all
    pairs of attributes."""
    table = space.manifest(given.get("s", "")).table
    names = crossed_attributes(table)
    if len(names) < 2:
        raise BrowseError("The manifest has fewer than two attributes with several levels.")
    first, second = (
        given.get(side) or name for side, name in zip("ab", default_pair(table), strict=True)
    )
    if first not in names or second not in names or first == second:
        first, second = default_pair(table)
    selection = ImageSelection.parse(given)
    passed, _ = table.counts(selection)
    rows = slice(None) if passed is None else passed
    counts = cross(table.facet(first), table.facet(second), rows)
    taken = None
    if given.get("taken"):
        mask = table.mask("", given["taken"])
        taken = cross(
            table.facet(first), table.facet(second), mask if passed is None else mask & passed
        )
    return {
        "attributes": names,
        "a": first,
        "b": second,
        "rows": list(table.facet(first).levels),
        "columns": list(table.facet(second).levels),
        "counts": counts.tolist(),
        "taken": None if taken is None else taken.tolist(),
        "holes": int((counts == 0).sum()),
        "pairs": _pairs(table, rows),
    }


def crossed_attributes(table: BrowsedImages) -> list[str]:
    """Return the attributes that can be a side of the heat map."""
    known = {*table.manifest.attributes, "identity", "dataset"}
    return [
        name
        for name, facet in table.facets.items()
        if name in known and 1 < len(facet.levels) <= MOST
    ]


def default_pair(table: BrowsedImages) -> tuple[str, str]:
    """Return the two attributes shown first: those with the most levels of the rendered ones."""
    names = crossed_attributes(table)
    cell = [name for name in table.cell_attributes if name in names]
    first, second = ([*cell, *(name for name in names if name not in cell)])[:2]
    return first, second


def cross(first: Facet, second: Facet, rows: Any) -> np.ndarray:
    """Return the images of each pair of known levels, `(A, B) int64`."""
    width = len(second.levels) + 1
    joint = first.codes[rows].astype(np.int64) * width + second.codes[rows]
    counts = np.bincount(joint, minlength=(len(first.levels) + 1) * width)
    return counts.reshape(-1, width)[1:, 1:]


def _pairs(table: BrowsedImages, rows: Any) -> list[list[Any]]:
    """Return [attribute, attribute, Cramer's V, empty pairs of levels], the strongest first."""
    names = [
        name
        for name in crossed_attributes(table)
        if name != "identity" and len(table.facets[name].levels) <= PAIRED
    ]
    found: list[list[Any]] = []
    for first, second in combinations(names, 2):
        counts = cross(table.facets[first], table.facets[second], rows)
        strength = cramers_v(counts)
        if strength is not None:
            seen = counts[counts.sum(1) > 0][:, counts.sum(0) > 0]
            found.append([first, second, strength, int((seen == 0).sum())])
    return sorted(found, key=lambda pair: -pair[2])
