"""`run_external`: runs of another program, with the tables and the report of a benchmark."""

import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from gprplus.core import sampling
from gprplus.core.commands import Word, record_command
from gprplus.core.errors import (
    RequestChanged,
    ScoreError,
    SplitError,
    TrainingError,
    did_you_mean,
    escape,
)
from gprplus.core.executors.in_use import current_executor
from gprplus.core.files import workdir
from gprplus.core.files.folders import clear_output, hold_folder
from gprplus.core.files.paths import AnyPath
from gprplus.core.files.safe_names import plain_name
from gprplus.core.options import accepts, combined
from gprplus.core.parallel import (
    Progress,
    map_processes,
    map_threads,
    no_progress,
    several_machines,
)
from gprplus.core.progress import shows_progress
from gprplus.core.spelling import spelled
from gprplus.core.typed import as_json
from gprplus.evaluation.targets import Target
from gprplus.experiments import collect, schedule, split_job
from gprplus.experiments.benchmark_result import BenchmarkCost, BenchmarkResult
from gprplus.experiments.external import program as program_files
from gprplus.experiments.external.job import INPUTS, ExternalJob, ExternalRun
from gprplus.experiments.external.program import ProgramCommand
from gprplus.experiments.options import ExternalOptions
from gprplus.experiments.run_files import missing_targets, read_run_record, write_scores
from gprplus.exports.rows import identity_pairs
from gprplus.reporting import write_report
from gprplus.reporting.experiment import Experiment
from gprplus.schema.records import Protocol
from gprplus.schema.run_record import EXTERNAL, BenchmarkRecord, RunRecord, benchmark_record
from gprplus.splits import Split
from gprplus.statistics.summary import UNTRAINED

if TYPE_CHECKING:
    pass


@shows_progress("Running the program")
@accepts(ExternalOptions)
def run_external(
    split: AnyPath,
    program: str,
    output: AnyPath | None = None,
    options: ExternalOptions | None = None,
    *,
    force: bool = False,
    progress: Progress = no_progress,
    **changes: Any,
) -> BenchmarkResult:
    """Train and score every arm and seed of a split with another program.

    The program runs once for each arm and seed. It reads lists of images, trains, and writes the
    features of the query and gallery images, or a checkpoint of a network that `backbone` names.
    Runs, tables and report are those of a benchmark, in OUTPUT/SPLIT/NAME. Finished runs stay: more
    seeds or targets only add runs.

    Args:
        split: a split, or its folder.
        program: command line with placeholders: {train} (CSV list of the training images) or
            {market1501} (folder of the arm), {images} (CSV list of the images to embed), {features}
            or {checkpoint} (path without ending to write), {seed}, {arm}.
        output: folder of the runs; by default WORK/runs (WORK: $GPRPLUS_WORK, else work/).
        options: all options at once; the keywords below change single fields of it.
        force: replace the results of another request in the output folder.
        progress: called with the number of runs done and of all runs.

    Raises:
        TrainingError: the command cannot be run, or the program failed or wrote no features.
        ScoreError: features are missing or not finite.
        RequestChanged: the folder holds the results of another command, and `force` is not set.
    """
    given = combined(ExternalOptions, options, changes, "run_external")
    command = ProgramCommand.parse(program)
    untrained = (
        ProgramCommand.parse(given.untrained, "--untrained", trains=False)
        if given.untrained
        else None
    )
    for option, one in (("--command", command), ("--untrained", untrained)):
        if one and one.uses("checkpoint") != (given.backbone is not None):
            raise TrainingError(f"{option} with {{checkpoint}} and --backbone belong together.")
    opened = Split.open(split)
    runs_folder = workdir.work_folder() / "runs" if output is None else Path(output)
    home = (
        runs_folder / opened.name / plain_name(given.name, "--name: the name", TrainingError)
    ).absolute()
    request = _request(opened, program, given)
    workdir.check_request(home / split_job.RECORD, request, force=force)
    found = _targets(opened, runs_folder, given)
    with hold_folder(home, split_job.KIND, RequestChanged, adopt=not force):
        if force:
            clear_output(home, split_job.KIND, RequestChanged)
        roots = opened.roots(_own_roots(opened, given))
        images = program_files.test_images(found, home / INPUTS / "images")
        program_files.write_image_list(home / INPUTS / "images.csv", images)
        job = ExternalJob(opened, home, command, untrained, given, found, roots, images)
        _refuse_other_untrained(job)
        _write_record(job, request, runs_folder)
        leaders, followers = job.planned()
        kept = sum(not missing_targets(one.folder(home), found) for one in (*leaders, *followers))
        job.write_inputs(one for one in leaders if missing_targets(one.folder(home), found))
        done = 0
        for batch in (leaders, followers):
            for _ in _mapped(job, batch):
                done += 1
                progress(done, len(leaders) + len(followers))
        plan = BenchmarkCost(
            given.name,
            "run-external",
            "the machine of the program",
            given.jobs,
            given.seeds,
            len(leaders) - min(kept, len(leaders)),
            len(followers),
            kept,
            len(images),
            0,
            0,
            warnings=tuple(sentence for target in found for sentence in target.warnings()),
        )
        return _collected(job, plan)


