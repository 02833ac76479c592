"""manifest.json as frozen dataclasses."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gprplus.core.declarations import Attribute, attributes
from gprplus.core.errors import ManifestError, did_you_mean, escape
from gprplus.core.typed import optional, optional_table, parse_typed
from gprplus.schema.own_attributes import check_attributes
from gprplus.schema.records import DatasetRecord, Level, Protocol, require_plain


@dataclass(frozen=True)
class BuildArguments:
    """The options of build-manifest that the request of a dataset leaves open; `layout` may be a
    .toml file."""

    layout: str = "auto"
    name: str | None = None


@dataclass(frozen=True)
class ExpectedSize:
    """The documented size of a whole dataset; `roles` counts images by role."""

    images: int | None = optional()
    identities: int | None = optional()
    per_identity: int | None = optional()
    roles: dict[str, int] = optional_table()


@dataclass(frozen=True)
class HiddenRecord:
    """Images that were left out because their names, or those of their folders, begin with `_` or
    `.`."""

    files: int
    folders: int
    example: str


@dataclass(frozen=True)
class EngineLogRecord:
    """The parsed logs of the GTA V generator, and the matched identities."""

    lines: int
    unread: int
    captures: int
    joined: int


@dataclass(frozen=True, kw_only=True)
class ManifestDataset:
    """A dataset of a manifest; the keys without a default are in every record since version 0.1.

    `request` is what two builds are compared by. `attributes` are those that it has in addition to
    the attributes of every manifest. `archives` describes the archives that hold the
    images, by path.
    """

    root: str
    layout: str
    layout_digest: str
    title: str
    paper: str
    licence: str
    status: str
    factors: list[str]
    functions: dict[str, list[str]]
    attributes: dict[str, Attribute] = optional_table()
    unverified: list[str]
    notes: list[str]
    expected: ExpectedSize
    verify: str
    protocol: Protocol | None = optional()
    archives: dict[str, Any] = optional_table()
    lists_digest: str | None
    identities_digest: str | None
    request: dict[str, Any]
    arguments: BuildArguments | None = optional()
    images: int
    identities: int
    rejected: int
    ignored: int
    hidden: HiddenRecord | None = optional()
    hidden_members: dict[str, HiddenRecord] = optional_table()
    files: int
    refused: int
    unread_folders: int
    roles: dict[str, int]
    unknown: list[str]
    losses: list[str] = field(default_factory=list)
    remarks: list[str]
    strangers: int
    stranger_examples: list[str] = field(default_factory=list)
    seal: str | None = None
    fingerprint: str
    engine_log: EngineLogRecord | None = optional()
    engine_log_digest: str | None = optional()
    tables_digest: str | None = optional()


DatasetFacts = ManifestDataset | DatasetRecord  # of a manifest, or of a split


@dataclass(frozen=True)
class CheckCounts:
    """Number of images that a check scored and flagged."""

    flagged: int
    judged: int


@dataclass(frozen=True, kw_only=True)
class ChecksRecord:
    """The image checks of a manifest, their settings, their columns, and the version of their
    measurements."""

    names: list[str]
    settings: dict[str, Any]
    look: int | None = optional()
    columns: list[str]
    found: dict[str, CheckCounts] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ManifestRecord:
    """manifest.json. `request` holds the request of each dataset."""

    schema_version: int
    request: dict[str, Any] = field(default_factory=dict)
    fingerprint: str
    datasets: dict[str, ManifestDataset]
    levels: dict[str, list[Level]]
    counts: dict[str, int]
    versions: dict[str, str] = field(default_factory=dict)
    checks: ChecksRecord | None = optional()


def manifest_record(info: Any, where: Path) -> ManifestRecord:
    """Return manifest.json as a record. Raises ManifestError."""
    record = parse_typed(ManifestRecord, info, str(where), ManifestError)
    require_plain(record.datasets, f"{where}: datasets", ManifestError)
    for name, dataset in record.datasets.items():
        known = {"identity", *attributes(), *dataset.attributes}
        check_attributes(dataset.attributes, f"{where}: datasets.{name}.attributes", ManifestError)
        for factor in (*dataset.factors, *dataset.functions):
            if factor not in known:
                raise ManifestError(
                    f"{where}: datasets.{name}: expected attributes in factors and functions, found"
                    f" '{escape(factor)[:80]}'. {did_you_mean(factor, known)}"
                )
    return record
