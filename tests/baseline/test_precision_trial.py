"""The number type of trainings on a processor: what a trial decides on measured rates."""

from dataclasses import replace

import pytest
import torch

from gprplus.baseline import precision_trial
from gprplus.baseline.recipe import ComputeSettings


def decided(monkeypatch, recipe, step_seconds, finite=True):
    """The decision where a step of a type takes `step_seconds[type]`, and the batches it tried."""
    batches = []

    def seconds(trial, batch, dtype):
        batches.append(len(batch[1]))
        return step_seconds[str(dtype)[6:]]

    monkeypatch.setattr(precision_trial, "_TRIAL_SECONDS", 0.0)
    monkeypatch.setattr(precision_trial._Trial, "_seconds", seconds)
    monkeypatch.setattr(precision_trial._Trial, "_finite", lambda trial: finite)
    return precision_trial.try_precisions(recipe), batches


# The batch of `tiny` has 4 identities of 3 images.
@pytest.mark.parametrize(
    ("float32", "bfloat16", "finite", "chosen"),
    [
        (0.06, 0.03, True, "bfloat16"),
        (0.06, 0.03, False, "float32"),
        (0.06, 0.055, True, "float32"),
        (0.03, 0.06, True, "float32"),
    ],
    ids=["twice as fast", "NaN", "9% faster", "slower"],
)
def test_bfloat16_is_taken_where_it_is_clearly_faster_and_finite(
    monkeypatch, tiny, float32, bfloat16, finite, chosen
):
    seconds = {"float32": float32, "bfloat16": bfloat16}
    found, _ = decided(monkeypatch, tiny, seconds, finite)
    assert found.chosen == chosen
    assert found.bfloat16_finite is finite
    images = 12 if finite else 4  # NaN on a small step ends the trial
    assert found.images_per_second == {
        "float32": round(images / float32, 1),
        "bfloat16": round(images / bfloat16, 1),
    }


def test_emulated_bfloat16_is_not_tried_on_a_whole_step(monkeypatch, tiny):
    found, batches = decided(monkeypatch, tiny, {"float32": 0.01, "bfloat16": 0.04})
    assert found.chosen == "float32"
    assert set(batches) == {4}


def test_a_large_network_is_tried_on_the_part_of_a_batch_whose_step_is_short(monkeypatch, tiny):
    _, batches = decided(monkeypatch, tiny, {"float32": 0.2, "bfloat16": 0.1})
    assert batches[-4:] == [4, 4, 4, 4], "two steps of each type, of 2 identities of 2 images"


def test_a_trial_measures_both_types_and_finds_nan(monkeypatch, tiny):
    auto = replace(tiny, compute=ComputeSettings())
    found = precision_trial.try_precisions(auto, threads=1)
    assert found.chosen in found.images_per_second
    assert min(found.images_per_second.values()) > 0
    real = precision_trial.accumulate_gradients

    def spoilt(network, images, labels, loss, dtype, parts, group):
        value = real(network, images, labels, loss, dtype, parts, group)
        if dtype == torch.bfloat16:
            network.classifier.weight.grad[0, 0] = torch.nan
        return value

    monkeypatch.setattr(precision_trial, "accumulate_gradients", spoilt)
    found = precision_trial.try_precisions(auto, threads=1)
    assert (found.chosen, found.bfloat16_finite) == ("float32", False)
