"""The cells of a render plan, checked: every wrong value is one sentence with its row."""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from gprplus.core.errors import PlanError, did_you_mean, escape

if TYPE_CHECKING:
    import pyarrow as pa

LAST_IDENTITY = 9999  # names have four digits
NEEDED = ("viewpoint_deg", "weather", "illumination", "identities")
_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_RANGE = re.compile(r"(\d{1,4})(?:-(\d{1,4}))?")


@dataclass(frozen=True)
class PlanCell:
    """One row of a plan: the levels of a cell, and the numbers of its identities."""

    cell: int
    viewpoint_deg: int
    camera_height_m: float | None
    weather: str
    illumination: str
    background: str | None
    identities: tuple[int, ...]
    weight: float
    is_new: bool | None
    reason: str

    @property
    def levels(self) -> tuple[int, float | None, str, str, str | None]:
        """Return the levels that make the cell."""
        return (
            self.viewpoint_deg,
            self.camera_height_m,
            self.weather,
            self.illumination,
            self.background,
        )

    def to_row(self) -> dict[str, Any]:
        """Return the row of the table of cells."""
        return {
            **vars(self),
            "identities": [identity_name(number) for number in self.identities],
            "images": len(self.identities),
        }


def identity_name(number: int) -> str:
    """Return the name of an identity.

    >>> identity_name(12)
    '0012'
    """
    return f"{number:04d}"


def parse_numbers(text: str) -> tuple[int, ...]:
    """Return the numbers of a compact text. Raises ValueError.

    >>> parse_numbers("1-3 0007")
    (1, 2, 3, 7)
    """
    numbers: list[int] = []
    for word in re.split(r"[\s,;]+", text.strip()):
        found = _RANGE.fullmatch(word)
        if found is None:
            raise ValueError(word)
        first, last = int(found[1]), int(found[2] or found[1])
        if not 1 <= first <= last:
            raise ValueError(word)
        numbers += range(first, last + 1)
    return tuple(numbers)


def compact_numbers(numbers: Iterable[int]) -> str:
    """Return numbers as a compact text.

    >>> compact_numbers([1, 2, 3, 7, 9, 10])
    '1-3 7 9-10'
    """
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return " ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in runs)


def checked_cells(rows: Sequence[Mapping[str, Any]], where: str) -> list[PlanCell]:
    """Return the rows of a plan as cells, absent columns filled in.

    Raises PlanError for an unknown column, a missing one, a wrong value, a number of a cell that
    two rows have, and an image that two rows have.
    """
    from gprplus.schema.render_plan import PLAN_CELLS

    if not rows:
        raise PlanError(f"{where} has no rows; a plan has one for each cell to draw.")
    known = [column.name for column in PLAN_CELLS]
    for name in {name: None for row in rows for name in row}:
        if name not in known:
            raise PlanError(
                f"{where}: unknown column '{escape(str(name))[:60]}'."
                f" {did_you_mean(str(name), known)} Notes belong in the column reason."
            )
    total = 0
    cells = []
    for number, row in enumerate(rows, 1):
        cells.append(_cell(row, number, f"{where}, row {number}"))
        total += len(cells[-1].identities)
    cells = [
        cell if not math.isnan(cell.weight) else replace(cell, weight=len(cell.identities) / total)
        for cell in cells
    ]
    _refuse_repeats(cells, where)
    return cells


