"""P identities, K images of each, nobody forgotten."""

from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gprplus.baseline.sampler import _fullest, draw_batches
from gprplus.core.errors import TrainingError


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(1, 9), min_size=2, max_size=9),
    st.integers(2, 6),
    st.integers(2, 4),
    st.integers(0, 99),
)
def test_every_step_holds_p_identities_with_k_images_each(owned, identities, images, seed):
    labels = np.repeat(np.arange(len(owned)), owned)
    present = min(identities, len(owned))
    for step in islice(draw_batches(labels, identities, images, np.random.default_rng(seed)), 20):
        groups = labels[step].reshape(present, images)
        assert (groups == groups[:, :1]).all()
        assert len(np.unique(groups[:, 0])) == present
        for group, rows in zip(groups, step.reshape(present, images), strict=True):
            assert len(np.unique(rows)) == min(images, owned[group[0]]), (
                "an image repeats only where there are too few"
            )


def test_an_epoch_shows_every_image_once_when_the_numbers_divide():
    labels = np.repeat(np.arange(6), 8)
    epoch = list(islice(draw_batches(labels, 3, 4, np.random.default_rng(0)), 4))
    assert sorted(np.concatenate(epoch).tolist()) == list(range(48))


def test_identities_are_seen_equally_often_in_the_long_run():
    labels = np.repeat(np.arange(10), 18)
    seen = np.bincount(
        labels[
            np.concatenate(list(islice(draw_batches(labels, 4, 4, np.random.default_rng(1)), 500)))
        ]
    )
    assert seen.max() / seen.min() < 1.1


def test_the_same_stream_gives_the_same_order_and_another_seed_another():
    labels = np.repeat(np.arange(5), 6)
    one, same, other = (
        np.concatenate(list(islice(draw_batches(labels, 3, 2, np.random.default_rng(seed)), 9)))
        for seed in (0, 0, 1)
    )
    assert (one == same).all()
    assert (one != other).any()


def test_one_identity_cannot_be_told_apart():
    with pytest.raises(TrainingError, match="at least two are required"):
        next(draw_batches(np.zeros(9, dtype=int), 4, 4, np.random.default_rng(0)))


def test_weights_decide_how_often_an_image_is_drawn_within_its_identity():
    # Identity 0: weights 3, 1, 0, 0 over four images; identity 1: all alike.
    labels, shares = np.repeat([0, 1], 4), np.array([3.0, 1, 0, 0, 1, 1, 1, 1])
    steps = islice(draw_batches(labels, 2, 4, np.random.default_rng(0), shares), 200)
    seen = np.bincount(np.concatenate(list(steps)), minlength=8) / 200
    assert seen.tolist() == [3, 1, 0, 0, 1, 1, 1, 1]


@given(
    st.lists(st.integers(0, 5), min_size=2, max_size=30), st.integers(0, 10**6), st.integers(1, 30)
)
def test_the_fullest_are_those_that_sorting_everybody_would_find(left, seed, count):
    chance = np.random.default_rng(seed).random(len(left))
    count = min(count, len(left))
    wanted = np.lexsort((chance, -np.array(left)))[:count]
    assert _fullest(np.array(left), chance, count).tolist() == wanted.tolist()


def test_images_that_fill_no_group_of_their_own_are_shown_all_the_same():
    labels = np.repeat(
        [0, 1], 6
    )  # groups of four: the last two of each person share theirs with repeats
    epoch = np.concatenate(list(islice(draw_batches(labels, 2, 4, np.random.default_rng(0)), 2)))
    assert set(epoch.tolist()) == set(range(12))
    assert len(epoch) == 16
