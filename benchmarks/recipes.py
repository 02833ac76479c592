"""mAP against processor seconds for settings of a small training, and the order of arms after five
times the training.

`python -m benchmarks recipes` takes half an hour on two cores, with `--quick` a minute; it then
keeps no page.
"""

import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import gprplus as gpr
from benchmarks import harness
from gprplus.baseline.recipe import BatchSettings, InputSettings, Recipe, TrainingLength
from gprplus.cli import demo
from gprplus.core.parallel import map_processes, no_progress
from gprplus.experiments import run_files, schedule, split_job
from gprplus.experiments.benchmark_setup import ImageSources
from gprplus.experiments.run import TrainingRun, train_and_score
from gprplus.experiments.split_job import NamedTargets
from gprplus.statistics.summary import UNTRAINED

ARMS = ("mix", "only-sunny", "only-snowlight")  # of the table of settings
SEEDS = 2  # of the table of settings
ORDER_SEEDS = 3
LONGER = 5  # times the steps, for the order of arms

Scores = dict[str, np.ndarray]  # mAP in points of each arm: (seeds,)


@dataclass(frozen=True)
class World:
    """The demo's split in a folder; with `quick`, few identities, steps and seeds."""

    folder: Path
    quick: bool

    def draw(self) -> None:
        """Render, ingest and split."""
        renders, manifest = self.folder / "renders", self.folder / "manifest"
        identities = 12 if self.quick else demo.IDENTITIES
        sizes = {"identities": identities, "viewpoints": demo.VIEWPOINTS}
        gpr.render(renders, **sizes, illuminations=demo.ILLUMINATIONS)
        gpr.build_manifest([renders], manifest)
        gpr.make_split(manifest, "weather", output=self.folder / "weather")


