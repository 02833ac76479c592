"""What must not come out of an archive never does: names that lead out, links, bombs, lies and
damage."""

import random
import struct
import tarfile
import tracemalloc
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packing import FILES, FORMS, listed, packed, refused, tar_info, tarred

from gprplus import archives
from gprplus.archives import gzip_seek, index, reader
from gprplus.core.errors import ArchiveError


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "name",
    [
        "../evil.jpg",
        "/etc/evil.jpg",
        "C:/evil.jpg",
        "a\\..\\evil.jpg",
        "a/../../evil.jpg",
        "a//b.jpg",
    ],
)
def test_names_that_lead_out_are_refused(tmp_path: Path, form: str, name: str) -> None:
    path = packed(tmp_path / form, {"good.jpg": b"abc", name: b"evil"})
    assert refused(path) == {name: "unsafe"}
    assert listed(path) == {"good.jpg": b"abc"}


def test_links_devices_and_pipes_are_refused(tmp_path: Path) -> None:
    kinds = {
        "hard.jpg": (tarfile.LNKTYPE, "link"),
        "soft.jpg": (tarfile.SYMTYPE, "link"),
        "tty.jpg": (tarfile.CHRTYPE, "special"),
        "disk.jpg": (tarfile.BLKTYPE, "special"),
        "pipe.jpg": (tarfile.FIFOTYPE, "special"),
        "sparse.jpg": (tarfile.GNUTYPE_SPARSE, "special"),
    }
    entries = [
        (tar_info(name, kind=kind, to="/etc/passwd"), b"") for name, (kind, _) in kinds.items()
    ]
    path = tarred(tmp_path / "a.tar", [*entries, (tar_info("good.jpg", 3), b"abc")])
    assert refused(path) == {name: reason for name, (_, reason) in kinds.items()}
    assert listed(path) == {"good.jpg": b"abc"}
    linked = zipfile.ZipInfo("soft.jpg")
    linked.create_system, linked.external_attr = 3, 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(linked, "/etc/passwd")
    assert refused(tmp_path / "a.zip") == {"soft.jpg": "link"}


def test_which_of_two_members_of_one_name_is_meant_is_not_guessed(tmp_path: Path) -> None:
    entries = [
        (tar_info(name, 1), data)
        for name, data in (("a.jpg", b"1"), ("b.jpg", b"2"), ("./a.jpg", b"3"))
    ]
    path = tarred(tmp_path / "a.tar", entries)
    assert (listed(path), refused(path)) == ({"b.jpg": b"2"}, {"a.jpg": "twice"})


def test_archives_in_archives_are_refused(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"in.tar.gz": b"whatever", "a.jpg": b"1"})
    assert (listed(path), refused(path)) == ({"a.jpg": b"1"}, {"in.tar.gz": "nested"})


def test_a_name_that_is_no_utf8_is_refused(tmp_path: Path) -> None:
    info = tar_info("bad\udcff.jpg", 1)
    path = tarred(
        tmp_path / "a.tar", [(info, b"1")], format=tarfile.GNU_FORMAT, errors="surrogateescape"
    )
    assert refused(path) == {"bad\\xff.jpg": "not UTF-8"}


def _patched(path: Path, signature: bytes, offset: int, value: bytes) -> Path:
    """Overwrite a field of each zip record of one kind."""
    data = bytearray(path.read_bytes())
    at = data.find(signature)
    while at >= 0:
        data[at + offset : at + offset + len(value)] = value
        at = data.find(signature, at + 4)
    path.write_bytes(bytes(data))
    return path


CENTRAL, LOCAL = b"PK\x01\x02", b"PK\x03\x04"


def test_encrypted_and_strangely_packed_members_are_refused(tmp_path: Path) -> None:
    secret = _patched(packed(tmp_path / "secret.zip", {"a.jpg": b"1"}), CENTRAL, 8, b"\x01\x00")
    strange = _patched(
        packed(tmp_path / "strange.zip", {"a.jpg": b"1"}), CENTRAL, 10, struct.pack("<H", 97)
    )
    assert refused(secret) == {"a.jpg": "encrypted"}
    assert refused(strange) == {"a.jpg": "method"}


