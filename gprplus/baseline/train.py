"""The training, as one page: set up, then the loop.

Nothing inside the loop waits for the accelerator: rows and randomness come laid out from `feed`, losses stay on the
device until the chunk is over.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from gprplus.baseline import augment, devices, feed, losses, model, schedule, weights
from gprplus.baseline.recipe import Optimizer, Recipe
from gprplus.errors import TrainingError, examples


@dataclass(frozen=True)
class Trained:
    """A model that is trained, and what that took."""

    model: model.Model
    steps: int
    images_seen: int
    seconds: float
    note: str


def _numbered(rows: np.ndarray) -> list[str]:
    return [f"row {row}" for row in rows.tolist()]


def _unheard(line: dict[str, Any]) -> None:
    pass


def train(
    images: np.ndarray,
    labels: np.ndarray,
    recipe: Recipe,
    seed: int,
    device: str,
    *,
    names: Callable[[np.ndarray], list[str]] = _numbered,
    log: Callable[[dict[str, Any]], None] = _unheard,
    shares: np.ndarray | None = None,
) -> Trained:
    """Train the recipe's network from `seed` on `images (N, H, W, 3) uint8` with `labels (N,) int64`, numbered from 0.

    First weights, order and augmentation are three streams of the seed; the same seed, device and versions give the
    same weights. `log` gets a line every chunk of steps; `names` turns rows into what an error message may show;
    `shares (N,) float64` weigh the images of an identity against each other.
    Raises TrainingError when the loss is not a number or the device runs out of memory.
    """
    classes = int(labels.max()) + 1
    steps = recipe.steps(len(images))
    dtype = devices.precision(recipe.compute.precision, device)
    network = model.new(recipe.network, classes, seed, device).train()
    note = weights.load(network.backbone, recipe.network.backbone, recipe.network.weights)
    optimizer = _optimizer(network, recipe.optimizer)
    forward = torch.compile(network) if recipe.compute.compile else network
    start, step = time.perf_counter(), 0
    try:
        with torch.backends.cudnn.flags(enabled=True, benchmark=True):
            for chunk in feed.chunks(images, labels, recipe, seed, steps, device, shares):
                kept = []
                for rows, random, people in zip(chunk.rows, chunk.random, chunk.labels, strict=True):
                    for group in optimizer.param_groups:
                        group["lr"] = recipe.optimizer.lr * schedule.share(step, steps, recipe.optimizer)
                    batch = augment.augmented(chunk.words, rows, random, recipe.augment, dtype)
                    with torch.autocast(device.split(":")[0], dtype, enabled=dtype != torch.float32):
                        features, logits = forward(batch)
                    loss = losses.total(features, logits, people, recipe.loss)
                    optimizer.zero_grad(set_to_none=True)
                    loss.backward()
                    optimizer.step()
                    kept.append(loss.detach())
                    step += 1
                values = torch.stack(kept).float().cpu().numpy()
                _stop_unless_finite(values, step, chunk.origin, names)
                log(
                    {
                        "step": step,
                        "loss": round(float(values.mean()), 5),
                        "lr": optimizer.param_groups[0]["lr"],
                        "images": step * chunk.origin.shape[1],
                        "seconds": round(time.perf_counter() - start, 3),
                    }
                )
    except torch.OutOfMemoryError as error:
        raise TrainingError(
            f"The device ran out of memory in a step of {recipe.batch.size} images of "
            f"{recipe.input.height} x {recipe.input.width}: use a recipe with fewer "
            f"batch.identities, or fewer --jobs ({str(error).splitlines()[0]})"
        ) from error
    return Trained(network.eval(), steps, steps * chunk.origin.shape[1], time.perf_counter() - start, note)


def untrained(recipe: Recipe, seed: int, device: str) -> Trained:
    """The network as `train` starts with it: the floor that every training has to leave."""
    network = model.new(recipe.network, 1, seed, device)
    note = weights.load(network.backbone, recipe.network.backbone, recipe.network.weights)
    return Trained(network.eval(), 0, 0, 0.0, note)


def _optimizer(network: model.Model, optimizer: Optimizer) -> torch.optim.Optimizer:
    """Fused, one kernel for all weights; normalisations and biases do not decay."""
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": optimizer.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    if optimizer.name == "sgd":
        return torch.optim.SGD(groups, lr=optimizer.lr, momentum=0.9, nesterov=True, fused=True)
    kind = torch.optim.AdamW if optimizer.name == "adamw" else torch.optim.Adam
    return kind(groups, lr=optimizer.lr, fused=True)


def _stop_unless_finite(
    values: np.ndarray, step: int, origin: np.ndarray, names: Callable[[np.ndarray], list[str]]
) -> None:
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        first = int(bad[0])
        raise TrainingError(
            f"The loss is no number at step {step - len(values) + first + 1}: lower the recipe's optimizer.lr, "
            f"or train in float32. The step's images: {examples(names(origin[first]))}."
        )
