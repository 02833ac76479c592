"""Training with and without its data, the arithmetic of a step, and the clocks."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

import numpy as np
import torch

from gprplus.baseline import augment, devices, losses
from gprplus.baseline import train as training
from gprplus.baseline.network import model
from gprplus.baseline.recipe import Recipe, TrainingLength


@dataclass(frozen=True)
class TrainingSpeed:
    """Seconds of the chunks of a training after its first one, images of each of them, and seconds
    until the first step was done, the building of the network included."""

    chunks: list[float]
    images: int
    first_step: float


def training_speed(
    recipe: Recipe, pixels: np.ndarray, labels: np.ndarray, device: str, steps: int
) -> TrainingSpeed:
    """Time a training of so many steps, chunk by chunk."""
    now, start = clock(device), time.perf_counter()
    stamps: list[float] = []
    seen: list[int] = []
    first: list[float] = []

    def reached(step: int) -> None:
        if not first:
            synchronize(device)
            first.append(time.perf_counter() - start)

    def log(line: dict[str, float]) -> None:
        stamps.append(now())
        seen.append(int(line["images"]))

    recipe = replace(recipe, length=TrainingLength(steps=steps))
    training.train(pixels, labels, recipe, 0, device, log=log, reached=reached)
    return TrainingSpeed(np.diff(stamps).tolist(), int(np.diff(seen).max()), first[0])


def noise(recipe: Recipe, identities: int, images: int) -> tuple[np.ndarray, np.ndarray]:
    """Random pixels in the recipe's size and their labels, `images` of each identity."""
    shape = (identities * images, recipe.input.height, recipe.input.width, 3)
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    return pixels, np.repeat(np.arange(identities), images)


def flops_per_image(recipe: Recipe, device: str) -> float:
    """Floating-point operations that a training image costs in the network, forward and back."""
    from torch.utils.flop_counter import FlopCounterMode

    dtype = devices.precision(recipe.compute.precision, device)
    network = model.build_model(recipe.network, 2, 0, device).train()
    batch = torch.zeros(4, 3, recipe.input.height, recipe.input.width, device=device)
    with (
        FlopCounterMode(display=False) as counted,
        torch.autocast(device.split(":")[0], dtype, enabled=dtype != torch.float32),
    ):
        features, logits = network(batch)
        (features.sum() + logits.sum()).backward()
    return counted.get_total_flops() / len(batch)


def matmul_peak(dtype: torch.dtype, device: str, size: int) -> float:
    """Floating-point operations a second of a square matrix product, of random numbers: zeros run
    faster."""
    square = torch.randn(size, size, device=device).to(dtype)
    for _ in range(3):
        torch.mm(square, square)
    took = min(seconds(lambda: torch.mm(square, square), device) for _ in range(10))
    return 2 * size**3 / max(took, 1e-9)


def constant(recipe: Recipe, people: int, device: str) -> Callable[[int], None]:
    """The training loop without its data: one batch, made once."""
    dtype = devices.precision(recipe.compute.precision, device)
    labels = torch.arange(recipe.batch.size, device=device) // recipe.batch.images
    height, width = recipe.input.height, recipe.input.width
    # Not black ones: a network is some 3% faster on those.
    pixels = torch.randint(0, 256, (recipe.batch.size, height, width, 3), dtype=torch.uint8).to(
        device
    )
    batch, step = augment.normalize(pixels, dtype), stepper(recipe, device, people)

    def loop(steps: int) -> None:
        for _ in range(steps):
            step(batch, labels)

    return loop


def stepper(
    recipe: Recipe, device: str, people: int
) -> Callable[[torch.Tensor, torch.Tensor], None]:
    """One step of the recipe's network on a batch that is there."""
    dtype = devices.precision(recipe.compute.precision, device)
    network = model.build_model(recipe.network, people, 0, device).train()
    optimizer, mode = training._optimizer(network, recipe.optimizer), recipe.compute.compile
    computed = network if mode == "no" else torch.compile(network, mode=mode, dynamic=False)

    def step(batch: torch.Tensor, labels: torch.Tensor) -> None:
        if mode in training.REPLAYED:
            torch.compiler.cudagraph_mark_step_begin()
        with torch.autocast(device.split(":")[0], dtype, enabled=dtype != torch.float32):
            features, logits = computed(batch)
        loss = losses.total_loss(features, logits, labels, recipe.loss)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    return step


def convolutions(recipe: Recipe) -> AbstractContextManager[None]:
    """Inside, cuDNN chooses convolutions as in a training of the recipe."""
    exact = recipe.compute.deterministic
    return torch.backends.cudnn.flags(enabled=True, benchmark=not exact, deterministic=exact)


def clock(device: str) -> Callable[[], float]:
    """Processor seconds on a processor, which a busy machine disturbs least; clock seconds on a
    GPU."""
    return time.process_time if device == "cpu" else time.perf_counter


def seconds(function: Callable[[], object], device: str) -> float:
    """What the function takes by the device's `clock`."""
    synchronize(device)
    now = clock(device)
    start = now()
    function()
    synchronize(device)
    return now() - start


def wall(function: Callable[[], object], device: str) -> float:
    """Clock seconds: compilers work in processes of their own."""
    start = time.perf_counter()
    function()
    synchronize(device)
    return time.perf_counter() - start


def synchronize(device: str) -> None:
    """Wait for a GPU."""
    if device != "cpu":
        torch.cuda.synchronize()
