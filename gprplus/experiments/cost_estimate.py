"""Cost estimate of a request: counted exactly, with rates measured on this machine."""

import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from gprplus.baseline import timing
from gprplus.baseline.image_store import PackingCost
from gprplus.baseline.recipe import Recipe
from gprplus.core.parallel import map_processes
from gprplus.core.workers import send_progress
from gprplus.evaluation.rerank import RerankOptions
from gprplus.evaluation.scoring import score_arrays
from gprplus.evaluation.targets import Target
from gprplus.experiments import run_files
from gprplus.experiments.benchmark_result import BenchmarkCost
from gprplus.experiments.remaining_time import makespan
from gprplus.experiments.split_job import SplitJob
from gprplus.statistics.summary import UNTRAINED

if TYPE_CHECKING:
    import torch

MEASURING = "measuring the speed of training; a large network takes minutes on a processor"
_QUERIES, _GALLERY = 128, 2048  # a search small enough to be timed in passing
_MEASURING = 8  # most processes that measure at once
# Seconds to collect and report a split, and for each of its scored targets of a run: measured on 10
# runs of 50 targets (1.6 s) on one core of a Xeon with AMX.
_REPORT, _REPORT_SCORE = 1.0, 0.0012
_PROCESS = 2.4  # seconds that a process took to start there: another machine, or load, scales both


@dataclass(frozen=True)
class Workload:
    """Work of a run: optimizer steps, images to embed, pairs of a query and a gallery image to
    compare in plain and in re-ranked searches, and targets.
    """

    steps: int = 0
    embedded: int = 0
    pairs: int = 0
    reranked: int = 0
    targets: int = 0


@dataclass(frozen=True)
class Request:
    """The missing runs: `trained` first, then those that share a training; and the number of splits
    to report and of their scores, each of a run on a target."""

    trained: tuple[Workload, ...] = ()
    shared: tuple[Workload, ...] = ()
    splits: int = 0
    scores: int = 0

    def total(self) -> Workload:
        """Return the work of all runs."""
        counts = [astuple(one) for one in (*self.trained, *self.shared)]
        return Workload(*map(sum, zip(*counts, strict=True)))


@dataclass(frozen=True)
class Rates:
    """Seconds on this machine: to start a process, to start a training, for a step, an embedded
    image, a pair of a plain and of a re-ranked search, and for a target besides its pairs.
    """

    process: float = 0.0
    training: float = 0.0
    step: float = 0.0
    embedded: float = 0.0
    pair: float = 0.0
    reranked: float = 0.0
    target: float = 0.0


def count_workload(wanted: Sequence[SplitJob], seeds: Sequence[int], force: bool) -> Request:
    """Return the runs that are missing. What runs share is trained once; each of them embeds every
    image that it is searched for or in once, and searches every target.
    """
    trained, shared, known = [], [], set()
    for case in wanted:
        scoring = _scoring(case)
        for arm in (*case.split.arms, UNTRAINED):
            for seed in seeds:
                if not force and run_files.read_run_record(case.folder / arm / f"seed{seed}"):
                    continue
                dealt = None if arm == UNTRAINED else case.split.record.arms[arm].dealt_to(seed)
                key = (dealt.fingerprint if dealt else UNTRAINED, seed)
                if key in known:
                    shared.append(scoring)
                    continue
                known.add(key)
                steps = case.recipe.steps(dealt.images) if dealt else 0
                trained.append(replace(scoring, steps=steps))
    scores = sum(len(case.targets) * (len(case.split.arms) + 1) * len(seeds) for case in wanted)
    return Request(tuple(trained), tuple(shared), len(wanted), scores)


def _scoring(case: SplitJob) -> Workload:
    """Return the work of a run of the case without its training."""
    searched = np.unique(np.concatenate([target.uids for target in case.targets]))
    sizes = [(target.record(), target.rerank) for target in case.targets]
    pairs = sum(facts.queries * facts.gallery for facts, again in sizes if again is None)
    reranked = [facts.queries + facts.gallery for facts, again in sizes if again is not None]
    squares = sum(size**2 for size in reranked)
    return Workload(0, len(searched), pairs, squares, len(case.targets))


def estimate_request(
    wanted: Sequence[SplitJob],
    planned: BenchmarkCost,
    costs: Sequence[PackingCost],
    device: str,
    threads: int | None,
    *,
    force: bool = False,
    again: int = 0,
    group: int = 1,
) -> dict[str, float]:
    """Return the seconds of each part of a request, with rates measured here (`estimate_seconds`).

    Args:
        wanted: the splits, with the number type of their runs.
        planned: the counts of the request.
        costs: packing costs of the sources of images.
        device: device of the runs.
        threads: threads of each run.
        force: count finished runs too.
        again: further steps, of runs with other settings.
        group: processes that train each run together.
    """
    seeds = range(planned.first_seed, planned.first_seed + planned.seeds)
    todo, recipe = count_workload(wanted, seeds, force), wanted[0].run_recipe()
    packing = packing_seconds(costs, planned.missing, recipe)
    # A GPU that one run fills does no more for several; cores are dealt out to the runs.
    rates, workers = Rates(), 1 if device.startswith("cuda") else planned.jobs
    if todo.trained or todo.shared:
        workers = max(1, min(workers, len(todo.trained) or len(todo.shared)))
        targets = [target for case in wanted for target in case.targets]
        rates = measure_rates(recipe, device, threads, workers, todo.total(), targets)
    return estimate_seconds(todo, rates, packing, workers, again, group)


def reporting_seconds(splits: int, scores: int, process: float = 0.0) -> float:
    """Return the seconds of collecting and reporting splits with scores of runs on targets.

    `process` is the measured time to start a process, 0 if none was started.
    """
    return (splits * _REPORT + scores * _REPORT_SCORE) * (process or _PROCESS) / _PROCESS


