"""Output of commands: results on stdout, notes on stderr, JSON on demand."""

import json
import sys
from collections.abc import Sequence
from typing import Any

import click

_PIPED = 80  # columns where output is no terminal; COLUMNS is heeded everywhere
_PROSE = 100  # most characters of a line of prose on a terminal


def output_columns() -> int:
    """Return the number of columns of the terminal; 80 where output is piped."""
    import shutil

    return shutil.get_terminal_size((_PIPED, 24)).columns


def print_result(text: str) -> None:
    """Print sentences on stdout, folded between words at the width of the output; control
    characters are escaped."""
    import textwrap

    columns = output_columns()
    room = min(columns, _PROSE) if sys.stdout.isatty() else columns
    folded = []
    for line in _escaped(text).split("\n"):
        indent = " " * (len(line) - len(line.lstrip()))
        indent += "  " if line.lstrip().startswith("- ") else ""
        short = len(line) <= room
        folded += (
            [line]
            if short
            else textwrap.wrap(
                line, room, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
            )
        )
    _write("\n".join(folded))


def print_line(text: str) -> None:
    """Print a line on stdout that ends in a path or a command, whole at any width; control
    characters are escaped."""
    _write(_escaped(text))


def _write(text: str) -> None:
    click.echo(text, file=sys.stdout)  # which click would else encode by itself


def _escaped(text: str) -> str:
    from gprplus.core.errors import escape

    return text if text.isprintable() else "\n".join(map(escape, text.split("\n")))


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
    """Print a table that fits the output; columns numbered in `right` are set flush right.

    Headings are folded first, and then the last columns are left out and named below the table. No
    figure is ever broken: without its last digit it is another figure.
    """
    headers = [_escaped(str(header)) for header in headers]
    rows = [["" if cell is None else _escaped(str(cell)) for cell in row] for row in rows]
    room, shown = output_columns(), len(headers)
    folded = [_folded(header, [row[i] for row in rows]) for i, header in enumerate(headers)]
    while shown > 2 and _grid(folded[:shown], rows, right)[1] > room:
        shown -= 1
    grid, needed = _grid(headers[:shown], rows, right)
    if needed > room:
        grid, needed = _grid(folded[:shown], rows, right)
    if title:
        print_line(title)
    _write(_drawn(grid, max(room, needed), sys.stdout.isatty()))
    if shown < len(headers):
        print_result(f"Not shown at this width: {', '.join(headers[shown:])}.")


def _folded(header: str, cells: Sequence[str]) -> str:
    """Return a heading in lines no longer than its longest cell, and no word broken."""
    import textwrap

    from rich.cells import cell_len

    longest = max(map(cell_len, [*header.split(), *cells]), default=1)
    return textwrap.fill(header, longest, break_long_words=False, break_on_hyphens=False)


def _grid(
    headers: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int]
) -> tuple[Any, int]:
    """Return the first columns of a table, and how wide it is at least."""
    from rich import box
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table

    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for i, header in enumerate(headers):
        lines = [*header.split("\n"), *(row[i] for row in rows)]
        longest = max(map(cell_len, lines), default=0)
        least = longest if longest <= 24 else None  # a name is not broken to make room for prose
        grid.add_column(header, overflow="fold", no_wrap=least is not None, min_width=least)
        grid.columns[-1].justify = "right" if i in right else "left"
    for row in rows:
        grid.add_row(*row[: len(headers)])
    measuring = Console(markup=False, highlight=False, emoji=False, width=10_000, height=25)
    return grid, measuring.measure(grid).minimum


def _drawn(grid: Any, width: int, terminal: bool) -> str:
    import io

    from rich.console import Console

    text = io.StringIO()
    # a width alone is not heeded on a dumb terminal
    console = Console(
        file=text,
        force_terminal=terminal,
        markup=False,
        highlight=False,
        emoji=False,
        width=width,
        height=25,
    )
    console.print(grid)
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines())
