"""Runs of a request: every arm and seed of a split, and the untrained baseline, with one image
store for each source of images; and their execution.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from gprplus.baseline import devices
from gprplus.baseline.distributed import ProcessGroup
from gprplus.baseline.image_store import ImageStore
from gprplus.core.errors import TrainingError
from gprplus.core.executors.executor import ONE_CORE, Resources
from gprplus.core.executors.in_use import current_executor
from gprplus.core.executors.shards import Shard
from gprplus.core.parallel import Progress, map_processes
from gprplus.experiments import run
from gprplus.experiments.run import TrainingRun, TrainingSet
from gprplus.experiments.run_progress import RunMeter
from gprplus.experiments.run_reports import RunReport
from gprplus.experiments.tracking.follower import RunFollower
from gprplus.statistics.summary import UNTRAINED

if TYPE_CHECKING:
    from gprplus.splits import Split

# numpy's and torch's thread pools read these when a process starts.
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_AS_WRITTEN = ("full", "declared")  # kinds of arm that need hold nothing drawn


def build_runs(
    split: "Split", seeds: Sequence[int], pack: ImageStore, base: TrainingRun
) -> list[TrainingRun]:
    """The runs of one split under the folder of `base`, the run without training data, whether done
    already or not.

    Seed k trains on deal k of an arm, modulo the number of its deals.
    """
    sets: dict[tuple[str, int | None], TrainingSet] = {}
    found = []
    for seed in seeds:
        for arm, facts in split.record.arms.items():
            deal = facts.deal_of(seed)
            if (arm, deal) not in sets:
                sets[arm, deal] = training_set(split, arm, pack, deal or 0)
            of = sets[arm, deal]
            found.append(
                replace(
                    base,
                    folder=base.folder / arm / f"seed{seed}",
                    arm=arm,
                    seed=seed,
                    data=of,
                    deal=deal,
                )
            )
        found.append(replace(base, folder=base.folder / UNTRAINED / f"seed{seed}", seed=seed))
    return found


def reused_deals(split: "Split", seeds: int) -> list[str]:
    """Return one sentence if several seeds train on one draw, so that an interval over seeds omits
    its variance."""
    if seeds <= split.deals or not _drawn(split):
        return []
    remedy = f"gprplus make-split --deals {seeds} draws one for each seed."
    if split.deals == 1:
        return [
            f"All {seeds} seeds of {split.name} train on one draw, whose variance is in no"
            f" interval: {remedy}"
        ]
    again = (
        f"seed {split.deals} trains"
        if seeds == split.deals + 1
        else f"seeds {split.deals} to {seeds - 1} train"
    )
    return [
        f"{split.name} has {split.deals} deals for {seeds} seeds: {again} on earlier deals again,"
        f" and intervals count them as further draws. {remedy}"
    ]


def _drawn(split: "Split") -> bool:
    """Return True if another deal of the split has, or would have, other rows."""
    if "deals" in split.record.request:
        return split.deals > 1
    return any(arm.kind not in _AS_WRITTEN for arm in split.record.arms.values())


def training_set(split: "Split", arm: str, pack: ImageStore, deal: int = 0) -> TrainingSet:
    """The training set of an arm in one deal; identities numbered in sorted order. Raises
    TrainingError when it is empty.
    """
    rows = split.train(arm, deal)
    if not len(rows):
        raise TrainingError(
            f"The arm '{arm}' of {split.path} holds no images: nothing can be trained on it."
        )
    persons = list(
        zip(rows.column("dataset").to_pylist(), rows.column("identity").to_pylist(), strict=True)
    )
    number = {person: i for i, person in enumerate(sorted(set(persons)))}
    labels = np.array([number[person] for person in persons], dtype=np.int64)
    weight = rows.column("weight")
    shares = None if weight.null_count else weight.to_numpy()
    return TrainingSet(
        rows.column("uid").to_numpy(), labels, rows.column("path").to_pylist(), pack, shares
    )


def group_shared_trainings(
    planned: Sequence[TrainingRun],
) -> tuple[list[TrainingRun], list[TrainingRun]]:
    """Runs that have to be trained, and runs whose training is one of those (they carry its folder
    as `twin`).

    Equal are runs of equal pixels, recipe and seed, and all untrained floors of a seed; each is
    still scored on its own targets.
    """
    first: dict[tuple[str, int, Any], TrainingRun] = {}
    leaders, followers = [], []
    for training_run in planned:
        pixels = training_run.data.pixels() if training_run.data else UNTRAINED
        key = (pixels, training_run.seed, training_run.recipe if training_run.data else None)
        if key in first:
            followers.append(replace(training_run, twin=first[key].folder))
        else:
            first[key] = training_run
            leaders.append(training_run)
    return leaders, followers


def shard_runs(training_runs: Sequence[TrainingRun], shard: Shard) -> list[TrainingRun]:
    """Return the runs of one shard, without those that share the training of another run."""
    leaders, _ = group_shared_trainings(training_runs)
    return [one for i, one in enumerate(leaders) if shard.has(i)]


def _ignore(done: TrainingRun) -> None:
    pass


def execute_runs(
    training_runs: Sequence[TrainingRun],
    jobs: int,
    progress: Progress,
    group: ProcessGroup,
    scored: Callable[[TrainingRun], None] = _ignore,
    after: Callable[[float], float] | None = None,
    follower: RunFollower | None = None,
) -> None:
    """Do what is missing of the runs: first those that have to be trained, then those that share a
    training.

    Several runs at a time, or each by all processes of `group`. `scored` gets each run that is
    done, in their order. `after` gives the seconds of work after the last run (`RunMeter`).
    `follower` sends them to a tracker.
    """
    # The untrained baseline comes first: embedding and scoring are measured at once.
    batches = [
        sorted(batch, key=lambda one: one.data is not None)
        for batch in group_shared_trainings(training_runs)
    ]
    meter = RunMeter(batches, jobs, progress, after)
    if follower:
        follower.add([one for batch in batches for one in batch])

    def advance(report: RunReport) -> None:
        meter.advance(report)
        if follower:
            follower.advance(report)

    runner = run.train_and_score if group.size == 1 else partial(run.train_and_score, group=group)
    for batch in batches:
        places = group.broadcast([i for i, one in enumerate(batch) if one.missing()])
        open_ = [batch[i] for i in places]
        if not open_:
            continue
        shares = training_resources(open_[0].device, jobs)
        at_once = current_executor().room(shares) if shares.gpus else jobs
        done = map_processes(
            runner,
            open_,
            min(at_once, len(open_)),
            option="--jobs",
            on_progress=advance,
            resources=shares,
        )
        for one, _ in zip(open_, done, strict=True):
            if group.first:
                scored(one)


def training_resources(device: str, jobs: int) -> Resources:
    """Return what one training takes: a core, and on a cluster with GPUs one of `jobs` shares of a
    GPU."""
    shared = device.startswith("cuda") and current_executor().gpus()
    return Resources(gpus=1 / jobs) if shared else ONE_CORE


def resolve_device(name: str) -> str:
    """Return the device of the trainings: that of this machine, or of a cluster with GPUs, where a
    task sees its own as the first. Raises DeviceError."""
    if name in ("auto", "cuda") and current_executor().gpus():
        return "cuda:0"
    return devices.resolve_device(name)


def describe_device(device: str) -> str:
    """Return the device of the trainings in words."""
    shares = training_resources(device, 1)
    if not shares.gpus:
        return devices.describe_device(device)
    return next(map_processes(devices.describe_device, [device], 1, resources=shares))


@contextmanager
def few_threads(threads: int | None) -> Iterator[None]:
    """Processes started inside use `threads` threads each, so that several do not compete for the
    cores."""
    before = {name: os.environ.get(name) for name in _THREADS}
    if threads:
        os.environ.update({name: str(threads) for name in _THREADS})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
