"""Cells of a table as dictionaries of texts, each distinct cell read once."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa


def text_column(column: "pa.ChunkedArray") -> "pa.Array":
    """A column as a dictionary of stripped texts, null where empty; whole numbers without `.0`."""
    return mapped_column(column, cell_text)


def cell_text(cell: object) -> str | None:
    """Return a cell as stripped text; None for an empty one, no `.0` for a whole number."""
    if cell is None or cell != cell:
        return None
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return str(cell).strip() or None


def mapped_column(column: "pa.ChunkedArray", read: Callable[[object], str | None]) -> "pa.Array":
    """A column as a dictionary of sorted levels, each distinct cell read once."""
    import pyarrow as pa

    from gprplus.core.arrow import from_numpy, from_strings

    cells, codes = coded_cells(column)
    values = [read(cell) for cell in cells]
    levels = sorted({value for value in values if value is not None})
    place = {value: i for i, value in enumerate(levels)}
    known = np.array([-1 if value is None else place[value] for value in values] + [-1], np.int32)
    numbers = known[codes]
    return pa.DictionaryArray.from_arrays(
        from_numpy(numbers, unknown=numbers < 0), from_strings(levels)
    )


def coded_cells(column: "pa.ChunkedArray") -> tuple[list[object], np.ndarray]:
    """The distinct cells of a column, and `(N,) int64` codes into them; null is the last place."""
    import pyarrow as pa

    from gprplus.core.arrow import combine_chunks, to_numpy
    from gprplus.core.sampling import is_valid

    coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    array = combine_chunks(coded) if isinstance(coded, pa.ChunkedArray) else coded
    cells = array.dictionary.to_pylist()
    codes = np.where(is_valid(array), to_numpy(array.indices), len(cells)).astype(np.int64)
    return cells, codes
