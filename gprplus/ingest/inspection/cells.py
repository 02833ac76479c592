"""The crossed design of a dataset: cells without an image, and attributes that are functions of
others."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gprplus.ingest.tables.coded import CodedColumn

SHOWN = 3


@dataclass(frozen=True)
class DesignCells:
    """The crossed design of one dataset: how many cells there are, how many hold no image, the
    first of those, and how full the others are.
    """

    dataset: str
    factors: tuple[str, ...]
    cells: int
    missing: int
    missing_examples: tuple[str, ...]
    fewest: int
    most: int
    fullest_example: str


@dataclass(frozen=True)
class FactorAlias:
    """`attribute` is a function of the attributes `of` in this dataset; `declared` if its layout
    declares it."""

    dataset: str
    attribute: str
    of: tuple[str, ...]
    declared: bool


def _packed(parts: Sequence[CodedColumn]) -> tuple[np.ndarray, tuple[int, ...]]:
    shape = tuple(len(part.levels) for part in parts)
    return np.ravel_multi_index(tuple(part.codes for part in parts), shape), shape


def cells_of(
    name: str, factors: Sequence[str], codes: dict[str, CodedColumn], counted: np.ndarray
) -> list[DesignCells]:
    """The crossed design, over the factors that are known here; none for a dataset that declares no
    crossing."""
    crossed = [factor for factor in factors if codes[factor].levels]
    for factor in crossed:
        counted = counted & (codes[factor].codes >= 0)
    if len(crossed) < 2 or not counted.any():
        return []
    parts = [CodedColumn(codes[factor].levels, codes[factor].codes[counted]) for factor in crossed]
    packed, shape = _packed(parts)
    full = np.bincount(packed, minlength=int(np.prod(shape)))
    empty = np.flatnonzero(full == 0)

    def describe(cell: int) -> str:
        place = np.unravel_index(cell, shape)
        return " ".join(f"{part.levels[i]}" for part, i in zip(parts, place, strict=True))

    return [
        DesignCells(
            name,
            tuple(crossed),
            len(full),
            len(empty),
            tuple(describe(cell) for cell in empty[:SHOWN]),
            int(full[full > 0].min()),
            int(full.max()),
            describe(int(full.argmax())),
        )
    ]


def aliases_of(
    name: str,
    functions: Mapping[str, Sequence[str]],
    codes: dict[str, CodedColumn],
    counted: np.ndarray,
) -> list[FactorAlias]:
    """Attributes that another determines; and the declared functions of several attributes, where
    they hold."""
    known = {
        key: CodedColumn(part.levels, part.codes[counted])
        for key, part in codes.items()
        if (part.codes[counted] >= 0).any()
    }
    several = {key: len(part.levels) > 1 for key, part in known.items()}

    def determined(key: str, of: Sequence[str]) -> bool:
        return is_determined(known[key], [known[part] for part in of])

    return find_aliases(name, functions, several, determined)


def find_aliases(
    name: str,
    functions: Mapping[str, Sequence[str]],
    several: Mapping[str, bool],
    determined: Callable[[str, Sequence[str]], bool],
) -> list[FactorAlias]:
    """Return the aliases among the attributes that have values; `several` is true for those with
    more than one level."""
    claims: list[tuple[str, tuple[str, ...]]] = [
        (key, (other,))
        for key in several
        for other in several
        if key not in (other, "identity")
        and list(functions.get(other, ())) != [key]  # report a declared one-to-one relation once
    ]
    claims += [(key, tuple(of)) for key, of in functions.items() if len(of) > 1]
    return [
        FactorAlias(name, key, of, list(functions.get(key, ())) == list(of))
        for key, of in claims
        if all(several.get(part) for part in (key, *of)) and determined(key, of)
    ]


def is_determined(attribute: CodedColumn, of: Sequence[CodedColumn]) -> bool:
    """Return True if each combination of the levels `of` has one level of `attribute`, over rows
    without unknowns."""
    known = attribute.codes >= 0
    for part in of:
        known &= part.codes >= 0
    if not known.any():
        return False
    packed, shape = _packed([CodedColumn(part.levels, part.codes[known]) for part in of])
    both = packed * len(attribute.levels) + attribute.codes[known]
    return _distinct(both, int(np.prod(shape)) * len(attribute.levels)) == _distinct(
        packed, int(np.prod(shape))
    )


def _distinct(codes: np.ndarray, size: int) -> int:
    if size > 64 * len(
        codes
    ):  # far more cells than rows: sorting the rows is cheaper than an array of cells
        return len(np.unique(codes))
    return int(np.count_nonzero(np.bincount(codes, minlength=1)))
