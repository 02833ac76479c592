"""How long `gprplus make-split` takes at FineGPR's size, beside bare selections in pyarrow, numpy,
pandas and duckdb.

The manifest is written here: 1,150 identities x 36 viewpoints x 7 weathers x 7 illuminations,
background a function of identity and weather as in FineGPR, 13 identity-level attributes; no
images. Every figure is a new process, start included; jobs take turns, three rounds. A split writes
its rows and its audit; the bare selections choose rows and write nothing. At the end the same once
with ten times the rows.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from itertools import product
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import harness
from benchmarks.ratios import Ratio, returned
from gprplus import schema
from gprplus.core import parallel, sampling
from gprplus.core.declarations import attributes, identity_attributes
from gprplus.core.files import workdir

IDENTITIES, VIEWS, WEATHERS, LIGHTS = 1150, 36, 7, 7
SKIES = ["sunny", "clouds", "overcast", "foggy", "neutral", "blizzard", "snowlight"]
HOURS = ["midnight", "dawn", "forenoon", "noon", "afternoon", "dusk", "night"]
PLACES = [f"p{i:02}" for i in range(1, 10)]

LARGE = 11_340  # identities: 20,003,760 rows
EXPECTED = """
What was expected to move. On a quiet machine `make-split --attr=weather` took 3.57 s of clock and as much processor
time in 625 MB, and about ten times that for 20 million rows. Reading row group by row group in threads with one byte a
code, no table of the whole: 1.3 to 0.6 processor seconds. Imports without pandas: 0.5 to 0.35. Drawing on one-byte
codes: 0.67 to 0.5. Fingerprints of arms sorted by value, excluded.parquet without pandas: 0.47 to 0.05. Writing by row
group: 1.0 to 0.8. Together 2.8 processor seconds, in 2 of clock on two idle cores, and 1.5 to 2 GB at 20 million rows.
The tables show the result; what is left is the encoding of Parquet (0.55 to 0.85 in one thread, whatever the
compression) and the draw (0.5).
"""

BALANCED_NUMPY = """
import sys, numpy as np, pyarrow.parquet as pq
t = pq.read_table(sys.argv[1], columns=["uid", "identity", "weather"])
t = t.unify_dictionaries().combine_chunks()
cell = [np.asarray(t.column(c).combine_chunks().indices).astype(np.uint64) for c in ("identity", "weather")]
z = np.asarray(t.column("uid")); z = (z ^ (z >> np.uint64(31))) * np.uint64(0x94D049BB133111EB)
group = cell[0] * np.uint64(7) + cell[1]
order = np.argsort((group << np.uint64(40)) | (z >> np.uint64(24)))
start = np.flatnonzero(np.r_[True, np.diff(group[order]) > 0])
rank = np.arange(len(order)) - np.repeat(start, np.diff(np.r_[start, len(order)]))
chosen = np.sort(order[rank < 56])
paths = pq.read_table(sys.argv[1], columns=["path"]).take(chosen)
assert len(paths) == 450800
"""
BALANCED_PANDAS = """
import sys, pandas as pd
t = pd.read_parquet(sys.argv[1], columns=["uid", "path", "identity", "weather"])
t = t.sample(frac=1, random_state=0)
chosen = t.groupby(["identity", "weather"], observed=True, sort=False).head(56)
assert len(chosen) == 450800
"""
BALANCED_DUCKDB = '''
import sys, duckdb
duckdb.sql("set threads to " + sys.argv[2])
chosen = duckdb.sql(f"""
    select uid, path, identity, weather from read_parquet('{sys.argv[1]}')
    qualify row_number() over (partition by identity, weather order by hash(uid)) <= 56
