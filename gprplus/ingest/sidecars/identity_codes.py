"""Code tables of identity attributes, such as 01 or 2, declared in manifests/codes.

Datasets use different codes: 01 is yes in FineGPR, 2 is yes in the Market and Duke files. A
code table gives the columns and the codes of each attribute. Columns are found by name,
never by position.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from gprplus.core.declarations import (
    Attribute,
    Attributes,
    attributes,
    from_mapping,
    identity_attributes,
    load_declaration,
)
from gprplus.core.errors import DeclarationError, did_you_mean, escape
from gprplus.ingest.layouts.attribute_values import flag_level, read_value

LONGEST = 60  # characters of a level
_DIGITS = 4000  # that int() takes
Row = Mapping[str, object]
Reading = tuple[
    str | None, str
]  # a level, or None and the reason why it is unknown ("" for an empty cell)


@dataclass(frozen=True)
class CodeEntry:
    """Columns and codes of one attribute.

    `columns` are names of its column (the name of the attribute always is one); `any_of` are
    columns of which one "yes" is enough; `flags` maps columns to levels, of which exactly one is
    "yes". `levels` maps codes to levels; a cell can also contain a level as a word.
    """

    columns: tuple[str, ...] = ()
    any_of: tuple[str, ...] = ()
    flags: dict[str, str] = field(default_factory=dict)
    levels: dict[str, str] = field(default_factory=dict)

    @property
    def sources(self) -> tuple[str, ...]:
        """Return all columns of the attribute."""
        return (*self.columns, *self.any_of, *self.flags)

    def read(self, row: Row) -> Reading:
        """Return the level of a row of a table."""
        if any(column in row for column in self.flags):
            return self._flagged(
                {column: self._level(row[column]) for column in self.flags if column in row}
            )
        if any(column in row for column in self.any_of):
            return self._any([self._level(row[column]) for column in self.any_of if column in row])
        return next(
            (self._level(row[column]) for column in self.columns if column in row), (None, "")
        )

    def _level(self, value: object) -> Reading:
        text = slug(value)
        if text in self.levels:
            return self.levels[text], ""
        if text in self.levels.values() or text in self.flags.values():
            return text, ""
        return None, _impossible(text) if text else ""

    def _any(self, readings: list[Reading]) -> Reading:
        if ("yes", "") in readings:
            return "yes", ""
        return next((reading for reading in readings if reading[0] is None), readings[0])

    def _flagged(self, readings: Mapping[str, Reading]) -> Reading:
        doubt = next((why for level, why in readings.values() if why), "")
        set_ = [self.flags[column] for column, (level, _) in readings.items() if level == "yes"]
        if doubt or len(set_) == 1:
            return (None, doubt) if doubt else (set_[0], "")
        if not any(level for level, _ in readings.values()):
            return None, ""
        return (
            None,
            f"{'more than one' if set_ else 'none'} of the levels {', '.join(self.flags.values())}",
        )


@dataclass(frozen=True)
class CodeTable:
    """A code table; the fields are the keys of its TOML file, except for `digest`.

    `identity` are names of the column with the identity; `unused` are columns without an attribute.
    """

    title: str
    attributes: dict[str, CodeEntry]
    source: str = ""
    identity: tuple[str, ...] = ("identity",)
    unused: tuple[str, ...] = ()
    digest: str = ""

    @property
    def columns(self) -> list[str]:
        """Return all columns of the table."""
        return [
            *self.identity,
            *self.unused,
            *(name for code in self.attributes.values() for name in code.sources),
        ]


def slug(value: object) -> str:
    """A cell as text: a number without leading zeros or a fraction of nought, words as a slug, ''
    for an empty cell.

    >>> slug("01"), slug(2.0), slug("Dark Blue "), slug(True), slug(None), slug(float("nan"))
    ('1', '2', 'dark-blue', 'yes', '', '')
    """
    if value is None or value != value:  # a NaN differs from itself
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = re.sub(r"[\s_]+", "-", str(value).strip().lower())
    digits = re.fullmatch(r"(\d+)(?:\.0+)?", text)
    if digits is None:
        return text
    return str(int(digits[1])) if len(digits[1]) <= _DIGITS else digits[1].lstrip("0")


def _impossible(text: str) -> str:
    return (
        f"the impossible value '{escape(text if len(text) <= LONGEST else f'{text[:LONGEST]}...')}'"
    )


def column_name(name: str) -> str:
    """A column's name as it is compared: lower case, words joined by underscores.

    >>> column_name(" Upper colour"), column_name("short-sleeve")
    ('upper_colour', 'short_sleeve')
    """
    return re.sub(r"[\s\-_]+", "_", name.strip().lower())


def load_code_table(name: str | Path) -> CodeTable:
    """A shipped code table by name, or a user's own by the path of its `.toml` file. Raises
    DeclarationError."""
    declaration = load_declaration("codes", name)
    where = f"codes/{declaration.path.name}"
    table = replace(from_mapping(CodeTable, declaration.data, where), digest=declaration.digest)
    for attribute, code in table.attributes.items():
        if attribute not in identity_attributes():
            raise DeclarationError(
                f"{where}: unknown attribute '{attribute}'."
                f" {did_you_mean(attribute, identity_attributes())}"
            )
        if not code.levels:
            raise DeclarationError(f"{where}: attributes.{attribute} has no levels.")
        if (code.any_of or code.flags) and not {"yes", "no"} >= set(code.levels.values()):
            raise DeclarationError(
                f"{where}: attributes.{attribute}: with any_of or flags, levels are yes and no."
            )
    return replace(
        table, attributes={name: _named(name, code) for name, code in table.attributes.items()}
    )


def _named(attribute: str, code: CodeEntry) -> CodeEntry:
    """The code with its columns as names are compared, and the attribute's own name among them."""
    columns = dict.fromkeys(column_name(name) for name in (attribute, *code.columns))
    flags = {column_name(name): level for name, level in code.flags.items()}
    return replace(
        code, columns=tuple(columns), any_of=tuple(map(column_name, code.any_of)), flags=flags
    )


def code_words() -> CodeTable:
    """The table of those who write levels as words: any word is a level, a bare number is none."""
    names, known = identity_attributes(), attributes()
    return CodeTable(
        "levels as words", {name: _Words((name,), declared=known[name]) for name in names}
    )


def with_own_attributes(table: CodeTable, own: Attributes) -> CodeTable:
    """The table with a column for each of the identity attributes that a manifest declares
    itself."""
    columns = {name: _Own((name,), declared=one) for name, one in own.items()}
    return replace(table, attributes={**table.attributes, **columns})


@dataclass(frozen=True)
class _Own(CodeEntry):
    declared: Attribute | None = None

    def _level(self, value: object) -> Reading:
        assert self.declared is not None
        found, why = read_value(self.declared, value)
        return (None if found is None else str(found)), why


@dataclass(frozen=True)
class _Words(CodeEntry):
    declared: Attribute | None = None

    def _level(self, value: object) -> Reading:
        assert self.declared is not None
        text = flag_level(self.declared, slug(value))
        if text.isdigit() or not text.isprintable() or len(text) > LONGEST:
            return None, _impossible(text)
        return text or None, ""
