"""Rows of two tables that belong together, and their order."""

import pyarrow as pa
import pytest

from gprplus.ingest.dataset import sort_rows
from gprplus.ingest.tables.select import find_rows, lookup_rows


@pytest.mark.parametrize(
    ("wanted", "among", "rows"),
    [
        ("abc", "abc", [0, 1, 2]),
        ("abxcd", "abcd", [0, 1, -1, 2, 3]),  # one came
        ("abd", "abcd", [0, 1, 3]),  # one went
        ("abxd", "abcd", [0, 1, -1, 3]),  # one has another name
        ("xabcy", "abc", [-1, 0, 1, 2, -1]),
        ("badc", "abcd", [1, 0, 3, 2]),  # in another order
        ("ab", "", [-1, -1]),
        ("", "ab", []),
    ],
)
def test_paths_are_found_among_others(wanted: str, among: str, rows: list[int]) -> None:
    assert find_rows(pa.array([*wanted], "string"), pa.array([*among], "string")).tolist() == rows
    looked_up = lookup_rows(
        pa.chunked_array([[*wanted]], "string"), pa.chunked_array([[*among]], "string")
    )
    assert looked_up.to_pylist() == [None if row < 0 else row for row in rows]


@pytest.mark.parametrize(
    ("identities", "paths", "order"),
    [
        ("aab", "123", "123"),
        ("aabb", "2134", "1234"),  # two rows of one identity the wrong way round
        ("abab", "1234", "1324"),  # new rows after those of all identities
        ("bba?", "3214", "1234"),  # null comes last
        ("?aa", "132", "231"),
    ],
)
def test_rows_are_by_identity_and_path(identities: str, paths: str, order: str) -> None:
    levels = sorted({*identities} - {"?"})
    codes = pa.array([None if name == "?" else levels.index(name) for name in identities], "int32")
    table = pa.table({"identity": pa.DictionaryArray.from_arrays(codes, levels), "path": [*paths]})
    assert sort_rows(table)["path"].to_pylist() == [*order]
