"""Archives are read in place: what is in them comes out as it went in, and what must not come out never does."""

import io
import os
import random
import struct
import tarfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gprplus import archives
from gprplus.archives import index, inflate, opened
from gprplus.errors import ArchiveError

FORMS = ["cam.tar", "cam.tar.gz", "cam.tgz", "cam.zip"]
FILES = {
    f"{i:04d}/{i:04d}_c{c:02d}.jpg": random.Random(10 * i + c).randbytes(700 + 13 * c) for i in (1, 2) for c in (1, 2)
}


def tar_info(name: str, size: int = 0, kind: bytes = tarfile.REGTYPE, to: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = size, kind, to
    return info


def tarred(path: Path, entries: list[tuple[tarfile.TarInfo, bytes]], **options) -> Path:
    with tarfile.open(path, "w:gz" if path.suffix in (".gz", ".tgz") else "w", **options) as tar:
        for info, data in entries:
            tar.addfile(info, io.BytesIO(data) if data else None)
    return path


def packed(path: Path, files: dict[str, bytes]) -> Path:
    """An archive of the form that its name says."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in files.items():
                archive.writestr(name, data)
        return path
    return tarred(path, [(tar_info(name, len(data)), data) for name, data in files.items()])


def listed(path: Path) -> dict[str, bytes]:
    archive = archives.open_archive(str(path))
    return {name: archive.read(name) for name in archive.index.names}


def refused(path: Path) -> dict[str, str]:
    return {item.name: item.reason for item in archives.open_archive(str(path)).index.refused}


@pytest.mark.parametrize("form", FORMS)
def test_members_come_out_as_they_went_in(tmp_path: Path, form: str) -> None:
    path = packed(tmp_path / form, FILES)
    assert listed(path) == FILES
    assert refused(path) == {}
    name, data = next(iter(FILES.items()))
    assert archives.read(path / name) == data
    assert archives.facts(f"{path}/{name}") == (len(data), path.stat().st_mtime_ns)
    assert archives.exists(path / name)
    assert not archives.exists(path / "0009.jpg")
    with pytest.raises(FileNotFoundError):
        archives.read(path / "0009.jpg")


@pytest.mark.parametrize(
    "style", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT], ids=["ustar", "gnu", "pax"]
)
def test_long_and_foreign_names_in_each_style_of_tar(tmp_path: Path, style: int) -> None:
    names = ["a/" * 60 + "b.jpg", "märz/日本 1.jpg", "a\nb.jpg", "x" * 95 + ".jpg"]
    names += [] if style == tarfile.USTAR_FORMAT else ["y" * 251 + ".jpg", "deep/" * 80 + "z.jpg"]
    path = tarred(tmp_path / "a.tar", [(tar_info(name, 3), b"abc") for name in names], format=style)
    assert sorted(listed(path)) == sorted(names)


names_of_files = st.text(
    st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\\/:."), min_size=1, max_size=80
)


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(names_of_files, st.integers(0, 1500), max_size=12), st.sampled_from([0, 1, 2]))
def test_the_index_of_a_tar_is_what_tarfile_says(tmp_path_factory, sizes: dict[str, int], style: int) -> None:
    path = tmp_path_factory.mktemp("t") / "a.tar"
    try:
        tarred(path, [(tar_info(name, size), bytes(size)) for name, size in sizes.items()], format=style)
    except ValueError:  # a name that ustar cannot hold
        return
    found = archives.open_archive(str(path)).index
    with tarfile.open(path) as tar:
        expected = [(member.name, member.offset_data, member.size) for member in tar]
    assert list(zip(found.names, found.offsets, found.sizes, strict=True)) == expected


def test_dots_in_front_are_no_part_of_a_name_and_folders_are_no_members(tmp_path: Path) -> None:
    entries = [(tar_info("./0001", kind=tarfile.DIRTYPE), b""), (tar_info("./0001/a.jpg", 3), b"abc")]
    assert listed(tarred(tmp_path / "a.tar", entries)) == {"0001/a.jpg": b"abc"}


def test_an_archive_appended_to_another_is_read_on(tmp_path: Path) -> None:
    one, two = packed(tmp_path / "1.tar", {"a.jpg": b"a"}), packed(tmp_path / "2.tar", {"b.jpg": b"b"})
    both = tmp_path / "both.tar"
    both.write_bytes(one.read_bytes() + two.read_bytes())
    assert listed(both) == {"a.jpg": b"a", "b.jpg": b"b"}
    zipped = tmp_path / "both.tgz"
    parts = [packed(tmp_path / f"{i}.tgz", {f"{i}.jpg": b"x"}).read_bytes() for i in (1, 2)]
    zipped.write_bytes(b"".join(parts))  # two gzip streams, one file
    assert listed(zipped) == {"1.jpg": b"x", "2.jpg": b"x"}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "name", ["../evil.jpg", "/etc/evil.jpg", "C:/evil.jpg", "a\\..\\evil.jpg", "a/../../evil.jpg", "a//b.jpg"]
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
    entries = [(tar_info(name, kind=kind, to="/etc/passwd"), b"") for name, (kind, _) in kinds.items()]
    path = tarred(tmp_path / "a.tar", [*entries, (tar_info("good.jpg", 3), b"abc")])
    assert refused(path) == {name: reason for name, (_, reason) in kinds.items()}
    assert listed(path) == {"good.jpg": b"abc"}
    linked = zipfile.ZipInfo("soft.jpg")
    linked.create_system, linked.external_attr = 3, 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(linked, "/etc/passwd")
    assert refused(tmp_path / "a.zip") == {"soft.jpg": "link"}


def test_which_of_two_members_of_one_name_is_meant_is_not_guessed(tmp_path: Path) -> None:
    entries = [(tar_info(name, 1), data) for name, data in (("a.jpg", b"1"), ("b.jpg", b"2"), ("./a.jpg", b"3"))]
    path = tarred(tmp_path / "a.tar", entries)
    assert (listed(path), refused(path)) == ({"b.jpg": b"2"}, {"a.jpg": "twice"})


def test_archives_in_archives_are_refused(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"in.tar.gz": b"whatever", "a.jpg": b"1"})
    assert (listed(path), refused(path)) == ({"a.jpg": b"1"}, {"in.tar.gz": "nested"})


def test_a_name_that_is_no_utf8_is_refused(tmp_path: Path) -> None:
    info = tar_info("bad\udcff.jpg", 1)
    path = tarred(tmp_path / "a.tar", [(info, b"1")], format=tarfile.GNU_FORMAT, errors="surrogateescape")
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
    strange = _patched(packed(tmp_path / "strange.zip", {"a.jpg": b"1"}), CENTRAL, 10, struct.pack("<H", 97))
    assert refused(secret) == {"a.jpg": "encrypted"}
    assert refused(strange) == {"a.jpg": "method"}


def test_what_would_unpack_to_far_more_than_it_takes_is_never_unpacked(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(inflate, "SLACK", 1 << 20)
    monkeypatch.setattr("gprplus.archives.zips.SLACK", 1 << 20)
    zeros = bytes(24 << 20)
    bomb = packed(tmp_path / "bomb.zip", {"a.bmp": zeros, "b.jpg": b"1"})
    assert (refused(bomb), listed(bomb)) == ({"a.bmp": "bomb"}, {"b.jpg": b"1"})
    bomb = packed(tmp_path / "bomb.tgz", {"first.jpg": b"1", "a.bmp": zeros, "last.jpg": b"1"})
    assert refused(bomb) == {"": "bomb", "a.bmp": "truncated"}
    assert listed(bomb) == {"first.jpg": b"1"}


def test_members_past_the_limit_are_refused_by_what_they_declare(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(index, "LARGEST", 1000)
    for form in FORMS:
        path = packed(tmp_path / form, {"a.bmp": random.Random(0).randbytes(1001), "b.jpg": bytes(1000)})
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
        archives.read(path / "a.jpg")


def test_a_changed_byte_of_a_zip_is_found_by_its_checksum(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("a.jpg", b"abc" * 1000)
    data = bytearray(path.read_bytes())
    data[500] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(ArchiveError, match="CRC"):
        archives.read(path / "a.jpg")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.55, 0.8, 0.97])
def test_a_cut_archive_gives_what_is_whole_and_says_what_is_not(tmp_path: Path, form: str, share: float) -> None:
    path = packed(tmp_path / form, FILES)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    found = listed(path)
    assert found.items() <= FILES.items()
    assert len(found) == len(FILES) or refused(path)[""] in ("truncated", "damaged", "empty")


def test_a_zip_whose_directory_claims_to_be_longer_is_refused_member_by_member(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", FILES)
    data = bytearray(path.read_bytes())
    start = int.from_bytes(data[-6:-2], "little")  # the end record's last words: where the directory starts, no comment
    data[-6:-2] = (start + 50).to_bytes(4, "little")  # as if 50 bytes before the archive had been cut off
    path.write_bytes(bytes(data))
    assert "damaged" in refused(path).values()


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(FORMS), st.integers(0, 10**6), st.binary(min_size=1, max_size=40), st.booleans())
def test_no_damage_leads_to_a_traceback(tmp_path_factory, form: str, at: int, noise: bytes, cut: bool) -> None:
    path = packed(tmp_path_factory.mktemp("f") / form, FILES)
    data = bytearray(path.read_bytes())
    at %= len(data)
    data[at : at + len(noise)] = noise
    path.write_bytes(bytes(data[: at + len(noise)] if cut else data))
    archive = archives.open_archive(str(path))
    for name in archive.index.names:
        with suppress(ArchiveError):
            archive.read(name)


def test_reading_anywhere_in_a_stream_is_the_same_as_unpacking_it(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(inflate, "_CHUNK", 100)
    monkeypatch.setattr(inflate, "SPAN", 1000)
    monkeypatch.setattr(inflate, "MOST", 8)
    files = {f"{i}.jpg": random.Random(i).randbytes(300 + i) for i in range(60)}
    path = packed(tmp_path / "a.tgz", files)
    for name in random.Random(1).choices(list(files), k=400):
        assert archives.read(path / name) == files[name]


def test_a_batch_in_reading_order_is_one_pass(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(inflate, "_CHUNK", 256)
    files = {f"{i}.jpg": random.Random(i).randbytes(400) for i in random.Random(2).sample(range(100), 100)}
    path = packed(tmp_path / "a.tgz", files)
    places = [f"{path}/{name}" for name in sorted(files)]
    archives.open_archive(str(path))
    steps = []
    one = inflate.Inflated._inflate
    monkeypatch.setattr(inflate.Inflated, "_inflate", lambda self: steps.append(1) or one(self))
    order = archives.reading_order(places)
    assert [places[i].rpartition("/")[2] for i in order] == list(files)
    data = archives.read_many([places[i] for i in order])
    assert data == list(files.values())
    assert len(steps) <= path.stat().st_size // 256 + 2


def test_what_is_in_no_archive_keeps_its_order(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"2.jpg": b"2", "1.jpg": b"1"})
    places = [f"{path}/1.jpg", "/nowhere/b.jpg", f"{path}/2.jpg", "/nowhere/a.jpg", f"{path}/9.jpg"]
    assert archives.reading_order(places) == [1, 3, 4, 2, 0]
    assert archives.read_many(places) == [b"1", None, b"2", None, None]
    assert archives.reading_order(["b", "a"]) == [0, 1]


@pytest.mark.parametrize("form", FORMS)
def test_threads_may_share_an_archive(tmp_path: Path, form: str, monkeypatch) -> None:
    monkeypatch.setattr(inflate, "_CHUNK", 100)
    files = {f"{i}.jpg": random.Random(i).randbytes(500) for i in range(40)}
    path = packed(tmp_path / form, files)
    names = random.Random(3).choices(list(files), k=600)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda name: archives.read(path / name), names)) == [files[name] for name in names]


def test_few_archives_stay_open_and_the_rest_are_closed(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(opened, "OPEN", 3)
    opened._kept.clear()
    paths = [packed(tmp_path / f"{i}{form}", FILES) for i in range(4) for form in FORMS]
    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
    for path in paths * 2:
        assert listed(path) == FILES
    assert len(opened._kept) == 3
    if before:
        assert len(os.listdir("/proc/self/fd")) <= before + 3


def test_an_archive_that_changed_is_looked_at_again(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.tar", {"a.jpg": b"1"})
    first = archives.open_archive(str(path))
    assert archives.open_archive(str(path)) is first
    packed(path, {"a.jpg": b"22"})
    assert archives.read(path / "a.jpg") == b"22"


def test_a_folder_with_an_archives_name_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a.tar").mkdir()
    (tmp_path / "a.tar" / "x.jpg").write_bytes(b"1")
    assert archives.read(tmp_path / "a.tar" / "x.jpg") == b"1"
    packed(tmp_path / "a.tar" / "b.zip", {"y.jpg": b"2"})
    assert archives.read(tmp_path / "a.tar" / "b.zip" / "y.jpg") == b"2"


def test_what_is_no_archive_but_is_called_one_is_damaged(tmp_path: Path) -> None:
    for form in FORMS:
        (tmp_path / form).write_bytes(b"<!DOCTYPE html>" * 100)
        assert refused(tmp_path / form) == {"": "damaged"}, form


def test_the_page_on_archives_tells_every_reason_and_limit() -> None:
    page = (Path(__file__).parent.parent / "docs" / "archives.md").read_text(encoding="utf-8")
    assert all(f"`{reason}`" in page for reason in index.REASONS)
    limits = {
        f"{index.LARGEST >> 20} MiB",
        f"{index.RATIO} times",
        f"{index.SLACK >> 20} MiB",
        f"last {opened.OPEN} open",
    }
    limits |= {f"for {inflate.SPAN >> 20} MiB", f"at most {inflate.MOST} of"}
    assert all(limit in page for limit in limits)
