"""Folders of images with a metadata table, as Hugging Face's `imagefolder` loads them.

`load_dataset("imagefolder", data_dir=...)` then gives the images with every attribute as a column.
The table is Parquet and not CSV, because a CSV reader would turn the identity "0001" into the
number 1.
"""

import pyarrow as pa
import pyarrow.compute as pc

from gprplus.exports import croissant
from gprplus.exports.croissant import OtherFiles, RecordFiles
from gprplus.exports.dataset_card import CardSection, dataset_card
from gprplus.exports.export_layout import ExportInfo, ExportLayout
from gprplus.exports.rows import image_names, known_columns

FOLDERS = {"train": "train", "val": "validation", "query": "test", "gallery": "test"}


def plan_imagefolder(rows: pa.Table, about: ExportInfo) -> ExportLayout:
    """Folders train, validation and test, each with `<dataset>/<path>` and a metadata.parquet;
    roles stay a column. README.md and croissant.json describe them."""
    roles = rows.column("role").to_pylist()
    names = image_names(rows)
    known = known_columns(rows, ("file_name", "image"))
    table = known.drop_columns("path").add_column(0, "file_name", pa.array(names))
    folder = pa.array([FOLDERS[role] for role in roles])
    names_of_folders = pc.unique(folder).to_pylist()
    tables = {
        f"{name}/metadata.parquet": table.filter(pc.equal(folder, name))
        for name in names_of_folders
    }
    parts = [
        CardSection(name, f"{name}/**", tables[f"{name}/metadata.parquet"].num_rows)
        for name in names_of_folders
    ]
    records = [RecordFiles(name, f"{name}/metadata.parquet") for name in names_of_folders]
    images = [OtherFiles(f"{name}-images", f"{name}/*/**", "image/*") for name in names_of_folders]
    return ExportLayout(
        [f"{FOLDERS[role]}/{name}" for role, name in zip(roles, names, strict=True)],
        (),
        tables,
        records={croissant.FILE: croissant.croissant_record(table, records, about, images)},
        texts={"README.md": dataset_card(table.drop_columns("file_name"), parts, about)},
    )
