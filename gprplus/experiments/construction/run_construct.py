"""`construct`: build a training set for a target in rounds, and test it once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from gprplus.analysis.sample import MIN_IDENTITIES
from gprplus.core.benchmark_options import BenchmarkOptions
from gprplus.core.commands import Word, command_line
from gprplus.core.errors import DeclarationError, PlanError
from gprplus.core.files.folders import hold_folder
from gprplus.core.files.paths import AnyPath
from gprplus.core.files.workdir import (
    check_request,
    package_versions,
    read_json,
    relative_path,
    work_folder,
    write_json,
    write_text,
)
from gprplus.core.options import accepts, combined, options_of, record_of
from gprplus.core.parallel import PhaseProgress, Progress, no_progress
from gprplus.core.progress import shows_progress
from gprplus.core.spelling import spelled
from gprplus.core.typed import as_json
from gprplus.experiments import schedule
from gprplus.experiments.construction import final_test, round_files
from gprplus.experiments.construction.construct_file import ConstructFile, read_construct
from gprplus.experiments.construction.engine_world import (
    VALIDATION,
    EngineWorld,
    benchmark_sets,
    split_of_sets,
)
from gprplus.experiments.construction.number_type import keep_precision
from gprplus.experiments.construction.options import ConstructOptions
from gprplus.experiments.construction.output_folder import Stopwatch, begin_request
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
from gprplus.experiments.run_benchmark import choose_recipe
from gprplus.ingest import Manifest, open_or_build_manifest
from gprplus.ingest.tables.part import halve_by_identity, write_part
from gprplus.planning.cells import CandidateCells, candidate_cells
from gprplus.planning.image_deal import check_images
from gprplus.planning.methods.matched import crossed_identities
from gprplus.planning.options import PlanOptions, SpaceOptions
from gprplus.planning.render_pool import RenderPool
from gprplus.reporting.run_results import read_run_results
from gprplus.schema.construct_record import ConstructRecord, construct_record

RECORD, PAGE, MARKDOWN = "construct.json", "construct.html", "construct.md"
KIND = "a construction"  # of folder, as its mark states
ONE_SHOT_METHOD = "matched"


OnRound = Callable[[str, int, RoundResult], None]


def ignore_round(target: str, number: int, result: RoundResult) -> None:
    """Do nothing with a finished round."""


@dataclass(frozen=True)
class ConstructResult:
    """A construction in its folder; `made` is whether this call finished it."""

    path: Path
    record: ConstructRecord
    made: bool = False

    @property
    def report(self) -> Path:
        """Return the page."""
        return self.path / PAGE

    @classmethod
    def open(cls, path: AnyPath) -> "ConstructResult":
        """Read a finished construction. Raises PlanError where the folder holds none."""
        path = Path(path)
        info = read_json(path / RECORD, PlanError, "a construction")
        return cls(path, construct_record(info, path / RECORD))


@dataclass(frozen=True, eq=False)
class _Side:
    """A target: the world of its rounds, which has the validation half, and the test half."""

    world: EngineWorld
    test: Manifest


@shows_progress("Constructing")
@accepts(ConstructOptions)
def construct(
    file: str | Path,
    output: AnyPath | None = None,
    options: ConstructOptions | None = None,
    *,
    work: AnyPath | None = None,
    force: bool = False,
    progress: Progress = no_progress,
    on_round: OnRound = ignore_round,
    **changes: Any,
) -> ConstructResult:
    """Construct a training set for a target in rounds of planning, rendering, training and
    scoring, and test it once on the half of the target that no decision has seen.

    A construction that was stopped continues; a finished one is read.

    Args:
        file: name of a shipped construction or path of a .toml file.
        output: folder of the construction; by default WORK/constructions/NAME.
        options: all options at once; the keywords below change single fields of it.
        work: folder that the paths of the file are relative to; by default $GPRPLUS_WORK, else
            work/.
        force: replace the results of another request in the output folder.
        progress: called with the number of steps done and of all steps.
        on_round: called with the name of the target, the number of a finished round, from 0, and
            its result.

    Raises:
        DeclarationError: the file is wrong.
        PlanError: the budget does not fit the cells.
        RequestChanged: the folder holds another construction, and `force` is not set.
    """
    given = combined(ConstructOptions, options, changes, "construct")
    plan, declaration = read_construct(file)
    plan = with_options(plan, given)
    base = work_folder(work)
    home = Path(output) if output else base / "constructions" / plan.construct.name
    named = file if str(file) == declaration.name else Path(file)
    command: list[Word] = ["construct", named, *spelled(given, leave=("jobs", "track"))]
    command += ["--work", base] if base != Path("work") else []
    with hold_folder(home, KIND, PlanError):
        targets = open_targets(plan, base, home)
        request = request_of(plan, targets, given.device)
        if check_request(home / RECORD, request, force=force) == "same":
            return ConstructResult.open(home)
        begin_request(home, request, force=force)
        return _run(home, plan, given, targets, request, [*command, "-o", home], progress, on_round)


def with_options(plan: ConstructFile, given: ConstructOptions) -> ConstructFile:
    """Return the file with the options of a call."""
    if given.steps is not None:
        plan = replace(plan, steps=given.steps, epochs=None)
    return replace(plan, recipe=given.recipe or plan.recipe, seeds=given.seeds or plan.seeds)


def open_targets(plan: ConstructFile, base: Path, home: Path) -> dict[str, Manifest]:
    """Open the target and the other target of a construction; folders of images get a manifest in
    `home`/targets. Raises DeclarationError for one that is missing."""
    found = {}
    for name, path in {**plan.target, **plan.other_target}.items():
        if not (base / path).exists():
            raise DeclarationError(
                f"The target {name} of {plan.construct.name} is not at {base / path}. Correct its"
                " path in the file, or make it first."
            )
        found[name] = open_or_build_manifest(base / path, home / "targets" / name)
    return found


def request_of(plan: ConstructFile, targets: dict[str, Manifest], device: str) -> dict[str, Any]:
    """Return what determines the result of a construction: the recipe is the one that `device`
    gets, with all its settings."""
    recipe, _ = choose_recipe(plan.recipe, schedule.resolve_device(device))
    training = {**plan.training(), "recipe": recipe.name}
    renders = record_of(plan.renders)
    for unrecorded in ("device", "workers"):
        renders.pop(unrecorded, None)
    return {
        "target": {name: targets[name].fingerprint for name in plan.target},
        "other_target": {name: targets[name].fingerprint for name in plan.other_target},
        "renders": renders,
        "rounds": record_of(plan.rounds),
        "training": {
            name: str(value) if isinstance(value, Path) else value
            for name, value in training.items()
        },
        "recipe": as_json(recipe),
    }


def _run(
    home: Path,
    plan: ConstructFile,
    given: ConstructOptions,
    targets: dict[str, Manifest],
    request: dict[str, Any],
    command: Sequence[Word],
    progress: Progress,
    on_round: OnRound,
) -> ConstructResult:
    clock = Stopwatch(home / "seconds.json")
    training = BenchmarkOptions(
        **plan.training(),
        precision=keep_precision(home, plan, given),
        device=given.device,
        jobs=given.jobs,
        track=given.track,
    )
    cells = construct_cells(plan)
    size = plan.rounds.size
    names = [f"{i:04d}" for i in range(1, size.identities + 1)]
    pool = RenderPool(home / "pool", cells, plan.renders)
    sides, rounds = {}, {}
    for name in (plan.target_name, plan.other_name):
        with clock.timed("rounds"):
            side = _open_side(home, name, plan, training, targets[name], pool, names, progress)
            if name == plan.target_name:  # what the test needs may be refused: before the rounds
                side.world.prepare(ONE_SHOT_METHOD)
            sides[name] = side
            rounds[name] = _rounds_of(side, plan, cells, request, on_round)
    own = sides[plan.target_name]
    kept = {name: kept_set(each, size.identities, len(cells)) for name, each in rounds.items()}
    sets = _final_sets(own, plan, kept)
    looks = final_test.count_test_look(home, sets, request)
    with clock.timed("test"):
        needed = np.logical_or.reduce(np.concatenate([*sets.values()]))
        phase = PhaseProgress(progress, "test")
        manifest = pool.draw(needed, names, phase)
        folder = home / "final"
        split = split_of_sets(
            pool, manifest, names, sets, folder, plan.rounds.plan_seed, final_test.CONSTRUCTED
        )
        aims = {
            plan.target_name: own.test.path,
            f"{plan.target_name}{VALIDATION}": own.world.validation.path,
        }
        outcome = benchmark_sets(split, home / "runs", replace(training, targets=aims), phase)
    run = read_run_results(outcome.folders[0])
    found = final_test.compare_with_controls(run, plan.target_name)
    uids = pool.uids(manifest, names, needed)
    drawn = new_images(list(rounds.values()))
    for name, side in sides.items():  # facts of proposals, also where all rounds were read
        side.world.proposals(kept[name], rounds[name][-1].chosen.scores, size.total)
    probes = sum(side.world.probes for side in sides.values())
    record = ConstructRecord(
        name=plan.construct.name,
        question=plan.construct.question,
        request=request,
        command=command_line(list(command)),
        identities=size.identities,
        images_each=size.images,
        cells=len(cells),
        paths=[
            path_record(side.world, side.test, rounds[name], new)
            for (name, side), new in zip(sides.items(), drawn, strict=True)
        ],
        arms=arm_summaries(sets, cells, run, f"{plan.target_name}{VALIDATION}"),
        comparisons=found,
        mAP=mean_scores(run, plan.target_name),
        seeds=plan.seeds or 1,
        steps=plan.steps,
        test_looks=looks,
        rendered={"pool": int((uids > 0).sum()), "probes": probes},
        trainings={
            "looks": sum(len(one.trials) for each in rounds.values() for one in each)
            * plan.rounds.look_seeds,
            "test": len(sets) * (plan.seeds or 1),
        },
        seconds=clock.seconds,
        runs=relative_path(outcome.folders[0], home),
        report=relative_path(outcome.reports[0], home) if outcome.reports else "",
        pool=relative_path(pool.folder / "manifest", home),
        verdict=final_test.verdict_sentence(plan.target_name, found),
        versions=package_versions(),
    )
    from gprplus.reporting.pages.construct_page import render_construct
    from gprplus.reporting.pages.construct_tables import construct_markdown

    added = [uids[one.chosen.added] for one in rounds[plan.target_name]]
    write_text(home / PAGE, render_construct(record, run, home, added))
    write_text(home / MARKDOWN, construct_markdown(record, run))
    write_json(home / RECORD, as_json(record))
    return ConstructResult(home, record, made=True)


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


def _open_side(
    home: Path,
    name: str,
    plan: ConstructFile,
    training: BenchmarkOptions,
    target: Manifest,
    pool: RenderPool,
    identities: list[str],
    progress: Progress,
) -> _Side:
    """Divide a target, and make the world of its rounds."""
    people = target.record.counts["identities"]
    if people < 2 * MIN_IDENTITIES:
        raise PlanError(
            f"The target {name} has {people} identities; at least {2 * MIN_IDENTITIES} are needed,"
            f" {MIN_IDENTITIES} in the validation half and {MIN_IDENTITIES} in the test half."
        )
    halves = halve_by_identity(target, plan.rounds.plan_seed)
    validation, test = (
        write_part(target, keep, home / "halves" / f"{name}-{half}", f"{half} half")
        for half, keep in zip(("validation", "test"), halves, strict=True)
    )
    looks = replace(
        training,
        targets={name: validation.path},
        seeds=plan.rounds.look_seeds,
        first_seed=plan.seeds or 0,  # the test trains with seeds that selected nothing
    )
    if plan.rounds.look_steps:
        looks = replace(looks, steps=plan.rounds.look_steps, epochs=None)
    world = EngineWorld(
        home / "rounds" / name,
        name,
        validation,
        pool,
        identities,
        plan.rounds.methods,
        planning_options(plan),
        looks,
        progress,
    )
    return _Side(world, test)


def _rounds_of(
    side: _Side,
    plan: ConstructFile,
    cells: CandidateCells,
    request: dict[str, Any],
    on_round: OnRound,
) -> list[RoundResult]:
    world, size = side.world, plan.rounds.size
    own = {**request, "validation": world.validation.fingerprint}
    done = round_files.read_rounds(
        world.home, plan.rounds.rounds, (size.identities, len(cells)), own
    )

    def finished(number: int, result: RoundResult) -> None:
        round_files.write_round(world.home, number, result, own)
        on_round(world.name, number, result)

    return run_rounds(world, cells, plan.rounds, done=done, finished=finished)


def _final_sets(
    own: _Side, plan: ConstructFile, kept: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    one_shot = own.world.static[ONE_SHOT_METHOD]
    constructed, other = kept[plan.target_name], kept[plan.other_name]
    return final_test.deal_final_sets(
        constructed, other, one_shot, own.world.cells, plan.rounds, plan.seeds or 1
    )
