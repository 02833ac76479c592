"""Columns as codes into their levels, with the count of each level."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from gprplus.core.declarations import Attributes, sort_levels


def level_counts(
    column: pa.ChunkedArray, attribute: str, own: Attributes | None = None
) -> dict[Any, int]:
    """Count the rows of each level of an attribute, in declared order, without nulls."""
    counted = {
        row["values"]: row["counts"]
        for row in column.value_counts().to_pylist()
        if row["values"] is not None
    }
    return {level: counted[level] for level in sort_levels(attribute, list(counted), own)}


@dataclass(frozen=True)
class CodedColumn:
    """Return one attribute of some rows: its levels in declared order, and `(N,) int64` codes, -1
    for unknown."""

    levels: list[Any]
    codes: np.ndarray


def coded_column(rows: pa.Table, attribute: str, own: Attributes | None = None) -> CodedColumn:
    """An attribute of a table as codes in declared order of the levels."""
    column = rows[attribute].combine_chunks()
    if isinstance(column, pa.ChunkedArray):
        column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    found = column.dictionary.to_pylist()
    codes = np.asarray(column.indices.fill_null(-1)).astype(np.int64)
    present = {found[i] for i in np.unique(codes[codes >= 0])}
    levels = sort_levels(attribute, present, own)
    place = {level: i for i, level in enumerate(levels)}
    return CodedColumn(
        levels, np.array([*(place.get(level, -1) for level in found), -1], np.int64)[codes]
    )
