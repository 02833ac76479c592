"""The benchmark: every arm and seed of every split trained with one recipe, scored on every target,
collected and reported.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gprplus import schema
from gprplus.baseline import image_store
from gprplus.baseline.recipe import Recipe
from gprplus.core.benchmark_options import BenchmarkOptions
from gprplus.core.commands import Word
from gprplus.core.errors import RequestChanged, TrainingError
from gprplus.core.executors.shards import requested_shard
from gprplus.core.files import workdir
from gprplus.core.files.folders import clear_output
from gprplus.core.files.paths import AnyPath, as_list
from gprplus.core.options import accepts, combined
from gprplus.core.parallel import Progress, describe_progress, no_progress
from gprplus.core.progress import shows_progress
from gprplus.experiments import collect, cost_estimate, schedule, split_job
from gprplus.experiments import sensitivity as settings
from gprplus.experiments.benchmark_result import BenchmarkResult
from gprplus.experiments.benchmark_setup import (
    BenchmarkSetup,
    ComputePlace,
    recipe_of,
    set_up_benchmark,
)
from gprplus.experiments.first_seed import FirstScores, FirstSeed, ignore_first_seed
from gprplus.experiments.precision_choice import choose_precision
from gprplus.experiments.run import TrainingRun
from gprplus.experiments.run_progress import packing_progress
from gprplus.experiments.split_job import SplitJob
from gprplus.experiments.tracking.choose import open_tracker
from gprplus.experiments.tracking.follower import follow_runs
from gprplus.schema import stored
from gprplus.statistics.effects import EffectTables
from gprplus.statistics.summary import UNTRAINED

if TYPE_CHECKING:
    import pyarrow as pa

Packs = Mapping[str, image_store.ImageStore]
Collected = tuple["pa.Table", "pa.Table", EffectTables]  # results, summary, effects


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
    place = ComputePlace.of(options)
    group = place.group
    track = options.track if group.first and not dry_run else None
    tracker = open_tracker(track, output.parent / "tracking") if track else None
    recipe = recipe_of(options, place)
    if not group.first and not dry_run:
        group.barrier()  # until the first has ingested, packed and recorded, so that the rest of this finds it done
    setup = set_up_benchmark(
        splits, output, options, place, recipe, of_study=bool(command), force=force
    )
    if dry_run:
        return _estimated(setup, begun, progress, force=force)
    with ExitStack() as held:
        for case in setup.cases if group.first else ():
            held.enter_context(split_job.hold_run_folder(case, force=force, wait=shard is not None))
            if force:
                clear_output(case.folder, split_job.KIND, RequestChanged)
        setup = replace(setup, cases=choose_precision(setup.cases, place.device, place.threads))
        packs = setup.images.pack(packing_progress(progress))
        training_runs = [one for case in setup.cases for one in _training_runs(setup, case, packs)]
        if group.first:
            for case in setup.cases:
                split_job.write_record(
                    case,
                    place.device,
                    setup.images.digests,
                    setup.weights_note,
                    setup.options,
                    output,
                    command,
                )
            group.barrier()
        if shard:  # the others may prepare now; each run has a folder
            held.close()
            training_runs = schedule.shard_runs(training_runs, shard)
        first_seed = FirstSeed(setup.cases, setup.seeds, on_first_seed)
        scores = sum(len(one.targets) for one in training_runs)
        after = partial(cost_estimate.reporting_seconds, len(setup.cases), scores)
        with schedule.few_threads(place.threads), follow_runs(tracker, output) as follower:
            schedule.execute_runs(
                training_runs, place.jobs, progress, group, first_seed.scored, after, follower
            )
            if shard:
                return BenchmarkResult(setup.planned)
            result = _report_runs(setup, packs, progress)
            for case in setup.cases if group.first else ():
                follower.add_report(case.folder, case.recipe.resolved())
        return result


def _estimated(
    setup: BenchmarkSetup, begun: float, progress: Progress, *, force: bool
) -> BenchmarkResult:
    """The counts of a request and an estimate of its seconds; `begun` is when it was made."""
    place, planned = setup.place, setup.planned
    cases = choose_precision(setup.cases, place.device, place.threads, resume=not force)
    spent = time.perf_counter() - begun
    describe_progress(progress, cost_estimate.MEASURING, None)
    parts = cost_estimate.estimate_request(
        cases,
        planned,
        list(setup.images.costs.values()),
        place.device,
        place.threads,
        force=force,
        again=sum(
            settings.steps_again(case.recipe, case.split.record, planned.seeds)
            for case in (cases if setup.options.sensitivity else ())
        ),
        group=place.group.size,
    )
    parts["starting"] += spent
    return BenchmarkResult(replace(planned, seconds=sum(parts.values()), parts=parts))


def _training_runs(
    setup: BenchmarkSetup,
    case: SplitJob,
    packs: Packs,
    *,
    recipe: Recipe | None = None,
    folder: Path | None = None,
    arms: Sequence[str] | None = None,
) -> list[TrainingRun]:
    """The runs of a case, or of some of its `arms` with another recipe in another folder."""
    scored = [(target, packs[split_job.source_of(case, target)]) for target in case.targets]
    pack, place = packs[f"split {case.split.name}"], setup.place
    whose = (case.split.name, case.split.record.fingerprint)
    where, how = folder or case.folder, case.run_recipe(recipe)
    base = TrainingRun(
        where,
        *whose,
        UNTRAINED,
        0,
        how,
        None,
        tuple(scored),
        place.device,
        place.threads,
        jobs=place.jobs,
    )
    found = schedule.build_runs(case.split, setup.seeds, pack, base)
    return [one for one in found if arms is None or one.arm in arms]


def _report_runs(setup: BenchmarkSetup, packs: Packs, progress: Progress) -> BenchmarkResult:
    """Collect all runs, train those of --sensitivity, and write the reports; other processes of the
    group only train."""
    margin, first = setup.options.margin_points / 100, setup.place.group.first
    found = [
        collect.collect_results(case.folder, case.split.record, margin) if first else None
        for case in setup.cases
    ]
    if setup.options.sensitivity:
        for case, collected in zip(setup.cases, found, strict=True):
            _run_sensitivity(setup, case, collected, packs, progress)
    return _written(setup, found) if first else BenchmarkResult(setup.planned)


def _run_sensitivity(
    setup: BenchmarkSetup,
    case: SplitJob,
    collected: Collected | None,
    packs: Packs,
    progress: Progress,
) -> None:
    """Train the widest difference again with other settings, and write schema.SENSITIVITY; nothing
    without a reference that arms are compared with."""
    base, group = collected[2].contrasts if collected else None, setup.place.group
    arm = group.broadcast(settings.widest_contrast(base.to_pylist()) if base else None)
    if arm is None:
        return
    split, folder = case.split.record, case.folder / settings.FOLDER
    pair = (arm, str(split.reference))
    found = settings.recipe_variants(case.recipe, [split.arms[name].images for name in pair])
    again = [
        one
        for v in found
        for one in _training_runs(
            setup, case, packs, recipe=v.recipe, folder=folder / v.folder, arms=pair
        )
    ]
    schedule.execute_runs(again, setup.place.jobs, progress, group)
    if base is not None:
        margin = setup.options.margin_points / 100
        table = settings.compare_variants(base, folder, found, arm, split, margin)
        workdir.write_table(case.folder / settings.TABLE, table)


def _written(setup: BenchmarkSetup, found: Sequence[Collected | None]) -> BenchmarkResult:
    """Write the reports of collected runs."""
    from gprplus.reporting import write_report

    kept = [one for one in found if one is not None]
    summaries, effects = [one[1] for one in kept], [one[2] for one in kept]
    contrasts, levels = [one.contrasts for one in effects], [one.levels for one in effects]
    folders = [case.folder for case in setup.cases]
    written = [path for path in write_report.write_reports(folders) if path.suffix == ".html"]
    about = [split_job.experiment(case) for case in setup.cases]
    paths = [case.folder / settings.TABLE for case in setup.cases]
    again = [_sensitivity(path) if path.is_file() else None for path in paths]
    logit = [one.logit for one in effects]
    tables = map(tuple, (folders, summaries, contrasts, levels, again, logit, about, written))
    return BenchmarkResult(setup.planned, *tables)


def _sensitivity(path: Path) -> "pa.Table":
    advice = "Run the benchmark again with --sensitivity."
    return stored.read_table(path, schema.SENSITIVITY, TrainingError, advice)
