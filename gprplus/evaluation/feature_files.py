"""Files of features as arrays: what is in them is checked before it is used, and no pickle is ever
loaded."""

import re
import tokenize
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gprplus.core.errors import ScoreError, first_few

if TYPE_CHECKING:
    import pyarrow as pa

FEATURE = "feature"
_KEYS = ("uid", "path")
_MAGIC = b"\x93NUMPY"
_NUMBERED = re.compile(r"(.*?)(\d+)", re.ASCII | re.DOTALL)
# The header of an array is Python source: what a damaged one raises depends on where it breaks.
DAMAGED = (
    ValueError,
    OSError,
    TypeError,
    OverflowError,
    MemoryError,
    SyntaxError,
    RecursionError,
    EOFError,
)


@dataclass(frozen=True)
class FeatureNames:
    """The name of each row of a file, as text, and where they were read: for messages, such as "uid
    (int64)"."""

    texts: list[str]
    where: str


def read_npy_features(path: Path) -> np.ndarray:
    """The array `(rows, D)` of a `.npy` file, mapped from the disk where its type allows. Raises
    ScoreError."""
    with path.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise ScoreError(
                f"{path} cannot be read as an array: it does not start as a .npy file does."
            )
    try:
        matrix = np.load(path, mmap_mode="r", allow_pickle=False)
    except (*DAMAGED, tokenize.TokenError) as error:
        raise ScoreError(
            f"{path} cannot be read as an array of numbers: {first_line_of(error)}."
        ) from error
    if matrix.ndim != 2 or not matrix.shape[1]:
        raise ScoreError(
            f"{path} must be an array of (rows, dimensions), found the shape {matrix.shape}."
        )
    return as_float_array(matrix, f"{path} is an array of {matrix.dtype}")


def names_of_lines(path: Path) -> FeatureNames:
    """The names in a text file, one a line. Raises ScoreError."""
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ScoreError(f"{path} cannot be read as a list of uids or paths: {error}.") from error
    stripped = [line.strip() for line in lines]
    return FeatureNames([line for line in stripped if line], path.name)


