"""One interval, one word: what holds for a family at once, and what it says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from gprplus.statistics import contrasts, multiplicity
from gprplus.statistics.contrasts import ContrastEstimates
from gprplus.statistics.identity_variance import ScoreArray
from gprplus.statistics.variance_sum import two_sided

ends = st.floats(-1, 1, allow_nan=False)


@given(st.integers(0, 2**32 - 1), st.integers(2, 9), st.floats(2, 60), st.floats(0, 4))
def test_an_interval_leaves_out_zero_exactly_where_its_p_is_below_one_in_twenty(
    seed, count, freedom, shift
):
    rng = np.random.default_rng(seed)
    null = two_sided(rng.standard_t(freedom, (500, count)), freedom)
    value = rng.standard_t(freedom, count) + shift
    found = ContrastEstimates(value, np.ones(count), np.full(count, freedom), np.ones(count), null)
    p, half = multiplicity.max_t_adjust(found)
    assert ((np.abs(value) > half) == (p < 0.05)).all()
    assert (half >= [one.high - one.value for one in found.intervals()]).all(), (
        "never narrower than alone"
    )


@pytest.mark.parametrize("known", [[4, 4, 4, 4], [2, 5, 30, 200]])
def test_simultaneous_intervals_are_those_of_a_multivariate_t(known):
    """Independent t values: min-p is Sidak's 1 - 0.95^(1/K), whatever the degrees of freedom."""
    rng = np.random.default_rng(2)
    t = rng.normal(size=(20_000, 4)) / np.sqrt(rng.chisquare(known, (20_000, 4)) / known)
    found = ContrastEstimates(
        np.zeros(4), np.ones(4), np.array(known, float), np.ones(4), two_sided(t, np.array(known))
    )
    exact = scipy_stats.t.ppf(1 - (1 - 0.95**0.25) / 2, known)
    assert multiplicity.max_t_adjust(found)[1] == pytest.approx(exact, rel=0.03)


def test_contrasts_with_one_reference_have_dunnett_s_critical_value():
    """Eight arms, known to 9 identities alone: the largest |t| of seven, by simulation of the
    multivariate normal."""
    rng, to_first = np.random.default_rng(3), (np.eye(8) - np.eye(8)[0])[1:]
    values = rng.normal(size=(8, 1, 9)) + np.zeros((8, 3, 1))
    judged = contrasts.estimate_contrasts(
        ScoreArray(values, np.arange(9)), to_first, rng, draws=4000
    )
    gaps = to_first @ rng.normal(size=(20_000, 8, 9))
    peak = np.sort(np.abs(gaps.mean(axis=2) / gaps.std(axis=2, ddof=1) * 3).max(axis=1))
    assert multiplicity.max_t_adjust(judged)[1] / judged.std_error == pytest.approx(
        np.full(7, peak[19_000]), rel=0.05
    )


@given(ends, ends, st.floats(0.001, 0.5))
def test_a_word_is_told_by_the_ends_alone_and_turns_with_them(one, other, margin):
    low, high = sorted((one, other))
    word = multiplicity.classify_interval(low, high, margin)
    turned = {"higher": "lower", "lower": "higher"}
    assert multiplicity.classify_interval(-high, -low, margin) == turned.get(word, word)
    assert (word in turned) == (not low <= 0 <= high)
    if word == "equivalent":
        assert multiplicity.is_within_margin(low, high, margin)
        assert multiplicity.classify_interval(low / 2, high / 2, margin) == "equivalent", (
            "a narrower one inside says the same"
        )


@given(st.integers(0, 2**32 - 1), st.floats(2, 60), st.floats(0, 5))
def test_families_that_share_five_percent_are_wider_and_agree_with_their_p(seed, freedom, shift):
    rng = np.random.default_rng(seed)
    null = two_sided(rng.standard_t(freedom, (1000, 4)), freedom)
    found = ContrastEstimates(
        rng.standard_t(freedom, 4) + shift, np.ones(4), np.full(4, freedom), np.ones(4), null
    )
    alone, shared = (
        multiplicity.family_figures(found, 0.01),
        multiplicity.family_figures(found, 0.01, 3),
    )
    for one, other in zip(alone, shared, strict=True):
        assert other["family_high"] - other["family_low"] >= one["family_high"] - one["family_low"]
        assert other["p_max"] == pytest.approx(min(3 * one["p_max"], 1))
        assert (other["verdict"] in ("higher", "lower")) == (other["p_max"] < 0.05)
        assert (other["low"], other["high"]) == (one["low"], one["high"])
