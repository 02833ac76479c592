"""Arrow columns as NumPy arrays and back: the same values as by pyarrow's own conversions."""

import numpy as np
import pyarrow as pa
import pytest

from gprplus.core.arrow import (
    combine_chunks,
    constant,
    from_joined,
    from_numpy,
    from_strings,
    text_scalar,
    to_numpy,
)


@pytest.mark.parametrize("kind", ["int32", "uint64", "float64", "bool"])
def test_numbers_go_to_arrow_and_back(kind: str) -> None:
    values = np.array([1, 0, 1, 1, 0, 0, 1, 0, 1]).astype(kind)
    array = from_numpy(values)
    assert array.equals(pa.array(values))
    assert to_numpy(array).tolist() == values.tolist()
    assert to_numpy(array.slice(3)).tolist() == values[3:].tolist()


def test_what_is_unknown_is_null() -> None:
    unknown = np.array([False, True, False])
    assert from_numpy(np.array([7, 8, 9]), pa.int32(), unknown).to_pylist() == [7, None, 9]
    assert from_numpy(~unknown, unknown=unknown).to_pylist() == [True, None, True]


def test_strings_may_be_null() -> None:
    assert from_strings(["a", None, "", "é"]).to_pylist() == ["a", None, "", "é"]
    assert from_strings([]).equals(pa.array([], pa.string()))
    assert constant("a", 2).to_pylist() == ["a", "a"]
    assert text_scalar("a") == pa.scalar("a")


@pytest.mark.parametrize("texts", [[], ["a"], ["a", "bcd", "é"], ["a", "", "b"]])
def test_strings_joined_by_nul_are_taken_apart(texts: list[str]) -> None:
    array = from_joined("\0".join(texts))
    array.validate(full=True)
    assert array.equals(pa.array(texts, pa.string()))


def test_chunks_become_one_array_with_one_dictionary() -> None:
    parts = [pa.array(part).dictionary_encode() for part in (["b", "a"], ["c", "b"])]
    whole = combine_chunks(pa.chunked_array(parts))
    assert whole.to_pylist() == ["b", "a", "c", "b"]
    assert whole.dictionary.to_pylist() == ["b", "a", "c"]
    assert len(combine_chunks(pa.chunked_array([], parts[0].type))) == 0
    assert to_numpy(pa.chunked_array([[1], [2, 3]])).tolist() == [1, 2, 3]
