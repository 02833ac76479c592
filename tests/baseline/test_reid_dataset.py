"""An arm as a torch dataset: images, pids, camids, batches of P identities with K images, from
folders and archives."""

import pickle
import shutil
from collections import Counter

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

import gprplus as gpr
from gprplus.baseline.reid_dataset import IdentityBatchSampler
from gprplus.core.errors import SplitError, TrainingError


@pytest.fixture(scope="module")
def world(draw, tmp_path_factory):
    """A split of renders in a folder, and one of the same renders in a .tar."""
    home = tmp_path_factory.mktemp("dataset")
    renders = draw(home / "renders" / "engine", people=8, views=3, weathers=("01", "04"))
    shutil.make_archive(str(home / "packed" / "engine"), "tar", renders)
    options = {"attr": "weather", "levels": "sunny,foggy", "deals": 2}
    splits = []
    for name, source in (("plain", renders), ("packed", home / "packed" / "engine.tar")):
        manifest = gpr.build_manifest(source, home / f"manifest-{name}", workers=1)
        splits.append(gpr.make_split(manifest, output=home / "splits" / name, **options))
    return splits


def first_as_bytes(image):
    """A transform that pickles."""
    return image.convert("RGB").tobytes()[:4]


def test_rows_become_images_pids_and_camids(world):
    arm = world[0].arm("only-foggy")
    rows = world[0].train("only-foggy").to_pylist()
    dataset = arm.dataset()
    assert (len(dataset), arm.images, arm.identities) == (
        len(rows),
        len(rows),
        len(dataset.identities),
    )
    for i in (0, len(rows) - 1):
        image, pid, camid = dataset[i]
        assert (image.dtype, image.shape[0], image.is_contiguous()) == (torch.uint8, 3, True)
        assert dataset.identities[pid] == rows[i]["identity"]
        assert dataset.camera_names[camid] == (rows[i]["camera"] or rows[i]["viewpoint_deg"])
    assert dataset.labels.tolist() == [dataset[i][1] for i in range(len(dataset))]


def test_archive_members_are_read_like_files(world):
    plain, packed = (split.arm("only-foggy").dataset() for split in world)
    assert torch.equal(plain[3][0], packed[3][0])


def test_a_transform_gets_a_pil_image_and_the_dataset_pickles(world):
    dataset = world[0].arm("mix").dataset(first_as_bytes)
    again = pickle.loads(pickle.dumps(dataset))
    pixels = world[0].arm("mix").dataset()[0][0]
    assert again[0][0] == dataset[0][0] == bytes([*pixels[:, 0, 0].tolist(), pixels[0, 0, 1]])


def test_several_workers_load_what_one_process_does(world):
    dataset = world[0].arm("only-foggy").dataset()
    loaded = [list(DataLoader(dataset, batch_size=5, num_workers=workers)) for workers in (0, 2)]
    for one, two in zip(*loaded, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))


def test_a_batch_has_p_identities_with_k_images_each(world):
    dataset = world[0].arm("only-foggy").dataset()
    loader = DataLoader(dataset, batch_sampler=dataset.batches(3, 2, seed=1))
    batches = [pids.tolist() for _, pids, _ in loader]
    assert len(batches) == len(loader) == -(-len(dataset) // 6)
    for pids in batches:
        assert sorted(Counter(pids).values()) == [2, 2, 2]


def test_an_epoch_is_drawn_by_its_number():
    labels = np.repeat(np.arange(6), 4)
    one, two = (
        IdentityBatchSampler(labels, 2, 2, seed=5),
        IdentityBatchSampler(labels, 2, 2, seed=5),
    )
    first, second = list(one), list(one)
    assert first != second
    assert sorted(i for batch in first for i in batch) == list(range(24))  # each image once
    two.set_epoch(1)
    assert list(two) == second


def test_weights_draw_an_image_more_often():
    labels, weights = np.repeat([0, 1], 4), np.array([2.0, 2.0, 0.0, 0.0] * 2)
    drawn = {i for batch in IdentityBatchSampler(labels, 2, 2, weights=weights) for i in batch}
    assert drawn <= {0, 1, 4, 5}


def test_a_deal_has_its_own_rows_and_an_unknown_arm_names_the_nearest(world):
    deals = [world[0].arm("mix", deal).to_arrow().column("uid").to_pylist() for deal in (0, 1)]
    assert deals[0] != deals[1]
    with pytest.raises(SplitError, match="only-foggy"):
        world[0].arm("only-fogy")


def test_an_image_that_is_gone_is_one_sentence(world, tmp_path):
    dataset = world[0].arm("mix").dataset(roots={"engine": tmp_path})
    with pytest.raises(TrainingError, match=r"No such file .* give roots"):
        dataset[0]


def test_the_test_rows_are_a_dataset_in_the_order_of_test(world):
    dataset = world[0].test_dataset()
    assert dataset.uids.tolist() == world[0].test().column("uid").to_pylist()
