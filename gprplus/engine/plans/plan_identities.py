"""The identities of a render plan, with the attributes that the plan expects of them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gprplus.core.declarations import attributes, identity_attributes
from gprplus.core.errors import PlanError, did_you_mean, escape
from gprplus.engine.plans.plan_cells import PlanCell, identity_name, parse_numbers

if TYPE_CHECKING:
    import pyarrow as pa

OTHERS = ("identity", "reason")


def identities_table(
    rows: Sequence[Mapping[str, Any]], cells: Iterable[PlanCell], where: str
) -> "pa.Table":
    """Return the table of a plan's identities: `identity`, the given attributes, `reason`.

    Without rows, the identities are those of the cells. Raises PlanError for an unknown column or
    level, and for identities that are not those of the cells.
    """
    import pyarrow as pa

    drawn = sorted({number for cell in cells for number in cell.identities})
    rows = rows or [{"identity": identity_name(number)} for number in drawn]
    given = _given(rows, where)
    checked = [
        _row(row, given, f"{where}, row {number} of the identities")
        for number, row in enumerate(rows, 1)
    ]
    listed = [str(row["identity"]) for row in checked]
    if sorted(listed) != [identity_name(number) for number in drawn]:
        wrong = set(listed).symmetric_difference(map(identity_name, drawn))
        one = min(wrong) if wrong else next(name for name in listed if listed.count(name) > 1)
        raise PlanError(
            f"{where}: the identities are not those of the cells; one that differs is {one}."
            " Correct them, or leave the table of identities out."
        )
    names = ["identity", *given, "reason"]
    return pa.Table.from_pylist(checked, schema=pa.schema([(name, pa.string()) for name in names]))


def _given(rows: Sequence[Mapping[str, Any]], where: str) -> list[str]:
    """Return the attributes that the rows have, in declared order."""
    known, found = identity_attributes(), {name for row in rows for name in row}
    for name in sorted(found - {*known, *OTHERS}, key=str):
        raise PlanError(
            f"{where}: unknown attribute '{escape(str(name))[:60]}' of the identities."
            f" {did_you_mean(str(name), [*known, *OTHERS])}"
        )
    return [name for name in known if name in found]


def _row(row: Mapping[str, Any], given: Sequence[str], where: str) -> dict[str, str | None]:
    try:
        (number,) = parse_numbers(str(row.get("identity")))
    except ValueError:
        shown = escape(str(row.get("identity")))[:60]
        raise PlanError(f"{where}: identity: expected a number, found '{shown}'.") from None
    values: dict[str, str | None] = {"identity": identity_name(number)}
    for name in given:
        value = row.get(name)
        levels = attributes()[name].levels
        if value not in (None, "", *levels):
            shown = escape(str(value))[:60]
            raise PlanError(
                f"{where}: {name}: '{shown}' is no level. {did_you_mean(shown, levels)}"
            )
        values[name] = value or None
    return {**values, "reason": str(row.get("reason") or "")}
