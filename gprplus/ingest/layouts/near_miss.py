"""Names that do not fit a layout, and how far they do."""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gprplus.ingest.layouts.layout import Layout

_LONG = 60


def near_miss(layout: "Layout", path: str) -> str:
    """One sentence on why a path does not match: how far it fits, and where it stops.

    >>> from gprplus.ingest.layouts.declare import load
    >>> near_miss(load("gprplus"), "0001/0001_c13_w01_l01.jpg")
    "fits gprplus up to '0001/0001_c1', then '3_w01_l01.jpg' does not"
    """
    if not layout.examples:
        return by_pattern(layout, path)
    fitting = _fitting(layout, path)
    if fitting == len(path):
        return f"is a beginning of a name of {layout.name}, but not a whole one"
    if not fitting:
        return f"does not even begin like a name of {layout.name}"
    return f"fits {layout.name} up to '{path[:fitting]}', then '{_short(path[fitting:])}' does not"


def by_pattern(layout: "Layout", path: str) -> str:
    """The same without looking at examples: the longest beginning of its expression that the path begins with."""
    for end in range(len(layout.path), 0, -1):
        try:
            found = re.match(layout.path[:end], path, re.ASCII)
        except re.error:
            continue  # cut inside a group or an escape
        if found and found.end():
            rest = (
                layout.path[end:] or f"an ending of {', '.join(layout.extensions)} (extensions stand apart from path)"
            )
            return f"fits {layout.name} up to '{found[0]}'; what must follow there is {rest}"
    return f"does not begin as the path of {layout.name} does, {layout.path}"


def _fitting(layout: "Layout", path: str) -> int:
    """How many leading characters of the path begin some example of the layout with its digits changed freely."""
    longest = 0
    for example in layout.examples:
        for ending in range(len(path), longest, -1):
            candidate = path[:ending] + example[ending:]
            if layout.pattern.fullmatch(candidate):
                longest = ending
                break
    return longest


def _short(rest: str) -> str:
    """As much of a name as tells it."""
    return rest if len(rest) <= _LONG else rest[:_LONG] + "..."
