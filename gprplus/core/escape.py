"""Text from files made safe for where it is shown: a Markdown page, a spreadsheet."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from gprplus.core.errors import escape

if TYPE_CHECKING:
    import pyarrow as pa

_FORMULA = ("=", "+", "-", "@")


def escape_markdown(text: str) -> str:
    r"""Text for a cell or a line of Markdown: no HTML, no column, no link; emphasis and code marks
    stay.

    >>> escape_markdown("<b>a|b</b>\n![x](http://y)")
    '&lt;b&gt;a\\|b&lt;/b&gt;\\\\n![x]\\(http://y)'
    """
    shown = escape(text).replace("\\", "\\\\").replace("|", "\\|").replace("](", "]\\(")
    return shown.replace("<", "&lt;").replace(">", "&gt;")


def escape_csv_cell(value: Any) -> Any:
    r"""Return a value for a spreadsheet cell: text that would be a formula gets an apostrophe in
    front.

    Tabs, line ends and other control characters are escaped, because they would start another cell.
    Numbers are kept, as values and as text; None is an empty field.

    >>> [escape_csv_cell(value) for value in ("=1+1", "-1", "-x", -1, None, "sunny", "@a", "a\r=1")]
    ["'=1+1", '-1', "'-x", -1, '', 'sunny', "'@a", 'a\\r=1']
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        return value
    shown = escape(value)
    return f"'{shown}" if shown.startswith(_FORMULA) and not _is_number(shown) else shown


def csv_text(rows: Iterable[Sequence[Any]]) -> str:
    """Write rows as CSV for spreadsheets (`escape_csv_cell`). Files that gprplus reads back are
    written without escaping.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for row in rows:
        writer.writerow([escape_csv_cell(value) for value in row])
    return text.getvalue()


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text == text.strip()


def csv_table(table: "pa.Table") -> "pa.Table":
    """Write an Arrow table as CSV for spreadsheets: levels as text, and every text through
    `escape_csv_cell`."""
    import pyarrow as pa

    columns = {name: _csv_column(table.column(name)) for name in table.column_names}
    return pa.table(columns)


def _csv_column(column: "pa.ChunkedArray") -> "pa.ChunkedArray":
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        column = column.cast(pa.string())
    if not pa.types.is_string(column.type):
        return column
    plain = pc.match_substring_regex(
        column, r"\A[^=+\-@[:cntrl:]][[:print:]]*\z"
    )  # ASCII, which most columns are
    if pc.all(plain, min_count=0).as_py():
        return column
    return pa.chunked_array(
        [[None if one is None else escape_csv_cell(one) for one in column.to_pylist()]], pa.string()
    )
