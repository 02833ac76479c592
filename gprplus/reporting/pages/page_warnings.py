"""Warnings of a page, each with its beginning in view and its long lists folded."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from gprplus.reporting.formatting import join_names

LONGEST = 230  # characters of a warning that is shown whole
LISTS = re.compile(r" \([^()]{60,}\)")  # a long list in brackets


@dataclass(frozen=True)
class PageWarning:
    """A warning: the part that is always visible, and the whole text where that is only a part."""

    lead: str
    rest: str = ""


def page_warnings(sentences: Iterable[str]) -> list[PageWarning]:
    """Return the warnings of a page without repeats.

    >>> page_warnings(["Warning: few identities.", "Few identities."])
    [PageWarning(lead='Few identities.', rest='')]
    """
    texts = (sentence.removeprefix("Warning: ") for sentence in sentences)
    return [_page_warning(text) for text in dict.fromkeys(_upper(text) for text in texts if text)]


def group_warnings(found: Iterable[tuple[str, str]], before: str = "") -> list[str]:
    """Return the warnings of several places, each once with the names of its places.

    >>> group_warnings([("street", "Warning: few seeds."), ("mall", "few seeds.")], "On ")
    ['On street and mall: few seeds.']
    """
    places: dict[str, list[str]] = {}
    for name, text in found:
        names = places.setdefault(text.removeprefix("Warning: "), [])
        names += [name] if name not in names else []
    return [f"{before}{join_names(names)}: {text}" for text, names in places.items()]


def _page_warning(text: str) -> PageWarning:
    if len(text) <= LONGEST:
        return PageWarning(text)
    lead = LISTS.sub("", text)
    if len(lead) > LONGEST:
        lead = lead.split(". ")[0].rstrip(".") + "."
    if len(lead) > LONGEST:
        lead = lead[: lead.rindex(" ", 0, LONGEST)] + " …" if " " in lead[:LONGEST] else lead
    return PageWarning(lead, text if lead != text else "")


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
