"""Output of commands: results on stdout, notes on stderr, JSON on demand."""

import json
import sys
from collections.abc import Sequence
from typing import Any

import click


def print_result(text: str) -> None:
    """Lines of result on stdout; whatever a terminal would obey is escaped."""
    _write(_escaped(text))


def _write(text: str) -> None:
    click.echo(text, file=sys.stdout)  # which click would else encode by itself


def _escaped(text: str) -> str:
    from gprplus.core.errors import escape

    return text if text.isprintable() else "\n".join(map(escape, text.split("\n")))


def print_paragraph(text: str) -> None:
    """Paragraphs of result on stdout, folded between words on a terminal; elsewhere a paragraph
    stays a line."""
    if sys.stdout.isatty():
        import shutil
        import textwrap

        room = min(shutil.get_terminal_size().columns, 100)
        folded = (
            textwrap.fill(one, room, break_long_words=False, break_on_hyphens=False)
            for one in text.split("\n")
        )
        text = "\n".join(folded)
    print_result(text)


def print_note(text: str) -> None:
    """Print notes on stderr; control characters are escaped."""
    click.echo(_escaped(text), file=sys.stderr)


def print_json(value: Any) -> None:
    """Print one JSON object on stdout; as ASCII if the terminal cannot show a character, or would
    interpret it."""
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
        plain = text.replace("\n", "").isprintable()
    except UnicodeEncodeError:
        plain = False
    _write(text if plain else json.dumps(value, indent=2, default=str))


def print_table(
    headers: Sequence[str],
    rows: Sequence[Sequence[Any]],
    title: str = "",
    right: Sequence[int] = (),
) -> None:
    """A table that fits the terminal; columns numbered in `right` are set flush right.

    On a narrow terminal the last columns are left out, and named below the table. No figure is ever
    broken: without its last digit it is another figure. Elsewhere every column is printed, however
    wide.
    """
    import shutil

    headers, title = [_escaped(str(header)) for header in headers], _escaped(title)
    rows = [["" if cell is None else _escaped(str(cell)) for cell in row] for row in rows]
    terminal = sys.stdout.isatty()
    room = shutil.get_terminal_size().columns if terminal else 100
    shown = len(headers)
    while terminal and shown > 2 and _grid(headers[:shown], rows, title, right)[1] > room:
        shown -= 1
    grid, needed = _grid(headers[:shown], rows, title, right)
    _write(_drawn(grid, max(room, needed), terminal))
    if shown < len(headers):
        print_paragraph(f"Not shown at this width: {', '.join(headers[shown:])}.")


def _grid(
    headers: Sequence[str], rows: Sequence[Sequence[str]], title: str, right: Sequence[int]
) -> tuple[Any, int]:
    """The first columns of a table, and how wide it is at least."""
    from rich import box
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table

    grid = Table(title=title or None, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    for i, header in enumerate(headers):
        longest = max(cell_len(cell) for cell in (header, *(row[i] for row in rows)))
        least = longest if longest <= 24 else None  # a name is not broken to make room for prose
        grid.add_column(header, overflow="fold", no_wrap=least is not None, min_width=least)
        grid.columns[-1].justify = "right" if i in right else "left"
    for row in rows:
        grid.add_row(*row[: len(headers)])
    return grid, Console(width=10_000, height=25).measure(grid).minimum


def _drawn(grid: Any, width: int, terminal: bool) -> str:
    import io

    from rich.console import Console

    text = io.StringIO()
    # a width alone is not heeded on a dumb terminal
    console = Console(
        file=text, force_terminal=terminal, markup=False, highlight=False, width=width, height=25
    )
    console.print(grid)
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines())
