"""`construct`: build a training set for a target in rounds, and test it once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gprplus.analysis.sample import MIN_IDENTITIES
from gprplus.core.commands import Word, command_line
from gprplus.core.errors import DeclarationError, PlanError
from gprplus.core.files.folders import hold_folder
from gprplus.core.files.paths import AnyPath
from gprplus.core.files.workdir import (
    check_request,
    read_json,
    work_folder,
    write_json,
    write_text,
)
from gprplus.core.options import accepts, combined, record_of
from gprplus.core.parallel import Progress, no_progress
from gprplus.core.progress import shows_progress
from gprplus.core.spelling import spelled
from gprplus.core.typed import as_json
from gprplus.experiments import schedule
from gprplus.experiments.benchmark_setup import choose_recipe
from gprplus.experiments.construction.construct_file import ConstructFile, read_construct
from gprplus.experiments.construction.options import ConstructOptions
from gprplus.experiments.construction.output_folder import begin_request
from gprplus.experiments.construction.rounds import RoundResult
from gprplus.experiments.construction.stages import Construction, OnRound, construct_cells
from gprplus.ingest import Manifest, open_or_build_manifest
from gprplus.schema.construct_record import ConstructRecord, construct_record

RECORD, PAGE, MARKDOWN = "construct.json", "construct.html", "construct.md"
KIND = "a construction"  # of folder, as its mark states


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
    construct_cells(plan)  # a wrong file must not become the request that the folder holds
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
        run = Construction.begin(home, plan, given, request, progress)
        return _run(run, targets, [*command, "-o", home], on_round)


def with_options(plan: ConstructFile, given: ConstructOptions) -> ConstructFile:
    """Return the file with the options of a call."""
    if given.steps is not None:
        plan = replace(plan, steps=given.steps, epochs=None)
    return replace(plan, recipe=given.recipe or plan.recipe, seeds=given.seeds or plan.seeds)


def open_targets(plan: ConstructFile, base: Path, home: Path) -> dict[str, Manifest]:
    """Open the target and the other target of a construction; folders of images get a manifest in
    `home`/targets. Raises DeclarationError for one that is missing, PlanError for one of too few
    identities."""
    found = {}
    for name, path in {**plan.target, **plan.other_target}.items():
        if not (base / path).exists():
            raise DeclarationError(
                f"The target {name} of {plan.construct.name} is not at {base / path}. Correct its"
                " path in the file, or make it first."
            )
        found[name] = open_or_build_manifest(base / path, home / "targets" / name)
        people = found[name].record.counts["identities"]
        if people < 2 * MIN_IDENTITIES:
            raise PlanError(
                f"The target {name} has {people} identities; at least {2 * MIN_IDENTITIES} are"
                f" needed, {MIN_IDENTITIES} in the validation half and {MIN_IDENTITIES} in the test"
                " half."
            )
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
    run: Construction,
    targets: Mapping[str, Manifest],
    command: Sequence[Word],
    on_round: OnRound,
) -> ConstructResult:
    from gprplus.reporting.pages.construct_page import render_construct
    from gprplus.reporting.pages.construct_tables import construct_markdown

    own, other = (run.build_path(path, on_round) for path in run.open_paths(targets))
    tested = run.test(own, other)
    record = run.record([own, other], tested, command_line(list(command)))
    added = [tested.uids[one.chosen.added] for one in own.rounds]
    write_text(run.home / PAGE, render_construct(record, tested.run, run.home, added))
    write_text(run.home / MARKDOWN, construct_markdown(record, tested.run))
    write_json(run.home / RECORD, as_json(record))
    return ConstructResult(run.home, record, made=True)
