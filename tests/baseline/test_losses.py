"""Losses against slow twins, and the learning rate by hand."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gprplus.baseline.losses import identity_loss, total_loss, triplet_loss
from gprplus.baseline.recipe import LossSettings, OptimizerSettings
from gprplus.baseline.schedule import lr_factor


def slow_triplet(features, labels, margin):
    terms = []
    for anchor, own in zip(features, labels, strict=True):
        distances = [
            ((anchor - other).pow(2).sum().sqrt(), label == own)
            for other, label in zip(features, labels, strict=True)
        ]
        farthest = max(distance for distance, same in distances if same)
        strangers = [distance for distance, same in distances if not same]
        terms.append(
            torch.relu(farthest - min(strangers) + margin) if strangers else torch.tensor(0.0)
        )
    return sum(terms) / len(terms)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 5), st.floats(0, 1))
def test_batch_hard_triplet_equals_a_slow_loop(seed, people, margin):
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(12, 5, generator=generator)
    labels = torch.randint(0, people, (12,), generator=generator)
    assert triplet_loss(features, labels, margin).item() == pytest.approx(
        slow_triplet(features, labels, margin).item(), abs=1e-4
    )


def test_triplet_gradients_stay_finite_when_all_features_are_equal():
    features = torch.ones(6, 4, requires_grad=True)
    triplet_loss(features, torch.tensor([0, 0, 1, 1, 2, 2]), 0.3).backward()
    assert features.grad.isfinite().all()


def test_label_smoothing_spreads_its_share_over_every_class():
    logits, labels = torch.tensor([[2.0, 0.0, -1.0]]), torch.tensor([0])
    log = logits.log_softmax(1)
    by_hand = -(0.9 * log[0, 0] + 0.1 / 3 * log.sum())
    assert identity_loss(logits, labels, 0.1).item() == pytest.approx(by_hand.item(), abs=1e-6)


def test_weights_of_the_losses_add_up():
    features, labels = torch.randn(6, 4), torch.tensor([0, 0, 1, 1, 2, 2])
    logits = torch.randn(6, 3)
    parts = identity_loss(logits, labels, 0.1) * 2 + triplet_loss(features, labels, 0.3) * 3
    assert total_loss(features, logits, labels, LossSettings(2, 3)).item() == pytest.approx(
        parts.item(), rel=1e-5
    )
    alone = total_loss(features, logits, labels, LossSettings(identity=1, triplet=0))
    assert alone.item() == pytest.approx(identity_loss(logits, labels, 0.1).item())


@pytest.mark.parametrize("schedule", ["one-cycle", "cosine"])
def test_the_rate_climbs_to_one_and_falls_to_its_end(schedule):
    optimizer = OptimizerSettings(schedule=schedule, warmup=0.25, final=0.1)
    rates = [lr_factor(step, 100, optimizer) for step in range(100)]
    assert rates[0] == pytest.approx(1 / 25)
    assert rates[24] == rates[25] == 1
    assert rates[25:] == sorted(rates[25:], reverse=True)
    assert rates[-1] == pytest.approx(0.1, abs=0.02)


def test_steps_fall_at_their_shares_of_the_run():
    optimizer = OptimizerSettings(schedule="steps", warmup=0, decay_at=(0.5, 0.8))
    rates = [round(lr_factor(step, 10, optimizer), 4) for step in range(10)]
    assert rates == [1, 1, 1, 1, 1, 0.1, 0.1, 0.1, 0.01, 0.01]
