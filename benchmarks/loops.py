"""Training steps without their data, and the clocks they are held against."""

import time
from collections.abc import Callable

import torch

from gprplus.baseline import augment, devices, losses
from gprplus.baseline import train as training
from gprplus.baseline.network import model
from gprplus.baseline.recipe import Recipe


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


def clock(device: str) -> Callable[[], float]:
    """Processor seconds on a processor, which a busy machine disturbs least; clock seconds on a
    GPU."""
    return time.process_time if device == "cpu" else time.perf_counter


def seconds(function: Callable[[], object], device: str) -> float:
    """What the function takes by the device's `clock`."""
    if device != "cpu":
        torch.cuda.synchronize()
    now = clock(device)
    start = now()
    function()
    if device != "cpu":
        torch.cuda.synchronize()
    return now() - start


def wall(function: Callable[[], object], device: str) -> float:
    """Clock seconds: compilers work in processes of their own."""
    start = time.perf_counter()
    function()
    if device != "cpu":
        torch.cuda.synchronize()
    return time.perf_counter() - start
