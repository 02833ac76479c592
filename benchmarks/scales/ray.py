"""`--on ray` against local processes on the same cores: items of the executor alone, and trainings
of a benchmark."""

import logging
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.harness import environment
from gprplus import benchmark, build_manifest, make_split, render
from gprplus.core.executors.in_use import run_on
from gprplus.core.imaging.images import decode_image, encode_jpeg
from gprplus.core.parallel import map_processes

CORES = 2
ITEMS = 60  # so many images decoded in each
IMAGES = 1_500
ROUNDS = 3
SEEDS = 1
RECIPE = """
title = "Ten seconds"
seeds = 1
[length]
steps = 250
[input]
height = 64
width = 32
[network]
backbone = "small"
[batch]
identities = 8
images = 4
[compute]
precision = "float32"
"""


def measure() -> str:
    """Time both kinds of work here and on a cluster of this machine, in turn."""
    import ray

    with tempfile.TemporaryDirectory() as name, environment(OMP_NUM_THREADS="1"):
        folder = Path(name)
        _make_split(folder)
        start = time.perf_counter()
        ray.init(num_cpus=CORES, include_dashboard=False, logging_level=logging.ERROR)
        try:
            started = time.perf_counter() - start
            items = in_turn(lambda place: _decode_items())
            trainings = in_turn(lambda place: _train(folder, place))
        finally:
            ray.shutdown()
    rows = [_row(f"{ITEMS} items of {IMAGES:,} decoded images", *items)]
    rows.append(_row(f"a benchmark of {8 * SEEDS} trainings and {2 * SEEDS} floors", *trainings))
    return (
        f"The same work on {CORES} cores by local processes and by tasks of Ray, in turn, {ROUNDS}"
        " rounds: medians, and the median of the rounds' ratios.\n\n"
        "| work | local (s) | ray (s) | ray / local |\n| --- | --- | --- | --- |\n"
        + "\n".join(rows)
        + f"\n\nTo start a cluster on this machine takes another {started:.1f} s, once a command; a"
        " cluster that runs already is joined."
    )


def in_turn(work: Callable[[str], object]) -> tuple[list[float], list[float]]:
    """Seconds of each round on local processes and on Ray; the order changes from round to
    round."""
    found: dict[str, list[float]] = {"local": [], "ray": []}
    for number in range(ROUNDS):
        for place in sorted(found, reverse=bool(number % 2)):
            with run_on(place):
                start = time.perf_counter()
                work(f"{place}{number}")
                found[place].append(time.perf_counter() - start)
    return found["local"], found["ray"]


def _row(work: str, local: list[float], ray: list[float]) -> str:
    ratio = median(other / one for one, other in zip(local, ray, strict=True))
    return f"| {work} | {median(local):.1f} | {median(ray):.1f} | {ratio:.2f} |"


def _decode_items() -> None:
    for _ in map_processes(decode_one_item, range(ITEMS), CORES):
        pass


def decode_one_item(seed: int) -> int:
    """Encode an image of noise and decode it again and again; returns the number of pixels."""
    noise = np.random.default_rng(seed).integers(0, 255, (256, 128, 3), dtype=np.uint8)
    data = encode_jpeg(noise)
    return sum(_pixels(data) for _ in range(IMAGES))


def _pixels(data: bytes) -> int:
    image = decode_image(data)
    assert image is not None
    return image.size


def _make_split(folder: Path) -> None:
    """A manifest of 16 drawn identities, a split of two weathers and a recipe."""
    render(folder / "renders", identities=16, weathers=("sunny", "foggy"))
    build_manifest(folder / "renders", folder / "manifest")
    make_split(folder / "manifest", "weather", output=folder / "split", cross_level_tests=False)
    (folder / "short.toml").write_text(RECIPE)


def _train(folder: Path, name: str) -> None:
    benchmark(
        folder / "split",
        folder / name / "runs",
        recipe=folder / "short.toml",
        seeds=SEEDS,
        device="cpu",
        jobs=CORES,
    )
