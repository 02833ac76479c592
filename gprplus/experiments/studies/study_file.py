"""Study files: a question, the splits that answer it, and common settings for training and scoring.

The format is fixed here and documented by key in docs/studies.md; an unknown key is an error. The
manifest and the targets are relative to the work folder, so that one file works on any machine.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gprplus.core.benchmark_options import TrainingOptions
from gprplus.core.declarations import Declaration, from_mapping, load_declaration
from gprplus.core.errors import DeclarationError, SplitError, TrainingError, did_you_mean
from gprplus.core.options import options_of, renamed
from gprplus.splits.make import build_split
from gprplus.splits.request import SplitRequest
from gprplus.splits.split import Split

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


@dataclass(frozen=True)
class StudyInfo:
    """Name and question of a study; for a study of a paper, its source and the settings that it
    does not report."""

    name: str
    question: str
    source: str = ""
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True)
class PublishedScores:
    """Published results of one arm on one target: scores 0-1, hours on its GPU. None if not
    reported."""

    mAP: float | None = None
    rank1: float | None = None
    rank5: float | None = None
    gpu_hours: float | None = None


@dataclass(frozen=True)
class StudySplit:
    """One [[splits]] table: its name, the options of make-split, and published values by arm and
    target."""

    name: str
    request: SplitRequest
    published: Mapping[str, Mapping[str, PublishedScores]] = field(default_factory=dict)

    def below(self, work: Path) -> "StudySplit":
        """Return the split with the files of its tables of uids below the work folder, unless their
        paths are absolute."""
        request = self.request
        arms = tuple(
            replace(arm, table=str(work / arm.table)) if arm.table else arm for arm in request.arms
        )
        exclude = work / request.exclude if request.exclude else None
        return replace(self, request=replace(request, arms=arms, exclude=exclude))


OWN_KEYS = ("name", "published")  # of a [[splits]] table, besides the options of make-split
SPLIT_KEYS = (*OWN_KEYS, *options_of(SplitRequest))


@dataclass(frozen=True, kw_only=True)
class StudyFile(TrainingOptions):
    """A whole study file. Runs are every split x arm x seed, scored on the split's own test set and
    every target."""

    study: StudyInfo
    splits: tuple[StudySplit, ...]
    manifest: str = "manifest"
    targets: dict[str, str] = field(default_factory=dict)

    def training(self) -> dict[str, Any]:
        """The options of training."""
        return {name: getattr(self, name) for name in options_of(TrainingOptions)}

    def below(self, work: Path) -> "StudyFile":
        """Return the study with the files of its splits below the work folder."""
        return replace(self, splits=tuple(split.below(work) for split in self.splits))


def read_study(name: str | Path) -> tuple[StudyFile, Declaration]:
    """A shipped study by name or any by the path of its .toml. DeclarationError names what is wrong
    and where."""
    declaration = load_declaration("studies", name)
    where, data = declaration.where, declaration.data
    tables = data.get("splits", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise DeclarationError(f"{where}: splits: expected [[splits]] tables, found {tables!r}.")
    try:
        plan = from_mapping(StudyFile, {**data, "splits": []}, where)
    except TrainingError as problem:
        raise DeclarationError(f"{where}: {problem}") from problem
    if not tables:
        raise DeclarationError(
            f"{where}: there is no [[splits]] table, so there is nothing to run."
        )
    plan = replace(
        plan, splits=tuple(_split(table, f"{where}: splits[{i}]") for i, table in enumerate(tables))
    )
    names = [split.name for split in plan.splits]
    for word in (plan.study.name, *names, *plan.targets):
        if not _NAME.fullmatch(str(word)):
            raise DeclarationError(f"{where}: '{word}' is no name; use letters, digits, - and _.")
    double = {name for name in names if names.count(name) > 1}
    if double:
        raise DeclarationError(
            f"{where}: the splits {', '.join(sorted(double))} share a name. Give each a different"
            " name."
        )
    _check_published(plan, where)
    return plan, declaration


def _split(table: Mapping[str, Any], where: str) -> StudySplit:
    table = renamed(SplitRequest, table)
    for key in table:
        if key not in SPLIT_KEYS:
            raise DeclarationError(f"{where}: unknown key '{key}'. {did_you_mean(key, SPLIT_KEYS)}")
    options = {key: value for key, value in table.items() if key not in OWN_KEYS}
    if isinstance(options.get("levels"), list):
        options["levels"] = [str(level) for level in options["levels"]]
    try:
        request = from_mapping(SplitRequest, options, where)
    except DeclarationError:
        raise
    except ValueError as problem:  # SplitError or FilterError, which do not know the place
        raise DeclarationError(f"{where}: {problem}") from problem
    own = from_mapping(_OwnKeys, {key: table[key] for key in OWN_KEYS if key in table}, where)
    return StudySplit(own.name or request.attr, request, own.published)


@dataclass(frozen=True)
class _OwnKeys:
    name: str | None = None
    published: dict[str, dict[str, PublishedScores]] = field(default_factory=dict)


def _check_published(plan: StudyFile, where: str) -> None:
    """Published values belong to targets of the study and are scores, not per cent."""
    for split in plan.splits:
        for arm, found in split.published.items():
            for target, values in found.items():
                place = f"{where}: {split.name}: published.{arm}.{target}"
                if target not in ("self", *plan.targets):
                    raise DeclarationError(
                        f"{place}: no such target. {did_you_mean(target, ['self', *plan.targets])}"
                    )
                for metric in ("mAP", "rank1", "rank5"):
                    score = getattr(values, metric)
                    if score is not None and not 0 <= score <= 1:
                        raise DeclarationError(
                            f"{place}: {metric} is a score between 0 and 1; found {score}."
                        )


def make_study_splits(plan: StudyFile, manifest: Path, home: Path, *, force: bool) -> list[Split]:
    """The study's splits in folders of their names below `home`, made where they are missing."""
    from gprplus.ingest import Manifest

    source = Manifest.open(manifest)
    made = [
        build_split(source, split.request, home / split.name, force=force) for split in plan.splits
    ]
    for split, found in zip(plan.splits, made, strict=True):
        for arm in split.published:
            if arm not in found.arms:
                raise SplitError(
                    f"{split.name} has no arm '{arm}' for published values."
                    f" {did_you_mean(arm, found.arms)}"
                )
    return made


