"""build-manifest against the disk: a bare loop over the same files, and the script a researcher
would write.

    python -m benchmarks ingest               58,800 renders in GPR+ shape, three rounds
    python -m benchmarks.ingest 808 3 3450    475,104 of them (808 people); memory with 3,450 people, 2,028,600 files

The tree is hard links of 48 distinct JPEGs of 200 x 470, so the cache is warm and the disk is the
kernel. Clock times on a shared machine wander; processor time (all processes of a command, start
included) is the steadier figure, and both are kept. What the bytes of files cost, and a cold disk,
is the matter of ingest_bytes.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import product
from multiprocessing import get_context
from pathlib import Path

from benchmarks.harness import keep, processor_clock, table
from benchmarks.ratios import Ratio
from gprplus.core.parallel import available_cores

PER_IDENTITY = 12 * 7 * 7
NAME = re.compile(r"(\d{4})_c(\d\d)_w(\d\d)_l(\d\d)\.jpg")
Used = tuple[float, float]  # clock and processor seconds

EXPECTED = """What was expected to move. A header build of 475,104 files took 6.8 s of processor time on two cores,
the bare loop 2.1 s: 2.8 s to open the files, 0.9 for names, keys and token columns, 0.7 for imports, 0.6 for a
count of all names after every batch, 0.4 to list them, 0.3 for Arrow columns, 0.2 to write Parquet, 0.1 for the
fingerprint. Expected of a build: one call a folder to open files (-0.5 s), one count of names (-0.6 s), no pandas
(-0.3 s), and by the clock pyarrow imported while the workers start (-0.3 s) and tables written while rows are
fingerprinted (-0.1 s): from 3.2 to 2.2 times the processor time of the bare loop. Expected of an added identity,
1.9 s of processor time beyond an unchanged rebuild: no pandas (-0.3 s), paths compared row by row in place of
look-ups in tables of all paths (-0.3 s), no second sort of sorted rows (-0.1 s): 1.2 s."""

REASONS = """Where the time goes (parts by the clock). Of a header build of 2.6 s, 0.15 s is the start, 0.35 the list
of files and the layout on one core, 1.7 the reading of headers and names on both (the whole bare loop takes 1.35),
0.25 the decoding of the table, the fingerprint and the writing, and 0.05 the summary. Reading keeps both cores busy:
the calls of the bare loop are two thirds of it, names, keys and columns a quarter, and the import of pyarrow the
rest. Workers that start while the files are listed saved nothing, and Parquet written by the workers would not pay:
pyarrow cannot join encoded row groups to one file, and its import takes 0.2 s in each worker. Of the 0.54 s that an
added identity takes beyond an unchanged rebuild, 0.2 is imports, 0.1 the comparison of the list with that of the
earlier build, 0.1 reading the old rows and joining them with the new ones, and 0.1 the fingerprint of all rows and
the writing, side by side. A folder of Parquet parts would save a part of the last 0.1 s alone, because the
fingerprint is over whole columns and needs every row; so images.parquet stays one file. No file of the others is
opened.

