"""The grammar of --where: comparisons over the columns of a manifest, parsed here and never
evaluated as code.

    filter     = all { "or" all }
    all        = one { "and" one }
    one        = "not" one | "(" filter ")" | test
    test       = value { ( "=" | "!=" | "<" | "<=" | ">" | ">=" ) value }
               | name [ "not" ] "in" "(" value { "," value } ")"
               | name "is" [ "not" ] "null"
               | name                                  a column that is true or false

A value is a number, a slug, or text in quotes; a bare word that is a column's name is that column.
Comparisons chain, as in `30 <= viewpoint_deg <= 150`. Null is unknown: a comparison with it is
neither true nor false, and only what is true is kept.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from gprplus.core.declarations import Attributes, attributes
from gprplus.core.errors import FilterError, did_you_mean
from gprplus.ingest.filters.evaluate import evaluate_filter
from gprplus.ingest.filters.syntax import (
    BooleanOperation,
    ChainedComparison,
    Comparison,
    Negation,
    Node,
    Token,
    syntax_error,
    unquote,
)
from gprplus.schema.check_columns import CHECKED, EXTRA_COPY

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

MATCHED = ("=", "!=", "<", "<=", ">", ">=")
MIRROR = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
TESTS = 1000  # comparisons in one expression: each looks at a whole column
_CHECKS = "gprplus build-manifest --checks"
KEYWORDS = ("and", "or", "not", "in", "is", "null")
_TOKEN = re.compile(
    r"""\s*(?:(?P<quoted>'[^']*'|"[^"]*")|(?P<mark><=|>=|!=|==|=|<|>|\(|\)|,)|(?P<word>[\w.+/:-]+))""",
    re.UNICODE,
)


class Filter:
    """A parsed --where expression.

    `Filter("weather in (sunny, clouds) and not is_junk")` parses or raises FilterError with the
    position; `columns` names what it reads; `keep` evaluates it with pyarrow.compute. `excluded`
    are the uids `(n,) uint64` that the word `excluded` means, by default those that were excluded
    in the manifest.
    """

    def __init__(self, text: str, excluded: "np.ndarray | None" = None) -> None:
        if not isinstance(text, str):
            found = type(text).__name__
            raise FilterError(
                f'where must be text, such as "weather = sunny and not is_junk", found a {found}.'
            )
        self.text, self.excluded = " ".join(text.split()), excluded
        self.tree = _Parser(self.text).parse()

    def columns(self, known: Iterable[str]) -> set[str]:
        """The columns the expression reads. Raises FilterError for a name that is not in
        `known`."""
        known = set(known)
        return {test.column.text for test in _tests(self.tree, self.text, known)}

    def keep(
        self,
        column: "Callable[[str], pa.Array]",
        known: Iterable[str],
        own: Attributes | None = None,
    ) -> "np.ndarray":
        """`(N,) bool`: the rows for which the expression is true. `column` returns one Arrow array
        a name; `own` are the attributes that the manifest declares itself."""
        import numpy as np

        known = set(known)
        declared = {**attributes(), **(own or {})}
        tree = _resolve(self.tree, self.text, known)
        answer = evaluate_filter(tree, self.text, column, declared)
        return np.asarray(answer.fill_null(False))


def _tests(node: Node, text: str, known: set[str]) -> Iterator[Comparison]:
    resolved = _resolve(node, text, known)
    if isinstance(resolved, BooleanOperation):
        for part in resolved.parts:
            yield from _tests(part, text, known)
    elif isinstance(resolved, Negation):
        yield from _tests(resolved.inner, text, known)
    elif isinstance(resolved, Comparison):
        yield resolved


def _resolve(node: Node, text: str, known: set[str]) -> Node:
    """The tree with every chain turned into comparisons of one column with one value."""
    if isinstance(node, BooleanOperation):
        return BooleanOperation(node.op, tuple(_resolve(part, text, known) for part in node.parts))
    if isinstance(node, Negation):
        return Negation(_resolve(node.inner, text, known))
    if isinstance(node, Comparison):
        return Comparison(_known(node.column, text, known), node.op, node.values)
    pairs = [
        _pair(node.values[i], node.ops[i].text, node.values[i + 1], text, known)
        for i in range(len(node.ops))
    ]
    return pairs[0] if len(pairs) == 1 else BooleanOperation("and", tuple(pairs))


