"""The summary as tables: for the terminal, for a spreadsheet, for a paper."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gprplus.report import words
from gprplus.report.crossed import Crossed, crossed
from gprplus.report.judged import sections
from gprplus.report.phrases import SELF, UNTRAINED, question, target_phrase
from gprplus.report.sentences import Row, judge, targets

if TYPE_CHECKING:
    import pyarrow as pa

RIGHT = range(1, 8)  # columns of `overview` that hold figures, counted without the target


def in_split_order(rows: Sequence[Row], arms: Sequence[str] = ()) -> list[Row]:
    """Rows by target, then in the split's order of arms; unnamed arms follow as they come, the untrained floor last."""
    place = {arm: i for i, arm in enumerate(arms)}
    order = {name: i for i, name in enumerate(targets(rows))}
    last, beside = len(place), len(order)
    tests = {name: beside + i for i, name in enumerate(sorted({row["target"] for row in rows} - set(order)))}
    order |= tests
    return sorted(rows, key=lambda r: (order[r["target"]], r["arm"] == UNTRAINED, place.get(r["arm"], last)))


def overview(summary: "pa.Table") -> tuple[list[str], list[list[str]]]:
    """Headers and rows for the terminal: one row an arm (and target, when there are several), scores in points.

    `summary` is schema.SUMMARY; its row order is kept, the untrained floor last.
    """
    rows = in_split_order(summary.to_pylist())
    names = targets(rows)
    rows = [row for row in rows if row["target"] in names]
    reference = next((row["reference"] for row in rows if row["reference"]), "reference")
    headers = [
        "arm",
        "mAP",
        "95% interval",
        "rank-1",
        f"vs {reference}",
        "95% interval",
        "images",
        "people",
    ]
    lines = [
        [
            row["arm"],
            words.points(row["mAP"]),
            words.interval(row["mAP_low"], row["mAP_high"]),
            words.points(row["rank1"]),
            *difference_cells(row),
            words.whole(row["train_images"]),
            words.whole(row["train_identities"]),
        ]
        for row in rows
    ]
    if len(names) > 1:
        headers = ["target", *headers]
        lines = [[row["target"], *line] for row, line in zip(rows, lines, strict=True)]
    return headers, lines


def difference_cells(row: Row) -> list[str]:
    """The paired difference of a row and its interval, as printed; dashes for the reference itself."""
    if row["arm"] == row["reference"]:
        return [words.DASH, words.DASH]
    span = words.signed_interval(row["mAP_difference_low"], row["mAP_difference_high"])
    return [words.signed(row["mAP_difference"]), span]


