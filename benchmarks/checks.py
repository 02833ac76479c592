"""build-manifest --checks against a bare half-size decode and cleanvision; look-alikes among two million hashes.

    python -m benchmarks checks          588 distinct renders of 200 x 470, three rounds

Processor seconds of one process, the least of interleaved rounds: clock times on a shared machine wander.
"""

import os
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from benchmarks.harness import keep, table
from gprplus.images import decode_half_grey
from gprplus.ingest.checks.hamming import nearest
from gprplus.ingest.checks.look import look_at_files

HASHES = 2_000_000
ROUNDS = 3


def plant(root: Path, images: int) -> list[str]:
    """Distinct JPEGs of about 17 kB."""
    rng = np.random.default_rng(0)
    for i in range(images):
        small = rng.integers(0, 255, (47, 20, 3), dtype=np.uint8)
        cv2.imwrite(str(root / f"{i:04d}.jpg"), cv2.resize(small, (200, 470)), [cv2.IMWRITE_JPEG_QUALITY, 80])
    return sorted(os.listdir(root))


def used(function: Callable[[], object]) -> float:
    """Processor seconds of this process."""
    start = time.process_time()
    function()
    return time.process_time() - start


def theirs(root: Path, paths: list[str]) -> None:
    """cleanvision's own scores of the same files, in one process."""
    from cleanvision import Imagelab

    Imagelab(filepaths=[str(root / path) for path in paths]).find_issues(n_jobs=1, verbose=False)


def populations(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Hashes as of unrelated images; as of renders in 49 cells each; and with half of them nearly black."""
    apart = rng.integers(0, 2**64, HASHES, dtype=np.uint64)
    crossed = np.repeat(rng.integers(0, 2**64, HASHES // 49 + 1, dtype=np.uint64), 49)[:HASHES]
    dark = np.where(np.arange(HASHES) % 2, apart, np.uint64(0))
    for _ in range(4):
        flip = np.uint64(1) << rng.integers(0, 64, HASHES).astype(np.uint64)
        crossed, dark = crossed ^ flip, dark ^ np.where(dark < 2**24, flip & np.uint64(2**24 - 1), np.uint64(0))
    return {"unrelated": apart, "49 cells a scene": crossed, "half of them dark": dark}


def main(images: int = 588) -> None:
    """Measure and keep."""
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        paths = plant(root, images)
        few = paths[: images // 4]
        bare = lambda: [decode_half_grey((root / path).read_bytes()) for path in paths]  # noqa: E731
        rounds = [
            (used(bare), used(lambda: look_at_files(root, paths)), used(lambda: theirs(root, few)))
            for _ in range(ROUNDS)
        ]
    floor, look, other = (min(one[i] for one in rounds) for i in range(3))
    rates = [images / floor, images / look, len(few) / other]
    names = [
        "bare read and half-size grey decode",
        "one look: everything the checks measure",
        "cleanvision find_issues",
    ]
    rows = [[name, f"{rate:,.0f}", f"{rates[0] / rate:.2f}"] for name, rate in zip(names, rates, strict=True)]
    body = table(["one processor core", "images/s", "times the bare decode"], rows)
    lines: list[list[object]] = []
    for name, hashes in populations(np.random.default_rng(1)).items():
        tracemalloc.start()
        clock = time.perf_counter()
        distinct = np.unique(hashes)
        found = nearest(distinct, 4)
        clock, peak = time.perf_counter() - clock, tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        lines.append([name, f"{len(distinct):,}", f"{np.mean(found <= 4):.0%}", f"{clock:.1f}", f"{peak / 2**20:,.0f}"])
    body += f"\n\nThe nearest within 4 bits of each of {HASHES:,} hashes, exactly:\n\n"
    body += table(["hashes", "distinct", "with a look-alike", "clock s", "peak MiB"], lines)
    keep("checks", "Checks of images", body)


if __name__ == "__main__":
    main()
