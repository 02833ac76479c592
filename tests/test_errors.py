"""Errors are sentences that a person can act on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gprplus.core import errors
from gprplus.core.errors import GprplusError, did_you_mean, first_few

FAMILY = [
    value
    for value in vars(errors).values()
    if isinstance(value, type) and issubclass(value, GprplusError) and value is not GprplusError
]


@pytest.mark.parametrize("error", FAMILY)
def test_each_error_is_also_the_builtin_a_caller_would_catch(error):
    builtins = {base for base in error.__mro__ if base.__module__ == "builtins"} - {
        Exception,
        BaseException,
        object,
    }
    assert builtins
    assert str(error("one sentence.")) == "one sentence."


@pytest.mark.parametrize(
    ("word", "choices", "sentence"),
    [
        ("wether", ["weather", "illumination"], "Did you mean 'weather'?"),
        ("WEATHER", ["weather", "illumination"], "Did you mean 'weather'?"),
        ("zzz", ["b", "a"], "Known: a, b."),
        ("zzz", [], "There is none to choose from."),
    ],
    ids=["a typo", "capitals", "nothing near lists all", "nothing to choose from"],
)
def test_the_nearest_name_is_offered(word, choices, sentence):
    assert did_you_mean(word, choices) == sentence


def test_a_long_list_is_cut_and_counted():
    assert did_you_mean("zzz", [f"{i:02d}" for i in range(15)]).endswith("11, and 3 more.")


@given(st.lists(st.text(alphabet="abcdefgh", min_size=3), min_size=1, max_size=20, unique=True))
def test_a_right_name_is_its_own_nearest(choices):
    assert did_you_mean(choices[0], choices) == f"Did you mean '{choices[0]}'?"


def test_examples_show_the_first_and_count_the_rest():
    assert first_few([]) == ""
    assert first_few([1, 2, 3]) == "1, 2, 3"
    assert first_few(["x"] * 1500, limit=1) == "x and 1,499 more"
