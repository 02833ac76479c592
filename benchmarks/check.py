"""Regression watch: short forms of the benchmarks as ratios, compared with the kept ratios.

    python -m benchmarks.check                  all benchmarks; exit code 1 on a slip
    python -m benchmarks.check evaluation       one of them
    python -m benchmarks.check --keep           renew the kept ratios, results/ratios.json

Every benchmark runs in a new process whose libraries use one thread, two of them at a time, because
costs are processor seconds. Both sides of a ratio run in turns, so that a busy machine disturbs
both alike. A ratio that slips is measured a second time, and the lower value counts. What is kept
is the mean of two measurements.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from importlib import import_module
from pathlib import Path

from benchmarks import harness
from benchmarks.ratios import Ratio
from gprplus.core.parallel import available_cores

SLIP = 0.15  # a ratio may grow by this share of its kept value
MEMORY, ROOM = Path("/dev/shm"), 4_000_000_000
AT_A_TIME = min(2, available_cores())  # benchmarks
KEPT = harness.RESULTS / "ratios.json"
NO_RATIO = {
    "explorer": "seconds that a page waits; its floor is a limit, not a program",
    "scale": "minutes of work on a cluster or on millions of rows; its page has the ratios",
    "coverage": "shares of intervals that cover the truth; it measures no speed",
    "recipes": "mAP of recipes for their seconds; it has no floor",
    "search": "shares of searches with the right answer; it measures no speed",
}
FAILING = ("SLIPPED", "MISSING")
Measured = dict[str, float]


@dataclass(frozen=True)
class Comparison:
    """A ratio now and as kept; None where one of them does not exist."""

    name: str
    kept: float | None
    now: float | None

    @property
    def change(self) -> float | None:
        """The share by which the ratio has grown."""
        if self.kept is None or self.now is None:
            return None
        return self.now / self.kept - 1

    @property
    def verdict(self) -> str:
        """What the change means; `FAILING` has the verdicts that end in exit code 1."""
        if self.kept is None:
            return "new"
        if self.change is None:
            return "MISSING"
        if self.change > SLIP:
            return "SLIPPED"
        return "faster" if 1 + self.change < 1 / (1 + SLIP) else "ok"


def compare(kept: Measured, now: Measured) -> list[Comparison]:
    """Pair the ratios of two measurements by name."""
    return [Comparison(name, kept.get(name), now.get(name)) for name in sorted({*kept, *now})]


def table(rows: Sequence[Comparison]) -> str:
    """Return the comparisons as lines of at most 80 columns."""
    lines = [f"{'ratio':44} {'kept':>8} {'now':>8} {'change':>7}  verdict"]
    for row in rows:
        values = [f"{value:.3g}" if value is not None else "-" for value in (row.kept, row.now)]
        change = f"{row.change:+.0%}" if row.change is not None else "-"
        lines.append(f"{row.name:44} {values[0]:>8} {values[1]:>8} {change:>7}  {row.verdict}")
    return "\n".join(lines)


def measure(benchmark: str, only: Sequence[str] | None = None) -> Measured:
    """Measure the ratios of a benchmark in this process, or `only` those named."""
    with tempfile.TemporaryDirectory(dir=_scratch()) as scratch:
        ratios: list[Ratio] = import_module(f"benchmarks.{benchmark}").ratios(Path(scratch))
        return {ratio.name: ratio.measure() for ratio in ratios if not only or ratio.name in only}


def _scratch() -> Path | None:
    """Return a file system in memory with room for the inputs, if there is one: the time that a
    disk takes varies."""
    there = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM
    return MEMORY if there else None


def measure_all(benchmarks: Sequence[str], only: Sequence[str] | None = None) -> Measured:
    """Measure benchmarks, `AT_A_TIME` at a time; one that fails is reported and yields no ratio."""

    def measured(name: str) -> Measured:
        start = time.perf_counter()
        found: Measured = {}
        try:
            found = harness.on_one_thread(measure, name, only)
            note = f"{time.perf_counter() - start:.0f} s"
        except Exception as error:
            note = f"failed: {type(error).__name__}: {error}"
        print(f"{name}: {note}", file=sys.stderr, flush=True)
        return found

    # The environment is set here, because threads would disturb each other's.
    with (
        harness.environment(**dict.fromkeys(harness.THREADS, "1")),
        ThreadPoolExecutor(AT_A_TIME) as pool,
    ):
        return {
            name: ratio for found in pool.map(measured, benchmarks) for name, ratio in found.items()
        }


def measure_again(slipped: Sequence[str], first: Measured) -> Measured:
    """Measure slipped ratios a second time, and return all ratios with the lower value of each."""
    print(f"Measuring a second time: {', '.join(slipped)}", file=sys.stderr)
    benchmarks = sorted({benchmark_of(name) for name in slipped})
    second = measure_all(benchmarks, slipped)
    return {name: min(value, second.get(name, value)) for name, value in first.items()}


def mean(first: Measured, second: Measured) -> Measured:
    """The means of ratios that were measured twice."""
    return {name: (value + second[name]) / 2 for name, value in first.items() if name in second}


def benchmark_of(name: str) -> str:
    """The benchmark of a ratio, which is the first part of its name."""
    return name.partition(":")[0]


def read_kept(path: Path, benchmarks: Sequence[str]) -> dict[str, dict]:
    """Read the kept ratios of some benchmarks, each with its machine and date."""
    kept = json.loads(path.read_text())["ratios"] if path.exists() else {}
    return {name: entry for name, entry in kept.items() if benchmark_of(name) in benchmarks}


def keep(path: Path, benchmarks: Sequence[str], now: Measured) -> None:
    """Replace the kept ratios of the benchmarks by new ones."""
    known = harness.benchmark_names()
    others = read_kept(path, [name for name in known if name not in benchmarks])
    origin = {"date": date.today().isoformat(), "machine": harness.machine()}
    ratios = others | {name: {"ratio": round(value, 4)} | origin for name, value in now.items()}
    text = json.dumps({"ratios": dict(sorted(ratios.items()))}, indent=1)
    harness.write_text(path, text + "\n")


def main(arguments: Sequence[str] | None = None, path: Path = KEPT) -> int:
    """Measure, print the table, and return the exit code."""
    measurable = [name for name in harness.benchmark_names() if name not in NO_RATIO]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.check", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("benchmark", nargs="*", help=f"of {', '.join(measurable)}; default: all")
    parser.add_argument("--keep", action="store_true", help="renew the kept ratios")
    given = parser.parse_args(arguments)
    wanted = given.benchmark or measurable
    if unknown := sorted({*wanted} - {*measurable}):
        parser.error(f"no ratios of {', '.join(unknown)}; expected {', '.join(measurable)}")
    entries = read_kept(path, wanted)
    kept = {name: entry["ratio"] for name, entry in entries.items()}
    now = measure_all(wanted)
    slipped = [row.name for row in compare(kept, now) if row.verdict == "SLIPPED"]
    if given.keep:
        now = mean(now, measure_all(wanted))
    elif slipped:
        now = measure_again(slipped, now)
    rows = compare(kept, now)
    failed = {*wanted} - {benchmark_of(name) for name in now}
    print(table(rows))
    if failed:
        print(f"Failed, with no ratio: {', '.join(sorted(failed))}.")
        return 1
    if not given.keep:
        print(notes(rows, entries, complete=not given.benchmark), end="")
    else:
        keep(path, wanted, now)
        print(f"Kept in {os.path.relpath(path)}.")
        return 0
    return int(any(row.verdict in FAILING for row in rows))


def notes(rows: Sequence[Comparison], kept: dict[str, dict], complete: bool) -> str:
    """Return what the table does not show: next steps, other machines, benchmarks without a
    ratio."""
    lines = []
    verdicts = {row.verdict for row in rows}
    if "SLIPPED" in verdicts:
        lines.append(f"SLIPPED: more than {SLIP:.0%} above the kept ratio, in two measurements.")
    load, cores = os.getloadavg()[1], available_cores()
    if load > cores and "SLIPPED" in verdicts:
        lines.append(f"Load average {load:.1f} on {cores} cores: measure again on an idle machine.")
    if verdicts - {"ok", "SLIPPED"}:
        lines.append("Renew the kept ratios with `make bench-check KEEP=1`.")
    here = harness.machine()
    if others := sorted({entry["machine"] for entry in kept.values()} - {here}):
        lines += [f"Kept on {other}" for other in others] + [f"Here is {here}"]
    if complete:
        lines += [f"{name} has no ratio: {reason}." for name, reason in NO_RATIO.items()]
    return "".join(f"{line}\n" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
