"""What the bytes say: format, size and wholeness, held against Pillow."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gprplus.core.imaging import image_headers
from gprplus.ingest.files.probe import probe_files

KINDS = {
    "jpeg": {"format": "JPEG"},
    "progressive jpeg": {"format": "JPEG", "progressive": True},
    "png": {"format": "PNG"},
    "bmp": {"format": "BMP"},
    "gif": {"format": "GIF"},
    "webp lossy": {"format": "WEBP"},
    "webp lossless": {"format": "WEBP", "lossless": True},
    "webp extended": {"format": "WEBP", "exif": b"Exif\0\0II*\0\x08\0\0\0\0\0"},
    "tiff": {"format": "TIFF"},
}


def drawn(width: int, height: int, mode: str = "RGB", **how: object) -> bytes:
    out = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).convert(mode).save(out, **how)
    return out.getvalue()


def probed(folder: Path, data: bytes, verify: str = "header"):
    (folder / "a.jpg").write_bytes(data)
    return probe_files(str(folder), ["a.jpg"], verify)[0]


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25)
@given(width=st.integers(1, 90), height=st.integers(1, 90))
def test_format_and_size_agree_with_pillow(kind: str, width: int, height: int) -> None:
    data = drawn(width, height, **KINDS[kind])
    name = image_headers.format_of(data[: image_headers.HEAD])
    with Image.open(io.BytesIO(data)) as image:
        assert name == image.format.lower()

    def more(offset: int, length: int) -> bytes:
        return data[offset : offset + length]

    assert image_headers.size_of(name, data[: image_headers.HEAD], more) == (width, height)
    assert image_headers.is_complete(
        name, len(data), data[: image_headers.HEAD], data[-image_headers.TAIL :], more
    )


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_grey_and_four_colour_jpegs_have_a_size(tmp_path: Path, mode: str) -> None:
    found = probed(tmp_path, drawn(30, 40, mode, format="JPEG"))
    assert (found.format, found.width, found.height) == ("jpeg", 30, 40)


def test_size_behind_a_large_thumbnail_is_found(tmp_path: Path) -> None:
    data = drawn(30, 40, format="JPEG")
    comment = b"\xff\xfe" + (60_000).to_bytes(2, "big") + bytes(59_998)
    found = probed(tmp_path, data[:2] + comment * 2 + data[2:])
    assert (found.reason, found.width, found.height) == (None, 30, 40)


@pytest.mark.parametrize("kind", ["jpeg", "progressive jpeg", "png", "bmp", "webp lossy", "gif"])
@pytest.mark.parametrize("missing", ["half", "two bytes"])
def test_a_file_cut_short_is_truncated(tmp_path: Path, kind: str, missing: str) -> None:
    data = drawn(60, 80, **KINDS[kind])
    found = probed(tmp_path, data[: len(data) // 2 if missing == "half" else -2])
    assert found.reason == "truncated"


def test_bytes_after_the_end_mark_are_no_damage(tmp_path: Path) -> None:
    assert probed(tmp_path, drawn(30, 40, format="JPEG") + b"\0" * 300).reason is None


def test_the_end_of_a_thumbnail_is_not_the_end_of_the_image(tmp_path: Path) -> None:
    thumbnail, image = drawn(8, 8, format="JPEG"), drawn(60, 80, format="JPEG")
    segment = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
    whole = image[:2] + segment + image[2:]
    assert probed(tmp_path, whole).reason is None
    assert probed(tmp_path, whole[:-400]).reason == "truncated"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><html></html>", "foreign"),
        (b"\xff\xd8\xff\xe0\x00\x04ab\xff\xda\xff\xd9", "damaged"),
        (b"\x89PNG\r\n\x1a\n" + bytes(30) + b"IEND\xaeB`\x82", "damaged"),
    ],
)
def test_what_is_no_image_has_a_reason(tmp_path: Path, data: bytes, reason: str) -> None:
    found = probed(tmp_path, data)
    assert found.reason == reason
    assert found.detail


def test_a_huge_picture_in_a_small_file_is_measured_not_decoded(tmp_path: Path) -> None:
    header = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (40_000).to_bytes(4, "big") * 2 + bytes(9)
    found = probed(tmp_path, header + b"\0\0\0\0IEND\xaeB`\x82")
    assert (found.reason, found.detail.split(" pixels")[0]) == (
        "large",
        "its header claims 40,000 x 40,000",
    )


def test_only_a_decode_sees_damage_inside(tmp_path: Path) -> None:
    data = drawn(60, 80, format="PNG")
    hurt = data[:60] + bytes(60) + data[120:]
    assert probed(tmp_path, hurt).reason is None
    assert probed(tmp_path, hurt, "decode").reason == "undecodable"


def test_the_file_after_a_damaged_one_is_not_blamed(tmp_path: Path) -> None:
    whole = drawn(60, 80, format="PNG")
    files = {"a.png": whole[:60] + bytes(60) + whole[120:], "b.png": whole}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    assert [probe.reason for probe in probe_files(str(tmp_path), sorted(files), "decode")] == [
        "undecodable",
        None,
    ]


def test_digest_is_of_the_bytes(tmp_path: Path) -> None:
    from xxhash import xxh3_128_hexdigest

    data = drawn(60, 80, format="PNG")
    assert probed(tmp_path, data, "digest").digest == xxh3_128_hexdigest(data)


@pytest.mark.parametrize("verify", ["names", "header", "digest", "decode"])
def test_a_file_that_vanishes_or_is_a_pipe_is_unreadable(tmp_path: Path, verify: str) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    assert probe_files(str(tmp_path), ["gone.jpg"], verify)[0].reason == "unreadable"
    if verify != "names":
        assert probe_files(str(tmp_path), ["pipe.jpg"], verify)[0].reason == "unreadable"


def test_slow_disks_are_read_by_many_and_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gprplus.ingest.files import probe

    names = [f"{i}.jpg" for i in range(200)]
    for i, name in enumerate(names):
        (tmp_path / name).write_bytes(drawn(20 + i % 7, 30, format="BMP"))
    together = probe_files(str(tmp_path), names, "header")
    monkeypatch.setattr(probe, "_WAITS", 0)
    assert probe_files(str(tmp_path), names, "header") == together
