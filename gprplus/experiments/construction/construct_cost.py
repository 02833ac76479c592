"""`construct --dry-run`: renders, trainings, hours and money, with rates measured on this machine."""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gprplus.baseline import distributed, timing
from gprplus.baseline.recipe import Recipe
from gprplus.core.errors import PlanError
from gprplus.core.files.folders import claim_folder
from gprplus.core.files.paths import AnyPath
from gprplus.core.files.workdir import work_folder
from gprplus.core.parallel import (
    Progress,
    describe_progress,
    no_progress,
    threads_each,
    worker_count,
)
from gprplus.experiments import cost_estimate, schedule
from gprplus.experiments.benchmark_setup import choose_recipe
from gprplus.experiments.construction import final_test
from gprplus.experiments.construction.construct_file import ConstructFile, read_construct
from gprplus.experiments.construction.options import ConstructOptions
from gprplus.experiments.construction.run_construct import KIND, open_targets, with_options
from gprplus.experiments.construction.stages import construct_cells
from gprplus.ingest import Manifest
from gprplus.planning.cells import CandidateCells
from gprplus.planning.image_deal import deal_images
from gprplus.planning.methods.matched import crossed_identities
from gprplus.planning.render_pool import RenderPool

_LIT, _DRAWN = 400, 96  # images that light the places, and further ones, drawn to time the engine
_CROSSED = 4  # further identities of the part of a probe that is drawn
_FILES = 32  # images that are read to measure reading
_HOUR = 3600.0


@dataclass(frozen=True)
class CostPart:
    """One part of the work: how many units, and the seconds of all."""

    name: str
    number: int
    unit: str
    seconds: float


@dataclass(frozen=True)
class ConstructCost:
    """Work and cost of a construction; `renders` are at most so many, since trials share images."""

    parts: tuple[CostPart, ...]
    device: str
    price_per_hour: float | None

    @property
    def seconds(self) -> float:
        """Seconds of all parts."""
        return sum(part.seconds for part in self.parts)

    @property
    def price(self) -> float | None:
        """Money for the hours of this machine; None without a price."""
        if self.price_per_hour is None:
            return None
        return self.seconds / _HOUR * self.price_per_hour

    def rows(self) -> list[list[str]]:
        """Return one row a part: its name, its number with the unit, and its time."""
        return [
            [part.name, f"{part.number:,} {part.unit}", shown_time(part.seconds)]
            for part in self.parts
        ]

    def sentences(self) -> list[str]:
        """Return the total in words."""
        found = [f"At most {shown_time(self.seconds)} on this machine ({self.device})."]
        if self.price is not None:
            found.append(f"At {self.price_per_hour:g} an hour that is {self.price:,.2f}.")
        else:
            found.append("Give --price PER_HOUR to see it in money.")
        return found

    def as_data(self) -> dict[str, Any]:
        """Return the cost for JSON."""
        parts = [
            {"name": one.name, "number": one.number, "unit": one.unit, "seconds": one.seconds}
            for one in self.parts
        ]
        return {
            "parts": parts,
            "device": self.device,
            "seconds": self.seconds,
            "price_per_hour": self.price_per_hour,
            "price": self.price,
        }


