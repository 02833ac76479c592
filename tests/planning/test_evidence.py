"""Evidence by level: probabilities of being best, levels between, holes, rare identities."""

import math
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from gprplus.planning.cells import CandidateCells
from gprplus.planning.evidence.effects import _by_attribute, _evidence
from gprplus.planning.evidence.failures import clustered_mean, failures_by_level
from gprplus.planning.evidence.holes import hole_weights
from gprplus.planning.evidence.level_evidence import (
    UNKNOWN,
    LevelEstimate,
    LevelEvidence,
    best_probabilities,
    evidence_of_levels,
    halfway_neighbors,
    with_halfway_levels,
)
from gprplus.planning.evidence.path_shares import path_evidence
from gprplus.planning.rare_identities import pick_rare


def evidence(levels, estimate, error):
    return LevelEvidence(
        "test", "weather", levels, np.array(estimate), np.array(error), ("",) * len(levels)
    )


def test_of_two_levels_the_probability_is_that_of_a_normal_difference():
    found = best_probabilities(
        np.array([1.0, 0.0]), np.array([0.6, 0.8]), np.random.default_rng(0), 200_000
    )
    assert found[0] == pytest.approx(norm.cdf(1.0), abs=0.005)  # the difference has error 1
    assert found.sum() == pytest.approx(1)


def test_without_evidence_levels_are_even_and_an_unknown_one_keeps_its_share():
    rng = np.random.default_rng(0)
    even = evidence(("a", "b", "c"), [0.0, 0.0, 0.0], [1.0, 1.0, 1.0]).shares(rng)
    assert even == pytest.approx([1 / 3] * 3, abs=0.02)
    found = evidence(("a", "b", "new"), [9.0, 0.0, math.nan], [0.1, 0.1, math.nan]).shares(rng)
    assert found == pytest.approx([2 / 3, 0.0, 1 / 3])


def test_a_level_between_two_is_their_mean_with_half_their_difference_as_error():
    levels = ["noon", "dusk", "noon-dusk"]
    neighbors = halfway_neighbors("illumination", levels)
    assert neighbors == [None, None, (0, 1)]
    estimate, error = with_halfway_levels(
        neighbors, np.array([2.0, 4.0, math.nan]), np.array([0.6, 0.8, math.nan])
    )
    assert estimate[2] == 3.0
    assert error[2] == pytest.approx(math.sqrt(0.25 * (0.36 + 0.64) + 1.0))


def test_a_level_between_two_states_so_and_one_beside_an_unknown_level_stays_unknown():
    levels = ("noon", "dusk", "noon-dusk", "night", "dusk-night")
    noon, dusk = LevelEstimate(2.0, 0.6, "two"), LevelEstimate(4.0, 0.8, "four")
    found = evidence_of_levels("test", "illumination", levels, [noon, dusk, *[UNKNOWN] * 3])
    assert found.estimate[:3].tolist() == [2.0, 4.0, 3.0]
    assert np.isnan(found.estimate[3:]).all()
    assert found.sentences == ("two", "four", "between its neighbors", "", "")


def test_viewpoints_wrap_around_the_circle():
    assert halfway_neighbors("viewpoint_deg", [0, 120, 240, 300]) == [None, (0, 2), None, (2, 0)]


@given(st.lists(st.integers(0, 30), min_size=1, max_size=12), st.integers(1, 200))
def test_filling_holes_is_filling_with_water(counts, added):
    counts = np.array(counts)
    filled = counts + hole_weights(counts, added) * added
    raised = filled > counts + 1e-9
    assert filled.sum() == pytest.approx(counts.sum() + added)
    assert filled[raised] == pytest.approx(filled[raised].max() if raised.any() else [])
    assert (counts[~raised] >= filled[raised].max() - 1e-9).all()  # dry cells are above the level


def test_the_error_of_a_mean_counts_identities_and_not_queries():
    value, error = clustered_mean(np.array([0.2, 0.2, 0.2, 0.8]), np.array([5, 5, 5, 9]))
    assert value == pytest.approx(0.35)
    one, _ = clustered_mean(np.repeat([0.2, 0.8], 50), np.repeat([0, 1], 50))
    two, error_two = clustered_mean(np.array([0.2, 0.8]), np.array([0, 1]))
    assert (one, two) == pytest.approx((0.5, 0.5))
    assert clustered_mean(np.repeat([0.2, 0.8], 50), np.repeat([0, 1], 50))[1] == pytest.approx(
        error_two
    )
    assert error > 0


