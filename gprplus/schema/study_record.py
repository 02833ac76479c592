"""study.json as frozen dataclasses."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class DeclarationRecord:
    """The declaration of a study: its name, the digest of its file, and its content."""

    name: str
    digest: str
    says: dict[str, Any]


@dataclass(frozen=True)
class PublishedRow:
    """Published scores of an arm on a target, and those of the runs here (columns of
    schema.SUMMARY); 0-1."""

    split: str
    arm: str
    target: str
    published: dict[str, float | None]
    here: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class StudyRecord:
    """study.json: a finished study. Paths are relative to its folder; `training` holds the options
    of its training."""

    schema_version: int = 1
    name: str
    question: str
    source: str = ""
    unknown: list[str] = field(default_factory=list)
    command: str = ""
    declarations: list[DeclarationRecord] = field(default_factory=list)
    scale: str = "1"
    training: dict[str, Any] = field(default_factory=dict)
    manifest: str = ""
    splits: list[str] = field(default_factory=list)
    reports: list[str] = field(default_factory=list)
    beside_published: list[PublishedRow] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