def _mapped(job: ExternalJob, batch: Sequence[ExternalRun]) -> Iterator[None]:
    """Do the runs: in threads, which wait for the program, or on the machines of a cluster."""
    do = partial(_run, job)
    if not several_machines():
        return map_threads(do, batch, job.given.jobs)
    shares = schedule.training_resources(schedule.resolve_device(job.given.device), job.given.jobs)
    at_once = current_executor().room(shares) if shares.gpus else job.given.jobs
    return map_processes(do, batch, at_once, option="--jobs", resources=shares)


def _request(split: Split, program: str, given: ExternalOptions) -> dict[str, Any]:
    """What two requests are compared by; seeds and targets only add."""
    request: dict[str, Any] = {
        "split_fingerprint": split.record.fingerprint,
        "recipe": given.name,
        "command": program,
    }
    if given.backbone:
        request |= {"backbone": given.backbone, "height": given.height, "width": given.width}
    return request


def _own_roots(split: Split, given: ExternalOptions) -> dict[str, Path]:
    for name in given.roots:
        if name not in split.record.datasets:
            known = did_you_mean(name, split.record.datasets)
            raise SplitError(f"{split.path} has no dataset called '{name}'. {known}")
    return dict(given.roots)


def _targets(split: Split, runs_folder: Path, given: ExternalOptions) -> tuple[Target, ...]:
    named = split_job.NamedTargets(given.targets, cast(Protocol | None, given.protocol))
    manifests = split_job.open_target_manifests(named, runs_folder)
    return split_job.split_targets(
        split, named, manifests, _own_roots(split, given), rerank=given.rerank
    )


def _run(job: ExternalJob, one: ExternalRun) -> None:
    """Do what is missing of a run, its record last."""
    folder = one.folder(job.folder)
    missing = missing_targets(folder, job.targets)
    if not missing:
        return
    folder.mkdir(parents=True, exist_ok=True)
    trained = (one.twin or one).folder(job.folder)
    start = time.perf_counter()
    features = _earlier_features(job, one, trained)
    ran = features is None
    if features is None:
        program_files.run_program(job.command_of(one), job.values(one), trained)
        features = _features(job, one, trained)
    if features is None:
        raise TrainingError(
            f"The program of {one.arm}, seed {one.seed} wrote no features: it must write"
            " {features}.npz, .parquet or another form that `gprplus score` reads."
        )
    record = read_run_record(folder)
    if record is None:
        record = _new_record(job, one, round(time.perf_counter() - start, 3) if ran else 0.0)
    known = job.images.column("uid").to_numpy()
    write_scores(
        folder,
        record,
        ((target, features[np.searchsorted(known, target.uids)]) for target in missing),
    )


def _earlier_features(job: ExternalJob, one: ExternalRun, folder: Path) -> np.ndarray | None:
    """The features of a finished program; None if there are none of all images."""
    try:
        return _features(job, one, folder)
    except ScoreError:
        return None


def _features(job: ExternalJob, one: ExternalRun, folder: Path) -> np.ndarray | None:
    """The features of all images that the program wrote, or those of its checkpoint."""
    if job.given.backbone is None:
        names = job.inputs(one.twin or one) / "market1501" / "map.csv"
        return program_files.written_features(
            folder, job.images, names if names.is_file() else None
        )
    path = program_files.output_file(folder, "checkpoint", program_files.CHECKPOINTS)
    return None if path is None else _checkpoint_features(job, path)


