"""Collinearity of the effects of several attributes: the main-effect design matrix, from pair
counts.

No matrix of rows is made: the products of two attributes' indicators are their table of counts.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations_with_replacement, pairwise

import numpy as np

from gprplus.splits.audit.counts import LevelCounts
from gprplus.splits.identifiability import AttributeRelations

_SINGULAR = 1e-9  # of a direction's variance that the other attributes leave: less is rounding


def gvif(products: np.ndarray, groups: Sequence[np.ndarray]) -> list[float | None]:
    """Generalised variance inflation of each group of columns, from centred products `(k, k)`; None
    where aliased.

    Fox and Monette, "Generalized collinearity diagnostics", 1992: det(R11) det(R22) / det(R), here
    as det(R11) over the determinant of what the other columns leave of R11, so that aliases among
    the others do no harm. A group is aliased where one of its directions is a sum of other columns:
    the design matrix has not full rank.

    >>> gvif(np.array([[1.0, 0.0], [0.0, 1.0]]), [np.array([0]), np.array([1])])
    [1.0, 1.0]
    >>> gvif(np.array([[1.0, 1.0], [1.0, 1.0]]), [np.array([0]), np.array([1])])
    [None, None]
    """
    scale = np.sqrt(np.maximum(np.diag(products), 1e-300))
    related = products / np.outer(scale, scale)
    found: list[float | None] = []
    for mine in groups:
        others = np.setdiff1d(np.concatenate(list(groups)), mine)
        own, across = related[np.ix_(mine, mine)], related[np.ix_(mine, others)]
        left = (
            own
            - across @ np.linalg.pinv(related[np.ix_(others, others)], hermitian=True) @ across.T
        )
        if not len(mine) or np.linalg.eigvalsh(left)[0] < _SINGULAR * np.linalg.eigvalsh(own)[0]:
            found.append(None)
            continue
        found.append(
            round(float(np.exp(np.linalg.slogdet(own)[1] - np.linalg.slogdet(left)[1])), 4)
        )
    return found


def collinearity(
    relations: AttributeRelations, counted: LevelCounts, per_person: Mapping[str, np.ndarray]
) -> dict[str, dict[str, float | int | None]]:
    """Return for each image attribute: `df`, `gvif` among all of them, and `gvif_given_identity`
    within identities.

    Null if the attribute is aliased or, within identities, does not vary. Declared functions of
    others are left out. `per_person` has the counts `(I, L + 1)` of each attribute, unknown first.
    """
    names = [name for name in per_person if not _declared(relations, name, set(per_person))]
    kept = {
        name: np.flatnonzero(per_person[name].sum(axis=0))[1:] for name in names
    }  # the first is the reference
    names = [name for name in names if len(kept[name])]
    if len(names) < 2:
        return {}
    ends = np.cumsum([0, *(len(kept[name]) for name in names)])
    groups = [np.arange(start, stop) for start, stop in pairwise(ends)]
    counts = np.zeros((ends[-1], ends[-1]))
    for (i, one), (j, two) in combinations_with_replacement(enumerate(names), 2):
        table = _together(counted, one, two)[np.ix_(kept[one], kept[two])]
        counts[np.ix_(groups[i], groups[j])] = table
        counts[np.ix_(groups[j], groups[i])] = table.T
    each = np.concatenate([per_person[name][:, kept[name]] for name in names], axis=1).astype(
        np.float64
    )
    total = each.sum(axis=0)
    overall = gvif(counts - np.outer(total, total) / len(counted), groups)
    share = each / np.maximum(counted.identities, 1)[:, None]
    within = counts - each.T @ share
    varies = [bool((np.diag(within)[group] > 1e-9).all()) for group in groups]
    inside = iter(
        gvif(within, [group for group, free in zip(groups, varies, strict=True) if free])
        if any(varies)
        else []
    )
    return {
        name: {"df": len(group), "gvif": one, "gvif_given_identity": next(inside) if free else None}
        for name, group, one, free in zip(names, groups, overall, varies, strict=True)
    }


def _declared(relations: AttributeRelations, name: str, known: set[str]) -> bool:
    return any(
        one.declared and one.name == name and set(one.of) <= known - {name}
        for one in relations.aliases
    )


def _together(counted: LevelCounts, one: str, two: str) -> np.ndarray:
    """Rows of each pair of levels, unknown first."""
    if one == two:
        return np.diag(counted.margin(one))
    return counted.pair(one, two)
