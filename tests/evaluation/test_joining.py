"""Variances of unlike degrees put together, against scipy and by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from gprplus.statistics.identity_variance import ScoreArray, identity_variance
from gprplus.statistics.intervals import identity_variance_part
from gprplus.statistics.variance_sum import (
    combine_variances,
    df_from_quantile,
    half_widths,
    t_quantile,
    two_sided,
)

DEGREES = st.floats(1, 500)


@given(DEGREES)
def test_quantiles_are_scipy_s_and_have_an_inverse(freedom):
    assert t_quantile(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=2e-4)
    assert df_from_quantile(t_quantile(freedom)) == pytest.approx(freedom, rel=1e-6)


@given(DEGREES, st.floats(-6, 6))
def test_probabilities_and_half_widths_are_scipy_s(freedom, t):
    p = two_sided(np.array(t), freedom)
    assert p == pytest.approx(2 * stats.t.sf(abs(t), freedom), rel=1e-9)
    half = half_widths(np.array(0.2), np.array(freedom), 0.01)
    assert half == pytest.approx(0.2 * stats.t.ppf(0.995, freedom), rel=1e-9)


def test_without_degrees_there_is_neither():
    assert np.isnan(two_sided(np.array([1.0]), np.array([0.5]))).all()
    assert np.isnan(half_widths(np.array([1.0]), np.array([0.0]))).all()


def test_the_error_is_the_mean_of_the_parts_own_quantiles_weighted_by_variance():
    variance, freedom = combine_variances(
        [(np.array([3.0]), np.array([1.0])), (np.array([1.0]), np.array([60.0]))]
    )
    assert variance == [4.0]
    wanted = (3 * stats.t.ppf(0.975, 1) + stats.t.ppf(0.975, 60)) / 4
    assert stats.t.ppf(0.975, freedom[0]) == pytest.approx(wanted, rel=2e-4)


def test_what_two_parts_both_hold_counts_once_and_never_more_than_the_smaller():
    parts = [
        (np.array([3.0, 3.0]), np.array([9.0, 9.0])),
        (np.array([1.0, 1.0]), np.array([9.0, 9.0])),
    ]
    assert combine_variances(parts, np.array([0.5, 2.0]))[0].tolist() == [3.5, 3.0]


def test_a_part_without_degrees_leaves_none():
    assert combine_variances(
        [(np.array([1.0]), np.array([0.0])), (np.array([1.0]), np.array([9.0]))]
    )[1] == [0.0]


@pytest.mark.parametrize("rounding", [0.0, 1e-34, 1e-20])
def test_parts_of_nothing_but_rounding_have_no_degrees(rounding):
    parts = [(np.array([rounding]), np.array([4.0])), (np.array([rounding]), np.array([9.0]))]
    assert combine_variances(parts)[1] == [0.0]
    assert combine_variances([(np.array([1e-9]), np.array([4.0])), *parts])[1] == pytest.approx(4)


def test_noise_of_one_seed_on_one_identity_is_the_residual_mean_square_of_a_balanced_table():
    values = np.random.default_rng(0).normal(
        size=(2, 3, 8)
    )  # two arms, three seeds, eight identities of one query
    gap = values[1] - values[0]
    left = gap - gap.mean(0) - gap.mean(1, keepdims=True) + gap.mean()
    square = (left**2).sum() / (2 * 7)
    both = identity_variance_part(
        identity_variance(ScoreArray(values, np.arange(8))), np.array([[-1.0, 1.0]])
    )[1]
    assert both == pytest.approx([square / (3 * 8)])


def test_counting_it_twice_would_be_too_wide():
    """Only that noise is there: its share is then the whole variance, and is once in each part."""
    rng, shares = np.random.default_rng(1), []
    for _ in range(200):
        values = rng.normal(size=(2, 4, 20))
        shares.append(
            identity_variance_part(
                identity_variance(ScoreArray(values, np.arange(20))), np.array([[-1.0, 1.0]])
            )[1][0]
        )
    assert np.mean(shares) == pytest.approx(2 / (4 * 20), rel=0.03)
