"""The progress bar of a Python call: on a terminal, one at a time, and never where output is no
terminal."""

import io
import sys
from types import ModuleType

import pytest
from rich.text import Text

from gprplus.core import progress
from gprplus.core.parallel import (
    PhaseProgress,
    Progress,
    ProgressDisplay,
    describe_progress,
    no_progress,
)
from gprplus.core.progress import progress_bar, shows_progress


class Terminal(io.StringIO):
    """A stderr that is a terminal."""

    def isatty(self) -> bool:
        return True


@shows_progress("Counting")
def count(*, progress: Progress = no_progress) -> Progress:
    progress(3, 3)
    return progress


def terminal_of(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Make stderr a terminal. Not as a fixture: pytest replaces stderr once more before a test's
    body."""
    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    return screen


def test_no_bar_where_output_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert count() is no_progress
    assert capsys.readouterr() == ("", "")


def test_a_call_on_a_terminal_shows_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = terminal_of(monkeypatch)
    count()
    assert "Counting" in terminal.getvalue()
    assert "3/3" in terminal.getvalue()


def test_a_given_function_takes_the_place_of_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = terminal_of(monkeypatch)
    seen = []
    count(progress=lambda done, total: seen.append((done, total)))
    assert seen == [(3, 3)]
    assert not terminal.getvalue()


def test_a_call_within_a_call_shows_no_second_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal_of(monkeypatch)
    with progress_bar("Outer") as outer:
        outer(1, 2)
        assert count() is no_progress
    assert progress._bars == 0


def test_an_error_takes_the_bar_down(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal_of(monkeypatch)
    with pytest.raises(ValueError, match="broken"), progress_bar("Outer"):
        raise ValueError("broken")
    assert progress._bars == 0


class Handle:
    """What IPython's display returns: keeps what is shown."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    def update(self, text: str) -> None:
        self.shown.append(text)


def test_a_notebook_gets_one_bar_that_is_empty_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    handle, shell = Handle(), type("ZMQInteractiveShell", (), {})()

    def display(text: str, display_id: bool) -> Handle:
        assert display_id
        handle.update(text)
        return handle

    package, shows = ModuleType("IPython"), ModuleType("IPython.display")
    package.get_ipython = lambda: shell  # type: ignore[attr-defined]
    shows.HTML, shows.display = str, display  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", package)
    monkeypatch.setitem(sys.modules, "IPython.display", shows)
    count()
    assert handle.shown == [
        "<progress></progress> Counting",
        '<progress value="3" max="3"></progress> Counting 3/3',
        "",
    ]


def test_a_terminal_shows_the_work_and_the_time_left_in_80_columns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = terminal_of(monkeypatch)
    monkeypatch.setenv("COLUMNS", "80")
    with progress_bar("Training and scoring") as bar:
        bar(12_345, 67_890)
        describe_progress(bar, "training only-foggy, seed 0: loss 2.31, " + 60 * "x", 3700.5)
        describe_progress(no_progress, "ignored", None)
    lines = [line.plain.rstrip() for line in map(Text.from_ansi, terminal.getvalue().splitlines())]
    shown = [line for line in lines if "12345/67890" in line][-1]
    assert "left 1:01:40" in shown
    assert len(shown) <= 80
    text = [line for line in lines if "only-foggy" in line][-1]
    assert len(text) <= 80
    assert text.endswith("…")


class Shown(ProgressDisplay):
    """What a display was given, in order."""

    def __init__(self):
        self.events = []

    def __call__(self, done, total):
        self.events.append((done, total))

    def describe(self, text, seconds_left):
        self.events.append((text, seconds_left))


def test_a_phase_is_named_at_each_new_count_and_before_what_it_does():
    shown = Shown()
    phase = PhaseProgress(shown, "mall, round 2")
    phase(1, 8)
    describe_progress(phase, "packing images", 4.0)
    phase(2, 8)
    phase(0, 3)
    named = ("mall, round 2", None)
    assert shown.events == [
        named,
        (1, 8),
        named,
        ("mall, round 2: packing images", 4.0),
        (2, 8),
        named,
        (0, 3),
        named,
    ]
    PhaseProgress(no_progress, "mall")(1, 2)
