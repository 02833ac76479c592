"""What a training takes of main memory beside the files it reads: pages of its own, not those
mapped from the store."""

import json
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import harness
from benchmarks.ratios import Ratio, returned
from gprplus.baseline import devices, image_store, loader
from gprplus.baseline.recipe import ComputeSettings, Recipe, TrainingLength
from gprplus.baseline.train import train

IMAGES, HEIGHT, WIDTH, STEPS = 20_000, 256, 128, 24
CASES = {
    "read into one array first": (True, 0.5),
    "from the store, laid in memory": (False, 0.5),
    "from the store, streamed": (False, 0.0),
}


def main() -> None:
    """Measure every case in a process of its own, and keep."""
    with tempfile.TemporaryDirectory() as scratch:
        _packed(Path(scratch))
        rows = []
        for case in CASES:
            found = _alone(case, Path(scratch))
            rows.append([case, f"{found['peak'] / 1e6:,.0f}", f"{found['seconds']:.1f}"])
    size = IMAGES * HEIGHT * WIDTH
    body = (
        f"{STEPS} steps of 64 of {IMAGES:,} images of {HEIGHT} x {WIDTH} ({3 * size / 1e6:,.0f} MB"
        f" packed, {4 * size / 1e6:,.0f} MB as words) on a processor, by the network `small`:"
        " anonymous memory (RssAnon) at its most, less that before the training.\n\n"
        + harness.table(["images", "MB", "processor seconds"], rows)
    )
    harness.keep("memory", "Main memory that a training takes", body)


def ratios(scratch: Path, images: int = 6_000, steps: int = 2) -> list[Ratio]:
    """Memory of a training from the store, laid in memory, over one from an array.

    The small peak of a streamed training varies by a third from call to call at this size.
    """
    _packed(scratch, images)
    array, laid, _ = (
        lambda case=case: _alone(case, scratch, images, steps)["peak"] for case in CASES
    )
    return [
        Ratio("memory: store in memory / one array", laid, array, returned, rounds=2, warm=False)
    ]


def _alone(case: str, folder: Path, images: int = IMAGES, steps: int = STEPS) -> dict[str, float]:
    """The figures of a case, measured in a new process."""
    given = [case, str(folder), str(images), str(steps)]
    command = [sys.executable, "-m", "benchmarks.memory", *given]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def _packed(folder: Path, images: int = IMAGES) -> None:
    """A store of noise, in parts of the size that packing writes."""
    rng, per_part = np.random.default_rng(0), image_store.PART_BYTES // (HEIGHT * WIDTH * 3)
    keys = np.arange(images, dtype=np.uint64)
    for start in range(0, images, per_part):
        part = keys[start : start + per_part]
        pixels = rng.integers(0, 256, (len(part), HEIGHT, WIDTH, 3), dtype=np.uint8)
        job = image_store._Part(folder / f"{HEIGHT}x{WIDTH}", HEIGHT, WIDTH, [], part)
        image_store._write(job, pixels)


def _measured(case: str, folder: Path, images: int, steps: int) -> dict[str, float]:
    as_array, loader.RESIDENT_SHARE = CASES[case]
    uids = np.arange(images, dtype=np.uint64)
    pack = image_store.ImageStore(folder / f"{HEIGHT}x{WIDTH}", HEIGHT, WIDTH, uids, uids)
    labels = np.random.default_rng(0).integers(0, 200, images)
    recipe = Recipe.read("smoke")
    recipe = replace(
        recipe, length=TrainingLength(steps=steps), compute=ComputeSettings(precision="float32")
    )
    with devices.thread_limit(1):
        # What torch keeps from its first steps is there already.
        train(
            pack.images(uids[:256]),
            np.arange(256) // 4,
            replace(recipe, length=TrainingLength(steps=2)),
            0,
            "cpu",
        )
        with _most() as found:
            pixels: Any = pack.images(uids)
            train(pixels[:] if as_array else pixels, labels, recipe, 0, "cpu")
    return found


@contextmanager
def _most() -> Any:
    """Inside, anonymous memory is looked at every few milliseconds; gives its peak above the start,
    and seconds."""
    found, over = {"peak": 0.0, "seconds": 0.0}, threading.Event()
    start, before = time.process_time(), _anonymous()

    def look() -> None:
        while not over.wait(0.005):
            found["peak"] = max(found["peak"], _anonymous() - before)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield found
    finally:
        over.set()
        looking.join()
        found["seconds"] = time.process_time() - start


def _anonymous() -> float:
    """Bytes of this process's own pages."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) * 1024


if __name__ == "__main__":
    case, folder, *counts = sys.argv[1:]
    print(json.dumps(_measured(case, Path(folder), *map(int, counts))))
