"""Training against its floor, the same loop on one constant batch, and what the paper's trainings
would take at these rates.
"""

import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch

from benchmarks import feeding, harness, loops
from benchmarks.ratios import Ratio, returned
from gprplus.baseline import devices, loader
from gprplus.baseline.network import model
from gprplus.baseline.network.embedding import embed_images
from gprplus.baseline.precision_trial import try_precisions
from gprplus.baseline.recipe import COMPILE, Recipe, TrainingLength
from gprplus.core.parallel import available_cores
from gprplus.evaluation import score

PEOPLE, EACH = 64, 16  # as many people as a step of `fast` has: with fewer it would be smaller
STRETCHES = 5  # of steps, timed apart: the least disturbed one counts, on either side
# Of facts that stand in manifests/studies: what ten distinct trainings see an epoch, the largest
# arm, and the runs, two untrained ones among them, that search both targets.
PAPER_BOXES, PAPER_PACKED, PAPER_RUNS = 1_762_800, 470_400, 16
PAPER_TARGETS = ((3_368, 15_913), (2_228, 17_661))


def main() -> None:
    """Print and keep the measurements; on a GPU with `fast`, else with `smoke`."""
    device = devices.resolve_device("auto")
    recipe = _recipe(device)
    loop, trained, embedded = _loop(recipe, device)
    with tempfile.TemporaryDirectory() as folder:
        packed = feeding.packing(feeding.drawn(Path(folder)), recipe)[1]
    body = "\n\n".join(
        [loop, _compiled(recipe, device), _projection(recipe, trained, embedded, packed, device)]
    )
    harness.keep(
        "training", "Training against its floor, and the paper's trainings at these rates", body
    )


def _recipe(device: str) -> Recipe:
    """`smoke` in the faster precision on a processor, else `fast`."""
    recipe = Recipe.read("smoke" if device == "cpu" else "fast")
    recipe = replace(recipe, length=TrainingLength(steps=1))
    if device != "cpu":
        return recipe
    chosen = try_precisions(recipe, threads=1).chosen
    return replace(recipe, compute=replace(recipe.compute, precision=chosen))


def ratios(scratch: Path, steps: int = 16) -> list[Ratio]:
    """Training and embedding on the processor, over the training of one constant batch."""
    recipe = _recipe("cpu")
    pixels, labels = loops.noise(recipe, PEOPLE, EACH)
    network = model.build_model(recipe.network, 2, 0, "cpu").eval()
    constant = loops.constant(recipe, PEOPLE, "cpu")

    def trained() -> float:
        with patch.object(loader, "STEPS_PER_CHUNK_RESIDENT", steps):
            return min(loops.training_speed(recipe, pixels, labels, "cpu", 3 * steps).chunks)

    def floor() -> float:
        return loops.seconds(lambda: constant(steps), "cpu")

    def embedded() -> float:
        return loops.seconds(lambda: embed_images(network, pixels, recipe.compute, "cpu"), "cpu")

    return [
        Ratio("training: train / a constant batch", trained, floor, returned, rounds=3),
        Ratio("training: embed / a constant batch", embedded, floor, returned, rounds=3),
    ]


def _loop(recipe: Recipe, device: str) -> tuple[str, float, float]:
    """The table, and images trained and embedded a second."""
    pixels, labels = loops.noise(recipe, PEOPLE, EACH)
    steps = loader.STEPS_PER_CHUNK_RESIDENT  # what the training loop reports at a time

    constant = loops.constant(recipe, PEOPLE, device)
    network = model.build_model(recipe.network, 2, 0, device).eval()
    whole, floor, embedding = [], [], []
    with devices.thread_limit(1 if device == "cpu" else None), loops.convolutions(recipe):
        constant(2)
        for _ in range(3):
            speed = loops.training_speed(recipe, pixels, labels, device, STRETCHES * steps)
            whole += speed.chunks
            floor += [loops.seconds(lambda: constant(steps), device) for _ in range(STRETCHES - 1)]
            embedding.append(
                loops.seconds(lambda: embed_images(network, pixels, recipe.compute, device), device)
            )
    trained, still = speed.images / min(whole), steps * recipe.batch.size / min(floor)
    embedded = len(pixels) / min(embedding)
    rows = [
        ["one constant batch, over and over", f"{still:,.0f}", "1"],
        ["training: sampled, augmented, normalised", f"{trained:,.0f}", f"{still / trained:.3f}"],
        ["embedding", f"{embedded:,.0f}", ""],
    ]
    unit = "processor second on one thread" if device == "cpu" else "second"
    sentence = (
        f"Recipe `{recipe.name}` ({recipe.network.backbone}, {recipe.input.height} x"
        f" {recipe.input.width}, {recipe.batch.size} images a step,"
        f" {devices.precision(recipe.compute.precision, device)}) on"
        f" {devices.describe_device(device)}."
    )
    sentence += "\n\n" + harness.table(["loop", f"images a {unit}", "time over floor"], rows)
    sentence += "\n\n" + _share_of_peak(recipe, device, trained)
    return sentence, trained, embedded


