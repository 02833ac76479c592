"""Names that do not fit a layout, and how far they do."""

from os.path import splitext
from typing import TYPE_CHECKING

from gprplus.archives import UNPACK, is_packed
from gprplus.core.errors import LayoutError
from gprplus.core.imaging.image_headers import EXTENSIONS
from gprplus.ingest.layouts.patterns import literal_prefixes

if TYPE_CHECKING:
    from gprplus.ingest.layouts.layout import Layout

_LONG = 60
_EXAMPLES, _LONGEST = 20, 500  # limits for layouts and names of users


def explain_mismatch(layout: "Layout", path: str) -> str:
    """Explain in one sentence why a path does not match: the matching prefix and the rest.

    >>> from gprplus.ingest.layouts.load import load_layout
    >>> explain_mismatch(load_layout("gprplus"), "0001/0001_c13_w01_l01.jpg")
    "fits gprplus up to '0001/0001_c1', then '3_w01_l01.jpg' does not"
    """
    if is_packed(path):
        return f"is an archive of a kind that is not read in place. {UNPACK[:-1]}"
    ending = suffix_that_matches(layout, path)
    if ending:
        return (
            f"fits {layout.name} but for its ending {ending}: {' or '.join(layout.endings)} is"
            " expected"
        )
    if not layout.examples:
        return explain_by_pattern(layout, path)
    try:
        fitting = _fitting(layout, path)
    except (
        LayoutError
    ):  # names made of two may take a pattern for ever that reads real ones at once
        return f"does not fit the names of {layout.name}"
    if fitting == len(path):
        return f"is a beginning of a name of {layout.name}, but not a whole one"
    if not fitting:
        return f"does not even begin like a name of {layout.name}"
    return f"fits {layout.name} up to '{path[:fitting]}', then '{_short(path[fitting:])}' does not"


def suffix_that_matches(layout: "Layout", path: str) -> str:
    """The ending of a path that would match with one of the layout's extensions in its place; ""
    for any other path."""
    stem, ending = splitext(path)
    if ending.lower() not in EXTENSIONS:
        return ""
    try:
        return ending if layout.pattern.fullmatch(stem + layout.endings[0]) else ""
    except LayoutError:
        return ""


def explain_by_pattern(layout: "Layout", path: str) -> str:
    """Return the longest prefix of the layout's expression that the path matches, without using
    examples."""
    for end, pattern in literal_prefixes(layout.path, layout.name, layout.shipped):
        try:
            found = pattern.match(path)
        except LayoutError:
            break  # a beginning may take forever where the whole pattern does not
        if found and found.end():
            rest = (
                layout.path[end:]
                or f"an extension of {', '.join(layout.endings)} (extensions are not part of path)"
            )
            return f"fits {layout.name} up to '{found[0]}'; what must follow there is {rest}"
    return f"does not begin as the path of {layout.name} does, {layout.path}"


def _fitting(layout: "Layout", path: str) -> int:
    """Return the length of the prefix that an example of the layout matches if its digits are
    replaced freely."""
    longest = 0
    for example in layout.examples[:_EXAMPLES]:
        for ending in range(min(len(path), _LONGEST), longest, -1):
            candidate = path[:ending] + example[ending:]
            if layout.pattern.fullmatch(candidate):
                longest = ending
                break
    return longest


def _short(rest: str) -> str:
    """Shorten a name to its distinctive part."""
    return rest if len(rest) <= _LONG else rest[:_LONG] + "..."
