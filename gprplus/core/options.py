"""One list of options for a Python function, its command and its TOML table: a frozen dataclass.

Each field is declared by `option`, which holds its help text, its topic and its range. From that
list come the keywords and the docstring of the function (`accepts`), the options of the command and
its help (`gprplus.cli.click_options`), the check of values, the JSON record, and the words of a
printed command (`gprplus.core.spelling`).
"""

import dataclasses
import inspect
import json
import operator
import os
import re
import textwrap
import types
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, TypeVar, Union, get_args, get_origin, get_type_hints

from gprplus.core.errors import GprplusError, did_you_mean, escape
from gprplus.core.storage.remote_path import as_path

F = TypeVar("F", bound=Callable[..., Any])
O = TypeVar("O", bound="Options")  # noqa: E741
_KEY = "option"  # of the metadata of a field
_INT64 = 2**63
_WORDS = {
    str: "text",
    int: "a whole number",
    bool: "True or False",
    float: "a number",
    Path: "a path",
}
_REFERENCE = re.compile(r"\{(\w+)\}")  # in a help text: another option
_SECTION = re.compile(r"\n\n(?=(?:Returns|Raises|Yields|Examples?):)")


@dataclass(frozen=True)
class Option:
    """An option.

    Args:
        help: its function; `{name}` refers to another option of the list.
        group: the topic under which `--help` lists it.
        flag: its name on the command line; "" means the field's name with hyphens.
        metavar: the placeholder of its value in `--help`; "" means that the type decides.
        choices: its possible values; a mapping explains each.
        at_least, at_most, above, below: the range of a number.
        default_note: the meaning of the default None, such as "the recipe's".
        old: an earlier name, kept as the key of records and accepted in TOML files and on the
            command line.
        recorded: whether it is part of the recorded request that decides whether two requests are
            equal.
        alone: the value of the option without a value on the command line; "" if it needs one.
        repeated: whether the command line takes each item of a list by a separate option instead of
            by commas.
        remote: whether a path may also be an address in object storage.
    """

    help: str
    group: str
    flag: str = ""
    metavar: str = ""
    choices: Collection[str] = ()
    at_least: float | None = None
    at_most: float | None = None
    above: float | None = None
    below: float | None = None
    default_note: str = ""
    old: str = ""
    recorded: bool = True
    alone: str = ""
    repeated: bool = False
    remote: bool = False
    name: str = ""
    hint: Any = None
    default: Any = None

    @property
    def key(self) -> str:
        """Return its name in JSON records."""
        return self.old or self.name

    def text(self, refer: Callable[[str], str]) -> str:
        """The help text, with references to other options replaced by `refer(name)`."""
        return _REFERENCE.sub(lambda found: refer(found[1]), self.help)

    def checked(self, value: Any) -> Any:
        """The value as the type of the field. Raises ValueError with the second half of a
        sentence."""
        value = fitted(self.hint, value)
        if value is None:
            return None
        if self.choices:
            for word in value if isinstance(value, tuple) else (value,):
                if word not in self.choices:
                    raise ValueError(
                        f"{escape(str(word))} is not known. {did_you_mean(str(word), self.choices)}"
                    )
        for limit, phrase, holds in (
            (self.at_least, "at least", operator.ge),
            (self.above, "more than", operator.gt),
            (self.at_most, "at most", operator.le),
            (self.below, "less than", operator.lt),
        ):
            if limit is not None and not holds(value, limit):
                raise ValueError(f"must be {phrase} {limit:,}; found {value:,}.")
        return value


_KNOWN: dict[type, dict[str, Option]] = {}


def option(default: Any = MISSING, *, help: str, group: str, **facts: Any) -> Any:
    """A field of an options dataclass; `facts` are the further fields of `Option`."""
    found = Option(help, group, **facts)
    if isinstance(default, dict):
        return dataclasses.field(
            default_factory=dict, compare=found.recorded, metadata={_KEY: found}
        )
    return dataclasses.field(default=default, compare=found.recorded, metadata={_KEY: found})


def same_option(cls: "type[Options]", name: str, default: Any = MISSING, **facts: Any) -> Any:
    """A field that repeats the option `name` of another list, with another default or other
    `facts`."""
    found = options_of(cls)[name]
    own = ("name", "hint", "default")  # of each field
    facts = {
        one.name: getattr(found, one.name) for one in fields(Option) if one.name not in own
    } | facts
    return option(found.default if default is MISSING else default, **facts)