def _compiled(recipe: Recipe, device: str) -> str:
    """Each mode of torch.compile against none, on one constant batch: what it takes first, and when
    it has paid."""
    settings = [
        ("no", True),
        *((mode, True) for mode in COMPILE[1 : 2 if device == "cpu" else None]),
    ]
    if device != "cpu":
        settings.insert(1, ("no", False))
    steps = 20 if device == "cpu" else 200
    rows: list[list[str]] = []
    plain = 0.0
    for mode, deterministic in settings:
        torch._dynamo.reset()
        one = replace(
            recipe, compute=replace(recipe.compute, compile=mode, deterministic=deterministic)
        )
        with (
            tempfile.TemporaryDirectory() as fresh,
            harness.environment(TORCHINDUCTOR_CACHE_DIR=fresh),
            devices.thread_limit(1 if device == "cpu" else None),
            loops.convolutions(one),
        ):
            loop = loops.constant(one, PEOPLE, device)
            first = loops.wall(lambda: loop(1), device)  # noqa: B023
            loop(3)
            each = min(loops.wall(lambda: loop(steps), device) for _ in range(3)) / steps  # noqa: B023
        plain = plain or each
        pays = "" if not rows else f"{first / (plain - each):,.0f}" if each < plain else "never"
        name = mode if deterministic else f"{mode}, deterministic = false"
        rows.append([name, f"{each * 1e3:.1f}", f"{each / plain:.3f}", f"{first:.1f}", pays])
    return (
        "The same step on one constant batch by each `compute.compile`, by the clock; nothing"
        " compiled before:\n\n"
        + harness.table(
            ["compile", "ms a step", "over eager", "first step, s", "steps until it pays"], rows
        )
    )


def _share_of_peak(recipe: Recipe, device: str, rate: float) -> str:
    """How much of what the device multiplies at best goes into the network."""
    dtype, kind = devices.precision(recipe.compute.precision, device), device.split(":")[0]
    each = loops.flops_per_image(recipe, device)
    size = 1024 if kind == "cpu" else 8192
    with devices.thread_limit(1 if kind == "cpu" else None):
        peak = loops.matmul_peak(dtype, device, size)
    memory = (
        f" Peak memory {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB."
        if kind == "cuda"
        else ""
    )
    return (
        f"A training image costs {each / 1e9:.3g} GFLOP; a product of {size} x {size} in {dtype}"
        f" runs at {peak / 1e12:.3g} TFLOP/s here, so training is at {each * rate / peak:.1%} of"
        f" it.{memory}"
    )


def _projection(recipe: Recipe, trained: float, embedded: float, packed: float, device: str) -> str:
    """Hours of the paper's ten distinct trainings at the rates measured, and which part costs
    what."""
    rows, searched = [], sum(map(sum, PAPER_TARGETS))
    scoring = PAPER_RUNS * sum(map(partial(_scoring, recipe, device), PAPER_TARGETS))
    for name, seen in (("fast", 20 * PAPER_BOXES), ("paper", 60 * PAPER_BOXES)):
        parts = {
            "packing, once": (PAPER_PACKED + searched) / packed / available_cores(),
            "training": seen / trained,
            "embedding": PAPER_RUNS * searched / embedded,
            "scoring": scoring,
        }
        whole = sum(parts.values())
        rows.append(
            [name, f"{seen:,.0f}", *(f"{value / 3600:,.3g}" for value in (*parts.values(), whole))]
        )
    return (
        "The fourteen rows of icassp2021_market and icassp2021_duke are ten distinct trainings: 60"
        f" epochs of {PAPER_BOXES:,} images together with `paper`, 20 with `fast` (of their mean,"
        " each), with one seed. Every row and an untrained network a study embed and search both"
        f" targets: {PAPER_RUNS} runs. With `{recipe.network.backbone}` at {recipe.input.height} x"
        f" {recipe.input.width} and the rates above ({devices.describe_device(device)}), in"
        " hours:\n\n" + harness.table(["recipe", "images trained on", *parts, "together"], rows)
    )


def _scoring(recipe: Recipe, device: str, target: tuple[int, int]) -> float:
    """Seconds of one search of random features in a gallery of a target's size, six images a
    person."""
    queries, gallery = target
    width = int(model.build_model(recipe.network, 2, 0).neck.num_features)
    rng = np.random.default_rng(0)
    features = torch.from_numpy(rng.normal(size=(queries + gallery, width)).astype(np.float32)).to(
        device
    )
    people = rng.integers(0, gallery // 6, len(features))
    sides = (features[:queries], features[queries:], people[:queries], people[queries:])
    return min(loops.wall(lambda: score(*sides), device) for _ in range(2))
