"""Datumaro's own form: images by subset, and a JSON file for each subset.

Datumaro, CVAT and OpenVINO Training Extensions read it. An item has the identity of its image as a
label, and every attribute of the image.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from gprplus.exports.export_layout import ExportInfo, ExportLayout
from gprplus.exports.rows import identity_pairs, image_names, known_columns

_FORMAT = "1.0"
_IMAGE = 2  # MediaType.IMAGE


def plan_datumaro(rows: pa.Table, about: ExportInfo) -> ExportLayout:
    """`images/<subset>/<dataset>/<path>` and `annotations/<subset>.json`.

    Labels are the identities in sorted order, `<dataset>/<identity>` if there are several datasets;
    an image without identity has no label. All subsets have the same labels, because Datumaro
    merges only subsets whose categories agree.
    """
    names, pairs = image_names(rows), identity_pairs(rows)
    people = sorted({pair for pair in pairs if pair[1] is not None})
    label = {pair: place for place, pair in enumerate(people)}
    subsets: dict[str, dict[str, Any]] = {}
    files = []
    table = known_columns(rows).to_pylist()
    for name, key, pair, row in zip(names, _item_ids(names), pairs, table, strict=True):
        subset = row["role"]
        files.append(f"images/{subset}/{name}")
        image: dict[str, Any] = {"path": name}
        if size := about.sizes.get(int(row["uid"])):
            image["size"] = [size[1], size[0]]  # height, width
        item = {
            "id": key,
            "annotations": [_label(label[pair])] if pair in label else [],
            "attr": {column: value for column, value in row.items() if value is not None},
            "image": image,
        }
        subsets.setdefault(subset, _empty(people, about))["items"].append(item)
    return ExportLayout(
        files, records={f"annotations/{subset}.json": found for subset, found in subsets.items()}
    )


def _item_ids(names: Sequence[str]) -> list[str]:
    """The names without extension, as Datumaro calls its items; whole names if two would be equal.

    >>> _item_ids(["a/1.jpg", "b/1.jpg"]), _item_ids(["a/1.jpg", "a/1.png"])
    (['a/1', 'b/1'], ['a/1.jpg', 'a/1.png'])
    """
    stems = [name.rpartition(".")[0] for name in names]
    return stems if max(Counter(stems).values(), default=0) < 2 else list(names)


def _label(number: int) -> dict[str, Any]:
    return {"id": 0, "type": "label", "attributes": {}, "group": 0, "label_id": number}


def _empty(people: Sequence[tuple[str, str]], about: ExportInfo) -> dict[str, Any]:
    several = len({dataset for dataset, _ in people}) > 1
    labels = [f"{dataset}/{identity}" if several else identity for dataset, identity in people]
    licences = sorted({str(dataset.licence or "not stated") for dataset in about.datasets.values()})
    return {
        "dm_format_version": _FORMAT,
        "media_type": _IMAGE,
        "infos": {
            "name": about.name,
            "fingerprint": about.fingerprint,
            "licences": ", ".join(licences),
        },
        "categories": {
            "label": {
                "labels": [{"name": name, "parent": "", "attributes": []} for name in labels],
                "label_groups": [],
                "attributes": [],
            }
        },
        "items": [],
    }
