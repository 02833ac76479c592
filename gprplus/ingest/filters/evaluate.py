"""Evaluation of a --where tree over Arrow columns, with type checks and errors for unknown levels.

A dictionary column is evaluated once for each level, then looked up by code, so that two million
rows need no string comparison.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gprplus.core.declarations import Attribute, Attributes
from gprplus.core.errors import did_you_mean
from gprplus.ingest.filters import numbers
from gprplus.ingest.filters.syntax import (
    BooleanOperation,
    Comparison,
    Negation,
    Node,
    Token,
    syntax_error,
    unquote,
)

if TYPE_CHECKING:
    import pyarrow as pa


def evaluate_filter(
    node: Node, text: str, column: "Callable[[str], pa.Array]", declared: Attributes
) -> "pa.Array":
    """A boolean Arrow array over the rows, null where the answer is unknown (Kleene's logic)."""
    import pyarrow.compute as pc

    if isinstance(node, Negation):
        return pc.invert(evaluate_filter(node.inner, text, column, declared))
    if isinstance(node, BooleanOperation):
        join = pc.and_kleene if node.op == "and" else pc.or_kleene
        answer = evaluate_filter(node.parts[0], text, column, declared)
        for part in node.parts[1:]:
            answer = join(answer, evaluate_filter(part, text, column, declared))
        return answer
    if not isinstance(node, Comparison):
        raise TypeError(f"an unresolved node reached evaluation: {node}")
    return _compare(node, text, column(node.column.text), declared.get(node.column.text))


def _compare(
    test: Comparison, text: str, values: "pa.Array", declared: Attribute | None
) -> "pa.Array":
    import pyarrow as pa
    import pyarrow.compute as pc

    if test.op == "null":
        return pc.is_null(values)
    if test.op == "not null":
        return pc.is_valid(values)
    if pa.types.is_dictionary(values.type):
        found = _compare_values(test, text, values.dictionary, declared, known=True)
        return found.take(values.indices)
    return _compare_values(test, text, values, declared, known=False)


def _compare_values(
    test: Comparison,
    text: str,
    values: "pa.Array",
    declared: Attribute | None,
    *,
    known: bool,
) -> "pa.Array":
    """Evaluate one comparison over plain values; `known` means that these are all existing
    levels."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if test.op == "true":
        if not pa.types.is_boolean(values.type):
            raise syntax_error(
                text,
                test.column,
                f"{test.column.text} is not true or false by itself; compare it with a value.",
            )
        return values
    if _is_number(values.type):
        return _numbers(test, text, values)
    read = _reader(test, text, values, known)
    wanted = [read(token) for token in test.values]
    if test.op in ("in", "not in"):
        found = pc.if_else(
            pc.is_valid(values), pc.is_in(values, pa.array(wanted, values.type)), None
        )
        return pc.invert(found) if test.op == "not in" else found
    if pa.types.is_string(values.type) and test.op not in ("=", "!="):
        values, wanted = _ordered(test, text, values, wanted, declared)
    return numbers.comparison(test.op)(values, pa.scalar(wanted[0]))


def _is_number(kind: "pa.DataType") -> bool:
    import pyarrow as pa

    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _numbers(test: Comparison, text: str, values: "pa.Array") -> "pa.Array":
    """Evaluate one comparison of a column of numbers."""
    import pyarrow as pa
    import pyarrow.compute as pc

    name, wanted = test.column.text, []
    among = test.op in ("in", "not in")
    for token in test.values:
        value = numbers.parse_number(unquote(token))
        if value is None:
            raise syntax_error(text, token, f"{name} is a number.")
        if among and pa.types.is_integer(values.type) and not numbers.is_whole(value):
            raise syntax_error(text, token, f"{name} is a whole number.")
        wanted.append(value)
    if not among:
        return numbers.compare_numbers(values, test.op, wanted[0])
    found = numbers.is_in(values, wanted)
    return pc.invert(found) if test.op == "not in" else found


def _reader(test: Comparison, text: str, values: "pa.Array", known: bool) -> Callable[[Token], Any]:
    """Parse a value token for the type of a column."""
    import pyarrow as pa

    name, kind = test.column.text, values.type
    levels = set(values.to_pylist()) if known else set()

    def boolean(token: Token) -> bool:
        if token.text.lower() not in ("true", "false"):
            raise syntax_error(text, token, f"{name} is true or false.")
        return token.text.lower() == "true"

    def word(token: Token) -> str:
        value = unquote(token)
        if known and value not in levels:
            raise syntax_error(
                text,
                token,
                f"{name} has no level '{value}' here. {did_you_mean(value, levels - {None})}",
            )
        return value

    if pa.types.is_boolean(kind):
        return boolean
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return word
    raise syntax_error(
        text, test.column, f"{name} is a column of {kind}, which cannot be compared."
    )


def _ordered(
    test: Comparison,
    text: str,
    values: "pa.Array",
    wanted: list[Any],
    declared: Attribute | None,
) -> "tuple[pa.Array, list[Any]]":
    """Levels of an ordered attribute as their places in its declared order; other text has no
    order."""
    import pyarrow as pa

    if declared is None or not declared.ordered or not set(wanted) <= set(declared.levels):
        raise syntax_error(
            text, test.column, f"the levels of {test.column.text} have no order; use =, != or in."
        )
    place = {level: i for i, level in enumerate(declared.levels)}
    return pa.array([place.get(level) for level in values.to_pylist()], pa.int32()), [
        place[level] for level in wanted
    ]