class Options:
    """Base of the options dataclasses: values are converted to the fields' types and checked when
    one is made."""

    error: ClassVar[type[GprplusError]] = GprplusError

    def __post_init__(self) -> None:
        for name, one in options_of(type(self)).items():
            try:
                object.__setattr__(self, name, one.checked(getattr(self, name)))
            except ValueError as problem:
                raise self.error(f"{one.flag} {problem}") from None


def options_of(cls: type[Options]) -> dict[str, Option]:
    """The options of a dataclass by the name of the field, in declared order."""
    if cls not in _KNOWN:
        _KNOWN[cls] = _declared(cls)
    return _KNOWN[cls]


def _declared(cls: type[Options]) -> dict[str, Option]:
    hints, found = get_type_hints(cls), {}
    for one in fields(cls):  # type: ignore[arg-type]
        if _KEY in one.metadata:
            known: Option = one.metadata[_KEY]
            flag = known.flag or f"--{one.name.replace('_', '-')}"
            default = one.default if one.default_factory is MISSING else one.default_factory()
            facts = {"name": one.name, "hint": hints[one.name], "default": default, "flag": flag}
            found[one.name] = dataclasses.replace(known, **facts)
    return found


def combined(cls: type[O], options: O | None, changes: Mapping[str, Any], function: str) -> O:
    """The options of a call: `options`, or the defaults, with the fields in `changes` replaced.

    Raises TypeError for a keyword of `function` that is no field, naming the nearest.
    """
    if options is not None and not isinstance(options, cls):
        raise TypeError(
            f"{function}() takes {cls.__name__} as options; found {type(options).__name__}."
        )
    known = options_of(cls)
    for name in changes:
        if name not in known:
            now = [one.name for one in known.values() if one.old == name]
            hint = f"It is now called '{now[0]}'." if now else did_you_mean(name, known)
            raise TypeError(f"{function}() has no option '{name}'. {hint}")
    try:
        return cls(**changes) if options is None else dataclasses.replace(options, **changes)  # type: ignore[type-var]
    except cls.error as error:
        raise type(error)(_by_keyword(str(error), known)) from None


def _by_keyword(message: str, known: Mapping[str, Option]) -> str:
    """Return a message about an option with its keyword in Python instead of its flag."""
    for one in known.values():
        if message.startswith(f"{one.flag} "):
            return one.name + message.removeprefix(one.flag)
    return message


def accepts(cls: type[Options]) -> Callable[[F], F]:
    """Decorator of a function that ends in `**changes`: show the fields of `cls` in its signature
    and docstring."""

    def decorate(function: F) -> F:
        own = [
            one
            for one in inspect.signature(function).parameters.values()
            if one.kind is not one.VAR_KEYWORD
        ]
        named = {one.name for one in own}
        shown = [
            inspect.Parameter(one.name, inspect.Parameter.KEYWORD_ONLY, default=one.default)
            for one in options_of(cls).values()
            if one.name not in named
        ]
        returns = inspect.signature(function).return_annotation
        function.__signature__ = inspect.Signature([*own, *shown], return_annotation=returns)  # type: ignore[attr-defined]
        function.__doc__ = _with_arguments(inspect.getdoc(function) or "", _arguments(cls, named))
        return function

    return decorate


def _arguments(cls: type[Options], named: Collection[str]) -> str:
    """The lines of an `Args:` section for the options that the docstring does not name itself."""
    lines = []
    for name, one in options_of(cls).items():
        if name in named:
            continue
        text = one.text(lambda other: f"`{other}`")
        if isinstance(one.choices, Mapping):
            text += (
                " "
                + "; ".join(f"{choice}: {meaning}" for choice, meaning in one.choices.items())
                + "."
            )
        if one.default_note:
            text += f" Default: {one.default_note}."
        lines.append(
            textwrap.fill(
                f"{name} ({kind_of(one.hint)}): {text}",
                76,
                initial_indent="    ",
                subsequent_indent="        ",
            )
        )
    return "\n".join(lines)


