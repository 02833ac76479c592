"""Numbers of --where compared exactly: columns of whole numbers are never compared through floating
point.

A uid has 64 bits and a float64 holds 53: through floats no uid would equal itself.
"""

from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, InvalidOperation
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


def parse_number(text: str) -> Decimal | None:
    """A finite number as it is written, exactly; None where it is none.

    >>> parse_number("18446744073709551615"), parse_number("1e3"), parse_number("front"), parse_number("nan")
    (Decimal('18446744073709551615'), Decimal('1E+3'), None, None)
    """
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return value if value.is_finite() else None


def is_whole(value: Decimal) -> bool:
    """Return True if a number has no fraction, as all numbers beyond 64 bits, which equal no value
    of a column."""
    return abs(value) >= 2**64 or value == value.to_integral_value()


def comparison(op: str) -> Callable[..., "pa.Array"]:
    """The function of pyarrow.compute that compares by `op`, one of parse.MATCHED."""
    import pyarrow.compute as pc

    return {
        "=": pc.equal,
        "!=": pc.not_equal,
        "<": pc.less,
        "<=": pc.less_equal,
        ">": pc.greater,
        ">=": pc.greater_equal,
    }[op]


def compare_numbers(values: "pa.Array", op: str, wanted: Decimal) -> "pa.Array":
    """`values op wanted` as booleans, null where a value is null; `op` is one of where.MATCHED."""
    import pyarrow as pa

    kind = values.type
    if not pa.types.is_integer(kind):
        return comparison(op)(values, pa.scalar(float(wanted), pa.float64()))
    low, high = integer_bounds(kind)
    if wanted < low or wanted > high or (op in ("=", "!=") and not is_whole(wanted)):
        always = {
            "=": False,
            "!=": True,
            "<": wanted > low,
            "<=": wanted > low,
            ">": wanted < low,
            ">=": wanted < low,
        }
        return _constant(values, always[op])
    # x < 1.5 is x < 2, and x > 1.5 is x > 1: the bound moves to the whole number that keeps the
    # answer.
    rounding = ROUND_CEILING if op in ("<", ">=") else ROUND_FLOOR
    return comparison(op)(values, pa.scalar(int(wanted.to_integral_value(rounding)), kind))


def is_in(values: "pa.Array", wanted: list[Decimal]) -> "pa.Array":
    """Return whether each value is one of the given numbers, null for null."""
    import pyarrow as pa
    import pyarrow.compute as pc

    held: list[float] | list[int] = [float(one) for one in wanted]
    if pa.types.is_integer(values.type):
        low, high = integer_bounds(values.type)
        held = [int(one) for one in wanted if low <= one <= high and is_whole(one)]
    among = pa.array(held, values.type)
    return pc.if_else(pc.is_valid(values), pc.is_in(values, among), None)


def integer_bounds(kind: "pa.DataType") -> tuple[int, int]:
    """The least and the largest number that an integer type holds."""
    import pyarrow as pa

    bits = kind.bit_width
    if pa.types.is_unsigned_integer(kind):
        return 0, 2**bits - 1
    return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1


def _constant(values: "pa.Array", answer: bool) -> "pa.Array":
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.if_else(pc.is_valid(values), answer, pa.scalar(None, pa.bool_()))
