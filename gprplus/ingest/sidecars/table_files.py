"""Rows of identity tables in any format: CSV, Parquet, JSON, or the MATLAB files of published
datasets."""

import csv
import io
import json
import re
from collections.abc import Callable
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import Any

from gprplus.archives import read_file
from gprplus.core.errors import ManifestError, escape, first_few
from gprplus.core.storage.failures import StorageError
from gprplus.ingest.sidecars import matlab

Records = list[dict[str, object]]
_CELLS = (str, int, float, Decimal, date, time, type(None))
_MOST = 10_000_000  # rows of an identities table


def read_records(path: Path) -> tuple[list[str], Records]:
    """Return (column names, rows) of a table. Raises ManifestError for a file that cannot be read
    in the format of its extension, and for cells that are neither texts nor numbers.
    """
    form = _FORMS.get(path.suffix.lower(), _csv)
    columns, rows = form(path)
    if form is not _csv:  # whose cells are texts
        _check_cells(path, rows)
    return columns, rows


def _check_cells(path: Path, rows: Records) -> None:
    for number, row in enumerate(rows, start=1):
        for column, cell in row.items():
            if not isinstance(cell, _CELLS):
                found = f"a {type(cell).__name__}"
            elif isinstance(cell, str) and not _is_text(cell):
                found = "text that is no Unicode"
            else:
                continue
            raise ManifestError(
                f"{path}: row {number}, column '{escape(column)}': expected text or a number, found"
                f" {found}."
            )


def _is_text(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def separator_of(header: bytes) -> str:
    """Return the separator of a line of column names: a comma, or the semicolon or tab of which it
    has more.

    >>> separator_of(b"identity;gender"), separator_of(b"identity"), separator_of(b"a,b;c")
    (';', ',', ',')
    """
    return max(",;\t", key=lambda one: (header.count(one.encode()), one == ","))


def _csv(path: Path) -> tuple[list[str], Records]:
    try:
        data = read_file(path)
        separator = separator_of(re.split(rb"[\r\n]", data, maxsplit=1)[0])
        text = io.StringIO(data.decode("utf-8-sig"), newline="")
        reader = csv.DictReader(text, delimiter=separator, strict=True)
        columns, rows = list(reader.fieldnames or []), list(reader)
    except StorageError:
        raise
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ManifestError(f"{path} cannot be read as CSV: {error}.") from error
    ragged = [i for i, row in enumerate(rows, start=2) if None in row or None in row.values()]
    if ragged:
        raise ManifestError(
            f"{path}: line(s) {first_few(ragged)} do not have the {len(columns)} cells of the"
            " header."
        )
    return columns, rows


def _parquet(path: Path) -> tuple[list[str], Records]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(pa.BufferReader(read_file(path)))
        if file.metadata.num_rows > _MOST:
            raise ManifestError(
                f"{path} has {file.metadata.num_rows:,} rows; at most {_MOST:,} are read."
            )
        table = file.read(use_threads=False)  # see gprplus.schema.stored.native_file
        return table.column_names, table.to_pylist()
    except (
        OSError,
        pa.ArrowException,
        ValueError,
        OverflowError,
    ) as error:  # dates of the year 300,000 among them
        if isinstance(error, ManifestError | StorageError):
            raise
        raise ManifestError(f"{path} cannot be read as Parquet: {error}.") from error


def _json(path: Path) -> tuple[list[str], Records]:
    """A list of records, or an object of identity -> attributes."""
    try:
        found = json.loads(read_file(path).decode())
    except RecursionError:
        raise ManifestError(
            f"{path} cannot be read as JSON: its values are nested too deeply."
        ) from None
    except StorageError:
        raise
    except (OSError, ValueError) as error:
        raise ManifestError(f"{path} cannot be read as JSON: {error}.") from error
    if isinstance(found, dict) and all(isinstance(row, dict) for row in found.values()):
        found = [{"identity": name, **row} for name, row in found.items()]
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise ManifestError(
            f'{path}: expected a list of objects with an "identity", or one object of identity ->'
            " attributes."
        )
    return list(dict.fromkeys(column for row in found for column in row)), found


def _matlab(path: Path) -> tuple[list[str], Records]:
    """Structs of equally long vectors (such as train and test), addressed by field: their orders
    differ."""
    structs = list(_structs(matlab.read_matlab(path)))
    if not structs:
        raise ManifestError(f"{path} holds no struct of vectors, one value for each identity.")
    records: Records = []
    for struct in structs:
        vectors = {
            name: matlab.matlab_vector(path, name, values) for name, values in struct.items()
        }
        lengths = {len(vector) for vector in vectors.values()}
        if len(lengths) > 1:
            raise ManifestError(
                f"{path}: the fields of one struct are {first_few(sorted(lengths))} long, not"
                " alike."
            )
        columns = {name: vector.tolist() for name, vector in vectors.items()}
        records += [
            dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)
        ]
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
