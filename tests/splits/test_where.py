"""--where: what it accepts, what it means, and how it says no."""

import operator

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gprplus import schema
from gprplus.core.errors import FilterError
from gprplus.ingest.filters.parse import Filter

KNOWN = frozenset(column.name for column in (*schema.IMAGES, *schema.IDENTITIES))
ROWS = [
    {
        "weather": weather,
        "illumination": light,
        "viewpoint_deg": view,
        "is_junk": junk,
        "identity": f"{i:04}",
        "hat": hat,
    }
    for i, (weather, light, view, junk, hat) in enumerate(
        [
            ("sunny", "noon", 90, False, "yes"),
            ("clouds", "night", 30, True, "no"),
            ("foggy", "dawn", 150, None, "yes"),
            (None, "noon", 270, False, None),
            ("sunny", None, None, True, "no"),
        ]
    )
]
COLUMNS = {
    name: pa.array([row[name] for row in ROWS]).dictionary_encode()
    if isinstance(next(row[name] for row in ROWS if row[name] is not None), str)
    else pa.array([row[name] for row in ROWS])
    for name in ROWS[0]
}


def kept(text: str, known: frozenset[str] = KNOWN) -> list[int]:
    return [i for i, keep in enumerate(Filter(text).keep(COLUMNS.__getitem__, known)) if keep]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("weather = sunny", [0, 4]),
        ("weather == 'sunny'", [0, 4]),
        ("sunny = weather", [0, 4]),
        ("weather != sunny", [1, 2]),
        ("weather in (sunny, clouds)", [0, 1, 4]),
        ("weather not in (sunny, clouds)", [2]),
        ("weather is null", [3]),
        ("weather is not null", [0, 1, 2, 4]),
        ("viewpoint_deg < 90", [1]),
        ("90 <= viewpoint_deg", [0, 2, 3]),
        ("30 <= viewpoint_deg <= 150", [0, 1, 2]),
        ("30 < viewpoint_deg != 270", [0, 2]),
        ("viewpoint_deg in (90, 150)", [0, 2]),
        ("viewpoint_deg = 90.0", [0]),
        ("viewpoint_deg < 90.5", [0, 1]),
        ("is_junk", [1, 4]),
        ("not is_junk", [0, 3]),
        ("is_junk = false", [0, 3]),
        ("not not is_junk", [1, 4]),
        ("weather = sunny and not is_junk", [0]),
        ("weather = sunny or is_junk and viewpoint_deg = 30", [0, 1, 4]),
        ("(weather = sunny or is_junk) and viewpoint_deg = 30", [1]),
        ("NOT (weather = sunny) AND hat = yes", [2]),
        ("identity = 0001", [1]),
        ("illumination <= dawn", [2]),
        ("dawn < illumination", [0, 1, 3]),
        ("not (weather = sunny and is_junk)", [0, 1, 2, 3]),
    ],
)
def test_what_it_means(text, rows):
    assert kept(text) == rows


@pytest.mark.parametrize(
    ("text", "position", "says"),
    [
        ("wether = sunny", 1, "Did you mean 'weather'?"),
        ("weather = suny", 11, "Did you mean 'sunny'?"),
        ("weather in (sunny, fogy)", 20, "Did you mean 'foggy'?"),
        ("weather = sunny and", None, "expected a column or a value"),
        ("weather sunny", 9, "expected 'and', 'or'"),
        ("(weather = sunny", None, "expected ')'"),
        ("weather in sunny", 12, "expected '('"),
        ("weather in (sunny foggy)", 19, "expected ')' or ','"),
        ("weather is sunny", 12, "expected 'null'"),
        ("weather", 1, "compare it with a value"),
        ("weather < sunny", 1, "no order"),
        ("viewpoint_deg = front", 17, "is a number"),
        ("viewpoint_deg in (1.5)", 19, "is a whole number"),
        ("is_junk = perhaps", 11, "true or false"),
        ("weather = illumination", 11, "another column"),
        ("sunny = foggy", 1, "there is no column 'sunny'"),
        ("weather = $", 11, "cannot be read"),
        ("__import__('os').system('true')", 11, "expected 'and', 'or'"),
        ("", None, "an expression was expected"),
        ("(" * 150 + "is_junk" + ")" * 150, 102, "nested more than 100 deep"),
    ],
)
def test_how_it_says_no(text, position, says):
    with pytest.raises(FilterError) as problem:
        kept(text)
    assert says in str(problem.value)
    assert (
        f"at position {position} " in str(problem.value)
        if position
        else "at its end" in str(problem.value)
    )


def test_a_very_long_expression_is_no_deep_one():
    assert kept(" and ".join(["not " * 999 + "is_junk"] * 50)) == [0, 3]