def read_parquet_features(path: Path) -> tuple[FeatureNames, np.ndarray]:
    """The names of the rows of a Parquet file, and their features `(rows, D)`. Raises
    ScoreError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(path)
        key, dimensions = _key(schema, path), _dimensions(schema, path)
        with pq.ParquetFile(path) as file:
            table = file.read([key, *dimensions])
    except ScoreError:
        raise
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise ScoreError(
            f"{path} cannot be read as a Parquet table: {first_line_of(error)}."
        ) from error
    return _columns(table, key, dimensions, path)


def read_csv_features(path: Path) -> tuple[FeatureNames, np.ndarray]:
    """The names of the rows of a CSV file, and their features `(rows, D)`: the columns of
    `read_parquet_features`, without lists. Raises ScoreError."""
    import pyarrow as pa
    from pyarrow.csv import ConvertOptions, read_csv

    # As numbers, keys beyond 2^63 would become float64.
    texts = ConvertOptions(column_types={name: pa.string() for name in _KEYS})
    try:
        table = read_csv(path, convert_options=texts)
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise ScoreError(
            f"{path} cannot be read as a CSV table: {first_line_of(error)}."
        ) from error
    return table_features(table, str(path))


def table_features(table: "pa.Table", what: str) -> tuple[FeatureNames, np.ndarray]:
    """Return the names of a table's rows and their features `(rows, D)`; `what` names it in a
    ScoreError."""
    key, dimensions = _key(table.schema, what), _dimensions(table.schema, what)
    return _columns(table, key, dimensions, what)


def _columns(
    table: "pa.Table", key: str, dimensions: list[str], path: Path | str
) -> tuple[FeatureNames, np.ndarray]:
    names = _names(table.column(key), key, path)
    if dimensions == [FEATURE]:
        return names, _from_lists(table.column(FEATURE), path)
    columns = [_numbers(table.column(name)) for name in dimensions]
    return names, np.stack(columns, axis=1)


def _key(schema: "pa.Schema", path: Path | str) -> str:
    twice = sorted({name for name in schema.names if schema.names.count(name) > 1})
    if twice:
        raise ScoreError(f"{path} has several columns of one name: {first_few(twice)}.")
    key = next((name for name in _KEYS if name in schema.names), None)
    if key is None:
        raise ScoreError(f"{path} has no column uid or path that names the image of each row.")
    return key


def _dimensions(schema: "pa.Schema", path: Path | str) -> list[str]:
    """The columns that hold the features: the list column `feature`, or one numbered family of
    number columns.

    A further column of floating-point numbers could be a dimension or not, so that it is refused by
    name.
    """
    import pyarrow.types as kinds

    if FEATURE in schema.names:
        return [FEATURE]
    floats = [
        field.name for field in schema if kinds.is_floating(field.type) and field.name not in _KEYS
    ]
    if not floats:
        raise ScoreError(
            f"{path} has neither a list column '{FEATURE}' nor columns of floating-point numbers."
        )
    sizes = Counter(_family(name) for name in floats if _family(name) is not None)
    largest = sizes.most_common(1)[0][0] if sizes else None
    strange = [name for name in floats if largest is None or _family(name) != largest]
    if strange:
        read = (
            f"{largest}0, {largest}1 and so on"
            if largest is not None
            else "numbered columns, such as f0 and f1"
        )
        raise ScoreError(
            f"{path}: the dimensions of a feature are {read}, and {first_few(strange)} would be"
            f" further ones. Leave out what is no dimension, or write a list column '{FEATURE}'."
        )
    members = [field for field in schema if _family(field.name) == largest]
    odd = [f"{field.name} ({field.type})" for field in members if not _is_number(field.type)]
    if odd:
        raise ScoreError(f"{path}: dimensions must be columns of numbers, found {first_few(odd)}.")
    return [field.name for field in members]


def _family(name: str) -> str | None:
    """Return the prefix of a numbered name: "f" of "f15", "" of "15"; None if it does not end in a
    number."""
    found = _NUMBERED.fullmatch(name)
    return found.group(1) if found else None


def _is_number(kind: "pa.DataType") -> bool:
    import pyarrow.types as kinds

    return bool(kinds.is_floating(kind) or kinds.is_integer(kind))


def _names(column: "pa.ChunkedArray", key: str, path: Path | str) -> FeatureNames:
    import pyarrow.types as kinds

    kind = column.type.value_type if kinds.is_dictionary(column.type) else column.type
    where = f"column {key}, {kind}"
    if column.null_count:
        raise ScoreError(f"{path}: {column.null_count:,} rows have no {key}.")
    if kinds.is_string(kind) or kinds.is_large_string(kind) or kinds.is_string_view(kind):
        return FeatureNames(column.to_pylist(), where)
    if key == "uid" and kinds.is_integer(kind):
        # NumPy and torch write keys beyond 2^63 as negative int64: the same 64 bits.
        return FeatureNames([str(value % 2**64) for value in column.to_pylist()], where)
    if key == "uid" and kinds.is_floating(kind):
        raise ScoreError(
            f"{path}: uid is {kind}, which holds no key of 64 bits exactly. Write it as uint64 or"
            " as text, or name the rows by path."
        )
    expected = "uint64 or text" if key == "uid" else "text"
    raise ScoreError(f"{path}: {key} is a column of {kind}, expected {expected}.")


def _from_lists(column: "pa.ChunkedArray", path: Path | str) -> np.ndarray:
    """A column of lists as an array `(rows, D)`; lists of other lengths are named wherever they
    are."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as kinds

    chunks = [
        chunk.storage if isinstance(chunk, pa.ExtensionArray) else chunk for chunk in column.chunks
    ]
    kind = chunks[0].type if chunks else column.type
    listed = kinds.is_list(kind) or kinds.is_large_list(kind) or kinds.is_fixed_size_list(kind)
    if not listed or not _is_number(kind.value_type):
        raise ScoreError(f"{path}: {FEATURE} is a column of {kind}, expected lists of numbers.")
    if not len(column):
        raise ScoreError(f"{path} has no rows.")
    if column.null_count:
        raise ScoreError(f"{path}: {column.null_count:,} rows have no {FEATURE}.")
    lengths = np.concatenate([np.asarray(pc.list_value_length(chunk)) for chunk in chunks])
    ragged = np.flatnonzero(lengths != lengths[0])
    if len(ragged):
        raise ScoreError(
            f"{path}: the lists in '{FEATURE}' must all have one length; row {ragged[0]:,} has"
            f" {lengths[ragged[0]]:,} numbers, the first {lengths[0]:,}."
        )
    if not lengths[0]:
        raise ScoreError(f"{path}: the lists in '{FEATURE}' are empty.")
    parts = [_numbers(chunk.flatten()).reshape(len(chunk), -1) for chunk in chunks]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _numbers(column: Any) -> np.ndarray:
    """A column of numbers as float32 or float64; null becomes NaN."""
    values = (
        column.to_numpy() if hasattr(column, "chunks") else column.to_numpy(zero_copy_only=False)
    )
    return as_float_array(values, "")


def as_float_array(values: np.ndarray, what: str) -> np.ndarray:
    """Return the numbers as float32 or float64 in native byte order, copied only if necessary."""
    if values.dtype.kind not in "fiu":
        raise ScoreError(f"{what}, expected floating-point numbers.")
    wide = np.result_type(values.dtype, np.float32).itemsize > 4
    return values.astype(np.float64 if wide else np.float32, copy=False)


def first_line_of(error: BaseException) -> str:
    """Return the first line of an error, of a SyntaxError without the source it quotes."""
    text = (
        str(error.args[0] if isinstance(error, SyntaxError) and error.args else error)
        or type(error).__name__
    )
    return text.strip().split("\n")[0].rstrip(".")
