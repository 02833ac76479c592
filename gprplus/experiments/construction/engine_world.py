"""The built-in engine and the baseline as the world of a construction: renders a pool of images,
trains on sets of them, and scores on the validation half of a target."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa

from gprplus.core.benchmark_options import BenchmarkOptions
from gprplus.core.errors import PlanError, RequestChanged
from gprplus.core.files.workdir import write_table
from gprplus.core.parallel import PhaseProgress, Progress
from gprplus.experiments.benchmark_result import BenchmarkResult
from gprplus.experiments.construction.rounds import QueryScores
from gprplus.experiments.run_benchmark import run_benchmark
from gprplus.ingest import Manifest
from gprplus.planning.cells import CandidateCells
from gprplus.planning.evidence.failures import failures_by_level, query_precisions
from gprplus.planning.methods.from_evidence import fill_holes, weigh_levels
from gprplus.planning.methods.known import propose
from gprplus.planning.methods.proposal import PlanProblem, Proposal
from gprplus.planning.options import PlanOptions
from gprplus.planning.render_pool import RenderPool
from gprplus.reporting.run_results import RunResults, read_run_results
from gprplus.splits import DeclaredArm, Split, make_split

Made = TypeVar("Made")
DYNAMIC = ("failures", "holes")  # methods whose proposal depends on the set so far
VALIDATION = "-validation"  # of the name of a target, where it is the validation half


@dataclass(eq=False)
class EngineWorld:
    """What `rounds.run_rounds` works on.

    Attributes:
        home: folder of the rounds of one target.
        name: name of the target.
        validation: manifest of its validation half; nothing else of the target is read.
        pool: all images that were drawn.
        identities: names of the identities of the set.
        methods: methods that propose.
        plan: options of the methods.
        training: options of the trainings of trials.
        progress: called with the number of steps done and of all steps.
        static: proposals that do not depend on the set.
        left_out: why a method made no proposal.
    """

    home: Path
    name: str
    validation: Manifest
    pool: RenderPool
    identities: list[str]
    methods: tuple[str, ...]
    plan: PlanOptions
    training: BenchmarkOptions
    progress: Progress
    static: dict[str, Proposal] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def cells(self) -> CandidateCells:
        """Return the candidate cells."""
        return self.pool.cells

    def problem(self) -> PlanProblem:
        """Return what the methods may use: the validation half, and no images that exist."""
        return PlanProblem(
            self.cells,
            self.name,
            self.validation,
            None,
            self.plan,
            self.home,
            progress=PhaseProgress(self.progress, f"{self.name}, proposals"),
        )

    def proposals(self, kept: np.ndarray, last: QueryScores | None, added: int) -> list[Proposal]:
        """Return the proposals; see `rounds.ConstructWorld`. Failures need scores, so they are
        left out before the first round."""
        self.prepare()
        found = [self.static[name] for name in self.methods if name not in DYNAMIC]
        if "holes" in self.methods:
            found.append(fill_holes(kept.sum(axis=0), added))
        if "failures" in self.methods and last is not None:
            try:
                found.append(self._failures(last))
            except PlanError as problem:  # a target without levels, known only now
                self.left_out["failures"] = str(problem)
        if not found:
            raise PlanError(
                f"No method can propose renders for {self.name}. Add uniform to the methods."
            )
        return found

    def prepare(self, *more: str) -> None:
        """Make the proposals that do not depend on the set, and those of the methods `more`."""
        fixed = [name for name in (*self.methods, *more) if name not in DYNAMIC]
        missing = [name for name in dict.fromkeys(fixed) if name not in self.static]
        for one in propose(self.problem(), missing):
            self.static[one.method] = one

    @property
    def probes(self) -> int:
        """Images that were rendered to make proposals."""
        return sum(one.probes for one in self.static.values())

    def _failures(self, last: QueryScores) -> Proposal:
        problem = self.problem()
        known = [name for name in self.cells.factors if name in self.validation.columns("images")]
        images = self.validation.images(["uid", *known])
        evidence = failures_by_level(problem, images, last.uids, 1 - last.AP, last.identities)
        return weigh_levels(problem, "failures", evidence)

    def score(self, number: int, sets: Sequence[np.ndarray]) -> list[QueryScores]:
        """Draw, train and score sets of one round; see `rounds.ConstructWorld`."""
        phase = PhaseProgress(self.progress, f"{self.name}, round {number + 1}")
        manifest = self.pool.draw(np.any(sets, axis=0), self.identities, phase)
        names = [f"trial-{k}" for k in range(1, len(sets) + 1)]
        split = split_of_sets(
            self.pool,
            manifest,
            self.identities,
            {name: one[None] for name, one in zip(names, sets, strict=True)},
            self.home / f"round-{number + 1}",
            self.plan.plan_seed,
        )
        result = benchmark_sets(split, self.home / "looks", self.training, phase)
        found = read_run_results(result.folders[0])
        return [query_scores(found, name, self.name) for name in names]


def split_of_sets(
    pool: RenderPool,
    manifest: Manifest,
    identities: Sequence[str],
    sets: dict[str, np.ndarray],
    folder: Path,
    seed: int,
    reference: str | None = None,
) -> Split:
    """Make the split whose arms are sets of images `(deals, N, C) bool` of a pool, in a folder of
    `folder` with its name; their uids are kept in `folder`/sets. Raises PlanError where an image is
    missing."""
    uids = pool.uids(manifest, identities, np.logical_or.reduce(np.concatenate([*sets.values()])))
    arms = []
    for name, deals in sets.items():
        number, *place = np.nonzero(deals)
        path = folder / "sets" / f"{name}.parquet"
        table = {"deal": number.astype(np.int32), "uid": uids[tuple(place)]}
        write_table(path, pa.table(table))
        arms.append(DeclaredArm(name, table=str(path)))
    return replace_unfinished(
        make_split,
        manifest,
        "identity",
        output=folder / folder.name,
        design="declared",
        arms=arms,
        reference=reference or next(iter(sets)),
        test_share=0.0,
        deals=max(map(len, sets.values())),
        seed=seed,
    )


def benchmark_sets(
    split: Split, output: Path, training: BenchmarkOptions, progress: Progress
) -> BenchmarkResult:
    """Train and score the sets of a split; the results of other sets under its name are
    replaced."""
    return replace_unfinished(run_benchmark, [split.path], output, training, progress=progress)


def replace_unfinished(make: Callable[..., Made], *words: Any, **options: Any) -> Made:
    """Call a function, with `force` if its folder holds the results of another request.

    Those are of a round or a test that was stopped: a finished one is not made again. A later call
    may deal other sets, with another version of a library or on another machine.
    """
    try:
        return make(*words, **options)
    except RequestChanged:
        return make(*words, **options, force=True)


def query_scores(run: RunResults, arm: str, target: str) -> QueryScores:
    """Return the average precision of each valid query of a target, the mean over seeds."""
    return QueryScores(*query_precisions(run, arm, target))
