"""Progress bars: on a terminal and in a notebook; a line now and then where output is piped.

Long functions take `progress`, a function that is called with (done, total). Left out, a call from
Python shows a bar (`shows_progress`); the command line shows its own (`progress_bar`). A function
that knows what it does and how long it takes calls `parallel.describe_progress` too.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar

from gprplus.core.parallel import Progress, ProgressDisplay, no_progress

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

_SECONDS = 0.2  # between two updates of a notebook's bar
_SECONDS_BETWEEN_LINES = 30.0  # where output is piped
_bars = 0  # that are shown in this process: one at a time, since a terminal has one last line


@contextmanager
def progress_bar(title: str, *, piped: bool = True) -> Iterator[Progress]:
    """Show a bar on stderr, or below a notebook's cell; yields the function that moves it.

    Where stderr is neither a terminal nor a notebook, a line is printed every half minute if
    `piped` is set. Nothing is shown where another bar is shown already, or in any but the first
    process of `torchrun`.
    """
    global _bars
    shown = _below_a_cell if in_notebook() else _on_a_terminal if sys.stderr.isatty() else _in_lines
    if _bars or os.environ.get("RANK", "0") != "0" or (shown is _in_lines and not piped):
        yield no_progress
        return
    _bars += 1
    try:
        with shown(title) as show:
            yield show
    finally:
        _bars -= 1


@contextmanager
def _on_a_terminal(title: str) -> Iterator[Progress]:
    from gprplus.core.terminal_bar import TerminalBar

    with TerminalBar.shown(title) as bar:
        yield bar


class _Lines(ProgressDisplay):
    """A line on stderr every half minute."""

    def __init__(self, title: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._title, self._clock, self._printed = title, clock, clock()
        self._text, self._left = "", ""

    def __call__(self, done: int, total: int) -> None:
        now = self._clock()
        if now - self._printed >= _SECONDS_BETWEEN_LINES:
            self._printed = now
            text = f"{self._title} {done:,}/{total:,}{self._left}{self._text}"
            print(text, file=sys.stderr, flush=True)

    def describe(self, text: str, seconds_left: float | None) -> None:
        self._text = f"; {text}" if text else ""
        left = seconds_left
        self._left = "" if left is None else f", about {format_duration(left)} left"


@contextmanager
def _in_lines(title: str) -> Iterator[Progress]:
    yield _Lines(title)


def format_duration(seconds: float) -> str:
    """Return a duration in the unit that suits it.

    >>> format_duration(42), format_duration(600), format_duration(9000)
    ('42 s', '10 min', '2.5 h')
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


@contextmanager
def _below_a_cell(title: str) -> Iterator[Progress]:
    """A bar of HTML that is replaced in place and is empty in the end: rich would leave an output
    for each update."""
    from IPython.display import HTML, display

    handle = display(HTML(html_bar(title, 0, 0)), display_id=True)
    last = time.monotonic()

    def show(done: int, total: int) -> None:
        nonlocal last
        if done == total or time.monotonic() - last > _SECONDS:
            last = time.monotonic()
            handle.update(HTML(html_bar(title, done, total)))

    try:
        yield show
    finally:
        handle.update(HTML(""))


def html_bar(title: str, done: int, total: int) -> str:
    """Return a progress bar as HTML.

    >>> html_bar("Reading", 3, 12)
    '<progress value="3" max="12"></progress> Reading 3/12'
    """
    if not total:
        return f"<progress></progress> {title}"
    return f'<progress value="{done}" max="{total}"></progress> {title} {done:,}/{total:,}'


def in_notebook() -> bool:
    """Return whether this process is the kernel of a notebook."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return type(shell).__name__ == "ZMQInteractiveShell"


def shows_progress(
    title: str,
) -> Callable[[Callable[Parameters, Result]], Callable[Parameters, Result]]:
    """Decorate a function with a keyword `progress` so that calls without it show a bar called
    `title`."""

    def decorate(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
        @wraps(function)
        def shown(*args: Parameters.args, **options: Parameters.kwargs) -> Result:
            if options.get("progress") is not None:
                return function(*args, **options)
            with progress_bar(title, piped=False) as bar:
                options["progress"] = bar
                return function(*args, **options)

        return shown

    return decorate
