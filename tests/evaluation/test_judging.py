"""Contrasts, families, effects and curves against scipy, statsmodels and numbers worked by hand."""

import math
from itertools import combinations, permutations
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from statsmodels.regression.mixed_linear_model import MixedLM, VCSpec
from statsmodels.stats.meta_analysis import combine_effects
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import ttost_paired

from gprplus import statistics
from gprplus.core.errors import ScoreError
from gprplus.statistics import (
    contrasts,
    estimands,
    factorial,
    meta_analysis,
    multiplicity,
    power,
    power_law,
    seed_noise,
    shapley,
    variance_components,
)
from tests.support.records import split_of

chances = st.lists(st.floats(0, 1), min_size=1, max_size=8)


def test_with_many_seeds_and_people_the_power_is_that_of_a_known_error():
    noise = power.NoiseEstimate(0.004**2, 0.09**2, 0.0, "here")
    error = power.difference_error(noise, 200, 50_000)
    for shift in (0.0, 1.5, 2.8):
        exact = scipy_stats.norm.sf(1.96 - shift) + scipy_stats.norm.cdf(-1.96 - shift)
        assert power.power(noise, 200, 50_000, 2, shift * error) == pytest.approx(exact, abs=0.015)


@patch("gc.collect")  # statsmodels collects garbage in every call, which takes most of a second
@settings(max_examples=30, deadline=None)
@given(p=chances)
def test_adjusted_probabilities_are_those_of_statsmodels(collect, p):
    assert multiplicity.holm(np.array(p)) == pytest.approx(multipletests(p, method="holm")[1])


def test_what_is_unknown_is_not_counted_as_a_comparison():
    assert multiplicity.holm(np.array([0.01, np.nan, 0.02])).tolist()[::2] == pytest.approx(
        [0.02, 0.02]
    )


@pytest.mark.parametrize("value", [-0.004, 0.0, 0.009, 0.03])
def test_equivalence_is_the_larger_of_two_one_sided_tests(value):
    x = value + 0.004 * np.array([-1.2, 0.3, 0.9, -0.5, 0.8, -0.3])
    exact = ttost_paired(x, np.zeros(6), -0.01, 0.01)[0]
    assert multiplicity.equivalence(
        x.mean(), x.std(ddof=1) / math.sqrt(6), 5, 0.01
    ) == pytest.approx(exact, rel=1e-8)


def scored(means, persons=4000):
    """Arms and seeds whose every query has the mean score: nothing but seeds is uncertain."""
    means = np.asarray(means, dtype=float)
    return statistics.ScoreArray(means[:, :, None] + np.zeros(persons), np.arange(persons))


def judge(one, matrix, draws=500, groups=()):
    rng = np.random.default_rng(1)
    return contrasts.estimate_contrasts(one, np.array(matrix, dtype=float), rng, groups, draws)


def test_two_arms_are_the_paired_t_test_over_seeds():
    means = 0.5 + 0.01 * np.array([[1.0, 2, 0, 3], [2.0, 4, 3, 3.5]])
    found, exact = judge(scored(means, 50), [[-1, 1]]), scipy_stats.ttest_rel(means[1], means[0])
    assert found.p[0] == pytest.approx(exact.pvalue, rel=1e-6)
    assert found.d_z[0] == pytest.approx(
        (means[1] - means[0]).mean() / (means[1] - means[0]).std(ddof=1)
    )
    span = found.intervals()[0]
    assert (span.low, span.high) == pytest.approx(tuple(exact.confidence_interval()), abs=1e-6)


def test_a_sum_of_squares_of_equally_noisy_arms_is_the_two_way_analysis_of_variance():
    """Rows of equal size about the blocks: every contrast of all arms then has the pooled error and
    (A - 1)(S - 1)."""
    means = 0.5 + 0.01 * np.array([[1.0, -1, 0], [0, 1, -1], [-1, 0, 1]])
    found = judge(scored(means, 50), [[-1, 0.5, 0.5], [1, -0.5, -0.5]])
    assert seed_noise.pool_variances(means) == pytest.approx((0.01**2 * 6 / 4, 4))
    assert found.std_error == pytest.approx(
        np.sqrt(np.full(2, seed_noise.pool_variances(means)[0] * 1.5 / 3))
    )


