"""The table of open-metric-learning: df.csv next to the images.

Its datasets read the columns label, path and split, and of validation images is_query and
is_gallery; further columns are carried along. Training identities and test identities have labels
of their own.
"""

import pyarrow as pa

from gprplus.core.errors import ExportError
from gprplus.exports.export_layout import ExportInfo, ExportLayout
from gprplus.exports.rows import identity_pairs, image_names, known_columns

SPLITS = {"train": "train", "val": "train", "query": "validation", "gallery": "validation"}


def plan_oml(rows: pa.Table, about: ExportInfo) -> ExportLayout:
    """`images/<dataset>/<path>` and df.csv, with every attribute as a further column."""
    roles = rows.column("role").to_pylist()
    pairs = identity_pairs(rows)
    files = [f"images/{name}" for name in image_names(rows)]
    if any(identity is None for _, identity in pairs):
        raise ExportError(
            "Some images have no identity; open-metric-learning needs a label of every image. Leave"
            " them out with --where when the split is made."
        )
    label = {pair: number for number, pair in enumerate(sorted(set(pairs)))}
    tested = [SPLITS[role] == "validation" for role in roles]
    columns = {
        "label": pa.array([label[pair] for pair in pairs]),
        "path": pa.array(files),
        "split": pa.array([SPLITS[role] for role in roles]),
        "is_query": pa.array(
            [role == "query" if test else None for role, test in zip(roles, tested, strict=True)]
        ),
        "is_gallery": pa.array(
            [role == "gallery" if test else None for role, test in zip(roles, tested, strict=True)]
        ),
    }
    known = known_columns(rows, columns.keys() - {"path"}).drop_columns("path")
    more = {name: known.column(name) for name in known.column_names}
    return ExportLayout(files, ("images",), {"df.csv": pa.table({**columns, **more})})
