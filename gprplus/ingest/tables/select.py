"""Rows of one dataset, and of all others."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gprplus.core.arrow import from_numpy, from_strings


def filter_dataset(table: pa.Table, dataset: str) -> pa.Table:
    """The rows of one dataset."""
    return filter_mask(table, in_datasets(table, [dataset]))


def filter_mask(table: pa.Table, keep: pa.ChunkedArray) -> pa.Table:
    """The rows where `keep` is true; the table itself where that is all of them, for a filter
    copies what it keeps."""
    return (
        table if pc.all(keep, min_count=0).as_py() and not keep.null_count else table.filter(keep)
    )


def lookup_rows(wanted: pa.ChunkedArray, among: pa.ChunkedArray) -> pa.Array:
    """Return the position of each path among others, null if it is missing."""
    if wanted.equals(
        among
    ):  # as after every build that rejected nothing: no need for a table of all paths
        return from_numpy(np.arange(len(wanted)))
    return pc.index_in(wanted, among.combine_chunks())


def drop_dataset(table: pa.Table, datasets: Sequence[str]) -> pa.Table:
    """The rows of all other datasets."""
    return table.filter(pc.invert(in_datasets(table, datasets)))


def in_datasets(table: pa.Table, datasets: Sequence[str]) -> pa.ChunkedArray:
    """`(N,) bool`: the rows of some datasets."""
    return pc.is_in(table["dataset"].cast(pa.string()), from_strings(datasets))
