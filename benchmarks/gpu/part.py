"""The subprocess of one part: `python -m benchmarks.gpu.part MODULE:FUNCTION RECORDS`."""

import argparse
import json
import time
import traceback
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any


class PartContext:
    """What a part knows, and where it writes records: rows of named tables, one JSON line each.

    Attributes:
        rehearse: on a processor, in tiny sizes.
        scratch: a folder that the parts of a run share.
    """

    def __init__(
        self, records: Path, seconds: float, scratch: Path, rehearse: bool = False
    ) -> None:
        self.records, self.scratch, self.rehearse = records, scratch, rehearse
        self.failed = 0
        self._ends = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds until the part has to end."""
        return self._ends - time.monotonic()

    def add(self, table: str, **values: Any) -> None:
        """Write a row at once, so that it is kept whatever comes after it."""
        line = json.dumps({"table": table, **values}, default=str)
        print(line, flush=True)
        with self.records.open("a") as file:
            file.write(line + "\n")

    def row(
        self, table: str, measure: Callable[[], dict[str, Any]], needs: float = 0.0, **key: Any
    ) -> None:
        """Write the row `key` with the values that `measure` returns.

        With fewer than `needs` seconds left, or if it raises, the column `note` has the reason, and
        the part continues.
        """
        if self.left < needs:
            self.add(table, **key, note=f"not run: needs {needs:.0f} s, {self.left:.0f} s left")
            return
        try:
            values = measure()
        except Exception as error:
            traceback.print_exc()
            self.failed += 1
            first = (str(error).splitlines() or [""])[0]
            values = {"note": f"failed: {type(error).__name__}: {first[:200]}"}
        self.add(table, **key, **values)


def main() -> None:
    """Run the function; the exit code is 1 if a row failed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("target")
    parser.add_argument("records", type=Path)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--scratch", type=Path, required=True)
    parser.add_argument("--rehearse", action="store_true")
    arguments = parser.parse_args()
    context = PartContext(
        arguments.records, arguments.seconds, arguments.scratch, arguments.rehearse
    )
    module, _, function = arguments.target.partition(":")
    getattr(import_module(module), function)(context)
    if context.failed:
        raise SystemExit(f"{context.failed} rows failed; their notes have the reasons")


if __name__ == "__main__":
    main()
