"""Tables of the crops of native output: crops.parquet for build-manifest, and the rejects."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gprplus.core.declarations import attributes
from gprplus.core.escape import csv_text
from gprplus.core.files.workdir import atomic_write
from gprplus.cropping.annotations import REASONS
from gprplus.cropping.native.cut import read_rows

if TYPE_CHECKING:
    import pyarrow as pa

TABLE, REJECTED = "crops.parquet", "_rejected.csv"
_TEXTS = ("path", "identity", "camera", "scene", "source", "visible_from")
_KINDS = {"category": "string", "integer": "int64", "number": "float64"}
_REJECTS = ("frame", "number", "identity", "reason", "detail")
_ROWS_A_GROUP = 65_536


def write_crops(path: Path, files: Iterable[tuple[Path, bool]]) -> tuple[int, int]:
    """Write the table of crops from files of rows; return the numbers of crops and identities.

    Args:
        path: the table. Columns: path, identity, camera, scene, frame, source, number, visible,
            visible_from, and the attributes that any crop has.
        files: rows of one list each, and whether viewpoints from headings hold.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    files = list(files)
    present = {name for row in _rows(files) for name, value in row.items() if value is not None}
    schema = _schema(present)
    identities: set[str] = set()
    count = 0
    with atomic_write(path) as temporary, pq.ParquetWriter(temporary, schema) as writer:
        block: list[dict[str, Any]] = []
        for row in _rows(files):
            identities.add(row["identity"])
            block.append(row)
            count += 1
            if len(block) == _ROWS_A_GROUP:
                writer.write_table(pa.Table.from_pylist(block, schema))
                block = []
        writer.write_table(pa.Table.from_pylist(block, schema))
    return count, len(identities)


def _rows(files: Iterable[tuple[Path, bool]]) -> Iterator[dict[str, Any]]:
    """Yield a row of the table for each crop."""
    declared = attributes()
    for file, headings_hold in files:
        for crop in (read_rows(file) or {"crops": ()})["crops"]:
            row = {name: crop[name] for name in _TEXTS}
            row |= {name: crop[name] for name in ("frame", "number", "visible")}
            levels = crop["levels"]
            viewpoint = crop.get("viewpoint")
            if viewpoint is not None and (headings_hold or "by_heading" not in crop):
                levels["viewpoint_deg"] = round(viewpoint) % 360
            for name, value in levels.items():
                if name in declared and name != "camera" and value is not None:
                    row[name] = _level(value, declared[name].type)
            yield row


def _level(value: Any, kind: str) -> Any:
    if kind == "integer":
        return round(value)
    return float(value) if kind == "number" else str(value)


def _schema(present: set[str]) -> "pa.Schema":
    import pyarrow as pa

    kinds = dict.fromkeys(_TEXTS, pa.string())
    kinds |= {"frame": pa.int64(), "number": pa.int64(), "visible": pa.float64()}
    for name, attribute in attributes().items():
        if name in present and name not in kinds:
            kinds[name] = pa.type_for_alias(_KINDS[attribute.type])
    return pa.schema(kinds)


def write_rejected(path: Path, files: Iterable[Path]) -> dict[str, int]:
    """Write the annotations that became no crop; return how many for each reason."""
    counted: Counter[str] = Counter()
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write(csv_text([_REJECTS]))
        for rows in files:
            for row in (read_rows(rows) or {"rejected": ()})["rejected"]:
                counted[row["reason"]] += 1
                file.write(csv_text([[row[name] for name in _REJECTS]]))
    return {reason: counted[reason] for reason in REASONS if counted[reason]}
