"""The click options of a command, made from its options dataclass."""

import types
from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING
from pathlib import Path
from typing import Any, Union, get_args, get_origin

import click

from gprplus.cli import options
from gprplus.cli.support import parsing
from gprplus.cli.topics import TopicOption
from gprplus.core.options import O, Option, Options, options_of

Callback = Callable[[click.Context, click.Parameter, Any], Any]
_METAVARS = {int: "N", float: "NUMBER", str: "TEXT", Path: "PATH"}


class ParsedType(click.ParamType):
    """A text that a class reads by its `parse`."""

    name = "text"

    def __init__(self, cls: Any) -> None:
        self._cls = cls

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return self._cls.parse(value) if isinstance(value, str) else value
        except ValueError as problem:
            self.fail(str(problem), param, ctx)


class CheckedType(click.ParamType):
    """The value of an option, checked as the dataclass checks it, so that a wrong one is an error
    of usage."""

    def __init__(self, one: Option, inner: click.ParamType) -> None:
        self.name = inner.name
        self._one, self._inner = one, inner

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        found = self._inner.convert(value, param, ctx)
        try:
            return self._one.checked(found)
        except ValueError as problem:
            self.fail(str(problem), param, ctx)


def click_options(
    cls: type[Options],
    *,
    leave: Collection[str] = (),
    only: Collection[str] = (),
    callbacks: Mapping[str, Callback] | None = None,
    check: bool = True,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator that gives a command one option for each field of `cls`; the command receives them
    by the names of the fields.

    Args:
        cls: the options dataclass.
        leave: fields without an option.
        only: the fields with an option; by default all.
        callbacks: click callbacks in the place of those that the types of fields give.
        check: check values here, as usage (exit code 2), or leave that to the dataclass (exit code
            1).
    """
    known = {
        name: one
        for name, one in options_of(cls).items()
        if name not in leave and (not only or name in only)
    }

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for one in reversed(known.values()):
            function = click.option(
                *_names(one), cls=TopicOption, **_facts(one, known, callbacks or {}, check)
            )(function)
        return function

    return decorate


def given_options(cls: type[O], values: Mapping[str, Any]) -> O:
    """The options that a command received; None means the default."""
    return cls(**{name: value for name, value in values.items() if value is not None})


def _names(one: Option) -> list[str]:
    """The declarations of an option: the field, its flag, and the flag of its earlier name."""
    flags = [one.flag, *_earlier(one)]
    if _plain(one.hint) is bool and one.default is not False:
        flags = [f"{flag}/--no-{flag.removeprefix('--')}" for flag in flags]
    return [one.name, *flags]


def _earlier(one: Option) -> list[str]:
    flag = f"--{one.old.replace('_', '-')}"
    return [flag] if one.old and flag != one.flag else []


def _facts(
    one: Option, known: Mapping[str, Option], callbacks: Mapping[str, Callback], check: bool
) -> dict[str, Any]:
    """The keyword arguments of `click.option`."""
    earlier = [
        f"{start}{flag.removeprefix('--')}" for flag in _earlier(one) for start in ("--", "--no-")
    ]
    facts: dict[str, Any] = {"group": one.group, "earlier": earlier, "help": _help(one, known)}
    hint = _plain(one.hint)
    if hint is bool:
        return {**facts, "default": one.default, "is_flag": True}
    facts |= {
        "metavar": one.metavar or None,
        "default": None if one.default in (MISSING, ()) else one.default,
    }
    if get_origin(hint) in (dict, Mapping):
        value = get_args(hint)[1]
        read = (
            options.parse_named_paths
            if value is Path
            else parsing.parse_pairs
            if value is str
            else parsing.parse_restrictions
        )
        return {
            **facts,
            "multiple": True,
            "default": None,
            "callback": callbacks.get(one.name, read),
        }
    if get_origin(hint) is tuple and not one.repeated:
        facts |= {"is_flag": False, "flag_value": one.alone} if one.alone else {}
        return {
            **facts,
            "callback": callbacks.get(one.name, options.parse_list),
            "default": ",".join(one.default or ()) or None,
        }
    inner = get_args(hint)[0] if get_origin(hint) is tuple else hint
    kinds: dict[Any, click.ParamType] = {
        int: click.INT,
        float: click.FLOAT,
        Path: options.StoredPath() if one.remote else options.LocalPath(),
    }
    kind = ParsedType(inner) if hasattr(inner, "parse") else kinds.get(inner, click.STRING)
    facts["metavar"] = one.metavar or _METAVARS.get(inner, "TEXT")
    return {
        **facts,
        "multiple": one.repeated,
        "type": CheckedType(one, kind) if check and not one.repeated else kind,
    }


def _plain(hint: Any) -> Any:
    """The type of a field that may also be None; `str` for a name or a path."""
    if get_origin(hint) not in (Union, types.UnionType):
        return hint
    kinds = [kind for kind in get_args(hint) if kind is not type(None)]
    return str if str in kinds else kinds[0]


def _help(one: Option, known: Mapping[str, Option]) -> str:
    """The help text with its choices and its default."""
    text = one.text(lambda name: known[name].flag)
    if one.repeated or get_origin(_plain(one.hint)) in (dict, Mapping):
        text += " Can be repeated."
    if one.alone:
        text += " Put it after the arguments."
    default = one.default_note or _default(one.default)
    if default:
        text += f"  [default: {default}]"
    choices = one.choices.items() if isinstance(one.choices, Mapping) else ()
    return "\n".join([text, *(f"- {choice}: {meaning}" for choice, meaning in choices)])


def _default(value: Any) -> str:
    """A default as text; "" where there is none to show."""
    if isinstance(value, bool):
        return "on" if value else ""
    if value in (None, MISSING, (), {}):
        return ""
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
