"""The benchmark: every arm and seed of every split trained with one recipe, scored on every target,
collected and reported.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial, reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from gprplus import schema
from gprplus.baseline import distributed, image_store
from gprplus.baseline.distributed import ProcessGroup
from gprplus.baseline.recipe import Recipe
from gprplus.core.benchmark_options import BenchmarkOptions
from gprplus.core.commands import Word
from gprplus.core.errors import RequestChanged, TrainingError
from gprplus.core.executors.shards import requested_shard
from gprplus.core.files import workdir
from gprplus.core.files.folders import clear_output
from gprplus.core.files.paths import AnyPath, as_list
from gprplus.core.options import accepts, combined
from gprplus.core.parallel import (
    Progress,
    describe_progress,
    no_progress,
    threads_each,
    worker_count,
)
from gprplus.core.progress import shows_progress
from gprplus.experiments import collect, cost_estimate, run_files, schedule, split_job
from gprplus.experiments import sensitivity as settings
from gprplus.experiments.benchmark_result import BenchmarkCost, BenchmarkResult
from gprplus.experiments.first_seed import FirstScores, FirstSeed, ignore_first_seed
from gprplus.experiments.precision_choice import choose_precision
from gprplus.experiments.run import TrainingRun
from gprplus.experiments.run_progress import packing_progress
from gprplus.experiments.split_job import SplitJob
from gprplus.experiments.tracking.choose import open_tracker
from gprplus.experiments.tracking.follower import follow_runs
from gprplus.schema import stored
from gprplus.schema.records import Protocol
from gprplus.statistics.effects import EffectTables
from gprplus.statistics.summary import UNTRAINED

if TYPE_CHECKING:
    import pyarrow as pa


@shows_progress("Training and scoring")
@accepts(BenchmarkOptions)
def benchmark(
    splits: AnyPath | Sequence[AnyPath],
    output: AnyPath | None = None,
    options: BenchmarkOptions | None = None,
    *,
    dry_run: bool = False,
    force: bool = False,
    progress: Progress = no_progress,
    on_first_seed: Callable[[FirstScores], None] = ignore_first_seed,
    **changes: Any,
) -> BenchmarkResult:
    """Train and score every arm and seed of splits, and write tables and a report for each.

    Everything goes to OUTPUT/SPLIT/RECIPE; images are packed into the folder `store` next to
    OUTPUT. Finished runs stay: more seeds, splits or targets only add runs. Under `torchrun` all
    processes train one run after the other.

    Args:
        splits: one split or several, or their folders.
        output: folder of the runs; by default WORK/runs (WORK: $GPRPLUS_WORK, else work/).
        options: all options at once; the keywords below change single fields of it.
        dry_run: return the number of runs and their cost, and do nothing.
        force: replace the results of another request in the output folder.
        progress: called with the number of steps done and of all steps.
        on_first_seed: called with the scores of the first seed when all arms of a split have them.

    Raises:
        GprplusError: before any training, if the request cannot be met.
        RequestChanged: the folder holds the results of other options or other images, and `force`
            is not set.
    """
    given = combined(BenchmarkOptions, options, changes, "benchmark")
    folder = workdir.work_folder() / "runs" if output is None else Path(output)
    return run_benchmark(
        as_list(splits),
        folder,
        given,
        dry_run=dry_run,
        force=force,
        progress=progress,
        on_first_seed=on_first_seed,
    )


def run_benchmark(
    splits: Sequence[Path],
    output: Path,
    options: BenchmarkOptions,
    *,
    command: Sequence[Word] = (),
    dry_run: bool = False,
    force: bool = False,
    progress: Progress = no_progress,
    on_first_seed: Callable[[FirstScores], None] = ignore_first_seed,
) -> BenchmarkResult:
    """Run a benchmark by itself, or as part of a study.

    `command` are the words of the study's command, for reports. The splits of a study are all there
    will be, so that equal epochs of a recipe make the same steps for all of them.
    """
    begun = time.perf_counter()
    shard = requested_shard(options.shard, TrainingError, force=force)
    device = distributed.local_device(schedule.resolve_device(options.device))
    group = distributed.join_process_group(device)
    track = options.track if group.first and not dry_run else None
    tracker = open_tracker(track, output.parent / "tracking") if track else None
    options = replace(options, shard=None, track=None)
    chosen, why = choose_recipe(options.recipe, device)
    recipe = chosen.name if str(options.recipe) == "auto" else options.recipe
    options = replace(options, recipe=recipe)
    chosen = chosen.with_options(
        backbone=options.backbone,
        weights=None if options.weights is None else str(options.weights),
        partial_weights=options.partial_weights,
        steps=options.steps,
        epochs=options.epochs,
        compile=options.compile,
        precision=options.precision,
    )
    gpu = device.startswith("cuda")
    jobs = 1 if group.size > 1 else options.jobs or (1 if gpu else worker_count(None))
    threads = None if gpu else threads_each(jobs * distributed.local_process_count())
    group.check_divisible(chosen.batch.identities)
    if not group.first and not dry_run:
        group.barrier()  # until the first has ingested, packed and recorded, so that the rest of this finds it done
    note = _weights_note(chosen)
    wanted = split_job.open_jobs(
        splits,
        output,
        chosen,
        split_job.NamedTargets(options.targets, cast(Protocol | None, options.protocol)),
        options.roots,
        force=force,
        rerank=options.rerank,
        as_one=bool(command),
    )
    images = split_job.image_sources(wanted)
    folder, height, width = output.parent / "store", chosen.input.height, chosen.input.width
    costs = {
        name: image_store.packing_cost(rows, where, folder, height, width)
        for name, (rows, where) in images.items()
    }
    digests = {name: cost.digest for name, cost in costs.items()}
    arms = [arm for case in wanted for arm in case.split.record.arms.values()]
    for people in {deal.identities for arm in arms for deal in arm.every_deal}:
        group.check_divisible(min(chosen.batch.identities, people))
    for case in wanted:
        split_job.check_images_unchanged(case, digests, force=force)
    changed = split_job.check_files_unchanged(wanted, force=force)
    count = options.seeds or chosen.seeds
    seeds = range(options.first_seed, options.first_seed + count)
    planned = BenchmarkCost(
        chosen.name,
        why,
        schedule.describe_device(device),
        jobs,
        count,
        *_counts(wanted, seeds, force),
        **_packing(list(costs.values())),
        first_seed=options.first_seed,
        warnings=(*filter(None, [note]), *changed, *_warnings(wanted, count)),
    )
    if dry_run:
        wanted = choose_precision(wanted, device, threads, resume=not force)
        setup = time.perf_counter() - begun
        describe_progress(progress, cost_estimate.MEASURING, None)
        parts = cost_estimate.estimate_request(
            wanted,
            planned,
            list(costs.values()),
            device,
            threads,
            force=force,
            again=sum(
                settings.steps_again(case.recipe, case.split.record, count)
                for case in (wanted if options.sensitivity else ())
            ),
            group=group.size,
        )
        parts["starting"] += setup
        return BenchmarkResult(replace(planned, seconds=sum(parts.values()), parts=parts))
    with ExitStack() as held:
        for case in wanted if group.first else ():
            held.enter_context(split_job.hold_run_folder(case, force=force, wait=shard is not None))
            if force:
                clear_output(case.folder, split_job.KIND, RequestChanged)
        wanted = choose_precision(wanted, device, threads)
        packs = {
            name: image_store.pack_images(
                rows, where, folder, height, width, progress=packing_progress(progress)
            )
            for name, (rows, where) in images.items()
        }
        training_runs = [
            one
            for case in wanted
            for one in _training_runs(case, seeds, packs, device, threads, jobs)
        ]
        if group.first:
            for case in wanted:
                split_job.write_record(case, device, digests, note, options, output, command)
            group.barrier()
        if shard:  # the others may prepare now; each run has a folder
            held.close()
            training_runs = schedule.shard_runs(training_runs, shard)
        first_seed = FirstSeed(wanted, seeds, on_first_seed)
        scores = sum(len(one.targets) for one in training_runs)
        after = partial(cost_estimate.reporting_seconds, len(wanted), scores)
        with schedule.few_threads(threads), follow_runs(tracker, output) as follower:
            schedule.execute_runs(
                training_runs, jobs, progress, group, first_seed.scored, after, follower
            )
            if shard:
                return BenchmarkResult(planned)
            margin = options.margin_points / 100
            found = [_collect(case, margin) if group.first else None for case in wanted]
            if options.sensitivity:
                for case, effects in zip(wanted, found, strict=True):
                    again = partial(_training_runs, case, seeds, packs, device, threads, jobs)
                    _run_sensitivity(case, effects, again, jobs, progress, group, margin)
            if not group.first:
                return BenchmarkResult(planned)
            result = _written(wanted, found, planned)
            for case in wanted:
                follower.add_report(case.folder, case.recipe.resolved())
        return result


def _warnings(wanted: Sequence[SplitJob], seeds: int) -> list[str]:
    found = [
        sentence for case in wanted for target in case.targets for sentence in target.warnings()
    ]
    found += [sentence for case in wanted for sentence in schedule.reused_deals(case.split, seeds)]
    return list(dict.fromkeys(found))


def choose_recipe(name: str | Path, device: str) -> tuple[Recipe, str]:
    """Return the recipe of a name or file on a device, and why it is that one."""
    if str(name) != "auto":
        return Recipe.read(name), "given"
    gpu = device.startswith("cuda")
    return Recipe.read("fast" if gpu else "quick"), f"auto, on {'a GPU' if gpu else 'a processor'}"


def _weights_note(recipe: Recipe) -> str:
    """Make the network and fill it once, so that a wrong name or file is found before anything is
    done for it. Returns what of its first weights did not fit ("" when all did).

    Published weights are fetched here, once, and not by several runs at a time.
    """
    from gprplus.baseline.network import model
    from gprplus.baseline.network import pretrained as weights

    backbone = model.build_model(recipe.network, 2, 0).backbone
    return weights.load_pretrained(backbone, recipe.network).gaps()


def _counts(wanted: Sequence[SplitJob], seeds: Sequence[int], force: bool) -> tuple[int, int, int]:
    """Runs to train, runs that share another's training, runs that are done."""
    kept, distinct, total = 0, set(), 0
    for case in wanted:
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


