"""Seeded mutations of Arrow tables, NumPy arrays and files of weights."""

import io
import struct
from collections.abc import Callable, Iterable
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from harness.mutate import any_bytes

Change = Callable[[pa.Array, Random], pa.Array]


def _of(values: Iterable[Any], kind: pa.DataType | None = None) -> pa.Array:
    return pa.array(list(values), kind)


def _texts(column: pa.Array) -> list[str]:
    return [str(one) for one in column.to_pylist()]


def _drawn(column: pa.Array, rng: Random, *values: Any) -> pa.Array:
    return _of(rng.choice(values) for _ in range(len(column)))


def _some_null(column: pa.Array, rng: Random) -> pa.Array:
    return _of((None if rng.random() < 0.3 else one for one in column.to_pylist()), column.type)


# What a column becomes: another kind, other values, or another form of the same values.
COLUMNS: dict[str, Change] = {
    "null": lambda column, rng: pa.nulls(len(column)),
    "null of its kind": lambda column, rng: pa.nulls(len(column), column.type),
    "some null": _some_null,
    "text": lambda column, rng: _of(_texts(column)),
    "large text": lambda column, rng: _of(_texts(column), pa.large_string()),
    "bytes": lambda column, rng: _of(one.encode() for one in _texts(column)),
    "codes": lambda column, rng: _of(_texts(column)).dictionary_encode(),
    "one code": lambda column, rng: _of(["a"] * len(column)).dictionary_encode(),
    "whole numbers": lambda column, rng: _of(range(len(column))),
    "small numbers": lambda column, rng: _of(
        (i % 256 - 128 for i in range(len(column))), pa.int8()
    ),
    "huge numbers": lambda column, rng: _of(
        (2**64 - 1 - i for i in range(len(column))), pa.uint64()
    ),
    "not numbers": lambda column, rng: _drawn(column, rng, float("nan"), float("inf"), 1e300),
    "truth": lambda column, rng: _drawn(column, rng, True, False),
    "dates": lambda column, rng: _of(range(len(column)), pa.timestamp("us")),
    "lists": lambda column, rng: _of([one] for one in column.to_pylist()),
    "ragged lists": lambda column, rng: _of([1.0] * (i % 3) for i in range(len(column))),
    "records": lambda column, rng: _of({"a": one} for one in _texts(column)),
    "paths out": lambda column, rng: _drawn(
        column, rng, "../../../canary/secret.txt", "/etc/passwd", ".."
    ),
    "escapes": lambda column, rng: _drawn(column, rng, "\x1b[31mred"),
    "one value": lambda column, rng: _of(column.to_pylist()[:1] * len(column), column.type),
    "shuffled": lambda column, rng: _of(rng.sample(column.to_pylist(), len(column)), column.type),
}


def any_table(data: bytes, rng: Random) -> bytes:
    """A Parquet file with one thing changed."""
    if rng.random() < 0.15:
        return any_bytes(data, rng)
    table = pq.read_table(io.BytesIO(data))
    name = rng.choice(table.column_names)
    at = table.column_names.index(name)
    action = rng.choice(
        ["column"] * 5 + ["drop", "rename", "twice", "fewer", "none", "more", "order", "metadata"]
    )
    if action == "column":
        column = table.column(name).combine_chunks()
        table = table.set_column(at, name, rng.choice(list(COLUMNS.values()))(column, rng))
    elif action == "drop":
        table = table.drop_columns([name])
    elif action == "rename":
        table = table.rename_columns(
            [
                rng.choice(["uid", "path", "x", ""]) if i == at else one
                for i, one in enumerate(table.column_names)
            ]
        )
    elif action == "twice":
        table = table.append_column(name, table.column(name))
    elif action == "metadata":
        table = table.replace_schema_metadata({b"pandas": b"{", b"ARROW:schema": rng.randbytes(30)})
    else:
        table = table.take(pa.array(_rows(len(table), action, rng), pa.int64()))
    out = io.BytesIO()
    pq.write_table(table, out)
    return out.getvalue()