def as_csv(summary: "pa.Table", arms: Sequence[str] = ()) -> str:
    """Every column of the summary, scores from 0 to 1 at full precision; null is an empty field."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(summary.column_names)
    for row in in_split_order(summary.to_pylist(), arms):
        writer.writerow(["" if row[name] is None else row[name] for name in summary.column_names])
    return out.getvalue()


def as_markdown(
    summary: "pa.Table",
    info: Mapping[str, Any],
    queries: "pa.Table | None" = None,
    judged: "Mapping[str, pa.Table] | None" = None,
) -> str:
    """A page for a paper: the verdict, one table a target (points), what was judged, and the notes under it."""
    rows = in_split_order(summary.to_pylist(), list(info.get("arms") or ()))
    parts = [f"# {_plain(question(info))}"]
    for name in targets(rows):
        chosen = [row for row in rows if row["target"] == name]
        said = judge(chosen, info)
        parts.append(f"## Scored on {_plain(target_phrase(name))}")
        parts.append(_plain(f"**{said.headline}** " + " ".join([*said.support, said.basis])))
        parts.append(_markdown_table(chosen))
    for section in sections(judged or {}):
        parts += [f"## {_plain(section.title)}", _plain(section.note), _grid([section.headers, *section.rows])]
    parts += _crossed(crossed(rows, queries, info))
    parts.append("\n".join(f"- {_plain(note)}" for note in notes(rows)))
    return "\n\n".join(parts) + "\n"


def _crossed(found: Crossed | None) -> list[str]:
    """The tests beside `self`: the matrix with its means, mismatch penalties, and what each arm pays."""
    if not found:
        return []
    parts = []
    if found.matrix:
        matrix = found.matrix
        parts.append(f"## Query level against gallery level, under {_plain(matrix.arm)}")
        for title, cells, ends in (
            ("mAP", matrix.scores, True),
            ("mismatch penalty", matrix.penalty, False),
            ("asymmetry", matrix.asymmetry, False),
        ):
            show = words.points if ends else words.signed
            lines = [[f"{title}: query / gallery", *matrix.levels, *(["mean"] if ends else [])]]
            for level, line, mean in zip(matrix.levels, cells.tolist(), matrix.row_means, strict=True):
                lines.append([level, *map(show, line), *([show(mean)] if ends else [])])
            lines += [["mean", *map(show, matrix.column_means), ""]] if ends else []
            parts.append(_grid(lines))
    for title, own, other, costs in (
        ("What a mismatch costs", "gallery of the query's level", "other galleries", found.mismatch),
        ("What matches that look like the query are worth", "without as many random", "without them", found.alike),
    ):
        if costs:
            lines = [["arm", own, other, "difference", "95% interval"]]
            for cost in costs:
                ends_ = words.signed_interval(cost.low, cost.high)
                scores = [words.points(cost.own), words.points(cost.other), words.signed(cost.difference)]
                lines.append([cost.arm, *scores, ends_])
            parts += [f"## {title}", _grid(lines)]
    return parts


def _grid(lines: Sequence[Sequence[str]]) -> str:
    rows = [f"| {' | '.join(map(_plain, line))} |" for line in lines]
    return "\n".join([rows[0], "| --- |" + " ---: |" * (len(lines[0]) - 1), *rows[1:]])


def _markdown_table(rows: Sequence[Row]) -> str:
    reference = next((row["reference"] for row in rows if row["reference"]), "reference")
    headers = ["arm", "mAP", "95% interval", f"difference to {reference}", "95% interval"]
    headers += ["rank-1", "rank-5", "rank-10", "mINP", "images", "identities"]
    lines = [f"| {' | '.join(map(_plain, headers))} |", "| --- |" + " ---: |" * (len(headers) - 1)]
    for row in rows:
        cells = [row["arm"], words.points(row["mAP"]), words.interval(row["mAP_low"], row["mAP_high"])]
        cells += difference_cells(row)
        cells += [words.points(row[name]) for name in ("rank1", "rank5", "rank10", "mINP")]
        cells += [words.whole(row["train_images"]), words.whole(row["train_identities"])]
        lines.append(f"| {' | '.join(map(_plain, cells))} |")
    return "\n".join(lines)


def notes(rows: Sequence[Row]) -> list[str]:
    """What a reader has to know to read the figures."""
    said = ["Scores are points of a percent: means over seeds, single query, full gallery."]
    compared = sum(row["target"] == SELF and outcome_known(row) for row in rows) or sum(map(outcome_known, rows))
    if compared:
        said.append(
            "A difference is paired: the same queries, the same seeds. Its interval resamples the people searched for, "
            "seeds as blocks; one that contains 0 is not distinguishable from 0, which does not mean equal."
        )
    if compared > 1:
        said.append(f"Each interval stands for itself; none is widened for the {compared} comparisons made.")
    if any(row["arm"] == UNTRAINED for row in rows):
        said.append("`untrained` is the same network before training: the floor under every score.")
    return said


def outcome_known(row: Row) -> bool:
    """Whether a row carries a difference with an interval that belongs to the experiment."""
    return row["arm"] not in (UNTRAINED, row["reference"]) and row["mAP_difference_low"] is not None


def _plain(text: str) -> str:
    """Text that Markdown shows as it stands; emphasis and code marks of our own sentences stay."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace(">", "&gt;")
