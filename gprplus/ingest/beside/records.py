"""Tables of identities as rows, whatever file they stand in: CSV, Parquet, JSON, or the MATLAB files of the field."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from gprplus.archives import read as read_file
from gprplus.errors import ManifestError, examples
from gprplus.ingest.beside import matlab

Records = list[dict[str, object]]


def read(path: Path) -> tuple[list[str], Records]:
    """(column names, rows) of a table. Raises ManifestError on a file that cannot be read as what its name says."""
    return _FORMS.get(path.suffix.lower(), _csv)(path)


def _csv(path: Path) -> tuple[list[str], Records]:
    try:
        reader = csv.DictReader(io.StringIO(read_file(path).decode("utf-8-sig"), newline=""), strict=True)
        columns, rows = list(reader.fieldnames or []), list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ManifestError(f"{path} cannot be read as CSV: {error}.") from error
    ragged = [i for i, row in enumerate(rows, start=2) if None in row or None in row.values()]
    if ragged:
        raise ManifestError(f"{path}: line(s) {examples(ragged)} do not have the {len(columns)} cells of the header.")
    return columns, rows


def _parquet(path: Path) -> tuple[list[str], Records]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(pa.BufferReader(read_file(path))).read()
    except (OSError, pa.ArrowInvalid) as error:
        raise ManifestError(f"{path} cannot be read as Parquet: {error}.") from error
    return table.column_names, table.to_pylist()


def _json(path: Path) -> tuple[list[str], Records]:
    """A list of records, or an object of identity -> attributes."""
    try:
        found = json.loads(read_file(path).decode())
    except (OSError, ValueError) as error:
        raise ManifestError(f"{path} cannot be read as JSON: {error}.") from error
    if isinstance(found, dict) and all(isinstance(row, dict) for row in found.values()):
        found = [{"identity": name, **row} for name, row in found.items()]
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise ManifestError(
            f'{path}: expected a list of objects with an "identity", or one object of identity -> attributes.'
        )
    return list(dict.fromkeys(column for row in found for column in row)), found


def _matlab(path: Path) -> tuple[list[str], Records]:
    """Structs of equally long vectors (such as train and test), addressed by field: their orders differ."""
    structs = list(_structs(matlab.read(path)))
    if not structs:
        raise ManifestError(f"{path} holds no struct of vectors, one value for each identity.")
    records: Records = []
    for struct in structs:
        vectors = {name: np.atleast_1d(values) for name, values in struct.items()}
        lengths = {len(vector) for vector in vectors.values()}
        if len(lengths) > 1:
            raise ManifestError(f"{path}: the fields of one struct are {examples(sorted(lengths))} long, not alike.")
        columns = {name: vector.tolist() for name, vector in vectors.items()}
        records += [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return list(dict.fromkeys(column for row in records for column in row)), records


def _structs(value: Any) -> list[dict[str, Any]]:
    """The innermost structs of nested ones."""
    if not isinstance(value, dict):
        return []
    inner = [struct for item in value.values() for struct in _structs(item)]
    return inner or ([value] if value else [])


_FORMS: dict[str, Callable[[Path], tuple[list[str], Records]]] = {
    ".parquet": _parquet,
    ".json": _json,
    ".mat": _matlab,
}
