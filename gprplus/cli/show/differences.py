"""Output of differences between two things: a table that fits a terminal, or JSON."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gprplus.cli import console
from gprplus.cli.show.formatting import format_counts

if TYPE_CHECKING:
    from gprplus.ingest.inspection.compare_manifests import ManifestDifference


def print_differences(found: "Sequence[ManifestDifference]", first: str, second: str) -> None:
    """Print one line for each difference, under the names of the two things."""
    rows = [[one.what, format_cell(one.before), format_cell(one.after)] for one in found]
    console.print_table(["what differs", first, second], rows)


def as_data(found: "Sequence[ManifestDifference]") -> list[dict[str, Any]]:
    """Return the differences for JSON, without shortening."""
    return [{"what": one.what, "before": one.before, "after": one.after} for one in found]


def format_cell(value: Any) -> str:
    """A value in a cell: counts with commas, fingerprints shortened, nothing for what is not there.

    >>> format_cell(1200), format_cell(None), format_cell(["a", "b"]), format_cell("0f" * 32)
    ('1,200', '-', 'a, b', '0f0f0f0f0f0f...')
    >>> format_cell({"sunny": 96, "foggy": 96})
    'sunny, foggy (96 each)'
    """
    if value is None:
        return "-"
    if isinstance(value, dict):
        counts = all(isinstance(count, int) for count in value.values())
        return (
            format_counts(value)
            if counts
            else ", ".join(f"{key} {format_cell(one)}" for key, one in value.items())
        )
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "-"
    text = str(value)
    return f"{text[:12]}..." if re.fullmatch("[0-9a-f]{64}", text) else text