def test_moderated_variances_of_arms_are_worked_by_hand():
    """Three seeds: d = 2. Rows sum to squares 2, 2 and 8, so s^2 = 1, 1, 4 and, with one degree of
    prior, 4/3, 4/3 and 10/3: weights 5/12, 5/12, 1/6 in the common shift.
    """
    means = np.array([[1.0, 0, -1], [-1.0, 0, 1], [2.0, -2, 0]])
    variance, weight = seed_noise.arm_variances(means)
    assert weight == pytest.approx([5 / 12, 5 / 12, 1 / 6])
    shift = np.array([1 / 3, -1 / 3, 0])
    squares = ((means - shift) ** 2).sum(axis=1) / 2 / (1 - weight)
    by_hand = (0.15 * squares.mean() + 2 * squares) / 2.15
    assert variance == pytest.approx(by_hand)
    found, freedom = seed_noise.contrast_variance(means, np.array([[-1.0, 0, 1]]))
    parts, linked = by_hand[[0, 2]] / 3, (weight / (1 - weight))[[0, 2]]
    assert found == pytest.approx([parts.sum()])
    correlated = (parts**2 * (1 - linked**2)).sum() + (parts * linked).sum() ** 2
    assert freedom == pytest.approx([2.15 * parts.sum() ** 2 / correlated])


def test_the_moderated_form_is_smyth_s():
    """limma's squeezed variance (d0 s0^2 + d s^2) / (d0 + d), with the prior's variance the mean
    over arms."""
    assert seed_noise.moderate_variances(np.array([0.5, 1.5, 4.0]), 4) == pytest.approx(
        [2.3 / 4.15, 6.3 / 4.15, 16.3 / 4.15]
    )


def test_one_seed_leaves_everything_unknown():
    found = judge(scored([[0.4], [0.5]], 20), [[-1, 1]])
    assert np.isnan(found.p).all()
    assert np.isnan(found.d_z).all()
    assert math.isnan(found.intervals()[0].low)
    assert np.isnan(multiplicity.max_t_adjust(found)[0]).all()


def test_a_family_of_one_is_the_contrast_by_itself():
    found = judge(scored(0.5 + 0.01 * np.array([[1.0, 2, 0, 3], [2.0, 4, 3, 3.5]]), 50), [[-1, 1]])
    assert multiplicity.max_t_adjust(found)[0] == pytest.approx(found.p)


def test_the_spread_of_draws_is_in_the_error_of_a_contrast_against_them():
    means = np.array([[0.5, 0.5], [0.40, 0.40], [0.44, 0.44], [0.48, 0.48]])
    found = judge(scored(means, 50), [[1, -1 / 3, -1 / 3, -1 / 3]], groups=[[1, 2, 3]])
    assert found.std_error[0] ** 2 == pytest.approx(0.04**2 / 3)
    assert found.df[0] == pytest.approx(2)


def test_a_noisy_arm_widens_its_own_contrasts_and_leaves_the_others():
    means = 0.5 + np.array(
        [[0.001, -0.001, 0], [0.0, 0.001, -0.001], [0.09, -0.1, 0.01], [-0.001, 0, 0.001]]
    )
    variance, freedom = seed_noise.contrast_variance(
        means, np.array([[1, 0, -1, 0.0], [1, -1, 0, 0]])
    )
    assert freedom[0] < 3, "the interval rests on the few degrees of freedom of that arm"
    assert variance[0] > 10 * variance[1]


def test_components_of_a_small_table_are_the_mean_squares_solved_by_hand():
    cells = np.array([[[1.0, 2], [3, 5]], [[2.0, 2], [6, 5]]])  # (arm, seed, person)
    squares, freedom = variance_components.mean_squares(cells, np.full(2, 0.5))
    assert freedom.tolist() == [1] * 6
    assert squares.sum() + ((cells.mean((1, 2)) - cells.mean()) ** 2).sum() * 4 == pytest.approx(
        ((cells - cells.mean()) ** 2).sum()
    )
    solved = variance_components.solve_components(squares, cells.shape)
    assert solved[5] == pytest.approx(squares[5])
    assert solved[2] == pytest.approx((squares[2] - squares[5]) / 2)


def test_components_are_those_of_restricted_maximum_likelihood():
    rng, (arms, repeats, persons) = np.random.default_rng(3), (3, 4, 8)
    values = 0.1 * rng.normal(size=persons) + 0.08 * rng.normal(size=(1, repeats, 1))
    values = (
        values
        + 0.06 * rng.normal(size=(arms, 1, persons))
        + 0.05 * rng.normal(size=(arms, repeats, 1))
    )
    values = (
        values
        + 0.04 * rng.normal(size=(1, repeats, persons))
        + 0.03 * rng.normal(size=(arms, repeats, persons))
    )
    found = variance_components.variance_components(
        statistics.ScoreArray(values, np.arange(persons)), rng
    )
    assert all(one.variance > 0 for one in found), "else the two estimators are not the same"
    a, s, p = (grid.ravel() for grid in np.indices(values.shape))
    one_hot = {
        "person": p,
        "seed": s,
        "arm x person": a * persons + p,
        "arm x seed": a * repeats + s,
        "seed x person": s * persons + p,
    }
    names = list(one_hot)
    mats = [[np.eye(code.max() + 1)[code]] for code in one_hot.values()]
    spec = VCSpec(names, [[[str(i) for i in range(m[0].shape[1])]] for m in mats], mats)
    model = MixedLM(
        10 * values.ravel(),
        np.eye(arms)[a],
        groups=np.zeros(values.size),
        exog_re=None,
        exog_vc=spec,
    )
    fitted = model.fit(reml=True)
    exact = dict(zip(names, fitted.vcomp / 100, strict=True)) | {"residual": fitted.scale / 100}
    for one in found:
        assert one.variance == pytest.approx(exact[one.name], rel=0.02), one.name


