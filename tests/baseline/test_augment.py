"""Batched augmentation against a twin that takes one image at a time."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gprplus.baseline.augment import (
    MEAN,
    STD,
    augment_batch,
    normalize,
    pack_words,
    sample_parameters,
)
from gprplus.baseline.recipe import AugmentSettings


def one_image(image, random, augment):
    """Mirror, pad and crop, normalise, erase: the plain way."""
    height, width = image.shape[:2]
    if random[0] < augment.flip:
        image = image[:, ::-1]
    padded = np.pad(image, ((augment.pad, augment.pad), (augment.pad, augment.pad), (0, 0)))
    down, right = (
        int(random[1] * np.float32(2 * augment.pad + 1)),
        int(random[2] * np.float32(2 * augment.pad + 1)),
    )
    out = (padded[down : down + height, right : right + width] / 255 - np.array(MEAN)) / np.array(
        STD
    )
    if random[3] < augment.erase:
        area = (0.02 + 0.38 * random[4]) * height * width
        aspect = math.exp(math.log(0.3) * (1 - 2 * random[5]))
        tall = min(max(round(math.sqrt(area * aspect)), 1), height)
        wide = min(max(round(math.sqrt(area / aspect)), 1), width)
        top, left = int(random[6] * (height - tall + 1)), int(random[7] * (width - wide + 1))
        out[top : top + tall, left : left + wide] = 0
    return out


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10**6),
    st.integers(0, 6),
    st.sampled_from([0.0, 0.5, 1.0]),
    st.sampled_from([0.0, 0.5, 1.0]),
)
def test_a_batch_equals_its_images_one_by_one(seed, pad, flip, erase):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (5, 20, 11, 3), dtype=np.uint8)
    rows, random = rng.integers(0, 5, 7), sample_parameters(7, rng)
    augment = AugmentSettings(flip, pad, erase)
    batch = augment_batch(
        pack_words(torch.from_numpy(images)),
        torch.from_numpy(rows),
        torch.from_numpy(random),
        augment,
        torch.float32,
    )
    for out, row, numbers in zip(batch.permute(0, 2, 3, 1).numpy(), rows, random, strict=True):
        np.testing.assert_allclose(out, one_image(images[row], numbers, augment), atol=1e-5)


def test_without_augmentation_it_only_normalises():
    images = torch.randint(0, 256, (3, 8, 6, 3), dtype=torch.uint8)
    plain = augment_batch(
        pack_words(images),
        torch.arange(3),
        torch.rand(3, 8),
        AugmentSettings(0, 0, 0),
        torch.float32,
    )
    assert torch.allclose(plain, normalize(images))
    assert plain.is_contiguous(memory_format=torch.channels_last)


def test_normalised_black_is_minus_mean_over_deviation():
    black = normalize(torch.zeros(1, 1, 1, 3, dtype=torch.uint8)).flatten().tolist()
    assert black == pytest.approx([-m / s for m, s in zip(MEAN, STD, strict=True)], abs=1e-6)
