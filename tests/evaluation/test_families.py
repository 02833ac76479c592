"""One interval, one word: what holds for a family at once, and what it says."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gprplus.evaluation.stats import families
from gprplus.evaluation.stats.contrasts import Judged

ends = st.floats(-1, 1, allow_nan=False)


@given(st.integers(0, 2**32 - 1), st.integers(2, 9), st.floats(2, 60), st.floats(0, 4))
def test_an_interval_leaves_out_zero_exactly_where_its_p_is_below_one_in_twenty(seed, count, freedom, shift):
    rng = np.random.default_rng(seed)
    null = np.abs(rng.standard_t(freedom, (500, count)))
    value = rng.standard_t(freedom, count) + shift
    found = Judged(value, np.ones(count), np.full(count, freedom), np.ones(count), null)
    p, half = families.largest(found)
    assert ((np.abs(value) > half) == (p < 0.05)).all()


@given(ends, ends, st.floats(0.001, 0.5))
def test_a_word_is_told_by_the_ends_alone_and_turns_with_them(one, other, margin):
    low, high = sorted((one, other))
    word = families.says(low, high, margin)
    turned = {"higher": "lower", "lower": "higher"}
    assert families.says(-high, -low, margin) == turned.get(word, word)
    assert (word in turned) == (not low <= 0 <= high)
    if word == "equivalent":
        assert families.within(low, high, margin)
        assert families.says(low / 2, high / 2, margin) == "equivalent", "a narrower one inside says the same"
