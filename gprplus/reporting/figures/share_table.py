"""Shares of levels in sets of images, against even shares."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from gprplus.reporting import formatting
from gprplus.schema.construct_record import Counts

UNITS = {"viewpoint_deg": "°", "camera_height_m": " m"}
STRONGEST = 2.0  # powers of two from an even share, at which a color is full
EVEN = 0.05  # relative difference to an even share that has no color


@dataclass(frozen=True)
class ShareCell:
    """The share of a level, 0-1, and its ratio to an even share."""

    share: float
    ratio: float
    text: str

    @property
    def tone(self) -> str:
        """Return "more" or "less" than an even share, or "even"."""
        if abs(self.ratio - 1) <= EVEN:
            return "even"
        return "more" if self.ratio > 1 else "less"

    @property
    def strength(self) -> float:
        """Return how strong the color is, 0-1, on a logarithmic scale."""
        if not self.ratio:
            return 1.0
        return round(min(abs(math.log2(self.ratio)) / STRONGEST, 1.0), 3)


@dataclass(frozen=True)
class ShareTable:
    """A row of cells for each set, a column for each level, grouped by factor.

    `factors` are nouns with the labels of their levels; a factor of one level is left out. `rows`
    are names of sets with their cells in the order of the columns.
    """

    factors: tuple[tuple[str, tuple[str, ...]], ...]
    rows: tuple[tuple[str, tuple[ShareCell, ...]], ...]

    @property
    def columns(self) -> int:
        """Return the number of columns of cells."""
        return sum(len(levels) for _, levels in self.factors)

    @property
    def starts(self) -> frozenset[int]:
        """Return the columns, from 0, that start a factor other than the first."""
        found, start = [], 0
        for _, levels in self.factors[:-1]:
            start += len(levels)
            found.append(start)
        return frozenset(found)


def build_share_table(sets: Mapping[str, Counts]) -> ShareTable:
    """Build the table of sets, each with its images by factor and level."""
    first = next(iter(sets.values()), {})
    known = {name: tuple(levels) for name, levels in first.items() if len(levels) > 1}
    factors = tuple(
        (factor_noun(name), tuple(level_label(name, one) for one in levels))
        for name, levels in known.items()
    )
    rows = tuple(
        (
            label,
            tuple(
                _cell(label, name, level, counts[name])
                for name, levels in known.items()
                for level in levels
            ),
        )
        for label, counts in sets.items()
    )
    return ShareTable(factors, rows)


def factor_noun(factor: str) -> str:
    """A factor without its unit.

    >>> factor_noun("camera_height_m"), factor_noun("weather")
    ('camera height', 'weather')
    """
    return formatting.attribute_noun(factor.removesuffix("_m"))


def level_label(factor: str, level: str) -> str:
    """A level in the column of its factor.

    >>> level_label("viewpoint_deg", "90"), level_label("weather", "foggy")
    ('90°', 'foggy')
    """
    return f"{level}{UNITS.get(factor, '')}"


def _cell(label: str, factor: str, level: str, counts: Mapping[str, int]) -> ShareCell:
    total = sum(counts.values())
    share = counts[level] / total if total else 0.0
    ratio = share * len(counts)
    noun = factor_noun(factor)
    text = (
        f"{label}, {noun} {level_label(factor, level)}: {counts[level]:,} of {total:,} images,"
        f" {100 * share:.0f}%; even would be {100 / len(counts):.0f}%"
    )
    return ShareCell(share, ratio, text)