def test_failures_are_counted_by_level_for_numbers_too():
    cells = CandidateCells({"camera_height_m": (1.0, 2.75)})
    images = pa.table(
        {"uid": pa.array([7, 8, 9, 6], pa.uint64()), "camera_height_m": [1.0, 2.75, 1.0, 2.75]}
    )
    uids, failed = np.array([6, 7, 8, 9], np.uint64), np.array([0.8, 0.1, 0.6, 0.3])
    problem = SimpleNamespace(cells=cells, target_name="town")
    (found,) = failures_by_level(problem, images, uids, failed, np.array([0, 0, 1, 1]))
    assert found.estimate == pytest.approx([0.2, 0.7])
    assert found.sentences == ("mAP 80.0 of 2 queries", "mAP 30.0 of 2 queries")


@given(
    st.lists(st.sampled_from("abc"), min_size=6, max_size=20),
    st.integers(1, 6),
    st.dictionaries(st.sampled_from("abc"), st.integers(0, 9)),
)
def test_the_next_identity_has_the_rarest_level_that_is_left(levels, count, known):
    found = pick_rare({"hat": np.array(levels)}, count, {"hat": known})
    seen = {level: known.get(level, 0) for level in set(levels)}
    left = list(range(len(levels)))
    for place, counts in found:  # brute force: the first of those with the smallest count
        best = min(left, key=lambda i: (seen[levels[i]], i))
        assert seen[levels[place]] == seen[levels[best]] == counts["hat"]
        seen[levels[place]] += 1
        left.remove(place)


def test_levels_of_a_factorial_differ_by_its_main_effect_with_its_error():
    """A main effect of one standard error: the restricted level is the better one with the
    probability of one standard deviation of a normal distribution."""
    factor = SimpleNamespace(attribute="weather", restricted=["foggy"])
    split = SimpleNamespace(factorial=SimpleNamespace(factors={"A": factor}))
    row = {"family": "main effects", "contrast": "weather", "value": 0.02, "error": 0.02}
    ((attribute, effects),) = _by_attribute(split, [row])
    found = _evidence(attribute, ("foggy", "sunny"), effects)
    assert found.shares(np.random.default_rng(0))[0] == pytest.approx(norm.cdf(1), abs=0.01)
    assert found.sentences == (
        "+2.0 +- 2.0 points of mAP when restricted to it",
        "+2.0 +- 2.0 points of mAP without it",
    )


def test_a_path_of_equal_arms_prefers_neither_end():
    """Its first arm is the reference of all contrasts, and as uncertain as the others."""
    arms = {f"path-{p}": SimpleNamespace(share=p / 100) for p in (0, 25, 50, 75, 100)}
    split = SimpleNamespace(
        path=SimpleNamespace(start=["sunny"], end=["foggy"]), attribute="weather", arms=arms
    )
    rows = [
        {"family": "to the reference", "contrast": name, "value": 0.0, "error": 0.01}
        for name in list(arms)[1:]
    ]
    found = path_evidence(split, rows, ("sunny", "foggy"), 0)
    assert found.given == pytest.approx([0.5, 0.5], abs=0.01)


def test_a_path_gives_its_ends_the_share_that_is_best():
    split = SimpleNamespace(
        path=SimpleNamespace(start=["sunny"], end=["foggy", "snowlight"]),
        attribute="weather",
        arms={f"path-{p}": SimpleNamespace(share=p / 100) for p in (0, 50, 100)},
    )
    rows = [
        {"family": "to the reference", "contrast": "path-50", "value": 0.2, "error": 0.01},
        {"family": "to the reference", "contrast": "path-100", "value": 0.1, "error": 0.01},
        {"family": "slope", "contrast": "whole path", "value": 9.0, "error": 0.01},
    ]
    levels = ("sunny", "foggy", "snowlight", "neutral")
    found = path_evidence(split, rows, levels, 0)
    # Half of the mass of the three levels to either end; the fourth keeps its quarter.
    assert found.shares(np.random.default_rng(0)) == pytest.approx([0.375, 0.1875, 0.1875, 0.25])
    assert found.sentences == ("best share on the path 50%",) * 3 + ("",)
    assert path_evidence(split, [], levels, 0) is None
    assert path_evidence(split, rows, ("sunny", "neutral"), 0) is None
