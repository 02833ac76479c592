"""Attributes that a user declares, in addition to those of every manifest."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from gprplus.core.declarations import Attribute, Attributes, from_mapping, optional_attributes
from gprplus.core.errors import DeclarationError, GprplusError, escape
from gprplus.schema.check_columns import CHECKED
from gprplus.schema.manifest import IDENTITIES, IMAGES, REJECTED, SCAN
from gprplus.schema.split import EXCLUDED, MEMBERS, TESTS

_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
# Names that a column of a table, or a key of a layout or of a command, already has.
_TAKEN = {
    *(column.name for table in (IMAGES, IDENTITIES, REJECTED, SCAN) for column in table),
    *(column.name for table in (MEMBERS, EXCLUDED, TESTS) for column in table),
    *("fresh", "part", "key", "person", "factors", "true", "false", "and", "or", "not", "in"),
    *("is", "null", "none", "matched"),
    *(column.name for column in CHECKED),
}


def parse_attributes(data: Mapping[str, Any], where: str) -> dict[str, Attribute]:
    """Return the attributes of a TOML file or table, by name. Raises DeclarationError.

    A shipped optional attribute, such as look, may be given as an empty table.

    >>> parse_attributes({"pose": {"level": "image", "type": "category"}}, "mine.toml")["pose"].level
    'image'
    """
    shipped = optional_attributes()
    found = {}
    for name, table in data.items():
        if name in shipped:
            if table:
                raise DeclarationError(
                    f"{where}: {name} is an attribute that gprplus declares. Write [{name}] without"
                    " keys, or give yours another name."
                )
            found[name] = shipped[name]
            continue
        found[name] = from_mapping(Attribute, table, f"{where}: {escape(str(name))[:80]}")
    check_attributes(found, where, DeclarationError)
    return found


def check_attributes(found: Attributes, where: str, error: type[GprplusError]) -> None:
    """Raise `error` for a name that cannot be a column, and for levels that contradict the
    type."""
    for name, one in found.items():
        place = f"{where}: {escape(name)[:80]}"
        if not _NAME.fullmatch(name):
            raise error(
                f"{place}: the name of an attribute is a lower-case letter, followed by at most 59"
                " letters, digits and underscores."
            )
        if name in _TAKEN:
            raise error(f"{place}: the name is that of another column. Choose another one.")
        if one.levels and one.type != "category":
            raise error(f"{place}: levels are listed for a category; found type '{one.type}'.")
        if one.ordered and one.type == "category" and not one.levels:
            raise error(f"{place}: an ordered category lists its levels in order; found none.")
        twice = _repeated(one.levels)
        if twice:
            raise error(f"{place}: the level '{escape(twice)}' is listed twice.")
        for level in one.levels:
            written = "-".join(level.lower().split())
            if level != written or not level.isprintable() or not 0 < len(level) <= 60:
                raise error(
                    f"{place}: a level is 1 to 60 printable characters in lower case, with dashes"
                    f" for blanks: expected '{escape(written)[:60]}', found '{escape(level)[:80]}'."
                )


def _repeated(levels: Iterable[str]) -> str:
    seen: set[str] = set()
    for level in levels:
        if level in seen:
            return level
        seen.add(level)
    return ""


def merge_attributes(
    parts: Iterable[tuple[str, Attributes]], error: type[GprplusError]
) -> dict[str, Attribute]:
    """Return the attributes of several sources (what it is, its attributes) together. Raises
    `error` where two declare one name differently."""
    found: dict[str, Attribute] = {}
    first: dict[str, str] = {}
    for what, own in parts:
        for name, one in own.items():
            if found.setdefault(name, one) != one:
                raise error(
                    f"The attribute '{name}' of {what} is declared differently in {first[name]}:"
                    " use one declaration, or two names."
                )
            first.setdefault(name, what)
    return dict(sorted(found.items()))