def _packing(costs: Sequence[image_store.PackingCost]) -> dict[str, Any]:
    """Images, those of them to pack, and their bytes; what several splits share is counted once."""
    images = len(reduce(np.union1d, (cost.wanted for cost in costs)))
    missing = len(reduce(np.union1d, (cost.missing for cost in costs)))
    return {"images": images, "missing": missing, "bytes": missing * costs[0].bytes_each}


def _training_runs(
    case: SplitJob,
    seeds: Sequence[int],
    packs: Mapping[str, image_store.ImageStore],
    device: str,
    threads: int | None,
    jobs: int,
    *,
    recipe: Recipe | None = None,
    folder: Path | None = None,
    arms: Sequence[str] | None = None,
) -> list[TrainingRun]:
    """The runs of a case, or of some of its `arms` with another recipe in another folder."""
    scored = [(target, packs[split_job.source_of(case, target)]) for target in case.targets]
    pack = packs[f"split {case.split.name}"]
    whose = (case.split.name, case.split.record.fingerprint)
    where, how = folder or case.folder, case.run_recipe(recipe)
    base = TrainingRun(
        where, *whose, UNTRAINED, 0, how, None, tuple(scored), device, threads, jobs=jobs
    )
    found = schedule.build_runs(case.split, seeds, pack, base)
    return [one for one in found if arms is None or one.arm in arms]


