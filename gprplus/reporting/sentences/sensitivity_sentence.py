"""Sentence on the sign of the widest difference under other training settings."""

from collections.abc import Sequence

from gprplus.reporting import formatting
from gprplus.reporting.arm_labels import arm_phrase, reference_phrase
from gprplus.reporting.findings import Row, orient
from gprplus.schema.split_record import SplitRecord
from gprplus.statistics.levels.level_estimands import OWN, TRANSFER


def sensitivity_sentence(rows: Sequence[Row], split: SplitRecord) -> list[str]:
    """The sentence, from rows of schema.SENSITIVITY of one target; nothing without any."""
    mine = [row for row in rows if row["metric"] == "mAP"]
    if not mine:
        return []
    settings = formatting.join_names(list(dict.fromkeys(row["variant"] for row in mine)))
    pair = (
        f"{arm_phrase(mine[0]['arm'], split)} against"
        f" {reference_phrase(mine[0]['reference'], split)}"
    )
    decided = [
        row
        for row in mine
        if row["base_low"] is not None and row["base_low"] * row["base_high"] > 0
    ]
    changed = [row for row in decided if not row["sign_holds"]]
    if not decided:
        return [
            f"With {settings} nothing can be compared: every single 95% interval of the difference"
            f" of {pair} contained 0."
        ]
    if not changed:
        return [
            f"With {settings} the difference of {pair} keeps its sign wherever its single 95%"
            " interval left out 0."
        ]
    parts = [
        f"{_where(row)} with {row['variant']} ({_turned(row, 'value')}, was {_turned(row, 'base')})"
        for row in changed
    ]
    return [
        f"With {settings} the difference of {pair} does not keep its sign:"
        f" {formatting.join_names(parts)}."
    ]


def _where(row: Row) -> str:
    return f"in {row['family']}" if row["family"] in (OWN, TRANSFER) else "in the mixed gallery"


def _turned(row: Row, name: str) -> str:
    value = orient(
        {"value": row[name], "family_low": None, "family_high": None, "family": row["family"]}
    )[0]
    return formatting.signed_points(value)
