"""What files say, shown: neither a terminal, nor a page, nor a spreadsheet obeys it."""

import csv
import io
import json

import pyarrow as pa
import pytest

from gprplus.cli import console
from gprplus.core import escape

HOSTILE = ["=HYPERLINK(1)", "+cmd|x", "-2+3", "@SUM(A1)"]


def read(text):
    return list(csv.reader(io.StringIO(text, newline="")))


def test_cells_that_would_be_formulas_are_text_and_numbers_stay():
    rows = [
        ["name", "value"],
        *([text, -1.5] for text in HOSTILE),
        ["-1", 3],
        ["+4.5e3", None],
        ["a=b", "sunny"],
    ]
    found = read(escape.csv_text(rows))
    assert [row[0] for row in found[1:5]] == [f"'{text}" for text in HOSTILE]
    assert [row[1] for row in found[1:5]] == ["-1.5"] * 4
    assert found[5:] == [["-1", "3"], ["+4.5e3", ""], ["a=b", "sunny"]]


def test_a_cell_stays_one_cell():
    assert read(escape.csv_text([["a\r=1", "b\n=2", "\t=3", 'c,"d"']])) == [
        ["a\\r=1", "b\\n=2", "\\t=3", 'c,"d"']
    ]


def test_tables_say_the_same():
    table = pa.table(
        {
            "path": [*HOSTILE, None, "a.jpg", "m\u00e4rz", "\r=1"],
            "uid": range(8),
            "level": pa.array(["=x", "y"] * 4).dictionary_encode(),
        }
    )
    found = escape.csv_table(table)
    assert found.column("path").to_pylist() == [
        *(f"'{text}" for text in HOSTILE),
        None,
        "a.jpg",
        "m\u00e4rz",
        "\\r=1",
    ]
    assert found.column("uid").equals(table.column("uid"))
    assert found.column("level").to_pylist() == ["'=x", "y"] * 4


@pytest.mark.parametrize("character", ["\x1b", "\x9b", "\x07", "\u202e", "\udcff", "\x7f"])
def test_nothing_printed_is_obeyed_by_a_terminal(capsys, character):
    name = f"a{character}[31mb"
    console.print_result(f"one {name}\ntwo")
    console.print_note(name)
    console.print_table(["level", name], [[name, "1"]])
    console.print_json({"level": name})
    out, err = capsys.readouterr()
    assert character not in out + err
    assert "two" in out.split("\n")[1]
    assert json.loads(out[out.index("{") :]) == {"level": name}, (
        "JSON says the same with an escape of its own"
    )


def test_a_cell_of_markdown_is_one_cell_without_html_or_links():
    assert escape.escape_markdown("a|b\n<img src=x> ![x](http://y) \x1b[1m") == (
        "a\\|b\\\\n&lt;img src=x&gt; ![x]\\(http://y) \\\\x1b[1m"
    )
    assert escape.escape_markdown("**mAP** of `mix`") == "**mAP** of `mix`"
