"""Reports of a run from a worker to the process that shows progress."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gprplus.core.workers import send_progress

PREPARING, TRAINING, EMBEDDING, SCORING, DONE = (
    *("preparing", "training", "embedding", "scoring"),
    "done",
)
SECONDS_BETWEEN_REPORTS = 0.5  # within a phase


@dataclass(frozen=True)
class RunReport:
    """The state of the run in `folder`.

    `done` counts the steps, images or targets of the phase; `loss` and `images_per_second` are
    those of the last chunk of steps.
    """

    folder: str
    phase: str = PREPARING
    done: int = 0
    loss: float | None = None
    images_per_second: float | None = None


class RunReporter:
    """Sends the reports of one run with `workers.send_progress`."""

    def __init__(self, folder: Path) -> None:
        self._report = RunReport(str(folder))
        self._sent = 0.0
        self._images, self._seconds = 0, 0.0

    def begin(self, phase: str) -> None:
        """Report that a phase begins."""
        self._report = RunReport(self._report.folder, phase)
        self._send()

    def reached(self, done: int, phase: str = TRAINING) -> None:
        """Take the count of a phase, and report it occasionally; the first count begins the
        phase."""
        first = phase != self._report.phase
        before = RunReport(self._report.folder, phase) if first else self._report
        self._report = replace(before, done=done)
        if first or time.monotonic() - self._sent >= SECONDS_BETWEEN_REPORTS:
            self._send()

    def chunk(self, line: Mapping[str, Any]) -> None:
        """Take the log line of a chunk of steps (`baseline.train`)."""
        images, seconds = line["images"] - self._images, line["seconds"] - self._seconds
        self._images, self._seconds = line["images"], line["seconds"]
        speed = images / seconds if seconds > 0 else None
        self._report = replace(self._report, loss=line["loss"], images_per_second=speed)

    def _send(self) -> None:
        self._sent = time.monotonic()
        send_progress(self._report)
