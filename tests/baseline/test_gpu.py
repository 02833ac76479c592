"""Training and scoring on a GPU: tensors are on the right device, no step waits, and the numbers are
the processor's.

Tests with the fixture `on_gpu` or `device` run on the pretended device and, marked `gpu`, on a real
one; those with `gpu` ask what only the pretended one can show.
"""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from pretended import Race, pretended

from gprplus.baseline import devices, distributed, loader
from gprplus.baseline import train as training
from gprplus.baseline.checkpoint import Checkpoint
from gprplus.baseline.distributed import ProcessGroup
from gprplus.baseline.network.embedding import embed_images
from gprplus.baseline.network.model import build_model
from gprplus.baseline.recipe import (
    BatchSettings,
    ComputeSettings,
    LossSettings,
    NetworkSettings,
    OptimizerSettings,
    TrainingLength,
)
from gprplus.baseline.train import train, untrained_model
from gprplus.evaluation import score
from gprplus.evaluation.rerank import RerankOptions
from gprplus.evaluation.similarity_search import full_float32


@pytest.fixture
def gpu(monkeypatch):
    with pretended(monkeypatch) as one:
        yield one


@pytest.fixture
def device(on_gpu):
    with on_gpu() as one:
        yield one


def weights(trained):
    return {name: value.detach().clone() for name, value in trained.model.state_dict().items()}


def assert_same_training(gpu, recipe, found, wanted):
    """The weights are bit for bit those of a training on the processor; on a real device they have
    moved from the same start in the same direction, equally far (cosine with convolutions rounded
    to TF32 0.95 to 0.98, with other images 0.2 to 0.4)."""
    if gpu.exact:
        assert all(torch.equal(value.cpu(), wanted[name]) for name, value in found.items())
        return
    start = dict(build_model(recipe.network, 8, 0, "cpu").named_parameters())
    one, other = (
        torch.cat([(side[name].cpu() - value.detach()).flatten() for name, value in start.items()])
        for side in (found, wanted)
    )
    assert torch.nn.functional.cosine_similarity(one, other, dim=0) > 0.85
    assert float(one.norm() / other.norm()) == pytest.approx(1, abs=0.1)


def test_the_device_stops_and_waits_where_cuda_does(device):
    there, here = torch.arange(4.0, device="cuda"), torch.arange(4.0)
    assert there.device.type == "cuda"
    assert here.device.type == "cpu"
    with pytest.raises(device.mixed_devices):
        there + here
    assert (there + torch.tensor(1.0)).is_cuda, "a host's single number may go along"
    with pytest.raises(TypeError, match="cuda:0"):
        there.numpy()
    device.waits.clear()
    here.pin_memory().to("cuda", non_blocking=True)
    assert device.waits == []
    waiting = {
        "_local_scalar_dense": lambda: there.sum().item(),
        "a mask as an index": lambda: there[there > 1],
        "copy to the host": there.cpu,
        "copy to the device": lambda: here.to("cuda"),
    }
    for name, operation in waiting.items():
        device.waits.clear()
        operation()
        assert device.waits, name
        if device.exact:
            assert [what.split(".")[-1] for what, _ in device.waits] == [name]


def test_a_stream_that_is_not_waited_for_is_a_race(gpu):
    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        made = torch.ones(3, device="cuda")
        written = side.record_event()
    with pytest.raises(Race, match="still writing"):
        made + 1
    torch.cuda.current_stream().wait_event(written)
    with pytest.raises(Race, match="record_stream"):
        made + 1
    made.record_stream(torch.cuda.current_stream())
    assert (made + 1).is_cuda


@pytest.mark.parametrize("free", [1 << 30, 1000], ids=["resident", "streamed"])
@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_a_training_on_the_device_waits_once_a_chunk_and_gives_the_same_weights(
    drawn, tiny, monkeypatch, on_gpu, free, optimizer
):
    recipe = replace(
        tiny, optimizer=OptimizerSettings(name=optimizer, lr=2e-3, schedule="one-cycle")
    )
    wanted = weights(train(*drawn, recipe, 0, "cpu"))
    monkeypatch.setattr(loader, "STEPS_PER_CHUNK_RESIDENT", 3)
    monkeypatch.setattr(loader, "STEPS_PER_CHUNK_STREAMED", 3)
    with on_gpu(free) as gpu:
        done = train(*drawn, recipe, 0, "cuda")
        assert all(gpu.on(value) for value in done.model.state_dict().values())
    assert_same_training(gpu, recipe, weights(done), wanted)
    waited = Counter(where.rpartition(":")[0] for _, where in gpu.waits)
    assert waited["baseline/train.py"] == 3, (
        "the losses of each of three chunks, and nothing else in the loop"
    )
    assert set(waited) <= {
        "baseline/train.py",
        "baseline/network/model.py",
        "baseline/augment.py",
        "baseline/loader.py",
    }