On a machine with other work, as here, processor time is the steadier of the two columns."""


def plant(root: Path, identities: int, distinct: int = 48, *, own: bool = False) -> Path:
    """A tree in GPR+ shape, of hard links; with `own`, of copies, an inode a file."""
    import cv2
    import numpy as np

    rng = np.random.default_rng(0)
    pool = root.parent / "pool"
    pool.mkdir(exist_ok=True)
    for i in range(distinct):
        small = rng.integers(0, 255, (47, 20, 3), dtype=np.uint8)
        cv2.imwrite(
            str(pool / f"{i}.jpg"), cv2.resize(small, (200, 470)), [cv2.IMWRITE_JPEG_QUALITY, 80]
        )
    for identity in range(1, identities + 1):
        add(root, identity, distinct, own=own)
    return root


def add(root: Path, identity: int, distinct: int = 48, *, own: bool = False) -> Path:
    """One more identity, from the pool beside the tree."""
    folder = root / f"{identity:04d}"
    folder.mkdir(parents=True)
    put = shutil.copyfile if own else os.link
    for count, cell in enumerate(
        product(range(12), range(7), range(7)), start=identity * PER_IDENTITY
    ):
        c, w, light = (i + 1 for i in cell)
        put(
            root.parent / "pool" / f"{count % distinct}.jpg",
            folder / f"{folder.name}_c{c:02d}_w{w:02d}_l{light:02d}.jpg",
        )
    return folder


def floor_of(folder: str) -> int:
    """scandir + fstat + 4 KB + tail, and nothing else, over one folder."""
    total = 0
    for entry in os.scandir(folder):
        file = os.open(entry.path, os.O_RDONLY)
        size = os.fstat(file).st_size
        total += len(os.read(file, 4096)) + len(os.pread(file, 2, size - 2))
        os.close(file)
    return total


def one_reader(root: Path) -> None:
    """The bare loop of a header build in this process alone."""
    for entry in os.scandir(root):
        floor_of(entry.path)


def floor(root: Path) -> None:
    """The bare loop on all cores."""
    on_all_cores(floor_of, root)


def on_all_cores(function: Callable[[str], int], root: Path) -> int:
    """The sum of a function of each folder below a root."""
    folders = [entry.path for entry in os.scandir(root)]
    with ProcessPoolExecutor(available_cores(), mp_context=get_context("spawn")) as pool:
        return sum(pool.map(function, folders, chunksize=4))


def stats(root: Path) -> None:
    """scandir + stat, and nothing else: what an unchanged rebuild cannot do without."""
    for folder in os.scandir(root):
        for entry in os.scandir(folder.path):
            entry.stat()


def script(root: Path, output: Path) -> None:
    """What one writes with pandas and Pillow: a row an image with its size, to Parquet."""
    import pandas as pd
    from PIL import Image

    rows = []
    for path in root.glob("*/*.jpg"):
        found = NAME.fullmatch(path.name)
        if found:
            with Image.open(path) as image:
                rows.append((str(path), *map(int, found.groups()), *image.size))
    columns = ["path", "identity", "camera", "weather", "illumination", "width", "height"]
    pd.DataFrame(rows, columns=columns).to_parquet(output)


def measured(command: Callable[[], object]) -> Used:
    """(clock, processor) seconds, processes that the command started and waited for included."""
    clock, used = time.perf_counter(), processor_clock()
    command()
    return time.perf_counter() - clock, processor_clock() - used


def run(*arguments: str) -> Callable[[], object]:
    """A Python process of its own, from start to end."""
    return lambda: subprocess.run(
        [sys.executable, *arguments],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def calling(code: str, *arguments: object) -> Callable[[], object]:
    """A Python process for a line about a module of benchmarks; `given` are the arguments, as
    paths."""
    start = (
        f"import sys; from pathlib import Path; from benchmarks import {code.partition('.')[0]}; "
    )
    return run("-c", f"{start}given = [*map(Path, sys.argv[1:])]; {code}", *map(str, arguments))


def build(root: Path, output: Path, *more: str) -> Callable[[], object]:
    """`gprplus build-manifest` as a process."""
    return run("-m", "gprplus", "build-manifest", str(root), "-o", str(output), *more)


def least(found: dict[str, Callable[[], object]], repeats: int) -> dict[str, Used]:
    """Interleaved rounds and the least of each: what other work on the machine adds is never less
    than nothing."""
    rounds = [{name: measured(command) for name, command in found.items()} for _ in range(repeats)]
    return {
        name: (min(one[name][0] for one in rounds), min(one[name][1] for one in rounds))
        for name in found
    }


def times_table(times: dict[str, Used], files: int) -> str:
    """Clock and processor seconds of each command."""
    rows = [
        [name, f"{clock:.2f}", f"{used:.2f}", f"{used / files * 1e6:.1f}"]
        for name, (clock, used) in times.items()
    ]
    return table(
        ["command, process start included", "clock s", "processor s", "processor us a file"], rows
    )


def ratio(one: Used, other: Used) -> list[str]:
    """Clock and processor seconds, one over the other."""
    return [f"{a / b:.2f}" for a, b in zip(one, other, strict=True)]


def peak(command: list[str]) -> float:
    """Most memory of any process of a command, in MiB, by GNU time's count; the parent is the
    greatest here."""
    code = (
        "import resource,subprocess,sys;"
        " subprocess.run(sys.argv[1:],check=True,capture_output=True); "
    )
    code += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    return (
        int(
            subprocess.run(
                [sys.executable, "-c", code, *command], check=True, capture_output=True
            ).stdout
        )
        / 1024
    )


def ratios(scratch: Path, identities: int = 30) -> list[Ratio]:
    """Builds over bare loops, all in this process: the start of processes would hide the rest."""
    from gprplus.ingest import build_manifest

    root, output = plant(scratch / "renders", identities), scratch / "manifest"
    return [
        Ratio(
            "ingest: header build / bare loop",
            lambda: build_manifest([root], output, workers=1, force=True),
            lambda: one_reader(root),
        ),
        Ratio(
            "ingest: unchanged rebuild / scandir + stat",
            lambda: build_manifest([root], output, workers=1),
            lambda: stats(root),
        ),
    ]


def _times(scratch: Path, identities: int, repeats: int) -> str:
    root, output = plant(scratch / "renders", identities), scratch / "manifest"
    files = identities * PER_IDENTITY
    newcomers = iter(range(identities + 1, identities + 1 + 2 * repeats))
    came: list[Path] = []
    calling("ingest.floor(given[0])", root)()  # warms the cache; not counted
    found = {
        "bare loop: scandir + fstat + 4 KB + tail, all cores": calling(
            "ingest.floor(given[0])", root
        ),
        "`build-manifest --verify header`": build(root, output, "--force"),
        "bare loop: scandir + stat, one core": calling("ingest.stats(given[0])", root),
        "`build-manifest` again, nothing changed": build(root, output),
        "pandas + Pillow script": calling("ingest.script(*given)", root, scratch / "s"),
    }
    one = "`build-manifest`, one identity (588 files) added"
    bare = "bare loop over that identity alone, in a process of its own"
    rounds = []
    for _ in range(repeats):
        rounds.append({name: measured(command) for name, command in found.items()})
        came.append(add(root, next(newcomers)))
        rounds[-1] |= {
            one: measured(build(root, output)),
            bare: measured(calling("ingest.floor_of(given[0])", came[-1])),
        }
        shutil.rmtree(came[-1])  # and the next round builds all of it again
    times = {
        name: (min(r[name][0] for r in rounds), min(r[name][1] for r in rounds))
        for name in rounds[0]
    }
    loop, header, looked, again, pandas, added, alone = times.values()
    beyond = (added[0] - again[0], added[1] - again[1])
    ratios = [
        ["header build / bare loop", *ratio(header, loop), "at most 2"],
        ["unchanged rebuild / scandir + stat", *ratio(again, looked), "at most 1.5"],
        ["pandas + Pillow / header build", *ratio(pandas, header), "at least 4"],
        [
            "one identity, beyond an unchanged rebuild / bare loop over it",
            *ratio(beyond, alone),
            "one identity",
        ],
    ]
    return (
        times_table(times, files)
        + "\n\n"
        + table(["ratio", "clock", "processor", "aim (at 475,104 files)"], ratios)
    )


def _memory(scratch: Path, identities: int) -> str:
    root, output = plant(scratch / "renders", identities), scratch / "manifest"
    command = [sys.executable, "-m", "gprplus", "build-manifest", str(root), "-o", str(output)]
    rows = [
        ["header, from nothing", f"{peak(command):.0f}"],
        ["again, nothing changed", f"{peak(command):.0f}"],
    ]
    add(root, identities + 1)
    rows.append(["one identity added", f"{peak(command):.0f}"])
    return table(
        [f"build of {identities * PER_IDENTITY:,} files", "peak memory, MiB (aim: under 1,024)"],
        rows,
    )


def main(identities: int = 100, repeats: int = 3, memory_identities: int = 0) -> None:
    """Measure and keep."""
    parts = [EXPECTED]
    for part in (
        partial(_times, identities=identities, repeats=repeats),
        partial(_memory, identities=memory_identities),
    ):
        if part.keywords["identities"]:
            with tempfile.TemporaryDirectory() as scratch:
                parts.append(part(Path(scratch)))
    given = f"{identities} {repeats}" + (f" {memory_identities}" if memory_identities else "")
    title = f"Ingest of {identities * PER_IDENTITY:,} renders"
    keep("ingest", title, "\n\n".join([*parts, REASONS]), f"python -m benchmarks.ingest {given}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
