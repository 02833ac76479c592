"""The summary printed: exact strings for people, exact numbers for machines."""

import csv
import io

import pyarrow as pa

from gprplus import schema
from gprplus.reporting.findings import JOINED
from gprplus.reporting.pages.markdown import report_markdown
from gprplus.reporting.summary_tables import in_split_order, overview_table, summary_csv
from tests.support.records import experiment_of

ROWS = (
    ("untrained", -0.34, -0.37, -0.31),
    ("only-foggy", -0.021, -0.030, -0.012),
    ("mix", {"train_images": 13_440}),
)


def test_the_overview_prints_points_and_sets_the_floor_last(summary, declared):
    headers, rows = overview_table(summary(*ROWS), declared(*ROWS))
    assert headers == [
        "arm",
        "mAP",
        "95% interval",
        "rank-1",
        "vs mix",
        "simultaneous",
        "images",
        "identities",
    ]
    assert rows == [
        ["only-foggy", "42.9", "43.0–47.0", "60.0", "−2.1", "−3.0 to −1.2", "1,344", "48"],
        ["mix", "45.0", "43.0–47.0", "60.0", "–", "–", "13,440", "48"],
        ["untrained", "11.0", "43.0–47.0", "60.0", "−34.0", "–", "1,344", "48"],
    ]


def test_a_second_target_brings_a_column(summary, declared):
    headers, rows = overview_table(summary(*ROWS, ("mix", {"target": "street"})), declared(*ROWS))
    assert headers[:2] == ["target", "arm"]
    assert [row[0] for row in rows] == ["street", "self", "self", "self"]


def test_rows_stand_in_the_order_of_the_split(summary):
    rows = in_split_order(summary(*ROWS).to_pylist(), ["mix", "only-foggy"])
    assert [row["arm"] for row in rows] == ["mix", "only-foggy", "untrained"]


def test_csv_comes_back_as_the_table_it_was(summary, declared):
    told = [('only-"a",b', -0.1 / 3, -0.07, -0.01), ("mix", {"mAP": 2 / 3})]
    table = summary(*told)
    rows = list(csv.DictReader(io.StringIO(summary_csv(table, declared(*told)))))
    assert [list(row)[-len(JOINED) :] for row in rows] == [list(JOINED)] * 2
    assert (rows[0]["family"], rows[0]["family_low"], rows[0]["verdict"]) == (
        "sufficiency",
        "-0.07",
        "lower",
    )
    assert rows[1]["verdict"] == "", "the reference has no difference"
    kinds = {column.name: column.type for column in schema.SUMMARY}
    read = [
        {
            name: None
            if text == ""
            else {"float64": float, "int64": int}.get(kinds[name], str)(text)
            for name, text in row.items()
            if name not in JOINED
        }
        for row in rows
    ]
    assert pa.Table.from_pylist(read, table.schema).equals(table)


def test_markdown_holds_verdict_table_and_notes(summary, declared):
    text = report_markdown(
        summary(*ROWS),
        {"contrasts": declared(*ROWS)},
        experiment_of(*(row[0] for row in ROWS), attribute="weather"),
    )
    lines = text.splitlines()
    assert lines[0] == "# What is the weather worth?"
    assert "**Training on foggy alone loses 2.1 points of mAP" in text
    foggy = [
        "only-foggy",
        "42.9",
        "43.0–47.0",
        "−2.1",
        "−3.0 to −1.2",
        "−3.0 to −1.2",
        "60.0",
        "80.0",
        "90.0",
        "20.0",
    ]
    assert f"| {' | '.join(foggy)} | 1,344 | 48 |" in lines
    assert (
        "| mix | 45.0 | 43.0–47.0 | – | – | – | 60.0 | 80.0 | 90.0 | 20.0 | 13,440 | 48 |" in lines
    )
    assert "equal means that it is within 1.0 points" in text
    tables = [line for line in lines[: lines.index("## Sufficiency")] if line.startswith("|")]
    assert len({line.count(" | ") for line in tables}) == 1, "every row has as many cells"


def test_names_cannot_break_out_of_markdown(summary, declared):
    text = report_markdown(
        summary(("a|<b>", {"reference": "a|<b>"})), {"contrasts": declared()}, experiment_of()
    )
    assert "| a\\|&lt;b&gt; |" in text
    assert "<b>" not in text