@pytest.mark.parametrize("free", [1 << 30, 1000], ids=["resident", "streamed"])
def test_an_operation_that_waits_inside_a_chunk_is_an_error_and_there_is_none(
    drawn, tiny, monkeypatch, on_gpu, free
):
    monkeypatch.setattr(loader, "STEPS_PER_CHUNK_RESIDENT", 4)
    monkeypatch.setattr(loader, "STEPS_PER_CHUNK_STREAMED", 4)
    steps = []
    with on_gpu(free) as gpu:

        def reached(step):
            steps.append(step)
            gpu.forbid_waits(step % 4 != 0)  # the losses are read after the last step of a chunk

        train(*drawn, tiny, 0, "cuda", reached=reached)
        assert steps == list(range(1, 9))
        real = training.accumulate_gradients

        def waiting(*args):
            loss = real(*args)
            loss.item()
            return loss

        monkeypatch.setattr(training, "accumulate_gradients", waiting)
        with pytest.raises(gpu.forbidden_wait):
            train(*drawn, tiny, 0, "cuda", reached=reached)
        gpu.forbid_waits(False)


def test_no_step_waits_whatever_the_recipe(drawn, tiny, on_gpu):
    recipe = replace(
        tiny,
        network=NetworkSettings("small", pooling="gem"),
        compute=ComputeSettings(),
        loss=LossSettings(triplet=0.5),
    )
    shares = np.random.default_rng(0).uniform(0.5, 2, len(drawn[1]))
    counts = []
    for steps in (2, 6):
        with on_gpu() as gpu:
            train(
                *drawn,
                replace(recipe, length=TrainingLength(steps=steps)),
                0,
                "cuda",
                shares=shares,
            )
            counts.append(Counter(gpu.waits))
    assert counts[0] == counts[1]


def test_a_checkpoint_on_the_device_goes_on_exactly(drawn, tiny, monkeypatch, on_gpu, tmp_path):
    monkeypatch.setattr(loader, "STEPS_PER_CHUNK_RESIDENT", 2)

    def stop(line):
        if line["step"] == 6:
            raise InterruptedError

    kept = Checkpoint(tmp_path / "c.safetensors", "mine", every=0)
    with on_gpu():
        wanted = weights(train(*drawn, tiny, 0, "cuda"))
        with pytest.raises(InterruptedError):
            train(*drawn, tiny, 0, "cuda", checkpoint=kept, log=stop)
        again = weights(train(*drawn, tiny, 0, "cuda", checkpoint=kept))
    assert all(torch.equal(value, wanted[name]) for name, value in again.items())


def test_jobs_on_one_device_count_each_other(gpu, drawn):
    images = drawn[0]
    gpu.free = int(images.nbytes * 4 / 3 / loader.RESIDENT_SHARE) + 100
    assert loader.fits_on_device(images, "cuda")
    assert not loader.fits_on_device(images, "cuda", jobs=2), "both would find it empty"
    with devices.device_context("cpu", 4), devices.device_context("cuda", 1):
        assert gpu.share == 1
    with devices.device_context("cuda", 4):
        assert gpu.share == pytest.approx(0.95 / 4)
    assert gpu.entered == ["cuda", "cuda"], "pinned memory belongs to the GPU at work"


def test_bfloat16_is_for_gpus_that_multiply_it(gpu):
    assert devices.precision("auto", "cuda") == torch.bfloat16
    gpu.capability = (7, 5)
    assert devices.precision("auto", "cuda") == torch.float32
    assert devices.precision("bfloat16", "cuda") == torch.bfloat16, (
        "asked for by name it is emulated"
    )


