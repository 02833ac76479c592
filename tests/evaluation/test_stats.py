"""Intervals that cover what they say, on numbers worked by hand and on simulated experiments."""

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from gprplus import statistics
from gprplus.statistics import identity_variance
from gprplus.statistics.variance_sum import half_widths


def constant(gap, arms=2, seeds=3, persons=5, per_person=2):
    """Arms that differ by exactly `gap` for every query and seed."""
    rng = np.random.default_rng(0)
    base = rng.random((1, 1, persons * per_person))
    values = base + gap * np.arange(arms)[:, None, None] + np.zeros((arms, seeds, 1))
    return statistics.ScoreArray(values, np.repeat(np.arange(persons), per_person))


@pytest.mark.parametrize("gap", [0.0, 0.1, 1 / 3])
def test_a_difference_that_never_varies_has_no_interval(gap):
    """Whether rounding leaves it a variance or not: nothing is known of its noise."""
    found = statistics.difference_intervals(constant(gap), 0)[1]
    assert found.value == pytest.approx(gap, abs=1e-12)
    assert math.isnan(found.low)
    assert math.isnan(found.high)


def test_an_arm_that_scores_1_everywhere_has_no_interval():
    perfect = statistics.ScoreArray(np.ones((1, 3, 6)), np.repeat(np.arange(3), 2))
    (found,) = statistics.arm_intervals(perfect)
    assert found.value == 1
    assert math.isnan(found.low)


def test_the_reference_has_no_interval_to_itself():
    own = statistics.difference_intervals(constant(0.1), 0)[0]
    assert own.value == 0
    assert math.isnan(own.low)


def test_one_seed_gives_a_score_and_no_interval():
    scored = constant(0.1, seeds=1)
    for one in (statistics.difference_intervals(scored, 0)[1], statistics.arm_intervals(scored)[1]):
        assert math.isfinite(one.value)
        assert math.isnan(one.low)
        assert math.isnan(one.high)


def test_with_two_arms_and_many_persons_it_is_the_t_interval_over_seeds():
    rng = np.random.default_rng(3)
    shift = rng.normal(0, 0.01, (2, 4, 1))
    values = np.full((2, 4, 4000), 0.5) + shift
    gaps = (shift[1] - shift[0])[:, 0]
    half = scipy_stats.t.ppf(0.975, 3) * gaps.std(ddof=1) / 2
    found = statistics.difference_intervals(statistics.ScoreArray(values, np.arange(4000)), 0)[1]
    assert found.high - found.value == pytest.approx(half, rel=1e-3)


def simulated(
    rng,
    arms,
    seeds,
    persons,
    person_sd=0.1,
    arm_person_sd=0.05,
    seed_sd=0.01,
    noise=0.04,
    per_person=4,
    uneven=1,
):
    """An experiment as the mixed model has it: persons, arm x person, arm x seed, the rest; true
    arm means are 0, 0.01, ... The seed noise of arm 1 is `uneven` times that of the others.
    """
    truth = 0.01 * np.arange(arms)
    person = np.repeat(np.arange(persons), per_person)
    values = 0.5 + truth[:, None, None] + rng.normal(0, person_sd, persons)[None, None, person]
    values = values + rng.normal(0, arm_person_sd, (arms, persons))[:, None, person]
    scale = np.where(np.arange(arms) == 1, uneven, 1)
    values = values + (rng.normal(0, seed_sd, (arms, seeds)) * scale[:, None])[:, :, None]
    values = values + rng.normal(0, noise, (arms, seeds, persons))[:, :, person]
    return statistics.ScoreArray(values, person), truth


@pytest.mark.parametrize(
    ("arms", "seeds", "persons", "seed_sd"),
    [(9, 2, 16, 0.01), (9, 2, 16, 0.03), (4, 5, 40, 0.02), (3, 2, 40, 0.0), (3, 8, 16, 0.02)],
)
def test_intervals_cover_the_truth_about_as_often_as_they_say(arms, seeds, persons, seed_sd):
    rng = np.random.default_rng([arms, seeds, persons])
    covered, widths = [], []
    for _ in range(120):
        scored, truth = simulated(rng, arms, seeds, persons, seed_sd=seed_sd)
        for arm, gap in enumerate(statistics.difference_intervals(scored, 0)):
            if arm:
                covered.append(gap.low <= truth[arm] - truth[0] <= gap.high)
                widths.append(gap.high - gap.low)
    assert 0.91 <= np.mean(covered) <= 0.995, f"covers {np.mean(covered):.3f}"


def test_the_floor_is_compared_with_its_own_seed_noise():
    rng = np.random.default_rng(2)
    scored, _ = simulated(rng, arms=3, seeds=3, persons=12)
    floor = statistics.ScoreArray(
        scored.values[:1] - 0.3 + rng.normal(0, 0.01, (1, 3, 1)), scored.identity
    )
    gap = statistics.floor_difference(floor, scored, 0)
    assert gap.low < -0.3 < gap.high
    assert gap.high < -0.2


def test_the_variance_of_a_mean_of_unequal_identities_is_worked_by_hand():
    """Identity means 0.2 (1 query), 0.5 (2), 0.6 (1): shares 1/4, 1/2, 1/4, mean 0.45, sum of
    squares 3/8."""
    scored = statistics.ScoreArray(np.array([[[0.2, 0.4, 0.6, 0.6]]]), np.array([0, 1, 1, 2]))
    found = identity_variance.identity_variance(scored)
    by_hand = (1 / 16) / (7 / 8) * (0.25**2 + 0.15**2) + (1 / 4) / (3 / 8) * 0.05**2
    assert found.covariance[0, 0] == pytest.approx(by_hand)
    assert found.df == pytest.approx(8 / 3 - 1)


def test_with_equal_queries_it_is_the_variance_of_a_mean():
    values = np.random.default_rng(0).normal(size=(1, 1, 12))
    found = identity_variance.identity_variance(
        statistics.ScoreArray(values, np.repeat(np.arange(6), 2))
    )
    means = values.reshape(6, 2).mean(axis=1)
    assert found.covariance[0, 0] == pytest.approx(means.var(ddof=1) / 6)
    assert found.df == pytest.approx(5)


@pytest.mark.parametrize("count", [5, 9, 20])
def test_unequal_numbers_of_queries_are_covered(count):
    rng, inside = np.random.default_rng(count), []
    for _ in range(300):
        share = 1 + rng.geometric(0.2, count)
        share = share / share.sum()
        means = rng.normal(size=(200, count))
        gap = means @ share
        variance = (means - gap[:, None]) ** 2 @ identity_variance.variance_factors(share)
        inside.append(
            (
                np.abs(gap)
                <= half_widths(
                    np.sqrt(variance), np.full(200, identity_variance.df_of_shares(share))
                )
            ).mean()
        )
    assert 0.93 <= np.mean(inside) <= 0.97


def test_one_identity_has_no_interval():
    found = identity_variance.identity_variance(
        statistics.ScoreArray(np.random.default_rng(0).random((2, 3, 4)), np.zeros(4, dtype=int))
    )
    assert found.df == 0
