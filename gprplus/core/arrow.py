"""Arrow columns as NumPy arrays and back, without pyarrow's own conversions (`pa.array`, `pa.scalar`,
`np.asarray` and a Python value as an argument of a compute function), which import pandas: 0.3 s."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa


def combine_chunks(column: "pa.ChunkedArray") -> "pa.Array":
    """A column in one piece, with one dictionary."""
    import pyarrow as pa

    if not column.num_chunks:
        return pa.nulls(0, column.type)
    if pa.types.is_dictionary(column.type):
        column = column.unify_dictionaries()
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)


def to_numpy(column: "pa.Array | pa.ChunkedArray") -> np.ndarray:
    """Return the values of a column of numbers or booleans as NumPy; values under a null are
    arbitrary."""
    import pyarrow as pa

    array = combine_chunks(column) if isinstance(column, pa.ChunkedArray) else column
    data, kind = array.buffers()[1], array.type
    if data is None:
        return np.zeros(len(array), dtype=kind.to_pandas_dtype())
    end = array.offset + len(array)
    if pa.types.is_boolean(kind):
        bits = np.frombuffer(data, dtype=np.uint8)
        return np.unpackbits(bits, count=end, bitorder="little")[array.offset :].astype(bool)
    return np.frombuffer(data, dtype=kind.to_pandas_dtype(), count=end)[array.offset :]


def from_numpy(
    values: np.ndarray, target: "pa.DataType | None" = None, unknown: np.ndarray | None = None
) -> "pa.Array":
    """Numbers or booleans `(N,)` as an Arrow array, of their own type or of `target`; null where
    `unknown (N,) bool`."""
    import pyarrow as pa

    target = target or pa.from_numpy_dtype(values.dtype)
    data = np.ascontiguousarray(values, dtype=target.to_pandas_dtype())
    mask = None
    if unknown is not None and unknown.any():
        mask = pa.py_buffer(np.packbits(~unknown, bitorder="little"))
    packed = np.packbits(data, bitorder="little") if pa.types.is_boolean(target) else data
    return pa.Array.from_buffers(target, len(data), [mask, pa.py_buffer(packed)])


def from_strings(items: Sequence[str | None]) -> "pa.Array":
    """Strings as an Arrow array, null where one is None."""
    import pyarrow as pa

    raw = [(item or "").encode() for item in items]
    ends = np.cumsum([0, *map(len, raw)], dtype=np.int32)
    mask = None
    if None in items:
        known = np.array([item is not None for item in items])
        mask = pa.py_buffer(np.packbits(known, bitorder="little"))
    return pa.Array.from_buffers(
        pa.string(), len(raw), [mask, pa.py_buffer(ends), pa.py_buffer(b"".join(raw))]
    )


def from_joined(joined: str) -> "pa.Array":
    """Strings that are joined by NUL as an Arrow array, without a Python object for each; none for
    an empty text.

    >>> from_joined("a.jpg\\0bc.jpg").to_pylist()
    ['a.jpg', 'bc.jpg']
    """
    import pyarrow.compute as pc

    return pc.split_pattern(from_strings([joined] if joined else []), "\0").flatten()


def join_strings(texts: "pa.Array", separator: str) -> bytes:
    """The bytes of strings with a separator between them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = pa.ListArray.from_arrays(from_numpy(np.array([0, len(texts)], np.int32)), texts)
    between = text_scalar(separator).cast(texts.type)
    joined: bytes = pc.binary_join(rows, between).cast(pa.large_binary())[0].as_py()
    return joined


def constant(text: str, rows: int) -> "pa.DictionaryArray":
    """A column with the same text in all rows."""
    import pyarrow as pa

    return pa.DictionaryArray.from_arrays(
        from_numpy(np.zeros(rows, np.int32)), from_strings([text])
    )


def text_scalar(text: str) -> "pa.Scalar":
    """A string as an argument of a compute function."""
    return from_strings([text])[0]
