"""Held-out differences to controls, against slow jackknives, and how often a subset is named
nearest."""

import numpy as np
import pytest

from gprplus.analysis.subset_search import holdout
from gprplus.analysis.subset_search.baselines import SubsetProblem
from gprplus.analysis.subset_search.differences import (
    DiscrepancyParts,
    control_differences,
    is_nearest,
)
from gprplus.analysis.subset_search.kernels import Kernels, build_kernels

CELLS = 4
ONE, TWO = np.array([0.7, 0.1, 0.1, 0.1]), np.array([0.1, 0.2, 0.3, 0.4])


def known(source=5, target=6, images=3, seed=0):
    """Kernels of random points: source identities in 4 cells, target identities of `images` images
    each."""
    rng = np.random.default_rng(seed)
    people = np.repeat(np.arange(target), images)
    source_points = rng.normal(size=(source, 1, 3)) + rng.normal(size=(source, CELLS, 3))
    return build_kernels(source_points, rng.normal(size=(len(people), 3)), people)[0]


def slow(found, weights, source=None, images=None):
    """The discrepancy up to a constant, by loops over pairs of identities and over images."""
    source = range(len(found.inside)) if source is None else source
    images = range(len(found.people)) if images is None else images
    pairs = [weights @ found.inside[p, :, q] @ weights for p in source for q in source if p != q]
    across = [weights @ found.across[p, :, t] for p in source for t in images]
    return np.mean(pairs) - 2 * np.mean(across)


def all_of(found):
    return np.ones(len(found.people), dtype=bool)


def test_the_difference_is_that_of_the_unbiased_discrepancies():
    found = known()
    (one,) = control_differences(
        found, all_of(found), ONE, {"even": [TWO]}, np.random.default_rng(0)
    )
    assert one.value == pytest.approx(slow(found, TWO) - slow(found, ONE), abs=1e-6)
    held = holdout.HoldoutScorer.of(found, all_of(found))
    assert one.value == pytest.approx(held.discrepancy(TWO) - held.discrepancy(ONE), abs=1e-6)


def test_a_random_control_is_the_mean_of_its_draws():
    found = known()
    (one,) = control_differences(
        found, all_of(found), ONE, {"random-levels": [TWO, TWO[::-1]]}, np.random.default_rng(0)
    )
    mean = (slow(found, TWO) + slow(found, TWO[::-1])) / 2
    assert one.value == pytest.approx(mean - slow(found, ONE), abs=1e-6)


def test_pseudo_values_are_those_of_a_jackknife_over_source_identities():
    found, people = known(), 5
    whole = slow(found, ONE)
    without = [slow(found, ONE, source=[q for q in range(people) if q != p]) for p in range(people)]
    wanted = [people * whole - (people - 1) * each for each in without]
    assert DiscrepancyParts.of(found, all_of(found), ONE).source == pytest.approx(wanted, abs=1e-5)


def test_target_terms_give_the_jackknife_over_target_identities():
    """With equal numbers of images the variance of the mean term is the jackknife's (I - 1) / I sum
    of squares."""
    found, count = known(), 6
    without = np.array(
        [slow(found, ONE, images=np.flatnonzero(found.people != i)) for i in range(count)]
    )
    jackknife = (count - 1) / count * ((without - without.mean()) ** 2).sum()
    terms = DiscrepancyParts.of(found, all_of(found), ONE).target
    assert terms.var(ddof=1) / count == pytest.approx(jackknife, rel=1e-4)


def test_identities_with_more_images_weigh_more():
    found = known(images=1)
    doubled = np.array([0, 0, 0, 1, 2, 3, 4, 5])  # identity 0 has its image three times
    more = Kernels(
        found.inside, found.across[:, :, doubled], found.target[np.ix_(doubled, doubled)], doubled
    )
    terms = DiscrepancyParts.of(more, all_of(more), ONE).target
    assert terms == pytest.approx(DiscrepancyParts.of(found, all_of(found), ONE).target, abs=1e-6)
    assert DiscrepancyParts.of(more, all_of(more), ONE).value == pytest.approx(
        slow(more, ONE), abs=1e-6
    )


def test_the_searched_mixture_itself_is_no_farther():
    found = known()
    controls = {"wrong-a": [ONE], "even": [TWO], "random-levels": [ONE, ONE]}
    same, other, drawn = control_differences(
        found, all_of(found), ONE, controls, np.random.default_rng(0)
    )
    for one in (same, drawn):
        assert (one.value, one.low, one.high) == pytest.approx((0, 0, 0), abs=1e-12)
        assert not one.farther
    assert other.high - other.low > 1e-3


def test_more_controls_never_narrow_an_interval():
    found, rng = known(8, 8), np.random.default_rng(1)
    few = control_differences(found, all_of(found), ONE, {"even": [TWO]}, np.random.default_rng(0))[
        0
    ]
    more = {"even": [TWO]} | {f"wrong-{k}": [rng.dirichlet(np.ones(CELLS))] for k in range(6)}
    many = control_differences(found, all_of(found), ONE, more, np.random.default_rng(0))[0]
    assert many.high - many.low > 1.05 * (few.high - few.low)


@pytest.mark.parametrize(("source", "target"), [(2, 6), (5, 1)], ids=["source", "target"])
def test_too_few_identities_give_no_interval(source, target):
    found = known(source, target)
    (one,) = control_differences(
        found, all_of(found), ONE, {"even": [TWO]}, np.random.default_rng(0)
    )
    assert (one.low, one.high) == (None, None)
    assert one.value == pytest.approx(slow(found, TWO) - slow(found, ONE), abs=1e-6)


def searched(seed, effect, people=12, cells=8):
    """The controls of one search for a target of cell 0, where each cell lies `effect` from the one
    before it."""
    rng = np.random.default_rng(seed)
    moved = effect * np.arange(cells)[None, :, None]
    source = rng.normal(size=(people, 1, 4)) + rng.normal(size=(people, cells, 4)) + moved
    owners = np.repeat(np.arange(10), 4)
    found, bandwidth = build_kernels(
        source, rng.normal(size=(10, 4))[owners] + rng.normal(size=(40, 4)), owners
    )
    levels, alone = np.arange(cells)[:, None], np.zeros(cells, dtype=np.int64)

    def problem(counted, weight):
        within, most = found.biased(counted).astype(np.float64), np.full(cells, people)
        return SubsetProblem(
            within, found.to_target(weight, counted), levels, most, 24, alone, np.zeros(1), 1e-2
        )

    half = holdout.halve_identities(people, rng)
    return holdout.held_out_results(
        found, problem, half, owners % 2 == 0, bandwidth, rng, draws=10, redraws=1
    ).compare({})


@pytest.fixture
def quick(monkeypatch):
    """Searches without the bootstrap of single rows, which the differences do not use."""
    monkeypatch.setattr(holdout, "RESAMPLES", 2)


def test_where_cells_do_not_differ_no_subset_is_named_nearest(quick):
    found = [searched(seed, effect=0.0) for seed in range(40)]
    first = sum(all(one.value > 0 for one in each) for each in found)
    assert first >= 10, "the subset often has the smallest held-out discrepancy by chance"
    assert sum(is_nearest(each) for each in found) <= 2


def test_a_planted_cell_is_found(quick):
    assert sum(is_nearest(searched(seed, effect=1.0)) for seed in range(15)) == 15
