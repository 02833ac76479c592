"""What a step takes is told from what a training takes to start, on a fast device as on a slow
one."""

from dataclasses import replace

import numpy as np
import pytest

from gprplus.baseline import timing
from gprplus.baseline import train as training


@pytest.mark.parametrize(
    ("start", "step", "at_most"),
    [(1.0, 0.025, 0.0251), (0.0, 2.0, 2.001), (0.1, 0.1, 0.1001), (1.0, 0.0, 0.01)],
    ids=["a GPU", "a slow processor", "a processor", "too fast to tell"],
)
def test_a_start_is_not_taken_for_steps(tiny, monkeypatch, start, step, at_most):
    now, taken = [0.0], []

    def train(images, labels, recipe, seed, device):
        assert recipe.compute.compile == "no", "an estimate is not worth compiling for"
        taken.append(recipe.length.steps)
        now[0] += start + step * recipe.length.steps

    monkeypatch.setattr(training, "train", train)
    monkeypatch.setattr(timing.time, "perf_counter", lambda: now[0])
    recipe = replace(tiny, compute=replace(tiny.compute, compile="default"))
    _, found = timing.training_seconds(recipe, "cpu")
    assert step <= found + 1e-9
    assert found <= at_most
    assert np.sum(taken) < 500
