"""Which attributes of a dataset determine others, from row groups in order."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gprplus.ingest.tables.coded import CodedColumn

Claim = tuple[str, tuple[str, ...]]  # an attribute, and those that determine it
Values = tuple[Any, ...]


@dataclass(frozen=True)
class RowGroupRelations:
    """The relations in one row group: attributes with values, the level of each combination for the
    claims that hold, those that do not, and the last identity."""

    known: frozenset[str]
    levels: dict[Claim, dict[Values, Any]]
    refuted: frozenset[Claim]
    last: str | None

    @classmethod
    def of(
        cls,
        codes: Mapping[str, CodedColumn],
        counted: np.ndarray,
        functions: Mapping[str, Sequence[str]],
    ) -> "RowGroupRelations":
        """Look at the rows where `counted` (N,) bool is true."""
        parts = {
            name: CodedColumn(one.levels, one.codes[counted].astype(np.int64))
            for name, one in codes.items()
        }
        known = frozenset(name for name, one in parts.items() if (one.codes >= 0).any())
        levels: dict[Claim, dict[Values, Any]] = {}
        refuted = set()
        for name, of in _claims(list(parts), functions):
            found = _levels(parts[name], [parts[one] for one in of])
            if found is None:
                refuted.add((name, of))
            else:
                levels[name, of] = found
        identities = parts["identity"].levels
        return cls(known, levels, frozenset(refuted), identities[-1] if identities else None)


def _claims(names: list[str], functions: Mapping[str, Sequence[str]]) -> Iterator[Claim]:
    for name in names:
        if name != "identity":
            yield from ((name, (other,)) for other in names if other != name)
    for name, of in functions.items():
        if len(of) > 1 and {name, *of} <= set(names):
            yield name, tuple(of)


def _levels(column: CodedColumn, of: Sequence[CodedColumn]) -> dict[Values, Any] | None:
    """The level of each combination `of` levels, over rows without unknowns; None where one has
    several."""
    there = column.codes >= 0
    for part in of:
        there &= part.codes >= 0
    shape = tuple(len(part.levels) for part in (*of, column))
    packed = np.ravel_multi_index(tuple(p.codes[there] for p in (*of, column)), shape)
    cells = np.prod(shape, dtype=np.int64)
    filled = (
        np.flatnonzero(np.bincount(packed))
        if cells <= 4 * len(packed) + 65_536
        else np.unique(packed)
    )
    by = filled // shape[-1]
    if (by[1:] == by[:-1]).any():
        return None
    places = zip(*(axis.tolist() for axis in np.unravel_index(filled, shape)), strict=True)
    return {
        tuple(part.levels[i] for part, i in zip(of, place[:-1], strict=True)): column.levels[
            place[-1]
        ]
        for place in places
    }


@dataclass
class Relations:
    """The relations in the row groups so far. Combinations with an identity are held for the last
    identity only: its rows may go on in the next row group."""

    known: set[str] = field(default_factory=set)
    _levels: dict[Claim, dict[Values, Any]] = field(default_factory=dict)
    _refuted: set[Claim] = field(default_factory=set)

    def add(self, group: RowGroupRelations) -> None:
        """Add the next row group."""
        self.known |= group.known
        self._refuted |= group.refuted
        for claim, levels in group.levels.items():
            if claim in self._refuted:
                self._levels.pop(claim, None)
                continue
            held = self._levels.setdefault(claim, {})
            if any(held.setdefault(by, level) != level for by, level in levels.items()):
                self._refuted.add(claim)
            elif "identity" in claim[1]:
                place = claim[1].index("identity")
                last = {by: level for by, level in held.items() if by[place] == group.last}
                self._levels[claim] = last or dict(list(held.items())[-1:])

    def holds(self, name: str, of: Sequence[str]) -> bool:
        """Return True if the attributes `of` determine `name`, and some row has values of all."""
        claim = name, tuple(of)
        return claim not in self._refuted and bool(self._levels.get(claim))