def kind_of(hint: Any) -> str:
    """The type of a field in one word or a few.

    >>> kind_of(tuple[str, ...] | None), kind_of(Path), kind_of(str | Path)
    ('list of str', 'path', 'str or path')
    """
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return " or ".join(
            dict.fromkeys(kind_of(one) for one in arguments if one is not type(None))
        )
    if origin is tuple:
        return f"list of {kind_of(arguments[0])}"
    if origin in (dict, Mapping):
        return f"dict of {kind_of(arguments[1])}"
    return "path" if hint is Path else str(getattr(hint, "__name__", hint))


def _with_arguments(doc: str, lines: str) -> str:
    """The docstring with the lines at the end of its `Args:` section, which is added where there is
    none."""
    head, *rest = _SECTION.split(doc, maxsplit=1)
    separator = "\n" if "\nArgs:\n" in head else "\n\nArgs:\n"
    return "\n\n".join([f"{head}{separator}{lines}", *rest])


def renamed(cls: type[Options], table: Mapping[str, Any]) -> dict[str, Any]:
    """A TOML table or JSON record with earlier names of options replaced by the present ones."""
    now = {one.old: name for name, one in options_of(cls).items() if one.old and name not in table}
    return {now.get(key, key): value for key, value in table.items()}


def record_of(options: Options) -> dict[str, Any]:
    """The recorded fields as JSON, by their keys."""
    known = options_of(type(options))
    names = [one.name for one in fields(options)]  # type: ignore[arg-type]
    kept = [name for name in names if name not in known or known[name].recorded]
    data = json.loads(json.dumps(dataclasses.asdict(options), default=str))  # type: ignore[call-overload]
    return {known[name].key if name in known else name: data[name] for name in kept}


def fitted(hint: Any, value: Any) -> Any:
    """The value as the type `hint` describes: text becomes a path, a list a tuple, a NumPy scalar a
    Python number.

    Raises ValueError with the second half of a sentence.

    >>> fitted(tuple[str, ...], "sunny, foggy"), fitted(float, 2)
    (('sunny', 'foggy'), 2.0)
    """
    origin, arguments = get_origin(hint), get_args(hint)
    if getattr(value, "shape", None) == ():  # a NumPy scalar
        value = value.item()
    if hint is Any:
        return value
    if origin in (Union, types.UnionType):
        return _one_of(arguments, value)
    if origin is tuple:
        return tuple(fitted(arguments[0], item) for item in _items(arguments[0], value))
    if origin in (dict, Mapping):
        if not isinstance(value, Mapping):
            raise ValueError(f"must be a dictionary; found {_shown(value)}.")
        return {str(key): fitted(arguments[1], item) for key, item in value.items()}
    return _scalar(hint, value)


def _one_of(hints: tuple[Any, ...], value: Any) -> Any:
    if value is None and type(None) in hints:
        return None
    *others, last = (hint for hint in hints if hint is not type(None))
    for hint in others:
        try:
            return fitted(hint, value)
        except ValueError:
            continue
    return fitted(last, value)


def _items(hint: Any, value: Any) -> Iterable[Any]:
    """The items of a list, or of a text that separates them by commas."""
    if isinstance(value, str) and hint is not Path and not hasattr(hint, "parse"):
        value = [part.strip() for part in value.split(",") if part.strip()]
    if isinstance(value, str | os.PathLike | (hint if isinstance(hint, type) else str)):
        return [value]
    if isinstance(value, Mapping) or not isinstance(value, Iterable):
        raise ValueError(f"must be a list; found {_shown(value)}.")
    if hint is float:
        return [_number(item) if isinstance(item, str) else item for item in value]
    return [str(item) for item in value] if hint is str else value


def _number(text: str) -> float:
    """The number in one part of a list of numbers."""
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"must be numbers separated by commas; found {_shown(text)}.") from None


def _scalar(hint: Any, value: Any) -> Any:
    if isinstance(value, str) and hasattr(hint, "parse"):
        return hint.parse(value)
    if hint is Path and isinstance(value, str | os.PathLike):
        return as_path(value)
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        if not abs(value) < 1e300:  # also of nan
            raise ValueError(f"must be a finite number; found {value}.")
        return float(value)
    if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        raise ValueError(
            f"must be {_WORDS.get(hint, f'a {hint.__name__}')}; found {_shown(value)}."
        )
    if hint is int and not -_INT64 <= value < _INT64:
        raise ValueError(f"must be a whole number of 64 bits; found {value}.")
    return value


def _shown(value: Any) -> str:
    text = escape(repr(value))
    return text if len(text) <= 60 else f"{text[:57]}..."
