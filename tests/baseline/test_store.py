"""The packed store: decoded once, added to, never taken for whole when it is not."""

import os

import numpy as np
import pytest

from gprplus.baseline import image_store
from gprplus.baseline.decode import decode_resized, jpeg_size
from gprplus.core.errors import TrainingError
from gprplus.core.imaging import images
from gprplus.core.imaging.images import encode_jpeg

SIZE = (64, 32)


def parts(folder):
    return {path.name: path.stat().st_mtime_ns for path in folder.rglob("*.pack")}


def test_images_come_back_by_uid_in_any_order(renders, tmp_path):
    rows, roots = renders
    pack = image_store.pack_images(rows, roots, tmp_path / "store", *SIZE)
    wanted = np.array([30, 50, 30, 10], dtype=np.uint64)
    names = {50: 0, 10: 1, 40: 2, 20: 3, 30: 4, 60: 5}
    for uid, image in zip(wanted.tolist(), pack.images(wanted)[:], strict=True):
        data = (roots["drawn"] / f"{names[uid]}.jpg").read_bytes()
        assert (image == decode_resized(data, *SIZE)).all()


def test_row_order_and_repeats_change_nothing(renders, tmp_path):
    rows, roots = renders
    one = image_store.pack_images(rows, roots, tmp_path / "one", *SIZE)
    other = image_store.pack_images(
        rows.take([5, 3, 3, 0, 1, 2, 4]), roots, tmp_path / "two", *SIZE
    )
    assert (one.keys == other.keys).all()
    assert set(parts(tmp_path / "one")) == set(parts(tmp_path / "two"))


def test_packing_again_adds_only_what_is_new(renders, tmp_path):
    rows, roots = renders
    folder = tmp_path / "store"
    cost = image_store.packing_cost(rows.slice(0, 4), roots, folder, *SIZE)
    assert (len(cost.wanted), len(cost.missing), cost.bytes_each) == (4, 4, 64 * 32 * 3 + 8)
    image_store.pack_images(rows.slice(0, 4), roots, folder, *SIZE)
    before = parts(folder)
    assert len(image_store.packing_cost(rows, roots, folder, *SIZE).missing) == 2
    image_store.pack_images(rows, roots, folder, *SIZE)
    after = parts(folder)
    assert len(after) == len(before) + 1
    assert before.items() <= after.items()
    image_store.pack_images(rows, roots, folder, *SIZE)
    assert parts(folder) == after


def test_the_digest_of_a_set_knows_pictures_drawn_anew_from_copies(renders, tmp_path):
    rows, roots = renders
    before = image_store.packing_cost(rows, roots, tmp_path / "store", *SIZE)
    shuffled = image_store.packing_cost(
        rows.take([5, 3, 3, 0, 1, 2, 4]), roots, tmp_path / "store", *SIZE
    )
    assert shuffled.digest == before.digest
    assert np.array_equal(shuffled.wanted, before.wanted)
    path = roots["drawn"] / "0.jpg"
    os.utime(path, ns=(1, 1))
    assert image_store.packing_cost(rows, roots, tmp_path / "store", *SIZE).digest == before.digest
    path.write_bytes(path.read_bytes() + b"\0")
    assert image_store.packing_cost(rows, roots, tmp_path / "store", *SIZE).digest != before.digest


def test_a_file_drawn_anew_is_packed_anew(renders, tmp_path):
    rows, roots = renders
    image_store.pack_images(rows, roots, tmp_path / "store", *SIZE)
    path = roots["drawn"] / "0.jpg"
    path.write_bytes(encode_jpeg(np.zeros((470, 200, 3), np.uint8)))
    os.utime(path, ns=(1, 1))
    pack = image_store.pack_images(rows, roots, tmp_path / "store", *SIZE)
    assert pack.images(np.array([50], np.uint64))[:].max() == 0


