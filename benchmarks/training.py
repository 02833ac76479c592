"""Training against its floor, the same loop on one constant batch; packing against bare decoding."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch

from benchmarks import harness
from gprplus import images
from gprplus.baseline import augment, devices, losses, model, store
from gprplus.baseline import train as training
from gprplus.baseline.embed import embed
from gprplus.baseline.recipe import Length, Recipe

PEOPLE, EACH = 48, 18
RENDERS = 1024


def main() -> None:
    """Print and keep the three measurements; on a GPU with `fast`, else with `smoke`."""
    device = devices.resolve("auto")
    recipe = Recipe.read("smoke" if device == "cpu" else "fast")
    body = "\n\n".join([_loop(recipe, device), _packing(recipe)])
    harness.keep("training", "Training and packing against their floors", body)


def _loop(recipe: Recipe, device: str) -> str:
    rng = np.random.default_rng(0)
    shape = (PEOPLE * EACH, recipe.input.height, recipe.input.width, 3)
    pixels, labels = rng.integers(0, 256, shape, dtype=np.uint8), np.repeat(np.arange(PEOPLE), EACH)
    steps = 40 if device == "cpu" else 200

    def run(count: int) -> None:
        training.train(pixels, labels, replace(recipe, length=Length(steps=count)), 0, device)

    constant = _constant(recipe, labels, device)
    with devices.threads(1 if device == "cpu" else None):
        run(2)
        # What starts a run (weights, upload) is in both and falls out of the difference.
        whole = (
            min(_seconds(lambda: run(3 * steps), device) - _seconds(lambda: run(steps), device) for _ in range(3)) / 2
        )
        constant(2)
        floor = min(_seconds(lambda: constant(steps), device) for _ in range(3))
        network = model.new(recipe.network, 2, 0, device).eval()
        embedding = min(_seconds(lambda: embed(network, pixels, recipe.compute, device), device) for _ in range(3))
    seen = steps * recipe.batch.size
    rows = [
        ["one constant batch, over and over", f"{seen / floor:,.0f}", "1"],
        ["training: sampled, augmented, normalised", f"{seen / whole:,.0f}", f"{whole / floor:.3f}"],
        ["embedding", f"{len(pixels) / embedding:,.0f}", ""],
    ]
    clock = "processor second on one thread" if device == "cpu" else "second"
    sentence = (
        f"Recipe `{recipe.name}` ({recipe.network.backbone}, {recipe.input.height} x {recipe.input.width}, "
        f"{recipe.batch.size} images a step, {devices.precision(recipe.compute.precision, device)}) "
        f"on {devices.describe(device)}."
    )
    return sentence + "\n\n" + harness.table(["loop", f"images a {clock}", "time over floor"], rows)


def _constant(recipe: Recipe, labels: np.ndarray, device: str) -> Callable[[int], None]:
    """The training loop without its data: one batch, made once."""
    dtype = devices.precision(recipe.compute.precision, device)
    network = model.new(recipe.network, PEOPLE, 0, device).train()
    optimizer = training._optimizer(network, recipe.optimizer)
    people = torch.arange(recipe.batch.size, device=device) // recipe.batch.images
    height, width = recipe.input.height, recipe.input.width
    batch = augment.normalised(
        torch.zeros(recipe.batch.size, height, width, 3, dtype=torch.uint8, device=device), dtype
    )

    def loop(steps: int) -> None:
        for _ in range(steps):
            with torch.autocast(device.split(":")[0], dtype, enabled=dtype != torch.float32):
                features, logits = network(batch)
            loss = losses.total(features, logits, people, recipe.loss)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()

    return loop


def _packing(recipe: Recipe) -> str:
    height, width = recipe.input.height, recipe.input.width
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        rng = np.random.default_rng(0)
        for i in range(RENDERS):
            coarse = rng.integers(0, 256, (24, 10, 3), dtype=np.uint8)
            (root / f"{i}.jpg").write_bytes(images.encode_jpeg(images.resize(coarse, 470, 200)))
        paths = [f"{i}.jpg" for i in range(RENDERS)]
        rows = pa.table({"uid": pa.array(range(RENDERS), pa.uint64()), "dataset": ["drawn"] * RENDERS, "path": paths})

        def bare() -> None:
            for path in paths:
                images.resize(images.decode((root / path).read_bytes()), height, width)

        def packed() -> None:
            with tempfile.TemporaryDirectory() as fresh:
                store.pack(rows, {"drawn": root}, Path(fresh), height, width, workers=1)

        bare()
        floor = min(_seconds(bare, "cpu") for _ in range(3))
        whole = min(_seconds(packed, "cpu") for _ in range(3))
    table = [
        ["decode and resize each file, nothing kept", f"{RENDERS / floor:,.0f}", "1"],
        ["pack: the same, scaled decoding, written to the store", f"{RENDERS / whole:,.0f}", f"{whole / floor:.2f}"],
    ]
    sentence = f"{RENDERS:,} JPEGs of 200 x 470 to {width} x {height}."
    return sentence + "\n\n" + harness.table(["", "images a processor second", "time over floor"], table)


def _seconds(function: Callable[[], object], device: str) -> float:
    """Processor seconds on a processor, which a busy machine disturbs least; the clock on a GPU."""
    clock = time.process_time if device == "cpu" else time.perf_counter
    if device != "cpu":
        torch.cuda.synchronize()
    start = clock()
    function()
    if device != "cpu":
        torch.cuda.synchronize()
    return clock() - start
