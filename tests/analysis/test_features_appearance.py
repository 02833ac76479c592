"""The cheap look of an image, on images whose look is known."""

import numpy as np
import pytest

from gprplus.analysis.features.appearance import (
    FEATURES,
    GROUPS,
    appearance,
    describe_image,
    scale_features,
)
from gprplus.core.imaging.images import encode_jpeg

RNG = np.random.default_rng(0)
NOISE = RNG.integers(0, 256, size=(128, 64, 3)).astype(np.uint8)


def flat(*colour: int, height: int = 128, width: int = 64) -> np.ndarray:
    return np.full((height, width, 3), colour, dtype=np.uint8)


def look(image: np.ndarray) -> dict[str, float]:
    return dict(zip(FEATURES, appearance(image).tolist(), strict=True))


@pytest.mark.parametrize(
    ("grey", "luma"), [(0, 0.0), (255, 1.0), (51, 0.2)], ids=["black", "white", "grey"]
)
def test_a_flat_grey_image_is_its_luma_and_nothing_else(grey, luma):
    found = look(flat(grey, grey, grey))
    for name in ("mean", "dark end", "bright end"):
        assert found[f"luminance: {name}"] == pytest.approx(luma, abs=1e-6)
    assert found["luminance: contrast"] == pytest.approx(0, abs=1e-6)
    assert found["colour: chroma"] == pytest.approx(0, abs=1e-5)


def test_pure_colours_sit_where_bt601_puts_them():
    red, blue = look(flat(255, 0, 0)), look(flat(0, 0, 255))
    assert (red["luminance: mean"], red["colour: red difference"]) == pytest.approx(
        (0.299, 0.5), abs=1e-6
    )
    assert (blue["luminance: mean"], blue["colour: blue difference"]) == pytest.approx(
        (0.114, 0.5), abs=1e-6
    )


def test_detail_falls_with_blur_and_contrast_with_fog():
    soft = np.stack(
        [np.convolve(NOISE[..., c].ravel(), np.ones(5) / 5, "same") for c in range(3)], -1
    )
    soft = soft.reshape(NOISE.shape).astype(np.uint8)
    foggy = (NOISE // 4 + 190).astype(np.uint8)
    assert look(soft)["sharpness: fine detail"] < look(NOISE)["sharpness: fine detail"] - 0.5
    assert look(foggy)["luminance: contrast"] < look(NOISE)["luminance: contrast"] / 2
    assert look(foggy)["luminance: mean"] > look(NOISE)["luminance: mean"]


def test_size_is_the_images_own():
    found = look(flat(9, 9, 9, height=512, width=128))
    assert (found["size: height"], found["size: aspect"]) == (9.0, 2.0)


@pytest.mark.parametrize(
    "image", [NOISE, flat(0, 0, 0), flat(1, 2, 3, height=1, width=1)], ids=["noise", "black", "dot"]
)
def test_every_look_is_finite(image):
    assert np.isfinite(appearance(image)).all()


def test_files_are_looked_at_and_broken_ones_are_none(tmp_path):
    (tmp_path / "a.jpg").write_bytes(encode_jpeg(NOISE))
    (tmp_path / "b.jpg").write_bytes(b"\xff\xd8 nothing")
    assert describe_image(tmp_path, "a.jpg").shape == (len(FEATURES),)
    assert describe_image(tmp_path, "b.jpg") is None
    assert describe_image(tmp_path, "c.jpg") is None


def test_scaled_features_weigh_groups_alike_and_mute_constants():
    features = RNG.normal(size=(2000, len(FEATURES))) * np.arange(1, len(FEATURES) + 1)
    features[:, -1] = 7.0
    parts = scale_features(features)
    assert list(parts) == ["all", *GROUPS]
    for group in ("luminance", "colour", "sharpness"):
        assert (parts[group] ** 2).sum(axis=1).mean() == pytest.approx(
            (features.shape[0] and 1), rel=0.05
        )
    assert (parts["size"][:, -1] == 0).all()
    shares = [(parts[group] ** 2).sum() / 4 for group in GROUPS]
    assert (parts["all"] ** 2).sum() == pytest.approx(sum(shares))
