"""Rows of one dataset, and of all others."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gprplus.core.arrow import combine_chunks, from_numpy, from_strings, to_numpy
from gprplus.core.sampling import is_valid


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
    place = find_rows(combine_chunks(wanted), combine_chunks(among))
    return from_numpy(place, unknown=place < 0)


def find_rows(wanted: pa.Array, among: pa.Array) -> np.ndarray:
    """`(N,) int64`: the position of each path among others, -1 if it is missing. No path is twice in
    either.

    Lists that differ in one place, as those before and after a folder was added, are compared row
    by row up to it and back to it: a table of all paths would take fifty times as long.
    """
    most = min(len(wanted), len(among))
    head = _alike(to_numpy(pc.equal(wanted[:most], among[:most])))
    most -= head
    equal = pc.equal(wanted[len(wanted) - most :], among[len(among) - most :])
    tail = _alike(to_numpy(equal)[::-1])
    place = np.full(len(wanted), -1)
    place[:head] = np.arange(head)
    place[len(wanted) - tail :] = np.arange(len(among) - tail, len(among))
    between, others = wanted[head : len(wanted) - tail], among[head : len(among) - tail]
    if len(between) and len(others):
        found = pc.index_in(between, others)
        place[head : len(wanted) - tail] = np.where(is_valid(found), to_numpy(found) + head, -1)
    return place


def _alike(equal: np.ndarray) -> int:
    """Return the number of true values before the first false one."""
    return len(equal) if equal.all() else int(equal.argmin())


def drop_dataset(table: pa.Table, datasets: Sequence[str]) -> pa.Table:
    """The rows of all other datasets."""
    return table.filter(pc.invert(in_datasets(table, datasets)))


def in_datasets(table: pa.Table, datasets: Sequence[str]) -> pa.ChunkedArray:
    """`(N,) bool`: the rows of some datasets."""
    column, wanted = combine_chunks(table["dataset"]), from_strings(datasets)
    if not pa.types.is_dictionary(column.type):
        return pa.chunked_array([pc.is_in(column, wanted)])
    return pa.chunked_array([pc.is_in(column.dictionary, wanted).take(column.indices)])
