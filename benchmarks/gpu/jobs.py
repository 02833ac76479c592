"""Several trainings at a time on one device, as `--jobs` runs them: images a second together."""

import time
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from benchmarks import loops
from benchmarks.gpu.machine import device_of
from benchmarks.gpu.part import PartContext
from benchmarks.gpu.speed import IMAGES_EACH, chunk_length, recipe_for
from gprplus.baseline import devices
from gprplus.baseline.recipe import Recipe, TrainingLength
from gprplus.baseline.train import train
from gprplus.core.parallel import map_processes

COUNTS = (1, 2, 4)
SIZES = (64, 256)  # images a step: a small one leaves more of a device to others
SECONDS = 3.0  # of each training, after its first chunk
SKEW = 4.0  # seconds between the first and the last of several jobs to start, at most
CHUNK = 8  # steps between two time stamps: four jobs of 256 images take a second or two for them
STARTING = 8.0  # seconds that a process takes until it trains


@dataclass(frozen=True)
class Job:
    """One of `count` trainings that share the device."""

    recipe: Recipe
    device: str
    count: int
    context: PartContext


def measure(context: PartContext) -> None:
    """One, two and four jobs, for a small step and a large one."""
    device = device_of(context)
    for size in (8,) if context.rehearse else SIZES:
        for count in (1,) if context.rehearse else COUNTS:
            job = Job(recipe_for(context, "fast", size), device, count, context)
            needs = 0 if context.rehearse else SECONDS + SKEW + STARTING
            context.row("jobs", partial(_together, job), needs, images_a_step=size, jobs=count)


def _together(job: Job) -> dict[str, Any]:
    logs = list(map_processes(_trained, [job] * job.count, job.count))
    start, end = max(log[0][0] for log in logs), min(log[-1][0] for log in logs)
    rates = [_rate(log, start, end) for log in logs]
    return {
        "images/s": sum(rates),
        "a job": sum(rates) / job.count,
        "all training, s": round(end - start, 2),
    }


def _rate(log: list[tuple[float, int]], start: float, end: float) -> float:
    """Images a second between the first and last chunk that ended inside the window.

    >>> _rate([(0.0, 100), (1.0, 200), (2.0, 300), (4.0, 900)], 1.0, 3.0)
    100.0
    """
    inside = [entry for entry in log if start <= entry[0] <= end]
    if len(inside) < 2:
        raise RuntimeError("the jobs did not overlap: they took too long to start")
    return (inside[-1][1] - inside[0][1]) / (inside[-1][0] - inside[0][0])


class _Enough(Exception):
    """The training has been timed for long enough."""


def _trained(job: Job) -> list[tuple[float, int]]:
    """When each chunk of a training ended, and how many images it had seen.

    Alone a training runs for SECONDS after its first chunk; with others it runs longer, since
    some of them may still be starting.
    """
    seconds = SECONDS + (SKEW if job.count > 1 else 0)
    log: list[tuple[float, int]] = []

    def note(line: dict[str, Any]) -> None:
        log.append((time.monotonic(), int(line["images"])))
        enough = len(log) > 2 if job.context.rehearse else log[-1][0] > log[0][0] + seconds
        if enough:
            raise _Enough

    recipe = replace(job.recipe, length=TrainingLength(steps=100_000))
    pixels, labels = loops.noise(recipe, 2 * recipe.batch.identities, IMAGES_EACH)
    with (
        suppress(_Enough),
        devices.device_context(job.device, job.count),
        chunk_length(job.context, CHUNK),
    ):
        train(pixels, labels, recipe, 0, job.device, log=note, jobs=job.count)
    return log