def _pair(left: Token, op: str, right: Token, text: str, known: set[str]) -> Comparison:
    op = "=" if op == "==" else op
    names = [token.kind == "word" and token.text in known for token in (left, right)]
    if all(names):
        raise syntax_error(
            text,
            right,
            "a column is compared with a value, not with another column; put a value in quotes.",
        )
    if names[0]:
        return Comparison(left, op, (right,))
    if names[1]:
        return Comparison(right, MIRROR[op], (left,))
    return Comparison(_known(left if left.kind == "word" else right, text, known), op, (right,))


def _known(token: Token, text: str, known: set[str]) -> Token:
    if token.kind != "word" or token.text not in known:
        if unquote(token) in {EXTRA_COPY, *(column.name for column in CHECKED)}:
            raise syntax_error(
                text,
                token,
                f"the manifest was built without this check; build it with `{_CHECKS}`.",
            )
        raise syntax_error(
            text,
            token,
            f"there is no column '{unquote(token)}'. {did_you_mean(unquote(token), known)}",
        )
    return token


class _Parser:
    """Recursive descent over the tokens, one method a rule of the grammar."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = list(_tokens(text))
        self.here = 0

    def parse(self) -> Node:
        if self.peek().kind == "end":
            raise syntax_error(
                self.text, self.peek(), "an expression was expected, such as weather = sunny."
            )
        tree = self.any_of()
        if self.peek().kind != "end":
            raise syntax_error(
                self.text, self.peek(), "expected 'and', 'or' or the end of the expression."
            )
        return tree

    def peek(self, ahead: int = 0) -> Token:
        return self.tokens[min(self.here + ahead, len(self.tokens) - 1)]

    def take(self) -> Token:
        token = self.peek()
        self.here += 1
        return token

    def expect(self, *words: str) -> Token:
        if not self.peek().is_any(*words):
            raise syntax_error(
                self.text, self.peek(), f"expected {' or '.join(repr(word) for word in words)}."
            )
        return self.take()

    def any_of(self) -> Node:
        return self.joined("or", lambda: self.joined("and", self.one))

    def joined(self, word: str, part: Callable[[], Node]) -> Node:
        parts = [part()]
        while self.peek().is_any(word):
            self.take()
            parts.append(part())
        return parts[0] if len(parts) == 1 else BooleanOperation(word, tuple(parts))

    def one(self) -> Node:
        # A loop, so that a long run of "not" does not use up Python's stack.
        turned = False
        while self.peek().is_any("not"):
            self.take()
            turned = not turned
        if self.peek().is_any("("):
            self.take()
            self.deeper()
            inner = self.any_of()
            self.expect(")")
            self.depth -= 1
        else:
            inner = self.test()
        return Negation(inner) if turned else inner

    depth = 0
    tests = 0

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > 100:
            raise syntax_error(
                self.text, self.peek(), "the parentheses are nested more than 100 deep."
            )

    def counted(self) -> None:
        self.tests += 1
        if self.tests > TESTS:
            raise syntax_error(
                self.text,
                self.peek(),
                f"more than {TESTS:,} comparisons; list values with in (...).",
            )

    def test(self) -> Node:
        self.counted()
        first = self.value()
        if self.peek().is_any("in") or (self.peek().is_any("not") and self.peek(1).is_any("in")):
            op = "not in" if self.take().is_any("not") else "in"
            if op == "not in":
                self.take()
            return Comparison(first, op, self.listed())
        if self.peek().is_any("is"):
            self.take()
            op = "null"
            if self.peek().is_any("not"):
                self.take()
                op = "not null"
            self.expect("null")
            return Comparison(first, op)
        values, ops = [first], []
        while self.peek().is_any("==", *MATCHED):
            self.counted()
            ops.append(self.take())
            values.append(self.value())
        return ChainedComparison(tuple(values), tuple(ops)) if ops else Comparison(first, "true")

    def listed(self) -> tuple[Token, ...]:
        self.expect("(")
        values = [self.value()]
        while self.peek().is_any(","):
            self.take()
            values.append(self.value())
        self.expect(")", ",")
        return tuple(values)

    def value(self) -> Token:
        token = self.peek()
        if token.kind not in ("word", "quoted") or (
            token.kind == "word" and token.text.lower() in KEYWORDS
        ):
            raise syntax_error(self.text, token, "expected a column or a value.")
        return self.take()


def _tokens(text: str) -> Iterator[Token]:
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        found = _TOKEN.match(text, at)
        if not found:
            odd = Token("mark", text[at], at)
            raise syntax_error(
                text, odd, "this cannot be read; quote values that hold signs or blanks."
            )
        kind = found.lastgroup or "word"
        yield Token(kind, found.group(kind), found.start(kind))
        at = found.end()
    yield Token("end", "", len(text))
