"""Tables read from disk, validated and converted to the columns and types of their schema."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from gprplus.core.errors import GprplusError
from gprplus.schema.column import Column, arrow_schema, conform, require
from gprplus.schema.distance import DISTANCES
from gprplus.schema.effects import CONTRASTS, LEVELS, SENSITIVITY
from gprplus.schema.run import RESULTS, SUMMARY

if TYPE_CHECKING:
    import pyarrow as pa

# Null in no table that has them; "of" and "identity" may be.
KEYS = ("uid", "dataset", "path", "target", "valid")
REQUIRED = {
    RESULTS: ("arm", "seed", "mAP"),
    SUMMARY: ("arm", "mAP"),
    DISTANCES: ("attribute", "value", "features", "measure", "distance", "images", "identities"),
    CONTRASTS: ("metric", "family", "contrast", "value"),
    LEVELS: ("metric", "arm", "level", "value"),
    SENSITIVITY: ("metric", "family", "variant", "arm", "reference", "base", "value"),
}


def read_table(
    path: Path, columns: Sequence[Column], error: type[GprplusError], advice: str
) -> "pa.Table":
    """A Parquet file as the table of `columns`, with exactly these. Raises `error` with one
    sentence and the advice."""
    import pyarrow.parquet as pq

    # pq.read_table would also load pyarrow.dataset and pandas.
    with reading_table(path, error, advice), pq.ParquetFile(path) as file:
        names = [column.name for column in columns]
        require(file.schema_arrow.names, names, str(path), error)
        table = file.read(names)
    return conform(check_stored(table, columns, path, error, advice), columns)


def native_file(path: Path) -> "pa.OSFile":
    """Open a file that Arrow's own threads read. Of a Python file they would release the bytes
    only with the interpreter's lock: a command that ends at that moment is aborted (exit code
    134)."""
    import pyarrow as pa

    return pa.OSFile(str(path))


@contextmanager
def reading_table(path: Path, error: type[GprplusError], advice: str) -> Iterator[None]:
    """Raise `error` with one sentence for whatever Arrow raises over a damaged file."""
    import pyarrow as pa

    try:
        yield
    except GprplusError:
        raise
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError, OverflowError) as problem:
        first = str(problem).strip().split("\n")[0].rstrip(".")
        raise error(
            f"{path} cannot be read as a Parquet table: {first or type(problem).__name__}. {advice}"
        ) from problem


def check_stored(
    table: "pa.Table", columns: Sequence[Column], path: Path, error: type[GprplusError], advice: str
) -> "pa.Table":
    """The table with the types of those `columns` that it has; other columns stay as they are.

    Raises `error` for a type that does not fit, for a null among KEYS or REQUIRED, and for bytes
    that are no text. About 10 ns a row and column.
    """
    with reading_table(path, error, advice):
        wanted = arrow_schema(columns)
        required = (*KEYS, *REQUIRED.get(tuple(columns), ()))
        for name in [name for name in table.column_names if name in wanted.names]:
            column, field = table.column(name), wanted.field(name)
            if column.type != field.type:
                if not _fits(column.type, field.type):
                    kind = next(one.type for one in columns if one.name == name)
                    raise error(
                        f"{path}: column {name} is {column.type}, expected {kind}. {advice}"
                    )
                table = table.set_column(
                    table.column_names.index(name), field, column.cast(field.type)
                )
            if name in required and column.null_count:
                raise error(f"{path}: {column.null_count:,} rows have no {name}. {advice}")
        table.validate(full=True)
        return table


def _fits(found: "pa.DataType", wanted: "pa.DataType") -> bool:
    """Return True if a column of one type can be converted to another, value by value."""
    import pyarrow.types as kinds

    if kinds.is_null(found):
        return True
    if kinds.is_dictionary(wanted) or kinds.is_string(wanted):
        return _is_text(found.value_type if kinds.is_dictionary(found) else found)
    if kinds.is_integer(wanted):
        return bool(kinds.is_integer(found))
    if kinds.is_floating(wanted):
        return bool(kinds.is_floating(found) or kinds.is_integer(found))
    return bool(found == wanted)


def _is_text(kind: "pa.DataType") -> bool:
    import pyarrow.types as kinds

    return bool(kinds.is_string(kind) or kinds.is_large_string(kind) or kinds.is_string_view(kind))
