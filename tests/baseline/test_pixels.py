"""Images read by row from the parts of a store: the same trainings as from one array, and no copy
of the set."""

import numpy as np
import pytest
import torch

from gprplus.baseline import devices, image_store, loader
from gprplus.baseline.network.embedding import embed_images
from gprplus.baseline.store_view import StoredImages
from gprplus.baseline.train import train, untrained_model
from gprplus.core.errors import TrainingError


@pytest.fixture
def pack(drawn, tmp_path):
    """The drawn images as a store holds them: in parts of 20, 5, 25 and 46, in another order than
    their uids'."""
    images = drawn[0]
    uids = np.arange(1000, 1000 + len(images), dtype=np.uint64)
    order = np.random.default_rng(0).permutation(len(images))
    for part in np.split(order, [20, 25, 50]):
        keys = uids[part] + np.uint64(7)
        image_store._write(image_store._Part(tmp_path / "64x32", 64, 32, [], keys), images[part])
    return image_store.ImageStore(tmp_path / "64x32", 64, 32, uids, uids + np.uint64(7))


def weights(trained):
    return {name: value.detach().clone() for name, value in trained.model.state_dict().items()}


def same(one, other):
    return all(torch.equal(value, other[name]) for name, value in one.items())


def test_rows_come_from_the_part_that_holds_them():
    def part(*values):
        return lambda: (
            np.array(values, np.uint8)[:, None, None, None] * np.ones((1, 1, 1, 3), np.uint8)
        )

    pixels = StoredImages(
        1,
        1,
        (part(10, 11), part(20), part(30, 31, 32)),
        np.array([0, 2, 3, 6]),
        np.array([5, 0, 2, 1, 5]),
    )
    assert pixels[:][:, 0, 0, 0].tolist() == [32, 10, 20, 11, 32]
    assert pixels[np.array([3, 0, 3])][:, 0, 0, 2].tolist() == [11, 32, 11]
    assert (pixels.shape, pixels.nbytes) == ((5, 1, 1, 3), 15)
    lying, spots = pixels.sequential_order()
    assert lying[:][:, 0, 0, 0].tolist() == [10, 11, 20, 32, 32]
    assert (lying[spots] == pixels[:]).all()
    assert pixels[2:2].shape == (0, 1, 1, 3)


def test_a_store_gives_its_images_row_by_row(drawn, pack, monkeypatch):
    monkeypatch.setattr("gprplus.baseline.store_view._TOGETHER", 3 * 64 * 32 * 3)
    rows = np.random.default_rng(1).integers(0, len(drawn[0]), 200)
    images = pack.images(pack.uids[rows])
    assert (images[:] == drawn[0][rows]).all()
    assert images.shape == (200, 64, 32, 3)


@pytest.mark.parametrize("room", ["resident", "streamed"])
def test_a_training_from_a_store_is_that_from_an_array(
    drawn, tiny, pack, monkeypatch, on_gpu, room
):
    images, labels = drawn
    wanted = weights(train(images, labels, tiny, 0, "cpu"))
    monkeypatch.setattr(loader, "STEPS_PER_CHUNK_STREAMED", 3)
    monkeypatch.setattr(loader, "_BLOCK", 7 * 64 * 32 * 3)
    free = 1 << 30 if room == "resident" else 1000
    monkeypatch.setattr(devices, "_main_memory", lambda: (free, free))
    assert loader.fits_on_device(images, "cpu") == (room == "resident")
    assert same(weights(train(pack.images(pack.uids), labels, tiny, 0, "cpu")), wanted)
    with on_gpu(free) as gpu:
        assert loader.fits_on_device(images, "cuda") == (room == "resident")
        there = weights(train(pack.images(pack.uids), labels, tiny, 0, "cuda"))
        from_array = weights(train(images, labels, tiny, 0, "cuda"))
    assert same(there, from_array)
    assert same(there, wanted) or not gpu.exact


def test_features_of_a_store_are_those_of_an_array(drawn, tiny, pack, monkeypatch):
    model = untrained_model(tiny, 0, "cpu").model
    monkeypatch.setattr("gprplus.baseline.network.embedding._BATCH", {"cpu": 20})
    wanted = embed_images(model, drawn[0], tiny.compute, "cpu")
    assert torch.equal(embed_images(model, pack.images(pack.uids), tiny.compute, "cpu"), wanted)


def test_an_upload_is_never_more_than_two_blocks_ahead(drawn, on_gpu):
    with on_gpu() as gpu:
        blocks = list(devices.blocks_to_device(StoredImages.of(drawn[0]), 20, "cuda"))
        assert [len(block) for block in blocks] == [20, 20, 20, 20, 16]
        assert (torch.cat(blocks).cpu().numpy() == drawn[0]).all()
    waited = [what for what, _ in gpu.waits]
    assert waited[:3] == ["an event"] * 3
    assert len(waited) == 4, "the last one is the copy to the host"


def test_images_that_the_store_has_lost_are_counted_and_parts_named(pack):
    images = pack.images(pack.uids)
    gone = max(pack.folder.glob("*.pack"), key=lambda path: path.stat().st_size)
    gone.unlink()
    with pytest.raises(
        TrainingError, match=rf"has lost its part {gone.name} .*run the same command again"
    ):
        images[:]
    with pytest.raises(
        TrainingError, match=r"has lost 46 of 96 images; run the same command again"
    ):
        pack.images(pack.uids)
    for path in pack.folder.glob("*.pack"):
        path.unlink()
    with pytest.raises(TrainingError, match="has lost 96 of 96 images"):
        pack.images(pack.uids)


def test_main_memory_is_what_the_machine_and_the_container_leave(tmp_path, monkeypatch):
    assert devices._main_memory(tmp_path)[0] > 1 << 60, "nobody says"
    own = tmp_path / "sys/fs/cgroup/jobs/mine"
    for folder in (tmp_path / "proc/self", own):
        folder.mkdir(parents=True)
    (tmp_path / "proc/meminfo").write_text(
        "MemTotal:  8000 kB\nMemFree:  100 kB\nMemAvailable:  6000 kB\n"
    )
    assert devices._main_memory(tmp_path) == (6000 * 1024, 8000 * 1024)
    (tmp_path / "proc/self/cgroup").write_text("1:cpu:/elsewhere\n0::/jobs/mine\n")
    (own / "memory.max").write_text("5000000\n")
    (own / "memory.stat").write_text("anon 2000000\nfile 9000\n")
    assert devices._main_memory(tmp_path) == (3_000_000, 5_000_000)
    (own.parent / "memory.max").write_text("4000000\n")
    (own.parent / "memory.stat").write_text("anon 3500000\nfile 9000\n")
    assert devices._main_memory(tmp_path) == (500_000, 4_000_000), (
        "others of the same job took the rest"
    )
    (own / "memory.max").write_text("max\n")
    assert devices._main_memory(tmp_path) == (500_000, 4_000_000), "the limit stands above"
    (own.parent / "memory.max").write_text("max\n")
    assert devices._main_memory(tmp_path) == (6000 * 1024, 8000 * 1024)
    monkeypatch.setattr(devices, "_main_memory", lambda: (700, 1000))
    assert (devices.free_bytes("cpu"), devices.free_bytes("cpu", jobs=2)) == (700, 475)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "5")
    assert devices.free_bytes("cpu") == 190, "processes of a group share the machine"
