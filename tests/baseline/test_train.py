"""A training, end to end in seconds: it learns, it repeats, it stops when it must."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from gprplus.baseline import devices, loader
from gprplus.baseline.augment import normalize
from gprplus.baseline.network.backbones import BACKBONES
from gprplus.baseline.network.embedding import embed_images
from gprplus.baseline.network.model import build_model
from gprplus.baseline.recipe import (
    ComputeSettings,
    NetworkSettings,
    OptimizerSettings,
    TrainingLength,
)
from gprplus.baseline.train import train, untrained_model
from gprplus.core.errors import DeviceError, RecipeError, TrainingError


def weights(trained):
    return torch.cat([value.flatten().float() for value in trained.model.state_dict().values()])


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(drawn, tiny):
    one, same, other = (train(*drawn, tiny, seed, "cpu") for seed in (0, 0, 1))
    assert (weights(one) == weights(same)).all()
    assert (weights(one) != weights(other)).any()
    assert one.steps == 8
    assert one.images_seen == 8 * 12


def test_training_tells_people_apart_better_than_the_floor(drawn, tiny):
    images, labels = drawn
    learnt = train(images, labels, replace(tiny, length=TrainingLength(steps=60)), 0, "cpu").model
    floor = untrained_model(tiny, 0, "cpu").model

    def nearest_is_own(model):
        features = embed_images(model, images, tiny.compute, "cpu")
        similar = (features @ features.T).fill_diagonal_(-1)
        return (labels[similar.argmax(1).numpy()] == labels).mean()

    assert nearest_is_own(learnt) > 0.95
    assert nearest_is_own(learnt) > nearest_is_own(floor)


def test_order_and_augmentation_have_streams_of_their_own(drawn, tiny):
    images, labels = drawn
    plain = next(loader.load_chunks(images, labels, tiny, 3, range(8), "cpu"))
    without = next(
        loader.load_chunks(
            images,
            labels,
            replace(tiny, augment=replace(tiny.augment, erase=0)),
            3,
            range(8),
            "cpu",
        )
    )
    assert (plain.rows == without.rows).all()
    assert (plain.random == without.random).all()


def test_a_set_that_does_not_fit_is_streamed_with_the_same_outcome(drawn, tiny, monkeypatch):
    whole = train(*drawn, tiny, 0, "cpu")
    monkeypatch.setattr(loader, "_resident", lambda images, device, jobs: None)
    monkeypatch.setattr(loader, "STEPS_PER_CHUNK_STREAMED", 3)
    assert (weights(train(*drawn, tiny, 0, "cpu")) == weights(whole)).all()


def test_the_log_tells_of_every_chunk(drawn, tiny, monkeypatch):
    monkeypatch.setattr(loader, "STEPS_PER_CHUNK_RESIDENT", 3)
    lines = []
    train(*drawn, tiny, 0, "cpu", log=lines.append)
    assert [line["step"] for line in lines] == [3, 6, 8]
    assert [line["images"] for line in lines] == [36, 72, 96]


def test_a_loss_that_is_no_number_stops_with_step_and_images(drawn, tiny):
    wild = replace(tiny, optimizer=OptimizerSettings(name="sgd", lr=1e30, warmup=0.0))
    with pytest.raises(TrainingError, match=r"at step \d+.*img-"):
        train(*drawn, wild, 0, "cpu", names=lambda rows: [f"img-{row}" for row in rows])


def test_epochs_follow_the_size_of_the_set(tiny):
    by_epochs = replace(tiny, length=TrainingLength(epochs=2))
    assert by_epochs.steps(120) == 20
    assert by_epochs.steps(60) == 10
    assert replace(tiny, length=TrainingLength(epochs=0.7)).steps(360) == 21, (
        "0.7 x 30 is less than 21 to a processor"
    )
    assert by_epochs.steps(71) == 11, "whole steps that fit: 11.8"
    assert tiny.steps(60) == tiny.steps(120) == 8


@pytest.mark.parametrize("name", sorted(BACKBONES))
def test_every_backbone_keeps_the_contract(name):
    model = build_model(NetworkSettings(name), 5, 0)
    images = torch.randn(2, 3, 64, 32)
    features, logits = model(images)
    assert features.shape == (2, model.backbone.width)
    assert logits.shape == (2, 5)
    assert features.isfinite().all()
    logits.sum().backward()
    stem = next(model.backbone.parameters())
    assert stem.grad is not None
    assert stem.grad.abs().sum() > 0
    model.eval()
    assert model.embed(images).norm(dim=1).tolist() == pytest.approx([1, 1])


def test_resnet50_has_the_published_names_and_number_of_weights():
    backbone = build_model(NetworkSettings("resnet50"), 2, 0).backbone
    names = dict(backbone.named_parameters())
    assert sum(value.numel() for value in names.values()) == 23_508_032
    assert {
        "conv1.weight",
        "bn1.bias",
        "layer1.0.downsample.0.weight",
        "layer4.2.conv3.weight",
    } <= set(names)
    images = torch.zeros(1, 3, 64, 32)
    assert backbone(images).shape == (1, 2048, 4, 2)
    assert build_model(NetworkSettings("resnet50", last_stride=2), 2, 0).backbone(images).shape == (
        1,
        2048,
        2,
        1,
    )


def test_first_weights_depend_on_the_seed_alone(tiny):
    torch.manual_seed(5)
    one = build_model(tiny.network, 4, 1)
    torch.rand(7)
    before = torch.random.get_rng_state()
    other = build_model(tiny.network, 4, 1)
    assert (torch.random.get_rng_state() == before).all(), (
        "the process's own generator is left alone"
    )
    assert all((a == b).all() for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_what_is_searched_stands_behind_the_neck_and_its_running_statistics(drawn, tiny):
    model = untrained_model(tiny, 0, "cpu").model
    with torch.no_grad():
        model.neck.running_mean.normal_()
        model.neck.running_var.uniform_(0.5, 2)
        images = normalize(torch.from_numpy(drawn[0][:3]))
        before = model.backbone(images).mean((2, 3)).numpy()
    neck = {name: value.numpy() for name, value in model.neck.state_dict().items()}
    behind = (
        (before - neck["running_mean"])
        / np.sqrt(neck["running_var"] + model.neck.eps)
        * neck["weight"]
    )
    wanted = behind / np.linalg.norm(behind, axis=1, keepdims=True)
    assert np.allclose(
        embed_images(model, drawn[0][:3], tiny.compute, "cpu").numpy(), wanted, atol=1e-5
    )


def test_flipped_features_are_the_same_for_a_mirror_image(drawn, tiny):
    images = drawn[0][:3]
    model = untrained_model(tiny, 0, "cpu").model
    both = ComputeSettings(precision="float32", flip_features=True)
    mirrored = np.ascontiguousarray(images[:, :, ::-1])
    assert torch.allclose(
        embed_images(model, images, both, "cpu"),
        embed_images(model, mirrored, both, "cpu"),
        atol=1e-5,
    )


def test_devices_that_are_not_there_are_one_sentence():
    assert devices.resolve_device("auto") in ("cpu", "cuda")
    with pytest.raises(DeviceError, match="no device"):
        devices.resolve_device("gpu")
    if not torch.cuda.is_available():
        with pytest.raises(DeviceError, match="no CUDA device"):
            devices.resolve_device("cuda")


def test_an_unknown_backbone_names_the_nearest():
    with pytest.raises(RecipeError, match="'resnet50'"):
        build_model(NetworkSettings("resnet5"), 2, 0)


@pytest.mark.parametrize("name", ["small", "resnet50", "resnet50_ibn_a"])
def test_features_are_float32_and_maps_stay_channels_last_under_autocast(name):
    model, seen = build_model(NetworkSettings(name), 5, 0), []
    convolutions = [part for part in model.backbone.modules() if isinstance(part, torch.nn.Conv2d)]
    for part in convolutions:
        part.register_forward_pre_hook(
            lambda _, given: seen.append(given[0].is_contiguous(memory_format=torch.channels_last))
        )
    images = torch.randn(2, 3, 64, 32).to(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        features, _ = model(images)
    assert features.dtype == torch.float32, "triplets compare distances of these"
    assert all(seen), "a convolution that is handed another layout turns it around first"
