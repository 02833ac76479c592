"""A training that was killed goes on as if nothing had been."""

import json
from dataclasses import replace

import pytest
import torch

from gprplus.baseline import loader
from gprplus.baseline.checkpoint import Checkpoint, read_log_until
from gprplus.baseline.recipe import OptimizerSettings
from gprplus.baseline.train import train


class Killed(Exception):
    """As good as a kill: nothing after it runs."""


@pytest.fixture
def short_chunks(monkeypatch):
    monkeypatch.setattr(loader, "STEPS_PER_CHUNK_RESIDENT", 2)


def weights(trained):
    return {name: value.clone() for name, value in trained.model.state_dict().items()}


def killed_at(step):
    def log(line):
        if line["step"] == step:
            raise Killed

    return log


@pytest.mark.usefixtures("short_chunks")
@pytest.mark.parametrize("killed", [4, 6, 8])
@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_a_killed_training_ends_with_the_weights_of_one_that_was_not(
    drawn, tiny, tmp_path, killed, optimizer
):
    recipe = replace(
        tiny, optimizer=OptimizerSettings(name=optimizer, lr=2e-3, schedule="one-cycle")
    )
    whole = weights(train(*drawn, recipe, 3, "cpu"))
    kept = Checkpoint(tmp_path / "c.safetensors", "mine", every=0)
    with pytest.raises(Killed):
        train(*drawn, recipe, 3, "cpu", checkpoint=kept, log=killed_at(killed))
    assert kept.saved_step() == killed - 2, "the chunk that was going on is lost, and no more"
    steps = []
    done = train(
        *drawn, recipe, 3, "cpu", checkpoint=kept, log=lambda line: steps.append(line["step"])
    )
    assert steps == list(range(killed, 9, 2)), "it went on where it stood"
    again = weights(done)
    assert all(torch.equal(whole[name], again[name]) for name in whole)


@pytest.mark.usefixtures("short_chunks")
def test_a_checkpoint_of_another_training_or_a_damaged_one_is_none(drawn, tiny, tmp_path):
    path = tmp_path / "c.safetensors"
    with pytest.raises(Killed):
        train(
            *drawn, tiny, 0, "cpu", checkpoint=Checkpoint(path, "mine", every=0), log=killed_at(6)
        )
    assert Checkpoint(path, "mine").saved_step() == 4
    assert Checkpoint(path, "another's").saved_step() == 0
    path.write_bytes(path.read_bytes()[:1000])
    assert Checkpoint(path, "mine").saved_step() == 0
    first = []
    train(
        *drawn,
        tiny,
        0,
        "cpu",
        checkpoint=Checkpoint(path, "mine"),
        log=lambda line: first.append(line["step"]),
    )
    assert first[0] == 2


def test_a_log_keeps_its_lines_up_to_the_step_and_drops_a_torn_one(tmp_path):
    path = tmp_path / "log.jsonl"
    lines = [json.dumps({"step": step}) + "\n" for step in (2, 4, 6)]
    path.write_text("".join(lines) + '{"st')
    assert read_log_until(path, 4) == "".join(lines[:2])
    assert read_log_until(path, 9) == "".join(lines)
    assert read_log_until(tmp_path / "none", 4) == ""
