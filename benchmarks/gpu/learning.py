"""The split of `gprplus demo`, trained with `fast`: mAP after a minute, and by learning rate."""

import time
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pyarrow as pa

from benchmarks import loops
from benchmarks.gpu.machine import device_of
from benchmarks.gpu.part import PartContext
from benchmarks.gpu.speed import chunk_length, recipe_for
from gprplus.baseline import image_store
from gprplus.baseline.network.embedding import embed_images
from gprplus.baseline.recipe import Recipe, TrainingLength
from gprplus.baseline.train import TrainingResult, train, untrained_model
from gprplus.cli import demo
from gprplus.engine import render
from gprplus.evaluation.targets import Target, own_test_target
from gprplus.experiments.run import TrainingSet
from gprplus.experiments.schedule import training_set
from gprplus.ingest import build_manifest
from gprplus.splits import Split, make_split

ARM = "mix"
SECONDS = 60.0  # of a training
SCORING = 4.0  # seconds kept for its start and its scores
SHORT = 12.0  # seconds of a training of the sweep, at least
# The rate of the recipe first, then away from it: what fits the time is run.
FACTORS = (1.0, 1 / 3, 3.0, 1 / 10, 10.0)


@dataclass(frozen=True)
class Task:
    """What is trained and scored."""

    data: TrainingSet
    target: Target
    device: str

    def score(self, done: TrainingResult, recipe: Recipe) -> dict[str, Any]:
        """Score a network on the test set."""
        images = self.data.pack.images(self.target.uids)
        features = embed_images(done.model, images, recipe.compute, self.device)
        found = self.target.score(features)[0]
        return {
            "steps": done.steps,
            "images seen": done.images_seen,
            "seconds": round(done.seconds, 1),
            "mAP": round(100 * found.mAP, 2),
            "rank-1": round(100 * float(found.summary()["rank1"]), 2),
        }

    def train(self, recipe: Recipe, steps: int, seed: int = 0) -> TrainingResult:
        """Train so many steps."""
        recipe = replace(recipe, length=TrainingLength(steps=steps))
        images = self.data.pack.images(self.data.uids)
        return train(images, self.data.labels, recipe, seed, self.device, shares=self.data.shares)


def learns(context: PartContext) -> None:
    """Untrained, and after a minute of training."""
    task, recipe = _task(context)
    context.row(
        "learning",
        lambda: task.score(untrained_model(recipe, 0, task.device), recipe),
        training="untrained",
    )
    each = _step_seconds(context, recipe, task)
    steps = _steps(min(SECONDS, context.left - 2 * SCORING), each)
    context.row(
        "learning",
        lambda: task.score(task.train(recipe, steps), recipe),
        training=f"{recipe.name}, {ARM}, lr {recipe.optimizer.lr:g}",
    )


def sweep(context: PartContext) -> None:
    """As many learning rates as the time allows, each trained equally long."""
    task, recipe = _task(context)
    each = _step_seconds(context, recipe, task)
    fit = int(context.left // (SHORT + SCORING))
    factors = FACTORS[:2] if context.rehearse else FACTORS[: max(fit, 1)]
    seconds = min(context.left / len(factors) - SCORING, SECONDS)
    steps = _steps(seconds, each)
    for i, factor in enumerate(factors):
        lr = recipe.optimizer.lr * factor
        changed = replace(recipe, optimizer=replace(recipe.optimizer, lr=lr))
        context.row(
            "sweep",
            partial(_trained, task, changed, steps),
            0 if i == 0 or context.rehearse else seconds + SCORING / 2,
            lr=f"{lr:.2g}",
        )


def _trained(task: Task, recipe: Recipe, steps: int) -> dict[str, Any]:
    return task.score(task.train(recipe, steps), recipe)


def _steps(seconds: float, each: float) -> int:
    return max(2, int(seconds / each))


def _step_seconds(context: PartContext, recipe: Recipe, task: Task) -> float:
    """Seconds of a step on this data: one of few identities is smaller than the recipe's."""
    if context.rehearse:
        return 1e9
    images = task.data.pack.images(task.data.uids)[:]
    with chunk_length(context) as chunk:
        speed = loops.training_speed(recipe, images, task.data.labels, task.device, 3 * chunk)
    return max(speed.chunks) / chunk


def _task(context: PartContext) -> tuple[Task, Recipe]:
    """The demo's renders, manifest, split and store, made by the first part that asks."""
    start = time.perf_counter()
    device, home = device_of(context), context.scratch / "demo"
    people, views = (8, 3) if context.rehearse else (demo.IDENTITIES, demo.VIEWPOINTS)
    more = {"weathers": "sunny,foggy", "size": (32, 75)} if context.rehearse else {}
    split_folder = home / "weather"
    if not (split_folder / "split.json").is_file():
        # By the processor, so that the pixels are the demo's and nothing depends on the part before.
        render(
            home / "engine", identities=people, viewpoints=views,
            illuminations=demo.ILLUMINATIONS, device="cpu", **more,
        )  # fmt: skip
        build_manifest([home / "engine"], home / "manifest")
        make_split(home / "manifest", "weather", output=split_folder)
    split = Split.open(split_folder)
    recipe = recipe_for(context, "fast", 8 if context.rehearse else 256)
    size = (recipe.input.height, recipe.input.width)
    target = own_test_target(split)
    if target is None:
        raise SystemExit("the demo's split has no test set")
    names = ["uid", "dataset", "path"]
    rows = pa.concat_tables([split.train(ARM).select(names), split.test().select(names)])
    pack = image_store.pack_images(rows, split.roots(), home / "store", *size)
    data = training_set(split, ARM, pack)
    print(f"{data.identities} identities, {len(data.uids)} images, {len(target.uids)} of test;")
    print(f"prepared in {time.perf_counter() - start:.1f} s", flush=True)
    return Task(data, target, device), recipe
