"""The estimators against one-pair-at-a-time twins, closed forms, and each other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import energy_distance

from gprplus.analysis import distance_estimators
from gprplus.analysis.level_distance import compare_levels


def slow(left, left_people, right, right_people, cost):
    """D by loops over pairs of images: pairs within one person never count."""

    def mean(xs, ps, ys, qs, own):
        kept = [
            cost(x, y)
            for x, p in zip(xs, ps, strict=True)
            for y, q in zip(ys, qs, strict=True)
            if not own or p != q
        ]
        return sum(kept) / len(kept)

    between = mean(left, left_people, right, right_people, own=False)
    return (
        2 * between
        - mean(left, left_people, left, left_people, own=True)
        - mean(right, right_people, right, right_people, own=True)
    )


def fast(left, left_people, right, right_people, measure, bandwidth=1.0, weights=None):
    parts = []
    for x, p, y, q in (
        (left, left_people, right, right_people),
        (left, left_people, left, left_people),
        (right, right_people, right, right_people),
    ):
        cost = distance_estimators.costs(distance_estimators.squared_distances(x, y), bandwidth)[
            measure
        ]
        parts.append(distance_estimators.block_sums(cost, p, q))
    wx, wy = weights or (np.ones((1, left_people.max() + 1)), np.ones((1, right_people.max() + 1)))
    return (
        2 * distance_estimators.between_groups(parts[0], wx, wy)
        - distance_estimators.within_group(parts[1], wx)
        - distance_estimators.within_group(parts[2], wy)
    )[0]


COSTS = {
    "energy": lambda x, y: float(np.linalg.norm(x - y)),
    "mmd2": lambda x, y: 1 - float(np.exp(-((x - y) ** 2).sum() / (2 * 1.3**2))),
}


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10**6), st.sampled_from(sorted(COSTS)))
def test_block_sums_give_what_loops_over_pairs_give(seed, measure):
    rng = np.random.default_rng(seed)
    left, right = rng.normal(size=(9, 3)), rng.normal(1, 2, size=(7, 3))
    people, others = np.array([0, 0, 1, 1, 2, 2, 2, 3, 3]), np.array([0, 1, 1, 2, 2, 2, 3])
    expected = slow(left, people, right, others, COSTS[measure])
    assert fast(left, people, right, others, measure, 1.3) == pytest.approx(expected, abs=1e-9)


def test_a_person_drawn_twice_weighs_twice_and_is_never_their_own_neighbour():
    rng = np.random.default_rng(1)
    left, right = rng.normal(size=(6, 2)), rng.normal(size=(4, 2))
    people, others = np.array([0, 0, 1, 1, 2, 2]), np.arange(4)
    twice = np.concatenate([left, left[:2]]), np.concatenate([people, people[:2]])
    weights = (np.array([[2.0, 1.0, 1.0]]), np.ones((1, 4)))
    weighted = fast(left, people, right, others, "energy", weights=weights)
    assert weighted == pytest.approx(slow(*twice, right, others, COSTS["energy"]), abs=1e-9)


def test_a_pair_by_hand():
    # x at 0 and 2, y at 1 and 5: E|x-y| = (1+5+1+3)/4 = 2.5, E|x-x'| = 2, E|y-y'| = 4
    left, right, people = np.array([[0.0], [2.0]]), np.array([[1.0], [5.0]]), np.arange(2)
    assert fast(left, people, right, people, "energy") == pytest.approx(2 * 2.5 - 2 - 4)


def test_a_narrow_kernel_sees_a_longer_way_than_a_wide_one():
    # Two apart, bandwidth 2, so halved 1 and doubled 4: 1 - exp(-2), 1 - exp(-1/2), 1 - exp(-1/8).
    names = ("mmd2_narrow", "mmd2", "mmd2_wide")
    made = distance_estimators.every_cost(np.array([[0.0]]), np.array([[2.0]]), 2.0, names)
    assert [float(made[name][0, 0]) for name in names] == pytest.approx(
        [0.8647, 0.3935, 0.1175], abs=1e-4
    )


def test_in_one_dimension_it_approaches_scipys_energy_distance():
    rng = np.random.default_rng(2)
    left, right = rng.normal(size=1000), rng.normal(0.8, 1.5, size=1000)
    people = np.arange(1000)
    ours = fast(left[:, None], people, right[:, None], people, "energy")
    assert ours == pytest.approx(energy_distance(left, right) ** 2, abs=0.01)


def test_shifted_gaussians_give_the_closed_forms():
    # One dimension, unit variance, shift d. |x - x'| ~ N(0, 2) folded: E = 2/sqrt(pi). Energy: 2
    # E|N(d, 2)| - 4/sqrt(pi). MMD^2 with bandwidth s: 2 s/sqrt(s^2+2) (1 - exp(-d^2 / (2
    # (s^2+2)))).
    d, s, n = 1.0, 1.5, 1000
    rng = np.random.default_rng(3)
    left, right, people = rng.normal(size=(n, 1)), rng.normal(d, 1, size=(n, 1)), np.arange(n)
    folded = 2 / np.sqrt(np.pi) * np.exp(-(d**2) / 4) + d * (1 - 2 * normal_below(-d / np.sqrt(2)))
    assert fast(left, people, right, people, "energy") == pytest.approx(
        2 * folded - 4 / np.sqrt(np.pi), abs=0.06
    )
    closed = 2 * s / np.sqrt(s**2 + 2) * (1 - np.exp(-(d**2) / (2 * (s**2 + 2))))
    assert fast(left, people, right, people, "mmd2", s) == pytest.approx(closed, abs=0.03)


def normal_below(x: float) -> float:
    from math import erf, sqrt

    return 0.5 * (1 + erf(x / sqrt(2)))


@pytest.mark.parametrize("measure", ["energy", "mmd2"])
def test_alike_sides_scatter_around_zero_even_when_images_of_a_person_agree(measure):
    """A person's four images nearly coincide: leaving out only pairs of an image with itself would
    lie far above 0."""
    values = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        people = np.repeat(np.arange(15), 4)
        left, right = (
            rng.normal(size=(15, 2))[people] + 0.01 * rng.normal(size=(60, 2)) for _ in range(2)
        )
        values.append(fast(left, people, right, people, measure))
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(len(values))
    assert min(values) < 0 < max(values)


def test_the_median_distance_is_the_median_and_never_zero():
    points = np.array([[0.0], [1.0], [3.0]])
    assert distance_estimators.median_distance(points) == 2.0
    assert distance_estimators.median_distance(np.zeros((5, 2))) == 1.0


def test_draws_begin_with_everybody_once_and_then_draw_as_many():
    drawn = distance_estimators.bootstrap_blocks(7, 50, np.random.default_rng(0))
    assert drawn.shape == (51, 7)
    assert (drawn[0] == 1).all()
    assert (drawn.sum(axis=1) == 7).all()


def levels(shifts, people=40, images=3, seed=0):
    """Features of matched images: person and stratum effects shared by the levels, each level moved
    by its shift."""
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(people), images)
    base = rng.normal(size=(people, 2))[who] + 0.3 * rng.normal(size=(len(who), 2))
    return np.stack([base + shift for shift in shifts], axis=1), who


def scored(source, people, target, target_people, seed=0):
    scores = compare_levels(
        source, people, target, target_people, 1.5, np.random.default_rng(seed), draws=(300, 100)
    )
    return {(score.level, score.measure): score for score in scores}


def test_a_planted_shift_is_ranked_outside_the_null_and_inside_its_interval():
    source, people = levels([0.0, 1.0, 2.0])
    target, target_people = levels([0.0], seed=9)
    scores = scored(source, people, target[:, 0], target_people)
    for measure in ("energy", "mmd2"):
        near, mid, far = (scores[level, measure] for level in range(3))
        assert near.distance < mid.distance < far.distance
        assert near.distance < near.null_low
        assert far.distance > far.null_high
        for score in (near, mid, far):
            assert score.low < score.distance < score.high


def test_levels_that_mean_nothing_stay_within_the_null():
    source, people = levels([0.0, 0.0, 0.0])
    source = source + 0.2 * np.random.default_rng(4).normal(size=source.shape)
    target, target_people = levels([1.0], seed=9)
    for score in scored(source, people, target[:, 0], target_people).values():
        width = score.null_high - score.null_low
        assert score.null_low - width < score.distance < score.null_high + width


def test_a_score_does_not_depend_on_which_other_levels_are_scored():
    source, people = levels([0.0, 1.0, 2.0])
    target, target_people = levels([0.5], seed=9)
    both = scored(source, people, target[:, 0], target_people)
    one = scored(source[:, :1], people, target[:, 0], target_people)
    assert one[0, "energy"].distance == pytest.approx(both[0, "energy"].distance)
    assert one[0, "energy"].low == pytest.approx(both[0, "energy"].low)


@pytest.mark.slow
def test_intervals_cover_the_true_distance():
    """Shifted persons, closed form known: 95% intervals hold it in about 95 of 100 samples."""
    d, inside, trials = 1.0, 0, 100
    folded = 2 / np.sqrt(np.pi) * np.exp(-(d**2) / 4) + d * (1 - 2 * normal_below(-d / np.sqrt(2)))
    truth = 2 * folded - 4 / np.sqrt(np.pi)
    people = np.repeat(np.arange(60), 2)
    for seed in range(trials):
        rng = np.random.default_rng(seed)
        left, right = (rng.normal(shift, 1, size=(60, 1))[people] for shift in (0, d))
        score = scored(left[:, None], people, right, people, seed)[0, "energy"]
        inside += score.low <= truth <= score.high
    assert 88 <= inside <= 100
