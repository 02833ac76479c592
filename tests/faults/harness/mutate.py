"""Seeded mutations of bytes, text, JSON, TOML and CSV: pure functions `(value, rng) -> value`."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

# ---- bytes


def flip(data: bytes, rng: Random) -> bytes:
    """Change up to eight bytes."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 8)):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def flip_head(data: bytes, rng: Random) -> bytes:
    """Change a byte of the first hundred, where headers are."""
    changed = bytearray(data)
    changed[rng.randrange(min(100, len(changed)))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def cut(data: bytes, rng: Random) -> bytes:
    """Keep the first part."""
    return data[: rng.randrange(len(data))]


def cut_tail(data: bytes, rng: Random) -> bytes:
    """Lose some of the last bytes."""
    return data[: -rng.randint(1, min(40, len(data)))]


def cut_inside(data: bytes, rng: Random) -> bytes:
    """Lose a part between the start and the end."""
    first, last = sorted(rng.randrange(len(data)) for _ in range(2))
    return data[:first] + data[last:]


def repeat(data: bytes, rng: Random) -> bytes:
    """Write a part twice."""
    first, last = sorted(rng.randrange(len(data)) for _ in range(2))
    return data[:last] + data[first:]


def zero(data: bytes, rng: Random) -> bytes:
    """Zero a part, as a disk that lost a block does."""
    first, last = sorted(rng.randrange(len(data)) for _ in range(2))
    return data[:first] + bytes(last - first) + data[last:]


def fill(data: bytes, rng: Random) -> bytes:
    """Set four bytes that may be a length to all ones."""
    start = rng.randrange(max(len(data) - 4, 1))
    return data[:start] + b"\xff" * 4 + data[start + 4 :]


def replace(data: bytes, rng: Random) -> bytes:
    """Something else altogether: nothing, noise, a web page, PostScript, a pickle."""
    others = [
        b"",
        b"\x00",
        rng.randbytes(300),
        b"<!DOCTYPE html><html>" * 30,
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9",
    ]
    return rng.choice(
        [
            *others,
            b"\x80\x04cos\nsystem\n(S'touch escaped'\ntR.",
            b"\xef\xbb\xbf" + data,
            data + data,
        ]
    )


BYTES = (flip, flip_head, cut, cut_tail, cut_inside, repeat, zero, fill, replace)


def any_bytes(data: bytes, rng: Random) -> bytes:
    """One of the mutations of bytes."""
    return rng.choice(BYTES)(data or b"\n", rng)


# ---- JSON

# Text that stands where a value stood: kinds, sizes and names that no writer of this project makes.
VALUES = (
    *(
        "null",
        "true",
        "false",
        "0",
        "-1",
        "1.5",
        "1180591620717411303424",
        "1e400",
        "NaN",
        "-Infinity",
        "9" * 5000,
    ),
    *(
        '""',
        '"a"',
        '"../../../canary"',
        '"CANARY"',
        '"/etc/passwd"',
        '"/etc"',
        '".."',
        '"."',
        '"\\u001b[31mred"',
    ),
    *(
        '"a/b"',
        '"\\u0000"',
        '"\\ud800"',
        '"1"',
        '"nan"',
        '"=1+1"',
        '"{0.__class__}"',
        '"' + "x" * 5000 + '"',
    ),
    *(
        "[]",
        "{}",
        "[[]]",
        '[""]',
        "[null]",
        "[1, 2]",
        '{"a": 1}',
        '[{"a": null}]',
        "[" * 20_000 + "]" * 20_000,
    ),
)
_MARK = "@mutated@"
Container = dict[str, Any] | list[Any]


def any_json(text: str, rng: Random, canary: Path, *, top: str = "") -> str:
    """Replace a value, or delete, add, rename, repeat a key; `top` names the part whose inside is
    changed."""
    value = json.loads(text)
    if rng.random() < 0.1:
        return any_bytes(text.encode(), rng).decode("utf-8", "surrogateescape")
    inside = value[top] if top and isinstance(value.get(top), dict | list) else value
    place, key = rng.choice(list(_places(inside)))
    raw = rng.choice(VALUES).replace("CANARY", str(canary))
    action = rng.choice(
        ("replace", "replace", "replace", "delete", "wrap", "add", "rename", "number")
    )
    _change(place, key, action, rng)
    return json.dumps(value, indent=2).replace(json.dumps(_MARK), raw)


def _places(value: Any) -> Iterator[tuple[Container, Any]]:
    """Every container with each of its keys."""
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _places(value[key])


def _change(place: Any, key: Any, action: str, rng: Random) -> None:
    old = place[key]
    if action == "delete":
        del place[key]
    elif action == "wrap":
        place[key] = rng.choice([[old], {"value": old}, str(old), [old, old]])
    elif action == "number" and isinstance(old, int | float):
        place[key] = rng.choice([-old, old + 1, old * 10**9, float(old), str(old), old * 1e-9])
    elif action in ("add", "rename") and isinstance(place, dict):
        name = rng.choice(
            ["../../../canary", "", "a", "\x1b[31m", "x" * 3000, "__class__", "a b", "../x"]
        )
        place[name] = place.pop(key) if action == "rename" else _MARK
    else:
        place[key] = _MARK


# ---- text in lines: TOML and CSV

TOML_VALUES = (
    *(
        "true",
        "0",
        "-1",
        "1.5",
        "nan",
        "inf",
        "1e300",
        "9223372036854775807",
        "9" * 5000,
        "2020-01-01",
        "12:00:00",
    ),
    *(
        '""',
        '"a"',
        '"../../../canary"',
        '"CANARY"',
        '"/etc/passwd"',
        '".."',
        '"\\u001b[31mred"',
        '"{0.__class__}"',
    ),
    *(
        '"' + "x" * 5000 + '"',
        "[]",
        "{}",
        '[""]',
        "[1, 2]",
        "[[1]]",
        "{ a = 1 }",
        "[" * 2000 + "]" * 2000,
    ),
)


def any_toml(text: str, rng: Random, canary: Path, special: tuple[str, ...] = ()) -> str:
    """Replace a value or a line; `special` are further lines that may stand where another of the
    same key stood."""
    if rng.random() < 0.1:
        return any_bytes(text.encode(), rng).decode("utf-8", "surrogateescape")
    lines = text.splitlines()
    assigned = [i for i, line in enumerate(lines) if "=" in line and not line.startswith("#")]
    at = rng.choice(assigned)
    key = lines[at].partition("=")[0].strip()
    action = rng.choice(
        ("value", "value", "value", "delete", "repeat", "rename", "special", "special")
    )
    if action == "special" and special:
        return with_line(lines, rng.choice(special))
    if action == "delete":
        del lines[at]
    elif action == "repeat":
        lines.insert(at, lines[at])
    elif action == "rename":
        lines[at] = lines[at].replace(
            key, rng.choice(["other", '""', '"../x"', '"a b"', "path", "name"]), 1
        )
    else:
        lines[at] = f"{key} = {rng.choice(TOML_VALUES)}".replace("CANARY", str(canary))
    return "\n".join(lines) + "\n"


def with_line(lines: list[str], line: str) -> str:
    """The lines with `key = value` in the place of the line of that key, else before the first
    table."""
    key = line.partition("=")[0].strip()
    kept = [one for one in lines if one.partition("=")[0].strip() != key]
    return "\n".join([line, *kept]) + "\n"


CELLS = (
    "",
    " ",
    "\x00",
    "NaN",
    "-1",
    "1e400",
    "9" * 5000,
    "../../../canary",
    "\x1b[31mred",
    '"',
    '"a',
    "=1+1",
    "ü" * 300,
)


def any_csv(text: str, rng: Random, canary: Path) -> str:
    """Change a cell, or lose, repeat, shuffle lines or columns; or damage the bytes."""
    if rng.random() < 0.2:
        return any_bytes(text.encode(), rng).decode("utf-8", "surrogateescape")
    rows = [line.split(",") for line in text.splitlines()]
    row = rng.choice(rows)
    change: Callable[[], object] = rng.choice(
        [
            lambda: row.__setitem__(rng.randrange(len(row)), rng.choice(CELLS)),
            lambda: rows[0].__setitem__(rng.randrange(len(row)), rng.choice([*CELLS, *rows[0]])),
            lambda: row.append("more"),
            lambda: row.pop(),
            lambda: rows.append(list(row)),
            lambda: rows.remove(row),
            lambda: rows.pop(0),
            lambda: rows.clear(),
            lambda: rng.shuffle(rows),
            lambda: [rng.shuffle(one) for one in rows],
        ]
    )
    change()
    return (
        rng.choice(["\n", "\n", "\r\n", "\r"]).join(
            rng.choice([",", ",", ",", ";"]).join(one) for one in rows
        )
        + "\n"
    )