def estimate_seconds(
    todo: Request, rates: Rates, packing: float, workers: int, again: int = 0, group: int = 1
) -> dict[str, float]:
    """Return seconds of packing, starting processes, training, embedding, scoring and reporting.

    Args:
        todo: the missing runs.
        rates: of this machine, with `workers` runs at once.
        packing: seconds of packing.
        workers: runs at once.
        again: further steps, of runs with other settings.
        group: processes that train each run together.
    """
    total = todo.total() if todo.trained or todo.shared else Workload()
    trainings = sum(bool(one.steps) for one in todo.trained)
    parts = {
        "training": trainings * rates.training + total.steps * rates.step,
        "embedding": total.embedded * rates.embedded,
        "scoring": _scoring_seconds(total, rates),
    }
    batches = [batch for batch in (todo.trained, todo.shared) if batch]
    spent = [
        makespan([], [_run_seconds(one, rates) for one in batch], min(workers, len(batch)))
        for batch in batches
    ]
    scale = sum(spent) / (sum(parts.values()) or 1.0) / group
    parts = {name: seconds * scale for name, seconds in parts.items()}
    parts["training"] += again * rates.step / (workers * group)
    pools = sum(min(workers, len(batch)) > 1 for batch in batches)
    return {
        "packing": packing,
        "starting": (1 + pools) * rates.process,  # this process imports the same
        **parts,
        "reporting": reporting_seconds(todo.splits, todo.scores, rates.process),
    }


def _run_seconds(one: Workload, rates: Rates) -> float:
    training = rates.training + one.steps * rates.step if one.steps else 0.0
    return training + one.embedded * rates.embedded + _scoring_seconds(one, rates)


def _scoring_seconds(one: Workload, rates: Rates) -> float:
    searches = one.pairs * rates.pair + one.reranked * rates.reranked
    return searches + one.targets * rates.target


def packing_seconds(costs: Sequence[PackingCost], missing: int, recipe: Recipe) -> float:
    """Return the seconds of packing `missing` images; `costs` name some of their files."""
    paths = [path for cost in costs for path in cost.sample]
    return missing * timing.packing_seconds(paths, recipe.input.height, recipe.input.width)


@dataclass(frozen=True)
class _Probe:
    """What is measured: the recipe's steps, the kinds of search, and a target."""

    recipe: Recipe
    device: str
    threads: int | None
    work: Workload
    target: Target | None


def measure_rates(
    recipe: Recipe,
    device: str,
    threads: int | None,
    workers: int,
    work: Workload,
    targets: Sequence[Target],
) -> Rates:
    """Return the rates of this machine while `workers` runs go on at once, in as many processes.

    Only what `work` has is measured; without targets, no searches.
    """
    started: list[float] = []
    target = min(targets, key=lambda one: one.record().queries * one.record().gallery, default=None)
    probe = _Probe(recipe, device, threads, work, target)
    count, start = min(workers, _MEASURING), time.perf_counter()
    found = list(
        map_processes(
            _measured,
            [probe] * count,
            count,
            option="--jobs",
            on_progress=lambda _: started.append(time.perf_counter() - start),
        )
    )
    means = map(float, np.mean([astuple(one) for one in found], axis=0))
    return replace(Rates(*means), process=max(started) if count > 1 else 0.0)


def _measured(probe: _Probe) -> Rates:
    """Measure in one process; the caller receives a report when its imports are done."""
    import torch

    from gprplus.baseline import devices

    recipe, device, work = probe.recipe, probe.device, probe.work
    width = _width(recipe)
    send_progress("started")
    with devices.thread_limit(probe.threads):
        training, step = (
            timing.training_seconds(recipe, device, probe.threads) if work.steps else (0.0, 0.0)
        )
        embedded = timing.embedding_seconds(recipe, device, probe.threads)
        if probe.target is None:
            return Rates(0.0, training, step, embedded)
        pair = _seconds_a_pair(width, device, None)
        reranked = _seconds_a_pair(width, device, RerankOptions()) if work.reranked else 0.0
        facts = probe.target.record()
        features = torch.rand(len(probe.target.uids), width, device=device)
        seconds = min(_target_seconds(probe.target, features) for _ in range(2))
        target = max(0.0, seconds - facts.queries * facts.gallery * pair)
    return Rates(0.0, training, step, embedded, pair, reranked, target)


def _target_seconds(target: Target, features: "torch.Tensor") -> float:
    start = time.perf_counter()
    _, queries = target.score(features)
    target.ranked(features, queries)
    return time.perf_counter() - start


def _width(recipe: Recipe) -> int:
    from gprplus.baseline.network import model

    return int(model.build_model(recipe.network, 2, 0).backbone.width)  # type: ignore[arg-type]


def _seconds_a_pair(width: int, device: str, rerank: RerankOptions | None) -> float:
    """Seconds for each pair of a query and a gallery row (of any two rows, where re-ranked), of
    features like ours."""
    import torch

    rng = np.random.default_rng(0)
    features = torch.from_numpy(
        rng.normal(size=(_QUERIES + _GALLERY, width)).astype(np.float32)
    ).to(device)
    people = rng.integers(0, _QUERIES, len(features))
    sides = (features[:_QUERIES], features[_QUERIES:], people[:_QUERIES], people[_QUERIES:])
    took = []
    for _ in range(2):
        start = time.perf_counter()
        score_arrays(*sides, rerank=rerank)
        took.append(time.perf_counter() - start)
    return min(took) / (_QUERIES * _GALLERY if rerank is None else len(features) ** 2)
