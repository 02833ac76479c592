"""A declared study run completely: its splits, the missing runs, the reports, and the published
values."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gprplus.core.benchmark_options import BenchmarkOptions
from gprplus.core.commands import Word, command_line
from gprplus.core.errors import DeclarationError
from gprplus.core.executors.shards import requested_shard
from gprplus.core.files.folders import discard_if_empty, hold_folder
from gprplus.core.files.paths import AnyPath
from gprplus.core.files.workdir import (
    package_versions,
    relative_path,
    work_folder,
    write_json,
    write_text,
)
from gprplus.core.html import html_text
from gprplus.core.options import accepts, combined, options_of
from gprplus.core.parallel import Progress, no_progress
from gprplus.core.progress import shows_progress
from gprplus.core.spelling import spelled
from gprplus.core.typed import as_json
from gprplus.experiments.options import StudyOptions, read_scale
from gprplus.experiments.studies.study_file import (
    StudyFile,
    make_study_splits,
    merge_studies,
    read_study,
)
from gprplus.experiments.studies.study_scale import scale_study
from gprplus.schema import VERSION
from gprplus.schema.study_record import DeclarationRecord, PublishedRow, StudyRecord

if TYPE_CHECKING:
    from gprplus.experiments.benchmark_result import BenchmarkResult

RECORD = "study.json"
KIND = "a study"  # of folder, as its mark states
PAGE = "study.html"
MARKDOWN = "study.md"
RESULTS = "results.csv"
HERE = (
    *(
        "train_identities",
        "train_images",
        "mAP",
        "mAP_low",
        "mAP_high",
        "rank1",
        "rank5",
        "seconds",
    ),
    *("reference", "mAP_difference", "mAP_difference_low", "mAP_difference_high"),
)  # columns of schema.SUMMARY that are compared with a published value


@dataclass(frozen=True, repr=False)
class StudyResult:
    """A study's folder, what it declares, and what benchmark made of it; of a dry run the plan
    alone."""

    path: Path
    plan: StudyFile
    outcome: "BenchmarkResult"

    def __repr__(self) -> str:
        return (
            f"Study {self.plan.study.name}: {self.plan.study.question}\n{self.outcome!r}".replace(
                "\n", "\n  ", 1
            )
        )

    def _repr_html_(self) -> str:
        title = f"{self.plan.study.name}: {self.plan.study.question}"
        return f"<p>{html_text(title)}</p>{self.outcome._repr_html_()}"


@shows_progress("Training and scoring")
@accepts(StudyOptions)
def study(
    name: str | Path | Sequence[str | Path],
    output: AnyPath | None = None,
    options: StudyOptions | None = None,
    *,
    work: AnyPath | None = None,
    dry_run: bool = False,
    force: bool = False,
    progress: Progress = no_progress,
    **changes: Any,
) -> StudyResult:
    """Make the splits of a study, run what is missing, and report.

    The output has the splits, the runs, study.json, the page study.html, the same for a paper,
    study.md, and the scores of all splits, results.csv. A study that was stopped continues; a
    finished one is read. Several studies are run as one.

    Args:
        name: name of a shipped study or path of a .toml file; or several.
        output: folder of the study; by default WORK/studies/NAME.
        options: all options at once; the keywords below change single fields of it.
        work: folder that the paths of the file are relative to; by default $GPRPLUS_WORK, else
            work/.
        dry_run: return the number of runs and their cost, and leave nothing.
        force: replace the results of another request in the output folder.
        progress: called with the number of steps done and of all steps.
    """
    from gprplus.experiments.run_benchmark import run_benchmark

    given = combined(StudyOptions, options, changes, "study")
    shard = requested_shard(given.shard, DeclarationError, force=force)
    names = [name] if isinstance(name, str | Path) else list(name)
    if not names:
        raise DeclarationError("No study was named.")
    found = [read_study(one) for one in names]
    scale = read_scale(str(given.scale))
    plan = scale_study(merge_studies([plan for plan, _ in found]), scale)
    base = work_folder(work)
    plan = _retrained(plan.below(base), given)
    home = Path(output) if output else base / "studies" / plan.study.name
    source = given.manifest or base / plan.manifest
    aims = _targets(plan, base, given)
    training = {**plan.training(), "compile": given.compile}
    runs = BenchmarkOptions(
        **training,
        targets=aims,
        roots=given.roots,
        device=given.device,
        jobs=given.jobs,
        shard=given.shard,
        track=given.track,
    )
    used = {name: training[name] for name in training if name in options_of(StudyOptions)}
    printed = spelled(
        replace(given, **used, manifest=source, targets=aims), leave=("jobs", "shard", "track")
    )
    command: list[Word] = ["study", *map(_file_or_name, names), *printed, "-o", home]
    if dry_run:
        with tempfile.TemporaryDirectory() as folder:
            made = _split_folders(plan, source, Path(folder), force=False)
            outcome = run_benchmark(made, home / "runs", runs, command=command, dry_run=True)
            return StudyResult(home, plan, outcome)
    with ExitStack() as held:
        held.enter_context(_exclusive(home, wait=shard is not None))
        held.callback(discard_if_empty, home)  # before it is released
        made = _split_folders(plan, source, home / "splits", force=force)
        if shard:  # the others may start now
            held.close()
        outcome = run_benchmark(
            made, home / "runs", runs, command=command, force=force, progress=progress
        )
        if outcome.folders:  # none in a shard, nor in the other processes of torchrun
            record = StudyRecord(
                schema_version=VERSION,
                name=plan.study.name,
                question=plan.study.question,
                source=plan.study.source,
                unknown=list(plan.study.unknown),
                command=command_line(command),
                declarations=[
                    DeclarationRecord(one.name, one.digest, one.data) for _, one in found
                ],
                scale=str(scale),
                training={
                    key: str(one) if isinstance(one, Path) else one for key, one in training.items()
                },
                manifest=relative_path(source, home),
                splits=[relative_path(path, home) for path in made],
                reports=[relative_path(page, home) for page in outcome.reports],
                beside_published=list(compare_with_published(plan, outcome)),
                versions=package_versions(),
            )
            write_json(home / RECORD, as_json(record))
            _report(home, record, outcome)
    return StudyResult(home, plan, outcome)


def _targets(plan: StudyFile, base: Path, given: StudyOptions) -> dict[str, Path]:
    """The targets of a study and of the call, by name."""
    found = {**{key: base / path for key, path in plan.targets.items()}, **given.targets}
    for key, path in found.items():
        if not path.exists():
            raise DeclarationError(
                f"The target {key} of {plan.study.name} is not at {path}. Give the folder of its"
                f" manifest or images: --target {key}=PATH."
            )
    return found


def _split_folders(plan: StudyFile, source: Path, folder: Path, *, force: bool) -> list[Path]:
    """Make the splits of a study in `folder`, and return their folders."""
    return [split.path for split in make_study_splits(plan, source, folder, force=force)]


def _exclusive(home: Path, *, wait: bool) -> AbstractContextManager[object]:
    """Hold the study's folder, after other processes if `wait` is set; under torchrun the first
    process holds it for all."""
    if os.environ.get("RANK", "0") != "0":
        return nullcontext()
    return hold_folder(home, KIND, DeclarationError, adopt=True, wait=wait)


def _report(home: Path, record: StudyRecord, outcome: "BenchmarkResult") -> None:
    """Write the study's page and tables next to its record."""
    from gprplus.reporting import run_results as reports
    from gprplus.reporting.pages.study_page import render_study
    from gprplus.reporting.pages.study_tables import study_csv, study_markdown

    found = [reports.read_run_results(folder) for folder in outcome.folders]
    write_text(
        home / PAGE,
        render_study(record, found, [relative_path(page, home) for page in outcome.reports]),
    )
    write_text(home / MARKDOWN, study_markdown(record, found))
    write_text(home / RESULTS, study_csv(found))


def _file_or_name(name: Any) -> Word:
    """A TOML file, or the name of a shipped declaration or any other value."""
    return Path(name) if Path(str(name)).suffix == ".toml" else str(name)


def _retrained(plan: StudyFile, options: StudyOptions) -> StudyFile:
    """The plan with the options of the call; a length given there replaces the file's, in steps or
    epochs."""
    if options.steps is not None or options.epochs is not None:
        plan = replace(plan, steps=options.steps, epochs=options.epochs)
    return replace(plan, recipe=options.recipe or plan.recipe, seeds=options.seeds or plan.seeds)


def compare_with_published(plan: StudyFile, outcome: "BenchmarkResult") -> Iterator[PublishedRow]:
    """Return published values of arms on targets with the results of the runs here, one row each;
    scores 0-1."""
    ours = {
        (row["split"], row["arm"], row["target"]): row
        for summary in outcome.summaries
        for row in summary.to_pylist()
    }
    for split in plan.splits:
        for arm, found in split.published.items():
            for target, values in found.items():
                row = ours.get((split.name, arm, target), {})
                here = {key: row.get(key) for key in HERE}
                yield PublishedRow(split.name, arm, target, asdict(values), here)