def _checkpoint_features(job: ExternalJob, path: Path) -> np.ndarray:
    """Unit features of the backbone of a checkpoint."""
    import pyarrow as pa

    from gprplus.analysis.features.base import ImageBatch
    from gprplus.analysis.features.networks import backbone_features

    size = (job.given.height, job.given.width)
    network = backbone_features(str(job.given.backbone), path, size, job.given.device)
    files = [file.lstrip("/") for file in job.images.column("file").to_pylist()]
    rows = pa.table({"dataset": [""] * len(files), "path": files})
    found: np.ndarray = network.extract(ImageBatch(rows, {"": Path("/")}), None, no_progress)
    return found.astype(np.float32)


def _new_record(job: ExternalJob, one: ExternalRun, seconds: float) -> RunRecord:
    rows = job.training_rows(one)
    uids = np.sort(rows.column("uid").to_numpy()) if rows is not None else None
    return RunRecord(
        split=job.split.name,
        recipe=job.given.name,
        backbone=job.given.backbone or EXTERNAL,
        weights=EXTERNAL,
        arm=one.arm,
        seed=one.seed,
        deal=job.deal(one),
        config={EXTERNAL: _program(job, job.command_of(one))},
        train_digest=None if uids is None else sampling.sha256_digest(uids.astype("<u8").tobytes()),
        train_identities=len(set(identity_pairs(rows))) if rows is not None else 0,
        train_images=len(rows) if rows is not None else 0,
        split_fingerprint=job.split.record.fingerprint,
        device=EXTERNAL,
        versions=workdir.package_versions(),
        targets={},
        steps=0,
        images_seen=0,
        seconds=seconds,
        twin=one.twin.arm if one.twin else None,
    )


def _program(job: ExternalJob, command: ProgramCommand) -> dict[str, Any]:
    size = {"height": job.given.height, "width": job.given.width} if job.given.backbone else {}
    return {"command": command.text, **size}


def _refuse_other_untrained(job: ExternalJob) -> None:
    """Raise RequestChanged where an untrained run of another command is in the folder."""
    for one in job.planned()[0]:
        if one.arm != UNTRAINED:
            continue
        record = read_run_record(one.folder(job.folder))
        before = record.config[EXTERNAL]["command"] if record else None
        if before not in (None, job.command_of(one).text):
            raise RequestChanged(
                f"{one.folder(job.folder)} is of another --untrained: {escape(before)}. Give"
                " another --name, or --force to replace all runs."
            )


def _write_record(job: ExternalJob, request: Mapping[str, Any], runs_folder: Path) -> None:
    path = job.folder / split_job.RECORD
    earlier = (
        benchmark_record(workdir.read_json(path, SplitError, "runs"), path, SplitError).targets
        if path.is_file()
        else {}
    )
    given = {target.name: split_job.target_record(target, job.folder) for target in job.targets}
    record = BenchmarkRecord(
        request=dict(request),
        split=job.split.name,
        split_path=workdir.relative_path(job.split.path, job.folder),
        split_fingerprint=job.split.record.fingerprint,
        recipe={"name": job.given.name, EXTERNAL: _program(job, job.command)},
        targets={**earlier, **given},
        device=EXTERNAL,
        command=record_command(_words(job, runs_folder), job.folder),
        versions=workdir.package_versions(),
    )
    workdir.write_json(path, as_json(record))


def _words(job: ExternalJob, runs_folder: Path) -> Sequence[Word]:
    options = spelled(job.given, leave=("device", "jobs"))
    return [
        "run-external",
        job.split.path,
        "--command",
        job.command.text,
        *options,
        "-o",
        runs_folder,
    ]


def _collected(job: ExternalJob, plan: BenchmarkCost) -> BenchmarkResult:
    """Write tables and report of all finished runs."""
    split = job.split.record
    _, summary, effects = collect.collect_results(job.folder, split)
    written = [path for path in write_report.write_reports([job.folder]) if path.suffix == ".html"]
    path = job.folder / split_job.RECORD
    record = benchmark_record(workdir.read_json(path, SplitError, "runs"), path, SplitError)
    return BenchmarkResult(
        plan,
        (job.folder,),
        (summary,),
        (effects.contrasts,),
        (effects.levels,),
        (None,),
        (effects.logit,),
        (Experiment(split, record, record.estimand),),
        tuple(written),
    )
