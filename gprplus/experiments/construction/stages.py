"""The stages of a construction: rounds towards each of its two targets, the test, and the record."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from gprplus.core.benchmark_options import BenchmarkOptions
from gprplus.core.files.workdir import package_versions, relative_path
from gprplus.core.options import options_of
from gprplus.core.parallel import PhaseProgress, Progress
from gprplus.evaluation.targets import target_of_manifest
from gprplus.experiments.construction import final_test, round_files
from gprplus.experiments.construction.construct_file import ConstructFile
from gprplus.experiments.construction.engine_world import (
    VALIDATION,
    EngineWorld,
    benchmark_sets,
    split_of_sets,
)
from gprplus.experiments.construction.number_type import keep_precision
from gprplus.experiments.construction.options import ConstructOptions
from gprplus.experiments.construction.output_folder import Stopwatch
from gprplus.experiments.construction.record_parts import (
    arm_summaries,
    mean_scores,
    path_record,
)
from gprplus.experiments.construction.rounds import (
    RoundResult,
    kept_set,
    new_images,
    run_rounds,
)
from gprplus.ingest import Manifest
from gprplus.ingest.tables.part import halve_by_identity, write_part
from gprplus.planning.cells import CandidateCells, candidate_cells
from gprplus.planning.image_deal import check_images
from gprplus.planning.methods.matched import crossed_identities
from gprplus.planning.options import PlanOptions, SpaceOptions
from gprplus.planning.render_pool import RenderPool
from gprplus.reporting.run_results import RunResults, read_run_results
from gprplus.schema.construct_record import ConstructRecord

ONE_SHOT_METHOD = "matched"
OnRound = Callable[[str, int, RoundResult], None]


@dataclass(frozen=True, eq=False)
class TargetPath:
    """A target and what was constructed for it.

    Attributes:
        world: the world of the rounds, which has the validation half of the target.
        test: the half of the target that no round sees.
        rounds: the rounds that were run.
    """

    world: EngineWorld
    test: Manifest
    rounds: Sequence[RoundResult] = ()


@dataclass(frozen=True, eq=False)
class FinalTestOutcome:
    """The test of the constructed set against its controls.

    Attributes:
        sets: images of each set, `(deals, N, C) bool`, by name.
        uids: uids of the images that any set has, `(N, C) uint64`; 0 where none has it.
        looks: how often a held-back half has been scored in this folder.
        run: scores of all sets.
        runs, report: folder of the runs and page of their report; no page is None.
    """

    sets: dict[str, np.ndarray]
    uids: np.ndarray
    looks: int
    run: RunResults
    runs: Path
    report: Path | None


@dataclass(frozen=True, eq=False)
class Construction:
    """A construction at work in its folder `home`: what its stages share."""

    home: Path
    plan: ConstructFile
    request: Mapping[str, Any]
    training: BenchmarkOptions
    cells: CandidateCells
    pool: RenderPool
    clock: Stopwatch
    progress: Progress

    @classmethod
    def begin(
        cls,
        home: Path,
        plan: ConstructFile,
        given: ConstructOptions,
        request: Mapping[str, Any],
        progress: Progress,
    ) -> "Construction":
        """Begin or continue a construction. Raises PlanError if the budget does not fit the
        cells."""
        clock = Stopwatch(home / "seconds.json")
        training = BenchmarkOptions(
            **plan.training(),
            precision=keep_precision(home, plan, given),
            device=given.device,
            jobs=given.jobs,
            track=given.track,
        )
        cells = construct_cells(plan)
        pool = RenderPool(home / "pool", cells, plan.renders)
        return cls(home, plan, request, training, cells, pool, clock, progress)

    @property
    def identities(self) -> list[str]:
        """Return the names of the identities of all sets."""
        return [f"{i:04d}" for i in range(1, self.plan.rounds.size.identities + 1)]

    def open_paths(self, targets: Mapping[str, Manifest]) -> list[TargetPath]:
        """Return the paths of the target and of the other target, without rounds.

        What a later stage would refuse is refused here, before the hours of the rounds. Raises
        ManifestError or SplitError for a half that cannot be scored on, and PlanError for a method
        that cannot propose, among them that of the set in one step, a control of the test.
        """
        with self.clock.timed("rounds"):
            names = self.plan.target_name, self.plan.other_name
            own, other = (self._open_path(name, targets[name]) for name in names)
            own.world.prepare(ONE_SHOT_METHOD)
            other.world.prepare()
            return [own, other]

    def _open_path(self, name: str, target: Manifest) -> TargetPath:
        rounds = self.plan.rounds
        halves = halve_by_identity(target, rounds.plan_seed)
        validation, test = (
            write_part(target, keep, self.home / "halves" / f"{name}-{half}", f"{half} half")
            for half, keep in zip(("validation", "test"), halves, strict=True)
        )
        for half in (validation, test):
            target_of_manifest(name, half, attribute="")
        looks = replace(
            self.training,
            targets={name: validation.path},
            seeds=rounds.look_seeds,
            first_seed=self.plan.seeds or 0,  # the test trains with seeds that selected nothing
        )
        if rounds.look_steps:
            looks = replace(looks, steps=rounds.look_steps, epochs=None)
        world = EngineWorld(
            self.home / "rounds" / name,
            name,
            validation,
            self.pool,
            self.identities,
            rounds.methods,
            planning_options(self.plan),
            looks,
            self.progress,
        )
        return TargetPath(world, test)

    def build_path(self, path: TargetPath, on_round: OnRound) -> TargetPath:
        """Run the rounds towards a target, or read those that were finished before."""
        with self.clock.timed("rounds"):
            return replace(path, rounds=self._rounds(path.world, on_round))

    def _rounds(self, world: EngineWorld, on_round: OnRound) -> list[RoundResult]:
        rounds = self.plan.rounds
        own = {**self.request, "validation": world.validation.fingerprint}
        done = round_files.read_rounds(
            world.home, rounds.rounds, (rounds.size.identities, len(self.cells)), own
        )

        def finished(number: int, result: RoundResult) -> None:
            round_files.write_round(world.home, number, result, own)
            on_round(world.name, number, result)

        return run_rounds(world, self.cells, rounds, done=done, finished=finished)

    def kept(self, path: TargetPath) -> np.ndarray:
        """Return the set that the rounds of a target kept, `(N, C) bool`."""
        return kept_set(path.rounds, self.plan.rounds.size.identities, len(self.cells))

    def test(self, own: TargetPath, other: TargetPath) -> FinalTestOutcome:
        """Draw, train and score the set that was constructed for the target `own`, and its
        controls."""
        rounds = self.plan.rounds
        sets = final_test.deal_final_sets(
            self.kept(own),
            self.kept(other),
            own.world.static[ONE_SHOT_METHOD],
            self.cells,
            rounds,
            self.plan.seeds or 1,
        )
        looks = final_test.count_test_look(self.home, sets, self.request)
        with self.clock.timed("test"):
            needed = np.logical_or.reduce(np.concatenate([*sets.values()]))
            phase = PhaseProgress(self.progress, "test")
            manifest = self.pool.draw(needed, self.identities, phase)
            split = split_of_sets(
                self.pool,
                manifest,
                self.identities,
                sets,
                self.home / "final",
                rounds.plan_seed,
                final_test.CONSTRUCTED,
            )
            aims = {
                own.world.name: own.test.path,
                f"{own.world.name}{VALIDATION}": own.world.validation.path,
            }
            outcome = benchmark_sets(
                split, self.home / "runs", replace(self.training, targets=aims), phase
            )
        return FinalTestOutcome(
            sets,
            self.pool.uids(manifest, self.identities, needed),
            looks,
            read_run_results(outcome.folders[0]),
            outcome.folders[0],
            outcome.reports[0] if outcome.reports else None,
        )

    def record(
        self, paths: Sequence[TargetPath], tested: FinalTestOutcome, command: str
    ) -> ConstructRecord:
        """Return the record of a finished construction; the first of `paths` is its own target's."""
        plan, size, own = self.plan, self.plan.rounds.size, paths[0].world
        drawn = new_images([path.rounds for path in paths])
        for path in paths:  # facts of proposals, also where all rounds were read
            path.world.proposals(self.kept(path), path.rounds[-1].chosen.scores, size.total)
        comparisons = final_test.compare_with_controls(tested.run, own.name)
        seeds = plan.seeds or 1
        trials = sum(len(one.trials) for path in paths for one in path.rounds)
        return ConstructRecord(
            name=plan.construct.name,
            question=plan.construct.question,
            request=dict(self.request),
            command=command,
            identities=size.identities,
            images_each=size.images,
            cells=len(self.cells),
            paths=[
                path_record(path.world, path.test, path.rounds, new)
                for path, new in zip(paths, drawn, strict=True)
            ],
            arms=arm_summaries(tested.sets, self.cells, tested.run, f"{own.name}{VALIDATION}"),
            comparisons=comparisons,
            mAP=mean_scores(tested.run, own.name),
            seeds=seeds,
            steps=plan.steps,
            test_looks=tested.looks,
            rendered={
                "pool": int((tested.uids > 0).sum()),
                "probes": sum(path.world.probes for path in paths),
            },
            trainings={
                "looks": trials * plan.rounds.look_seeds,
                "test": len(tested.sets) * seeds,
            },
            seconds=self.clock.seconds,
            runs=relative_path(tested.runs, self.home),
            report=relative_path(tested.report, self.home) if tested.report else "",
            pool=relative_path(self.pool.folder / "manifest", self.home),
            verdict=final_test.verdict_sentence(own.name, comparisons),
            versions=package_versions(),
        )


def construct_cells(plan: ConstructFile) -> CandidateCells:
    """Return the candidate cells. Raises PlanError where they are fewer than the images of an
    identity, or too many for the set in one step: a later step would find either."""
    cells, size = candidate_cells(plan.renders, None), plan.rounds.size
    check_images(size, len(cells))
    crossed_identities(len(cells), plan.rounds.probe)
    return cells


def planning_options(plan: ConstructFile) -> PlanOptions:
    """Return the options of the methods of a construction."""
    space = {name: getattr(plan.renders, name) for name in options_of(SpaceOptions)}
    rounds = plan.rounds
    return PlanOptions(
        **space,
        features=rounds.features,
        floor=rounds.floor,
        probe=rounds.probe,
        sweeps=rounds.sweeps,
        plan_seed=rounds.plan_seed,
    )
