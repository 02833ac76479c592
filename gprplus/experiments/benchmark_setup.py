"""Preparation of a benchmark: everything that is decided and checked before images are packed and
networks trained."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from gprplus.baseline import distributed, image_store
from gprplus.baseline.distributed import ProcessGroup
from gprplus.baseline.recipe import Recipe
from gprplus.core.benchmark_options import BenchmarkOptions
from gprplus.core.parallel import Progress, threads_each, worker_count
from gprplus.experiments import run_files, schedule, split_job
from gprplus.experiments.benchmark_result import BenchmarkCost
from gprplus.experiments.split_job import SplitJob
from gprplus.schema.records import Protocol
from gprplus.statistics.summary import UNTRAINED

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class ComputePlace:
    """Where runs are trained.

    Attributes:
        device: name of the device of this process.
        group: the processes of a launch by `torchrun`, often this one alone.
        jobs: runs at a time.
        threads: threads of each run; None on a GPU.
    """

    device: str
    group: ProcessGroup
    jobs: int
    threads: int | None

    @classmethod
    def of(cls, options: BenchmarkOptions) -> "ComputePlace":
        """Join the processes of the launch and divide the cores."""
        device = distributed.local_device(schedule.resolve_device(options.device))
        group, gpu = distributed.join_process_group(device), device.startswith("cuda")
        jobs = 1 if group.size > 1 else options.jobs or (1 if gpu else worker_count(None))
        threads = None if gpu else threads_each(jobs * distributed.local_process_count())
        return cls(device, group, jobs, threads)


@dataclass(frozen=True)
class ChosenRecipe:
    """The recipe of all runs, with the options of the request, and why it was selected."""

    recipe: Recipe
    why: str


@dataclass(frozen=True)
class ImageSources:
    """The images of a request: what is packed, where, and at what cost, by name of the source.

    Attributes:
        rows: table of images and roots of their datasets.
        store: folder of packed images.
        size: height and width of a packed image, in pixels.
        costs: what packing takes.
    """

    rows: "Mapping[str, tuple[pa.Table, Mapping[str, Path]]]"
    store: Path
    size: tuple[int, int]
    costs: Mapping[str, image_store.PackingCost]

    @classmethod
    def of(cls, cases: Sequence[SplitJob], recipe: Recipe, store: Path) -> "ImageSources":
        """Find the images of splits and targets, and which of them are packed already."""
        rows, size = split_job.image_sources(cases), (recipe.input.height, recipe.input.width)
        costs = {
            name: image_store.packing_cost(table, roots, store, *size)
            for name, (table, roots) in rows.items()
        }
        return cls(rows, store, size, costs)

    @property
    def digests(self) -> dict[str, str]:
        """Return the digest of the images of each source."""
        return {name: cost.digest for name, cost in self.costs.items()}

    def totals(self) -> tuple[int, int, int]:
        """Return images, those of them to pack, and bytes of these; what several splits share is
        counted once."""
        costs = list(self.costs.values())
        images = len(reduce(np.union1d, (cost.wanted for cost in costs)))
        missing = len(reduce(np.union1d, (cost.missing for cost in costs)))
        return images, missing, missing * costs[0].bytes_each

    def pack(self, progress: Progress) -> dict[str, image_store.ImageStore]:
        """Pack what is missing, and return the stores."""
        return {
            name: image_store.pack_images(table, roots, self.store, *self.size, progress=progress)
            for name, (table, roots) in self.rows.items()
        }


@dataclass(frozen=True, eq=False)
class BenchmarkSetup:
    """A request that can be met.

    Attributes:
        cases: the splits, each with its run folder, recipe and targets.
        options: options of the request, with the recipe that was selected.
        place: where runs are trained.
        images: images to pack.
        planned: counts of runs and images.
        weights_note: what of the first weights did not fit; "" if all did.
    """

    cases: list[SplitJob]
    options: BenchmarkOptions
    place: ComputePlace
    images: ImageSources
    planned: BenchmarkCost
    weights_note: str

    @property
    def seeds(self) -> range:
        """Return the numbers of the training seeds."""
        return range(self.planned.first_seed, self.planned.first_seed + self.planned.seeds)


def choose_recipe(name: str | Path, device: str) -> tuple[Recipe, str]:
    """Return the recipe of a name or file on a device, and why it is that one."""
    if str(name) != "auto":
        return Recipe.read(name), "given"
    gpu = device.startswith("cuda")
    return Recipe.read("fast" if gpu else "quick"), f"auto, on {'a GPU' if gpu else 'a processor'}"


def recipe_of(options: BenchmarkOptions, place: ComputePlace) -> ChosenRecipe:
    """Return the recipe of a request. Raises TrainingError if the processes cannot share its
    batches."""
    chosen, why = choose_recipe(options.recipe, place.device)
    chosen = chosen.with_options(
        backbone=options.backbone,
        weights=None if options.weights is None else str(options.weights),
        partial_weights=options.partial_weights,
        steps=options.steps,
        epochs=options.epochs,
        compile=options.compile,
        precision=options.precision,
    )
    place.group.check_divisible(chosen.batch.identities)
    return ChosenRecipe(chosen, why)


def set_up_benchmark(
    splits: Sequence[Path],
    output: Path,
    options: BenchmarkOptions,
    place: ComputePlace,
    chosen: ChosenRecipe,
    *,
    of_study: bool = False,
    force: bool = False,
) -> BenchmarkSetup:
    """Open splits, targets and earlier runs, and check them.

    Args:
        splits: folders of splits.
        output: folder of the runs; packed images are in `store` next to it.
        options: options of the request.
        place: where runs are trained.
        chosen: recipe of all runs.
        of_study: the splits are all there will be, so that equal epochs of a recipe make the same
            steps for all of them.
        force: the results of another request will be replaced.

    Raises:
        GprplusError: the request cannot be met.
        RequestChanged: the folder holds the results of another request, and `force` is not set.
    """
    recipe, group = chosen.recipe, place.group
    given = recipe.name if str(options.recipe) == "auto" else options.recipe
    options = replace(options, recipe=given, shard=None, track=None)
    note = _weights_note(recipe)
    named = split_job.NamedTargets(options.targets, cast(Protocol | None, options.protocol))
    cases = split_job.open_jobs(
        splits,
        output,
        recipe,
        named,
        options.roots,
        force=force,
        rerank=options.rerank,
        as_one=of_study,
    )
    images = ImageSources.of(cases, recipe, output.parent / "store")
    arms = [arm for case in cases for arm in case.split.record.arms.values()]
    for people in {deal.identities for arm in arms for deal in arm.every_deal}:
        group.check_divisible(min(recipe.batch.identities, people))
    for case in cases:
        split_job.check_images_unchanged(case, images.digests, force=force)
    changed = split_job.check_files_unchanged(cases, force=force)
    count = options.seeds or recipe.seeds
    seeds = range(options.first_seed, options.first_seed + count)
    planned = BenchmarkCost(
        recipe.name,
        chosen.why,
        schedule.describe_device(place.device),
        place.jobs,
        count,
        *_counts(cases, seeds, force),
        *images.totals(),
        first_seed=options.first_seed,
        warnings=(*filter(None, [note]), *changed, *_warnings(cases, count)),
    )
    return BenchmarkSetup(cases, options, place, images, planned, note)


def _weights_note(recipe: Recipe) -> str:
    """Make the network and fill it once, so that a wrong name or file is found before anything is
    done for it. Returns what of its first weights did not fit ("" when all did).

    Published weights are fetched here, once, and not by several runs at a time.
    """
    from gprplus.baseline.network import model
    from gprplus.baseline.network import pretrained as weights

    backbone = model.build_model(recipe.network, 2, 0).backbone
    return weights.load_pretrained(backbone, recipe.network).gaps()


def _counts(cases: Sequence[SplitJob], seeds: Sequence[int], force: bool) -> tuple[int, int, int]:
    """Runs to train, runs that share another's training, runs that are done."""
    kept, distinct, total = 0, set(), 0
    for case in cases:
        arms = case.split.record.arms
        for arm in (*arms, UNTRAINED):
            for seed in seeds:
                total += 1
                if not force and run_files.read_run_record(case.folder / arm / f"seed{seed}"):
                    kept += 1
                else:
                    rows = arms[arm].dealt_to(seed).fingerprint if arm in arms else UNTRAINED
                    distinct.add((rows, seed))
    return len(distinct), total - kept - len(distinct), kept


def _warnings(cases: Sequence[SplitJob], seeds: int) -> list[str]:
    found = [
        sentence for case in cases for target in case.targets for sentence in target.warnings()
    ]
    found += [sentence for case in cases for sentence in schedule.reused_deals(case.split, seeds)]
    return list(dict.fromkeys(found))
