"""build-manifest --checks against a bare half-size decode and cleanvision; look-alikes and judging
at two million.

    python -m benchmarks checks          588 renders of 200 x 470, five rounds

Processor seconds of one process, the least of interleaved rounds: clock times on a shared machine
wander. Memory is the peak of a process that does nothing else. `python -m benchmarks.checks JOB
FOLDER` is such a process.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.harness import keep, processor_seconds, table
from benchmarks.ratios import Ratio

HASHES = 2_000_000
RENDERED = "49 cells a scene"  # hashes as of renders
ROUNDS = 5
SCORES = {
    "dark": "dark_score",
    "light": "light_score",
    "information": "low_information_score",
    "sharpness": "blurry_score",
}


def looking(home: Path) -> str:
    """What a look costs, beside the decode that it cannot do without and beside cleanvision."""
    root = home / "renders"
    bare, measured, paths = measurement(root)
    few = paths[::8]
    jobs: dict[str, tuple[int, Callable[[], object]]] = {
        "bare read and half-size grey decode": (len(paths), bare),
        "one look: everything the checks measure": (len(paths), measured),
        "cleanvision find_issues": (len(few), lambda: theirs(root, few)),
    }
    least = dict.fromkeys(jobs, float("inf"))
    for _ in range(ROUNDS):
        for name, (count, job) in jobs.items():
            least[name] = min(least[name], processor_seconds(job) / count)
    floor = next(iter(least.values()))
    rows = [[name, f"{1 / each:,.0f}", f"{each / floor:.2f}"] for name, each in least.items()]
    return table(["one processor core", "images/s", "times the bare decode"], rows)


def measurement(root: Path) -> tuple[Callable[[], object], Callable[[], object], list[str]]:
    """A bare decode of all renders, the measurements that the checks take, and the paths."""
    import cv2

    from gprplus.core.imaging.images import decode_half_grey
    from gprplus.ingest.checks.measure import measure_files

    cv2.setNumThreads(1)
    paths = sorted(str(path.relative_to(root)) for path in root.rglob("*.jpg"))

    def bare() -> None:
        for path in paths:
            decode_half_grey((root / path).read_bytes())

    return bare, lambda: measure_files(root, paths), paths


def ratios(scratch: Path, count: int = 200_000) -> list[Ratio]:
    """Measurements of renders over a bare decode, and look-alikes over one sort of the hashes."""
    from benchmarks.ingest import plant
    from gprplus.ingest.checks.hamming import nearest_hashes

    bare, measured, _ = measurement(plant(scratch / "renders", 1))
    populations(scratch, count)
    hashes = np.load(scratch / f"{RENDERED}.npy")
    unsorted = np.random.default_rng(0).permutation(hashes)
    return [
        Ratio("checks: measure a render / decode it", measured, bare),
        Ratio(
            "checks: look-alikes / stable sort of hashes",
            lambda: nearest_hashes(hashes, 4),
            lambda: np.sort(unsorted, kind="stable"),
        ),
    ]


def theirs(root: Path, paths: list[str]) -> "object":
    """cleanvision's own scores of the same files, in one process."""
    from cleanvision import Imagelab

    lab = Imagelab(filepaths=[str(root / path) for path in paths])
    lab.find_issues(n_jobs=1, verbose=False)
    return lab.issues


def agreement(home: Path) -> str:
    """Spearman's rank correlation of our scores with cleanvision's, over the same renders, ties
    averaged."""
    import pandas as pd

    from gprplus.ingest import build_manifest

    root = home / "renders"
    manifest = build_manifest([root], home / "manifest", checks=["all"])
    ours = (
        manifest.images(["path", *(f"{name}_score" for name in SCORES)])
        .to_pandas()
        .set_index("path")
    )
    found = theirs(root, list(ours.index))
    assert isinstance(found, pd.DataFrame)
    rows: list[list[object]] = []
    for name, other in SCORES.items():
        both = pd.DataFrame(
            {"ours": ours[f"{name}_score"].to_numpy(), "theirs": found[other].to_numpy()}
        )
        rows.append([name, other, f"{float(both.rank().corr().to_numpy()[0, 1]):.3f}"])
    return table(["check", "of cleanvision", "rank correlation"], rows)


