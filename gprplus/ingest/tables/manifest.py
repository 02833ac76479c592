"""The manifest: all renders as a table, in a folder of Parquet files and one record that is written
last."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gprplus.core.declarations import Attribute, attributes, identity_attributes, image_attributes
from gprplus.core.errors import ManifestError, did_you_mean, first_few
from gprplus.core.files.folders import is_held
from gprplus.core.files.paths import AnyPath, as_named_paths
from gprplus.core.files.roots import recorded_root
from gprplus.core.files.signatures import Signature, file_signature
from gprplus.core.files.workdir import read_json
from gprplus.core.html import html_facts
from gprplus.core.storage.remote_path import as_path
from gprplus.ingest.tables.manifest_table import ManifestTable, Where
from gprplus.schema import (
    IDENTITIES,
    IMAGES,
    REJECTED,
    SCAN,
    VERSION,
    Column,
    own_columns,
    require,
    stored,
)
from gprplus.schema.manifest_record import ManifestDataset, ManifestRecord, manifest_record
from gprplus.schema.own_attributes import merge_attributes
from gprplus.schema.records import Protocol

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from PIL import Image

RECORD = "manifest.json"
TABLES = {"images": IMAGES, "identities": IDENTITIES, "rejected": REJECTED, "scan": SCAN}
LOOKS = "looks"  # a table that exists only if checks were requested
PARTS = ".parts"  # what is read of a build that is not finished (reading/parts.py)
MEASURING = ".looks"  # a folder: measurements of an unfinished build
_LOOKS = 40  # times that an open looks for a manifest that is not being replaced: two seconds
AGAIN = "Build it again with --force."
_THUMBNAILS = 8  # images that a notebook shows of a manifest
NEXT = ".next"  # where a build writes before it takes the place of what was there


@dataclass(frozen=True, repr=False)
class Manifest:
    """All renders as tables, in a folder.

    Attributes:
        path: The folder.
        info: manifest.json as a dict.
        rebuilt: The datasets that the call which returned it wrote; empty for a manifest that was
            only opened.
        files: Signatures of the tables at the time of opening, so that no mixture of two builds is
            ever read.
    """

    path: Path
    record: ManifestRecord
    rebuilt: tuple[str, ...] = field(default=(), compare=False)
    files: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def open(cls, path: AnyPath) -> "Manifest":
        """Open a manifest folder. Raises ManifestError when it is none, half-built, or of another
        schema."""
        folder = Path(path)
        if not folder.exists():
            raise ManifestError(
                f"There is no manifest at {folder}. Make one with `gprplus build-manifest`."
            )
        info, files = _snapshot(folder)
        if info.get("schema_version") != VERSION:
            raise ManifestError(
                f"{folder} is written in schema version {info.get('schema_version')}, this gprplus"
                f" reads {VERSION}. Build it again with --force."
            )
        absent = [name for name in TABLES if not (folder / f"{name}.parquet").is_file()]
        if absent:
            raise ManifestError(
                f"{folder} lacks {', '.join(f'{name}.parquet' for name in absent)}. {AGAIN}"
            )
        torn = [name for name in TABLES if not _ended(folder / f"{name}.parquet")]
        if torn:
            raise ManifestError(f"{folder / torn[0]}.parquet is damaged or cut short. {AGAIN}")
        return cls(folder, manifest_record(info, folder / RECORD), files=files)

    def __fspath__(self) -> str:
        """Return the folder, so that a manifest can be given wherever its path can."""
        return str(self.path)

    @property
    def fingerprint(self) -> str:
        """Digest of the rows: equal on every machine that ingests the same files."""
        return self.record.fingerprint

    @property
    def datasets(self) -> dict[str, ManifestDataset]:
        """Return the record of each dataset, by name."""
        return dict(self.record.datasets)

    @property
    def images(self) -> ManifestTable:
        """Return the images table: schema.IMAGES, and the columns of the requested checks."""
        return self._view("images")

    @property
    def check_names(self) -> list[str]:
        """The names of the checks of its images; none without checks."""
        return list(self.record.checks.names) if self.record.checks else []

    @property
    def protocol(self) -> Protocol | None:
        """The protocol that its datasets were built with; None if it follows from their columns.

        Raises:
            ManifestError: two datasets have different ones.
        """
        found = {one.protocol for one in self.datasets.values()}
        if len(found) > 1:
            shown = {name: one.protocol or "no rule" for name, one in self.datasets.items()}
            raise ManifestError(
                f"The datasets of {self.path} were built with different protocols"
                f" ({first_few([f'{name}: {rule}' for name, rule in shown.items()])}). Name one with"
                " --protocol, or build a manifest of each."
            )
        return found.pop() if found else None

    @cached_property
    def own_attributes(self) -> dict[str, Attribute]:
        """The attributes that its datasets declare in addition to those of every manifest."""
        parts = [(f"dataset '{name}'", one.attributes) for name, one in self.datasets.items()]
        return merge_attributes(parts, ManifestError)

    @property
    def attributes(self) -> dict[str, Attribute]:
        """Every attribute that it has a column of, by name."""
        return {**attributes(), **self.own_attributes}

    @property
    def image_attributes(self) -> list[str]:
        """The names of its attributes of single images."""
        return [*image_attributes(), *self._own("image")]

    @property
    def identity_attributes(self) -> list[str]:
        """The names of its attributes of identities."""
        return [*identity_attributes(), *self._own("identity")]

    def _own(self, level: str) -> list[str]:
        return [column.name for column in own_columns(self.own_attributes, level)]

    def schema_of(self, table: str) -> tuple[Column, ...]:
        """The columns of a table of this manifest, without those of its checks."""
        level = {"images": "image", "identities": "identity"}.get(table)
        own = own_columns(self.own_attributes, level) if level else ()
        return (*TABLES.get(table, ()), *own)

    def columns(self, table: str) -> list[str]:
        """The columns that a table of this manifest has: those of the schema, those of its own
        attributes, and in images those of its checks."""
        checks = self.record.checks
        added = checks.columns if checks and table == "images" else []
        return [*(column.name for column in self.schema_of(table)), *added]

    def looks(self) -> "pa.Table | None":
        """Return the measurements of each image for the checks (docs/tables.md); None without
        checks."""
        return self._table("looks", None) if (self.path / f"{LOOKS}.parquet").is_file() else None

    @property
    def identities(self) -> ManifestTable:
        """The identities table (schema.IDENTITIES)."""
        return self._view("identities")

    @property
    def rejected(self) -> ManifestTable:
        """Files that were found and are not in the manifest, and why (schema.REJECTED)."""
        return self._view("rejected")

    @property
    def scan(self) -> ManifestTable:
        """Size and modification time of every file that was opened (schema.SCAN)."""
        return self._view("scan")

    def image(self, uid: int | str, *, roots: Mapping[str, AnyPath] | None = None) -> "Image.Image":
        """Return one image in RGB; members of archives are read in place.

        Args:
            uid: Its key in the images table, as a number or as text in decimal.
            roots: The folders of datasets whose images have moved, by name.

        Raises:
            ManifestError: There is no such uid, or its file is gone or is no whole image.
        """
        from gprplus.ingest.tables.pictures import read_image

        row = self.images.to_arrow(["dataset", "path"], where=[int(uid)])
        place = self.roots(as_named_paths(roots))[row.column("dataset")[0].as_py()]
        return read_image(place, row.column("path")[0].as_py())

    def sheet(
        self,
        where: Where = None,
        *,
        columns: int = 8,
        limit: int = 48,
        height_px: int = 128,
        roots: Mapping[str, AnyPath] | None = None,
    ) -> "Image.Image":
        """Return images side by side, each with its identity and what differs among them below it.

        Args:
            where: Which images, as in `images.to_pandas`.
            columns: Images in a row.
            limit: Images at most; of more, some are chosen by key, the same each time.
            height_px: Height of each image in pixels.
            roots: The folders of datasets whose images have moved, by name.

        Raises:
            ManifestError: `where` keeps no image.
        """
        from gprplus.ingest.tables.pictures import COLUMNS, choose_rows, draw_sheet

        rows = self.images.to_arrow(COLUMNS, where)
        if not len(rows):
            raise ManifestError(f"No image of {self.path} is kept by where={where!r}; loosen it.")
        chosen = choose_rows(rows, limit)
        title = (
            f"{len(chosen):,} of {len(rows):,} images"
            if len(chosen) < len(rows)
            else f"{len(rows):,} images"
        )
        title += f", {where}" if isinstance(where, str) else ""
        return draw_sheet(chosen, self.roots(as_named_paths(roots)), columns, height_px, title)

    def __repr__(self) -> str:
        counts, levels = self.record.counts, self.record.levels
        varied = [
            f"{name} {len(levels[name])}"
            for name in self.image_attributes
            if len(levels.get(name, ())) > 1
        ]
        head = f"Manifest of {counts['images']:,} images, {counts['identities']:,} identities"
        return (
            f"{head}\n  {', '.join(varied) or 'one level of each attribute'}\n "
            f" {first_few(list(self.datasets), 4)}"
        )

    def _repr_html_(self) -> str:
        from gprplus.ingest.tables.pictures import COLUMNS, choose_rows, draw_thumbnails

        levels = {name: _shown_levels(found) for name, found in self.record.levels.items() if found}
        counts = {name: self.record.counts[name] for name in ("images", "identities", "rejected")}
        facts = html_facts(
            str(self.path), {"datasets": ", ".join(self.datasets), **counts, **levels}
        )
        return facts + draw_thumbnails(choose_rows(self.images(COLUMNS), _THUMBNAILS), self.roots())

    def _view(self, name: str) -> ManifestTable:
        columns = self.columns(name)
        read = (
            partial(self._table, name)
            if name in ("images", "identities")
            else partial(self._some, name, columns)
        )
        rows = self.record.counts.get(name, 0)
        return ManifestTable(name, columns, rows, read, partial(self._keep, name))

    def _some(self, name: str, every: Sequence[str], columns: Sequence[str] | None) -> "pa.Table":
        """Columns of a table; None is those of its schema, whatever else the file has."""
        return self._table(name, every if columns is None else columns)

    def _keep(self, name: str, where: Where) -> "np.ndarray":
        """`(N,) bool`: the rows of a table that `where` keeps."""
        from gprplus.ingest.filters.filter_columns import filter_images
        from gprplus.ingest.filters.parse import Filter
        from gprplus.ingest.filters.uid_selection import UidSelection
        from gprplus.ingest.tables.derived_columns import derived_columns

        if not isinstance(where, str):
            uids = self._table(name, ["uid"]).column("uid").to_numpy()
            return UidSelection.of(where, uids).keep(uids)
        read = partial(self._table, name)
        people = self._table("identities", None) if name == "images" else read(None)
        more = (self.own_attributes, derived_columns(self.path) if name == "images" else None)
        return filter_images(Filter(where), self.columns(name), read, people, *more)

    def _table(self, name: str, columns: Sequence[str] | None) -> "pa.Table":
        import pyarrow.parquet as pq

        if columns is not None:
            require(self.columns(name), columns, f"The {name} table of {self.path}")
        path = self.path / f"{name}.parquet"
        # pq.read_table imports pandas, which costs 0.3 s before the first row is read.
        with (
            stored.reading_table(path, ManifestError, AGAIN),
            stored.native_file(path) as opened,
            pq.ParquetFile(opened) as file,
        ):
            if self.files and file_signature(opened.fileno()) != self.files[name]:
                raise ManifestError(
                    f"{self.path} was built again while it was being read. Run the command again."
                )
            wanted = file.schema_arrow.names if columns is None else list(columns)
            expected = self.columns(name) if columns is None and name in TABLES else wanted
            require(file.schema_arrow.names, expected, str(path))
            table = file.read(wanted).select(wanted)
        rows = self.record.counts.get(name, len(table))
        if len(table) != rows:
            raise ManifestError(
                f"{path} has {len(table):,} rows, {RECORD} counts {rows:,}. {AGAIN}"
            )
        return stored.check_stored(table, self.schema_of(name), path, ManifestError, AGAIN)

    def roots(self, overrides: Mapping[str, Path] | None = None) -> dict[str, Path]:
        """Return the folder of each dataset: `overrides` by name, else as recorded, relative to the
        manifest folder.
        """
        datasets, overrides = self.record.datasets, overrides or {}
        for name in overrides:
            if name not in datasets:
                raise ManifestError(
                    f"{self.path} has no dataset '{name}'. {did_you_mean(name, datasets)}"
                )
        return {
            name: (
                as_path(
                    overrides.get(name) or recorded_root(self.path, about.root, name, ManifestError)
                ).resolve()
            )
            for name, about in datasets.items()
        }

    def levels(self, attribute: str) -> list[Any]:
        """The levels of an attribute that are present, in declared order; empty when every value is
        unknown."""
        known = [*self.attributes, "identity"]
        if attribute not in known:
            raise ManifestError(
                f"There is no attribute '{attribute}'. {did_you_mean(attribute, known)}"
            )
        if attribute == "identity":
            return sorted(set(self.identities(["identity"]).column("identity").to_pylist()))
        return list(self.record.levels.get(attribute, []))


def _shown_levels(levels: Sequence[Any]) -> str:
    return first_few(levels, 12) if len(levels) > 1 else str(levels[0])


def _ended(path: Path) -> bool:
    """Return True if a Parquet file has its beginning and end. Without pyarrow, which an unchanged
    build never loads.
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

    A build replaces the tables one by one and the record last; meanwhile the new record is in NEXT.
    Data read between two checks that find neither a replacement in progress nor another record is
    therefore from one build.
    """
    for _ in range(_LOOKS):
        busy = is_held(folder)
        before = file_signature(folder / RECORD)
        if not interrupted(folder):
            info = read_json(
                folder / RECORD, ManifestError, "a manifest (make one with gprplus build-manifest)"
            )
            files = {name: file_signature(folder / f"{name}.parquet") for name in (*TABLES, LOOKS)}
            if not interrupted(folder) and file_signature(folder / RECORD) == before:
                return info, files
        if not busy and interrupted(folder):
            break
        time.sleep(0.05)
    raise ManifestError(
        f"{folder} is being replaced, or that was interrupted: run the same build-manifest again."
    )
