"""Moderated variances by hand and by numerical integration, and simultaneous intervals against
Dunnett's table."""

import numpy as np
import pytest
from numpy.polynomial.hermite_e import hermegauss
from scipy import integrate, optimize, special
from scipy import stats as scipy_stats

from gprplus.statistics import (
    contrasts,
    identity_variance,
    multiplicity,
    power,
    seed_noise,
    variance_components,
)
from gprplus.statistics.contrasts import ContrastEstimates
from gprplus.statistics.identity_variance import ScoreArray
from gprplus.statistics.variance_sum import two_sided

# Dunnett (1964, Biometrics 20), table of two-sided 5% critical values for k = 2..9 comparisons with
# a control; each value is computed again below.
DUNNETT = {
    5: [3.03, 3.29, 3.48, 3.62, 3.73, 3.82, 3.90, 3.97],
    10: [2.57, 2.76, 2.89, 2.99, 3.07, 3.14, 3.19, 3.24],
    20: [2.38, 2.54, 2.65, 2.73, 2.80, 2.86, 2.90, 2.95],
    np.inf: [2.21, 2.35, 2.44, 2.51, 2.57, 2.61, 2.65, 2.69],
}
MEANS = np.array([[1.0, 0, -1], [-1.0, 0, 1], [2.0, -2, 0]])  # three arms, three seeds


def to_first(arms):
    return (np.eye(arms) - np.eye(arms)[0])[1:]


@pytest.mark.parametrize("freedom", [1, 2, 4])
def test_the_moderated_variance_is_the_posterior_of_smyth_2004(freedom):
    """1 / E(1 / sigma^2 | s^2) by integration, with the prior 1 / sigma^2 ~ chi^2(d0) / (d0 s0^2)
    of Smyth (2004).

    limma's own example of squeezeVar is of random numbers without printed results, so no published
    figures are used.
    """
    squares, prior = np.array([0.5, 1.5, 4.0]), seed_noise.PRIOR
    center = squares.mean()

    def posterior(log_precision, square, weight):
        """The density of log(1 / sigma^2), times 1 / sigma^2 to the power `weight`."""
        precision = np.exp(log_precision)
        density = scipy_stats.chi2.pdf(precision * prior * center, prior) * precision
        likelihood = scipy_stats.chi2.pdf(freedom * square * precision, freedom) * precision
        return density * likelihood * precision**weight

    for square, found in zip(squares, seed_noise.moderate_variances(squares, freedom), strict=True):
        mass, mean = (
            integrate.quad(posterior, -40, 8, (square, weight), limit=400)[0] for weight in (0, 1)
        )
        assert found == pytest.approx(mass / mean, rel=1e-6)


def test_arm_variances_by_hand():
    """Squares about the arms' means are 2, 2 and 8 with 2 degrees: s^2 = 1, 1, 4, mean 2; with one
    degree of prior (2 + 2 s^2) / 3 = 4/3, 4/3, 10/3, so that the arms weigh 5/12, 5/12, 1/6 in the
    common shift (1/3, -1/3, 0).

    About the shift the squares are 14/9, 26/9 and 50/9. Over 2 (1 - h) these are 4/3, 52/21 and
    10/3, with mean 50/21. Moderated: (0.15 x 50/21 + 2 x 4/3) / 2.15 = 1.406423, likewise 2.469546
    and 3.266888.
    """
    variance, weight = seed_noise.arm_variances(MEANS)
    assert weight == pytest.approx([5 / 12, 5 / 12, 1 / 6])
    assert variance == pytest.approx([1.406423, 2.469546, 3.266888], abs=1e-6)


def test_a_contrast_by_hand():
    """The third arm less the first: (1.406423 + 3.266888) / 3 = 1.557770. With parts 0.468808 and
    1.088963, and 5/7 and 1/5 as h / (1 - h), the square is 0.219781 x 24/49 + 1.185840 x 24/25 +
    (0.334863 + 0.217793)^2 = 1.551482, and the degrees of freedom are 2.15 x 1.557770^2 / 1.551482
    = 3.36282.
    """
    variance, freedom = seed_noise.contrast_variance(MEANS, np.array([[-1.0, 0, 1]]))
    assert variance == pytest.approx([1.557770], abs=1e-6)
    assert freedom == pytest.approx([3.36282], abs=1e-4)


