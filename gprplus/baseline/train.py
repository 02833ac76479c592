"""Training on one page: set-up, then the loop.

Nothing inside the loop waits for the accelerator: rows and random numbers come from `loader`,
losses stay on the device until the end of a chunk. Between chunks a checkpoint is written, from
which an interrupted training continues exactly.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from gprplus.baseline import augment, devices, loader, schedule
from gprplus.baseline.checkpoint import Checkpoint
from gprplus.baseline.distributed import ProcessGroup
from gprplus.baseline.gradients import accumulate_gradients
from gprplus.baseline.network import model, pretrained
from gprplus.baseline.recipe import OptimizerSettings, Recipe
from gprplus.baseline.store_view import StoredImages
from gprplus.core.errors import TrainingError, first_few, first_line
from gprplus.schema.run_record import InitialWeights

REPLAYED = ("reduce-overhead", "max-autotune")  # modes of torch.compile that record CUDA graphs


@dataclass(frozen=True)
class TrainingResult:
    """A model that is trained, what that took, and its initial weights."""

    model: model.Model
    steps: int
    images_seen: int
    seconds: float
    note: str
    initial_weights: InitialWeights


def _numbered(rows: np.ndarray) -> list[str]:
    return [f"row {row}" for row in rows.tolist()]


def _ignore(line: dict[str, Any]) -> None:
    pass


def _unheeded(step: int) -> None:
    pass


@dataclass(frozen=True)
class TrainingContext:
    """Outputs, checkpoint and shared resources of a training; only `shares` affects the weights.

    Args:
        names: maps rows to names for error messages.
        log: receives a line for every chunk of steps.
        reached: receives the number of each step.
        shares: `(N,) float64`, weights of the images within an identity.
        checkpoint: the file from which an interrupted training continues.
        group: processes that each take a share of each step; all call `train` alike.
        jobs: number of processes that share the device.
    """

    names: Callable[[np.ndarray], list[str]] = _numbered
    log: Callable[[dict[str, Any]], None] = _ignore
    reached: Callable[[int], None] = _unheeded
    shares: np.ndarray | None = None
    checkpoint: Checkpoint | None = None
    group: ProcessGroup = field(default_factory=ProcessGroup)
    jobs: int = 1


def train(
    images: np.ndarray | StoredImages,
    labels: np.ndarray,
    recipe: Recipe,
    seed: int,
    device: str,
    context: TrainingContext | None = None,
    **changes: Any,
) -> TrainingResult:
    """Train the recipe's network from `seed` on `images (N, H, W, 3) uint8` with `labels (N,)
    int64`, numbered from 0.

    First weights, order and augmentation are three streams of the seed; the same seed, device and
    versions give the same weights, also where the training was killed and goes on from its
    checkpoint. The keywords change single fields of `context`. A step that does not fit the device
    is taken in 2, 4, ... parts (`step.gradients`): then the training starts again, or goes on from
    its checkpoint. Raises TrainingError when the loss is not a number, the device runs out of
    memory all the same, or the network cannot be compiled.
    """
    context = replace(context or TrainingContext(), **changes)
    parts, group = 1, context.group
    group.check_divisible(min(recipe.batch.identities, len(np.unique(labels))))
    while True:
        try:
            return _train(images, labels, recipe, seed, device, context, parts)
        except torch.OutOfMemoryError as error:
            if group.size > 1 or 2 * parts > recipe.batch.identities:
                raise TrainingError(
                    f"The device ran out of memory in a step of {recipe.batch.size} images of"
                    f" {recipe.input.height} x {recipe.input.width}, taken in {parts} part(s): use"
                    f" a recipe with fewer batch.identities, or fewer --jobs ({first_line(error)})"
                ) from error
        except Exception as error:
            if recipe.compute.compile != "no" and isinstance(
                error, torch._dynamo.exc.TorchDynamoException
            ):
                raise TrainingError(
                    f"The network {recipe.network.backbone} could not be compiled"
                    f" ({first_line(error)}): torch.compile needs a C++ compiler, and Triton on a"
                    " GPU. Install them, or train with --compile no."
                ) from error
            raise
        parts *= 2
        if device.startswith("cuda"):
            torch.cuda.empty_cache()


def _train(
    images: np.ndarray | StoredImages,
    labels: np.ndarray,
    recipe: Recipe,
    seed: int,
    device: str,
    context: TrainingContext,
    parts: int,
) -> TrainingResult:
    group, checkpoint = context.group, context.checkpoint
    classes = int(labels.max()) + 1
    steps = recipe.steps(len(images))
    dtype = devices.precision(recipe.compute.precision, device)
    network = model.build_model(recipe.network, classes, seed, device).train()
    initial = pretrained.load_pretrained(network.backbone, recipe.network)
    note = initial.gaps()
    network = group.convert_batchnorm(network)  # type: ignore[assignment]
    optimizer = _optimizer(network, recipe.optimizer)
    step, before = checkpoint.resume(network, optimizer) if checkpoint else (0, 0.0)
    mode = recipe.compute.compile if group.size == parts == 1 else "no"
    exact = recipe.compute.deterministic
    start, size = time.perf_counter() - before, recipe.batch.size
    flags = torch.backends.cudnn.flags(enabled=True, benchmark=not exact, deterministic=exact)
    with flags, _compiled(network, mode) as computed:
        for chunk in loader.load_chunks(
            images, labels, recipe, seed, range(step, steps), device, context.shares, context.jobs
        ):
            kept = []
            for rows, random, targets in zip(chunk.rows, chunk.random, chunk.labels, strict=True):
                for parameters in optimizer.param_groups:
                    parameters["lr"] = recipe.optimizer.lr * schedule.lr_factor(
                        step, steps, recipe.optimizer
                    )
                rows, random, targets = group.shard(rows), group.shard(random), group.shard(targets)
                batch = augment.augment_batch(chunk.words, rows, random, recipe.augment, dtype)
                optimizer.zero_grad(set_to_none=True)
                if mode in REPLAYED:
                    torch.compiler.cudagraph_mark_step_begin()  # the last step's outputs may be written over
                kept.append(
                    accumulate_gradients(computed, batch, targets, recipe.loss, dtype, parts, group)
                )
                optimizer.step()
                step += 1
                context.reached(step)
            values = torch.stack(kept).float().cpu().numpy()
            _stop_unless_finite(values, step, chunk.origin, context.names, recipe.network.weights)
            size, seconds = chunk.origin.shape[1], time.perf_counter() - start
            context.log(
                {
                    "step": step,
                    "loss": round(float(values.mean()), 5),
                    "lr": optimizer.param_groups[0]["lr"],
                    "images": step * size,
                    "seconds": round(seconds, 3),
                }
            )
            if checkpoint and group.first and step < steps and checkpoint.is_due():
                checkpoint.save(network, optimizer, step, seconds)
    if parts > 1:
        note = f"{note} Each step was taken in {parts} parts, for lack of memory.".strip()
    if mode != recipe.compute.compile:
        note = f"{note} Not compiled: only whole steps of one process are.".strip()
    seconds = time.perf_counter() - start
    return TrainingResult(network.eval(), steps, steps * size, seconds, note, initial)


@contextmanager
def _compiled(network: model.Model, mode: str) -> Iterator[Any]:
    """Return the network compiled with a mode of torch.compile; the network itself if the mode is
    "no".

    All steps of a run have one shape, and the learning rate is not compiled: nothing is compiled
    twice. Compiled code is freed after its training: torch compiles for at most eight numbers of
    identities and then, with only a warning, leaves the network uncompiled; and a CUDA graph keeps
    the memory of its step.
    """
    if mode == "no":
        yield network
        return
    try:
        yield torch.compile(network, mode=mode, dynamic=False)
    finally:
        torch.compiler.reset()


def untrained_model(recipe: Recipe, seed: int, device: str) -> TrainingResult:
    """The network as `train` starts with it: the floor that every training has to leave."""
    network = model.build_model(recipe.network, 1, seed, device)
    initial = pretrained.load_pretrained(network.backbone, recipe.network)
    return TrainingResult(network.eval(), 0, 0, 0.0, initial.gaps(), initial)


def _optimizer(network: model.Model, optimizer: OptimizerSettings) -> torch.optim.Optimizer:
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
    values: np.ndarray,
    step: int,
    origin: np.ndarray,
    names: Callable[[np.ndarray], list[str]],
    first_weights: str,
) -> None:
    bad = np.flatnonzero(~np.isfinite(values))
    if not len(bad):
        return
    place = int(bad[0])
    at = step - len(values) + place + 1
    remedy = "lower the recipe's optimizer.lr, or train in float32"
    if at == 1:  # nothing has been learnt yet, so no learning rate is to blame
        remedy = "train in float32"
        if first_weights != "none":
            remedy = (
                f"the weights {first_weights} do not suit this network or its input; try --weights"
                " none"
            )
    shown = first_few(names(origin[place]))
    raise TrainingError(
        f"Loss is NaN or infinite at step {at}: {remedy}. The step's images: {shown}."
    )
