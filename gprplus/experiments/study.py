"""A declared study run end to end: its splits, the runs that are missing, the reports, and what a paper has beside."""

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gprplus.core.commands import Word, command_line
from gprplus.core.errors import DeclarationError
from gprplus.core.files.folders import hold_folder
from gprplus.core.files.paths import AnyPath, as_named_paths
from gprplus.core.files.workdir import package_versions, relative_path, work_folder, write_json, write_text
from gprplus.core.html import html_text
from gprplus.core.parallel import Progress, no_progress
from gprplus.core.progress import shows_progress
from gprplus.experiments.study_file import StudyFile, make_study_splits, merge_studies, read_study
from gprplus.experiments.study_scale import read_scale, scale_study
from gprplus.schema import VERSION

if TYPE_CHECKING:
    from gprplus.experiments.benchmark_result import BenchmarkResult

RECORD = "study.json"
KIND = "a study"  # of folder, as its mark states
PAGE = "study.html"
MARKDOWN = "study.md"
RESULTS = "results.csv"
HERE = (
    *("train_identities", "train_images", "mAP", "mAP_low", "mAP_high", "rank1", "rank5", "seconds"),
    *("reference", "mAP_difference", "mAP_difference_low", "mAP_difference_high"),
)  # what stands beside a published value, of schema.SUMMARY
OPTIONS = ("recipe", "seeds", "steps", "epochs", "compile")  # of training, on the command line of study


@dataclass(frozen=True, repr=False)
class StudyResult:
    """A study's folder, what it declares, and what benchmark made of it; of a dry run the plan alone."""

    path: Path
    plan: StudyFile
    outcome: "BenchmarkResult"

    def __repr__(self) -> str:
        return f"Study {self.plan.study.name}: {self.plan.study.question}\n{self.outcome!r}".replace("\n", "\n  ", 1)

    def _repr_html_(self) -> str:
        title = f"{self.plan.study.name}: {self.plan.study.question}"
        return f"<p>{html_text(title)}</p>{self.outcome._repr_html_()}"


@shows_progress("Training and scoring")
def study(
    name: str | Path | Sequence[str | Path],
    *,
    output: AnyPath | None = None,
    work: AnyPath | None = None,
    manifest: AnyPath | None = None,
    targets: Mapping[str, AnyPath] | None = None,
    roots: Mapping[str, AnyPath] | None = None,
    device: str = "auto",
    jobs: int | None = None,
    scale: Fraction | float | str = 1,
    recipe: str | Path | None = None,
    seeds: int | None = None,
    steps: int | None = None,
    epochs: float | None = None,
    compile: str | None = None,
    dry_run: bool = False,
    force: bool = False,
    progress: Progress = no_progress,
) -> StudyResult:
    """Make the splits of a study, run what is missing, and report. Several names are run as one study.

    `manifest` and `targets` take the place of those that the file names, `roots` says where a dataset's images
    lie now. `recipe`, `seeds`, `steps` or `epochs` take the place of the file's, `compile` of the recipe's;
    `scale` multiplies its people and images (`experiments.study_scale`). Everything goes to `output`, else
    WORK/studies/NAME, as splits/, runs/, study.json, the page that answers the question, study.html, the same for
    a paper, study.md, and the scores of all splits, results.csv. Each part knows what it has done, so a study
    that was stopped goes on where it was, and one that is done is done at once. A dry run makes the splits in
    passing, says what runs they ask for, leaves nothing.
    """
    from gprplus.experiments.benchmark import benchmark

    names = [name] if isinstance(name, str | Path) else list(name)
    if not names:
        raise DeclarationError("No study was named.")
    found = [read_study(one) for one in names]
    scale = read_scale(str(scale))
    plan = scale_study(merge_studies([plan for plan, _ in found]), scale)
    plan = _retrained(plan, recipe, seeds, steps, epochs)
    base = work_folder(work)
    home = Path(output) if output else base / "studies" / plan.study.name
    source = Path(manifest) if manifest else base / plan.manifest
    aims = {
        **{key: base / path for key, path in plan.targets.items()},
        **{k: Path(p) for k, p in (targets or {}).items()},
    }
    for key, path in aims.items():
        if not path.exists():
            raise DeclarationError(
                f"The target {key} of {plan.study.name} is not at {path}. Say where its manifest or images lie: "
                f"--target {key}=PATH."
            )
    training = {**plan.training(), "compile": compile}
    asked = _command(names, training, scale, source, home, {"--target": aims, "--root": as_named_paths(roots)}, device)
    shared: dict[str, Any] = {
        **training,
        "targets": aims,
        "roots": roots,
        "device": device,
        "jobs": jobs,
        "as_one": True,
        "command": asked,
    }
    if dry_run:
        with tempfile.TemporaryDirectory() as folder:
            made = [split.path for split in make_study_splits(plan, source, Path(folder), force=False)]
            return StudyResult(home, plan, benchmark(made, home / "runs", dry_run=True, **shared))
    with _alone(home):
        made = [split.path for split in make_study_splits(plan, source, home / "splits", force=force)]
        outcome = benchmark(made, home / "runs", force=force, progress=progress, **shared)
        if outcome.folders:  # those of the first process only
            info = {
                "schema_version": VERSION,
                "name": plan.study.name,
                "question": plan.study.question,
                "source": plan.study.source,
                "unknown": list(plan.study.unknown),
                "command": command_line(asked),
                "declarations": [{"name": one.name, "digest": one.digest, "says": one.data} for _, one in found],
                "scale": str(scale),
                "training": training,
                "manifest": relative_path(source, home),
                "splits": [relative_path(path, home) for path in made],
                "reports": [relative_path(page, home) for page in outcome.reports],
                "beside_published": list(compare_with_published(plan, outcome)),
                "versions": package_versions(),
            }
            write_json(home / RECORD, info)
            _report(home, info, outcome)
    return StudyResult(home, plan, outcome)