@pytest.mark.parametrize("scale", [[1, 1, 1, 1], [3, 1, 1, 1]], ids=["alike", "reference noisy"])
def test_the_variance_of_a_contrast_is_that_of_simulated_means(scale):
    """The mean of the estimates against the variance of 40,000 simulated differences, five seeds
    each."""
    noise = np.random.default_rng(0).normal(size=(40_000, 4, 5)) * np.array(scale)[:, None]
    truth = (noise.mean(axis=2) @ to_first(4).T).var(axis=0)
    found = seed_noise.contrast_variance(noise, to_first(4))[0].mean(axis=0)
    assert found == pytest.approx(truth, rel=0.06)


def by_integration(count, freedom, level=0.95):
    """The two-sided point of `count` comparisons with one control that all of them are below with
    probability `level`, equal variances, from Dunnett's integral."""
    control, weight = hermegauss(120)
    ranks = (np.arange(400) + 0.5) / 400
    known = np.isinf(freedom)
    scale = np.ones(1) if known else np.sqrt(scipy_stats.chi2.ppf(ranks, freedom) / freedom)

    def missed(point):
        bound = np.sqrt(2) * point * scale[:, None]
        inside = (special.ndtr(control + bound) - special.ndtr(control - bound)) ** count
        return level - (inside @ weight).mean() / weight.sum()

    return optimize.brentq(missed, 0.05, 6)


@pytest.mark.parametrize("freedom", DUNNETT)
def test_dunnett_s_table_is_copied_correctly(freedom):
    assert [by_integration(count, freedom) for count in range(2, 10)] == pytest.approx(
        DUNNETT[freedom], abs=0.006
    )


@pytest.mark.parametrize("freedom", DUNNETT)
@pytest.mark.parametrize("count", [2, 5, 9])
def test_simultaneous_half_widths_of_a_multivariate_t_are_dunnett_s(freedom, count):
    shape = (np.eye(count) + 1) / 2
    drawn = scipy_stats.multivariate_t.rvs(shape=shape, df=freedom, size=40_000, random_state=count)
    known = min(freedom, 1e6)
    found = ContrastEstimates(
        np.zeros(count),
        np.ones(count),
        np.full(count, known),
        np.full(count, np.nan),
        two_sided(drawn, known),
    )
    assert multiplicity.max_t_adjust(found)[1] == pytest.approx(
        np.full(count, DUNNETT[freedom][count - 2]), rel=0.015
    )


@pytest.mark.parametrize("count", [2, 5, 9])
def test_with_many_identities_alone_an_experiment_has_dunnett_s_point_of_known_variances(count):
    """Arms without seed noise on 100 identities, whose variances have 99 degrees of freedom."""
    values = np.random.default_rng(count).normal(size=(count + 1, 1, 100)) + np.zeros(
        (count + 1, 2, 1)
    )
    judged = contrasts.estimate_contrasts(
        ScoreArray(values, np.arange(100)),
        to_first(count + 1),
        np.random.default_rng(1),
        draws=8000,
    )
    wanted = by_integration(count, 99)
    assert multiplicity.max_t_adjust(judged)[1] / judged.std_error == pytest.approx(
        np.full(count, wanted), rel=0.03
    )


@pytest.mark.parametrize("level", [0.3, 0.95, 0.99])
@pytest.mark.parametrize("count", [2, 6])
def test_a_plan_for_identities_alone_has_dunnett_s_point_at_every_level(count, level):
    """Variances have 199 degrees of freedom, so that the root of the mean squared half width is the
    point times the standard error."""
    noise = power.NoiseEstimate(0.0, 0.05**2, 0.0, "identities alone")
    half = power.half_widths_of(noise, seeds=3, persons=200, arms=count + 1, level=level)
    error = power.difference_error(noise, seeds=3, persons=200)
    wanted = by_integration(count, 199, level) * error
    assert np.sqrt((half**2).mean()) == pytest.approx(wanted, rel=0.03)


ALL_PARTS, SINGLE_SCORES = (0.02, 0.05, 0.03), (0.0, 0.0, 0.1)


