"""The manifest: all renders as a table, in a folder of Parquet files and one record that is written last."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gprplus.core.declarations import attributes
from gprplus.core.errors import ManifestError, did_you_mean
from gprplus.core.files.folders import is_held
from gprplus.core.files.paths import AnyPath
from gprplus.core.files.roots import recorded_root
from gprplus.core.files.signatures import Signature, file_signature
from gprplus.core.files.workdir import read_json
from gprplus.schema import IDENTITIES, IMAGES, REJECTED, SCAN, VERSION, require, stored
from gprplus.schema.records import manifest_record

if TYPE_CHECKING:
    import pyarrow as pa

RECORD = "manifest.json"
TABLES = {"images": IMAGES, "identities": IDENTITIES, "rejected": REJECTED, "scan": SCAN}
LOOKS = "looks"  # a table that exists only if checks were requested
PARTS = ".parts"  # what is read of a build that is not finished (reading/parts.py)
MEASURING = ".looks"  # a folder: measurements of an unfinished build
_LOOKS = 40  # times that an open looks for a manifest that is not being replaced: two seconds
AGAIN = "Build it again with --force."
NEXT = ".next"  # where a build writes before it takes the place of what was there


@dataclass(frozen=True)
class Manifest:
    """A manifest folder: `path`, and `info`, which is manifest.json as a dict.

    `files` identifies the tables at the time of opening, to detect a later build; no mixture is ever read.
    `rebuilt` names the data sets that the call which returned this object wrote; it is empty for a manifest that
    was only opened.
    """

    path: Path
    info: dict[str, Any]
    rebuilt: tuple[str, ...] = field(default=(), compare=False)
    files: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def open(cls, path: AnyPath) -> "Manifest":
        """Open a manifest folder. Raises ManifestError when it is none, half-built, or of another schema."""
        folder = Path(path)
        if not folder.exists():
            raise ManifestError(f"There is no manifest at {folder}. Make one with `gprplus build-manifest`.")
        info, files = _snapshot(folder)
        if info.get("schema_version") != VERSION:
            raise ManifestError(
                f"{folder} is written in schema version {info.get('schema_version')}, this gprplus reads {VERSION}. "
                "Build it again with --force."
            )
        absent = [name for name in TABLES if not (folder / f"{name}.parquet").is_file()]
        if absent:
            raise ManifestError(f"{folder} lacks {', '.join(f'{name}.parquet' for name in absent)}. {AGAIN}")
        torn = [name for name in TABLES if not _ended(folder / f"{name}.parquet")]
        if torn:
            raise ManifestError(f"{folder / torn[0]}.parquet is damaged or cut short. {AGAIN}")
        manifest_record(info, folder / RECORD)
        return cls(folder, info, files=files)

    def __fspath__(self) -> str:
        """Return the folder, so that a manifest can be given wherever its path can."""
        return str(self.path)

    @property
    def fingerprint(self) -> str:
        """Digest of the rows: equal on every machine that ingests the same files."""
        return str(self.info["fingerprint"])

    @property
    def datasets(self) -> dict[str, dict[str, Any]]:
        """Return the record of each data set, by name."""
        return dict(self.info["datasets"])

    def images(self, columns: Sequence[str] | None = None) -> "pa.Table":
        """Return the images table (schema.IMAGES and the columns of the checks), or some columns of it."""
        return self._table("images", columns)

    def columns(self, table: str) -> list[str]:
        """The columns that a table of this manifest has: those of the schema, and in images those of its checks."""
        added = self.info.get("checks", {}).get("columns", []) if table == "images" else []
        return [*(column.name for column in TABLES[table]), *added]

    def looks(self) -> "pa.Table | None":
        """Return the measurements of each image for the checks (checks.columns.LOOKS); None without checks."""
        return self._table("looks", None) if (self.path / f"{LOOKS}.parquet").is_file() else None

    def identities(self, columns: Sequence[str] | None = None) -> "pa.Table":
        """The identities table (schema.IDENTITIES)."""
        return self._table("identities", columns)

    def rejected(self) -> "pa.Table":
        """Return the rejected files and reasons (schema.REJECTED)."""
        return self._table("rejected", [column.name for column in REJECTED])

    def scan(self) -> "pa.Table":
        """Size and modification time of every file that was opened (schema.SCAN)."""
        return self._table("scan", [column.name for column in SCAN])

    def _table(self, name: str, columns: Sequence[str] | None) -> "pa.Table":
        import pyarrow.parquet as pq

        if columns is not None:
            require(self.columns(name), columns, f"The {name} table of {self.path}")
        path = self.path / f"{name}.parquet"
        # pq.read_table imports pandas, which costs 0.3 s before the first row is read.
        with (
            stored.reading_table(path, ManifestError, AGAIN),
            path.open("rb") as opened,
            pq.ParquetFile(opened) as file,
        ):
            if self.files and file_signature(opened.fileno()) != self.files[name]:
                raise ManifestError(f"{self.path} was built again while it was being read. Run the command again.")
            wanted = file.schema_arrow.names if columns is None else list(columns)
            expected = self.columns(name) if columns is None and name in TABLES else wanted
            require(file.schema_arrow.names, expected, str(path))
            table = file.read(wanted).select(wanted)
        rows = self.info.get("counts", {}).get(name, len(table))
        if len(table) != rows:
            raise ManifestError(f"{path} has {len(table):,} rows, {RECORD} counts {rows:,}. {AGAIN}")
        return stored.check_stored(table, TABLES.get(name, ()), path, ManifestError, AGAIN)

    def roots(self, overrides: Mapping[str, Path] | None = None) -> dict[str, Path]:
        """Return the folder of each data set: `overrides` by name, else as recorded, relative to the manifest
        folder.
        """
        datasets, overrides = self.info["datasets"], overrides or {}
        for name in overrides:
            if name not in datasets:
                raise ManifestError(f"{self.path} has no dataset '{name}'. {did_you_mean(name, datasets)}")
        return {
            name: Path(overrides.get(name) or recorded_root(self.path, about["root"], name, ManifestError)).resolve()
            for name, about in datasets.items()
        }

    def levels(self, attribute: str) -> list[Any]:
        """The levels of an attribute that are present, in declared order; empty when every value is unknown."""
        known = [*attributes(), "identity"]
        if attribute not in known:
            raise ManifestError(f"There is no attribute '{attribute}'. {did_you_mean(attribute, known)}")
        if attribute == "identity":
            return sorted(set(self.identities(["identity"]).column("identity").to_pylist()))
        return list(self.info["levels"].get(attribute, []))


def _ended(path: Path) -> bool:
    """Return True if a Parquet file has its beginning and end. Without pyarrow, which an unchanged build never
    loads.
    """
    with path.open("rb") as file:
        begins = file.read(4)
        size = file.seek(0, 2)
        if size < 12:
            return False
        file.seek(-8, 2)
        footer = int.from_bytes(file.read(4), "little")
        return begins == file.read(4) == b"PAR1" and footer <= size - 12


def interrupted(folder: Path) -> bool:
    """Return True if a new manifest is complete but has not replaced the old one completely."""
    return (folder / NEXT / RECORD).exists()


def _snapshot(folder: Path) -> tuple[dict[str, Any], dict[str, Signature]]:
    """Return the record and the signatures of the tables of one build.

    A build replaces the tables one by one and the record last; meanwhile the new record is in NEXT. Data read between
    two checks that find neither a replacement in progress nor another record is therefore from one build.
    """
    for _ in range(_LOOKS):
        busy = is_held(folder)
        before = file_signature(folder / RECORD)
        if not interrupted(folder):
            info = read_json(folder / RECORD, ManifestError, "a manifest (make one with gprplus build-manifest)")
            files = {name: file_signature(folder / f"{name}.parquet") for name in (*TABLES, LOOKS)}
            if not interrupted(folder) and file_signature(folder / RECORD) == before:
                return info, files
        if not busy and interrupted(folder):
            break
        time.sleep(0.05)
    raise ManifestError(f"{folder} is being replaced, or that was interrupted: run the same build-manifest again.")