def test_draws_of_a_control_vary_by_their_own_component():
    luck = np.array([0.0, 0.1, -0.1])[:, None, None]
    values = luck + 1e-6 * np.random.default_rng(0).normal(size=(3, 3, 20))
    one = statistics.ScoreArray(values, np.arange(20))
    found = variance_components.control_draw_component(one, [[0, 1, 2]], np.random.default_rng(1))
    assert found.variance == pytest.approx(0.01, rel=1e-3)
    assert (
        variance_components.control_draw_component(one, [[0], [1]], np.random.default_rng(1))
        is None
    )


def test_effects_of_a_full_factorial_are_its_differences_of_means():
    signs = np.array([[a, b, c] for a in (-1, 1) for b in (-1, 1) for c in (-1, 1)])
    scores = 3 + 2 * (signs[:, 0] == 1) - 1.0 * signs[:, 1] * signs[:, 2]
    found = {one.name: one.weights @ scores for one in factorial.factorial_effects(signs, "ABC")}
    assert found == pytest.approx({"A": 2, "B": 0, "C": 0, "AB": 0, "AC": 0, "BC": -2})


def test_aliases_of_a_fraction_are_named_and_stand_once():
    basic = np.array([[a, b, c] for a in (-1, 1) for b in (-1, 1) for c in (-1, 1)])
    half = np.column_stack([basic, basic.prod(axis=1)])  # D = ABC, resolution IV
    found = {one.name: one.aliases for one in factorial.factorial_effects(half, "ABCD")}
    assert found["A"] == ()
    assert found["AB"] == ("CD",)
    assert len(found) == 7


def test_partial_omega_squared_is_that_of_the_analysis_of_variance():
    means = np.array([[1.0, 2, 1.5], [3, 4.2, 3.1], [1.2, 2.1, 1.4], [3.3, 3.9, 3.6]])
    residual = means - means.mean(1, keepdims=True) - means.mean(0) + means.mean()
    weights = np.array([-0.5, 0.5, -0.5, 0.5])
    f = ((weights @ means.mean(axis=1)) ** 2 * 3) / ((residual**2).sum() / 6)
    assert factorial.partial_omega_squared(means, weights) == pytest.approx((f - 1) / (f - 1 + 12))


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_shapley_values_are_averages_over_all_orders_and_add_up(count, seed):
    players = "ABCD"[:count]
    free = [frozenset(c) for size in range(count + 1) for c in combinations(players, size)]
    scores = np.random.default_rng(seed).random(len(free))
    worth = dict(zip(free, scores, strict=True))
    slow = [
        np.mean(
            [
                worth[frozenset(o[: o.index(x) + 1])] - worth[frozenset(o[: o.index(x)])]
                for o in permutations(players)
            ]
        )
        for x in players
    ]
    found = shapley.shapley_weights(free, players) @ scores
    assert found == pytest.approx(slow)
    assert found.sum() == pytest.approx(worth[frozenset(players)] - worth[frozenset()])


def test_a_fraction_has_no_shapley_values():
    with pytest.raises(ScoreError, match="4 combinations of A, B; 1 are missing"):
        shapley.shapley_weights([frozenset(), frozenset("A"), frozenset("AB")], "AB")


def test_three_budgets_are_refused_and_four_are_fitted_as_scipy_fits_them():
    from scipy.optimize import curve_fit

    sizes, scores = np.array([30.0, 60, 120, 240, 480]), np.array([0.21, 0.3, 0.349, 0.39, 0.41])
    with pytest.raises(ScoreError, match="found 3"):
        power_law.fit_power_law(sizes[:3], scores[None, :3])
    exact, _ = curve_fit(lambda n, c, b, p: c - b * n**-p, sizes, scores, p0=[0.5, 2, 0.6])
    found = power_law.fit_power_law(sizes, scores[None])
    assert (found.c[0], found.p[0]) == pytest.approx((exact[0], exact[2]), rel=0.02)
    assert found.at(240)[0] == pytest.approx(0.39, abs=0.01)


def test_a_score_that_falls_is_a_flat_line_that_is_there_at_once_or_never():
    found = power_law.fit_power_law(np.array([10.0, 20, 40, 80]), np.array([[0.5, 0.4, 0.3, 0.2]]))
    assert found.b[0] == 0
    assert power_law.images_to_reach(found, 0.3)[0] == 0
    assert power_law.images_to_reach(found, 0.6)[0] == np.inf


