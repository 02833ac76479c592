"""Rows of a manifest against memory and time: `make-split` and `inspect`.

The manifest is written here: identities of 1,000 images (8 cameras, 5 weathers, 5 illuminations, 5
backgrounds, all combinations), with their gender and age; no images. Keys and paths are regular, so
that 200 million rows take 130 MB. Every figure is a new process, start included; memory is
the most that the process and its workers hold together (RSS, looked at ten times a second).
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import harness, splits
from gprplus import schema
from gprplus.core.files import workdir

EACH = 1_000  # images of an identity
GROUP = 131  # identities of a row group
AXES = {
    "camera": tuple(range(1, 9)),
    "weather": tuple(splits.SKIES[:5]),
    "illumination": tuple(splits.HOURS[:5]),
    "background": ("alley", "bridge", "court", "dock", "garden"),
}
STEP = np.uint64(0x9E3779B97F4A7C15)  # between keys: regular, and even over all 64 bits
SIZES = (2_000_000, 20_000_000)
LARGEST = 200_000_000  # measured where the environment variable asks for it: half an hour, a gigabyte of disk
ROWS = "GPRPLUS_BENCHMARK_ROWS"
BEFORE = """
Before, from all rows in memory (a manifest of `benchmarks.splits`, `make-split --attr=weather` with
five deals and tests of levels): 2,028,600 rows 737 MiB and 11 CPU s, `inspect` 467 MiB and 4 s;
20,003,760 rows 4,431 MiB and 178 CPU s, `inspect` 3,255 MiB and 38 s. Expected from drawing by
block: memory of three processes with a block of a million rows each, about 1 GB at any size, and up
to three times the processor seconds, since each row group is read four to six times.
"""
SPLIT = (
    *("--attr", "weather", "--budget", "100000", "--test-share", "0.02", "--deals", "1"),
    "--no-cross-level-tests",
)


def measure() -> str:
    """Measure each size, and return the section."""
    given = os.environ.get(ROWS)
    sizes = [int(text) for text in given.split(",")] if given else list(SIZES)
    rows: list[list[object]] = []
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            rows += _figures(Path(folder), size)
    columns = ["rows", "command", "peak memory MiB", "CPU s", "clock s"]
    more = f"`{ROWS}={LARGEST}` measures other sizes."
    return f"{__doc__}\n{harness.table(columns, rows)}\n\n{BEFORE}\n{more}"


def _figures(folder: Path, size: int) -> list[list[object]]:
    subprocess.run(
        [sys.executable, "-m", __name__, str(folder / "manifest"), str(size)], check=True
    )
    place = str(folder / "manifest")
    command = [sys.executable, "-m", "gprplus"]
    split = [*command, "make-split", *SPLIT, "--manifest", place, "-o", str(folder / "split")]
    return [
        [f"{size:,}", f"`make-split {' '.join(SPLIT)}`", *run(split).cells],
        [f"{size:,}", "`inspect`", *run([*command, "inspect", place]).cells],
    ]


@dataclass(frozen=True)
class Cost:
    """What a command took."""

    memory_mib: float
    cpu_seconds: float
    seconds: float

    @property
    def cells(self) -> list[str]:
        """Return the figures of a row."""
        return [f"{self.memory_mib:,.0f}", f"{self.cpu_seconds:,.0f}", f"{self.seconds:,.0f}"]


def run(command: list[str]) -> Cost:
    """Run a command, and return what it took with its workers."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    over, most = threading.Event(), [0.0]

    def look() -> None:
        while not over.wait(0.1):
            most[0] = max(most[0], sum(map(_resident_kib, _family(process.pid))))

    looking = threading.Thread(target=look)
    looking.start()
    _, status, usage = os.wait4(process.pid, 0)
    over.set()
    looking.join()
    if status:
        raise RuntimeError(f"{command} ended with {status}")
    seconds = time.perf_counter() - start
    return Cost(most[0] / 1024, usage.ru_utime + usage.ru_stime, seconds)


def _family(process: int) -> Iterator[int]:
    """A process and all that it has started."""
    yield process
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            children = task.read_text().split()
        except OSError:
            continue
        for child in children:
            yield from _family(int(child))


