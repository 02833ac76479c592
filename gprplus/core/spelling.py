"""Options as the words of a command line that gives them."""

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from gprplus.core.commands import Word
from gprplus.core.options import Option, Options, options_of

SEPARATORS = re.compile(r"[\s,]")  # between the items of a list on the command line


class CannotSpell(ValueError):
    """A value that no option of the command line can give."""


def spelled(
    options: Options, keep: Collection[str] = (), leave: Collection[str] = ()
) -> list[Word]:
    """The words that give every option which differs from its default.

    Raises CannotSpell where the command line has no words for a value.

    Args:
        keep: fields that are spelled even where they have their default.
        leave: fields that are left out.
    """
    words: list[Word] = []
    for name, one in options_of(type(options)).items():
        value = getattr(options, name)
        if name not in leave and value is not None and (name in keep or value != one.default):
            words += _words(one, value)
    return words


def _words(one: Option, value: Any) -> Iterator[Word]:
    if isinstance(value, bool):
        yield one.flag if value else one.flag.replace("--", "--no-", 1)
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from (
                one.flag,
                (name, item) if isinstance(item, Path) else f"{name}={_joined(item)}",
            )
    elif isinstance(value, tuple) and (
        one.repeated or any(hasattr(item, "spelled") for item in value)
    ):
        for item in value:
            yield from (one.flag, item.spelled() if hasattr(item, "spelled") else _word(item))
    elif isinstance(value, tuple):
        if any(SEPARATORS.search(str(item)) or not str(item) for item in value):
            raise CannotSpell(f"{one.flag}: {value}")
        if value:
            yield from (one.flag, ",".join(map(str, value)))
    else:
        yield from (one.flag, _word(value))


def _joined(levels: Any) -> str:
    """Levels of an attribute, joined by +; or the one value of a setting."""
    if isinstance(levels, str):
        return levels
    if not isinstance(levels, list | tuple):
        return str(_word(levels))
    if any("+" in str(level) for level in levels):
        raise CannotSpell(str(levels))
    return "+".join(map(str, levels))


def _word(value: Any) -> Word:
    """A value as one word; the path of a TOML file stays a path.

    >>> _word(0.25), _word(3.0), _word("fast"), _word("mine.toml")
    ('0.25', '3', 'fast', PosixPath('mine.toml'))
    """
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else str(value)
    text = str(value)
    return (
        Path(text)
        if isinstance(value, Path) or (isinstance(value, str) and text.endswith(".toml"))
        else text
    )
