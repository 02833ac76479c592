"""Names that never change: canonical keys, priorities, fingerprints.

Sampling in gprplus has no generator with a state. Every image and every identity has a 64-bit key
made from what it is, and a priority made from (key, seed, stream name); to draw k of n is to take
the k smallest priorities. So a draw does not depend on row order, workers or machine; draws are
nested in k; and m newcomers change at most m members (bottom-k sampling).
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gprplus.core.arrow import combine_chunks, from_numpy, from_strings, join_strings, to_numpy
from gprplus.core.hashing import (
    SEPARATOR,
    VERSION,
    hash64,
    hash64_bytes,
    join_canonical,
    sha256_digest,
)

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "VERSION",
    "bottom_k",
    "hash64",
    "hash64_many",
    "is_valid",
    "join_canonical",
    "priorities",
    "sha256_digest",
    "splitmix64",
    "table_fingerprint",
    "text_blocks",
    "to_numpy",
    "to_unit_interval",
    "unit_of",
]
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_ALL_BITS = (1 << 64) - 1


def hash64_many(texts: Iterable[str]) -> np.ndarray:
    """`hash64` of many texts, as `(N,) uint64`. About one microsecond a text."""
    return np.frombuffer(hash64_bytes(texts), dtype=">u8").astype(np.uint64)


def splitmix64(values: np.ndarray) -> np.ndarray:
    """The finaliser of SplitMix64 on `(...,) uint64`: every input bit reaches every output bit.

    Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014; the
    constants are David Stafford's variant 13. Vectorised, no state.
    """
    z = np.asarray(values, dtype=np.uint64)
    z = (z ^ (z >> np.uint64(30))) * _MIX_1
    z = (z ^ (z >> np.uint64(27))) * _MIX_2
    return z ^ (z >> np.uint64(31))


def unit_of(value: int) -> float:
    """`to_unit_interval(splitmix64(value))` of one 64-bit integer, at a tenth of the cost.

    >>> bool(unit_of(7) == to_unit_interval(splitmix64(np.array([7], dtype=np.uint64)))[0])
    True
    """
    value = ((value ^ (value >> 30)) * int(_MIX_1)) & _ALL_BITS
    value = ((value ^ (value >> 27)) * int(_MIX_2)) & _ALL_BITS
    return ((value ^ (value >> 31)) >> 11) * 2.0**-53


def priorities(keys: np.ndarray, seed: int, stream: str) -> np.ndarray:
    """Uniform 64-bit priorities `(N,) uint64` of keys `(N,) uint64` under a seed and a named
    stream.

    Different streams are independent draws over the same things: "side", "identity", "image",
    "deal", "query".
    """
    salt = np.uint64(hash64(join_canonical(stream, str(int(seed)))))
    with np.errstate(over="ignore"):
        return splitmix64(splitmix64(np.asarray(keys, dtype=np.uint64) + _GOLDEN) ^ salt)


def to_unit_interval(values: np.ndarray) -> np.ndarray:
    """Priorities as `(N,) float64` in [0, 1): the upper 53 bits over 2^53."""
    return (np.asarray(values, dtype=np.uint64) >> np.uint64(11)) * 2.0**-53


def bottom_k(priority: np.ndarray, count: int, tie: np.ndarray | None = None) -> np.ndarray:
    """Return the positions of the `count` smallest priorities, smallest first; `tie` (such as the
    keys) breaks ties.

    >>> bottom_k(np.array([5, 1, 3], dtype=np.uint64), 2).tolist()
    [1, 2]
    """
    order = np.lexsort((tie, priority)) if tie is not None else np.argsort(priority, kind="stable")
    return order[:count]


def table_fingerprint(table: "pa.Table", columns: Sequence[str] | None = None) -> str:
    """Return the SHA-256 (hex) of the rows of a table in order, independent of their storage in
    Arrow.

    Chunking, dictionary order and string width do not matter; column names, values, nulls and row
    order do.
    """
    state = hashlib.sha256()
    for name in columns or table.column_names:
        column = combine_chunks(table.column(name))
        state.update(fingerprint_header(name, len(column)))
        for block in _blocks(column):
            state.update(block)
    return state.hexdigest()


def fingerprint_header(name: str, rows: int) -> bytes:
    """Return the header of the blocks of a column in a fingerprint."""
    return join_canonical(name, str(rows)).encode()


def fingerprint_codes(
    codes: np.ndarray, levels: Sequence[Any], rows: int = 1 << 17
) -> Iterable[bytes | np.ndarray]:
    """Return the bytes of a column of codes `(N,)` into distinct levels, -1 for null, in the
    fingerprint of a table.

    Integers are stored as int32; other levels as their position among the levels in use, sorted.
    `rows` codes are converted at a time, a multiple of 8.
    """
    used = np.bincount(codes + 1, minlength=len(levels) + 1)[1:] > 0
    ranks = np.zeros(len(levels) + 1, dtype="<i4")  # the last for null
    if levels and all(isinstance(level, int) for level in levels):
        ranks[:-1] = levels
    else:
        names = sorted(
            str(level) for level, there in zip(levels, used, strict=True) if there
        )  # by code point
        place = {name: code for code, name in enumerate(names)}
        ranks[:-1] = [place.get(str(level), 0) for level in levels]
        yield from text_blocks(names)
    for start in range(0, len(codes), rows):
        yield ranks[codes[start : start + rows]]
    for start in range(0, len(codes), rows):
        yield np.packbits(codes[start : start + rows] >= 0)


def is_valid(array: "pa.Array") -> np.ndarray:
    """`(N,) bool`: where an Arrow array has a value."""
    if array.null_count == 0 or array.buffers()[0] is None:
        return np.full(len(array), array.null_count == 0)
    bits = np.frombuffer(array.buffers()[0], dtype=np.uint8)
    return np.unpackbits(bits, count=array.offset + len(array), bitorder="little")[
        array.offset :
    ].astype(bool)


def _blocks(column: "pa.Array") -> Iterable[bytes | memoryview]:
    """Return the bytes of one Arrow array for a fingerprint: values with nulls zeroed, then the
    validity."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        if _ascending(
            column
        ):  # as paths are: a dictionary of two million of them costs half a gigabyte
            yield from text_blocks(column)
            yield np.arange(len(column), dtype="<i4").tobytes()
            yield np.packbits(np.ones(len(column), dtype=bool)).tobytes()
            return
        column = column.dictionary_encode()
    whole, valid = column.null_count == 0, is_valid(column)
    if pa.types.is_dictionary(column.type):
        vocabulary = column.dictionary
        if not pa.types.is_string(vocabulary.type):
            vocabulary = from_strings(
                [None if level is None else str(level) for level in vocabulary.to_pylist()]
            )
        codes = to_numpy(column.indices)
        codes = codes if whole else np.where(valid, codes, 0)
        used = np.zeros(len(vocabulary), dtype=bool)
        used[codes if whole else codes[valid]] = True
        order = to_numpy(
            pc.array_sort_indices(vocabulary)
        )  # by UTF-8 bytes, which is by code point
        kept = order[used[order]]
        place = np.zeros(max(len(vocabulary), 1), dtype="<i4")
        place[kept] = np.arange(len(kept))
        yield from text_blocks(vocabulary.take(from_numpy(kept)).to_pylist())
        yield place[codes] if whole else place[codes] * valid
    else:
        values = to_numpy(column)
        values = values if whole else np.where(valid, values, np.zeros((), values.dtype))
        yield np.ascontiguousarray(values.astype(values.dtype.newbyteorder("<"))).tobytes()
    yield np.packbits(valid).tobytes()


def _ascending(column: "pa.Array") -> bool:
    """Return True if each text is greater than the one before it, without nulls."""
    import pyarrow.compute as pc

    following = pc.less(column.slice(0, max(len(column) - 1, 0)), column.slice(1))
    return column.null_count == 0 and bool(pc.all(following, min_count=0).as_py())


def _joined(texts: "pa.Array | list[str]") -> bytes:
    """The bytes of `join_canonical(*texts)`; of an Arrow array of plain texts without a Python object
    for each."""
    if isinstance(texts, list):
        return join_canonical(*texts).encode()
    plain = join_strings(texts, SEPARATOR)
    if plain.isascii() and b"\\" not in plain and plain.count(SEPARATOR.encode()) < len(texts):
        return plain
    return join_canonical(*texts.to_pylist()).encode()


def text_blocks(column: "pa.Array | list[str]", block: int = 65_536) -> Iterable[bytes]:
    """The bytes of `join_canonical(*column)`, a block of texts at a time."""
    for start in range(0, len(column), block):
        between = SEPARATOR if start else ""
        yield between.encode() + _joined(column[start : start + block])
