"""Values of the attributes that a manifest declares itself, read from cells of tables."""

import math
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from gprplus.core.declarations import Attribute
from gprplus.core.errors import escape, first_few

if TYPE_CHECKING:
    import pyarrow as pa

LONGEST = 60  # characters of a level
_INT32 = 2**31
# Not 1 and 0: in the tables of Market-1501, 1 is no and 2 is yes.
_FLAGS = dict.fromkeys(("true", "t", "y"), "yes") | dict.fromkeys(("false", "f", "n"), "no")
Value = str | int | float
Reading = tuple[Value | None, str]  # a value, or None and why it is unknown ("" for an empty cell)


def read_value(attribute: Attribute, cell: object, *, words: bool = False) -> Reading:
    """Return the value of one cell, and why it is unknown.

    With `words`, any word is a level, but a bare number is none: it is a code of unknown meaning.

    >>> read_value(Attribute("image", "category"), "Half_Body "), read_value(Attribute("image", "integer"), "02")
    (('half-body', ''), (2, ''))
    >>> read_value(Attribute("image", "number"), "much")
    (None, "the impossible value 'much'")
    """
    text = _text(cell)
    if not text:
        return None, ""
    text = flag_level(attribute, text)
    value = _parsers[attribute.type](text)
    if words and attribute.type == "category" and text.isdigit():
        value = None
    if attribute.unit == "degree" and value is not None and abs(value) > 360:
        value = None
    foreign = bool(attribute.levels) and not words and value not in attribute.levels
    if value is None or foreign:
        shown = text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
        return None, f"the impossible value '{escape(shown)}'"
    return value, ""


def flag_level(attribute: Attribute, text: str) -> str:
    """Return yes or no for the other spellings of an attribute with these two levels; any other
    text is returned as it is.

    >>> hat = Attribute("identity", "category", levels=("no", "yes"))
    >>> flag_level(hat, "TRUE"), flag_level(hat, "n"), flag_level(hat, "helmet")
    ('yes', 'no', 'helmet')
    """
    return _FLAGS.get(text.lower(), text) if set(attribute.levels) == {"no", "yes"} else text


def _text(cell: object) -> str:
    if cell is None or cell != cell:  # a NaN differs from itself
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53:
        return str(int(cell))
    return str(cell).strip()


def _level(text: str) -> str | None:
    level = re.sub(r"[\s_]+", "-", text.lower())
    return level if level.isprintable() and len(level) <= LONGEST else None


def _integer(text: str) -> int | None:
    try:
        number = int(text)
    except ValueError:
        return None
    return number if -_INT32 <= number < _INT32 else None


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


_parsers: dict[str, Any] = {"category": _level, "integer": _integer, "number": _number}


def read_column(
    name: str, attribute: Attribute, column: "pa.ChunkedArray", *, words: bool = False
) -> "tuple[pa.Array, list[str]]":
    """Return a column of a table as values of an attribute, and sentences about its impossible
    values. Each distinct value is read once."""
    import numpy as np
    import pyarrow as pa

    from gprplus.core.arrow import combine_chunks, from_numpy, to_numpy
    from gprplus.core.sampling import is_valid

    coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    coded = combine_chunks(coded)
    readings = [read_value(attribute, cell, words=words) for cell in coded.dictionary.to_pylist()]
    codes = np.where(is_valid(coded), to_numpy(coded.indices), len(readings)).astype(np.int64)
    counts = np.bincount(codes, minlength=len(readings) + 1)
    doubts = Counter[str]()
    for (_, why), count in zip(readings, counts.tolist(), strict=False):
        if why and count:
            doubts[why] += count
    values = pa.array([value for value, _ in readings] + [None], arrow_type(attribute))
    return values.take(from_numpy(codes)), doubt_sentences(name, doubts, "row")


def arrow_type(attribute: Attribute) -> "pa.DataType":
    """Return the type of plain values of an attribute."""
    import pyarrow as pa

    return {"integer": pa.int32(), "number": pa.float64()}.get(attribute.type, pa.string())


def doubt_sentences(name: str, doubts: Counter[str], what: str) -> list[str]:
    """Return one sentence on the values of an attribute that stay unknown; empty without any."""
    if not doubts:
        return []
    shown = first_few([f"{why} ({count:,})" for why, count in doubts.most_common()], 4)
    total = doubts.total()
    rows = f"{total:,} {what}s of the table have" if total > 1 else f"1 {what} of the table has"
    return [f"{name}: {rows} {shown}: it stays unknown there."]