def _rows(count: int, action: str, rng: Random) -> list[int]:
    order = list(range(count))
    if action == "order":
        rng.shuffle(order)
    return {"fewer": order[: rng.randrange(count or 1)], "none": [], "more": order + order[:3]}.get(
        action, order
    )


DTYPES = ("f2", "f8", "i1", "u1", "i8", "c8", "?", "S8", "U8", ">f4", "M8[s]", "m8[s]")


def any_array(matrix: np.ndarray, rng: Random) -> bytes:
    """A `.npy` file of another kind or shape, or with a header that lies."""
    some = np.random.default_rng(rng.randrange(99)).random(matrix.shape) < 0.1
    kinds: list[Callable[[], np.ndarray]] = [
        lambda: matrix.astype(rng.choice(DTYPES)),
        lambda: matrix.reshape(-1),
        lambda: matrix[0, 0],
        lambda: matrix[:, :0],
        lambda: matrix[:0],
        lambda: matrix[:-1],
        lambda: matrix[None],
        lambda: matrix.T,
        lambda: np.where(some, rng.choice([np.nan, np.inf, 1e38, 0]), matrix),
        lambda: np.zeros_like(matrix),
        lambda: np.zeros(len(matrix), dtype=[("a", "f4"), ("b", "U3")]),
    ]
    if rng.random() < 0.4:
        return _lying(matrix, rng)
    out = io.BytesIO()
    np.save(out, rng.choice(kinds)())
    return any_bytes(out.getvalue(), rng) if rng.random() < 0.2 else out.getvalue()


SHAPES = (
    "(9999999999, 4)",
    "(16, 9999999999)",
    "(-1, 4)",
    "(16,)",
    "()",
    "(2**70, 1)",
    "None",
    "(16, 4.0)",
    "[16, 4]",
)
DESCRIPTIONS = (
    "'<f4'",
    "'<f4'",
    "'|O'",
    "'<f4000000'",
    "[('a', '<f4')]",
    "{}",
    "'" + "x" * 9999 + "'",
    "[" * 500,
)


def _lying(matrix: np.ndarray, rng: Random) -> bytes:
    """A header that promises what the file does not hold."""
    shape, description = rng.choice(SHAPES), rng.choice(DESCRIPTIONS)
    header = f"{{'descr': {description}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    return (
        b"\x93NUMPY\x01\x00"
        + struct.pack("<H", len(header) + 1)
        + header
        + b"\n"
        + matrix.tobytes()
    )


def any_weights(data: bytes, rng: Random, form: str) -> bytes:
    """Weights in a form ("safetensors" or "pth"), with tensors lost, renamed, of other kinds, or
    not finite.

    `data` is a safetensors file.
    """
    import torch
    from safetensors.torch import load, save

    state = load(data)
    name = rng.choice([name for name in sorted(state) if state[name].is_floating_point()])
    changes: list[Callable[[], Any]] = [
        lambda: state.pop(name),
        lambda: state.update({name: state[name].double()}),
        lambda: state.update({name: torch.full_like(state[name], float("nan"))}),
        lambda: state.update({name: state[name].reshape(-1)[:1].clone()}),
        lambda: state.update({f"other.{name}": state.pop(name)}),
        lambda: [state.pop(one) for one in sorted(state)[: len(state) // 2]],
        lambda: state.clear(),
        lambda: state.update({name: torch.zeros(3, dtype=torch.bool)}),
    ]
    rng.choice(changes)()
    if form == "safetensors":
        made = save(state)
    else:
        wrapped = [
            state,
            {"state_dict": state},
            {"model": state, "epoch": 3},
            [state],
            list(state),
            None,
            {1: state},
        ]
        out = io.BytesIO()
        torch.save(rng.choice(wrapped), out)
        made = out.getvalue()
    return any_bytes(made, rng) if rng.random() < 0.4 else made