def test_pooled_targets_are_the_known_random_effects_mean():
    effects, variances = np.array([0.02, 0.05, -0.01, 0.04]), np.array([1, 2, 1.5, 1]) * 1e-4
    exact = combine_effects(effects, variances, method_re="iterated", use_t=True)
    found = meta_analysis.pool_effects(effects, variances, np.random.default_rng(0))
    assert found.tau**2 == pytest.approx(exact.tau2, rel=1e-4)
    assert found.value == pytest.approx(exact.mean_effect_re, rel=1e-5)
    half = scipy_stats.t.ppf(0.975, 3) * exact.sd_eff_w_re_hksj
    assert found.high - found.value == pytest.approx(half, rel=1e-3)
    assert found.expected_high - found.expected_low > 2 * half


def test_the_seeds_that_targets_share_widen_their_mean():
    effects, variances, rng = (
        np.array([0.02, 0.03, 0.025]),
        np.full(3, 1e-4),
        np.random.default_rng(0),
    )
    alone, shared = (
        meta_analysis.pool_effects(effects, variances, rng),
        meta_analysis.pool_effects(effects, variances, rng, 1e-4, 4),
    )
    assert shared.high - shared.low > alone.high - alone.low


def test_more_seeds_and_more_people_see_smaller_differences():
    noise = power.NoiseEstimate(0.004**2, 0.09**2, 0.0, "here")
    by_seeds = [power.smallest_difference(noise, count, 200, 6) for count in (2, 3, 5, 10)]
    by_people = [power.smallest_difference(noise, 5, people, 6) for people in (50, 200, 800)]
    assert by_seeds == sorted(by_seeds, reverse=True)
    assert by_people == sorted(by_people, reverse=True)
    enough = power.needed_size(noise, 5, 6, 0.02)
    assert (
        power.power(noise, 5, enough, 6, 0.02) >= 0.8 > power.power(noise, 5, enough - 1, 6, 0.02)
    )
    assert power.needed_size(power.NoiseEstimate(0.1, 0.0, 0.0, "loud"), 3, 6, 0.01) is None


def arms(*kinds):
    return {name: {"kind": kind, "levels": levels} for name, kind, levels in kinds}


def test_a_design_declares_its_families_before_anything_is_trained():
    facts = arms(
        ("only-a+b", "only", ["a", "b"]),
        ("mix", "mix", list("abcd")),
        ("random-images-1", "random-images", []),
    )
    facts |= arms(*((f"random-levels-q2-{k}", "random-levels", ["c", "d"]) for k in (1, 2)))
    found = estimands.declared_contrasts(
        split_of(design="only", reference="mix", arms=facts), list(facts)
    )
    assert [(one.family, one.name) for one in found] == [
        ("sufficiency", "only-a+b"),
        ("attribute effect", "only-a+b"),
        ("random images", "random-images"),
    ]
    assert found[1].weights == {
        "only-a+b": 1.0,
        "random-levels-q2-1": -0.5,
        "random-levels-q2-2": -0.5,
    }
    assert found[1].draws == ("random-levels-q2-1", "random-levels-q2-2")
    assert all(abs(sum(one.weights.values())) < 1e-12 for one in found)


def test_necessity_is_what_the_mixture_has_beyond_the_rest():
    facts = arms(("without-a", "without", ["b", "c"]), ("mix", "mix", list("abc")))
    (found,) = estimands.declared_contrasts(
        split_of(design="without", reference="mix", arms=facts), list(facts)
    )
    assert found.weights == {"mix": 1.0, "without-a": -1.0}


def test_a_path_has_slopes_and_one_over_all_of_it():
    facts = {f"path-{s}": {"kind": "path", "share": s / 100} for s in (0, 50, 100)}
    facts["full"] = {"kind": "full", "images": 900}  # another size: in no family
    found = estimands.declared_contrasts(
        split_of(design="path", reference="path-0", arms=facts), list(facts)
    )
    assert [one.name for one in found[:2]] == ["path-50", "path-100"], "each against the start"
    found = found[2:]
    assert [one.name for one in found] == ["path-0 to path-50", "path-50 to path-100", "whole path"]
    assert found[0].weights == {"path-50": 2.0, "path-0": -2.0}
    assert found[2].weights == pytest.approx({"path-0": -1.0, "path-100": 1.0})


def test_arms_that_are_not_there_are_not_compared():
    facts = arms(("only-a", "only", ["a"]), ("only-b", "only", ["b"]), ("mix", "mix", list("ab")))
    found = estimands.declared_contrasts(
        split_of(design="only", reference="mix", arms=facts), ["only-a", "mix"]
    )
    assert [one.name for one in found] == ["only-a"]