""").fetch_arrow_table()
assert len(chosen) == 450800
'''
FILTER_DUCKDB = """
import sys, duckdb
duckdb.sql("set threads to " + sys.argv[2])
query = f"select uid, path from read_parquet('{sys.argv[1]}') where weather = 'sunny'"
assert len(duckdb.sql(query).fetch_arrow_table()) == 289800
"""
FILTER_PYARROW = """
import sys, pyarrow.parquet as pq
t = pq.read_table(sys.argv[1], columns=["uid", "path"], filters=[("weather", "==", "sunny")])
assert len(t) == 289800
"""
FILTER_PANDAS = """
import sys, pandas as pd
t = pd.read_parquet(sys.argv[1], columns=["uid", "path", "weather"])
assert len(t[t.weather == "sunny"]) == 289800
"""


def main() -> None:
    """Measure and keep the page."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        # In a process of its own: a child's peak memory counts what its parent held when it was
        # started.
        make = "import sys, pathlib, benchmarks.splits as b; b.write(pathlib.Path(sys.argv[1]))"
        subprocess.run([sys.executable, "-c", make, str(home / "manifest")], check=True)
        images = str(home / "manifest" / "images.parquet")
        threads = str(parallel.available_cores())
        jobs = {
            "`make-split --attr=weather` (9 arms, test side, audit, 2.46 million rows written)": (
                split(home, "weather")
            ),
            "`make-split --attr=gender` (4 arms of whole persons)": split(home, "gender"),
            "`make-split --attr=identity` (ladder of 3 rungs)": split(home, "identity"),
            "`make-split --attr=weather --where ...` (12 of 36 views)": split(
                home,
                "weather",
                "--where",
                "30 <= viewpoint_deg <= 140 and illumination != midnight",
            ),
            "bare balanced draw of 450,800 rows: pyarrow + numpy": [
                sys.executable,
                "-c",
                BALANCED_NUMPY,
                images,
            ],
            "bare balanced draw of 450,800 rows: pandas": [
                sys.executable,
                "-c",
                BALANCED_PANDAS,
                images,
            ],
            "bare balanced draw of 450,800 rows: duckdb": [
                sys.executable,
                "-c",
                BALANCED_DUCKDB,
                images,
                threads,
            ],
            "bare filter, one weather: duckdb": [
                sys.executable,
                "-c",
                FILTER_DUCKDB,
                images,
                threads,
            ],
            "bare filter, one weather: pyarrow": [sys.executable, "-c", FILTER_PYARROW, images],
            "bare filter, one weather: pandas": [sys.executable, "-c", FILTER_PANDAS, images],
        }
        rows = [[name, *figures] for name, figures in measure(jobs).items()]
        large = home / "large"
        subprocess.run(
            [sys.executable, "-c", make.replace("1]))", f"1]), {LARGE})"), str(large / "manifest")],
            check=True,
        )
        jobs = {"`make-split --attr=weather`, audit and all": split(large, "weather")}
        query = BALANCED_DUCKDB.replace("== 450800", "> 0")
        jobs["bare balanced draw: duckdb"] = [
            *(sys.executable, "-c", query, str(large / "manifest" / "images.parquet"), threads)
        ]
        tenfold = [[name, *figures] for name, figures in measure(jobs, 1).items()]
    columns = ["wall s", "least wall s", "CPU s", "least CPU s", "peak memory MB"]
    body = EXPECTED.strip() + "\n\n" + harness.table(["job, 2,028,600 rows", *columns], rows)
    body += "\n\n" + harness.table(
        [f"job, {LARGE * VIEWS * WEATHERS * LIGHTS:,} rows", *columns], tenfold
    )
    body += f"\n\n{__doc__}\nLoad average meanwhile: {os.getloadavg()[1]:.1f} on "
    body += f"{parallel.available_cores()} cores. Where that is more than the cores, "
    body += "wall clock is mostly waiting for others, and CPU seconds are the figure to compare."
    harness.keep("splits", "Splits: 2,028,600 rows", body)


def split(home: Path, attr: str, *more: str) -> list[str]:
    """The command line of one split, remade each time."""
    place = [
        "--manifest",
        str(home / "manifest"),
        "-o",
        str(home / "splits" / f"{attr}{len(more)}"),
    ]
    return [sys.executable, "-m", "benchmarks.splits", attr, *place, *more]


def measure(jobs: dict[str, list[str]], rounds: int = 3) -> dict[str, list[str]]:
    """Median and least wall and CPU seconds of new processes, and their median peak memory. Jobs
    take turns, so that a busy minute of the machine falls on all of them.
    """
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, command in jobs.items():
            found[name].append(once(command))
    shown = {}
    for name, times in found.items():
        wall, cpu, memory = zip(*times, strict=True)
        shown[name] = [f"{t:.2f}" for t in (median(wall), min(wall), median(cpu), min(cpu))] + [
            f"{median(memory):,.0f}"
        ]
    return shown


