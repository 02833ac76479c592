"""A step in parts or by several processes leaves the gradients of the step in one piece."""

import json
import os
import subprocess
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch.distributed import HashStore, TCPStore

from gprplus.baseline import first_process
from gprplus.baseline import gradients as step
from gprplus.baseline import train as training
from gprplus.baseline.augment import normalize
from gprplus.baseline.distributed import ProcessGroup
from gprplus.baseline.network.model import build_model, save_model
from gprplus.baseline.recipe import (
    BatchSettings,
    LossSettings,
    NetworkSettings,
    Recipe,
    TrainingLength,
)
from gprplus.baseline.train import train
from gprplus.core.errors import RecipeError, TrainingError


def batch_of(drawn):
    images, labels = drawn
    rows = np.flatnonzero(np.arange(len(labels)) % 12 < 3)  # three images of each of eight people
    return normalize(torch.from_numpy(images[rows])), torch.from_numpy(labels[rows])


def gradients(network, batch, people, parts):
    network.zero_grad()
    value = step.accumulate_gradients(
        network, batch, people, LossSettings(), torch.float32, parts, ProcessGroup()
    )
    return value, torch.cat([p.grad.flatten() for p in network.parameters() if p.requires_grad])


def assert_near(found, wanted, rel, name=""):
    """Each value is within `rel` of the wanted one, or within 1e-4 of the largest.

    As with pytest.approx, which takes a second for each gradient of a network.
    """
    assert found.shape == wanted.shape
    limit = (rel * wanted.abs()).clamp(min=1e-4 * float(wanted.abs().max()))
    assert ((found - wanted).abs() <= limit).all(), name


@pytest.mark.parametrize(("pooling", "counts"), [("mean", (2, 3, 8)), ("gem", (3,))])
def test_parts_leave_the_gradients_of_the_whole_where_no_statistics_are_taken(
    drawn, pooling, counts
):
    network = build_model(NetworkSettings("small", pooling=pooling), 8, 0).train()
    network.backbone.eval()  # statistics of a part are the one thing that differs
    whole, wanted = gradients(network, *batch_of(drawn), 1)
    for parts in counts:
        value, found = gradients(network, *batch_of(drawn), parts)
        assert value == pytest.approx(whole.item(), abs=1e-5)
        assert_near(found, wanted, rel=1e-6)


def test_running_statistics_move_once_a_part_not_twice(drawn):
    batch, people = batch_of(drawn)
    one, other = (build_model(NetworkSettings("small"), 8, 0).train() for _ in range(2))
    gradients(one, batch, people, 2)
    with torch.no_grad():
        for piece in batch.chunk(2):
            other.pool_features(piece)
    assert torch.equal(one.backbone.bn.running_mean, other.backbone.bn.running_mean)
    assert one.backbone.bn.momentum == other.backbone.bn.momentum


def test_a_device_that_is_too_small_gets_the_step_in_parts(drawn, tiny, monkeypatch):
    tried = []

    def only_six(network, images, people, loss, dtype, parts, group):
        tried.append(parts)
        if len(people) // parts > 6:
            raise torch.OutOfMemoryError("12 images do not fit")
        return step.accumulate_gradients(network, images, people, loss, dtype, parts, group)

    monkeypatch.setattr(training, "accumulate_gradients", only_six)
    done = train(*drawn, replace(tiny, length=TrainingLength(steps=3)), 0, "cpu")
    assert tried == [1, 2, 2, 2]
    assert "2 parts" in done.note


def test_a_device_that_holds_not_one_person_is_one_sentence(drawn, tiny, monkeypatch):
    def nothing_fits(*_):
        raise torch.OutOfMemoryError("nothing fits")

    monkeypatch.setattr(training, "accumulate_gradients", nothing_fits)
    with pytest.raises(
        TrainingError, match=r"12 images of 64 x 32, taken in 4 part.*batch.identities"
    ):
        train(*drawn, tiny, 0, "cpu")


SCRIPT = """
import os
import sys
import numpy as np
import torch
from pathlib import Path
from safetensors.torch import save_file
from gprplus.baseline import distributed, gradients
from gprplus.baseline.network import model
from gprplus.baseline.augment import normalize
from gprplus.baseline.recipe import LossSettings, NetworkSettings, Recipe
from gprplus.baseline.train import train
from gprplus.core.errors import TrainingError

folder = Path(sys.argv[1])
given = np.load(folder / "drawn.npz")
crew = distributed.join_process_group("cpu")
done = train(given["images"], given["labels"], Recipe.read(folder / "few.toml"), 0, "cpu", group=crew)
if crew.first:
    model.save_model(done.model, folder / "together.safetensors")
images = crew.shard(normalize(torch.from_numpy(given["images"])))
people = crew.shard(torch.from_numpy(given["labels"]))
for parts in (1, 2):
    network = crew.convert_batchnorm(model.build_model(NetworkSettings("small"), 8, 0).train())
    network.backbone.eval()
    gradients.accumulate_gradients(network, images, people, LossSettings(), torch.float32, parts, crew)
    found = {name: one.grad.contiguous() for name, one in network.named_parameters() if one.grad is not None}
    if crew.first:
        save_file(found, folder / f"gradients{parts}.safetensors")
crew.barrier()
if not crew.first:
    os._exit(0)  # as a process that is killed
try:
    crew.barrier()
except TrainingError as error:
    (folder / "lost.txt").write_text(str(error))
"""

