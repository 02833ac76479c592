"""The progress bar of a terminal: a line of counts, and a line that describes the work."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from gprplus.core.parallel import ProgressDisplay

_BAR = 20  # characters, so that all columns fit 80


class _TimeLeft(ProgressColumn):
    """The time left: as described, else from the count and its speed."""

    def render(self, task: Task) -> Text:
        end, left = task.fields["end"], task.time_remaining
        if end is not None:
            left = max(0.0, end - time.monotonic())
        shown = "-:--:--" if left is None else str(timedelta(seconds=int(left)))
        return Text(f"left {shown}", style="progress.remaining")


class _TwoLines(Progress):
    """A bar, and the description of its task below it."""

    def get_renderables(self) -> Iterable[RenderableType]:
        yield self.make_tasks_table(self.tasks)
        for task in self.tasks:
            if task.fields["text"]:
                yield Text(task.fields["text"], no_wrap=True, overflow="ellipsis")


class TerminalBar(ProgressDisplay):
    """A bar on stderr."""

    def __init__(self, bar: Progress, title: str) -> None:
        self._bar, self._task = bar, bar.add_task(title, total=None, text="", end=None)

    @classmethod
    @contextmanager
    def shown(cls, title: str) -> Iterator["TerminalBar"]:
        """Show a bar until the end of the block."""
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=_BAR),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            _TimeLeft(),
        )
        with _TwoLines(*columns, console=Console(stderr=True), transient=True) as bar:
            yield cls(bar, title)

    def __call__(self, done: int, total: int) -> None:
        """Move the bar."""
        if total != self._bar.tasks[0].total:  # something else is counted now, at another speed
            self._bar.reset(self._task, total=total, text="", end=None)
        self._bar.update(self._task, completed=done)

    def describe(self, text: str, seconds_left: float | None) -> None:
        """Show the current work and the time left."""
        end = None if seconds_left is None else time.monotonic() + seconds_left
        self._bar.update(self._task, text=text, end=end)
