"""Tables of any size as Arrow columns: CSV, Parquet, JSON lines. A table is read in batches, and a
column of texts that repeat is stored once a distinct text."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gprplus.core.errors import ManifestError, escape
from gprplus.core.storage.address import is_address
from gprplus.core.storage.failures import StorageError
from gprplus.ingest.sidecars.identity_codes import column_name
from gprplus.ingest.sidecars.table_files import separator_of

if TYPE_CHECKING:
    import pyarrow as pa

KINDS = "CSV (.csv, .tsv, .txt), Parquet (.parquet) or JSON lines (.jsonl, .ndjson)"
_HEAD = 1 << 16  # bytes of a CSV file in which the separator is looked for
_BLOCK = 1 << 22
_COLUMNS = 1000
_EXACT = 2.0**53  # below it a decimal number holds every whole number


def read_columnar(path: Path, plain: tuple[str, ...] = ("path",)) -> "pa.Table":
    """Return the columns of a table, their names in lower case with underscores.

    Columns of texts are dictionaries, but for those in `plain`, whose texts seldom repeat. An empty
    cell is null. Raises ManifestError for a file that cannot be read in the form of its extension,
    for two columns of one name, and for cells that are neither texts nor numbers.
    """
    import pyarrow as pa

    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise ManifestError(f"{path} is not a table that is read here: expected {KINDS}.")
    if not path.is_file():
        raise ManifestError(f"There is no table {path}; expected {KINDS}.")
    try:
        batches = [_coded(path, batch, plain) for batch in reader(path)]
        table = pa.concat_tables(batches, promote_options="permissive") if batches else pa.table({})
    except (pa.ArrowException, OSError, ValueError) as problem:
        if isinstance(problem, ManifestError | StorageError):
            raise
        why = escape(str(problem).strip().split("\n")[0].rstrip("."))[:200]
        raise ManifestError(f"{path} cannot be read as a table: {why}.") from problem
    return table


def _coded(path: Path, batch: "pa.Table", plain: tuple[str, ...]) -> "pa.Table":
    """One batch with its columns renamed and texts as dictionaries."""
    import pyarrow as pa

    names = [column_name(name) for name in batch.column_names]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ManifestError(
            f"{path} has the column '{escape(twice)[:80]}' twice. Keep one of them."
        )
    columns = {}
    for name, column in zip(names, batch.columns, strict=True):
        kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
        if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
            column = column.cast(pa.string())
        elif not _is_cell(kind):
            raise ManifestError(
                f"{path}: column '{escape(name)[:80]}': expected texts or numbers, found {kind}."
            )
        if pa.types.is_string(column.type) and name not in plain:
            column = column.dictionary_encode()
        columns[name] = column
    return pa.table(columns)


def check_whole_numbers(path: Path, table: "pa.Table", *names: str) -> None:
    """Raise ManifestError where one of some columns of keys has decimal numbers of 2**53 or more:
    these were rounded, so that several keys can have become one."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for name in {*names} & {*table.column_names}:
        column = table.column(name)
        if not pa.types.is_floating(column.type):
            continue
        if (pc.max(pc.abs(column.cast(pa.float64()))).as_py() or 0) >= _EXACT:
            raise ManifestError(
                f"{path}: column '{name}' has numbers of more than 15 digits as decimal numbers,"
                " whose last digits are lost. Write them as text."
            )


def _is_cell(kind: "pa.DataType") -> bool:
    import pyarrow.types as kinds

    fits = (
        kinds.is_null,
        kinds.is_boolean,
        kinds.is_integer,
        kinds.is_floating,
        kinds.is_decimal,
        kinds.is_string,
        kinds.is_date,
        kinds.is_time,
        kinds.is_timestamp,
    )
    return any(fit(kind) for fit in fits)


def _csv(path: Path) -> "Iterator[pa.Table]":
    import pyarrow as pa
    from pyarrow import csv

    with path.open("rb") as file:
        head = file.read(_HEAD).split(b"\n", 1)[0]
    separator = separator_of(head)
    parse = csv.ParseOptions(delimiter=separator, newlines_in_values=True)
    names = _header(head, separator)
    if not names:
        raise ManifestError(f"{path} is empty: its first line must name the columns.")
    if len(names) > _COLUMNS:
        raise ManifestError(f"{path} has {len(names):,} columns; at most {_COLUMNS:,} are read.")
    # Every cell is text at first: a column of identities such as 0001 must keep its zeros.
    convert = csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()),
        strings_can_be_null=True,
        null_values=[""],
        quoted_strings_can_be_null=True,
    )
    with csv.open_csv(
        _source(path),
        csv.ReadOptions(block_size=_BLOCK),
        parse_options=parse,
        convert_options=convert,
    ) as reader:
        yield reader.schema.empty_table()
        for batch in reader:
            yield pa.Table.from_batches([batch])


def _source(path: Path) -> Any:
    """What pyarrow opens: a local path, or an object as a file."""
    return path.open("rb") if is_address(path) else path


def _header(head: bytes, separator: str) -> list[str]:
    """The column names of the first line, as the CSV reader splits it."""
    import csv
    import io

    text = head.decode("utf-8-sig", "replace").rstrip("\r")
    return next(csv.reader(io.StringIO(text), delimiter=separator), [])


def _parquet(path: Path) -> "Iterator[pa.Table]":
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(_source(path)) as file:
        for batch in file.iter_batches():
            yield pa.Table.from_batches([batch])
        if not file.metadata.num_rows:
            yield file.schema_arrow.empty_table()


def _json_lines(path: Path) -> "Iterator[pa.Table]":
    from pyarrow import json

    yield json.read_json(_source(path), read_options=json.ReadOptions(block_size=_BLOCK))


_READERS: "dict[str, Callable[[Path], Iterator[pa.Table]]]" = {
    ".csv": _csv,
    ".tsv": _csv,
    ".txt": _csv,
    ".parquet": _parquet,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
}
