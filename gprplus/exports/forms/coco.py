"""COCO annotations of crops: a JSON file for each role, with one box of the whole image, and the
identity in each annotation. pycocotools, FiftyOne and Datumaro read this form."""

from typing import Any

import pyarrow as pa

from gprplus.core.errors import ExportError, first_few
from gprplus.exports.export_layout import ExportInfo, ExportLayout
from gprplus.exports.rows import identity_pairs, image_names, known_columns

_CATEGORY = {"id": 1, "name": "person", "supercategory": "person"}


def plan_coco(rows: pa.Table, about: ExportInfo) -> ExportLayout:
    """`images/<role>/<dataset>/<path>` and `annotations/instances_<role>.json`.

    `track_id` of an annotation is the number of its identity from 1, 0 without identity;
    `attributes` has every known column. Raises ExportError if the size of an image is unknown.
    """
    roles: dict[str, dict[str, Any]] = {}
    files = []
    number = _identity_numbers(rows)
    sizes, names = _sizes(rows, about), image_names(rows)
    for place, row in enumerate(known_columns(rows).to_pylist(), start=1):
        role = row["role"]
        name = names[place - 1]
        width, height = sizes[place - 1]
        files.append(f"images/{role}/{name}")
        found = roles.setdefault(role, _empty(about))
        found["images"].append({"id": place, "file_name": name, "width": width, "height": height})
        found["annotations"].append(
            {
                "id": place,
                "image_id": place,
                "category_id": 1,
                "bbox": [0, 0, width, height],
                "area": width * height,
                "iscrowd": 0,
                "segmentation": [],
                "track_id": number.get((row["dataset"], row.get("identity")), 0),
                "attributes": {key: value for key, value in row.items() if value is not None},
            }
        )
    records = {f"annotations/instances_{role}.json": found for role, found in roles.items()}
    return ExportLayout(files, records=records)


def _identity_numbers(rows: pa.Table) -> dict[tuple[str, str], int]:
    known = sorted({(dataset, name) for dataset, name in identity_pairs(rows) if name is not None})
    return {pair: number for number, pair in enumerate(known, start=1)}


def _sizes(rows: pa.Table, about: ExportInfo) -> list[tuple[int, int]]:
    """Width and height of each image in pixels."""
    uids = rows.column("uid").to_pylist()
    absent = [
        path
        for uid, path in zip(uids, rows.column("path").to_pylist(), strict=True)
        if uid not in about.sizes
    ]
    if absent:
        raise ExportError(
            f"The size of {len(absent):,} images is unknown ({first_few(absent)}), which coco"
            " needs: their manifest has gone, or was built with --verify names. Build it again"
            " with --verify header."
        )
    return [about.sizes[uid] for uid in uids]


def _empty(about: ExportInfo) -> dict[str, Any]:
    licences = sorted({str(dataset.licence or "not stated") for dataset in about.datasets.values()})
    return {
        "info": {"description": about.name, "version": about.fingerprint},
        "licenses": [{"id": place, "name": name} for place, name in enumerate(licences, start=1)],
        "categories": [_CATEGORY],
        "images": [],
        "annotations": [],
    }
