"""A compiled network trains as an eager one does, goes on exactly, and says when it cannot be
compiled."""

import shutil
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from gprplus.baseline import loader
from gprplus.baseline import train as training
from gprplus.baseline.checkpoint import Checkpoint
from gprplus.baseline.distributed import ProcessGroup
from gprplus.baseline.network import backbones
from gprplus.baseline.network.backbones import initialise
from gprplus.baseline.recipe import ComputeSettings, NetworkSettings, Recipe, TrainingLength
from gprplus.baseline.train import train
from gprplus.core.errors import RecipeError, TrainingError
from gprplus.experiments.split_job import _request


class OneConvolution(nn.Module):
    """The least there is to compile: the compiler's time grows with the network."""

    width = 8

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.bn = nn.Conv2d(3, 8, 7, 8, bias=False), nn.BatchNorm2d(8)
        initialise(self)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.relu(self.bn(self.conv(x)))


@pytest.fixture
def least(tiny, monkeypatch):
    monkeypatch.setitem(backbones.BACKBONES, "least", lambda network: OneConvolution())
    monkeypatch.setattr(loader, "STEPS_PER_CHUNK_RESIDENT", 2)
    return replace(tiny, network=NetworkSettings("least"), length=TrainingLength(steps=4))


def compiled(recipe, mode="default"):
    return replace(recipe, compute=ComputeSettings(precision="float32", compile=mode))


def weights(trained):
    return {name: value.clone() for name, value in trained.model.state_dict().items()}


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("g++"), reason="torch.compile needs a C++ compiler here")
def test_a_compiled_training_is_the_eager_one_but_for_rounding_and_goes_on_exactly(
    drawn, least, tmp_path
):
    eager = weights(train(*drawn, least, 0, "cpu"))
    recipe = compiled(least)
    whole = weights(train(*drawn, recipe, 0, "cpu"))
    for name, value in eager.items():
        scale = max(float(value.float().abs().max()), 1e-3)
        assert float((whole[name].float() - value.float()).abs().max()) <= 2e-3 * scale, name

    def stop(line):
        if line["step"] == 4:
            raise InterruptedError

    kept = Checkpoint(tmp_path / "c.safetensors", "mine", every=0)
    with pytest.raises(InterruptedError):
        train(*drawn, recipe, 0, "cpu", checkpoint=kept, log=stop)
    assert kept.saved_step() == 2
    again = weights(train(*drawn, recipe, 0, "cpu", checkpoint=kept))
    assert all(torch.equal(value, again[name]) for name, value in whole.items())


def test_every_mode_is_handed_on_and_asked_for_one_shape(drawn, least, monkeypatch):
    asked = []
    monkeypatch.setattr(
        torch, "compile", lambda network, **options: asked.append(options) or network
    )
    for mode in ("no", "default", "reduce-overhead", "max-autotune"):
        assert "ompiled" not in train(*drawn, compiled(least, mode), 0, "cpu").note
    assert asked == [
        {"mode": mode, "dynamic": False} for mode in ("default", "reduce-overhead", "max-autotune")
    ]


def test_every_training_of_a_process_is_compiled_however_many_came_before(
    drawn, least, monkeypatch
):
    images, labels = drawn
    real, computed = torch.compile, []

    def counting(graph, _):
        return lambda *given: computed.append(1) or graph(*given)

    # The compiler's own limit is eight functions of one kind; here one will do, and nothing is
    # translated.
    monkeypatch.setattr(
        torch,
        "compile",
        lambda network, mode, dynamic: real(network, backend=counting, dynamic=dynamic),
    )
    names = ("recompile_limit", "cache_size_limit")  # the second before torch 2.7
    limit = next(name for name in names if hasattr(torch._dynamo.config, name))
    with torch._dynamo.config.patch({limit: 1}):
        for people in (4, 5, 6):
            computed.clear()
            few = labels < people
            train(images[few], labels[few], compiled(least), 0, "cpu")
            assert len(computed) == 4, f"the steps of a training of {people} people"


def test_a_step_in_parts_is_not_compiled_and_says_so(drawn, least, monkeypatch):
    real = training.accumulate_gradients

    def only_six(network, images, people, *rest):
        if len(people) // rest[-2] > 6:
            raise torch.OutOfMemoryError("12 images do not fit")
        return real(network, images, people, *rest)

    monkeypatch.setattr(training, "accumulate_gradients", only_six)
    assert (
        "Not compiled: only whole steps of one process are."
        in train(*drawn, compiled(least), 0, "cpu").note
    )
    assert ProcessGroup().size == 1


def test_a_network_that_cannot_be_compiled_is_one_sentence(drawn, least, monkeypatch):
    def refuse(*_):
        raise torch._dynamo.exc.TorchDynamoException("no compiler found\nand much more")

    monkeypatch.setattr(training, "accumulate_gradients", refuse)
    with pytest.raises(
        TrainingError, match=r"least could not be compiled \(no compiler found\).*--compile no"
    ):
        train(*drawn, compiled(least), 0, "cpu")


@pytest.mark.parametrize(
    ("written", "read"), [("true", "default"), ("false", "no"), ('"max-autotune"', "max-autotune")]
)
def test_a_recipe_names_the_mode_and_the_old_switch_still_reads(tmp_path, written, read):
    path = tmp_path / "mine.toml"
    path.write_text(
        f'title = "Mine"\nseeds = 1\n[length]\nsteps = 5\n[compute]\ncompile = {written}\n'
    )
    assert Recipe.read(path).compute.compile == read


def test_an_unknown_mode_names_the_nearest():
    with pytest.raises(
        RecipeError, match=r"there is no compute\.compile 'reduce-overheads'.*'reduce-overhead'"
    ):
        Recipe.read("smoke").with_options(compile="reduce-overheads")
    assert Recipe.read("smoke").with_options(compile="default").compute.compile == "default"


def test_runs_made_before_these_knobs_were_there_can_be_gone_on_with():
    split = SimpleNamespace(record=SimpleNamespace(fingerprint="f"))
    plain = _request(split, Recipe.read("glance"))
    assert plain["compute.compile"] is False
    assert "compute.deterministic" not in plain
    assert (
        _request(split, Recipe.read("glance").with_options(compile="default"))["compute.compile"]
        == "default"
    )
