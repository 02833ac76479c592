"""How two attributes go together: by hand, by scipy, by scikit-learn, and by slow loops."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2_contingency
from sklearn.metrics import normalized_mutual_info_score

from gprplus.splits.audit import cramers_v, mutual_information
from gprplus.splits.audit.association import (
    cramers_v_within,
    gini_impurity,
    mutual_information_within,
    permutation_null,
    standardize,
)
from gprplus.splits.audit.collinearity import gvif

TABLES = st.lists(st.lists(st.integers(0, 30), min_size=3, max_size=3), min_size=2, max_size=5).map(
    np.array
)


def items(table: np.ndarray) -> tuple[list[int], list[int]]:
    """A table of counts as two lists of labels, one item each."""
    pairs = [(i, j) for (i, j), count in np.ndenumerate(table) for _ in range(count)]
    return [i for i, _ in pairs], [j for _, j in pairs]


def bare(table: np.ndarray) -> np.ndarray:
    return table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]


def test_cramers_v_by_hand():
    # chi2 = 20 * (8*8 - 2*2)^2 / 10^4 = 7.2, phi2 = 0.36 - 1/19, both sides shrink to 2 - 1/19.
    assert cramers_v(np.array([[8, 2], [2, 8]])) == pytest.approx(
        np.sqrt((0.36 - 1 / 19) / (1 - 1 / 19)), abs=1e-6
    )
    assert cramers_v(np.array([[5, 5], [5, 5]])) == 0
    assert cramers_v(np.array([[9, 0, 0], [0, 9, 0], [0, 0, 9]])) == 1
    assert cramers_v(np.array([[5, 5]])) is None
    assert cramers_v(np.array([[5, 5], [0, 0]])) is None


@settings(deadline=None)
@given(TABLES)
def test_cramers_v_is_bergsmas_on_the_chi2_of_scipy(table):
    counts = bare(table)
    value = cramers_v(table)
    if min(counts.shape) < 2 or counts.sum() < 2:
        assert value is None
        return
    n, r, c = counts.sum(), *counts.shape
    phi2 = max(
        0, chi2_contingency(counts, correction=False).statistic / n - (r - 1) * (c - 1) / (n - 1)
    )
    width = min(r - (r - 1) ** 2 / (n - 1), c - (c - 1) ** 2 / (n - 1)) - 1
    if width > 1e-9:
        assert value == pytest.approx(min(1, np.sqrt(phi2 / width)), abs=1e-5)
    assert value is None or 0 <= value <= 1
    assert cramers_v(table[::-1, ::-1]) == value == cramers_v(table.T)


@settings(deadline=None)
@given(TABLES)
def test_information_is_that_of_scikit_learn_over_the_smaller_entropy(table):
    value = mutual_information(table)
    if min(bare(table).shape) < 2:
        assert value is None
    else:
        assert value == pytest.approx(
            normalized_mutual_info_score(*items(table), average_method="min"), abs=2e-6
        )


@settings(deadline=None)
@given(
    st.lists(
        st.lists(st.lists(st.integers(0, 9), min_size=3, max_size=3), min_size=2, max_size=2),
        max_size=5,
    )
)
def test_information_given_a_third_is_the_mean_over_strata(tables):
    strata = np.array(tables).reshape(-1, 2, 3)

    def entropy(counts: np.ndarray) -> float:
        shares = counts[counts > 0] / counts.sum()
        return float(-(shares * np.log(shares)).sum())

    n = strata.sum()
    filled = [table for table in strata if table.sum()]
    first, second, both = (
        sum(table.sum() / n * entropy(view(table)) for table in filled)
        for view in (lambda t: t.sum(axis=1), lambda t: t.sum(axis=0), lambda t: t)
    )
    value = mutual_information_within(strata)
    if min(first, second) < 1e-12:
        assert value is None
    else:
        assert value == pytest.approx((first + second - both) / min(first, second), abs=2e-6)


@given(TABLES, st.integers(1, 4))
def test_given_a_third_that_changes_nothing_v_is_that_of_one_stratum_and_order_is_minded_by_nobody(
    table, copies
):
    strata = np.stack([table, table[::-1]] * copies)
    assert (
        cramers_v_within(strata)
        == cramers_v_within(strata[::-1])
        == cramers_v_within(strata.transpose(0, 2, 1))
    )
    assert cramers_v_within(np.stack([table] * copies)) == pytest.approx(cramers_v(table), abs=1e-6)


def test_two_attributes_tied_in_each_person_otherwise_are_tied_given_the_person_alone():
    rotated = np.stack([np.roll(np.eye(3, dtype=int) * 8, person, axis=1) for person in range(3)])
    assert cramers_v(rotated.sum(axis=0)) == 0
    assert cramers_v_within(rotated) == mutual_information_within(rotated) == 1


def test_gini_by_the_mean_difference_of_all_pairs():
    sizes = np.array([1, 2, 2, 9, 0])
    slow = sum(abs(a - b) for a, b in product(sizes, sizes)) / (2 * len(sizes) ** 2 * sizes.mean())
    assert gini_impurity(sizes) == pytest.approx(slow, abs=1e-6)


def test_a_standardised_difference_by_hand():
    # (0.8 - 0.5) over the root of (0.16 + 0.25) / 2
    gaps, between = standardize(np.array([[0.5, 0.5], [0.8, 0.2], [0.6, 0.4]]))
    assert gaps == pytest.approx([0.3 / np.sqrt(0.205)] * 2)
    assert between.tolist() == [[1, 0], [0, 1]]


def test_a_level_that_one_arm_has_always_and_another_never_differs_without_end():
    gaps, between = standardize(np.array([[1.0, 0.0], [0.0, 1.0]]))
    assert np.isinf(gaps).all()
    assert between.tolist() == [[0, 1], [1, 0]]


def expanded(table):
    """The rows of a table of counts, as pairs of codes."""
    return np.array([(i, j) for (i, j), n in np.ndenumerate(table) for _ in range(n)])


@pytest.mark.parametrize(
    "table", [[[9, 1], [2, 8]], [[6, 5], [5, 6]], [[4, 0, 2], [1, 5, 1]], [[0, 0], [3, 4]]], ids=str
)
def test_a_permutation_p_is_that_of_shuffled_rows(table):
    rows, rng = expanded(np.array(table)), np.random.default_rng(1)

    def chi2(pairs):
        counts = np.zeros(np.shape(table))
        np.add.at(counts, (pairs[:, 0], pairs[:, 1]), 1)
        expected = np.outer(counts.sum(axis=1), counts.sum(axis=0))
        return (counts[expected > 0] ** 2 / expected[expected > 0]).sum()

    shuffled = [
        chi2(np.stack([rows[:, 0], rng.permutation(rows[:, 1])], axis=1)) for _ in range(2000)
    ]
    slow = np.mean(np.array(shuffled) >= chi2(rows) - 1e-9)
    assert permutation_null(np.array(table), np.random.default_rng(0), 4000) == pytest.approx(
        slow, abs=0.04
    )


def test_variance_inflation_is_that_of_regressions_on_the_rows():
    rng = np.random.default_rng(0)
    one = rng.integers(0, 2, 400)
    two = np.where(rng.random(400) < 0.6, one, rng.integers(0, 3, 400))
    columns = np.stack([one == 1, two == 1, two == 2], axis=1) - 0.0
    centred = columns - columns.mean(axis=0)
    rest = (
        centred[:, 0]
        - centred[:, 1:] @ np.linalg.lstsq(centred[:, 1:], centred[:, 0], rcond=None)[0]
    )
    correlation = np.corrcoef(columns.T)
    both = np.linalg.det(correlation[1:, 1:]) / np.linalg.det(correlation)
    found = gvif(centred.T @ centred, [np.array([0]), np.array([1, 2])])
    assert found == pytest.approx([(centred[:, 0] ** 2).sum() / (rest**2).sum(), both], abs=1e-3)
    assert found[0] == found[1]  # of two groups, each is as inflated by the other


def test_a_direction_that_others_add_up_to_is_aliased_and_the_rest_is_not():
    one, two = np.meshgrid([0.0, 1.0], [0.0, 1.0])
    columns = np.stack(
        [one.ravel(), two.ravel(), one.ravel() + two.ravel(), [0.0, 1.0, 1.0, 0.0]], axis=1
    )
    centred = columns - columns.mean(axis=0)
    assert gvif(centred.T @ centred, [np.array([i]) for i in range(4)]) == [None, None, None, 1.0]
