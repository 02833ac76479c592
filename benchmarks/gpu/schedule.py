"""Parts, each in a subprocess with a time limit, within one budget of seconds."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
GRACE = 3.0  # seconds that a part has to end after the time that it was given
LOOK_EVERY = 1.0  # seconds between two looks at what a running part has found
LOG_LINES = 40  # kept of a part that failed
WAITING, RUNNING, DONE, FAILED, TIMED_OUT, NOT_RUN = (
    "waiting",
    "running",
    "done",
    "failed",
    "timed out",
    "not run",
)


@dataclass(frozen=True)
class Part:
    """A function `module:function` that takes a `part.PartContext`.

    `least` seconds are kept free for it while earlier parts run, and it does not run with less than
    half of them; `most` is its limit.
    """

    name: str
    target: str
    title: str
    least: float
    most: float


@dataclass
class PartResult:
    """The state of a part, with the records that it has written."""

    part: Part
    status: str = WAITING
    seconds: float = 0.0
    reason: str = ""
    log: list[str] = field(default_factory=list)
    records: list[dict[str, Any]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.part.name,
            "title": self.part.title,
            "status": self.status,
            "seconds": round(self.seconds, 1),
            "reason": self.reason,
            "log": self.log,
            "records": self.records,
        }


def run_parts(
    parts: Sequence[Part],
    seconds: float,
    scratch: Path,
    on_change: Callable[[list[PartResult]], None],
    rehearse: bool = False,
) -> list[PartResult]:
    """Run the parts in order; `on_change` gets all results whenever one of them has changed.

    A part that fails, hangs or finds no time left does not stop the others.
    """
    results = [PartResult(part) for part in parts]
    ends = time.monotonic() + seconds
    for i, result in enumerate(results):
        later = sum(part.least for part in parts[i + 1 :])
        left = ends - time.monotonic()
        limit = min(result.part.most, max(left - later, result.part.least), left)
        if limit < result.part.least / 2:
            result.status = NOT_RUN
            result.reason = f"{max(left, 0):.0f} s of {seconds:.0f} s were left"
        else:
            _run(result, limit, scratch, rehearse, lambda: on_change(results))
        on_change(results)
    return results


def _run(
    result: PartResult, limit: float, scratch: Path, rehearse: bool, changed: Callable[[], None]
) -> None:
    records, log = (scratch / f"{result.part.name}.{kind}" for kind in ("jsonl", "log"))
    command = [sys.executable, "-m", "benchmarks.gpu.part", result.part.target, str(records)]
    command += [f"--seconds={max(limit - GRACE, 1):.1f}", f"--scratch={scratch}"]
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    start = time.monotonic()
    result.status = RUNNING
    changed()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command + ["--rehearse"] * rehearse,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"},
            process_group=0,
        )
        try:
            ended = _wait(process, result, records, start, limit, changed)
        finally:
            with suppress(ProcessLookupError):  # with the processes that it started
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    result.seconds = time.monotonic() - start
    result.records = _records(records)
    lines = log.read_text(errors="replace").splitlines()
    if not ended:
        result.status, result.reason = TIMED_OUT, f"killed after {limit:.0f} s"
    elif process.returncode:
        result.status, result.reason = FAILED, _reason(process.returncode, lines)
    else:
        result.status = DONE
    result.log = [] if result.status == DONE else lines[-LOG_LINES:]


def _wait(
    process: subprocess.Popen[bytes],
    result: PartResult,
    records: Path,
    start: float,
    limit: float,
    changed: Callable[[], None],
) -> bool:
    """Wait for the end of a part, and show what it has found meanwhile; False after the limit."""
    while (passed := time.monotonic() - start) < limit:
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=min(LOOK_EVERY, limit - passed))
            return True
        found = _records(records)
        if len(found) > len(result.records):
            result.records = found
            changed()
    return False


def _records(path: Path) -> list[dict[str, Any]]:
    """The records of a part; a line that is being written is left out."""
    lines = path.read_text().splitlines(keepends=True) if path.is_file() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


def _reason(code: int, lines: list[str]) -> str:
    ended = f"signal {-code}" if code < 0 else f"exit code {code}"
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return f"{ended}: {last[:300]}" if last else ended
