"""The summary as tables: for the terminal and for a spreadsheet, and what has to be known to read
them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gprplus.core.escape import csv_text
from gprplus.reporting import formatting
from gprplus.reporting.arm_labels import UNTRAINED
from gprplus.reporting.basis import basis_targets
from gprplus.reporting.findings import JOINED, Row, with_family_columns

if TYPE_CHECKING:
    import pyarrow as pa

RIGHT = range(1, 8)  # columns of `overview_table` that hold figures, counted without the target


def in_split_order(rows: Sequence[Row], arms: Sequence[str] = ()) -> list[Row]:
    """Rows by target, then in the split's order of arms; unnamed arms follow as they come, the
    untrained floor last."""
    place = {arm: i for i, arm in enumerate(arms)}
    order = {name: i for i, name in enumerate(basis_targets(rows))}
    last, unknown = len(place), len(order)
    tests = {
        name: unknown + i
        for i, name in enumerate(sorted({row["target"] for row in rows} - set(order)))
    }
    order |= tests
    return sorted(
        rows, key=lambda r: (order[r["target"]], r["arm"] == UNTRAINED, place.get(r["arm"], last))
    )


def overview_table(summary: "pa.Table", contrasts: "pa.Table") -> tuple[list[str], list[list[str]]]:
    """Headers and rows for the terminal: one row an arm (and target, when there are several),
    scores in points.

    `summary` is schema.SUMMARY, `contrasts` schema.CONTRASTS; the summary's order is kept, the
    untrained floor last. The interval of a difference is that of its declared family; where there
    is none, its place is empty.
    """
    rows = with_family_columns(in_split_order(summary.to_pylist()), contrasts.to_pylist())
    names = basis_targets(rows)
    rows = [row for row in rows if row["target"] in names]
    reference = next((row["reference"] for row in rows if row["reference"]), "reference")
    headers = [
        "arm",
        "mAP",
        "95% interval",
        "rank-1",
        f"vs {reference}",
        "simultaneous",
        "images",
        "identities",
    ]
    lines = [
        [
            row["arm"],
            formatting.format_points(row["mAP"]),
            formatting.format_interval(row["mAP_low"], row["mAP_high"]),
            formatting.format_points(row["rank1"]),
            difference_cells(row)[0],
            difference_cells(row)[2],
            formatting.format_count(row["train_images"]),
            formatting.format_count(row["train_identities"]),
        ]
        for row in rows
    ]
    if len(names) > 1:
        headers = ["target", *headers]
        lines = [[row["target"], *line] for row, line in zip(rows, lines, strict=True)]
    return headers, lines


def difference_cells(row: Row) -> list[str]:
    """The paired difference of a joined row, its interval alone, and that of its family; dashes for
    the reference."""
    if row["arm"] == row["reference"]:
        return [formatting.DASH] * 3
    alone = formatting.signed_interval(row["mAP_difference_low"], row["mAP_difference_high"])
    return [
        formatting.signed_points(row["mAP_difference"]),
        alone,
        formatting.signed_interval(row["family_low"], row["family_high"]),
    ]


def summary_csv(summary: "pa.Table", contrasts: "pa.Table", arms: Sequence[str] = ()) -> str:
    """Return every column of the summary and the verdict of the declared family on mAP
    (`findings.JOINED`), scores from 0 to 1 at full precision; null is an empty field.
    """
    rows = with_family_columns(in_split_order(summary.to_pylist(), arms), contrasts.to_pylist())
    return write_summary([*summary.column_names, *JOINED], rows)


def write_summary(names: Sequence[str], rows: Sequence[Row]) -> str:
    """Rows as CSV; null is an empty field."""
    return csv_text([names, *([row[name] for name in names] for row in rows)])


def summary_notes(rows: Sequence[Row]) -> list[str]:
    """Return the notes needed to read the figures of joined rows."""
    sentences = ["Scores are in percent: means over seeds, single query, full gallery."]
    if any(row["mAP_difference_low"] is not None for row in rows):
        sentences.append(
            "A difference is paired: the same queries, the same seeds. Its intervals include the"
            " variance over query identities and seeds. Its single interval holds for that"
            " difference by itself; its simultaneous interval is wide enough to hold for the whole"
            " family that the design declared, on one target (max-|t|)."
        )
    margin = next((row["margin"] for row in rows if row["margin"] is not None), None)
    if margin is not None:
        sentences.append(
            "Words, plots and colors follow the simultaneous interval. One that contains 0 is not"
            f" distinguishable from 0; equal means that it is within {formatting.magnitude(margin)}"
            " points, the margin declared beforehand."
        )
    if any(row["arm"] == UNTRAINED for row in rows):
        sentences.append(
            "`untrained` is the same network before training: the floor under every score."
        )
    return sentences
