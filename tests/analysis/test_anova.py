"""Functional ANOVA on tables small enough to work out, and on truths that are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gprplus.analysis import anova


def shares(table, factors, **options):
    return {
        e.name: e for e in anova.anova_effects(table, factors, np.random.default_rng(0), **options)
    }


def crossed(people=6, seed=0, noise=0.0, weather=(0.0, 2.0, 4.0), light=(0.0, 1.0), person=0.0):
    rng = np.random.default_rng(seed)
    table = np.array(weather)[None, :, None] + np.array(light)[None, None, :]
    table = table + person * rng.normal(size=(people, 1, 1))
    return table + noise * rng.normal(size=(people, len(weather), len(light)))


def test_a_table_by_hand():
    # Weather 0, 2, 4 has variance 8/3, light 0, 1 has 1/4, and nothing else happens: 32/35 and
    # 3/35.
    found = shares(crossed(), ["weather", "light"])
    assert found["weather"].share == pytest.approx(32 / 35)
    assert found["light"].share == pytest.approx(3 / 35)
    assert found["weather"].total == pytest.approx(32 / 35)
    assert found["identity"].share == pytest.approx(0, abs=1e-12)
    assert found["weather x light"].share == pytest.approx(0, abs=1e-12)


def test_a_person_by_hand():
    # Two persons at 0 and 2, nothing else: their variance estimate is 2, and all of it is theirs.
    table = np.array([0.0, 2.0])[:, None, None] + np.zeros((2, 2, 2))
    parts = anova.effect_components(table)
    _, apart = anova.component_variances(parts, np.ones((1, 2)))
    assert apart[0, 0] == pytest.approx(1.0)
    assert shares(table, ["a", "b"])["identity"].share == pytest.approx(1.0)


def test_three_persons_have_two_degrees_of_freedom():
    # Persons at 0, 3, -3 whom a moves by 1, 2, 3 to both sides: V_a = 2^2, V_pa = 2/3, V_p = 6.
    # With P - 1 = 2, theta_a = 4 - 1/3, sigma_pa = 1 and sigma_p = 9, together 41/3.
    table = np.array([[-1.0, 1.0], [1.0, 5.0], [-6.0, 0.0]])
    found = shares(table, ["a"], resamples=2)
    assert found["a"].share == pytest.approx(11 / 41)
    assert found["identity x a"].share == pytest.approx(3 / 41)
    assert found["identity"].share == pytest.approx(27 / 41)
    # One shuffle in four turns all three the same way, which is what the table shows.
    assert found["a"].null_high == pytest.approx(11 / 41)


def test_an_interaction_is_in_both_totals_and_in_no_main_effect():
    table = np.array([[1.0, -1.0], [-1.0, 1.0]])[None] + np.zeros((5, 2, 2))
    found = shares(table, ["a", "b"])
    assert found["a x b"].share == pytest.approx(1.0)
    assert found["a"].share == pytest.approx(0.0, abs=1e-12)
    assert found["a"].total == found["b"].total == pytest.approx(1.0)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10**6))
def test_components_add_up_sum_to_zero_and_are_what_loops_give(seed):
    table = np.random.default_rng(seed).normal(size=(3, 2, 3, 2))
    parts = anova.effect_components(table)
    assert np.allclose(sum(parts.values()), table)
    for u, part in parts.items():
        for axis in u:
            assert np.allclose(part.sum(axis=axis + 1), 0)
    for i, a in np.ndindex(3, 2):
        assert parts[(0,)][i, a, 0, 0] == pytest.approx(table[i, a].mean() - table[i].mean())


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10**6))
def test_drawn_persons_give_what_a_table_of_them_gives(seed):
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(4, 2, 3))
    drawn = rng.multinomial(4, np.full(4, 0.25))
    again = anova.component_variances(anova.effect_components(table), drawn[None].astype(float))
    copied = anova.component_variances(
        anova.effect_components(np.repeat(table, drawn, axis=0)), np.ones((1, 4))
    )
    assert np.allclose(again, copied)


def test_estimates_are_unbiased_where_the_plain_variance_is_not():
    # Light has no effect, noise is large: the plain share of light is far from 0, the estimate is 0
    # on average.
    found = [
        shares(
            crossed(5, seed, 2.0, light=(0.0, 0.0)), ["weather", "light"], resamples=2, shuffles=1
        )["light"].share
        for seed in range(300)
    ]
    assert abs(np.mean(found)) < 3 * np.std(found) / np.sqrt(len(found))


def test_intervals_cover_and_the_null_lies_over_a_factor_that_does_nothing():
    truth = (8 / 3) / (8 / 3 + 1 / 4 + 0.25 + 1)  # noise variance 1, persons 0.25
    covered, exceeded = 0, 0
    for seed in range(60):
        table = crossed(20, seed, 1.0, person=0.5)
        found = shares(table, ["weather", "light"], resamples=300, shuffles=1)["weather"]
        covered += found.low <= truth <= found.high
        idle = crossed(20, seed, 1.0, light=(0.0, 0.0))
        light = shares(idle, ["weather", "light"], resamples=2, shuffles=60)["light"]
        exceeded += light.share > light.null_high
    assert covered >= 50
    assert exceeded <= 8


def test_levels_that_change_each_person_in_another_way_are_no_effect_of_the_factor():
    rng, found = np.random.default_rng(3), []
    for _ in range(120):
        table = (
            rng.normal(size=(12, 1, 1))
            + 0.6 * rng.normal(size=(12, 4, 1))
            + 0.3 * rng.normal(size=(12, 4, 3))
        )
        weather, *_ = (
            e
            for e in anova.anova_effects(
                table, ["weather", "light"], rng, resamples=20, shuffles=199
            )
            if e.name == "weather"
        )
        found.append(weather.share > weather.null_high)
    assert np.mean(found) <= 0.025 + 3 * np.sqrt(0.025 * 0.975 / 120), (
        "names shuffled image by image flag one in seven"
    )


def test_a_constant_table_has_no_shares():
    found = shares(np.zeros((5, 2, 2)), ["a", "b"])
    assert all(np.isnan(effect.share) for effect in found.values())
