"""The tables of a whole manifest: what it had, with some datasets replaced or added, and the record
over them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from gprplus.core.declarations import attributes, sort_levels
from gprplus.core.files.workdir import fingerprint, package_versions
from gprplus.ingest.tables.manifest import TABLES, Manifest
from gprplus.ingest.tables.select import drop_dataset, filter_dataset
from gprplus.schema import IMAGES, VERSION
from gprplus.schema.manifest_record import ManifestDataset, ManifestRecord


@dataclass(frozen=True)
class AssembledTables:
    """The four tables of one dataset, sorted, and its entry in manifest.json."""

    images: pa.Table
    identities: pa.Table
    rejected: pa.Table
    scan: pa.Table
    about: ManifestDataset


def assemble_tables(
    old: Manifest | None, done: Mapping[str, AssembledTables]
) -> tuple[dict[str, pa.Table], ManifestRecord]:
    """Assemble all tables (datasets in the order of their names) and manifest.json."""
    kept = [name for name in (old.datasets if old else {}) if name not in done]
    names = sorted([*kept, *done])
    tables = {}
    for table in TABLES:
        had = _unchecked(old, table) if old and kept else None
        had = drop_dataset(had, list(done)) if had is not None and done else had
        parts = [
            getattr(done[name], table) if name in done else filter_dataset(had, name)
            for name in names
        ]
        tables[table] = (
            parts[0]
            if len(parts) == 1
            else pa.concat_tables(parts).unify_dictionaries().combine_chunks()
        )
    had_datasets = old.datasets if old else {}
    datasets = {name: done[name].about if name in done else had_datasets[name] for name in names}
    return tables, _record(datasets, tables)


def _unchecked(old: Manifest, table: str) -> pa.Table:
    """Return a table without the columns of checks, which are recomputed when all rows are
    complete."""
    return (
        old.images([column.name for column in IMAGES])
        if table == "images"
        else getattr(old, table)()
    )


def _record(datasets: dict[str, ManifestDataset], tables: Mapping[str, pa.Table]) -> ManifestRecord:
    return ManifestRecord(
        schema_version=VERSION,
        request={name: about.request for name, about in datasets.items()},
        fingerprint=fingerprint({name: about.fingerprint for name, about in datasets.items()}),
        datasets=datasets,
        levels=_levels(tables),
        counts={name: tables[name].num_rows for name in ("images", "identities", "rejected")},
        versions=package_versions(),
    )


def _levels(tables: Mapping[str, pa.Table]) -> dict[str, list[Any]]:
    """The levels of each attribute that are present, in declared order."""
    present = {}
    for name, attribute in attributes().items():
        column = tables["images" if attribute.level == "image" else "identities"][name]
        levels = [level for level in column.unique().to_pylist() if level is not None]
        if levels:
            present[name] = sort_levels(name, levels)
    return present