def _resident_kib(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmRSS")), 0)


def write(folder: Path, rows: int) -> None:
    """Write a manifest of about `rows` images, a row group at a time."""
    identities = max(rows // EACH, 8)
    folder.mkdir(parents=True)
    layout = schema.arrow_schema(schema.IMAGES)
    repeating = [field.name for field in layout if pa.types.is_dictionary(field.type)]
    with pq.ParquetWriter(
        folder / "images.parquet",
        layout,
        compression="zstd",
        use_dictionary=[*repeating, "camera", "width_px", "height_px"],
        column_encoding={"uid": "DELTA_BINARY_PACKED", "size_bytes": "DELTA_BINARY_PACKED"},
    ) as writer:
        for first in range(0, identities, GROUP):
            writer.write_table(_images(first, min(first + GROUP, identities)))
    names = [f"{one:06}" for one in range(identities)]
    people = schema.conform(splits.people(names), schema.IDENTITIES)
    workdir.write_table(folder / "identities.parquet", people)
    for name, columns in (("rejected", schema.REJECTED), ("scan", schema.SCAN)):
        workdir.write_table(folder / f"{name}.parquet", schema.arrow_schema(columns).empty_table())
    workdir.write_json(folder / "manifest.json", _record(identities))


def _record(identities: int) -> dict[str, object]:
    record = splits.record(1)
    found = record["datasets"]
    assert isinstance(found, dict)
    about = found.pop("finegpr")
    found["renders"] = about | {
        "layout": "engine",
        "images": identities * EACH,
        "identities": identities,
        "factors": ["identity", *AXES],
        "functions": {},
    }
    levels = {name: list(known) for name, known in AXES.items()}
    counts = {"images": identities * EACH, "identities": identities, "rejected": 0}
    return record | {"levels": levels, "counts": counts}


def _images(first: int, last: int) -> pa.Table:
    """All images of the identities from `first` to `last`."""
    grid = np.indices([len(known) for known in AXES.values()]).reshape(len(AXES), -1)
    count = (last - first) * EACH
    numbers = np.arange(first * EACH, last * EACH, dtype=np.uint64)

    def coded(name: str, codes: np.ndarray) -> pa.Array:
        levels = pa.array(AXES[name])
        found = pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), levels)
        return found if pa.types.is_string(levels.type) else found.cast(pa.int32())

    def constant(text: str) -> pa.Array:
        return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int32)), [text])

    names = pa.array([f"{one:06}" for one in range(first, last)])
    person = np.repeat(np.arange(last - first, dtype=np.int32), EACH)
    columns = {
        "uid": pa.array(numbers * STEP),
        "dataset": constant("renders"),
        "path": _paths(first, last, grid),
        "identity": pa.DictionaryArray.from_arrays(pa.array(person), names),
        "format": constant("jpeg"),
        "width_px": pa.array(np.full(count, 128, np.int32)),
        "height_px": pa.array(np.full(count, 256, np.int32)),
        "size_bytes": pa.array((numbers % np.uint64(977)).astype(np.int64) + 9_000),
    }
    columns |= {
        name: coded(name, np.tile(codes, last - first))
        for name, codes in zip(AXES, grid, strict=True)
    }
    return schema.conform(pa.table(columns), schema.IMAGES)


def _paths(first: int, last: int, grid: np.ndarray) -> pa.Array:
    """`000012/c1w1l1b1.jpg`, ascending, from bytes of fixed width."""
    tails = [f"/c{c}w{w}l{i}b{b}.jpg".encode() for c, w, i, b in (grid.T + 1).tolist()]
    tail = np.frombuffer(b"".join(tails), dtype=np.uint8).reshape(EACH, -1)
    heads = "".join(f"{one:06}" for one in range(first, last)).encode()
    head = np.frombuffer(heads, dtype=np.uint8).reshape(-1, 6)
    joined = np.concatenate(
        [np.repeat(head, EACH, axis=0), np.tile(tail, (last - first, 1))], axis=1
    )
    ends = np.arange(len(joined) + 1, dtype=np.int32) * joined.shape[1]
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(np.ascontiguousarray(joined))]
    return pa.Array.from_buffers(pa.string(), len(joined), buffers)


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]))
