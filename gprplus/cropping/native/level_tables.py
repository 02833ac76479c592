"""What the tokens of an engine mean as levels: manifests/forms/NAME.toml."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gprplus.core.declarations import declaration_names, load_declaration
from gprplus.core.errors import first_few
from gprplus.cropping.field_names import attribute_level

_RANGE = re.compile(r"(\d+)-(\d+)")


@dataclass
class LevelTables:
    """Tables of one form, attribute by attribute, and the tokens that they lack.

    A key is a token of the engine, in any case, or a range of whole numbers such as "5-7".
    Attributes without a table keep the value of the source.
    """

    tables: Mapping[str, Mapping[str, str]]
    unknown: Counter[tuple[str, str]] = field(default_factory=Counter)

    @classmethod
    def of(cls, form: str) -> "LevelTables":
        """Return the tables of a form; none if it declares none."""
        if form not in declaration_names("forms"):
            return cls({})
        data = load_declaration("forms", form).data
        return cls({name: _expanded(table) for name, table in data.items()})

    def translate(self, levels: Mapping[str, Any]) -> dict[str, Any]:
        """Return values of attributes as levels; unknown tokens are counted and left out."""
        found = {}
        for name, value in levels.items():
            if value is None:
                continue
            table = self.tables.get(name)
            if table is None:
                level = attribute_level(name, value) if isinstance(value, str) else value
            else:
                level = table.get(str(value).strip().casefold())
                if level is None:
                    self.unknown[name, str(value)] += 1
            if level is not None:
                found[name] = level
        return found


def unknown_sentences(form: str, unknown: Mapping[tuple[str, str], int]) -> list[str]:
    """Return a sentence for each attribute with tokens that the form's table lacks."""
    sentences = []
    for attribute in sorted({name for name, _ in unknown}):
        tokens = [
            f"'{token}' ({count:,})"
            for (name, token), count in sorted(unknown.items())
            if name == attribute
        ]
        sentences.append(
            f"{attribute} stays unknown where the source has {first_few(tokens)}, which"
            f" manifests/forms/{form}.toml does not list."
        )
    return sentences


def _expanded(table: Mapping[str, str]) -> dict[str, str]:
    """Return a table with each number of its ranges as a key."""
    found = {}
    for token, level in table.items():
        span = _RANGE.fullmatch(token)
        numbers = range(int(span[1]), int(span[2]) + 1) if span else ()
        found.update({str(number): level for number in numbers} or {token.casefold(): level})
    return found