FEW = """
title = "Six steps"
seeds = 1
[length]
steps = 6
[input]
height = 64
width = 32
[network]
backbone = "small"
[batch]
identities = 4
images = 3
[compute]
precision = "float32"
"""


@pytest.fixture(scope="module")
def together(drawn, tmp_path_factory, commands):
    """The folder that two processes, started as torchrun starts them, left their network and their
    gradients in."""
    folder = tmp_path_factory.mktemp("together")
    np.savez(folder / "drawn.npz", images=drawn[0], labels=drawn[1])
    (folder / "few.toml").write_text(FEW)
    # The meeting place is held here, as torchrun holds it: a port that is merely free now may be
    # taken in a moment.
    meeting = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    common = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(meeting.port)}
    started = [
        subprocess.Popen(
            commands.sent("python", SCRIPT, str(folder)),
            env={
                **os.environ,
                **common,
                "TORCHELASTIC_USE_AGENT_STORE": "True",
                "RANK": str(r),
                "LOCAL_RANK": str(r),
            },
        )
        for r in range(2)
    ]
    assert [one.wait(timeout=300) for one in started] == [0, 0]
    return folder


def test_two_processes_train_what_one_trains(drawn, together, tmp_path):
    alone = train(*drawn, Recipe.read(together / "few.toml"), 0, "cpu")
    save_model(alone.model, tmp_path / "alone.safetensors")
    one, two = (
        load_file(tmp_path / "alone.safetensors"),
        load_file(together / "together.safetensors"),
    )
    assert one.keys() == two.keys()
    for name, value in one.items():
        # Sums of two halves round otherwise than whole sums: after six steps less than a thousandth
        # of the scale.
        scale = max(float(value.float().abs().max()), 1e-3)
        away = float((two[name].float() - value.float()).abs().max())
        assert away <= 2e-3 * scale, f"{name} is {away / scale:.1e} of its scale away"


def test_a_process_that_is_lost_is_one_sentence(together):
    found = (together / "lost.txt").read_text()
    assert found.startswith("Another process of torchrun was lost (")
    assert found.endswith("the same command continues from the last checkpoint.")


def test_processes_wait_for_the_first_as_long_as_it_lives(monkeypatch):
    monkeypatch.setattr(first_process, "_BEAT_S", 0.05)
    monkeypatch.setattr(first_process, "_PATIENCE_S", 0.3)
    store = HashStore()
    first = first_process.FirstProcess(store, is_first=True)
    other = first_process.FirstProcess(store, is_first=False)
    timer = threading.Timer(0.6, first.reached)
    timer.start()
    other.reached()  # although it takes longer than the patience
    timer.join()
    lonely = first_process.FirstProcess(HashStore(), is_first=False)
    with pytest.raises(TrainingError, match="no sign of life from the first"):
        lonely.reached()


@pytest.mark.parametrize("parts", [1, 2])
def test_two_processes_leave_the_gradients_of_one_and_not_their_sum(drawn, together, parts):
    # Adam, which recipes train with, takes the same steps from gradients twice or half as long.
    network = build_model(NetworkSettings("small"), 8, 0).train()
    network.backbone.eval()
    images, people = normalize(torch.from_numpy(drawn[0])), torch.from_numpy(drawn[1])
    gradients(network, images, people, 1)
    left = load_file(together / f"gradients{parts}.safetensors")
    wanted = {name: one.grad for name, one in network.named_parameters() if one.grad is not None}
    assert left.keys() == wanted.keys()
    for name, value in wanted.items():
        assert_near(left[name], value, rel=1e-3, name=name)


def test_a_batch_that_processes_cannot_share_is_refused(drawn, tiny):
    with pytest.raises(RecipeError, match="3 processes cannot share 4 identities"):
        train(*drawn, tiny, 0, "cpu", group=ProcessGroup(0, 3))


def test_the_gathered_batch_is_cut_where_people_end():
    rows = torch.arange(12)
    assert ProcessGroup(1, 2).shard(rows).tolist() == [6, 7, 8, 9, 10, 11]
    assert BatchSettings(4, 3).size == 12
    assert json.dumps(ProcessGroup().broadcast([1])) == "[1]"
