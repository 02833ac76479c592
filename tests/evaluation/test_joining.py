"""Variances of unlike degrees put together, against scipy and by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from gprplus.evaluation.stats.intervals import Scored, both
from gprplus.evaluation.stats.joining import freedom_of, from_normal, joined, normal_scores, quantile

DEGREES = st.floats(1, 500)


@given(DEGREES)
def test_quantiles_are_scipy_s_and_have_an_inverse(freedom):
    assert quantile(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=2e-4)
    assert freedom_of(quantile(freedom)) == pytest.approx(freedom, rel=1e-6)


@given(DEGREES, st.floats(0, 6))
def test_normal_scores_keep_a_t_s_probability_to_two_hundredths_and_have_an_inverse(freedom, t):
    z = normal_scores(np.array(t), np.array(freedom))
    assert 2 * stats.norm.sf(z) == pytest.approx(2 * stats.t.sf(t, freedom), abs=0.02)
    assert from_normal(z, np.array(freedom)) == pytest.approx(t, rel=1e-6, abs=1e-9)


def test_the_error_is_the_mean_of_the_parts_own_quantiles_weighted_by_variance():
    variance, freedom = joined([(np.array([3.0]), np.array([1.0])), (np.array([1.0]), np.array([60.0]))])
    assert variance == [4.0]
    wanted = (3 * stats.t.ppf(0.975, 1) + stats.t.ppf(0.975, 60)) / 4
    assert stats.t.ppf(0.975, freedom[0]) == pytest.approx(wanted, rel=2e-4)


def test_what_two_parts_both_hold_counts_once_and_never_more_than_the_smaller():
    parts = [(np.array([3.0, 3.0]), np.array([9.0, 9.0])), (np.array([1.0, 1.0]), np.array([9.0, 9.0]))]
    assert joined(parts, np.array([0.5, 2.0]))[0].tolist() == [3.5, 3.0]


def test_a_part_without_degrees_leaves_none():
    assert joined([(np.array([1.0]), np.array([0.0])), (np.array([1.0]), np.array([9.0]))])[1] == [0.0]
    assert joined([(np.array([0.0]), np.array([4.0])), (np.array([0.0]), np.array([9.0]))])[1] == [4.0]


def test_noise_of_one_seed_on_one_person_is_the_residual_mean_square_of_a_balanced_table():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(2, 3, 8))  # two arms, three seeds, eight persons of one query
    gap = values[1] - values[0]
    left = gap - gap.mean(0) - gap.mean(1, keepdims=True) + gap.mean()
    square = (left**2).sum() / (2 * 7)
    found = both(Scored(values, np.arange(8)), np.array([[-1.0, 1.0]]))
    assert found == pytest.approx([square / (3 * 8)])


def test_counting_it_twice_would_be_too_wide():
    """Only that noise is there: its share is then the whole variance, and is once in each part."""
    rng, shares = np.random.default_rng(1), []
    for _ in range(200):
        values = rng.normal(size=(2, 4, 20))
        found = both(Scored(values, np.arange(20)), np.array([[-1.0, 1.0]]))
        shares.append(float(found[0]))
    assert np.mean(shares) == pytest.approx(2 / (4 * 20), rel=0.03)
