"""Which images the page shows, and in which order: the part of its state that has an address."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gprplus.core.errors import BrowseError


@dataclass(frozen=True)
class ImageSelection:
    """Images by a filter, by levels of facets and by a named set of uids, grouped and sorted.

    `where` is text of --where; `picks` are (facet, levels), None for unknown; `group` are facets;
    `sort` is a column, with - in front for descending; `subset` names a set of uids that the server
    holds.
    """

    where: str = ""
    picks: tuple[tuple[str, tuple[str | None, ...]], ...] = ()
    group: tuple[str, ...] = ()
    sort: str = ""
    subset: str = ""

    @classmethod
    def parse(cls, given: Mapping[str, str]) -> "ImageSelection":
        """Read the parameters of an address. Raises BrowseError."""
        return cls(
            where=" ".join(given.get("where", "").split()),
            picks=_picks(given.get("pick", "")),
            group=tuple(name for name in given.get("group", "").split(",") if name),
            sort=given.get("sort", ""),
            subset=given.get("subset", ""),
        )


def _picks(text: str) -> tuple[tuple[str, tuple[str | None, ...]], ...]:
    if not text:
        return ()
    try:
        found: Any = json.loads(text)
        pairs = [(name, tuple(levels)) for name, levels in found.items()]
    except (ValueError, AttributeError, TypeError, RecursionError) as error:
        raise BrowseError('pick must be JSON such as {"weather": ["sunny", null]}.') from error
    if not all(one is None or isinstance(one, str) for _, levels in pairs for one in levels):
        raise BrowseError("pick must name levels as text, or null for unknown.")
    return tuple(pairs)
