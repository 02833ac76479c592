"""The number type of trainings on a processor, chosen by a short trial of both types.

A processor may multiply bfloat16 several times faster than float32 (AMX), or only emulate it. Some
kernels also give NaN in bfloat16 for some shapes and thread counts. A trial of the recipe's own
network, at its own input size, finds both.
"""

import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch

from gprplus.baseline import augment, devices
from gprplus.baseline.distributed import ProcessGroup
from gprplus.baseline.gradients import accumulate_gradients
from gprplus.baseline.network import model
from gprplus.baseline.recipe import Recipe
from gprplus.schema.run_record import Precision

_TRIAL_SECONDS = 0.5  # of steps, of both types together
_STEP_SECONDS = 0.1  # most of a float32 step; a large network is tried on a part of its batch
_GAIN = 1.15  # bfloat16 has 8 bits of mantissa: a smaller gain is not worth them
_EMULATED = 3.0  # times slower on a small step: a whole one would take minutes

Batch = tuple[torch.Tensor, torch.Tensor]  # pixels (B, H, W, 3) uint8, labels (B,) int64


def try_precisions(recipe: Recipe, threads: int | None = None) -> Precision:
    """Return the type to train the recipe in on this processor, with both measured rates.

    bfloat16 is chosen if it is at least 1.15 times faster than float32 and if losses and gradients
    of all its steps are finite. The steps are those of a training without the optimizer, on noise;
    the two types alternate, and the fastest step of each counts.

    Args:
        recipe: the recipe; a large network is tried on a part of its batch.
        threads: number of threads of a run; None for torch's own.
    """
    size, batch = recipe.input, recipe.batch
    with devices.thread_limit(threads):
        trial = _Trial(recipe)
        small = _noise(2, 2, max(16, size.height // 4), max(16, size.width // 4))
        rates, finite = trial.compare(small, seconds=0)
        if finite and rates["bfloat16"] * _EMULATED > rates["float32"]:
            counts = _batch_sizes(batch.identities, batch.images)
            whole = [_noise(*count, size.height, size.width) for count in counts]
            rates, finite = trial.compare(trial.largest_short(whole), _TRIAL_SECONDS)
    faster = rates["bfloat16"] >= _GAIN * rates["float32"]
    return Precision(
        chosen="bfloat16" if faster and finite else "float32",
        images_per_second={name: round(rate, 1) for name, rate in rates.items()},
        bfloat16_finite=finite,
    )


class _Trial:
    """Steps of the network of a recipe."""

    def __init__(self, recipe: Recipe) -> None:
        network = replace(recipe.network, weights="none")
        self._loss = recipe.loss
        self._model = model.build_model(network, recipe.batch.identities, 0).train()

    def compare(self, batch: Batch, seconds: float) -> tuple[dict[str, float], bool]:
        """Return images a second by type, and whether all values of bfloat16 were finite."""
        times: dict[torch.dtype, list[float]] = {torch.float32: [], torch.bfloat16: []}
        finite, end = True, time.perf_counter() + seconds
        while len(times[torch.float32]) < 2 or time.perf_counter() < end:
            for dtype, taken in times.items():
                taken.append(self._seconds(batch, dtype))
            finite = finite and self._finite()  # the gradients of the last type
        rates = {str(dtype)[6:]: len(batch[1]) / min(taken) for dtype, taken in times.items()}
        return rates, finite

    def largest_short(self, batches: list[Batch]) -> Batch:
        """Return the last batch whose float32 step is short; the first one if none is."""
        found = batches[0]
        for batch in batches[1:]:
            if min(self._seconds(batch, torch.float32) for _ in range(2)) > _STEP_SECONDS:
                break
            found = batch
        return found

    def _seconds(self, batch: Batch, dtype: torch.dtype) -> float:
        """Leave the gradients of a step on the network; return its seconds."""
        self._model.zero_grad(set_to_none=True)
        start = time.perf_counter()
        images = augment.normalize(batch[0], dtype)
        accumulate_gradients(self._model, images, batch[1], self._loss, dtype, 1, ProcessGroup())
        return time.perf_counter() - start

    def _finite(self) -> bool:
        """Return whether all gradients are finite: those of a loss that is NaN are not."""
        gradients = (p.grad for p in self._model.parameters() if p.grad is not None)
        return all(bool(torch.isfinite(gradient).all()) for gradient in gradients)


def _batch_sizes(identities: int, images: int) -> Iterator[tuple[int, int]]:
    """Yield numbers of identities and of images of each, up to those of a whole step.

    >>> list(_batch_sizes(6, 4))
    [(2, 2), (2, 4), (4, 4), (6, 4)]
    """
    yield 2, 2
    count = 2
    while count < identities:
        yield count, images
        count *= 2
    yield identities, images


def _noise(identities: int, images: int, height: int, width: int) -> Batch:
    """Return a batch of random pixels."""
    shape = (identities * images, height, width, 3)
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    return torch.from_numpy(pixels), torch.arange(identities).repeat_interleave(images)
