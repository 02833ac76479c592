"""Bytes to pixels and back."""

import io
import resource
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from gprplus.baseline.decode import decode_resized as decode_to
from gprplus.core.imaging import image_headers
from gprplus.core.imaging.images import (
    decode_half_grey,
    decode_image,
    encode_jpeg,
    open_image,
    read_bytes,
    resize_image,
)

RED = np.full((20, 10, 3), (200, 30, 40), dtype=np.uint8)


def saved(image: np.ndarray, form: str, **options) -> bytes:
    out = io.BytesIO()
    Image.fromarray(image).save(out, form, **options)
    return out.getvalue()


@pytest.mark.parametrize("form", ["PNG", "BMP", "WEBP", "TIFF", "GIF", "PPM"])
def test_lossless_forms_come_back_in_rgb_order(form):
    options = {"lossless": True} if form == "WEBP" else {}
    assert np.array_equal(decode_image(saved(RED, form, **options)), RED)


def test_jpeg_comes_back_nearly_the_same():
    back = decode_image(encode_jpeg(RED, quality=95))
    assert back.shape == RED.shape
    assert back.dtype == np.uint8
    assert np.abs(back.astype(int) - RED).max() <= 4


def test_grey_and_see_through_images_become_rgb():
    grey = Image.fromarray(np.full((4, 5), 90, dtype=np.uint8))
    clear = Image.fromarray(np.dstack([RED, np.full(RED.shape[:2], 255, dtype=np.uint8)]))
    for image, shape in ((grey, (4, 5, 3)), (clear, RED.shape)):
        out = io.BytesIO()
        image.save(out, "PNG")
        assert decode_image(out.getvalue()).shape == shape


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff\xd8\xff", b"no image at all" * 20, saved(RED, "PNG")[:40], encode_jpeg(RED)[:-40]],
    ids=["nothing", "a JPEG's first bytes", "text", "a cut PNG", "a cut JPEG"],
)
def test_what_is_no_image_is_none(data):
    assert decode_image(data) is None


def test_postscript_called_jpg_starts_no_program(tmp_path, monkeypatch):
    (tmp_path / "gs").write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    (tmp_path / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    script = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 32 18\n%%EndComments\nshowpage\n%%EOF\n"
    assert decode_image(script) is decode_half_grey(script) is decode_to(script, 64, 32) is None
    with pytest.raises(OSError, match="cannot identify"):
        open_image(script)
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize("raised", [RuntimeError, KeyError, AssertionError])
def test_whatever_a_decoder_raises_means_that_the_bytes_do_not_decode(monkeypatch, raised):
    def broken(*_, **__):
        raise raised("failed to decode")

    monkeypatch.setattr("gprplus.core.imaging.images.open_image", broken)
    assert decode_image(saved(RED, "PPM")) is None


def test_an_avif_cut_short_is_none():
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    whole = saved(noise, "AVIF")
    assert decode_image(whole).shape == (64, 64, 3)
    assert [decode_image(whole[: len(whole) * tenths // 10]) for tenths in (1, 5, 9)] == [None] * 3


def scans(side: int, times: int) -> bytes:
    """A progressive JPEG, in which the last of ten scans stands `times` times in all."""
    data = saved(np.full((side, side, 3), 128, np.uint8), "JPEG", progressive=True)
    last = data.rfind(b"\xff\xda")
    return data[:last] + times * data[last:-2] + data[-2:]


@pytest.mark.parametrize(
    ("data", "counted", "decodes"),
    [
        (saved(RED, "JPEG"), 1, True),
        (scans(64, 1), 10, True),
        (scans(64, 491), 500, True),
        (scans(64, 492), 501, False),
        (scans(4000, 116), 125, True),  # 125 x 16 million pixels: two thousand million
        (scans(4000, 117), 126, False),
        # A picture appended to the file counts for nothing.
        (scans(64, 1) + scans(64, 600), 10, True),
    ],
    ids=[
        "baseline",
        "ten",
        "most",
        "one more",
        "most of a large one",
        "one more of it",
        "appended",
    ],
)
def test_jpegs_of_too_many_scans_are_not_decoded(data, counted, decodes):
    assert image_headers.scans_of(data) == counted
    assert image_headers.decodable(data) == decodes
    if not decodes or counted < 100:
        assert (decode_image(data) is not None) == (decode_half_grey(data) is not None) == decodes
        assert (decode_to(data, 8, 8) is not None) == decodes


def test_a_chunk_of_a_png_that_claims_gigabytes_is_not_believed():
    data = bytearray(saved(RED, "PNG"))
    data[33:37] = (
        b"\x7f\xff\xff\xf0"  # the length of IDAT, behind the signature (8 bytes) and IHDR (25)
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert decode_image(bytes(data)) is decode_half_grey(bytes(data)) is None
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB


@pytest.mark.parametrize(("texts", "decodes"), [(100, True), (101, False)])
def test_a_png_of_many_packed_texts_is_not_decoded(texts, decodes):
    packed = b"zTXtkey\0\0" + zlib.compress(b"text")
    chunk = struct.pack(">I", len(packed) - 4) + packed + struct.pack(">I", zlib.crc32(packed))
    data = saved(RED, "PNG")
    assert (decode_image(data[:33] + texts * chunk + data[33:]) is not None) == decodes


def test_scans_of_a_sequential_jpeg_are_counted_when_the_first_lacks_a_component():
    """The marker inside a comment before the scan must not be taken for the scan."""
    data = saved(RED, "JPEG")
    first = data.find(b"\xff\xda")
    comment = b"\xff\xfe\x00\x08\xff\xda\x00\x0c\x03\x01"
    one_of_three = b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00\x00"
    assert image_headers.scans_of(data[:first] + comment + 700 * one_of_three + b"\xff\xd9") == 700
    assert image_headers.scans_of(data[:first] + comment + data[first:]) == 1


def test_orientation_tags_are_ignored():
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees
    assert decode_image(saved(RED, "JPEG", exif=exif.tobytes())).shape == RED.shape


def test_shrinking_averages_areas():
    stripes = np.zeros((8, 8, 3), dtype=np.uint8)
    stripes[:, ::2] = 200
    assert np.all(resize_image(stripes, 4, 4) == 100)


def test_resizing_keeps_the_size_asked_for_and_leaves_a_fit_alone():
    assert resize_image(RED, 31, 17).shape == (31, 17, 3)
    assert resize_image(RED, 20, 10) is RED


def test_bytes_are_read_below_the_root(tmp_path):
    (tmp_path / "0001").mkdir()
    (tmp_path / "0001" / "a.jpg").write_bytes(b"abc")
    assert read_bytes(tmp_path, "0001/a.jpg") == b"abc"
