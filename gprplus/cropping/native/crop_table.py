"""Tables of the crops of native output: crops.parquet for build-manifest, and the rejects."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gprplus.core.declarations import attributes, optional_attributes
from gprplus.core.escape import csv_text
from gprplus.core.files.workdir import atomic_write
from gprplus.cropping.annotations import REASONS
from gprplus.cropping.native.row_files import rows_of

if TYPE_CHECKING:
    import pyarrow as pa

TABLE, SOURCES, REJECTED = "crops.parquet", "_sources.parquet", "_rejected.csv"
_SOURCE = {  # of each crop, for those who want to go back to the frame
    "path": "string",
    "scene": "string",
    "source": "string",
    "frame": "int64",
    "number": "int64",
    "visible": "float64",
    "visible_from": "string",
}
_OWN = {
    "path": "string",
    "identity": "string",
    "camera": "int64",
    "camera_code": "string",
    "frame": "int64",
}
_KINDS = {"category": "string", "integer": "int64", "number": "float64"}
_REJECTS = ("frame", "frame_number", "number", "identity", "reason", "detail")
_ROWS_A_GROUP = 16_384


def write_crops(
    output: Path, files: Iterable[tuple[Path, bool]], cameras: Mapping[str, int]
) -> tuple[int, int]:
    """Write the table of crops for build-manifest, and the table of their sources, from files of
    rows; return the numbers of crops and identities.

    Args:
        output: folder of the tables. Columns of crops.parquet: those of `_OWN` and the attributes
            that any crop has; of _sources.parquet: those of `_SOURCE`.
        files: rows of one list each, and whether viewpoints from headings hold.
        cameras: numbers of the cameras by name.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    files = list(files)
    present = {
        name for row in _rows(files, cameras) for name, value in row.items() if value is not None
    }
    schemas = _schema(present), pa.schema(_types(_SOURCE))
    identities: set[str] = set()
    count = 0
    with ExitStack() as stack:
        writers = [
            stack.enter_context(
                pq.ParquetWriter(stack.enter_context(atomic_write(output / name)), schema)
            )
            for name, schema in zip((TABLE, SOURCES), schemas, strict=True)
        ]
        for block in _blocks(_rows(files, cameras)):
            identities.update(row["identity"] for row in block)
            count += len(block)
            for writer, schema in zip(writers, schemas, strict=True):
                writer.write_table(pa.Table.from_pylist(block, schema))
    return count, len(identities)


def _blocks(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while block := list(islice(rows, _ROWS_A_GROUP)):
        yield block


def _types(kinds: Mapping[str, str]) -> "dict[str, pa.DataType]":
    import pyarrow as pa

    return {name: pa.type_for_alias(kind) for name, kind in kinds.items()}


def _rows(
    files: Iterable[tuple[Path, bool]], cameras: Mapping[str, int]
) -> Iterator[dict[str, Any]]:
    """Yield a row of both tables for each crop."""
    declared = {**attributes(), **optional_attributes()}
    for file, headings_hold in files:
        for crop in rows_of(file, "crop"):
            row = {name: crop[name] for name in {"identity", *_SOURCE}}
            row |= {"camera": cameras[crop["camera"]], "camera_code": crop["camera"]}
            levels = crop["levels"]
            viewpoint = crop.get("viewpoint")
            if viewpoint is not None and (headings_hold or "by_heading" not in crop):
                levels["viewpoint_deg"] = round(viewpoint) % 360
            for name, value in levels.items():
                if name in declared and name != "camera" and value is not None:
                    row[name] = _level(value, declared[name].type)
            yield row


def _schema(present: set[str]) -> "pa.Schema":
    import pyarrow as pa

    kinds = dict(_OWN)
    for name, attribute in {**attributes(), **optional_attributes()}.items():
        if name in present and name not in kinds:
            kinds[name] = _KINDS[attribute.type]
    return pa.schema(_types(kinds))


def _level(value: Any, kind: str) -> Any:
    if kind == "integer":
        return round(value)
    return float(value) if kind == "number" else str(value)


def write_rejected(path: Path, files: Iterable[Path]) -> dict[str, int]:
    """Write the annotations that became no crop; return how many for each reason."""
    counted: Counter[str] = Counter()
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write(csv_text([_REJECTS]))
        for rows in files:
            for row in rows_of(rows, "reject"):
                counted[row["reason"]] += 1
                file.write(csv_text([[row[name] for name in _REJECTS]]))
    return {reason: counted[reason] for reason in REASONS if counted[reason]}