def _cell(row: Mapping[str, Any], number: int, where: str) -> PlanCell:
    def value(name: str, parse: Callable[[Any], Any], expected: str, absent: Any = None) -> Any:
        found = row.get(name)
        if found is None or (isinstance(found, str) and not found.strip()):
            if name in NEEDED:
                raise PlanError(f"{where}: {name} is missing; expected {expected}.")
            return absent
        try:
            return parse(found)
        except (ValueError, TypeError, OverflowError):
            shown = escape(str(found))
            shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
            raise PlanError(f"{where}: {name}: expected {expected}, found '{shown}'.") from None

    identities = value(
        "identities",
        _identities,
        f"different numbers from 1 to {LAST_IDENTITY}, such as 1-4 7",
    )
    images = value("images", _whole, "a whole number")
    if images not in (None, len(identities)):
        raise PlanError(
            f"{where}: images is {images:,}, but there are {len(identities):,} identities with one"
            " image each. Correct one of them, or leave the column images out."
        )
    return PlanCell(
        value("cell", _whole, "a whole number", number),
        value("viewpoint_deg", _degree, "whole degrees from 0 to 359"),
        value("camera_height_m", _positive, "meters above 0"),
        value("weather", _level, "the name of a level"),
        value("illumination", _level, "the name of a level"),
        value("background", _level, "the name of a place"),
        identities,
        value("weight", _share, "a number from 0", math.nan),
        value("is_new", _truth, "true or false"),
        value("reason", str, "text", ""),
    )


def _whole(value: Any) -> int:
    if isinstance(value, bool):
        raise ValueError(value)
    number = float(value)
    if not number.is_integer() or abs(number) >= 2**53:
        raise ValueError(value)
    return int(number)


def _degree(value: Any) -> int:
    degree = _whole(value)
    if not 0 <= degree < 360:
        raise ValueError(value)
    return degree


def _share(value: Any) -> float:
    number = float(value)
    if isinstance(value, bool) or not math.isfinite(number) or number < 0:
        raise ValueError(value)
    return number


def _positive(value: Any) -> float:
    if _share(value) == 0:
        raise ValueError(value)
    return float(value)


def _level(value: Any) -> str:
    if not isinstance(value, str) or not value.strip().isprintable() or len(value) > 60:
        raise ValueError(value)
    return value.strip()


def _truth(value: Any) -> bool:
    word = str(value).strip().lower()
    if word not in _TRUTH:
        raise ValueError(value)
    return _TRUTH[word]


def _identities(value: Any) -> tuple[int, ...]:
    if isinstance(value, list | tuple):
        if not all(type(item) is int or (type(item) is str and item.isdecimal()) for item in value):
            raise ValueError(value)
        numbers = tuple(map(int, value))
    else:
        numbers = parse_numbers(value if isinstance(value, str) else str(_whole(value)))
    numbers = tuple(sorted(numbers))
    if not numbers or not 1 <= numbers[0] <= numbers[-1] <= LAST_IDENTITY:
        raise ValueError(value)
    if len(set(numbers)) < len(numbers):
        raise ValueError(value)
    return numbers


def _refuse_repeats(cells: Sequence[PlanCell], where: str) -> None:
    rows: dict[int, int] = {}
    for row, cell in enumerate(cells, 1):
        if cell.cell in rows:
            raise PlanError(
                f"{where}: rows {rows[cell.cell]} and {row} both have cell {cell.cell}."
            )
        rows[cell.cell] = row
    drawn: dict[tuple[object, ...], dict[int, int]] = {}
    for row, cell in enumerate(cells, 1):
        known = drawn.setdefault(cell.levels, {})
        for number in cell.identities:
            if number in known:
                raise PlanError(
                    f"{where}: rows {known[number]} and {row} have the same image: identity"
                    f" {identity_name(number)} in one cell. Take it out of one of them."
                )
            known[number] = row


def cells_table(cells: Sequence[PlanCell]) -> "pa.Table":
    """Return cells as the table of a plan."""
    import pyarrow as pa

    from gprplus.schema.column import arrow_schema, conform
    from gprplus.schema.render_plan import PLAN_CELLS

    schema = arrow_schema(PLAN_CELLS)
    plain = [
        pa.field(one.name, pa.string() if pa.types.is_dictionary(one.type) else one.type)
        for one in schema
    ]
    table = pa.Table.from_pylist([cell.to_row() for cell in cells], schema=pa.schema(plain))
    return conform(table, PLAN_CELLS)
