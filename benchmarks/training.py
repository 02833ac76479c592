"""Training against its floor, the same loop on one constant batch, and against a loader that decodes as it goes;
packing against bare decoding; and what the paper's trainings would take at these rates.
"""

import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch

from benchmarks import harness
from gprplus import images
from gprplus.baseline import augment, devices, losses, model, store
from gprplus.baseline import train as training
from gprplus.baseline.embed import embed
from gprplus.baseline.recipe import COMPILE, Length, Recipe
from gprplus.evaluation import score
from gprplus.parallel import cores

PEOPLE, EACH = 48, 18
RENDERS = 1024
# Of facts that stand in manifests/studies: what ten distinct trainings see an epoch, the largest arm, and the runs, two
# untrained ones among them, that search both targets.
PAPER_BOXES, PAPER_PACKED, PAPER_RUNS = 1_762_800, 470_400, 16
PAPER_TARGETS = ((3_368, 15_913), (2_228, 17_661))


def main() -> None:
    """Print and keep the measurements; on a GPU with `fast`, else with `smoke`."""
    device = devices.resolve("auto")
    recipe = Recipe.read("smoke" if device == "cpu" else "fast")
    recipe = replace(recipe, length=Length(steps=1))
    loop, trained, embedded = _loop(recipe, device)
    with tempfile.TemporaryDirectory() as folder:
        root = _renders(Path(folder))
        packing, packed = _packing(root, recipe)
        against = _against_a_loader(root, recipe, device)
    body = "\n\n".join(
        [loop, _compiled(recipe, device), against, packing, _projection(recipe, trained, embedded, packed, device)]
    )
    harness.keep("training", "Training and packing against their floors", body)


def _loop(recipe: Recipe, device: str) -> tuple[str, float, float]:
    """The table, and images trained and embedded a second."""
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
    sentence += "\n\n" + harness.table(["loop", f"images a {clock}", "time over floor"], rows)
    sentence += "\n\n" + _share_of_peak(recipe, device, seen / whole)
    return sentence, seen / whole, len(pixels) / embedding


def _compiled(recipe: Recipe, device: str) -> str:
    """Each mode of torch.compile against none, on one constant batch: what it takes first, and when it has paid."""
    settings = [("no", True), *((mode, True) for mode in COMPILE[1 : 2 if device == "cpu" else None])]
    if device != "cpu":
        settings.insert(1, ("no", False))
    steps = 20 if device == "cpu" else 200
    rows, plain = [], 0.0
    for mode, deterministic in settings:
        torch._dynamo.reset()
        one = replace(recipe, compute=replace(recipe.compute, compile=mode, deterministic=deterministic))
        with (
            tempfile.TemporaryDirectory() as fresh,
            harness.environment(TORCHINDUCTOR_CACHE_DIR=fresh),
            devices.threads(1 if device == "cpu" else None),
            torch.backends.cudnn.flags(enabled=True, benchmark=not deterministic, deterministic=deterministic),
        ):
            loop = _constant(one, np.arange(PEOPLE), device)
            first = _wall(lambda: loop(1), device)  # noqa: B023
            loop(3)
            each = min(_wall(lambda: loop(steps), device) for _ in range(3)) / steps  # noqa: B023
        plain = plain or each
        pays = "" if not rows else f"{first / (plain - each):,.0f}" if each < plain else "never"
        name = mode if deterministic else f"{mode}, deterministic = false"
        rows.append([name, f"{each * 1e3:.1f}", f"{each / plain:.3f}", f"{first:.1f}", pays])
    return (
        "The same step on one constant batch by each `compute.compile`, by the clock; nothing compiled before:\n\n"
        + harness.table(["compile", "ms a step", "over eager", "first step, s", "steps until it pays"], rows)
    )


