"""JSON with NaN and infinities, read as null wherever blocks end."""

import io
import json
import math
from typing import Any

import ijson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gprplus.core.files.json_bytes import JsonBytes

TEXTS = st.sampled_from(["NaN", 'a "NaN, -Infinity" \\', "\\\\", "x,NaN,", "Infinity", 'é"\\"', ""])
VALUES = st.recursive(
    st.one_of(TEXTS, st.none(), st.integers(-9, 9), st.floats(allow_nan=True)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=20,
)


def without_unknown(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_unknown(one) for key, one in value.items()}
    if isinstance(value, list):
        return [without_unknown(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@given(st.lists(VALUES, max_size=5), st.sampled_from([1, 2, 3, 7, 16, 64, -1]), st.booleans())
def test_every_block_size_gives_what_python_reads_but_for_unknown_numbers(values, size, ascii_only):
    file = JsonBytes(io.BytesIO(json.dumps(values, ensure_ascii=ascii_only).encode()))
    read = b"".join(iter(lambda: file.read(size), b""))
    assert json.loads(read) == without_unknown(values)


@pytest.mark.parametrize("size", [1, 8, 65_536])
def test_a_streaming_parser_goes_on_behind_unknown_numbers(size):
    text = b'{"0": [0.5, NaN], "1": [-Infinity, "NaN"], "2": []}'
    found = ijson.kvitems(JsonBytes(io.BytesIO(text)), "", use_float=True, buf_size=size)
    assert dict(found) == {"0": [0.5, None], "1": [None, "NaN"], "2": []}


def test_a_cut_file_stays_cut():
    assert JsonBytes(io.BytesIO(b'{"a": [NaN, "b')).read() == b'{"a": [null, "b'