Collected = tuple["pa.Table", "pa.Table", EffectTables]  # results, summary, effects


def _collect(case: SplitJob, margin: float) -> Collected:
    return collect.collect_results(case.folder, case.split.record, margin)


def _run_sensitivity(
    case: SplitJob,
    collected: Collected | None,
    training_runs: Callable[..., list[TrainingRun]],
    jobs: int,
    progress: Progress,
    group: ProcessGroup,
    margin: float,
) -> None:
    """Train the widest difference again with other settings, and write schema.SENSITIVITY; nothing
    without a reference that arms are compared with. `training_runs(recipe=..., folder=..., arms=...)` are
    the runs of some arms.
    """
    base = collected[2].contrasts if collected else None
    arm = group.broadcast(settings.widest_contrast(base.to_pylist()) if base else None)
    if arm is None:
        return
    split, folder = case.split.record, case.folder / settings.FOLDER
    pair = (arm, str(split.reference))
    found = settings.recipe_variants(case.recipe, [split.arms[name].images for name in pair])
    runs_ = [
        one
        for v in found
        for one in training_runs(recipe=v.recipe, folder=folder / v.folder, arms=pair)
    ]
    schedule.execute_runs(runs_, jobs, progress, group)
    if base is not None:
        table = settings.compare_variants(base, folder, found, arm, split, margin)
        workdir.write_table(case.folder / settings.TABLE, table)


def _written(
    wanted: Sequence[SplitJob], found: Sequence[Collected | None], planned: BenchmarkCost
) -> BenchmarkResult:
    """Write the reports of collected runs."""
    from gprplus.reporting import write_report

    kept = [one for one in found if one is not None]
    summaries, effects = [one[1] for one in kept], [one[2] for one in kept]
    contrasts, levels = [one.contrasts for one in effects], [one.levels for one in effects]
    folders = [case.folder for case in wanted]
    written = [path for path in write_report.write_reports(folders) if path.suffix == ".html"]
    about = [split_job.experiment(case) for case in wanted]
    paths = [case.folder / settings.TABLE for case in wanted]
    again = [_sensitivity(path) if path.is_file() else None for path in paths]
    logit = [one.logit for one in effects]
    tables = map(tuple, (folders, summaries, contrasts, levels, again, logit, about, written))
    return BenchmarkResult(planned, *tables)


def _sensitivity(path: Path) -> "pa.Table":
    advice = "Run the benchmark again with --sensitivity."
    return stored.read_table(path, schema.SENSITIVITY, TrainingError, advice)
