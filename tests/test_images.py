"""Bytes to pixels and back."""

import io

import numpy as np
import pytest
from PIL import Image

from gprplus.images import decode, encode_jpeg, read_bytes, resize

RED = np.full((20, 10, 3), (200, 30, 40), dtype=np.uint8)


def saved(image: np.ndarray, form: str, **options) -> bytes:
    out = io.BytesIO()
    Image.fromarray(image).save(out, form, **options)
    return out.getvalue()


@pytest.mark.parametrize("form", ["PNG", "BMP", "WEBP", "TIFF", "GIF", "PPM"])
def test_lossless_forms_come_back_in_rgb_order(form):
    options = {"lossless": True} if form == "WEBP" else {}
    assert np.array_equal(decode(saved(RED, form, **options)), RED)


def test_jpeg_comes_back_nearly_the_same():
    back = decode(encode_jpeg(RED, quality=95))
    assert back.shape == RED.shape
    assert back.dtype == np.uint8
    assert np.abs(back.astype(int) - RED).max() <= 4


def test_grey_and_see_through_images_become_rgb():
    grey = Image.fromarray(np.full((4, 5), 90, dtype=np.uint8))
    clear = Image.fromarray(np.dstack([RED, np.full(RED.shape[:2], 255, dtype=np.uint8)]))
    for image, shape in ((grey, (4, 5, 3)), (clear, RED.shape)):
        out = io.BytesIO()
        image.save(out, "PNG")
        assert decode(out.getvalue()).shape == shape


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff\xd8\xff", b"no image at all" * 20, saved(RED, "PNG")[:40], encode_jpeg(RED)[:-40]],
    ids=["nothing", "a JPEG's first bytes", "text", "a cut PNG", "a cut JPEG"],
)
def test_what_is_no_image_is_none(data):
    assert decode(data) is None


def test_orientation_tags_are_ignored():
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees
    assert decode(saved(RED, "JPEG", exif=exif.tobytes())).shape == RED.shape


def test_shrinking_averages_areas():
    stripes = np.zeros((8, 8, 3), dtype=np.uint8)
    stripes[:, ::2] = 200
    assert np.all(resize(stripes, 4, 4) == 100)


def test_resizing_keeps_the_size_asked_for_and_leaves_a_fit_alone():
    assert resize(RED, 31, 17).shape == (31, 17, 3)
    assert resize(RED, 20, 10) is RED


def test_bytes_are_read_below_the_root(tmp_path):
    (tmp_path / "0001").mkdir()
    (tmp_path / "0001" / "a.jpg").write_bytes(b"abc")
    assert read_bytes(tmp_path, "0001/a.jpg") == b"abc"
