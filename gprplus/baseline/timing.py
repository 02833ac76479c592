"""Time measurements of the parts of a run on this machine, each in a second or two."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from gprplus import archives
from gprplus.baseline.decode import decode_resized
from gprplus.baseline.recipe import Recipe, TrainingLength
from gprplus.core.parallel import map_threads

_EMBEDDED = 256
_ENOUGH = 128  # steps beyond which a longer training is not tried
_SECONDS = 10.0  # of further steps after which one is known, however long the start takes


def training_seconds(
    recipe: Recipe, device: str, threads: int | None = None
) -> tuple[float, float]:
    """Return the seconds of the start of a training and of one of its steps, on noise: the time of a
    longer training minus a shorter one.

    The start of a training (building the network, first kernels, upload) is in both and cancels, so
    the longer one has to be much longer. Never compiled, whatever the recipe: compiling would take
    longer than the estimate is worth.
    """
    from gprplus.baseline import devices
    from gprplus.baseline.train import train

    rng = np.random.default_rng(0)
    count = recipe.batch.size
    images = rng.integers(
        0, 256, (count, recipe.input.height, recipe.input.width, 3), dtype=np.uint8
    )
    labels = np.arange(count) // recipe.batch.images
    network, compute = (
        replace(recipe.network, weights="none"),
        replace(recipe.compute, compile="no"),
    )
    recipe = replace(recipe, network=network, compute=compute)

    def timed(steps: int) -> float:
        return _clock(
            lambda: train(
                images, labels, replace(recipe, length=TrainingLength(steps=steps)), 0, device
            )
        )

    with devices.thread_limit(threads):
        timed(1)
        short = timed(1)
        more = int(min(max(1 / short, 2), 20))
        # A GPU takes forty steps in the time that its network takes to be made.
        while (whole := timed(1 + more)) < min(2 * short, short + _SECONDS) and more < _ENOUGH:
            more *= 4
        # A busy machine may take longer for the shorter one; half of the longer one's rate is then
        # the most we claim.
        step = max(whole - short, whole / 2) / more
        return max(short - step, 0.0), step


def embedding_seconds(recipe: Recipe, device: str, threads: int | None = None) -> float:
    """Seconds that one image takes to become a feature."""
    from gprplus.baseline import devices
    from gprplus.baseline.network import model
    from gprplus.baseline.network.embedding import embed_images

    images = np.zeros((_EMBEDDED, recipe.input.height, recipe.input.width, 3), dtype=np.uint8)
    network = model.build_model(replace(recipe.network, weights="none"), 2, 0, device).eval()

    def embedded() -> None:
        embed_images(network, images, recipe.compute, device).cpu()

    with devices.thread_limit(threads):
        embedded()
        return _clock(embedded) / _EMBEDDED


def packing_seconds(paths: Sequence[str], height: int, width: int) -> float:
    """Seconds that one image takes to be read, decoded and resized by all cores, from some of them;
    writing apart."""
    if not paths:
        return 0.0

    def packed() -> None:
        for _ in map_threads(partial(_decoded, height=height, width=width), paths):
            pass

    _decoded(paths[0], height, width)  # loads the decoder, which takes longer than many images
    return _clock(packed) / len(paths)


def _decoded(path: str, height: int, width: int) -> None:
    for data in archives.read_files([path]):
        if data is not None:
            decode_resized(data, height, width)


def _clock(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start
