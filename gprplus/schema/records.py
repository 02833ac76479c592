"""The JSON records as frozen dataclasses, read in one place.

A record may come from another machine. The functions here and in `split_record` check every key that the package
reads: its type, and that each name which becomes part of a path is a plain name. Unknown keys are ignored.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from gprplus.core.declarations import attributes
from gprplus.core.errors import (
    GprplusError,
    LayoutError,
    ManifestError,
    ReportError,
    TrainingError,
    did_you_mean,
    escape,
)
from gprplus.core.files.safe_names import plain_name
from gprplus.core.typed import parse_typed

Level = str | int
Protocol = Literal["camera", "viewpoint", "no-camera"]  # which column must differ between query and match


@dataclass(frozen=True)
class DatasetRecord:
    """A data set in splits and targets; `root` is relative to the folder of the record, or absolute."""

    root: str
    licence: str | None = None
    title: str | None = None
    images: int | None = None
    identities: int | None = None
    fingerprint: str | None = None


@dataclass(frozen=True)
class HiddenRecord:
    """Images that were left out because their names, or those of their folders, begin with `_` or `.`."""

    files: int
    folders: int
    example: str


@dataclass(frozen=True)
class ManifestDataset:
    """A data set of a manifest; the keys without a default are in every record since version 0.1."""

    root: str
    request: dict[str, Any]
    fingerprint: str
    layout: str
    layout_digest: str
    images: int
    identities: int
    rejected: int
    title: str
    paper: str
    licence: str
    status: str
    verify: str
    factors: list[str]
    functions: dict[str, list[str]]
    unverified: list[str]
    notes: list[str]
    expected: dict[str, Any]
    lists_digest: str | None
    identities_digest: str | None
    ignored: int
    files: int
    refused: int
    unread_folders: int
    roles: dict[str, int]
    unknown: list[str]
    remarks: list[str]
    strangers: int
    hidden: HiddenRecord | None = None
    hidden_members: dict[str, HiddenRecord] = field(default_factory=dict)
    losses: list[str] = field(default_factory=list)
    stranger_examples: list[str] = field(default_factory=list)
    seal: str | None = None


@dataclass(frozen=True)
class ChecksRecord:
    """The image checks of a manifest, their columns, and their settings."""

    names: list[str]
    columns: list[str]
    settings: dict[str, Any]


@dataclass(frozen=True)
class ManifestRecord:
    """manifest.json."""

    schema_version: int
    fingerprint: str
    datasets: dict[str, ManifestDataset]
    levels: dict[str, list[Level]]
    counts: dict[str, int]
    request: dict[str, Any] = field(default_factory=dict)
    checks: ChecksRecord | None = None
    versions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TargetRecord:
    """A target of a benchmark: protocol, fingerprint of its rows, sizes, and the folder of its images."""

    protocol: Protocol
    fingerprint: str
    queries: int = 0
    gallery: int = 0
    datasets: dict[str, DatasetRecord] = field(default_factory=dict)
    copies: dict[str, int] | None = None
    roots: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class BenchmarkRecord:
    """benchmark.json of one run folder."""

    request: dict[str, Any]
    split: str = ""
    split_path: str = ""
    split_fingerprint: str = ""
    recipe: dict[str, Any] = field(default_factory=dict)
    targets: dict[str, TargetRecord] = field(default_factory=dict)
    images: dict[str, str] = field(default_factory=dict)
    weights_note: str | None = None
    device: str = ""
    versions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RunTarget:
    """The scores of one run on one target."""

    protocol: Protocol
    fingerprint: str
    scores: dict[str, float]
    seconds: float = 0.0


@dataclass(frozen=True)
class RunRecord:
    """run.json: one arm and seed, trained and scored."""

    split: str
    recipe: str
    backbone: str
    weights: str
    arm: str
    seed: int
    train_identities: int
    train_images: int
    split_fingerprint: str
    targets: dict[str, RunTarget]
    steps: int
    images_seen: int
    seconds: float
    config: dict[str, Any] = field(default_factory=dict)
    train_digest: str | None = None
    device: str = ""
    note: str = ""
    deal: int | None = None
    versions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RendersRecord:
    """The file renders.json next to images: the meaning of their names. Code tables map a token of a name to a
    level.
    """

    layout: str | None = None
    name: str | None = None
    title: str | None = None
    licence: str | None = None
    status: str | None = None
    images: int | None = None
    identities: int | None = None
    factors: list[str] = field(default_factory=list)
    degrees: dict[str, float | None] = field(default_factory=dict)
    weather: dict[str, str | None] = field(default_factory=dict)
    illumination: dict[str, str | None] = field(default_factory=dict)
    background: dict[str, str | None] = field(default_factory=dict)
    groups: dict[str, str | list[str]] = field(default_factory=dict)
    functions: dict[str, list[str]] = field(default_factory=dict)
    expected: dict[str, Any] = field(default_factory=dict)


def manifest_record(info: Mapping[str, Any], where: Path) -> ManifestRecord:
    """Return manifest.json as a record. Raises ManifestError."""
    record = parse_typed(ManifestRecord, info, str(where), ManifestError, strict=False)
    require_plain(record.datasets, f"{where}: datasets", ManifestError)
    known = {"identity", *attributes()}
    for name, dataset in record.datasets.items():
        for factor in (*dataset.factors, *dataset.functions):
            if factor not in known:
                raise ManifestError(
                    f"{where}: datasets.{name}: expected attributes in factors and functions, found "
                    f"'{escape(factor)[:80]}'. {did_you_mean(factor, known)}"
                )
    return record


def benchmark_record(info: Mapping[str, Any], where: Path, error: type[GprplusError] = ReportError) -> BenchmarkRecord:
    """Return benchmark.json as a record. Raises `error`."""
    return parse_typed(BenchmarkRecord, info, str(where), error, strict=False)


def run_record(info: Mapping[str, Any], where: Path) -> RunRecord:
    """Return run.json as a record. Raises TrainingError."""
    return parse_typed(RunRecord, info, str(where), TrainingError, strict=False)


def renders_record(info: Mapping[str, Any], where: Path) -> RendersRecord:
    """Return renders.json as a record. Raises LayoutError."""
    return parse_typed(RendersRecord, info, str(where), LayoutError, strict=False)


def require_plain(names: Iterable[str], where: str, error: type[GprplusError]) -> None:
    """Raise `error` unless every name can be part of a path."""
    for name in names:
        plain_name(name, where, error)