def _wall(function: Callable[[], object], device: str) -> float:
    """Clock seconds: compilers work in processes of their own."""
    start = time.perf_counter()
    function()
    if device != "cpu":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def _share_of_peak(recipe: Recipe, device: str, rate: float) -> str:
    """How much of what the device multiplies at best goes into the network."""
    from torch.utils.flop_counter import FlopCounterMode

    dtype, kind = devices.precision(recipe.compute.precision, device), device.split(":")[0]
    network = model.new(recipe.network, PEOPLE, 0, device).train()
    batch = torch.zeros(4, 3, recipe.input.height, recipe.input.width, device=device)
    with FlopCounterMode(display=False) as counted, torch.autocast(kind, dtype, enabled=dtype != torch.float32):
        features, logits = network(batch)
        (features.sum() + logits.sum()).backward()
    each = counted.get_total_flops() / len(batch)
    size = 1024 if kind == "cpu" else 8192
    square = torch.ones(size, size, dtype=dtype, device=device)
    with devices.threads(1 if kind == "cpu" else None):
        torch.mm(square, square)
        took = min(_seconds(lambda: torch.mm(square, square), device) for _ in range(5))
    peak = 2 * size**3 / took
    memory = f" Peak memory {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB." if kind == "cuda" else ""
    return (
        f"A training image costs {each / 1e9:.3g} GFLOP; a product of {size} x {size} in {dtype} runs at "
        f"{peak / 1e12:.3g} TFLOP/s here, so training is at {each * rate / peak:.1%} of it.{memory}"
    )


class Decoding(torch.utils.data.Dataset):
    """What the field does for each image of each step: read, decode, resize, mirror, pad and crop, normalise."""

    def __init__(self, root: Path, labels: np.ndarray, recipe: Recipe) -> None:
        self.root, self.labels, self.recipe = root, labels, recipe

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, place: int) -> tuple[torch.Tensor, int]:
        from PIL import Image, ImageOps

        height, width, pad = self.recipe.input.height, self.recipe.input.width, self.recipe.augment.pad
        with Image.open(self.root / f"{place}.jpg") as image:
            small = image.convert("RGB").resize((width, height), Image.Resampling.BILINEAR)
        if torch.rand(()) < 0.5:
            small = ImageOps.mirror(small)
        left, top = (int(torch.randint(0, 2 * pad + 1, ())) for _ in range(2))
        small = ImageOps.expand(small, pad).crop((left, top, left + width, top + height))
        pixels = torch.from_numpy(np.array(small)).permute(2, 0, 1).float() / 255
        mean, std = (torch.tensor(values)[:, None, None] for values in (augment.MEAN, augment.STD))
        return (pixels - mean) / std, int(self.labels[place])


