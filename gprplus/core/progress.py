"""Progress bars: on a terminal and in a notebook, and nowhere else.

Long functions take `progress`, a function that is called with (done, total). Left out, a call from
Python shows a bar (`shows_progress`); the command line shows its own (`progress_bar`).
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar

from gprplus.core.parallel import Progress, no_progress

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

_SECONDS = 0.2  # between two updates of a notebook's bar
_bars = 0  # that are shown in this process: one at a time, since a terminal has one last line


@contextmanager
def progress_bar(title: str) -> Iterator[Progress]:
    """Show a bar on stderr, or below a notebook's cell; yields the function that moves it.

    Nothing is shown where stderr is neither a terminal nor a notebook, or another bar is shown
    already.
    """
    global _bars
    shown = _below_a_cell if in_notebook() else _on_a_terminal if sys.stderr.isatty() else None
    if _bars or shown is None:
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
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)

        def show(done: int, total: int) -> None:
            if total != bar.tasks[0].total:  # something else is counted now, at another speed
                bar.reset(task, total=total)
            bar.update(task, completed=done)

        yield show


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
            with progress_bar(title) as bar:
                options["progress"] = bar
                return function(*args, **options)

        return shown

    return decorate