def once(command: list[str]) -> tuple[float, float, float]:
    """Wall and CPU seconds of a new process, and its peak memory in MB."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = _wait(process)
    if status:
        raise RuntimeError(f"{command} ended with {status}")
    seconds = usage.ru_utime + usage.ru_stime
    return time.perf_counter() - start, seconds, usage.ru_maxrss / 1024


def ratios(scratch: Path, identities: int = 345) -> list[Ratio]:
    """A split over a bare balanced draw, each a new process, at 0.3 of FineGPR's size."""
    write(scratch / "manifest", identities)
    count = str(450_800 * identities // IDENTITIES)
    images = str(scratch / "manifest" / "images.parquet")
    bare = [sys.executable, "-c", BALANCED_NUMPY.replace("450800", count), images]
    return [
        Ratio(
            "splits: make-split / bare balanced draw",
            lambda: once(split(scratch, "weather"))[1],
            lambda: once(bare)[1],
            returned,
            warm=False,
        )
    ]


def _wait(process: subprocess.Popen[bytes]) -> tuple[int, int, resource.struct_rusage]:
    found = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(found[1])
    return found


def write(folder: Path, identities: int = IDENTITIES, places: list[str] = PLACES) -> None:
    """A manifest in FineGPR's shape, in the order dataset, identity, path, written some identities
    at a time; `places` are the names of its nine backgrounds."""
    folder.mkdir(parents=True)
    names = [f"{i + 1:05}" if identities > 9999 else f"{i + 1:04}" for i in range(identities)]
    layout = schema.arrow_schema(schema.IMAGES)
    repeating = [field.name for field in layout if pa.types.is_dictionary(field.type)]
    with pq.ParquetWriter(
        folder / "images.parquet", layout, compression="zstd", use_dictionary=repeating
    ) as writer:
        for first in range(0, identities, 74):  # about 131,072 rows
            writer.write_table(images(names, first, min(first + 74, identities), places))
    workdir.write_table(
        folder / "identities.parquet", schema.conform(people(names), schema.IDENTITIES)
    )
    for name, columns in (("rejected", schema.REJECTED), ("scan", schema.SCAN)):
        workdir.write_table(folder / f"{name}.parquet", schema.arrow_schema(columns).empty_table())
    workdir.write_json(folder / "manifest.json", record(identities))


def record(identities: int) -> dict[str, object]:
    """manifest.json, with every key that a build writes."""
    finegpr: dict[str, object] = dict.fromkeys(
        ("title", "paper", "licence", "status", "layout_digest"), ""
    )
    finegpr |= dict.fromkeys(("lists_digest", "identities_digest"))
    finegpr |= dict.fromkeys(
        ("rejected", "ignored", "files", "refused", "unread_folders", "strangers"), 0
    )
    finegpr |= {name: [] for name in ("unverified", "notes", "unknown", "remarks")}
    finegpr |= {name: {} for name in ("request", "expected", "roles")}
    finegpr |= {
        "root": "../renders",
        "fingerprint": "synthetic",
        "layout": "finegpr",
        "verify": "header",
    }
    finegpr |= {"images": identities * VIEWS * WEATHERS * LIGHTS, "identities": identities}
    finegpr |= {"factors": ["identity", "viewpoint_deg", "weather", "illumination"]}
    finegpr |= {"functions": {"camera": ["viewpoint_deg"]}}
    datasets = {"finegpr": finegpr}
    return {
        "schema_version": schema.VERSION,
        "request": {},
        "fingerprint": "synthetic",
        "datasets": datasets,
        "levels": {},
        "counts": {},
    }


def images(names: list[str], first: int, last: int, places: list[str] = PLACES) -> pa.Table:
    """All images of the identities from `first` to `last`."""
    person, view, sky, hour = (
        axis.ravel()
        for axis in np.meshgrid(
            np.arange(first, last),
            *(np.arange(n) for n in (VIEWS, WEATHERS, LIGHTS)),
            indexing="ij",
        )
    )
    scene = (7 * person + sky) % 9
    tails = [
        f"_c{v + 1:02}_w{w + 1:02}_l{h + 1:02}"
        for v, w, h in product(range(VIEWS), range(WEATHERS), range(LIGHTS))
    ]
    scenes = scene.reshape(last - first, -1)
    paths = [
        f"{name}/{name}{tail}_p{p + 1:02}.jpg"
        for name, mine in zip(names[first:last], scenes, strict=True)
        for tail, p in zip(tails, mine, strict=True)
    ]

    def level(codes: np.ndarray, levels: list[str]) -> pa.DictionaryArray:
        return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), levels)

    zeros = np.zeros(len(person))
    start = first * len(tails)
    table = pa.table(
        {
            "uid": sampling.splitmix64(np.arange(start, start + len(person), dtype=np.uint64)),
            "dataset": level(zeros, ["finegpr"]),
            "path": paths,
            "identity": level(person, names),
            "camera": (view + 1).astype(np.int32),
            "viewpoint_deg": ((90 + 10 * view) % 360).astype(np.int32),
            "weather": level(sky, SKIES),
            "illumination": level(hour, HOURS),
            "background": level(scene, places),
            "format": level(zeros, ["jpeg"]),
            "width_px": np.full(len(person), 200, dtype=np.int32),
            "height_px": np.full(len(person), 470, dtype=np.int32),
            "size_bytes": (
                (sampling.splitmix64(person.astype(np.uint64)) % np.uint64(9000)).astype(np.int64)
                + 10_000
            ),
        }
    )
    return schema.conform(table, schema.IMAGES)


def people(names: list[str]) -> pa.Table:
    """Persons with levels of every identity-level attribute, drawn by hash."""
    columns: dict[str, object] = {
        "dataset": ["finegpr"] * len(names),
        "identity": names,
        "images": [1764] * len(names),
    }
    for name in identity_attributes():
        levels = attributes()[name].levels
        drawn = sampling.priorities(sampling.hash64_many(names), 0, name) % np.uint64(len(levels))
        columns[name] = [levels[int(code)] for code in drawn]
    return pa.table(columns)


if __name__ == "__main__":
    from gprplus.cli import main as gprplus

    sys.argv = ["gprplus", "make-split", "--force", "--attr", *sys.argv[1:]]
    for index, word in enumerate(
        sys.argv
    ):  # a folder of its own for each repeat, so that none is a no-op
        if word == "-o":
            sys.argv[index + 1] += f"-{time.time_ns()}"
    gprplus()
