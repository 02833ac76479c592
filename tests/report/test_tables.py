"""The summary printed: exact strings for people, exact numbers for machines."""

import csv
import io

import pyarrow as pa

from gprplus import schema
from gprplus.report.tables import as_csv, as_markdown, in_split_order, overview

ROWS = (
    ("untrained", -0.34, -0.37, -0.31),
    ("only-foggy", -0.021, -0.030, -0.012),
    ("mix", {"train_images": 13_440}),
)


def test_the_overview_prints_points_and_sets_the_floor_last(summary):
    headers, rows = overview(summary(*ROWS))
    assert headers == ["arm", "mAP", "95% interval", "rank-1", "vs mix", "95% interval", "images", "people"]
    assert rows == [
        ["only-foggy", "42.9", "43.0–47.0", "60.0", "−2.1", "−3.0 to −1.2", "1,344", "48"],
        ["mix", "45.0", "43.0–47.0", "60.0", "–", "–", "13,440", "48"],
        ["untrained", "11.0", "43.0–47.0", "60.0", "−34.0", "−37.0 to −31.0", "1,344", "48"],
    ]


def test_a_second_target_brings_a_column(summary):
    headers, rows = overview(summary(*ROWS, ("mix", {"target": "street"})))
    assert headers[:2] == ["target", "arm"]
    assert [row[0] for row in rows] == ["self", "self", "self", "street"]


def test_rows_stand_in_the_order_of_the_split(summary):
    rows = in_split_order(summary(*ROWS).to_pylist(), ["mix", "only-foggy"])
    assert [row["arm"] for row in rows] == ["mix", "only-foggy", "untrained"]


def test_csv_comes_back_as_the_table_it_was(summary):
    table = summary(('only-"a",b', -0.1 / 3, None, None), ("mix", {"mAP": 2 / 3}))
    rows = list(csv.DictReader(io.StringIO(as_csv(table))))
    kinds = {column.name: column.type for column in schema.SUMMARY}
    read = [
        {
            name: None if text == "" else {"float64": float, "int64": int}.get(kinds[name], str)(text)
            for name, text in row.items()
        }
        for row in rows
    ]
    assert pa.Table.from_pylist(read, table.schema).equals(table)


def test_markdown_holds_verdict_table_and_notes(summary):
    text = as_markdown(summary(*ROWS), {"attribute": "weather", "arms": {"mix": {}, "only-foggy": {}}})
    lines = text.splitlines()
    assert lines[0] == "# What is the weather worth?"
    assert "**Training on foggy alone loses 2.1 points of mAP" in text
    assert "| only-foggy | 42.9 | 43.0–47.0 | −2.1 | −3.0 to −1.2 | 60.0 | 80.0 | 90.0 | 20.0 | 1,344 | 48 |" in lines
    assert "| mix | 45.0 | 43.0–47.0 | – | – | 60.0 | 80.0 | 90.0 | 20.0 | 13,440 | 48 |" in lines
    assert "does not mean equal" in text
    tables = [line for line in lines if line.startswith("|")]
    assert len({line.count(" | ") for line in tables}) == 1, "every row has as many cells"


def test_names_cannot_break_out_of_markdown(summary):
    text = as_markdown(summary(("a|<b>", {"reference": "a|<b>"})), {})
    assert "| a\\|&lt;b&gt; |" in text
    assert "<b>" not in text
