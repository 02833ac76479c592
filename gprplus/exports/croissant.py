"""croissant.json of an export: metadata in Croissant 1.1 (MLCommons), which search engines of datasets
and `mlcroissant` read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from gprplus.exports.dataset_card import column_sentence
from gprplus.exports.export_layout import ExportInfo

FILE = "croissant.json"
_VERSION = "http://mlcommons.org/croissant/1.1"
_TYPES = {
    "string": "sc:Text",
    "int32": "sc:Integer",
    "int64": "sc:Integer",
    "double": "sc:Float",
    "bool": "sc:Boolean",
}
_PARQUET = "application/x-parquet"
# The context of the Croissant format specification, with the keys that are used here.
_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    **{
        key: f"cr:{key}"
        for key in (
            *("column", "extract", "field", "fileObject", "fileSet", "includes", "jsonPath"),
            *("recordSet", "source", "transform", "containedIn"),
        )
    },
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "sc": "https://schema.org/",
}


@dataclass(frozen=True)
class RecordFiles:
    """A part of the records: its name and the pattern of the Parquet files that hold them. With
    `images` the column `image` has the images."""

    name: str
    pattern: str
    images: bool = False


@dataclass(frozen=True)
class OtherFiles:
    """Further files: their name, pattern and media type."""

    name: str
    pattern: str
    kind: str


def croissant_record(
    table: pa.Table,
    parts: Sequence[RecordFiles],
    about: ExportInfo,
    others: Sequence[OtherFiles] = (),
) -> dict[str, Any]:
    """Return the metadata of an export whose Parquet files have the columns of `table`."""
    title = f"{about.name}, {about.arm}" if about.arm else about.name
    licences = sorted({str(dataset.licence or "not stated") for dataset in about.datasets.values()})
    files = [OtherFiles(f"{part.name}-records", part.pattern, _PARQUET) for part in parts]
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "name": title,
        "description": (
            f"Images for person re-identification, exported by gprplus from {about.name}"
            f" (fingerprint {about.fingerprint})."
        ),
        "conformsTo": _VERSION,
        "version": "1.0.0",
        "license": licences,
        "keywords": ["person re-identification"],
        "distribution": [
            {
                "@type": "cr:FileSet",
                "@id": one.name,
                "name": one.name,
                "encodingFormat": one.kind,
                "includes": one.pattern,
            }
            for one in (*files, *others)
        ],
        "recordSet": [_record_set(part, table.schema) for part in parts],
    }


def _record_set(part: RecordFiles, fields: pa.Schema) -> dict[str, Any]:
    columns = [
        _field(part, field.name, _TYPES[str(field.type)], column_sentence(field))
        for field in fields
    ]
    if part.images:
        image = _field(part, "image", "sc:ImageObject", "The image.")
        image["source"]["transform"] = {"jsonPath": "bytes"}
        columns.insert(0, image)
    return {"@type": "cr:RecordSet", "@id": part.name, "name": part.name, "field": columns}


def _field(part: RecordFiles, name: str, kind: str, sentence: str) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"{part.name}/{name}",
        "name": name,
        "description": sentence,
        "dataType": kind,
        "source": {"fileSet": {"@id": f"{part.name}-records"}, "extract": {"column": name}},
    }
