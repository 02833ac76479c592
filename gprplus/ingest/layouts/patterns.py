"""Patterns of layouts that gprplus does not ship: compiled within limits of size, matched within a
limit of time.

Python's `re` cannot be interrupted, and one nested repeat makes it run for years. Patterns from a
user's file therefore run in the package `regex`, which has a timeout. Shipped patterns are tested
and stay with `re`: 0.5 us a name for FineGPR, against 2.2 us here.
"""

import re
import time
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any, Protocol

from gprplus.core.errors import DeclarationError, LayoutError, escape

LONGEST = 2000  # characters of a pattern; the longest shipped one has 260
LARGEST = 10_000  # maximum number of characters from repeats in a pattern: no path is half as long
SECONDS = 2.0
EACH = 1e-4  # seconds that every name adds to what is left: forty times what one takes


class PatternMatch(Protocol):
    """Common interface of matches of `re` and `regex`."""

    def groups(self) -> tuple[Any, ...]:
        """The tokens of all groups."""

    def groupdict(self) -> dict[str, Any]:
        """The tokens of all groups by name."""

    def end(self) -> int:
        """Return the end of the match."""

    def __getitem__(self, group: int | str, /) -> Any: ...


class Pattern(Protocol):
    """Common interface of patterns of `re` and `regex`."""

    @property
    def groupindex(self) -> Any:
        """Group names, in the order of the groups."""

    @property
    def groups(self) -> int:
        """The number of groups, those without a name included."""

    def fullmatch(self, text: str, /) -> PatternMatch | None:
        """The match of a whole text."""

    def match(self, text: str, /) -> PatternMatch | None:
        """The match of the beginning of a text."""


@dataclass
class MatchBudget:
    """The seconds that the patterns of one layout may still take."""

    seconds: float = field(default_factory=lambda: SECONDS)


@dataclass
class LimitedPattern:
    """A pattern that raises LayoutError once its names have taken `SECONDS` more than `EACH` a
    name."""

    pattern: Any
    layout: str
    budget: MatchBudget = field(default_factory=MatchBudget)

    @property
    def groupindex(self) -> Any:
        """Group names, in the order of the groups."""
        return self.pattern.groupindex

    @property
    def groups(self) -> int:
        """The number of groups, those without a name included."""
        return int(self.pattern.groups)

    def fullmatch(self, text: str) -> PatternMatch | None:
        """The match of a whole text. Raises LayoutError when the time is up."""
        return self._timed(self.pattern.fullmatch, text)

    def match(self, text: str) -> PatternMatch | None:
        """The match of the beginning of a text. Raises LayoutError when the time is up."""
        return self._timed(self.pattern.match, text)

    def _timed(self, match: Any, text: str) -> PatternMatch | None:
        started = time.perf_counter()
        try:
            found: PatternMatch | None = match(text, timeout=max(self.budget.seconds, EACH))
        except TimeoutError:
            self.budget.seconds = 0.0
            raise LayoutError(
                f"The path pattern of layout '{self.layout}' took more than {SECONDS:g} s on"
                f" '{escape(text[:60])}'. A repeat inside a repeat, such as (a+)*, can take"
                " forever: write it without."
            ) from None
        self.budget.seconds = min(
            SECONDS, self.budget.seconds + EACH - (time.perf_counter() - started)
        )
        return found


def compile_pattern(
    text: str, layout: str, *, trusted: bool, purse: MatchBudget | None = None
) -> Pattern:
    """A layout's pattern, ready to match: by `re` for a trusted one, else under limits.

    Raises re.error for what is no pattern, DeclarationError for one beyond the limits.
    """
    found = re.compile(text, re.ASCII)
    if trusted:
        return found
    import regex

    if len(text) > LONGEST or _least_width(text) > LARGEST:
        raise DeclarationError(
            f"the pattern has {len(text):,} characters and requires names of at least"
            f" {_least_width(text):,}; the limits are {LONGEST:,} and {LARGEST:,}."
        )
    try:
        return LimitedPattern(
            regex.compile(text, regex.ASCII | regex.VERSION0), layout, purse or MatchBudget()
        )
    except regex.error as error:
        raise re.error(str(error)) from None


@lru_cache(maxsize=64)
def _least_width(text: str) -> int:
    """Return the minimum width of a pattern, including look-arounds: `regex` allocates texts of
    that length."""
    from re import _parser  # type: ignore[attr-defined]

    return _width(_parser.parse(text), _parser)


def _width(part: Any, parser: Any) -> int:
    """The characters of a parsed pattern, or of the parsed patterns among the arguments of an
    operation."""
    if isinstance(part, parser.SubPattern):
        return sum(
            (
                _repeated(argument, parser)
                if op in parser._REPEATCODES
                else max(1, _width(argument, parser))
            )
            for op, argument in part
        )
    return sum(_width(one, parser) for one in part) if isinstance(part, tuple | list) else 0


def _repeated(argument: Any, parser: Any) -> int:
    least, _, repeated = argument
    return max(1, int(least)) * max(1, _width(repeated, parser))


BEGINNINGS = 200  # beginnings of a pattern that are compiled, the longest first


@cache
def literal_prefixes(text: str, layout: str, trusted: bool) -> tuple[tuple[int, Pattern], ...]:
    """The beginnings of a pattern that are patterns themselves, with their lengths, the longest
    first."""
    purse, found = MatchBudget(), []
    for end in range(len(text), 0, -max(1, -(-len(text) // BEGINNINGS))):
        try:
            found.append((end, compile_pattern(text[:end], layout, trusted=trusted, purse=purse)))
        except (re.error, DeclarationError, OverflowError):
            continue  # cut inside a group, an escape or a number
    return tuple(found)
