"""Templates of layouts: literal text, `{name}`, and `{name:0Nd}` for a number of N digits or more.

Python's format strings are not used: they reach attributes and items of what they are given, and a
width of 3,000,000,000 takes 3 GB.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from gprplus.core.errors import DeclarationError

LONGEST = 1000  # characters of a template
WIDEST = 20  # digits: those of the largest 64-bit integer
_FIELD = re.compile(r"\{(\w*)(?::(?:0(\d{1,9}))?(d))?\}", re.ASCII)


class TemplateField(NamedTuple):
    """A piece of a template: text, then the value called `name` (None at the end), in `digits`
    digits if a number."""

    text: str
    name: str | None
    digits: int | None


@cache
def template_fields(template: str) -> tuple[TemplateField, ...]:
    """The pieces of a template. Raises DeclarationError for any other format string.

    >>> template_fields("p{code:02d}")
    (TemplateField(text='p', name='code', digits=2), TemplateField(text='', name=None, digits=None))
    """
    found, at = [], 0
    for match in _FIELD.finditer(template):
        found.append(
            TemplateField(
                template[at : match.start()], match[1], int(match[2] or 0) if match[3] else None
            )
        )
        at = match.end()
    found.append(TemplateField(template[at:], None, None))
    odd = any("{" in one.text or "}" in one.text or (one.digits or 0) > WIDEST for one in found)
    if odd or len(template) > LONGEST:
        shown = template if len(template) <= 60 else f"{template[:60]}..."
        raise DeclarationError(
            f"expected text with {{name}} or {{name:0Nd}}, N at most {WIDEST}, and at most"
            f" {LONGEST:,} characters; found {shown!r}."
        )
    return tuple(found)


def fill_template(template: str, values: Mapping[str, object]) -> str:
    """A template with its values; KeyError for a name that has none.

    >>> fill_template("{identity}/c{camera}", {"identity": "0001", "camera": "2"}), fill_template("{:02d}_00", {"": 4})
    ('0001/c2', '04_00')
    """
    return "".join([one.text + _written(one, values) for one in template_fields(template)])


def _written(one: TemplateField, values: Mapping[str, object]) -> str:
    if one.name is None:
        return ""
    value = values[one.name]
    return str(value) if one.digits is None else str(int(str(value))).zfill(one.digits)