def test_what_would_unpack_to_far_more_than_it_takes_is_never_unpacked(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(gzip_seek, "SLACK", 1 << 20)
    monkeypatch.setattr("gprplus.archives.zip_members.SLACK", 1 << 20)
    zeros = bytes(24 << 20)
    bomb = packed(tmp_path / "bomb.zip", {"a.bmp": zeros, "b.jpg": b"1"})
    assert (refused(bomb), listed(bomb)) == ({"a.bmp": "bomb"}, {"b.jpg": b"1"})
    bomb = packed(tmp_path / "bomb.tgz", {"first.jpg": b"1", "a.bmp": zeros, "last.jpg": b"1"})
    assert refused(bomb) == {"": "bomb", "a.bmp": "truncated"}
    assert listed(bomb) == {"first.jpg": b"1"}


def test_members_past_the_limit_are_refused_by_what_they_declare(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(index, "LARGEST", 1000)
    for form in FORMS:
        path = packed(
            tmp_path / form, {"a.bmp": random.Random(0).randbytes(1001), "b.jpg": bytes(1000)}
        )
        assert (refused(path), list(listed(path))) == ({"a.bmp": "large"}, ["b.jpg"]), form


def test_a_zip_whose_members_lie_over_each_other_is_a_bomb(tmp_path: Path) -> None:
    files = {f"{i}.jpg": random.Random(i).randbytes(5000) for i in range(3)}
    path = _patched(packed(tmp_path / "a.zip", files), CENTRAL, 20, struct.pack("<I", 14_000))
    assert refused(path) == {"": "bomb"}


@pytest.mark.parametrize("declared", [10, 999_999])
def test_a_zip_that_lies_about_a_size_is_found_out(tmp_path: Path, declared: int) -> None:
    path = packed(tmp_path / "a.zip", {"a.jpg": b"abc" * 1000})
    for signature, offset in ((CENTRAL, 24), (LOCAL, 22)):
        _patched(path, signature, offset, struct.pack("<I", declared))
    with pytest.raises(ArchiveError, match="does not unpack"):
        archives.read_file(path / "a.jpg")


def test_a_changed_byte_of_a_zip_is_found_by_its_checksum(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("a.jpg", b"abc" * 1000)
    data = bytearray(path.read_bytes())
    data[500] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(ArchiveError, match="CRC"):
        archives.read_file(path / "a.jpg")


METHODS = {"stored": 0, "deflate": 8, "bzip2": 12, "LZMA": 14}


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_damage_in_a_member_of_any_method_is_one_sentence(tmp_path: Path, method: int) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("a.jpg", random.Random(0).randbytes(3000))
        archive.writestr("b.jpg", b"whole")
    whole = path.read_bytes()
    for at in range(50, 3000, 17):  # behind the header and the LZMA properties
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        with pytest.raises(ArchiveError, match="does not unpack"):
            archives.Archive(str(path)).read("a.jpg")
        assert archives.Archive(str(path)).read("b.jpg") == b"whole"


@pytest.mark.parametrize("method", [8, 12, 14], ids=["deflate", "bzip2", "LZMA"])
def test_no_more_is_unpacked_than_a_member_announces(tmp_path: Path, method: int) -> None:
    """bzip2 packs 10 GB of zeros into 7 kB, and the directory may say that they are 1,000 bytes."""
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("a.jpg", bytes(64 << 20))
    for signature, offset in ((CENTRAL, 24), (LOCAL, 22)):
        _patched(path, signature, offset, struct.pack("<I", 1000))
    tracemalloc.start()
    try:
        with pytest.raises(ArchiveError, match="more bytes where 1,000 were announced"):
            archives.read_file(path / "a.jpg")
        assert tracemalloc.get_traced_memory()[1] < 10 << 20
    finally:
        tracemalloc.stop()


def _with_size(path: Path, field: bytes) -> Path:
    """The size of the first member of a tar overwritten, and its checksum made right."""
    data = bytearray(path.read_bytes())
    data[124:136] = field
    data[148:156] = b"%06o\0 " % (sum(data[:148]) + sum(data[156:512]) + 256)
    path.write_bytes(bytes(data))
    return path


@pytest.mark.parametrize(
    "field",
    [
        b"-0000001000\0",
        b"+0000001000\0",
        b"1_0        \0",
        b"\xff" * 12,
        b"\xff" * 11 + b"\0",
        b"\x80" + b"\xff" * 11,
    ],
    ids=["minus", "plus", "underscore", "minus one", "minus 256", "2**88 - 1"],
)
def test_a_size_in_a_tar_that_is_none_ends_the_list(tmp_path: Path, field: bytes) -> None:
    """A negative size led back to its own header for ever."""
    entries = [(tar_info(name, 3), b"abc") for name in ("a.jpg", "b.jpg")]
    path = _with_size(tarred(tmp_path / "a.tar", entries, format=tarfile.GNU_FORMAT), field)
    assert (listed(path), refused(path)) == ({}, {"": "damaged"})


@pytest.mark.parametrize(
    "record",
    [
        b"9" * 5000 + b" path=b.jpg\n",
        b"5020 size=" + b"9" * 5009 + b"\n",
        b"99999 path=b.jpg\n",
        b"0 path=b.jpg\n",
        b"4 a=b\n",
        b"16 path=b.jpg",
        b"11 size=-1\n",
        b" path=b.jpg\n",
        b"path=b.jpg\n",
    ],
    ids=[
        "5,000 digits",
        "a size of 5,000",
        "too long",
        "nothing",
        "too short",
        "cut",
        "minus",
        "no length",
        "none",
    ],
)
def test_a_pax_header_that_is_none_ends_the_list(tmp_path: Path, record: bytes) -> None:
    header = tar_info("pax", len(record), kind=tarfile.XHDTYPE)
    entries = [(tar_info("a.jpg", 3), b"abc"), (header, record), (tar_info("b.jpg", 3), b"abc")]
    path = tarred(tmp_path / "a.tar", entries, format=tarfile.USTAR_FORMAT)
    assert (listed(path), refused(path)) == ({"a.jpg": b"abc"}, {"": "damaged"})


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.55, 0.8, 0.97])
def test_a_cut_archive_gives_what_is_whole_and_says_what_is_not(
    tmp_path: Path, form: str, share: float
) -> None:
    path = packed(tmp_path / form, FILES)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    found = listed(path)
    assert found.items() <= FILES.items()
    assert len(found) == len(FILES) or refused(path)[""] in ("truncated", "damaged", "empty")


def test_a_zip_whose_directory_claims_to_be_longer_is_refused_member_by_member(
    tmp_path: Path,
) -> None:
    path = packed(tmp_path / "a.zip", FILES)
    data = bytearray(path.read_bytes())
    start = int.from_bytes(
        data[-6:-2], "little"
    )  # the end record's last words: where the directory starts, no comment
    data[-6:-2] = (start + 50).to_bytes(
        4, "little"
    )  # as if 50 bytes before the archive had been cut off
    path.write_bytes(bytes(data))
    assert "damaged" in refused(path).values()


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(FORMS), st.integers(0, 10**6), st.binary(min_size=1, max_size=40), st.booleans()
)
def test_no_damage_leads_to_a_traceback(
    tmp_path_factory, form: str, at: int, noise: bytes, cut: bool
) -> None:
    path = packed(tmp_path_factory.mktemp("f") / form, FILES)
    data = bytearray(path.read_bytes())
    at %= len(data)
    data[at : at + len(noise)] = noise
    path.write_bytes(bytes(data[: at + len(noise)] if cut else data))
    archive = archives.open_archive(str(path))
    for name in archive.index.names:
        with suppress(ArchiveError):
            archive.read(name)


def test_what_is_no_archive_but_is_called_one_is_damaged(tmp_path: Path) -> None:
    for form in FORMS:
        (tmp_path / form).write_bytes(b"<!DOCTYPE html>" * 100)
        assert refused(tmp_path / form) == {"": "damaged"}, form


def test_the_page_on_archives_tells_every_reason_and_limit() -> None:
    page = (Path(__file__).parents[2] / "docs" / "archives.md").read_text(encoding="utf-8")
    assert all(f"`{reason}`" in page for reason in index.REASONS)
    limits = {
        f"{index.LARGEST >> 20} MiB",
        f"{index.RATIO} times",
        f"{index.SLACK >> 20} MiB",
        f"last {reader.OPEN} open",
    }
    limits |= {
        f"for {gzip_seek.CHECKPOINT_BYTES >> 20} MiB",
        f"at most {gzip_seek.MAX_CHECKPOINTS} of",
    }
    assert all(limit in page for limit in limits)
