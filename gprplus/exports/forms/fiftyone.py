"""A dataset of FiftyOne (`FiftyOneDataset`): images below data, metadata.json and samples.json.

Every known column is a typed field of the samples; the role of an image is also its tag.
"""

from typing import Any

import pyarrow as pa

from gprplus.exports.dataset_card import column_sentence
from gprplus.exports.export_layout import ExportInfo, ExportLayout
from gprplus.exports.rows import image_names, known_columns

# The revision of the form: FiftyOne migrates earlier ones, and refuses later ones than its own.
REVISION = "1.0.0"
_CORE = "fiftyone.core.fields."
_TYPES = {
    "string": "StringField",
    "int32": "IntField",
    "int64": "IntField",
    "double": "FloatField",
    "bool": "BooleanField",
}
_METADATA = {
    "size_bytes": "IntField",
    "mime_type": "StringField",
    "width": "IntField",
    "height": "IntField",
    "num_channels": "IntField",
}
_HIDDEN = {
    "_media_type": "StringField",
    "_rand": "FloatField",
    "_dataset_id": "ObjectIdField",
    "created_at": "DateTimeField",
    "last_modified_at": "DateTimeField",
}


def plan_fiftyone(rows: pa.Table, about: ExportInfo) -> ExportLayout:
    """`data/<dataset>/<path>`, metadata.json with the fields, and samples.json. ExportError if an
    attribute has the name of a field of FiftyOne."""
    fields = _default_fields()
    table = known_columns(rows, {one["name"] for one in fields})
    fields += [
        _field(one.name, _TYPES[str(one.type)], column_sentence(one)) for one in table.schema
    ]
    files = [f"data/{name}" for name in image_names(rows)]
    samples = [
        _sample(file, row, about) for file, row in zip(files, table.to_pylist(), strict=True)
    ]
    metadata = {
        "name": f"{about.name}, {about.arm}" if about.arm else about.name,
        "version": REVISION,
        "media_type": "image",
        "tags": [],
        "info": {
            "fingerprint": about.fingerprint,
            "licences": {name: dataset.licence for name, dataset in about.datasets.items()},
        },
        "app_config": {},
        "sample_fields": fields,
        "frame_fields": [],
    }
    return ExportLayout(
        files, ("data",), records={"metadata.json": metadata, "samples.json": {"samples": samples}}
    )


def _sample(file: str, row: dict[str, Any], about: ExportInfo) -> dict[str, Any]:
    uid = int(row["uid"])
    size = about.sizes.get(uid)
    metadata = {"_cls": "ImageMetadata", "width": size[0], "height": size[1]} if size else None
    return {
        "filepath": file,
        "tags": [row["role"]],
        "metadata": metadata,
        "_media_type": "image",
        # FiftyOne shuffles by this number from 0.999 to 1.
        "_rand": 0.999 + 0.001 * uid / 2**64,
        **row,
    }


def _default_fields() -> list[dict[str, Any]]:
    """The fields that every sample of FiftyOne has."""
    metadata = _field("metadata", "EmbeddedDocumentField")
    metadata["embedded_doc_type"] = "fiftyone.core.metadata.ImageMetadata"
    metadata["fields"] = [_field(name, kind) for name, kind in _METADATA.items()]
    tags = _field("tags", "ListField")
    tags["subfield"] = f"{_CORE}StringField"
    key = _field("id", "ObjectIdField")
    key["db_field"] = "_id"
    plain = [_field(name, kind) for name, kind in _HIDDEN.items()]
    return [key, _field("filepath", "StringField"), tags, metadata, *plain]


def _field(name: str, kind: str, sentence: str = "") -> dict[str, Any]:
    return {
        "name": name,
        "ftype": f"{_CORE}{kind}",
        "embedded_doc_type": None,
        "subfield": None,
        "fields": [],
        "db_field": name,
        "description": sentence or None,
        "info": None,
        "read_only": kind == "DateTimeField",
    }
