"""Images a second of training, eager and compiled, and of embedding."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from benchmarks import harness, loops
from benchmarks.gpu.machine import device_of
from benchmarks.gpu.part import PartContext
from gprplus.baseline import devices, loader
from gprplus.baseline.network import model
from gprplus.baseline.network.embedding import embed_images
from gprplus.baseline.recipe import BatchSettings, InputSettings, Recipe

RECIPES = ("fast", "bot", "paper")
SIZES = (64, 128, 256)
OWN_SIZE = {"fast": 256, "bot": 64, "paper": 64}
MODES = ("default", "reduce-overhead")
CHUNKS = 2  # of steps that are timed, after one that is not
IMAGES_EACH = 16  # of an identity, in the training set of noise
FIRST_COMPILED = 45.0  # seconds that the first compiled step of a network may take


def recipe_for(context: PartContext, name: str, size: int) -> Recipe:
    """A shipped recipe with `size` images a step, from scratch; in a rehearsal its network is
    small."""
    recipe = Recipe.read(name)
    network = replace(recipe.network, weights="none")
    if context.rehearse:
        recipe = replace(recipe, input=InputSettings(64, 32))
        network = replace(network, backbone="small")
    batch = BatchSettings(size // recipe.batch.images, recipe.batch.images)
    return replace(recipe, network=network, batch=batch)


def cells(context: PartContext) -> list[tuple[str, int]]:
    """Recipes and images a step: the recipes' own first, since time may run out."""
    if context.rehearse:
        return [("fast", 8), ("bot", 8)]
    every = [(name, size) for size in reversed(SIZES) for name in RECIPES]
    return sorted(every, key=lambda cell: OWN_SIZE[cell[0]] != cell[1])


@contextmanager
def chunk_length(context: PartContext, steps: int = 0) -> Iterator[int]:
    """The steps of a chunk: those of a training, or `steps`; few in a rehearsal."""
    before = loader.STEPS_PER_CHUNK_RESIDENT
    loader.STEPS_PER_CHUNK_RESIDENT = 2 if context.rehearse else steps or before
    try:
        yield loader.STEPS_PER_CHUNK_RESIDENT
    finally:
        loader.STEPS_PER_CHUNK_RESIDENT = before


def training(context: PartContext) -> None:
    """Every recipe and size, eager; the recipes' own sizes also with the convolutions that cuDNN
    finds fastest."""
    device = device_of(context)
    for name, size in cells(context):
        recipe = recipe_for(context, name, size)
        _row(context, recipe, size, device, "no", needs=10)
    for name, size in cells(context)[: 1 if context.rehearse else 2]:
        recipe = recipe_for(context, name, size)
        free = replace(recipe, compute=replace(recipe.compute, deterministic=False))
        _row(context, free, size, device, "no, not deterministic", needs=12)


def compiled(context: PartContext) -> None:
    """Every mode of torch.compile, the recipes' own sizes first; a rehearsal compiles nothing."""
    cache = str(context.scratch / "inductor")  # nothing in it was compiled before
    with (
        harness.environment(TORCHINDUCTOR_CACHE_DIR=cache),
        torch._dynamo.config.patch(disable=context.rehearse),
    ):
        _compiled(context, device_of(context))


def _compiled(context: PartContext, device: str) -> None:
    seen: set[Any] = set()
    for name, size in cells(context):
        for mode in MODES:
            recipe = recipe_for(context, name, size)
            recipe = replace(recipe, compute=replace(recipe.compute, compile=mode))
            # bot and paper differ in what is not compiled.
            known = (recipe.network, recipe.input, size, mode) in seen
            seen.add((recipe.network, recipe.input, size, mode))
            needs = 0 if context.rehearse else 20 if known else FIRST_COMPILED
            _row(context, recipe, size, device, mode, needs)


def _row(
    context: PartContext, recipe: Recipe, size: int, device: str, mode: str, needs: float
) -> None:
    context.row(
        "training",
        partial(_trained, context, recipe, device),
        0 if context.rehearse else needs,
        recipe=recipe.name,
        images_a_step=size,
        compile=mode,
    )


def _trained(context: PartContext, recipe: Recipe, device: str) -> dict[str, Any]:
    """One training, and the same network on a constant batch."""
    identities = 2 * recipe.batch.identities  # twice those of a step
    dtype = devices.precision(recipe.compute.precision, device)
    if device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    pixels, labels = loops.noise(recipe, identities, IMAGES_EACH)
    with chunk_length(context) as steps:
        speed = loops.training_speed(recipe, pixels, labels, device, (1 + CHUNKS) * steps)
        memory = torch.cuda.max_memory_allocated() / 2**30 if device == "cuda" else None
        with loops.convolutions(recipe):
            constant = loops.constant(recipe, identities, device)
            constant(3)
            half = max(1, steps // 2)
            still = min(loops.seconds(lambda: constant(half), device) for _ in range(CHUNKS))
    torch.compiler.reset()
    rate, floor = speed.images / min(speed.chunks), half * recipe.batch.size / still
    peak = loops.matmul_peak(dtype, device, 128 if context.rehearse else 8192)
    used = rate * loops.flops_per_image(recipe, device)
    return {
        "images/s": rate,
        "constant": floor,
        "over constant": round(floor / rate, 3),
        "TFLOP/s": used / 1e12,
        "peak": f"{used / peak:.1%}",
        "peak memory, GiB": "" if memory is None else round(memory, 2),
        "first step, s": round(speed.first_step, 2),
        "precision": str(dtype).removeprefix("torch."),
    }


def embedding(context: PartContext) -> None:
    """Images of main memory that become features, without and with their mirror images."""
    device = device_of(context)
    recipe = recipe_for(context, "fast", 8)
    network = model.build_model(recipe.network, 2, 0, device).eval()
    pixels, _ = loops.noise(recipe, 4 if context.rehearse else 1024, 8)
    for flip in (False, True):
        compute = replace(recipe.compute, flip_features=flip)

        def embedded(compute: Any = compute) -> dict[str, Any]:
            def run() -> None:
                embed_images(network, pixels, compute, device)

            run()
            took = min(loops.wall(run, device) for _ in range(3))
            return {"images": len(pixels), "images/s": len(pixels) / took}

        context.row("embedding", embedded, flip=flip)
