"""--where: what it accepts, what it means, and how it says no."""

import operator

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gprplus import schema
from gprplus.errors import FilterError
from gprplus.splits.where import Filter

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
    assert f"at position {position} " in str(problem.value) if position else "at its end" in str(problem.value)


def test_a_very_long_expression_is_no_deep_one():
    assert kept(" and ".join(["not " * 999 + "is_junk"] * 50)) == [0, 3]


OPS = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def comparisons() -> st.SearchStrategy[tuple[str, object]]:
    """A comparison as text, and the same as a Python function of a row that answers True, False or None."""

    def views(op, number):
        return f"viewpoint_deg {op} {number}", lambda row: unknown(row["viewpoint_deg"], lambda x: OPS[op](x, number))

    def weathers(op, level):
        return f"{level} {op} weather", lambda row: unknown(row["weather"], lambda x: OPS[op](level, x))

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
        st.tuples(inner, inner).map(lambda p: (f"({p[0][0]}) and ({p[1][0]})", lambda r: both(p[0][1](r), p[1][1](r)))),
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
