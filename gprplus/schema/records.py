"""The JSON records as frozen dataclasses, read in one place.

A record may come from another machine. `split_record` and its siblings check every key that the package reads: its
type, and that each name which becomes part of a path is a plain name. Unknown keys are ignored.
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
    SplitError,
    TrainingError,
    did_you_mean,
    escape,
)
from gprplus.core.files.safe_names import plain_name
from gprplus.core.typed import parse_typed
from gprplus.schema.audit import Audit

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
class ManifestLink:
    """The manifest that a split was drawn from."""

    path: str
    fingerprint: str


@dataclass(frozen=True)
class DealRecord:
    """A deal of an arm: its size, the fingerprint of its images, and the levels of a random set of levels."""

    images: int
    identities: int
    fingerprint: str
    levels: list[Level] | None = None


@dataclass(frozen=True)
class ArmRecord:
    """An arm: its kind, its levels, its size, and the fingerprint of its images, all of deal 0.

    `deals` lists every deal, including 0; it is absent if the rows of all deals are equal.
    """

    kind: str
    levels: list[Level]
    images: int
    identities: int
    fingerprint: str
    share: float | None = None
    effective_share: float | None = None
    deals: list[DealRecord] | None = None


@dataclass(frozen=True)
class TestSideRecord:
    """The test side that all arms share; the fingerprint is null where there is none."""

    identities: int
    queries: int
    gallery: int
    protocol: Protocol
    fingerprint: str | None = None


@dataclass(frozen=True)
class LevelTest:
    """A test of query level against gallery level, or of removed matches."""

    kind: str
    protocol: Protocol
    groups: list[str]
    query_level: str = ""
    gallery_level: str = ""
    identities: int = 0
    queries: int = 0
    gallery: int = 0


@dataclass(frozen=True)
class PathFacts:
    """The two ends of a path."""

    to: list[str]


@dataclass(frozen=True)
class Factor:
    """A factor of a factorial: the attribute and its restriction (levels, or a number of identities)."""

    attribute: str
    restricted: list[Level] | int


@dataclass(frozen=True)
class FactorialFacts:
    """The structure of a factorial design."""

    factors: dict[str, Factor]
    runs: dict[str, dict[str, int]]
    generators: list[str] = field(default_factory=list)
    defining: list[str] = field(default_factory=list)
    resolution: str | int | None = None
    aliases: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class SplitRecord:
    """split.json."""

    schema_version: int
    name: str
    request: dict[str, Any]
    design: str
    attribute: str
    levels: list[Level]
    manifest: ManifestLink
    datasets: dict[str, DatasetRecord]
    fingerprint: str
    arms: dict[str, ArmRecord]
    test: TestSideRecord
    audit: Audit
    warnings: list[str]
    retention: float = 1.0
    seed: int = 0
    reference: str | None = None
    tests: dict[str, LevelTest] = field(default_factory=dict)
    gallery_levels: dict[str, int] = field(default_factory=dict)
    path: PathFacts | None = None
    factorial: FactorialFacts | None = None
    versions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TargetRecord:
    """A target of a benchmark: protocol, fingerprint of its rows, sizes, and the folder of its images."""

    protocol: Protocol
    fingerprint: str
    queries: int = 0
    gallery: int = 0
    datasets: dict[str, DatasetRecord] = field(default_factory=dict)
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


def split_record(info: Mapping[str, Any], where: Path) -> SplitRecord:
    """Return split.json as a record. Raises SplitError naming the file, the key, what was expected and found."""
    record = parse_typed(SplitRecord, info, str(where), SplitError, strict=False)
    plain_name(record.name, f"{where}: name", SplitError)
    _plain(record.arms, f"{where}: arms", SplitError)
    _plain(record.datasets, f"{where}: datasets", SplitError)
    for name, arm in record.arms.items():
        first = arm.deals[0] if arm.deals else arm
        if arm.deals == [] or (first.images, first.fingerprint) != (arm.images, arm.fingerprint):
            raise SplitError(f"{where}: arms.{name}: expected the images and fingerprint of the arm in its deal 0.")
    counts = sorted({len(arm.deals) for arm in record.arms.values() if arm.deals})
    if len(counts) > 1:
        raise SplitError(f"{where}: arms: expected one number of deals, found {', '.join(map(str, counts))}.")
    return record


def manifest_record(info: Mapping[str, Any], where: Path) -> ManifestRecord:
    """Return manifest.json as a record. Raises ManifestError."""
    record = parse_typed(ManifestRecord, info, str(where), ManifestError, strict=False)
    _plain(record.datasets, f"{where}: datasets", ManifestError)
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


def _plain(names: Iterable[str], where: str, error: type[GprplusError]) -> None:
    for name in names:
        plain_name(name, where, error)
