"""The tree of a --where expression: tokens, tests and how they are joined, and the error at a
token."""

from dataclasses import dataclass

from gprplus.core.errors import FilterError, escape

SHOWN = 200  # characters of an expression in a message


@dataclass(frozen=True)
class Token:
    """A token of the text: its kind ("word", "quoted", "mark", "end"), its text, and its start
    (from 0)."""

    kind: str
    text: str
    at: int

    def is_any(self, *words: str) -> bool:
        """Return True if the token is one of the given marks or (in any case) keywords."""
        return self.kind in ("mark", "word") and self.text.lower() in words


@dataclass(frozen=True)
class Comparison:
    """`column op value`; "in" and "not in" have several values, "null" none."""

    column: Token
    op: str
    values: tuple[Token, ...] = ()


@dataclass(frozen=True)
class ChainedComparison:
    """Values with comparisons between them, before it is known which are columns: `30 <=
    viewpoint_deg <= 150`."""

    values: tuple[Token, ...]
    ops: tuple[Token, ...]


@dataclass(frozen=True)
class Negation:
    """True where the inner test is false; unknown stays unknown."""

    inner: "Node"


@dataclass(frozen=True)
class BooleanOperation:
    """ "and" or "or" of two or more tests."""

    op: str
    parts: tuple["Node", ...]


Node = Comparison | ChainedComparison | Negation | BooleanOperation


def syntax_error(text: str, token: Token, problem: str) -> FilterError:
    """The sentence for a problem at a token, with the text and a caret's worth of position."""
    where = (
        "at its end"
        if token.kind == "end"
        else f"at position {token.at + 1} ('{_short(token.text, 0)}')"
    )
    return FilterError(f'--where "{_short(text, token.at)}", {where}: {problem}')


def _short(text: str, at: int) -> str:
    """The text as a message shows it: control characters escaped, and of a long one the part around
    `at`."""
    if len(text) <= SHOWN:
        return escape(text)
    start = max(min(at - SHOWN // 2, len(text) - SHOWN), 0)
    before, after = "..." if start else "", "..." if start + SHOWN < len(text) else ""
    return f"{before}{escape(text[start : start + SHOWN])}{after}"


def unquote(token: Token) -> str:
    """Return the value of a token, without quotes."""
    return token.text[1:-1] if token.kind == "quoted" else token.text
