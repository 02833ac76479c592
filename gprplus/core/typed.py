"""Read frozen dataclasses from JSON or TOML values, with one sentence for whatever does not fit,
and write them."""

import types
from collections.abc import Mapping
from dataclasses import MISSING, field, fields, is_dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from gprplus.core.errors import GprplusError, did_you_mean, escape

T = TypeVar("T")
_WORDS = {str: "text", int: "a whole number", bool: "true or false", float: "a number"}
_INT64 = 2**63


def optional() -> Any:
    """Declare a field that JSON leaves out where it is None."""
    return field(default=None, metadata={"omit": None})


def optional_table() -> Any:
    """Declare a mapping that JSON leaves out where it is empty."""
    return field(default_factory=dict, metadata={"omit": {}})


def optional_list() -> Any:
    """Declare a list that JSON leaves out where it is empty."""
    return field(default_factory=list, metadata={"omit": []})


class Absent(Enum):
    """The value of a key that JSON lacks, where null means something else."""

    ABSENT = "absent"


def absent() -> Any:
    """Declare a field that JSON leaves out where it is absent, and writes where it is null."""
    return field(default=Absent.ABSENT, metadata={"omit": Absent.ABSENT})


def derived(default: Any) -> Any:
    """Declare a field that is worked out when a record is read and is no key of its JSON."""
    return field(default=default, metadata={"derived": True}, compare=False)


def keyed(key: str) -> Any:
    """Declare a field whose JSON key is a word that Python reserves."""
    return field(metadata={"key": key})


def as_json(value: Any) -> Any:
    """Return a dataclass as the JSON value that `parse_typed` reads, its fields in order.

    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class End:
    ...     of: str = keyed("from")
    ...     share: float | None = optional()
    ...     counts: tuple[int, ...] = ()
    >>> as_json(End("sunny", counts=(1, 2)))
    {'from': 'sunny', 'counts': [1, 2]}
    """
    if is_dataclass(value) and not isinstance(value, type):
        found = {}
        for key, declared in _hints(type(value))[1].items():
            part = getattr(value, declared.name)
            if "omit" not in declared.metadata or part != declared.metadata["omit"]:
                found[key] = as_json(part)
        return found
    if isinstance(value, Mapping):
        return {key: as_json(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(part) for part in value]
    return value


def parse_typed(
    cls: type[T], data: Any, where: str, error: type[GprplusError], *, strict: bool = True
) -> T:
    """Return the dataclass `cls` filled from the mapping `data`.

    Nested dataclasses, `list[...]`, `tuple[..., ...]`, `dict[str, ...]`, `Literal` and unions are
    followed. Whole numbers must fit 64 bits and floats must be finite.

    Args:
        cls: a dataclass; fields without a default are required.
        data: what a JSON or TOML reader returned.
        where: begins each message, such as "layouts/engine.toml".
        error: class of the errors raised.
        strict: refuse unknown keys, else ignore them.

    Raises:
        error: names the file, the field, what was expected and what was found.
    """
    _expect(isinstance(data, Mapping), "a table", data, where, error)
    hints, known = _hints(cls)  # type: ignore[arg-type]
    if strict:
        for key in data:
            if key not in known:
                raise error(
                    f"{where}: unknown key '{escape(str(key))[:80]}'. {did_you_mean(key, known)}"
                )
    values = {}
    for key, declared in known.items():
        if key in data:
            hint = hints[declared.name]
            values[declared.name] = value_of(
                hint, data[key], f"{where}: {key}", error, strict=strict
            )
        elif declared.default is MISSING and declared.default_factory is MISSING:
            raise error(f"{where}: the key '{key}' is missing.")
    return cls(**values)


@cache
def _hints(cls: type) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the types of a dataclass by field name, and its fields by JSON key, without the
    derived ones."""
    assert is_dataclass(cls), f"{cls} is not a dataclass"
    stored = [one for one in fields(cls) if "derived" not in one.metadata]
    return get_type_hints(cls), {one.metadata.get("key", one.name): one for one in stored}


def value_of(
    hint: Any, value: Any, where: str, error: type[GprplusError], *, strict: bool = True
) -> Any:
    """Return `value` as the type `hint` describes; raise `error` where it does not fit."""
    if hint in _WORDS:  # most values: to take the hint of one apart costs more than to read it
        return _scalar(hint, value, where, error)
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return value
    if origin in (Union, types.UnionType):
        return _union(arguments, value, where, error, strict)
    if origin is Literal:
        _expect(value in arguments, " or ".join(map(repr, arguments)), value, where, error)
        return value
    if is_dataclass(hint):
        return parse_typed(hint, value, where, error, strict=strict)  # type: ignore[arg-type]
    if origin in (list, tuple):
        _expect(isinstance(value, list | tuple), "a list", value, where, error)
        items = (
            value_of(arguments[0], item, f"{where}[{i}]", error, strict=strict)
            for i, item in enumerate(value)
        )
        return origin(items)
    if origin in (dict, Mapping):
        _expect(isinstance(value, Mapping), "a table", value, where, error)
        inner = arguments[1]
        return {
            str(key): value_of(
                inner, item, f"{where}.{escape(str(key))[:80]}", error, strict=strict
            )
            for key, item in value.items()
        }
    return _scalar(hint, value, where, error)


def _union(
    options: tuple[Any, ...], value: Any, where: str, error: type[GprplusError], strict: bool
) -> Any:
    """The first option that fits; the error of the last where none does."""
    if value is None and type(None) in options:
        return None
    chosen = [option for option in options if option not in (type(None), Absent)]
    for option in chosen[:-1]:
        try:
            return value_of(option, value, where, error, strict=strict)
        except error:
            continue
    return value_of(chosen[-1], value, where, error, strict=strict)


def _scalar(hint: Any, value: Any, where: str, error: type[GprplusError]) -> Any:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if hint is Path:
        _expect(isinstance(value, str), "a path", value, where, error)
        return Path(value)
    if hint is float:
        _expect(number, _WORDS[float], value, where, error)
        _expect(abs(value) < 1e300, "a finite number", value, where, error)  # false for nan too
        return float(value)
    if hint is int:
        _expect(isinstance(value, int) and number, _WORDS[int], value, where, error)
        _expect(-_INT64 <= value < 2 * _INT64, "a whole number of 64 bits", value, where, error)
        return value
    _expect(isinstance(value, hint), _WORDS[hint], value, where, error)
    return value


def _expect(fits: bool, expected: str, found: Any, where: str, error: type[GprplusError]) -> None:
    if not fits:
        raise error(f"{where}: expected {expected}, found {_format_value(found)}.")


def _format_value(value: Any) -> str:
    if isinstance(value, Mapping):
        names = ", ".join(escape(str(key))[:40] for key in list(value)[:4])
        return f"a table of {names or 'nothing'}"
    if isinstance(value, list | tuple):
        return f"a list of {len(value):,}"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**40:
        return "a number of more than 40 digits"
    shown = escape(repr(value))
    return shown if len(shown) <= 80 else f"{shown[:77]}..."
