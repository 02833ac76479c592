"""How long the page of `gprplus browse` waits for 2 million images, and the memory of its server.

The manifest is that of `benchmarks.splits`: 1,150 identities x 36 viewpoints x 7 weathers x 7
illuminations with 13 attributes of identities, no image files. A request is what the page sends
when a filter changes: the count of images and of every level of every facet, and the first window
of rows. Filters are drawn at random: levels of one to three facets, and text of `--where`; none is
asked twice, so no answer is held. A bare DuckDB query of the same counts stands next to it.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks import harness
from gprplus.core.parallel import available_cores

ROUNDS = 60
HEADINGS = ["median ms", "95th percentile ms", "CPU ms, median", "CPU ms, 95th percentile"]
EXPECTED = """
What should move. A filter under 300 ms at the 95th percentile, less than 1.5 GiB of memory. Levels are
one to four bytes an image and facet, and a facet is counted by one pass over them: 170 ms of processor
time at the 95th percentile for 20 facets of 2 million images. Attributes of identities are counted
together by one pass over identities, which leaves eight passes of twenty: about 100 ms.
"""
WHERE = (
    "weather in ({weather}, foggy) and viewpoint_deg <= {degrees}",
    "not (illumination = {light}) and 30 <= viewpoint_deg <= {degrees}",
    "gender = {gender} or weather = {weather}",
)


def main() -> None:
    """Measure and keep the page."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "manifest"
        # In other processes: the peak memory of one counts what its parent held.
        make = "import sys, pathlib, benchmarks.splits as b; b.write(pathlib.Path(sys.argv[1]))"
        subprocess.run([sys.executable, "-c", make, str(home)], check=True)
        measure = (
            "import sys, pathlib, benchmarks.explorer as b; b.measure(pathlib.Path(sys.argv[1]))"
        )
        done = subprocess.run(
            [sys.executable, "-c", measure, str(home)], check=True, capture_output=True, text=True
        )
        bare = "import sys, pathlib, benchmarks.explorer as b; b.measure_duckdb(pathlib.Path(sys.argv[1]))"
        other = subprocess.run(
            [sys.executable, "-c", bare, str(home)], check=True, capture_output=True, text=True
        )
    load = (
        f"Load average meanwhile: {os.getloadavg()[0]:.1f} on {available_cores()} cores. Where that"
        " is more than the cores, the clock is mostly waiting for others, and processor time is the"
        " figure to compare."
    )
    parts = [EXPECTED, load, done.stdout, other.stdout, str(__doc__)]
    harness.keep(
        "explorer",
        "The page of `gprplus browse`: 2,028,600 images",
        "\n\n".join(part.strip() for part in parts),
    )


def measure(home: Path) -> None:
    """Print the table of one server's answers."""
    from gprplus.explorer.image_answers import facets_answer, rows_answer
    from gprplus.explorer.sources import find_sources
    from gprplus.explorer.workspace import Workspace

    start = time.perf_counter()
    space = Workspace(find_sources([home]))
    first = {"s": "0"}
    facets = facets_answer(space, first)
    opened = time.perf_counter() - start
    rng = np.random.default_rng(0)

    def filtered() -> None:
        given = {"s": "0", **_random_filter(rng, facets["facets"])}
        facets_answer(space, given)
        rows_answer(space, given)

    def grouped() -> None:
        given = {"s": "0", **_random_filter(rng, facets["facets"]), "group": "cell"}
        facets_answer(space, given)
        rows_answer(space, given)

    def scrolled() -> None:
        offset = int(rng.integers(facets["total"] - 200))
        rows_answer(space, {"s": "0", "offset": str(offset), "limit": "200"})

    def by_identity() -> None:
        given = {"s": "0", **_random_filter(rng, facets["facets"]), "group": "identity"}
        facets_answer(space, given)

    rows: list[list[object]] = [["open the page (once)", f"{1000 * opened:,.0f}", "", "", ""]]
    rows += [
        ["a filter: counts of all facets, first rows", *_times(filtered)],
        ["the same, grouped by cell", *_times(grouped)],
        ["the same, grouped by identity", *_times(by_identity)],
        ["200 rows anywhere (scrolling)", *_times(scrolled)],
    ]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(harness.table(["request", *HEADINGS], rows))
    print(f"\nPeak memory of the server: {peak:.2f} GiB.\n")


def measure_duckdb(home: Path) -> None:
    """Print how long DuckDB takes for the counts alone, of a table in its memory."""
    import duckdb

    base = duckdb.connect()
    base.sql("set enable_progress_bar = false")
    path = home / "images.parquet"
    base.sql(
        "create table images as select i.*, p.* exclude (dataset, identity, images) from"
        f" read_parquet('{path}') i join read_parquet('{home / 'identities.parquet'}') p"
        " using (dataset, identity)"
    )
    names = ["identity", "camera", "viewpoint_deg", "weather", "illumination", "background"]
    names += ["gender", "hair", "age", "glasses", "sleeve", "hat", "bag", "boots"]
    rng = np.random.default_rng(0)

    def counted() -> None:
        degrees = int(rng.integers(30, 350))
        for name in names:
            base.sql(
                f"select {name}, count(*) from images where weather in ('sunny', 'foggy') and"
                f" viewpoint_deg <= {degrees} group by {name}"
            ).fetchall()

    rows: list[list[object]] = [
        [f"DuckDB: the counts of {len(names)} facets", *_times(counted, 20)]
    ]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(harness.table(["bare query", *HEADINGS], rows))
    print(f"\nPeak memory: {peak:.2f} GiB.")


def _random_filter(rng: np.random.Generator, facets: list[dict]) -> dict[str, str]:
    """Return a filter that was not used before: levels of one to three facets, or text."""
    import json

    several = [facet for facet in facets if len(facet["levels"]) > 1]
    levels = {facet["name"]: [level for level, _ in facet["levels"] if level] for facet in several}
    where = ""
    if rng.random() < 0.5:
        where = rng.choice(WHERE).format(
            weather=rng.choice(levels["weather"]),
            light=rng.choice(levels["illumination"]),
            gender=rng.choice(levels["gender"]),
            degrees=rng.integers(100, 350),
        )
    names = rng.choice(list(levels), int(rng.integers(1, 4)), replace=False)
    picks = {
        name: sorted(
            str(level)
            for level in rng.choice(
                levels[name], int(rng.integers(1, len(levels[name]))), replace=False
            )
        )
        for name in names.tolist()
    }
    return {"where": where, "pick": json.dumps(picks)}


def _times(function: Callable[[], None], rounds: int = ROUNDS) -> list[object]:
    """Median and 95th percentile of the clock, and of the processor time, of a call in ms."""
    function()
    times = []
    for _ in range(rounds):
        start, used = time.perf_counter(), harness.processor_clock()
        function()
        times.append((time.perf_counter() - start, harness.processor_clock() - used))
    found = 1000 * np.percentile(times, [50, 95], axis=0).T
    return [f"{value:.0f}" for value in found.ravel()]
