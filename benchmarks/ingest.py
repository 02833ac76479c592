"""build-manifest against the disk: a bare loop over the same files, and the script a researcher would write.

    python -m benchmarks ingest          58,800 renders in GPR+ shape, three rounds
    python -m benchmarks.ingest 808 1    475,104 of them (808 people), one round

The tree is hard links of 48 distinct JPEGs of 200 x 470, so the cache is warm and the disk is the kernel. Clock times
on a shared machine wander; processor time (all processes of a command, start included) is the steadier figure, and
both are kept.
"""

import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from benchmarks.harness import keep, table
from gprplus.parallel import cores

PER_IDENTITY = 12 * 7 * 7
NAME = re.compile(r"(\d{4})_c(\d\d)_w(\d\d)_l(\d\d)\.jpg")


def plant(root: Path, identities: int, distinct: int = 48) -> Path:
    """A tree of hard links in GPR+ shape."""
    import cv2

    rng = np.random.default_rng(0)
    pool = root.parent / "pool"
    pool.mkdir()
    for i in range(distinct):
        small = rng.integers(0, 255, (47, 20, 3), dtype=np.uint8)
        cv2.imwrite(str(pool / f"{i}.jpg"), cv2.resize(small, (200, 470)), [cv2.IMWRITE_JPEG_QUALITY, 80])
    count = 0
    for identity in range(1, identities + 1):
        folder = root / f"{identity:04d}"
        folder.mkdir(parents=True)
        for cell in np.ndindex(12, 7, 7):
            c, w, light = (i + 1 for i in cell)
            os.link(pool / f"{count % distinct}.jpg", folder / f"{folder.name}_c{c:02d}_w{w:02d}_l{light:02d}.jpg")
            count += 1
    return root


def floor_of(folder: str) -> int:
    """scandir + fstat + 4 KB + tail, and nothing else, over one folder."""
    total = 0
    for entry in os.scandir(folder):
        file = os.open(entry.path, os.O_RDONLY)
        size = os.fstat(file).st_size
        total += len(os.read(file, 4096)) + len(os.pread(file, 2, size - 2))
        os.close(file)
    return total


def floor(root: Path) -> None:
    """The bare loop on all cores."""
    folders = [entry.path for entry in os.scandir(root)]
    with ProcessPoolExecutor(cores(), mp_context=get_context("spawn")) as pool:
        sum(pool.map(floor_of, folders, chunksize=4))


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


def measured(command: Callable[[], object]) -> tuple[float, float]:
    """(clock, processor) seconds, processes that the command started and waited for included."""
    clock, used = time.perf_counter(), _used()
    command()
    return time.perf_counter() - clock, _used() - used


def _used() -> float:
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


def run(*arguments: str) -> Callable[[], object]:
    """A Python process of its own, from start to end."""
    return lambda: subprocess.run(
        [sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def main(identities: int = 100, repeats: int = 3) -> None:
    """Measure and keep."""
    files = identities * PER_IDENTITY
    with tempfile.TemporaryDirectory() as scratch:
        root, output = plant(Path(scratch) / "renders", identities), str(Path(scratch) / "manifest")
        build = ("-m", "gprplus", "build-manifest", str(root), "-o", output)
        here = "import sys; from pathlib import Path; from benchmarks import ingest; "
        measured(run("-c", f"{here}ingest.floor(Path(sys.argv[1]))", str(root)))  # warms the cache; not counted
        found = {
            "bare loop: scandir + fstat + 4 KB + tail, all cores": run(
                "-c", f"{here}ingest.floor(Path(sys.argv[1]))", str(root)
            ),
            "`build-manifest --verify header`": run(*build, "--force"),
            "bare loop: scandir + stat, one core": run("-c", f"{here}ingest.stats(Path(sys.argv[1]))", str(root)),
            "`build-manifest` again, nothing changed": run(*build),
            "pandas + Pillow script": run(
                "-c", f"{here}ingest.script(Path(sys.argv[1]), Path(sys.argv[2]))", str(root), f"{scratch}/s"
            ),
        }
        # Interleaved rounds and the least of each: what other work on the machine adds is never less than nothing.
        rounds = [{name: measured(command) for name, command in found.items()} for _ in range(repeats)]
    least = {name: tuple(min(one[name][i] for one in rounds) for i in range(2)) for name in found}
    bare, header, looked, again, pandas = least.values()
    rows = [[name, f"{clock:.2f}", f"{used:.2f}", f"{used / files * 1e6:.1f}"] for name, (clock, used) in least.items()]
    body = table(["command, process start included", "clock s", "processor s", "processor us a file"], rows)
    ratios = [
        ["header build / bare loop", *_ratio(header, bare), "at most 2"],
        ["unchanged rebuild / scandir + stat", *_ratio(again, looked), "at most 1.5"],
        ["pandas + Pillow / header build", *_ratio(pandas, header), "at least 4"],
    ]
    body += "\n\n" + table(["ratio", "clock", "processor", "aim (at 475,104 files)"], ratios)
    keep("ingest", f"Ingest of {files:,} renders", body, f"python -m benchmarks.ingest {identities} {repeats}")


def _ratio(one: tuple[float, ...], other: tuple[float, ...]) -> list[str]:
    return [f"{a / b:.2f}" for a, b in zip(one, other, strict=True)]


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