@pytest.mark.parametrize(
    ("persons", "arms", "repeats", "noise"),
    [
        (60, 8, 2, ALL_PARTS),
        (60, 8, 3, ALL_PARTS),
        (12, 5, 3, ALL_PARTS),
        (12, 5, 3, SINGLE_SCORES),
        (60, 8, 3, SINGLE_SCORES),
    ],
)
def test_the_smallest_difference_of_a_plan_is_seen_in_80_percent_of_experiments(
    persons, arms, repeats, noise
):
    """Seen as the verdict sees it: the simultaneous interval of the arm excludes 0. Scores are
    drawn cell by cell, with standard deviations of seeds, identities and single scores."""
    seed, identity, rest = noise
    planned, trials = power.NoiseEstimate(seed**2, identity**2, rest**2, "as drawn below"), 300
    shift = power.smallest_difference(planned, repeats, persons, arms)
    rng, found = np.random.default_rng([persons, arms, repeats]), 0
    for _ in range(trials):
        values = rng.normal(0, identity, (arms, 1, persons))
        values = values + rng.normal(0, seed, (arms, repeats, 1))
        values = values + rng.normal(0, rest, (arms, repeats, persons))
        values[1] += shift
        judged = contrasts.estimate_contrasts(
            ScoreArray(values, np.arange(persons)), to_first(arms), rng, draws=500
        )
        found += multiplicity.max_t_adjust(judged)[0][0] < 0.05
    assert 0.73 <= found / trials <= 0.87, "80% with three binomial errors"


def test_a_plan_has_the_error_of_the_verdict_with_unequal_queries():
    """Two arms on identities with 1, 2, 3 and 6 queries: with components above 0, the error that a
    plan for the same seeds and identities states is that of the contrast, to rounding. With equal
    weights of identities it was twice as large where single queries vary most."""
    counts = np.array([1, 2, 3, 6])
    identity, rng = np.repeat(np.arange(4), counts), np.random.default_rng(0)
    values = rng.normal(0, 0.1, (2, 1, 4))[:, :, identity] + rng.normal(0, 0.1, (2, 3, 1))
    scored = ScoreArray(values + rng.normal(0, 0.05, (2, 3, 12)), identity)
    found = contrasts.estimate_contrasts(scored, to_first(2), rng, draws=10)
    components = variance_components.clip_variances(
        variance_components.variance_components(scored, rng, draws=10)
    )
    assert all(components[name] > 0 for name in ("arm x seed", "arm x person", "residual"))
    noise = power.noise_from_components(components, "measured")
    assert identity_variance.effective_identities(identity) == pytest.approx(144 / 50)
    assert power.difference_error(noise, 3, 144 / 50) == pytest.approx(found.std_error[0])


def test_components_of_one_query_each_are_the_usual_mean_squares():
    """Two arms, two seeds, identities with 1, 1 and 2 queries, scores of one arm moved by identity
    alone: by 0, 3 and 6, so that the difference of the arms has the weighted mean 3.75.

    About it the deviations are -3.75, -0.75 and 2.25. With w = 1/4, 1/4, 1/2 and a sum of squares
    of 3/8, k = 1/14, 1/14 and 2/3, and the variance of the mean difference is (14.0625 + 0.5625) /
    14 + 5.0625 x 2/3 = 4.419643. A component of one arm is half of that, times 8/3 identities.
    """
    identity = np.array([0, 1, 2, 2])
    values = np.zeros((2, 2, 4))
    values[1] += np.array([0.0, 3, 6, 6])
    found = variance_components.variance_components(
        ScoreArray(values, identity), np.random.default_rng(0), draws=10
    )
    variance = variance_components.clip_variances(found)
    assert variance["arm x person"] == pytest.approx(4.419643 / 2 * 8 / 3, abs=1e-5)
    assert variance["residual"] == pytest.approx(0, abs=1e-12)


def test_an_effective_number_of_identities_below_two_has_no_components():
    scored = ScoreArray(np.random.default_rng(0).random((2, 3, 11)), np.array([0] * 10 + [1]))
    assert variance_components.variance_components(scored, np.random.default_rng(0)) == []