NUMBERS = {
    "uid": pa.array([0, 1, 2**53, 2**53 + 1, 2**63, 2**64 - 1, None], pa.uint64()),
    "frame": pa.array([-(2**63), -1, 0, 2**53 + 1, 2**63 - 1, 7, None], pa.int64()),
    "camera": pa.array([1, 2, 3, 4, 5, 6, None], pa.int32()),
    "width_px": pa.array([0.5, 1.5, -2.0, 1e300, 2.0**53, 0.0, None], pa.float64()),
}


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        (f"uid = {2**53 + 1}", [3]),
        (f"uid != {2**64 - 1}", [0, 1, 2, 3, 4]),
        (f"uid in ({2**53}, {2**63}, 18446744073709551616, -1)", [2, 4]),
        (f"uid not in ({2**53}, 1)", [0, 3, 4, 5]),
        ("uid > -1", [0, 1, 2, 3, 4, 5]),
        ("uid < 0", []),
        ("uid <= 0.5", [0]),
        ("uid >= 0.5", [1, 2, 3, 4, 5]),
        (f"uid > {2**53}.5", [3, 4, 5]),
        (f"uid < {2**53}.5", [0, 1, 2]),
        ("uid <= 18446744073709551616", [0, 1, 2, 3, 4, 5]),
        ("uid = 1.5", []),
        ("uid != 1.5", [0, 1, 2, 3, 4, 5]),
        ("uid = 1e0", [1]),
        (f"frame = {-(2**63)}", [0]),
        (f"frame > {2**53}", [3, 4]),
        (f"frame < {-(2**63)}", []),
        (f"frame >= {-(2**63)}", [0, 1, 2, 3, 4, 5]),
        (f"{2**63 - 1} = frame", [4]),
        ("camera < 1e300", [0, 1, 2, 3, 4, 5]),
        ("camera > -1e999999999", [0, 1, 2, 3, 4, 5]),
        ("camera > 1e-999999999", [0, 1, 2, 3, 4, 5]),
        ("camera in (99999999999)", []),
        ("camera not in (99999999999)", [0, 1, 2, 3, 4, 5]),
        ("camera = 2147483648", []),
        (f"camera < {'9' * 5000}", [0, 1, 2, 3, 4, 5]),
        ("1.5 <= camera < 3.5", [1, 2]),
        ("not camera < 1e300", []),
        ("width_px in (1.5, 99999999999999999999999)", [1]),
        ("width_px < 1e400", [0, 1, 2, 3, 4, 5]),
        ("width_px = 9007199254740992", [4]),
    ],
)
def test_numbers_are_compared_exactly_whatever_their_size(text, rows):
    assert [
        i for i, keep in enumerate(Filter(text).keep(NUMBERS.__getitem__, NUMBERS)) if keep
    ] == rows


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e99999999999999999999", "0x10", "front"])
def test_what_is_no_finite_number_is_one_sentence(value):
    for text in (f"camera < {value}", f"width_px in ({value})", f"uid = {value}"):
        with pytest.raises(FilterError, match="is a number"):
            Filter(text).keep(NUMBERS.__getitem__, NUMBERS)


def test_an_expression_is_text():
    for value in (pd.Series([True, False]), 3, ["weather = sunny"], b"camera = 1"):
        with pytest.raises(
            FilterError, match=f"where must be text, such as .*, found a {type(value).__name__}"
        ):
            Filter(value)


def test_a_long_expression_is_shown_in_part_and_one_of_too_many_comparisons_refused():
    text = " or ".join(["camera = 1"] * 1001)
    for long in (text, "camera" + " = camera" * 1001):
        with pytest.raises(
            FilterError, match="more than 1,000 comparisons; list values with in"
        ) as problem:
            Filter(long)
        assert len(str(problem.value)) < 400
    with pytest.raises(FilterError) as problem:
        Filter("camera = 1 and \x1b[31m")
    assert "\x1b" not in str(problem.value)


OPS = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def comparisons() -> st.SearchStrategy[tuple[str, object]]:
    """A comparison as text, and the same as a Python function of a row that answers True, False or
    None."""

    def views(op, number):
        return f"viewpoint_deg {op} {number}", lambda row: unknown(
            row["viewpoint_deg"], lambda x: OPS[op](x, number)
        )

    def weathers(op, level):
        return f"{level} {op} weather", lambda row: unknown(
            row["weather"], lambda x: OPS[op](level, x)
        )

    def among(levels, negated):
        text = f"weather {'not ' * negated}in ({', '.join(levels)})"
        return text, lambda row: unknown(row["weather"], lambda x: (x in levels) != negated)

    level = st.sampled_from(["sunny", "clouds", "foggy"])
    return st.one_of(
        st.builds(views, st.sampled_from(list(OPS)), st.sampled_from([29, 30, 90, 150, 271])),
        st.builds(weathers, st.sampled_from(["=", "!="]), level),
        st.builds(among, st.lists(level, min_size=1, max_size=3), st.booleans()),
        st.just(("is_junk", lambda row: row["is_junk"])),
        st.just(("hat is null", lambda row: row["hat"] is None)),
    )


def unknown(value, judge):
    return None if value is None else judge(value)


def inverted(answer):
    return None if answer is None else not answer


def both(left, right):
    return False if False in (left, right) else None if None in (left, right) else True


def either(left, right):
    return inverted(both(inverted(left), inverted(right)))


def grow(inner):
    return st.one_of(
        inner.map(lambda a: (f"not ({a[0]})", lambda row: inverted(a[1](row)))),
        st.tuples(inner, inner).map(
            lambda p: (f"({p[0][0]}) and ({p[1][0]})", lambda r: both(p[0][1](r), p[1][1](r)))
        ),
        st.tuples(inner, inner).map(
            lambda p: (f"({p[0][0]}) or ({p[1][0]})", lambda r: either(p[0][1](r), p[1][1](r)))
        ),
    )


@given(st.recursive(comparisons(), grow, max_leaves=12))
def test_it_agrees_with_python_row_by_row(expression):
    text, oracle = expression
    assert kept(text) == [i for i, row in enumerate(ROWS) if oracle(row) is True]


@example("hair")
@example("hat")
@given(st.text(alphabet="weathr =!<>()',\"inotsuy0123. &;", max_size=40))
def test_any_text_is_either_answered_or_refused_in_a_sentence(text):
    try:
        kept(text, frozenset(COLUMNS))  # the others of a manifest are not in this table
    except FilterError as problem:
        assert str(problem).startswith('--where "')  # noqa: PT017
