"""Folders of images with a metadata table, as Hugging Face's `imagefolder` loads them.

`load_dataset("imagefolder", data_dir=...)` then gives the images with every attribute as a column.
The table is Parquet and not CSV, because a CSV reader would turn the identity "0001" into the
number 1.
"""

import pyarrow as pa
import pyarrow.compute as pc

from gprplus.exports.export_layout import ExportLayout, safe_relative_path
from gprplus.exports.rows import known_columns

FOLDERS = {"train": "train", "val": "validation", "query": "test", "gallery": "test"}


def plan_imagefolder(rows: pa.Table) -> ExportLayout:
    """Folders train, validation and test, each with `<dataset>/<path>` and a metadata.parquet;
    roles stay a column."""
    roles = rows.column("role").to_pylist()
    names = [
        safe_relative_path(f"{dataset}/{safe_relative_path(path)}")
        for dataset, path in zip(
            rows.column("dataset").to_pylist(), rows.column("path").to_pylist(), strict=True
        )
    ]
    table = known_columns(rows).drop_columns("path").add_column(0, "file_name", pa.array(names))
    folder = pa.array([FOLDERS[role] for role in roles])
    tables = {
        f"{name}/metadata.parquet": table.filter(pc.equal(folder, name))
        for name in pc.unique(folder).to_pylist()
    }
    return ExportLayout(
        [f"{FOLDERS[role]}/{name}" for role, name in zip(roles, names, strict=True)], (), tables
    )
