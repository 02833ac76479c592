"""`construct --dry-run`: renders, trainings, hours and money, with rates measured on this machine."""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gprplus.baseline import distributed, timing
from gprplus.baseline.recipe import Recipe
from gprplus.core.errors import PlanError
from gprplus.core.files.folders import claim_folder
from gprplus.core.files.paths import AnyPath
from gprplus.core.files.workdir import work_folder
from gprplus.core.parallel import threads_each, worker_count
from gprplus.engine import render
from gprplus.evaluation.targets import target_of_manifest
from gprplus.experiments import cost_estimate, schedule
from gprplus.experiments.construction.construct_file import ConstructFile, read_construct
from gprplus.experiments.construction.options import ConstructOptions
from gprplus.experiments.construction.run_construct import (
    KIND,
    construct_cells,
    open_targets,
    with_options,
)
from gprplus.experiments.run_benchmark import choose_recipe
from gprplus.planning.options import engine_of

CONTROLS = 3  # sets of the test besides the constructed ones and the random ones
_VIEWPOINTS = 4  # of the images that are drawn to measure the engine
_FEW, _MANY = 4, 28  # identities of them
_FILES = 32  # images of targets that are read to measure reading
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
) -> ConstructCost:
    """Return the cost of a construction; nothing but manifests of its targets is written.

    The engine is timed on a few images, training and embedding as for `benchmark --dry-run`.
    """
    plan, _ = read_construct(file)
    plan = with_options(plan, given)
    base = work_folder(work)
    home = Path(output) if output else base / "constructions" / plan.construct.name
    claim_folder(home, KIND, PlanError)
    targets = open_targets(plan, base, home)
    device = distributed.local_device(schedule.resolve_device(given.device))
    recipe = choose_recipe(plan.recipe, device)[0].with_options(
        backbone=plan.backbone,
        weights=None if plan.weights is None else str(plan.weights),
        steps=plan.steps,
        epochs=plan.epochs,
    )
    gpu = device.startswith("cuda")
    jobs = 1 if gpu else given.jobs or worker_count(None)
    images = {name: one.record.counts["images"] for name, one in targets.items()}
    work_todo = count_work(plan, recipe, images)
    target = target_of_manifest(plan.target_name, targets[plan.target_name], "identity")
    rates = cost_estimate.measure_rates(
        recipe,
        device,
        None if gpu else threads_each(jobs),
        jobs,
        cost_estimate.Workload(steps=1, embedded=1),
        [target],
    )
    drawn = seconds_a_render(plan)
    packed = timing.packing_seconds(_some_paths(targets), recipe.input.height, recipe.input.width)
    renders, looks, tests, steps, embedded = work_todo
    parts = (
        CostPart("rendering", renders, "images", renders * drawn),
        CostPart("reading", renders, "images", renders * packed),
        CostPart(
            "trainings of trials",
            looks,
            "runs",
            (looks * (rates.training + steps[0] * rates.step)) / jobs,
        ),
        CostPart(
            "trainings of the test",
            tests,
            "runs",
            (tests * (rates.training + steps[1] * rates.step)) / jobs,
        ),
        CostPart("embedding", embedded, "images", embedded * rates.embedded / jobs),
    )
    return ConstructCost(
        parts, schedule.describe_device(device), given.price_per_hour or plan.price_per_hour
    )


def count_work(
    plan: ConstructFile, recipe: Recipe, images: dict[str, int]
) -> tuple[int, int, int, tuple[int, int], int]:
    """Return the renders at most, the trainings of trials and of the test, the steps of one of
    either, and the images to embed; `images` counts those of each target."""
    rounds, size = plan.rounds, plan.rounds.size
    cells = len(construct_cells(plan))
    probes = min(rounds.probe, size.identities) * cells if "matched" in rounds.methods else 0
    sets = 1 + CONTROLS + rounds.random_draws
    tried = 2 * rounds.looks * size.total
    renders = tried + 2 * probes + (sets - 2) * size.total
    looks = 2 * rounds.rounds * rounds.looks * rounds.look_seeds
    tests = sets * (plan.seeds or recipe.seeds)
    final = recipe.steps(size.total)
    steps = (rounds.look_steps or final, final)
    own = images[plan.target_name]
    embedded = looks * sum(images.values()) // 4 + tests * own
    return renders, looks, tests, steps, embedded


def seconds_a_render(plan: ConstructFile) -> float:
    """Return the seconds that the engine takes for an image on this machine: the time of many
    identities minus that of a few, one cell of each viewpoint, since trials seldom share more."""
    with tempfile.TemporaryDirectory() as folder:
        engine = engine_of(plan.renders) | {"device": plan.renders.device}
        each = {"viewpoints": _VIEWPOINTS, "weathers": ("foggy",), "illuminations": ("noon",)}

        def timed(identities: int) -> float:
            start = time.perf_counter()
            render(Path(folder) / str(identities), identities=identities, **each, **engine)
            return time.perf_counter() - start

        timed(1)  # loads what the engine needs
        few, many = timed(_FEW), timed(_MANY)
    return max(many - few, many / 4) / ((_MANY - _FEW) * _VIEWPOINTS)


def _some_paths(targets: dict[str, Any]) -> list[str]:
    """Some image files of the targets."""
    found = []
    for manifest in targets.values():
        roots = manifest.roots()
        rows = manifest.images(["dataset", "path"]).slice(0, _FILES).to_pylist()
        found += [f"{roots[row['dataset']]}/{row['path']}" for row in rows]
    return found
