"""The tables of a whole manifest: what it had, with some datasets replaced or added, and the record
over them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from gprplus.core.declarations import Attribute, attributes, sort_levels
from gprplus.core.errors import ManifestError
from gprplus.core.files.workdir import fingerprint, package_versions
from gprplus.core.sampling import sha256_digest, table_fingerprint
from gprplus.ingest.tables.manifest import TABLES, Manifest
from gprplus.ingest.tables.select import drop_dataset, filter_dataset
from gprplus.schema import VERSION, conform, own_columns
from gprplus.schema.manifest_record import ChecksRecord, ManifestDataset, ManifestRecord
from gprplus.schema.own_attributes import merge_attributes


@dataclass(frozen=True)
class AssembledTables:
    """The four tables of one dataset, sorted, and its entry in manifest.json without the
    fingerprint."""

    images: pa.Table
    identities: pa.Table
    rejected: pa.Table
    scan: pa.Table
    about: ManifestDataset

    def entry(self) -> ManifestDataset:
        """Return the entry in manifest.json with the fingerprint of the rows."""
        digests = map(table_fingerprint, (self.images, self.identities))
        return replace(self.about, fingerprint=sha256_digest(*digests))

    def remarked(self, remarks: Sequence[str]) -> "AssembledTables":
        """Return the dataset with further remarks in its entry."""
        return replace(self, about=replace(self.about, remarks=[*self.about.remarks, *remarks]))

    def with_losses(self, losses: Sequence[str]) -> "AssembledTables":
        """Return the dataset with further losses in its entry, which the build prints."""
        return replace(self, about=replace(self.about, losses=[*self.about.losses, *losses]))


def assemble_tables(
    old: Manifest | None, done: Mapping[str, AssembledTables]
) -> dict[str, pa.Table]:
    """Assemble all tables, datasets in the order of their names."""
    kept = [name for name in (old.datasets if old else {}) if name not in done]
    own = _own_attributes(old, kept, done)
    tables = {}
    for table in TABLES:
        had = _unchecked(old, table) if old and kept else None
        had = drop_dataset(had, list(done)) if had is not None and done else had
        parts = [
            getattr(done[name], table) if name in done else filter_dataset(had, name)
            for name in sorted([*kept, *done])
        ]
        parts = [_with_columns(part, table, own) for part in parts]
        tables[table] = (
            parts[0]
            if len(parts) == 1
            else pa.concat_tables(parts).unify_dictionaries().combine_chunks()
        )
    return tables


def _own_attributes(
    old: Manifest | None, kept: Sequence[str], done: Mapping[str, AssembledTables]
) -> dict[str, Attribute]:
    """Return the attributes that the datasets of the new manifest declare themselves. Raises
    ManifestError where two of them contradict each other."""
    before = [(name, old.datasets[name].attributes) for name in kept] if old else []
    parts = [*before, *((name, rows.about.attributes) for name, rows in done.items())]
    return merge_attributes([(f"dataset '{name}'", one) for name, one in parts], ManifestError)


def _with_columns(part: pa.Table, table: str, own: Mapping[str, Attribute]) -> pa.Table:
    """Return the rows of one dataset with the attributes that any dataset has as columns."""
    level = {"images": "image", "identities": "identity"}.get(table)
    columns = own_columns(own, level) if level else ()
    if not columns and part.column_names == [column.name for column in TABLES[table]]:
        return part
    return conform(part, [*TABLES[table], *columns])


def _unchecked(old: Manifest, table: str) -> pa.Table:
    """Return a table without the columns of checks, which are recomputed when all rows are
    complete."""
    return (
        old.images([column.name for column in old.schema_of("images")])
        if table == "images"
        else getattr(old, table)()
    )


def assemble_record(
    old: Manifest | None,
    done: Mapping[str, AssembledTables],
    tables: Mapping[str, pa.Table],
    checks: ChecksRecord | None,
) -> ManifestRecord:
    """Assemble manifest.json over the tables."""
    entries = (old.datasets if old else {}) | {name: rows.entry() for name, rows in done.items()}
    datasets = dict(sorted(entries.items()))
    return ManifestRecord(
        schema_version=VERSION,
        request={name: about.request for name, about in datasets.items()},
        fingerprint=fingerprint({name: about.fingerprint for name, about in datasets.items()}),
        datasets=datasets,
        levels=_levels(tables, datasets),
        counts={name: tables[name].num_rows for name in ("images", "identities", "rejected")},
        versions=package_versions(),
        checks=checks,
    )


def _levels(
    tables: Mapping[str, pa.Table], datasets: Mapping[str, ManifestDataset]
) -> dict[str, list[Any]]:
    """The levels of each attribute that are present, in declared order; numbers have none."""
    own = {name: one for about in datasets.values() for name, one in about.attributes.items()}
    present = {}
    for name, attribute in {**attributes(), **own}.items():
        if attribute.type == "number":
            continue
        column = tables["images" if attribute.level == "image" else "identities"][name]
        levels = [level for level in column.unique().to_pylist() if level is not None]
        if levels:
            present[name] = sort_levels(name, levels, own)
    return present
