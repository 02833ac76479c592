"""Segments of a log that each show one identity, and their matches with identities.

The log has neither paths nor identities, so both are matched by order: the generator iterates over
its models in the order of the identity numbers. A match counts only if no other match in order is
possible.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from gprplus.ingest.gta.log import LogLine
from gprplus.ingest.layouts.tokens import EngineLogRule

Cell = tuple[str, int, int]  # engine's weather, hour, camera
LOST = 0.2  # share of the lines of an identity that can be missing
BAND = 64  # captures and identities may differ in number by this much; more, and nothing is joined


@dataclass
class LogSegment:
    """Consecutive lines of one identity: the number of images of each cell, and the place.

    `position` counts captures in the order of the log.
    """

    actor: str
    position: int = 0
    lines: list[LogLine] = field(default_factory=list)
    cells: Counter[Cell] = field(default_factory=Counter)

    def add(self, line: LogLine) -> None:
        """Take one more line."""
        self.lines.append(line)
        if line.hour is not None:
            self.cells[line.weather, line.hour, line.camera] += 1

    def place(self, declared: EngineLogRule) -> str | None:
        """The one place of the capture, where places change by identity."""
        found = {line.place for line in self.lines}
        return found.pop() if declared.places_by == "identity" and len(found) == 1 else None

    @property
    def began(self) -> float:
        """Seconds at the first line."""
        return self.lines[0].seconds

    @property
    def ended(self) -> float:
        """Seconds at the last line."""
        return self.lines[-1].seconds


def log_segments(lines: Sequence[LogLine], declared: EngineLogRule) -> list[LogSegment]:
    """Cut a log where the actor changes, where the passes restart, and where the place of an
    identity changes."""
    allowed = Counter(declared.weathers.values())
    order = {word: i for i, word in enumerate(dict.fromkeys(declared.weathers.values()))}
    found: list[LogSegment] = []
    for line in lines:
        if not found or _another(found[-1], line, declared, allowed, order):
            found.append(LogSegment(line.actor, len(found)))
        found[-1].add(line)
    return found


def _another(
    capture: LogSegment,
    line: LogLine,
    declared: EngineLogRule,
    allowed: Counter[str],
    order: dict[str, int],
) -> bool:
    last = capture.lines[-1]
    if line.actor != capture.actor:
        return True
    if declared.places_by == "identity" and line.place != last.place:
        return True
    if order.get(line.weather, 0) < order.get(last.weather, 0):
        return True
    return (
        line.hour is not None
        and capture.cells[line.weather, line.hour, line.camera] >= allowed[line.weather]
    )


def latest_segments(found: Sequence[LogSegment]) -> tuple[list[LogSegment], int]:
    """Keep the last capture of each named actor, at the position of the first; also return the
    number of repetitions.

    An actor is one number of the enumeration, so it is repeated only if its folder had been
    removed.
    """
    place: dict[str, int] = {}
    kept: list[LogSegment] = []
    again = set()
    for capture in found:
        if capture.actor and capture.actor in place:
            kept[place[capture.actor]] = capture
            again.add(capture.actor)
        else:
            place[capture.actor] = len(kept)
            kept.append(capture)
    return kept, len(again)


def fits_segment(capture: LogSegment, cells: Counter[Cell]) -> bool:
    """Return True if a capture can be an identity whose images show `cells`.

    Every line has its image except one (a crash can lose one), and few images have no line.
    """
    without_image = sum((capture.cells - cells).values())
    without_line = sum((cells - capture.cells).values())
    return without_image <= 1 and without_line <= LOST * sum(cells.values())


def pair_segments(
    found: Sequence[LogSegment], people: Sequence[Counter[Cell]], declared: EngineLogRule
) -> dict[int, int]:
    """Identity -> capture, both by position, wherever all joinings in order agree.

    The shorter row goes into the longer one, forwards and backwards; who can be in one place only
    is joined.
    """
    if not found or not people or abs(len(people) - len(found)) > BAND:
        return {}
    fitting = np.array([[fits_segment(capture, cells) for cells in people] for capture in found])
    if len(people) >= len(found):
        step = _steps(found, declared)
        return {j: i for i, j in _forced(fitting, step).items()}
    return _forced(fitting.T, [(1, None, 1)] * (len(people) - 1))


Step = tuple[
    int, int | None, int
]  # least distance (negative: exactly one), its remainder, and by what number


def _steps(found: Sequence[LogSegment], declared: EngineLogRule) -> list[Step]:
    """Return the possible steps to the next identity. If the log continued at once, none can be
    missing between the two, because a missing identity leaves a gap in time; otherwise cyclic
    places give the number, unless a new run began.
    """
    usual = float(np.median([capture.ended - capture.began for capture in found]))
    names = list(declared.places)
    steps: list[Step] = []
    for one, two in pairwise(found):
        before, after = one.place(declared), two.place(declared)
        if two.position != one.position + 1:
            steps.append((1, None, 1))
        elif 0 <= two.began - one.ended < usual / 2:
            steps.append((-1, None, 1))
        elif before is None or after is None or after == names[0]:
            steps.append((1, None, 1))
        else:
            steps.append((1, (names.index(after) - names.index(before)) % len(names), len(names)))
    return steps


def _forced(fitting: np.ndarray, steps: Sequence[Step]) -> dict[int, int]:
    """Rows of `fitting` (n, m) that have one place in every order-preserving choice of a column for
    each row."""
    rows, columns = fitting.shape
    spare = columns - rows
    ahead = np.zeros((rows, spare + 1), bool)  # by shift: row i at column i + shift
    ahead[0] = [fitting[0, shift] for shift in range(spare + 1)]
    for i in range(1, rows):
        for shift in range(spare + 1):
            ahead[i, shift] = fitting[i, i + shift] and any(
                ahead[i - 1, before] and _allowed(steps[i - 1], shift - before + 1)
                for before in range(shift + 1)
            )
    back = ahead.copy()
    for i in range(rows - 2, -1, -1):
        for shift in range(spare + 1):
            back[i, shift] &= any(
                back[i + 1, after] and _allowed(steps[i], after - shift + 1)
                for after in range(shift, spare + 1)
            )
    return {
        i: i + int(np.flatnonzero(back[i])[0])
        for i in range(rows)
        if np.count_nonzero(back[i]) == 1
    }


def _allowed(step: Step, distance: int) -> bool:
    least, remainder, of = step
    if least < 0:
        return distance == 1
    return distance >= least and (remainder is None or (distance - remainder) % of == 0)