def main() -> None:
    """Print the measurements, and keep them unless `--quick`."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), quick="--quick" in sys.argv)
        world.draw()
        body = _settings_table(world) + "\n\n" + _order_of_arms(world)
    if world.quick:
        print(body)
    else:
        harness.keep("recipes", "Recipes for a processor: mAP against seconds", body)


def _settings_table(world: World) -> str:
    """mAP and processor seconds of each setting."""
    rows = []
    for recipe in settings():
        scores, seconds = _measure(world, recipe, ARMS, SEEDS)
        means = [f"{scores[arm].mean():.1f}" for arm in ARMS]
        rows.append([recipe.title, f"{seconds:.1f}", *means])
    about = (
        f"The demo's split over weather ({demo.IDENTITIES} identities), means of {SEEDS} seeds,"
        " scored on its own test set. Seconds are of one run on one thread in float32: training,"
        " embedding and scoring, the fastest of all runs."
    )
    headers = ["recipe", "processor s", *(f"mAP of {arm}" for arm in ARMS)]
    return about + "\n\n" + harness.table(headers, rows)


def _order_of_arms(world: World) -> str:
    """The arms in the order of `quick`, and what each scores after more training."""
    from scipy.stats import spearmanr

    quick = Recipe.read("quick")
    short = _measure(world, quick, (), ORDER_SEEDS)[0]
    steps = quick.length.steps
    long_recipe = replace(quick, length=TrainingLength(steps=LONGER * steps))
    long = _measure(world, long_recipe, (), ORDER_SEEDS)[0]
    order = sorted(short, key=lambda arm: -short[arm].mean())
    rows = [
        [arm, *(f"{one[arm].mean():.1f} ({one[arm].std(ddof=1):.1f})" for one in (short, long))]
        for arm in order
    ]
    means = [[one[arm].mean() for arm in order] for one in (short, long)]
    same, clear = _clear_pairs(short, long)
    text = (
        f"mAP of every arm after {steps} and after {LONGER * steps} steps, mean and standard"
        f" deviation of {ORDER_SEEDS} seeds. Rank correlation (Spearman) of the means:"
        f" {spearmanr(*means).statistic:.2f}. Of {clear} pairs of arms that differ by more than"
        " twice the standard error of their difference in both, the same arm is ahead in"
        f" {same}."
    )
    headers = ["arm", f"{steps} steps", f"{LONGER * steps} steps"]
    return text + "\n\n" + harness.table(headers, rows)


def _clear_pairs(short: Scores, long: Scores) -> tuple[int, int]:
    """Pairs of arms with one order in both, and pairs that differ clearly in both."""
    arms = list(short)
    same = clear = 0
    for place, first in enumerate(arms):
        for second in arms[place + 1 :]:
            gaps = [_gap(one[first], one[second]) for one in (short, long)]
            if all(abs(gap) > 2 for gap in gaps):
                clear += 1
                same += gaps[0] * gaps[1] > 0
    return same, clear


def _gap(first: np.ndarray, second: np.ndarray) -> float:
    """The difference of two means in its standard errors."""
    error = np.sqrt((first.var(ddof=1) + second.var(ddof=1)) / len(first))
    return float((first.mean() - second.mean()) / max(error, 1e-9))


def settings() -> list[Recipe]:
    """The shipped recipes for a processor, and `quick` with one setting changed."""
    quick = Recipe.read("quick")
    shipped = [Recipe.read(name) for name in ("glance", "quick", "smoke")]
    lengths = [
        _changed(quick, f"{steps} steps", length=TrainingLength(steps)) for steps in (150, 200, 400)
    ]
    sizes = [
        _changed(quick, f"{2 * width} x {width}", input=InputSettings(2 * width, width))
        for width in (24, 40, 48)
    ]
    batches = [
        _changed(quick, f"{people} x {images} images a step", batch=BatchSettings(people, images))
        for people, images in ((8, 4), (16, 4), (8, 2))
    ]
    rates = [
        _changed(quick, f"learning rate {lr:g}", optimizer=replace(quick.optimizer, lr=lr))
        for lr in (2.5e-3, 1e-2)
    ]
    return [*shipped, *lengths, *sizes, *batches, *rates]


def _changed(recipe: Recipe, change: str, **fields: object) -> Recipe:
    return replace(recipe, title=f"quick, {change}", **fields)  # type: ignore[arg-type]


def _measure(
    world: World, recipe: Recipe, arms: tuple[str, ...], seeds: int
) -> tuple[Scores, float]:
    """Train and score arms (all if none are named), a run a core; the scores, and the processor
    seconds of the fastest run."""
    compute = replace(recipe.compute, precision="float32")  # which every processor has
    recipe = replace(recipe, compute=compute)
    if world.quick:
        recipe = replace(recipe, length=TrainingLength(steps=10))
    runs = [one for one in _runs(world, recipe, seeds) if not arms or one.arm in arms]
    scores: dict[str, list[float]] = {}
    took = []
    for arm, found, seconds in map_processes(_timed, runs):
        scores.setdefault(arm, []).append(100 * found)
        took.append(seconds)
    return {arm: np.array(found) for arm, found in scores.items()}, min(took)


def _runs(world: World, recipe: Recipe, seeds: int) -> list[TrainingRun]:
    """Every arm and seed of the split with its own test set as the only target."""
    output = Path(tempfile.mkdtemp(dir=world.folder))
    job = split_job.open_jobs(
        [world.folder / "weather"], output, recipe, NamedTargets({}), {}, force=False
    )[0]
    packs = ImageSources.of([job], recipe, world.folder / "store").pack(no_progress)
    with split_job.hold_run_folder(job, force=False):
        pass  # marked as a folder of runs
    target = job.targets[0]
    base = TrainingRun(
        job.folder,
        job.split.name,
        job.split.record.fingerprint,
        UNTRAINED,
        0,
        job.recipe,
        None,
        ((target, packs[split_job.source_of(job, target)]),),
        "cpu",
        1,
    )
    found = schedule.build_runs(job.split, range(seeds), packs[f"split {job.split.name}"], base)
    return [one for one in found if one.data is not None]


def _timed(training_run: TrainingRun) -> tuple[str, float, float]:
    """The arm, its mAP and the processor seconds of the run."""
    start = time.process_time()
    train_and_score(training_run)
    took = time.process_time() - start
    record = run_files.read_run_record(training_run.folder)
    assert record is not None
    (target,) = record.targets.values()
    return training_run.arm, float(target.scores["mAP"]), took
