"""Small pieces of HTML that a notebook shows for an object: a table of facts, a table of rows, an
image."""

import html
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gprplus.core.errors import escape

if TYPE_CHECKING:
    import numpy as np


def html_text(value: Any) -> str:
    """Return a value as text of HTML: numbers with separators, nothing for None, names from files
    escaped.

    >>> html_text(12345), html_text(None), html_text("a<b"), html_text(0.1234567)
    ('12,345', '', 'a&lt;b', '0.1235')
    """
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return html.escape(escape(str(value)))
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def html_table(
    headers: Sequence[str],
    rows: Sequence[Sequence[Any]],
    caption: str = "",
    right: Sequence[int] = (),
) -> str:
    """Return rows as a table of HTML; numbers, and columns numbered in `right`, are set flush
    right.

    >>> html_table(["arm", "mAP"], [["mix", 0.5]])
    '<table><thead><tr><th>arm</th><th>mAP</th></tr></thead><tbody><tr><td>mix</td>\
<td style="text-align:right">0.5</td></tr></tbody></table>'
    """
    head = "".join(f"<th>{html_text(header)}</th>" for header in headers)
    body = "".join(f"<tr>{_cells(row, right)}</tr>" for row in rows)
    title = f"<caption>{html_text(caption)}</caption>" if caption else ""
    return f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def html_facts(title: str, facts: Mapping[str, Any]) -> str:
    """Return named facts as a table of HTML, a row each; empty ones are left out.

    >>> html_facts("mix", {"images": 8, "levels": ""})
    '<table><caption>mix</caption><tbody><tr><th style="text-align:left">images</th><td>8</td></tr></tbody></table>'
    """
    kept = {name: text for name, value in facts.items() if (text := html_text(value))}
    rows = "".join(
        f'<tr><th style="text-align:left">{html_text(name)}</th><td>{text}</td></tr>'
        for name, text in kept.items()
    )
    return f"<table><caption>{html_text(title)}</caption><tbody>{rows}</tbody></table>"


def html_image(pixels: "np.ndarray", title: str = "") -> str:
    """Return `(H, W, 3) uint8` RGB as an <img> that carries its own bytes (JPEG)."""
    import base64

    from gprplus.core.imaging.images import encode_jpeg

    data = base64.b64encode(encode_jpeg(pixels)).decode()
    return (
        f'<img src="data:image/jpeg;base64,{data}" title="{html_text(title)}" style="margin:2px">'
    )


def _cells(row: Sequence[Any], right: Sequence[int]) -> str:
    return "".join(_cell(value, i in right) for i, value in enumerate(row))


def _cell(value: Any, right: bool) -> str:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    style = ' style="text-align:right"' if number or right else ""
    return f"<td{style}>{html_text(value)}</td>"
