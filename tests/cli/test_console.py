"""Tables as they are printed: whole figures at any width, and no blank ends."""

import json

import pytest

from gprplus.cli import console

HEADERS = [
    "target",
    "arm",
    "mAP",
    "95% interval",
    "rank-1",
    "vs mix",
    "95% interval",
    "images",
    "people",
]
WORDS = [
    "market",
    "random-images-1",
    "83.0",
    "54.1–100.0",
    "80.0",
    "+1.0",
    "−23.7 to +25.7",
    "12,936",
    "1,501",
]


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize(("columns", "lost"), [(60, 3), (80, 2), (90, 0), (110, 0)])
def test_narrow_output_loses_the_last_columns_and_never_a_digit(
    capsys, monkeypatch, columns, lost, terminal
):
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal)
    console.print_table(HEADERS, [WORDS], right=range(2, 9))
    printed = capsys.readouterr().out
    kept = len(HEADERS) - lost
    assert max(map(len, printed.splitlines())) <= columns
    assert all(word in printed for word in WORDS[:kept])
    assert not any(word in printed for word in WORDS[kept:])
    named = f"Not shown at this width: {', '.join(HEADERS[kept:])}."
    assert (named in " ".join(printed.split())) == (lost > 0)


def test_piped_output_has_80_columns(capsys, monkeypatch):
    monkeypatch.delenv("COLUMNS")
    console.print_table(HEADERS, [WORDS], right=range(2, 9))
    assert "Not shown at this width: " in capsys.readouterr().out


def test_headings_are_folded_before_a_column_is_left_out(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "24")
    console.print_table(["arm", "all images", "95% interval"], [["mix", "12", "1.0-2.0"]])
    assert capsys.readouterr().out.splitlines() == [
        "",
        "      all     95%",
        " arm  images  interval",
        " ─────────────────────",
        " mix  12      1.0-2.0",
        "",
    ]


def test_a_verdict_is_folded_between_words_and_a_path_stays_whole(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    console.print_result(
        "Training on blizzard alone loses 48.0 points.\n\n- On the same-budget mixture, nothing is"
        " shown."
    )
    console.print_line("report: a folder with spaces/in its name/report.html")
    assert capsys.readouterr().out.splitlines() == [
        "Training on blizzard alone",
        "loses 48.0 points.",
        "",
        "- On the same-budget mixture,",
        "  nothing is shown.",
        "report: a folder with spaces/in its name/report.html",
    ]


def test_prose_in_a_table_is_folded_and_lines_have_no_blank_ends(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    console.print_table(
        ["name", "what it says"], [["engine", "word " * 40], ["street", "short"]], title="Layouts"
    )
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 100
    assert lines == [line.rstrip() for line in lines]
    assert " ".join(lines).count("word") == 40


def test_what_a_terminal_would_obey_is_escaped(capsys):
    console.print_result("a\x1b[31mb\nsecond")
    console.print_note("\x1b]0;title\x07 is a name")
    console.print_table(["name"], [["\x1b[2J\u202egpj.jpg"]])
    console.print_json({"name": "\x9b31m\u202e"})
    out, err = capsys.readouterr()
    assert (out + err).replace("\n", "").isprintable()
    assert out.startswith("a\\x1b[31mb\nsecond\n")
    assert json.loads(out[out.index("{") :]) == {"name": "\x9b31m\u202e"}


def test_a_table_shows_marks_of_other_languages_as_they_are(capsys):
    names = ["[bold]a[/bold]", ":cat:"]
    console.print_table(["name"], [[name] for name in names])
    assert capsys.readouterr().out.split()[2:] == names
