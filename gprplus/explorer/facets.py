"""Levels of a column as small codes, and how many images of a selection have each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gprplus.core.declarations import Attributes
from gprplus.splits.candidates import encode_levels

if TYPE_CHECKING:
    import pyarrow as pa

Picks = Mapping[str, Sequence[str | None]]  # levels that a facet keeps, None for unknown


@dataclass(frozen=True)
class Facet:
    """A column with few levels: `codes (N,)`, unsigned, 0 for unknown, else 1 + a place in
    `levels`. `of_identity (I,)` are the codes of identities, for an attribute of these."""

    name: str
    codes: np.ndarray
    levels: tuple[str, ...]
    of_identity: np.ndarray | None = None

    @property
    def values(self) -> list[str | None]:
        """Return the level of each code."""
        return [None, *self.levels]

    def codes_of(self, levels: Sequence[str | None]) -> np.ndarray:
        """Return `(L + 1,) bool`: the codes of some levels; unknown names have none."""
        wanted = set(levels)
        return np.array([value in wanted for value in self.values], dtype=bool)

    def counts(self, rows: np.ndarray | None) -> np.ndarray:
        """Return `(L + 1,) int64`: the images of each code among `rows (N,) bool`, or of all."""
        codes = self.codes if rows is None else self.codes[rows]
        return np.bincount(codes, minlength=len(self.levels) + 1)


def encode_facet(name: str, column: "pa.ChunkedArray", own: Attributes) -> Facet:
    """Return a column of levels, whole numbers or flags as a facet."""
    import pyarrow as pa

    if pa.types.is_boolean(column.type):
        flags = np.asarray(column.fill_null(False)).astype(np.uint8) + 1
        return Facet(
            name, np.where(np.asarray(column.is_valid()), flags, 0).astype(np.uint8), ("no", "yes")
        )
    found = encode_levels(name, column, own)
    kind = np.min_scalar_type(len(found.levels))
    codes = (found.values.astype(np.int64) + 1).astype(kind)
    return Facet(name, codes, tuple(str(level) for level in found.levels))


def count_levels(
    facets: Sequence[Facet],
    base: np.ndarray | None,
    picks: Picks,
    identity_rows: np.ndarray | None = None,
) -> tuple[np.ndarray | None, dict[str, np.ndarray]]:
    """Return which images pass `base` and all picks, `(N,) bool` or None for all, and the counts of
    each facet.

    The counts of a facet follow `base` and the picks of the other facets, not its own: they are what
    picking a level would show. `identity_rows (N,)` are the identities of images, up to I for
    unknown: attributes of identities are counted by one pass over these, whatever their number.
    """
    known = {facet.name: facet for facet in facets}
    kept = {name: known[name].codes_of(picks[name])[known[name].codes] for name in picks}
    passed = _all([base, *kept.values()])
    each = None
    counts = {}
    for facet in facets:
        if facet.name in kept:
            others = [mask for name, mask in kept.items() if name != facet.name]
            counts[facet.name] = facet.counts(_all([base, *others]))
        elif facet.of_identity is None or identity_rows is None:
            counts[facet.name] = facet.counts(passed)
        else:
            if each is None:
                each = _images_of_identities(facet, identity_rows, passed)
            codes = np.append(facet.of_identity, 0)  # an unknown identity has unknown attributes
            found = np.bincount(codes, weights=each, minlength=len(facet.levels) + 1)
            counts[facet.name] = found.astype(np.int64)
    return passed, counts


def _images_of_identities(
    facet: Facet, identity_rows: np.ndarray, rows: np.ndarray | None
) -> np.ndarray:
    """Return the number of images of each identity, `(I + 1,)`, the last for unknown ones."""
    size = 0 if facet.of_identity is None else len(facet.of_identity)
    chosen = identity_rows if rows is None else identity_rows[rows]
    return np.bincount(chosen, minlength=size + 1)


def _all(masks: Sequence[Any]) -> np.ndarray | None:
    """Return the conjunction of masks, where None holds everywhere."""
    given = [mask for mask in masks if mask is not None]
    if not given:
        return None
    out: np.ndarray = given[0]
    for mask in given[1:]:
        out = out & mask
    return out
