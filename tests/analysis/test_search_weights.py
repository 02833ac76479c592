"""The convex programme against scipy, and rounding to whole images."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from gprplus.analysis.subset_search import baselines
from gprplus.analysis.subset_search.kernels import build_kernels
from gprplus.analysis.subset_search.qp import (
    project_to_simplex,
    round_counts,
    solve_on_simplex,
    solve_weights,
)

GROUPS = np.array([0, 0, 0, 1, 1, 1])


def scipys(function, upper, groups, least):
    """The same programme by a general solver."""
    constraints = [{"type": "eq", "fun": lambda w: w.sum() - 1}]
    constraints += [
        {"type": "ineq", "fun": lambda w, g=g: w[groups == g].sum() - least[g]}
        for g in range(len(least))
    ]
    start = project_to_simplex(np.full(len(upper), 1 / len(upper)), upper, groups, least)
    options = {"maxiter": 1000, "ftol": 1e-15}
    bounds = [(0, top) for top in upper]
    return minimize(
        function, start, method="SLSQP", bounds=bounds, constraints=constraints, options=options
    ).x


def limits(rng):
    return rng.uniform(0.3, 1.0, size=6), np.array([0.0, rng.uniform(0, 0.6)])


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6))
def test_projection_meets_every_constraint_and_is_the_nearest_point(seed):
    rng = np.random.default_rng(seed)
    upper, least = limits(rng)
    point = rng.normal(size=6)
    found = project_to_simplex(point, upper, GROUPS, least)
    assert found.sum() == pytest.approx(1)
    assert (found >= 0).all()
    assert (found <= upper + 1e-12).all()
    assert found[GROUPS == 1].sum() >= least[1] - 1e-9
    other = scipys(lambda w: ((w - point) ** 2).sum(), upper, GROUPS, least)
    assert ((found - point) ** 2).sum() <= ((other - point) ** 2).sum() + 1e-6


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6))
def test_the_weights_are_those_of_a_general_solver(seed):
    rng = np.random.default_rng(seed)
    half = rng.normal(size=(6, 6))
    within, across, ridge = half @ half.T / 6, rng.normal(size=6), 0.05
    upper, least = limits(rng)

    def objective(w):
        return w @ within @ w - 2 * across @ w + ridge * ((w - 1 / 6) ** 2).sum()

    found = solve_weights(within, across, ridge=ridge, upper=upper, groups=GROUPS, least=least)
    other = scipys(objective, upper, GROUPS, least)
    assert objective(found) <= objective(other) + 1e-7
    assert found == pytest.approx(other, abs=2e-3)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.integers(1, 60))
def test_counts_sum_to_the_total_and_fit(seed, total):
    rng = np.random.default_rng(seed)
    most = rng.integers(0, 15, size=8)
    if most.sum() < total:
        return
    weights = rng.dirichlet(np.ones(8))
    found = round_counts(weights, total, most)
    assert found.sum() == total
    assert (found <= most).all()
    if (weights * total <= most).all():
        assert (np.abs(found - weights * total) < 1 + 1e-9).all()


def known(people=4, seed=0):
    """Cells of 3 weathers x 2 lights around known places; a target that is one third cell 0 and two
    thirds cell 5."""
    rng = np.random.default_rng(seed)
    places = np.array([[0.0, 0], [3, 0], [6, 0], [0, 3], [3, 3], [6, 3]])
    source = places + 0.4 * rng.normal(size=(people, 6, 2))
    target = np.vstack(
        [places[0] + 0.4 * rng.normal(size=(30, 2)), places[5] + 0.4 * rng.normal(size=(60, 2))]
    )
    return build_kernels(source, target, np.arange(90))[0]


def problem(found, most=None, images=60):
    levels = np.stack([axis.ravel() for axis in np.indices((3, 2))], axis=1)[[0, 2, 4, 1, 3, 5]]
    order = np.lexsort((levels[:, 1], levels[:, 0]))
    levels = levels[order]
    return baselines.SubsetProblem(
        found.biased().astype(float)[np.ix_(order, order)],
        found.to_target(np.ones(90))[order],
        levels,
        np.full(6, 60) if most is None else most,
        images,
        np.zeros(6, dtype=int),
        np.zeros(1),
        1e-3,
    )


def test_kernels_are_means_over_pairs():
    found = known(3)
    one, two = found.biased(), found.unbiased()
    slow = np.mean([found.inside[p, 1, q, 4] for p in range(3) for q in range(3)])
    apart = np.mean([found.inside[p, 1, q, 4] for p in range(3) for q in range(3) if p != q])
    assert one[1, 4] == pytest.approx(slow, rel=1e-5)
    assert two[1, 4] == pytest.approx(apart, rel=1e-5)
    assert np.linalg.eigvalsh(one.astype(float)).min() > -1e-6
    twice = found.biased(np.array([2.0, 1.0, 0.0]))
    copied = np.mean([found.inside[p, 1, q, 4] for p in (0, 0, 1) for q in (0, 0, 1)])
    assert twice[1, 4] == pytest.approx(copied, rel=1e-5)


def test_the_search_finds_the_mixture_the_target_is_made_of():
    weights = baselines.convex_subset(problem(known(12)))
    assert weights[0] == pytest.approx(1 / 3, abs=0.06)
    assert weights[5] == pytest.approx(2 / 3, abs=0.06)


def test_no_rival_comes_nearer_and_all_keep_the_budget():
    asked = problem(known(12), most=np.full(6, 40))
    best = asked.objective(baselines.convex_subset(asked)) + asked.ridge
    for way in baselines.CHOSEN.values():
        weights = way(asked)
        if weights is not None:
            assert asked.objective(weights) <= 1.0
            assert best <= asked.objective(weights) + 2e-3
            assert baselines.whole_counts(asked, weights).sum() == 60
            assert (baselines.whole_counts(asked, weights) <= 40).all()


def test_what_a_rule_keeps_may_be_too_little():
    assert baselines.threshold_subset(problem(known(12), most=np.full(6, 11), images=60)) is None


def test_random_levels_are_the_same_mixture_under_other_names():
    asked, rng = problem(known(12)), np.random.default_rng(0)
    searched = baselines.convex_subset(asked)
    drawn = [baselines.random_levels(asked, searched, rng) for _ in range(10)]
    assert all(sorted(w) == pytest.approx(sorted(searched), abs=1e-9) for w in drawn)
    assert any(np.abs(w - searched).max() > 0.2 for w in drawn)


def test_random_images_are_so_many_of_what_there_is():
    asked = problem(known(12), most=np.array([5, 60, 60, 60, 60, 60]))
    drawn = baselines.random_images(asked, np.zeros(6), np.random.default_rng(0)) * 60
    assert drawn.sum() == pytest.approx(60)
    assert drawn[0] <= 5


def two_levels(apart, images=4):
    """Four cells of two factors, alike but for how far from the target they lie: `apart`."""
    levels = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    one = np.zeros(4, dtype=np.int64)
    return baselines.SubsetProblem(
        0.01 * np.eye(4),
        -np.array(apart, float),
        levels,
        np.full(4, 4),
        images,
        one,
        np.zeros(1),
        1e-6,
    )


def test_the_rule_keeps_the_levels_that_lie_nearer_than_their_mean():
    assert baselines.threshold_subset(two_levels([0.1, 0.2, 0.8, 0.9])).tolist() == [1, 0, 0, 0]


def test_greed_ends_where_leaving_out_brings_nothing_nearer():
    alike = baselines.greedy_subset(two_levels([0.5, 0.5, 0.5, 0.5]))
    assert alike.tolist() == [0.25, 0.25, 0.25, 0.25], "fewer cells would only add their own noise"
    assert baselines.greedy_subset(two_levels([0.1, 0.1, 0.9, 0.9])).tolist() == [0.5, 0.5, 0, 0]


@given(st.integers(2, 30), st.integers(0, 999), st.sampled_from([1e-3, 1e-1]))
def test_the_programme_without_bounds_has_the_same_solution_by_least_squares(count, seed, share):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(5 * count, count)) + 3 * rng.normal(size=(5 * count, 1))
    within, across = rows.T @ rows / len(rows), rng.normal(size=count)
    ridge = share * float(np.diag(within).mean())
    found = solve_on_simplex(within, across, ridge)
    free = {"upper": np.ones(count), "groups": np.zeros(count, int), "least": np.zeros(1)}
    assert found == pytest.approx(solve_weights(within, across, ridge=ridge, **free), abs=1e-4)