def test_processes_take_a_gpu_each_before_they_speak(gpu, monkeypatch):
    said = []
    for name, value in {"WORLD_SIZE": "2", "RANK": "1", "LOCAL_RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(distributed.distributed, "get_rank", lambda: 1)
    monkeypatch.setattr(distributed.distributed, "get_world_size", lambda: 2)
    monkeypatch.setattr(distributed, "_first_process", lambda rank: None)
    monkeypatch.setattr(
        distributed.distributed,
        "init_process_group",
        lambda *asked, **options: said.append((*gpu.settled, *asked, options)),
    )
    device = distributed.local_device("cuda")
    assert distributed.join_process_group(device) == ProcessGroup(1, 2)
    assert [(one, backend, options["device_id"]) for one, backend, options in said] == [
        (1, "nccl", torch.device("cuda", 1))
    ]


def test_statistics_are_shared_in_the_backbone_and_not_in_the_neck_that_sees_the_whole_batch(
    device,
):
    network = ProcessGroup(0, 2).convert_batchnorm(
        build_model(NetworkSettings("small"), 8, 0, "cuda")
    )
    norms = [
        part
        for part in network.backbone.modules()
        if isinstance(part, torch.nn.modules.batchnorm._BatchNorm)
    ]
    assert {type(norm) for norm in norms} == {torch.nn.SyncBatchNorm}
    assert type(network.neck) is torch.nn.BatchNorm1d


def test_what_is_sent_beside_the_training_belongs_to_its_gpu(drawn, tiny, gpu):
    train(*drawn, replace(tiny, length=TrainingLength(steps=1)), 0, "cuda")
    assert set(gpu.settled) == {0}


def test_images_that_find_no_room_after_all_are_streamed(drawn, tiny, device, monkeypatch):
    wanted = weights(train(*drawn, tiny, 0, "cpu"))

    def full(*_):
        raise torch.OutOfMemoryError("a neighbour was faster")

    monkeypatch.setattr(loader, "_words", full)
    done = train(*drawn, tiny, 0, "cuda")
    assert done.note == ""
    assert_same_training(device, tiny, weights(done), wanted)


def test_a_step_in_parts_stays_on_the_device(drawn, tiny, device, monkeypatch):
    real = training.accumulate_gradients

    def only_six(network, images, people, *rest):
        if len(people) // rest[-2] > 6:
            raise torch.OutOfMemoryError("12 images do not fit")
        return real(network, images, people, *rest)

    monkeypatch.setattr(training, "accumulate_gradients", only_six)
    done = train(*drawn, replace(tiny, batch=BatchSettings(4, 3)), 0, "cuda")
    assert "2 parts" in done.note
    assert Counter(where for _, where in device.waits if "train.py" in where).total() == 1


@pytest.mark.parametrize("flip", [False, True])
def test_features_are_made_on_the_device_without_waiting(drawn, tiny, device, flip):
    compute = ComputeSettings(precision="float32", flip_features=flip)
    wanted = embed_images(untrained_model(tiny, 0, "cpu").model, drawn[0], compute, "cpu")
    network = untrained_model(tiny, 0, "cuda").model
    embed_images(network, drawn[0][:1], compute, "cuda")
    device.waits.clear()
    found = embed_images(network, drawn[0], compute, "cuda")
    assert device.on(found)
    assert device.waits == []
    np.testing.assert_allclose(found.cpu().numpy(), wanted.numpy(), atol=device.feature_tolerance)


@pytest.mark.parametrize("rerank", [None, RerankOptions(k1=6, k2=3)], ids=["plain", "re-ranked"])
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_scores_on_the_device_are_the_host_s(device, metric, rerank):
    rng = np.random.default_rng(0)
    features = rng.normal(size=(70, 8)).astype(np.float32)
    features[40:43] = features[30]  # rows that repeat one another tie
    people, cameras, junk = rng.integers(0, 6, 70), rng.integers(0, 3, 70), rng.random(50) < 0.1
    sides = [people[:20], people[20:], cameras[:20], cameras[20:]]
    options = {"gallery_junk": junk, "metric": metric, "rerank": rerank, "block_rows": 7}
    wanted = score(features[:20], features[20:], *sides, **options)
    there = torch.from_numpy(features).to("cuda")
    found = score(there[:20], there[20:], *sides, **options)
    assert found.summary() == pytest.approx(wanted.summary())


@pytest.mark.parametrize("asked", ["highest", "high"])
def test_scores_are_exact_also_where_training_multiplies_in_tf32(asked):
    before, switch = torch.get_float32_matmul_precision(), torch.backends.cuda.matmul
    torch.set_float32_matmul_precision(asked)
    try:
        with full_float32():
            assert getattr(switch, "fp32_precision", "ieee") == "ieee"
        assert torch.get_float32_matmul_precision() == asked
        assert switch.allow_tf32 == (asked == "high"), "the caller's own setting is back"
    finally:
        torch.set_float32_matmul_precision(before)
