"""How long a step takes on this machine, measured in a second or two."""

import time
from dataclasses import replace

import numpy as np

from gprplus.baseline.recipe import Length, Recipe


def seconds_a_step(recipe: Recipe, device: str, threads: int | None = None) -> float:
    """Seconds of one training step of the recipe, from a few steps on noise after one that is not counted."""
    from gprplus.baseline import devices
    from gprplus.baseline.train import train

    rng = np.random.default_rng(0)
    count = recipe.batch.size
    images = rng.integers(0, 256, (count, recipe.input.height, recipe.input.width, 3), dtype=np.uint8)
    labels = np.arange(count) // recipe.batch.images
    network = replace(recipe.network, weights="none")

    def timed(steps: int) -> float:
        start = time.perf_counter()
        train(images, labels, replace(recipe, length=Length(steps=steps), network=network), 0, device)
        return (time.perf_counter() - start) / steps

    with devices.threads(threads):
        timed(1)
        return timed(int(min(max(1 / timed(1), 2), 20)))
