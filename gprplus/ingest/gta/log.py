"""The log of the GTA V generator: one line an image, with neither path nor identity in it.

    [2019-08-02 15:04:05:123] (1) Loc:{[533.268, -1435.525, 29.355]} Time:{00:00:00} Weather:{Smog}
    Ang:{[0.5]} Actor:{}

Cameras count from 1 here. The angle is atan(cos t / sin t), so that t and t + 180 degrees are one;
some print in E-notation, decimals follow the machine's locale, an unnamed model leaves Actor empty,
and reruns append. A failed write loses its line without a trace.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gprplus.core.errors import ManifestError, first_few
from gprplus.core.hashing import sha256_digest
from gprplus.ingest.layouts.tokens import EngineLogRule

LINE = re.compile(
    r"\[(?P<stamp>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d:\d{3})\] \((?P<k>\d+)\) "
    r"Loc:\{\[(?P<x>-?\d+[.,]\d+), (?P<y>-?\d+[.,]\d+), (?P<z>-?\d+[.,]\d+)\]\} "
    r"Time:\{(?P<time>[^}]*)\} Weather:\{(?P<weather>\w*)\} Ang:\{\[(?P<angle>[^\]]*)\]\}"
    r" Actor:\{(?P<actor>\w*)\}",
    re.ASCII,
)
PLACE = 5.0  # metres from a place up to which a position is that place
LATE = 10  # minutes past the hour up to which a time is that hour: the clock drifts by seconds
ANGLE = 0.01  # radians


@dataclass(frozen=True)
class LogLine:
    """One line: its position in the logs, its time (seconds), and its cell.

    `camera` counts from 0. `place` and `hour` are None if they are not declared; `turned` is True
    if the angle is not the one of the camera.
    """

    number: int
    seconds: float
    camera: int
    weather: str
    hour: int | None
    place: str | None
    actor: str
    turned: bool


@dataclass(frozen=True)
class GeneratorLog:
    """Lines in the order they were written, and the numbers of those that are none."""

    lines: tuple[LogLine, ...]
    unread: tuple[str, ...]


def log_digest(paths: Sequence[Path]) -> str | None:
    """SHA-256 over the logs in the order they are given; None without any."""
    return sha256_digest(*(path.read_bytes() for path in paths)) if paths else None


def read_log(paths: Sequence[Path], declared: EngineLogRule) -> GeneratorLog:
    """Read logs one after the other, in the order they are given. Raises ManifestError when nothing
    is a line."""
    lines: list[LogLine] = []
    unread: list[str] = []
    for path in paths:
        for number, text in enumerate(_text(path).splitlines(), start=1):
            if not text.strip():
                continue
            found = LINE.fullmatch(text.strip())
            line = _line(found, len(lines), declared) if found else None
            if line is None:
                unread.append(f"{path.name}:{number}")
            else:
                lines.append(line)
    if not lines:
        named = first_few([str(path) for path in paths])
        raise ManifestError(
            f"{named} has no line of the generator's log; one begins like [2019-08-02 15:04:05:123]"
            " (1)."
        )
    return GeneratorLog(tuple(lines), tuple(unread))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise ManifestError(f"The log {path} cannot be read: {error.strerror}.") from error


def _line(found: re.Match[str], number: int, declared: EngineLogRule) -> LogLine | None:
    try:
        stamp = datetime.strptime(found["stamp"][:19], "%Y-%m-%d %H:%M:%S")
        angle = float(found["angle"].replace(",", "."))
    except ValueError:
        return None
    camera = int(found["k"]) - 1
    seconds = (stamp - datetime(2000, 1, 1)).total_seconds() + int(found["stamp"][20:]) / 1000
    x, y = (float(found[name].replace(",", ".")) for name in "xy")
    return LogLine(
        number,
        seconds,
        camera,
        found["weather"],
        _hour(found["time"], declared),
        next(
            (name for name, at in declared.places.items() if math.dist((x, y), at[:2]) <= PLACE),
            None,
        ),
        found["actor"],
        not same_direction(angle, declared.first_deg + declared.step_deg * camera),
    )


def _hour(text: str, declared: EngineLogRule) -> int | None:
    parts = re.match(r"(\d+):(\d\d):", text)
    if parts is None:
        return None
    hour, minute = int(parts[1]), int(parts[2])
    return hour if hour in declared.hours.values() and minute < LATE else None


def same_direction(angle: float, degrees: float) -> bool:
    """Return True if an angle (radians) is atan(cos t / sin t) of t = `degrees`: a quarter turn
    minus t, modulo pi.

    >>> same_direction(0.523598767826487, 60), same_direction(6.123e-17, 90), same_direction(0.5236, 90)
    (True, True, False)
    """
    off = (angle - (math.pi / 2 - math.radians(degrees))) % math.pi
    return math.isfinite(angle) and min(off, math.pi - off) <= ANGLE
