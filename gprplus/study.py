"""A declared study: a question, the splits that ask it, and one way of training and scoring them all.

The form of a study is frozen here: every key below, no other. The manifest and the targets are named relative to the
work folder, so that one file serves any machine; the command line may put others in their place.
"""

import re
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gprplus.declared import Declaration, read, strict
from gprplus.errors import DeclarationError
from gprplus.parallel import Progress, silent
from gprplus.runs import relative, versions, work_folder, write_json
from gprplus.schema import VERSION

if TYPE_CHECKING:
    from gprplus.benchmark import Outcome

RECORD = "study.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


@dataclass(frozen=True)
class About:
    """What a study is called and what it asks."""

    name: str
    question: str


@dataclass(frozen=True)
class SplitPlan:
    """One [[splits]] table: options of make-split under their own names; a split without a name has its attribute's."""

    attr: str
    name: str | None = None
    levels: tuple[str | int, ...] | None = None
    where: str | None = None
    identities: int | None = None
    images_per_identity: int | None = None
    budget: int | None = None
    test_share: float = 0.25
    missing: str = "drop-stratum"
    controls: bool = True
    seed: int = 0

    @property
    def folder(self) -> str:
        """The name of the split."""
        return self.name or self.attr

    def options(self) -> dict[str, Any]:
        """Keyword arguments of make_split, apart from the attribute."""
        options = {key: value for key, value in asdict(self).items() if key not in ("attr", "name")}
        return options | {"levels": None if self.levels is None else [str(level) for level in self.levels]}


@dataclass(frozen=True)
class StudyPlan:
    """A whole study file. Runs are every split x arm x seed, scored on the split's own test set and every target."""

    study: About
    splits: tuple[SplitPlan, ...]
    manifest: str = "manifest"
    targets: dict[str, str] = field(default_factory=dict)
    recipe: str = "auto"
    backbone: str | None = None
    weights: str | None = None
    seeds: int | None = None
    steps: int | None = None
    epochs: float | None = None

    def training(self) -> dict[str, Any]:
        """Keyword arguments of benchmark that say how runs are trained."""
        return {name: getattr(self, name) for name in ("recipe", "backbone", "weights", "seeds", "steps", "epochs")}


@dataclass(frozen=True)
class Study:
    """A study's folder, what it declares, and what benchmark made of it; of a dry run the plan alone."""

    path: Path
    plan: StudyPlan
    outcome: "Outcome"


def read_study(name: str | Path) -> tuple[StudyPlan, Declaration]:
    """A shipped study by name or any by the path of its .toml. DeclarationError names what is wrong and where."""
    declaration = read("studies", name)
    where = declaration.where
    plan = strict(StudyPlan, declaration.data, where)
    if not plan.splits:
        raise DeclarationError(f"{where}: there is no [[splits]] table, so there is nothing to run.")
    names = [split.folder for split in plan.splits]
    for name in (plan.study.name, *names, *plan.targets):
        if not _NAME.fullmatch(str(name)):
            raise DeclarationError(f"{where}: '{name}' is no name; use letters, digits, - and _.")
    double = {name for name in names if names.count(name) > 1}
    if double:
        raise DeclarationError(
            f"{where}: the splits {', '.join(sorted(double))} share a name. Give each a name of its own."
        )
    return plan, declaration


def study(
    name: str | Path,
    *,
    output: Path | str | None = None,
    work: Path | str | None = None,
    manifest: Path | str | None = None,
    targets: Mapping[str, Path | str] | None = None,
    roots: Mapping[str, Path] | None = None,
    device: str = "auto",
    jobs: int | None = None,
    dry_run: bool = False,
    force: bool = False,
    progress: Progress = silent,
) -> Study:
    """Make the splits of a study, run what is missing, and report.

    `manifest` and `targets` take the place of those that the file names, `roots` says where a dataset's images lie
    now. Everything goes to `output`, else WORK/studies/NAME, as splits/, runs/ and study.json. Each part knows what
    it has done, so a study that was stopped goes on where it was, and one that is done is done at once. A dry run
    makes the splits in passing, says what runs they ask for, and leaves nothing.
    """
    from gprplus.benchmark import benchmark

    plan, declaration = read_study(name)
    base = work_folder(work)
    home = Path(output) if output else base / "studies" / plan.study.name
    source = Path(manifest) if manifest else base / plan.manifest
    aims = {
        **{key: base / path for key, path in plan.targets.items()},
        **{k: Path(p) for k, p in (targets or {}).items()},
    }
    shared: dict[str, Any] = {**plan.training(), "targets": aims, "roots": roots, "device": device, "jobs": jobs}
    if dry_run:
        with tempfile.TemporaryDirectory() as folder:
            made = make_splits(plan, source, Path(folder), force=False)
            return Study(home, plan, benchmark(made, home / "runs", dry_run=True, **shared))
    made = make_splits(plan, source, home / "splits", force=force)
    outcome = benchmark(made, home / "runs", force=force, progress=progress, **shared)
    info = {
        "schema_version": VERSION,
        "name": plan.study.name,
        "question": plan.study.question,
        "declaration": {"name": declaration.name, "digest": declaration.digest, "says": declaration.data},
        "manifest": relative(source, home),
        "splits": [relative(path, home) for path in made],
        "reports": [relative(page, home) for page in outcome.reports],
        "versions": versions(),
    }
    write_json(home / RECORD, info)
    return Study(home, plan, outcome)


def make_splits(plan: StudyPlan, manifest: Path, home: Path, *, force: bool) -> list[Path]:
    """The folders of the study's splits below `home`, made where they are missing."""
    from gprplus.ingest import Manifest
    from gprplus.splits import make_split

    source = Manifest.open(manifest)
    return [
        make_split(source, split.attr, output=home / split.folder, force=force, **split.options()).path
        for split in plan.splits
    ]