def shown_time(seconds: float) -> str:
    """A duration in seconds, minutes or hours.

    >>> shown_time(42.4), shown_time(600), shown_time(9000)
    ('42 s', '10 min', '2.5 h')
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 2 * _HOUR:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / _HOUR:,.1f} h"


def estimate_construct(
    file: str | Path,
    given: ConstructOptions,
    *,
    work: AnyPath | None = None,
    output: AnyPath | None = None,
    progress: Progress = no_progress,
) -> ConstructCost:
    """Return the cost of a construction; nothing but manifests of its targets is written.

    The engine is timed on a few images, training and embedding as for `benchmark --dry-run`;
    `progress` shows which of them is measured.
    """
    plan, _ = read_construct(file)
    plan = with_options(plan, given)
    base = work_folder(work)
    home = Path(output) if output else base / "constructions" / plan.construct.name
    device = distributed.local_device(schedule.resolve_device(given.device))
    recipe = choose_recipe(plan.recipe, device)[0].with_options(
        backbone=plan.backbone,
        weights=None if plan.weights is None else str(plan.weights),
        steps=plan.steps,
        epochs=plan.epochs,
    )
    gpu = device.startswith("cuda")
    jobs = 1 if gpu else given.jobs or worker_count(None)
    todo = count_work(plan, recipe, _target_images(plan, base, home))
    describe_progress(progress, cost_estimate.MEASURING, None)
    rates = cost_estimate.measure_rates(
        recipe,
        device,
        None if gpu else threads_each(jobs),
        jobs,
        cost_estimate.Workload(steps=1, embedded=1),
        [],
    )
    describe_progress(progress, "measuring the speed of rendering", None)
    drawn = measure_rendering(plan, (recipe.input.height, recipe.input.width))
    alone = 0.0 if gpu else rates.process  # runs start in processes

    def trained(runs: int, steps: int) -> float:
        return runs * (rates.training + steps * rates.step) / jobs

    images = todo.probes + todo.renders
    parts = (
        CostPart("rendering probes", todo.probes, "images", todo.probes * drawn.crossed),
        CostPart(
            "rendering sets",
            todo.renders,
            "images",
            todo.renders * drawn.apart + todo.draws * drawn.start,
        ),
        CostPart("reading", images, "images", images * drawn.read),
        CostPart("trainings of trials", todo.looks, "runs", trained(todo.looks, todo.steps[0])),
        CostPart("trainings of the test", todo.tests, "runs", trained(todo.tests, todo.steps[1])),
        CostPart("embedding", todo.embedded, "images", todo.embedded * rates.embedded / jobs),
        CostPart(
            "starting and reporting",
            todo.benchmarks,
            "benchmarks",
            todo.benchmarks * alone
            + cost_estimate.reporting_seconds(todo.benchmarks, todo.looks + 2 * todo.tests, alone),
        ),
    )
    return ConstructCost(
        parts, schedule.describe_device(device), given.price_per_hour or plan.price_per_hour
    )


def _target_images(plan: ConstructFile, base: Path, home: Path) -> dict[str, int]:
    """Return the number of images of each target: of its manifest, or as the file states it."""
    if set(plan.target_images) >= {plan.target_name, plan.other_name}:
        return plan.target_images
    claim_folder(home, KIND, PlanError)
    targets = open_targets(plan, base, home)
    return {name: one.record.counts["images"] for name, one in targets.items()}


@dataclass(frozen=True)
class ConstructWork:
    """Work of a construction.

    Attributes:
        probes: images of the probes of methods.
        renders: images of sets, at most.
        draws: calls of the engine that draw sets.
        looks: trainings of trials.
        tests: trainings of the test.
        steps: optimizer steps of one of either.
        embedded: images to embed.
        benchmarks: calls of `benchmark`, one for each round and target and one for the test.
    """

    probes: int
    renders: int
    draws: int
    looks: int
    tests: int
    steps: tuple[int, int]
    embedded: int
    benchmarks: int


def count_work(plan: ConstructFile, recipe: Recipe, images: dict[str, int]) -> ConstructWork:
    """Count the work of a construction whose targets have so many `images`."""
    rounds, size = plan.rounds, plan.rounds.size
    sets = len(final_test.MEANING)
    looks = 2 * rounds.rounds * rounds.looks * rounds.look_seeds
    seeds = plan.seeds or recipe.seeds
    final = recipe.steps(size.total)
    untrained = 2 * rounds.rounds * rounds.look_seeds  # they are scored like trials
    halves = (looks + untrained) * sum(images.values()) // 4
    return ConstructWork(
        probes=_probe_images(plan),
        renders=(2 * rounds.looks + sets * seeds - 2) * size.total,
        draws=2 * rounds.rounds + 1,
        looks=looks,
        tests=sets * seeds,
        steps=(rounds.look_steps or final, final),
        embedded=halves + (sets + 1) * seeds * images[plan.target_name],
        benchmarks=2 * rounds.rounds + 1,
    )


def _probe_images(plan: ConstructFile) -> int:
    """Images of the probes of both targets. The target itself always gets that of matched, for the
    set in one step; it has the images of descent too."""
    cells = construct_cells(plan)
    crossed = crossed_identities(len(cells), plan.rounds.probe) * len(cells)
    levels = sum(len(each) for each in cells.levels.values() if len(each) > 1)
    descent = min(plan.rounds.probe * levels * plan.rounds.sweeps, crossed)
    if "matched" in plan.rounds.methods:
        return 2 * crossed
    return crossed + (descent if "descent" in plan.rounds.methods else 0)


@dataclass(frozen=True)
class RenderingRates:
    """Seconds of a call of the engine for a set apart from its images, and for an image: `crossed`
    of a probe, `apart` of a set, and `read` to read it for training."""

    start: float
    crossed: float
    apart: float
    read: float


def measure_rendering(plan: ConstructFile, read_size: tuple[int, int]) -> RenderingRates:
    """Draw a few identities and more of them, as the trials of a round and as a probe have them;
    images of more cells of one viewpoint take less time each."""
    cells = construct_cells(plan)
    each = max(plan.rounds.size.images // plan.rounds.rounds, 1)
    # Few identities are enough to light all cells, so that more of them cost their images alone.
    few, more = -(-min(len(cells), _LIT) // each), -(-_DRAWN // each)
    people = [f"{i:04d}" for i in range(1, max(few + more, 1 + _CROSSED) + 1)]
    even = np.full(len(cells), 1 / len(cells))
    with tempfile.TemporaryDirectory() as folder:
        manifests: list[Manifest] = []

        def timed(name: str, dealt: np.ndarray) -> float:
            pool = RenderPool(Path(folder) / name, cells, plan.renders)
            start = time.perf_counter()
            manifests.append(pool.draw(dealt, people[: len(dealt)]))
            return time.perf_counter() - start

        def timed_set(count: int) -> float:
            return timed(f"set-{count}", deal_images(even, count, each, 0))

        view = np.all(cells.codes[:, _view_factors(cells)] == 0, axis=1)
        crossed = _CROSSED * int(view.sum())
        timed("warm", np.arange(len(cells))[None, :] == 0)
        first, whole = timed_set(few), timed_set(few + more)
        one, other = (timed(f"view-{n}", np.outer([True] * n, view)) for n in (1, 1 + _CROSSED))
        apart = max(whole - first, whole * more / (few + more) / 2) / (more * each)
        return RenderingRates(
            max(first - few * each * apart, 0.0),
            max(other - one, other / 4) / crossed,
            apart,
            timing.packing_seconds(_some_paths(manifests[-1]), *read_size),
        )


def _view_factors(cells: CandidateCells) -> list[int]:
    """The positions of the factors that make a view, whose cells share their ray casting."""
    shared = ("weather", "illumination")
    return [place for place, name in enumerate(cells.factors) if name not in shared]


def _some_paths(manifest: Manifest) -> list[str]:
    """Some image files of a manifest."""
    roots = manifest.roots()
    rows = manifest.images(["dataset", "path"]).slice(0, _FILES).to_pylist()
    return [f"{roots[row['dataset']]}/{row['path']}" for row in rows]
