"""Arrow columns as NumPy arrays and back, without pyarrow's own conversion, which imports
pandas."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa


def combine_chunks(column: "pa.ChunkedArray") -> "pa.Array":
    """A column in one piece, with one dictionary."""
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.unify_dictionaries()
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.nulls(0, column.type)
    return array


def from_numpy(
    values: np.ndarray, target: "pa.DataType", unknown: np.ndarray | None = None
) -> "pa.Array":
    """Numbers as an Arrow array."""
    import pyarrow as pa

    data = np.ascontiguousarray(values, dtype=target.to_pandas_dtype())
    mask = None
    if unknown is not None and unknown.any():
        mask = pa.py_buffer(np.packbits(~unknown, bitorder="little"))
    return pa.Array.from_buffers(target, len(data), [mask, pa.py_buffer(data)])


def from_strings(items: Sequence[str]) -> "pa.Array":
    """Strings as an Arrow array."""
    import pyarrow as pa

    raw = [item.encode() for item in items]
    ends = np.cumsum([0, *map(len, raw)], dtype=np.int32)
    return pa.Array.from_buffers(
        pa.string(), len(raw), [None, pa.py_buffer(ends), pa.py_buffer(b"".join(raw))]
    )
