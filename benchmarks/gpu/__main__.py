"""`python -m benchmarks.gpu`: run all parts within a budget, and keep gpu.md and gpu.json."""

import argparse
import signal
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.gpu import page
from benchmarks.gpu.parts import PARTS, REHEARSAL_SECONDS
from benchmarks.gpu.schedule import DONE, ROOT, Part, run_parts


def main(arguments: list[str] | None = None) -> int:
    """Run the parts; the exit code is 1 unless all of them are done."""
    given = _parser().parse_args(arguments)
    folder = given.output or ROOT / "benchmarks" / "results"
    if given.rehearse and given.output is None:
        sys.exit("--rehearse measures nothing that is worth keeping: give a folder with -o.")
    seconds = given.seconds or (1800 if given.rehearse else 420)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped; the page has what was found"))
    with tempfile.TemporaryDirectory() as scratch:
        results = run_parts(
            _chosen(given),
            seconds,
            Path(scratch),
            lambda found: page.write(folder, found, seconds, given.rehearse),
            given.rehearse,
        )
    print((folder / "gpu.md").read_text())
    return int(any(result.status != DONE for result in results))


def _chosen(given: argparse.Namespace) -> list[Part]:
    chosen = [part for part in PARTS if not given.only or part.name in given.only]
    if not given.rehearse:
        return chosen
    return [replace(part, least=1.0, most=REHEARSAL_SECONDS) for part in chosen]


def _parser() -> argparse.ArgumentParser:
    parser: Any = argparse.ArgumentParser(prog=page.COMMAND, description=__doc__)
    parser.add_argument("--seconds", type=float, help="budget of the whole command (420)")
    parser.add_argument("-o", "--output", type=Path, help="folder (benchmarks/results)")
    names = [part.name for part in PARTS]
    parser.add_argument("--only", nargs="+", choices=names, metavar="PART", help=", ".join(names))
    parser.add_argument(
        "--rehearse", action="store_true", help="on the processor, in tiny sizes; needs -o"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