def _against_a_loader(root: Path, recipe: Recipe, device: str) -> str:
    """The same network, batch and machine, fed by a DataLoader that decodes: clock time, all cores."""
    labels = np.repeat(np.arange(RENDERS // 16), 16)
    steps = 3 * (RENDERS // recipe.batch.size)
    order = [row for _ in range(3) for row in torch.randperm(RENDERS).tolist()]
    loader = torch.utils.data.DataLoader(
        Decoding(root, labels, recipe), recipe.batch.size, sampler=order, num_workers=cores(), drop_last=True
    )
    step = _stepper(recipe, device, RENDERS // 16)

    def decoded() -> None:
        for batch, people in loader:
            step(batch.to(device, memory_format=torch.channels_last), people.to(device))

    rows = pa.table({"uid": pa.array(range(RENDERS), pa.uint64()), "dataset": ["drawn"] * RENDERS, "path": _paths()})
    with tempfile.TemporaryDirectory() as fresh:
        pack = store.pack(rows, {"drawn": root}, Path(fresh), recipe.input.height, recipe.input.width)
        pixels = pack.images(pack.uids)
    took = []
    for run in (
        lambda: training.train(pixels, labels, replace(recipe, length=Length(steps=steps)), 0, device),
        decoded,
    ):
        start = time.perf_counter()
        run()
        took.append(time.perf_counter() - start)
    seen = steps * recipe.batch.size
    table = [
        ["packed once, gathered and augmented in batches", f"{seen / took[0]:,.0f}", "1"],
        [
            f"DataLoader, {cores()} workers: decode, resize, augment each image",
            f"{seen / took[1]:,.0f}",
            f"{took[1] / took[0]:.2f}",
        ],
    ]
    return "Three epochs, start included, by the clock:\n\n" + harness.table(
        ["fed by", "images a second", "time"], table
    )


def _projection(recipe: Recipe, trained: float, embedded: float, packed: float, device: str) -> str:
    """Hours of the paper's ten distinct trainings at the rates measured, and which part costs what."""
    rows, searched = [], sum(map(sum, PAPER_TARGETS))
    scoring = PAPER_RUNS * sum(map(partial(_scoring, recipe, device), PAPER_TARGETS))
    for name, seen in (("fast", 20 * PAPER_BOXES), ("paper", 60 * PAPER_BOXES)):
        parts = {
            "packing, once": (PAPER_PACKED + searched) / packed / cores(),
            "training": seen / trained,
            "embedding": PAPER_RUNS * searched / embedded,
            "scoring": scoring,
        }
        whole = sum(parts.values())
        rows.append([name, f"{seen:,.0f}", *(f"{value / 3600:,.3g}" for value in (*parts.values(), whole))])
    return (
        "The fourteen rows of icassp2021_market and icassp2021_duke are ten distinct trainings: 60 epochs of "
        f"{PAPER_BOXES:,} images together with `paper`, 20 with `fast` (of their mean, each), with one seed. Every "
        f"row and an untrained network a study embed and search both targets: {PAPER_RUNS} runs. With "
        f"`{recipe.network.backbone}` at {recipe.input.height} x "
        f"{recipe.input.width} and the rates above ({devices.describe(device)}), in hours:\n\n"
        + harness.table(["recipe", "images trained on", *parts, "together"], rows)
    )


def _scoring(recipe: Recipe, device: str, target: tuple[int, int]) -> float:
    """Seconds of one search of random features in a gallery of a target's size, six images a person."""
    queries, gallery = target
    width = int(model.new(recipe.network, 2, 0).backbone.width)
    rng = np.random.default_rng(0)
    features = torch.from_numpy(rng.normal(size=(queries + gallery, width)).astype(np.float32)).to(device)
    people = rng.integers(0, gallery // 6, len(features))
    sides = (features[:queries], features[queries:], people[:queries], people[queries:])
    return min(_wall(lambda: score(*sides), device) for _ in range(2))


def _constant(recipe: Recipe, labels: np.ndarray, device: str) -> Callable[[int], None]:
    """The training loop without its data: one batch, made once."""
    dtype = devices.precision(recipe.compute.precision, device)
    people = torch.arange(recipe.batch.size, device=device) // recipe.batch.images
    height, width = recipe.input.height, recipe.input.width
    blank = torch.zeros(recipe.batch.size, height, width, 3, dtype=torch.uint8, device=device)
    batch, step = augment.normalised(blank, dtype), _stepper(recipe, device, PEOPLE)

    def loop(steps: int) -> None:
        for _ in range(steps):
            step(batch, people)

    return loop


def _stepper(recipe: Recipe, device: str, people: int) -> Callable[[torch.Tensor, torch.Tensor], None]:
    """One step of the recipe's network on a batch that is there."""
    dtype = devices.precision(recipe.compute.precision, device)
    network = model.new(recipe.network, people, 0, device).train()
    optimizer, mode = training._optimizer(network, recipe.optimizer), recipe.compute.compile
    computed = network if mode == "no" else torch.compile(network, mode=mode, dynamic=False)

    def step(batch: torch.Tensor, labels: torch.Tensor) -> None:
        if mode in training.REPLAYED:
            torch.compiler.cudagraph_mark_step_begin()
        with torch.autocast(device.split(":")[0], dtype, enabled=dtype != torch.float32):
            features, logits = computed(batch)
        loss = losses.total(features, logits, labels, recipe.loss)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    return step


def _renders(root: Path) -> Path:
    """1,024 JPEGs in the size of GPR+."""
    rng = np.random.default_rng(0)
    for path in _paths():
        coarse = rng.integers(0, 256, (24, 10, 3), dtype=np.uint8)
        (root / path).write_bytes(images.encode_jpeg(images.resize(coarse, 470, 200)))
    return root


def _paths() -> list[str]:
    return [f"{i}.jpg" for i in range(RENDERS)]


def _packing(root: Path, recipe: Recipe) -> tuple[str, float]:
    """The table, and images packed a second and core."""
    height, width, paths = recipe.input.height, recipe.input.width, _paths()
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
    return sentence + "\n\n" + harness.table(
        ["", "images a processor second", "time over floor"], table
    ), RENDERS / whole


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