def _alone(home: Path) -> AbstractContextManager[object]:
    """The right to fill the study's folder; the first of several processes of torchrun has it for all."""
    if os.environ.get("RANK", "0") != "0":
        return nullcontext()
    return hold_folder(home, KIND, DeclarationError, adopt=True)


def _report(home: Path, info: Mapping[str, Any], outcome: "BenchmarkResult") -> None:
    """The study's own page and tables beside its record."""
    from gprplus.reporting import run_results as reports
    from gprplus.reporting.pages.study_page import render_study
    from gprplus.reporting.pages.study_tables import study_csv, study_markdown

    found = [reports.read_run_results(folder) for folder in outcome.folders]
    write_text(home / PAGE, render_study(info, found, [relative_path(page, home) for page in outcome.reports]))
    write_text(home / MARKDOWN, study_markdown(info, found))
    write_text(home / RESULTS, study_csv(found))


def _command(
    names: Sequence[str | Path],
    training: Mapping[str, Any],
    scale: Fraction,
    manifest: Path,
    output: Path,
    places: Mapping[str, Mapping[str, Path]],
    device: str,
) -> list[Word]:
    """The words of the command that asks for the same again; `places` are paths by name by option."""
    words: list[Word] = ["study", *(_file_or_name(name) for name in names)]
    words += ["--scale", str(scale)] if scale != 1 else []
    for option, value in training.items():
        words += [f"--{option}", _file_or_name(value)] if value is not None and option in OPTIONS else []
    words += ["--device", device] if device != "auto" else []
    for option, paths in places.items():
        for name, path in paths.items():
            words += [option, (name, Path(path))]
    return [*words, "--manifest", manifest, "-o", output]


def _file_or_name(name: Any) -> Word:
    """A TOML file, or the name of a shipped declaration or any other value."""
    return Path(name) if Path(str(name)).suffix == ".toml" else str(name)


def _retrained(
    plan: StudyFile, recipe: str | Path | None, seeds: int | None, steps: int | None, epochs: float | None
) -> StudyFile:
    """The plan with what was asked for beside it; a length given here replaces the file's, in steps or epochs."""
    if steps is not None or epochs is not None:
        plan = replace(plan, steps=steps, epochs=epochs)
    return replace(plan, recipe=str(recipe or plan.recipe), seeds=seeds or plan.seeds)


def compare_with_published(plan: StudyFile, outcome: "BenchmarkResult") -> Iterator[dict[str, Any]]:
    """What was published of an arm on a target beside what the runs here came to, one row each; scores 0-1."""
    ours = {
        (row["split"], row["arm"], row["target"]): row for summary in outcome.summaries for row in summary.to_pylist()
    }
    for split in plan.splits:
        for arm, found in split.published.items():
            for target, values in found.items():
                row = ours.get((split.name, arm, target), {})
                yield {
                    "split": split.name,
                    "arm": arm,
                    "target": target,
                    "published": asdict(values),
                    "here": {key: row.get(key) for key in HERE},
                }