def populations(folder: Path, count: int = HASHES) -> list[str]:
    """Hashes as of unrelated images; as of renders in 49 cells each; and with half of them nearly
    black."""
    rng = np.random.default_rng(1)
    apart = rng.integers(0, 2**64, count, dtype=np.uint64)
    crossed = np.repeat(rng.integers(0, 2**64, count // 49 + 1, dtype=np.uint64), 49)[:count]
    dark = np.where(np.arange(count) % 2, apart, np.uint64(0))
    for _ in range(4):
        flip = np.uint64(1) << rng.integers(0, 64, count).astype(np.uint64)
        crossed, dark = (
            crossed ^ flip,
            dark ^ np.where(dark < 2**24, flip & np.uint64(2**24 - 1), np.uint64(0)),
        )
    found = {"unrelated": apart, RENDERED: crossed, "half of them dark": dark}
    for name, hashes in found.items():
        np.save(folder / f"{name}.npy", np.unique(hashes))
    return list(found)


def search(path: Path) -> dict[str, float]:
    """Find the nearest within 4 bits of every hash in a file, and say what that took."""
    from gprplus.ingest.checks.hamming import nearest_hashes

    hashes = np.load(path)
    start, cpu = time.perf_counter(), time.process_time()
    found = nearest_hashes(hashes, 4)
    return _took(start, cpu) | {"distinct": len(hashes), "share": float(np.mean(found <= 4))}


def rows_and_looks(folder: Path) -> None:
    """A manifest in FineGPR's shape whose images have all been looked at: 2,028,600 rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from benchmarks import splits
    from gprplus.core.files.workdir import write_table
    from gprplus.ingest.checks.cache import MeasurementKeys, table_of
    from gprplus.ingest.checks.measure import ImageMeasurements
    from gprplus.schema import SCAN, conform

    splits.write(folder)
    images = pq.read_table(folder / "images.parquet")
    rng, count = np.random.default_rng(0), images.num_rows
    scan = pa.table({name: images[name] for name in ("dataset", "path", "size_bytes")})
    scan = conform(scan.append_column("mtime_ns", pa.array(np.arange(count))), SCAN)
    write_table(folder / "scan.parquet", scan)
    looks = ImageMeasurements.empty(count)
    looks.content[:] = rng.integers(0, 256, looks.content.shape, dtype=np.uint8)
    looks.thumbnail[:] = rng.integers(0, 256, looks.thumbnail.shape, dtype=np.uint8)
    looks.decoded[:] = True
    looks.dhash[:] = rng.integers(0, 2**64, count, dtype=np.uint64)
    looks.measures[:] = rng.random(looks.measures.shape)
    write_table(folder / "looks.parquet", table_of(MeasurementKeys.of(images, scan), looks))


def judge(folder: Path) -> dict[str, float]:
    """Judge two million rows by all checks from looks that are remembered, as a build with another
    check does."""
    from gprplus.ingest import Manifest
    from gprplus.ingest.checks import measure
    from gprplus.ingest.checks.run_checks import run_checks
    from gprplus.schema.check_columns import CHECKS
    from gprplus.schema.manifest_record import ChecksRecord

    start, cpu = time.perf_counter(), time.process_time()
    old = Manifest.open(folder)
    checks = ChecksRecord(names=[], settings={}, look=measure.VERSION, columns=[])
    old = replace(old, record=replace(old.record, checks=checks))
    run_checks(list(CHECKS), old.images(), old.scan(), {"finegpr": folder}, old=old)
    return _took(start, cpu)


def _took(start: float, cpu: float) -> dict[str, float]:
    lines = Path("/proc/self/status").read_text().splitlines()
    peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    return {
        "clock": time.perf_counter() - start,
        "cpu": time.process_time() - cpu,
        "peak": peak / 1024,
    }


def alone(job: str, place: Path) -> dict[str, float]:
    """What a job says of itself, run in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.checks", job, str(place)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def main() -> None:
    """Measure and keep."""
    from gprplus.engine import render

    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        render(home / "renders", identities=4, viewpoints=3, weathers="all", illuminations="all")
        body = looking(home)
        body += f"\n\nThe order of the scores of the same renders:\n\n{agreement(home)}"
        rows: list[list[object]] = []
        for name in populations(home):
            told = alone("search", home / f"{name}.npy")
            figures = [f"{told['distinct']:,}", f"{told['share']:.0%}"]
            rows.append(
                [
                    name,
                    *figures,
                    *(f"{told[key]:.1f}" for key in ("clock", "cpu")),
                    f"{told['peak']:,.0f}",
                ]
            )
        body += (
            f"\n\nThe nearest within 4 bits of each of {HASHES:,} hashes, exactly, by one"
            " process:\n\n"
        )
        heads = ["clock s", "processor s", "peak MiB"]
        body += table(["hashes", "distinct", "with a look-alike", *heads], rows)
        alone("rows_and_looks", home / "many")
        told = alone("judge", home / "many")
        body += (
            "\n\nAll twelve checks of 2,028,600 rows whose looks are remembered (reading them"
            " included):\n\n"
        )
        body += table(
            heads, [[f"{told['clock']:.1f}", f"{told['cpu']:.1f}", f"{told['peak']:,.0f}"]]
        )
    body += f"\n\nLoad average meanwhile: {os.getloadavg()[1]:.1f}."
    keep("checks", "Checks of images", body)


JOBS = {"search": search, "rows_and_looks": rows_and_looks, "judge": judge}

if __name__ == "__main__":
    print(json.dumps(JOBS[sys.argv[1]](Path(sys.argv[2])) or {}))
