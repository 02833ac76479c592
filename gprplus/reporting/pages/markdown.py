"""Report in Markdown for a paper: verdict, tables, contrasts, and notes."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from gprplus.core import escape
from gprplus.reporting import formatting
from gprplus.reporting.arm_labels import OWN_TEST_SET, question_of, target_phrase
from gprplus.reporting.basis import basis_targets
from gprplus.reporting.contrast_tables import table_sections
from gprplus.reporting.cross_level import CrossLevelReport, cross_level_report
from gprplus.reporting.experiment import Experiment
from gprplus.reporting.findings import Row, with_family_columns
from gprplus.reporting.level_matrix import MATRIX, build_level_matrix, matrix_note
from gprplus.reporting.sentences.verdicts import verdict_of, verdicts_of
from gprplus.reporting.summary_tables import difference_cells, in_split_order, summary_notes

if TYPE_CHECKING:
    import pyarrow as pa


def report_markdown(
    summary: "pa.Table",
    tables: "Mapping[str, pa.Table]",
    about: Experiment,
    queries: "pa.Table | None" = None,
) -> str:
    """Build the page: the verdict, one table for each target (points), contrasts, and notes.

    `effect_tables` has the tables of contrasts (required), components, curves, pooled effects and levels
    by name.
    """
    split = about.split
    contrasts = tables["contrasts"].to_pylist()
    levels, again, logit = (
        tables[name].to_pylist() if name in tables else []
        for name in ("levels", "sensitivity", "logit")
    )
    rows = with_family_columns(in_split_order(summary.to_pylist(), list(split.arms)), contrasts)
    parts = [f"# {plain_text(question_of(split))}"]
    for name in basis_targets(rows):
        chosen = [row for row in rows if row["target"] == name]
        verdict = verdict_of(
            chosen,
            verdicts_of(contrasts, name),
            about,
            levels if name == OWN_TEST_SET else [],
            verdicts_of(again, name),
            verdicts_of(logit, name),
        )
        parts.append(f"## Scored on {plain_text(target_phrase(name))}")
        parts.append(plain_text(f"**{verdict.headline}** {verdict.details} {verdict.basis}"))
        parts.append(_markdown_table(chosen))
        matrix = build_level_matrix(levels, split) if name == OWN_TEST_SET else None
        parts += (
            [f"## {MATRIX}", matrix_note(matrix, split), markdown_table(matrix.grid)]
            if matrix
            else []
        )
    for section in table_sections(tables):
        parts += [
            f"## {plain_text(section.title)}",
            plain_text(section.note),
            markdown_table([section.headers, *section.rows]),
        ]
    parts += _crossed(cross_level_report(rows, queries, split))
    parts.append("\n".join(f"- {plain_text(note)}" for note in summary_notes(rows)))
    return "\n\n".join(parts) + "\n"


def _crossed(found: CrossLevelReport | None) -> list[str]:
    """Build the tests other than `self`: the matrix with its means, mismatch penalties, and the
    penalty of each arm."""
    if not found:
        return []
    parts = []
    if found.matrix:
        matrix = found.matrix
        parts.append(f"## Query level against gallery level, under {plain_text(matrix.arm)}")
        for title, cells, ends in (
            ("mAP", matrix.scores, True),
            ("mismatch penalty", matrix.penalty, False),
            ("asymmetry", matrix.asymmetry, False),
        ):
            show = formatting.format_points if ends else formatting.signed_points
            lines = [[f"{title}: query / gallery", *matrix.levels, *(["mean"] if ends else [])]]
            for level, line, mean in zip(
                matrix.levels, cells.tolist(), matrix.row_means, strict=True
            ):
                lines.append([level, *map(show, line), *([show(mean)] if ends else [])])
            lines += [["mean", *map(show, matrix.column_means), ""]] if ends else []
            parts.append(markdown_table(lines))
    for title, own, other, costs in (
        (
            "What a mismatch costs",
            "gallery of the query's level",
            "other galleries",
            found.mismatch,
        ),
        (
            "What matches that look like the query are worth",
            "without as many random",
            "without them",
            found.alike,
        ),
    ):
        if costs:
            lines = [["arm", own, other, "difference", "95% interval"]]
            for cost in costs:
                ends_ = formatting.signed_interval(cost.low, cost.high)
                scores = [
                    formatting.format_points(cost.own),
                    formatting.format_points(cost.other),
                    formatting.signed_points(cost.difference),
                ]
                lines.append([cost.arm, *scores, ends_])
            parts += [f"## {title}", markdown_table(lines)]
    return parts


def markdown_table(lines: Sequence[Sequence[str]]) -> str:
    """A table of text, its first line the headers and its first column to the left."""
    rows = [f"| {' | '.join(map(plain_text, line))} |" for line in lines]
    return "\n".join([rows[0], "| --- |" + " ---: |" * (len(lines[0]) - 1), *rows[1:]])


def _markdown_table(rows: Sequence[Row]) -> str:
    reference = next((row["reference"] for row in rows if row["reference"]), "reference")
    headers = ["arm", "mAP", "95% interval", f"difference to {reference}", "alone", "simultaneous"]
    headers += ["rank-1", "rank-5", "rank-10", "mINP", "images", "identities"]
    lines = [
        f"| {' | '.join(map(plain_text, headers))} |",
        "| --- |" + " ---: |" * (len(headers) - 1),
    ]
    for row in rows:
        cells = [
            row["arm"],
            formatting.format_points(row["mAP"]),
            formatting.format_interval(row["mAP_low"], row["mAP_high"]),
        ]
        cells += difference_cells(row)
        cells += [
            formatting.format_points(row[name]) for name in ("rank1", "rank5", "rank10", "mINP")
        ]
        cells += [
            formatting.format_count(row["train_images"]),
            formatting.format_count(row["train_identities"]),
        ]
        lines.append(f"| {' | '.join(map(plain_text, cells))} |")
    return "\n".join(lines)


def plain_text(text: str) -> str:
    """Escape text for Markdown; emphasis and code marks of our own sentences are kept."""
    return escape.escape_markdown(text)
