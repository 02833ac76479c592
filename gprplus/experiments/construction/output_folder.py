"""The folder of a construction: the request that it holds, and how long its parts took."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gprplus.core.errors import PlanError
from gprplus.core.files.folders import remove_output
from gprplus.core.files.workdir import REQUEST_FILE, check_request, read_json, write_json

# Looks at the test half stay counted, and packed images serve any request.
RESULTS = (
    "construct.json",
    "construct.html",
    "construct.md",
    "precision.json",
    "seconds.json",
    "rounds",
    "final",
    "runs",
    "halves",
    "pool",
)


def begin_request(home: Path, request: Mapping[str, Any], *, force: bool) -> None:
    """Note the request that is worked on; the results of another one are removed with `force`.

    Raises:
        RequestChanged: the folder holds results of another request, and `force` is not set.
    """
    note = home / REQUEST_FILE
    if check_request(note, request, force=force) == "same":
        return
    for name in RESULTS if force or note.exists() else ():
        remove_output(home / name)
    write_json(note, {"request": request})


class Stopwatch:
    """Seconds of the parts of a construction, over all calls that worked on it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        found = read_json(path, PlanError, "a table of seconds") if path.exists() else {}
        self.seconds = {str(part): float(spent) for part, spent in found.items()}

    @contextmanager
    def timed(self, part: str) -> Iterator[None]:
        """Add the seconds of a block to a part, also where it is interrupted."""
        start = time.perf_counter()
        try:
            yield
        finally:
            spent = self.seconds.get(part, 0.0) + time.perf_counter() - start
            self.seconds[part] = round(spent, 1)
            write_json(self.path, self.seconds)
