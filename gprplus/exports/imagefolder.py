"""Folders of images with a metadata table, as Hugging Face's `imagefolder` loads them.

`load_dataset("imagefolder", data_dir=...)` then gives the images with every attribute as a column. The table is
Parquet and not CSV, because a CSV reader would turn the identity "0001" into the number 1.
"""

import pyarrow as pa
import pyarrow.compute as pc

from gprplus.exports.plan import Plan, inside

FOLDERS = {"train": "train", "val": "validation", "query": "test", "gallery": "test"}


def plan(rows: pa.Table) -> Plan:
    """Folders train, validation and test, each with `<dataset>/<path>` and a metadata.parquet; roles stay a column."""
    roles = rows.column("role").to_pylist()
    names = [
        inside(f"{dataset}/{inside(path)}")
        for dataset, path in zip(rows.column("dataset").to_pylist(), rows.column("path").to_pylist(), strict=True)
    ]
    known = [name for name in rows.column_names if name != "path" and rows.column(name).null_count < rows.num_rows]
    plain = {name: _plain(rows.column(name)) for name in known}
    table = pa.table({"file_name": names, **plain})
    folder = pa.array([FOLDERS[role] for role in roles])
    tables = {
        f"{name}/metadata.parquet": table.filter(pc.equal(folder, name)) for name in pc.unique(folder).to_pylist()
    }
    return Plan([f"{FOLDERS[role]}/{name}" for role, name in zip(roles, names, strict=True)], (), tables)


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Text instead of dictionary codes, which not every reader takes, and of uids: half of them overflow its int64."""
    text = pa.types.is_dictionary(column.type) or pa.types.is_uint64(column.type)
    return column.cast(pa.string()) if text else column