def test_an_interrupted_pack_goes_on_where_it_was(renders, tmp_path, monkeypatch):
    rows, roots = renders
    monkeypatch.setattr(image_store, "PART_BYTES", 2 * 64 * 32 * 3)
    written, real = [], image_store._write

    def stop_after_two(*arguments):
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(real(*arguments))

    monkeypatch.setattr(image_store, "_write", stop_after_two)
    with pytest.raises(KeyboardInterrupt):
        image_store.pack_images(rows, roots, tmp_path / "store", *SIZE)
    monkeypatch.setattr(image_store, "_write", real)
    assert len(image_store.packing_cost(rows, roots, tmp_path / "store", *SIZE).missing) == 2
    pack = image_store.pack_images(rows, roots, tmp_path / "store", *SIZE)
    assert pack.images(rows.column("uid").to_numpy()).shape == (6, 64, 32, 3)


def test_missing_and_broken_files_are_named(renders, tmp_path):
    rows, roots = renders
    (roots["drawn"] / "3.jpg").write_bytes(b"no image")
    with pytest.raises(TrainingError, match=r"1 images cannot be decoded .*3\.jpg"):
        image_store.pack_images(rows, roots, tmp_path / "store", *SIZE)
    (roots["drawn"] / "3.jpg").unlink()
    with pytest.raises(TrainingError, match="are missing"):
        image_store.pack_images(rows, roots, tmp_path / "store", *SIZE)
    with pytest.raises(TrainingError, match="No folder is known"):
        image_store.pack_images(rows, {}, tmp_path / "store", *SIZE)


def test_a_disk_that_is_too_small_is_said_beforehand(renders, tmp_path, monkeypatch):
    rows, roots = renders
    monkeypatch.setattr(
        image_store.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 10})
    )
    with pytest.raises(
        TrainingError, match=r"needs [\d.]+ [kM]B in .*, but only 10 bytes are free"
    ):
        image_store.pack_images(rows, roots, tmp_path / "store", *SIZE)
    assert not parts(tmp_path)


@pytest.mark.parametrize("size", [0, 8, 24, 40])
def test_a_stranger_in_the_store_is_refused(renders, tmp_path, size):
    rows, roots = renders
    image_store.pack_images(rows, roots, tmp_path / "store", *SIZE)
    whole = next((tmp_path / "store" / "64x32").glob("*.pack")).read_bytes()
    (tmp_path / "store" / "64x32" / "zz.pack").write_bytes(whole[:size])
    with pytest.raises(TrainingError, match="not a part of a store"):
        image_store.pack_images(rows, roots, tmp_path / "store", *SIZE)


def test_sizes_have_stores_of_their_own(renders, tmp_path):
    rows, roots = renders
    image_store.pack_images(rows, roots, tmp_path, *SIZE)
    assert image_store.pack_images(rows, roots, tmp_path, 32, 16).images(
        np.array([10], np.uint64)
    ).shape == (
        1,
        32,
        16,
        3,
    )
    assert sorted(path.name for path in tmp_path.glob("*x*")) == ["32x16", "64x32"]


def bands_of_colour(height, width):
    """A coarse picture `(H, W, 3) uint8`."""
    rng = np.random.default_rng(5)
    bands = rng.integers(0, 256, (3, 3)).repeat(
        [height // 5, height // 2, height - height // 5 - height // 2], 0
    )
    return np.broadcast_to(bands[:, None], (height, width, 3)).astype(np.uint8)


@pytest.mark.parametrize("size", [(470, 200), (235, 100), (117, 50), (33, 17), (600, 300)])
def test_scaled_decoding_gives_the_wanted_size_and_nearly_the_same_picture(size):
    image = np.kron(bands_of_colour(47, 20), np.ones((10, 10, 1), np.uint8))
    data = encode_jpeg(image, 95)
    assert jpeg_size(data) == (470, 200)
    difference = decode_resized(data, *size).astype(float) - images.resize_image(
        images.decode_image(data), *size
    )
    assert difference.shape == (*size, 3)
    assert np.abs(difference).mean() < 4


def test_bytes_that_are_no_image_decode_to_nothing():
    assert decode_resized(b"", 8, 8) is None
    assert decode_resized(b"\xff\xd8\xff\xc0\x00\x11\x08\x10\x00\x10\x00", 8, 8) is None
    assert jpeg_size(b"\x89PNG") is None


def test_uids_that_were_never_packed_are_refused(renders, tmp_path):
    pack = image_store.pack_images(*renders, tmp_path / "store", *SIZE)
    with pytest.raises(TrainingError, match="not in this pack"):
        pack.images(np.array([99], np.uint64))