def merge_studies(plans: Sequence[StudyFile]) -> StudyFile:
    """Merge several studies: all splits, all targets, every training once. Their training settings
    must agree."""
    first = plans[0]
    for other in plans[1:]:
        for name in ("manifest", *first.training()):
            if getattr(other, name) != getattr(first, name):
                raise DeclarationError(
                    f"{first.study.name} and {other.study.name} cannot be run as one: {name} is"
                    f" {getattr(first, name)} in the first and {getattr(other, name)} in the"
                    " second."
                )
    splits = tuple(split for plan in plans for split in plan.splits)
    targets: dict[str, str] = {}
    for plan in plans:
        for name, path in plan.targets.items():
            if targets.setdefault(name, path) != path:
                raise DeclarationError(
                    f"The target {name} is {targets[name]} in one study and {path} in another."
                )
    names = [split.name for split in splits]
    if len(set(names)) < len(names):
        raise DeclarationError(
            f"Two studies have a split of the same name; found {', '.join(sorted(names))}."
        )
    about = StudyInfo(
        "+".join(plan.study.name for plan in plans),
        " ".join(dict.fromkeys(plan.study.question for plan in plans)),
        "; ".join(dict.fromkeys(plan.study.source for plan in plans if plan.study.source)),
        tuple(dict.fromkeys(word for plan in plans for word in plan.study.unknown)),
    )
    return replace(first, study=about, splits=splits, targets=targets)
