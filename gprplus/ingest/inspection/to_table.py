"""A dataset of a manifest as a table of images, in the form that `build-manifest --table` reads."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gprplus.core.errors import ManifestError, did_you_mean
from gprplus.core.files.workdir import atomic_write
from gprplus.ingest.sidecars.image_tables import MEASURED, SOURCE_COLUMNS
from gprplus.ingest.tables.manifest import Manifest
from gprplus.ingest.tables.select import filter_dataset

if TYPE_CHECKING:
    import pyarrow as pa

FORMS = (".csv", ".parquet", ".jsonl")
_ROWS = 1 << 16


def write_image_table(manifest: Manifest, path: Path, dataset: str | None = None) -> int:
    """Write the images of a dataset as a table, and return the number of rows.

    Columns without a value are left out, and so is what a manifest measures itself. Paths are
    relative to the root of the dataset.

    Args:
        manifest: The manifest.
        path: The table: CSV, Parquet or JSON lines, by its extension.
        dataset: Its name; not needed for a manifest of one dataset.

    Raises:
        ManifestError: another extension, or no such dataset.
    """
    if path.suffix.lower() not in FORMS:
        raise ManifestError(f"{path}: expected a name that ends in {', '.join(FORMS)}.")
    names = list(manifest.datasets)
    if dataset is None and len(names) > 1:
        raise ManifestError(
            f"{manifest.path} has the datasets {', '.join(names)}, and a table holds one. Name it"
            " with --dataset."
        )
    name = names[0] if dataset is None else dataset
    if name not in names:
        raise ManifestError(f"{manifest.path} has no dataset '{name}'. {did_you_mean(name, names)}")
    table = _with_traits(manifest, filter_dataset(manifest.images(_columns(manifest)), name))
    table = table.drop_columns(
        [one for one in table.column_names if table[one].null_count == len(table)]
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as temporary:
        _write(table.drop_columns(["dataset"]), Path(temporary), path.suffix.lower())
    return len(table)


def _columns(manifest: Manifest) -> list[str]:
    """The columns of images in a table: keys and roles first, then attributes."""
    own = [name for name in manifest.image_attributes if name not in SOURCE_COLUMNS]
    left_out = {*MEASURED} - {"dataset"}
    order = ("dataset", "path", "identity", "camera", "role", *own, *SOURCE_COLUMNS)
    return [name for name in dict.fromkeys(order) if name not in left_out]


def _with_traits(manifest: Manifest, images: "pa.Table") -> "pa.Table":
    """The images with the attributes of their identities."""
    import numpy as np

    from gprplus.core.arrow import from_numpy
    from gprplus.ingest.sidecars.table_cells import coded_cells

    people = manifest.identities(["dataset", "identity", *manifest.identity_attributes])
    people = filter_dataset(people, str(images["dataset"][0]))
    place = {name: i for i, name in enumerate(people["identity"].to_pylist())}
    names, codes = coded_cells(images["identity"])
    rows = np.array([*(place.get(name, -1) for name in names), -1], np.int64)[codes]
    taken = from_numpy(np.maximum(rows, 0), unknown=rows < 0)
    for name in manifest.identity_attributes:
        images = images.append_column(name, people[name].take(taken))
    return images


def _write(table: "pa.Table", place: Path, suffix: str) -> None:
    import pyarrow as pa

    plain = [pa.string() if pa.types.is_dictionary(one.type) else one.type for one in table.schema]
    schema = pa.schema(list(zip(table.column_names, plain, strict=True)))
    if suffix == ".parquet":
        import pyarrow.parquet as pq

        with pq.ParquetWriter(place, schema) as parquet:
            for batch in _batches(table, schema):
                parquet.write_table(batch)
    elif suffix == ".csv":
        from pyarrow import csv

        with csv.CSVWriter(place, schema) as writer:
            for batch in _batches(table, schema):
                writer.write_table(batch)
    else:
        _write_lines(table, schema, place)


def _write_lines(table: "pa.Table", schema: "pa.Schema", place: Path) -> None:
    import json

    with place.open("w", encoding="utf-8") as file:
        for batch in _batches(table, schema):
            for row in batch.to_pylist():
                known = {key: value for key, value in row.items() if value is not None}
                known["uid"] = str(row["uid"])  # readers of JSON keep 53 bits of a number
                file.write(json.dumps(known, ensure_ascii=False) + "\n")


def _batches(table: "pa.Table", schema: "pa.Schema") -> "Iterator[pa.Table]":
    for start in range(0, len(table), _ROWS):
        yield table.slice(start, _ROWS).cast(schema)
