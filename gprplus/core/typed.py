"""Fill frozen dataclasses from JSON or TOML values, with one sentence for whatever does not fit."""

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from gprplus.core.errors import GprplusError, did_you_mean, escape

T = TypeVar("T")
_WORDS = {str: "text", int: "a whole number", bool: "true or false", float: "a number"}
_INT64 = 2**63


def parse_typed(cls: type[T], data: Any, where: str, error: type[GprplusError], *, strict: bool = True) -> T:
    """Return the dataclass `cls` filled from the mapping `data`.

    Nested dataclasses, `list[...]`, `tuple[..., ...]`, `dict[str, ...]`, `Literal` and unions are followed. Whole
    numbers must fit 64 bits and floats must be finite.

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
                raise error(f"{where}: unknown key '{escape(str(key))[:80]}'. {did_you_mean(key, known)}")
    values = {}
    for name, field in known.items():
        if name in data:
            values[name] = value_of(hints[name], data[name], f"{where}: {name}", error, strict=strict)
        elif field.default is MISSING and field.default_factory is MISSING:
            raise error(f"{where}: the key '{name}' is missing.")
    return cls(**values)


@cache
def _hints(cls: type) -> tuple[dict[str, Any], dict[str, Any]]:
    assert is_dataclass(cls), f"{cls} is not a dataclass"
    return get_type_hints(cls), {field.name: field for field in fields(cls)}


def value_of(hint: Any, value: Any, where: str, error: type[GprplusError], *, strict: bool = True) -> Any:
    """Return `value` as the type `hint` describes; raise `error` where it does not fit."""
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
        items = (value_of(arguments[0], item, f"{where}[{i}]", error, strict=strict) for i, item in enumerate(value))
        return origin(items)
    if origin in (dict, Mapping):
        _expect(isinstance(value, Mapping), "a table", value, where, error)
        inner = arguments[1]
        return {
            str(key): value_of(inner, item, f"{where}.{escape(str(key))[:80]}", error, strict=strict)
            for key, item in value.items()
        }
    return _scalar(hint, value, where, error)


def _union(options: tuple[Any, ...], value: Any, where: str, error: type[GprplusError], strict: bool) -> Any:
    """The first option that fits; the error of the last where none does."""
    if value is None and type(None) in options:
        return None
    chosen = [option for option in options if option is not type(None)]
    for option in chosen[:-1]:
        try:
            return value_of(option, value, where, error, strict=strict)
        except error:
            continue
    return value_of(chosen[-1], value, where, error, strict=strict)


def _scalar(hint: Any, value: Any, where: str, error: type[GprplusError]) -> Any:
    number = isinstance(value, int | float) and not isinstance(value, bool)
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
        raise error(f"{where}: expected {expected}, found {_shown(found)}.")


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        names = ", ".join(escape(str(key))[:40] for key in list(value)[:4])
        return f"a table of {names or 'nothing'}"
    if isinstance(value, list | tuple):
        return f"a list of {len(value):,}"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**40:
        return "a number of more than 40 digits"
    shown = escape(repr(value))
    return shown if len(shown) <= 80 else f"{shown[:77]}..."
