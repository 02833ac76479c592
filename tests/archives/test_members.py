"""Archives are read in place: what is in them comes out as it went in, in whatever order it is
asked for."""

import os
import random
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packing import FILES, FORMS, listed, packed, refused, tar_info, tarred

from gprplus import archives
from gprplus.archives import gzip_seek, reader

names_of_files = st.text(
    st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\\/:."),
    min_size=1,
    max_size=80,
)


@pytest.mark.parametrize("form", FORMS)
def test_members_come_out_as_they_went_in(tmp_path: Path, form: str) -> None:
    path = packed(tmp_path / form, FILES)
    assert listed(path) == FILES
    assert refused(path) == {}
    name, data = next(iter(FILES.items()))
    assert archives.read_file(path / name) == data
    assert archives.file_stat(f"{path}/{name}") == (len(data), path.stat().st_mtime_ns)
    assert archives.exists(path / name)
    assert not archives.exists(path / "0009.jpg")
    with pytest.raises(FileNotFoundError):
        archives.read_file(path / "0009.jpg")


@pytest.mark.parametrize(
    "style",
    [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT],
    ids=["ustar", "gnu", "pax"],
)
def test_long_and_foreign_names_in_each_style_of_tar(tmp_path: Path, style: int) -> None:
    names = ["a/" * 60 + "b.jpg", "märz/日本 1.jpg", "a\nb.jpg", "x" * 95 + ".jpg"]
    names += [] if style == tarfile.USTAR_FORMAT else ["y" * 251 + ".jpg", "deep/" * 80 + "z.jpg"]
    path = tarred(tmp_path / "a.tar", [(tar_info(name, 3), b"abc") for name in names], format=style)
    assert sorted(listed(path)) == sorted(names)


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(names_of_files, st.integers(0, 1500), max_size=12), st.sampled_from([0, 1, 2])
)
def test_the_index_of_a_tar_is_what_tarfile_says(
    tmp_path_factory, sizes: dict[str, int], style: int
) -> None:
    path = tmp_path_factory.mktemp("t") / "a.tar"
    try:
        tarred(
            path,
            [(tar_info(name, size), bytes(size)) for name, size in sizes.items()],
            format=style,
        )
    except ValueError:  # a name that ustar cannot hold
        return
    found = archives.open_archive(str(path)).index
    with tarfile.open(path) as tar:
        expected = [(member.name, member.offset_data, member.size) for member in tar]
    assert list(zip(found.names, found.offsets, found.sizes, strict=True)) == expected


def test_dots_in_front_are_no_part_of_a_name_and_folders_are_no_members(tmp_path: Path) -> None:
    entries = [
        (tar_info("./0001", kind=tarfile.DIRTYPE), b""),
        (tar_info("./0001/a.jpg", 3), b"abc"),
    ]
    assert listed(tarred(tmp_path / "a.tar", entries)) == {"0001/a.jpg": b"abc"}


def test_an_archive_appended_to_another_is_read_on(tmp_path: Path) -> None:
    one, two = (
        packed(tmp_path / "1.tar", {"a.jpg": b"a"}),
        packed(tmp_path / "2.tar", {"b.jpg": b"b"}),
    )
    both = tmp_path / "both.tar"
    both.write_bytes(one.read_bytes() + two.read_bytes())
    assert listed(both) == {"a.jpg": b"a", "b.jpg": b"b"}
    zipped = tmp_path / "both.tgz"
    parts = [packed(tmp_path / f"{i}.tgz", {f"{i}.jpg": b"x"}).read_bytes() for i in (1, 2)]
    zipped.write_bytes(b"".join(parts))  # two gzip streams, one file
    assert listed(zipped) == {"1.jpg": b"x", "2.jpg": b"x"}


def test_reading_anywhere_in_a_stream_is_the_same_as_unpacking_it(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(gzip_seek, "_CHUNK", 100)
    monkeypatch.setattr(gzip_seek, "CHECKPOINT_BYTES", 1000)
    monkeypatch.setattr(gzip_seek, "MAX_CHECKPOINTS", 8)
    files = {f"{i}.jpg": random.Random(i).randbytes(300 + i) for i in range(60)}
    path = packed(tmp_path / "a.tgz", files)
    for name in random.Random(1).choices(list(files), k=400):
        assert archives.read_file(path / name) == files[name]


def test_a_batch_in_reading_order_is_one_pass(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(gzip_seek, "_CHUNK", 256)
    files = {
        f"{i}.jpg": random.Random(i).randbytes(400)
        for i in random.Random(2).sample(range(100), 100)
    }
    path = packed(tmp_path / "a.tgz", files)
    places = [f"{path}/{name}" for name in sorted(files)]
    archives.open_archive(str(path))
    steps = []
    one = gzip_seek.SeekableGzip._inflate
    monkeypatch.setattr(
        gzip_seek.SeekableGzip, "_inflate", lambda self: steps.append(1) or one(self)
    )
    order = archives.sort_for_reading(places)
    assert [places[i].rpartition("/")[2] for i in order] == list(files)
    data = archives.read_files([places[i] for i in order])
    assert data == list(files.values())
    assert len(steps) <= path.stat().st_size // 256 + 2


def test_what_is_in_no_archive_keeps_its_order(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"2.jpg": b"2", "1.jpg": b"1"})
    places = [f"{path}/1.jpg", "/nowhere/b.jpg", f"{path}/2.jpg", "/nowhere/a.jpg", f"{path}/9.jpg"]
    assert archives.sort_for_reading(places) == [1, 3, 4, 2, 0]
    assert archives.read_files(places) == [b"1", None, b"2", None, None]
    assert archives.sort_for_reading(["b", "a"]) == [0, 1]


@pytest.mark.parametrize("form", FORMS)
def test_threads_may_share_an_archive(tmp_path: Path, form: str, monkeypatch) -> None:
    monkeypatch.setattr(gzip_seek, "_CHUNK", 100)
    files = {f"{i}.jpg": random.Random(i).randbytes(500) for i in range(40)}
    path = packed(tmp_path / form, files)
    names = random.Random(3).choices(list(files), k=600)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda name: archives.read_file(path / name), names)) == [
            files[name] for name in names
        ]


def test_few_archives_stay_open_and_the_rest_are_closed(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(reader, "OPEN", 3)
    reader._kept.clear()
    paths = [packed(tmp_path / f"{i}{form}", FILES) for i in range(4) for form in FORMS]
    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
    for path in paths * 2:
        assert listed(path) == FILES
    assert len(reader._kept) == 3
    if before:
        assert len(os.listdir("/proc/self/fd")) <= before + 3


def test_an_archive_that_changed_is_looked_at_again(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.tar", {"a.jpg": b"1"})
    first = archives.open_archive(str(path))
    assert archives.open_archive(str(path)) is first
    packed(path, {"a.jpg": b"22"})
    assert archives.read_file(path / "a.jpg") == b"22"


def test_a_folder_with_an_archives_name_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a.tar").mkdir()
    (tmp_path / "a.tar" / "x.jpg").write_bytes(b"1")
    assert archives.read_file(tmp_path / "a.tar" / "x.jpg") == b"1"
    packed(tmp_path / "a.tar" / "b.zip", {"y.jpg": b"2"})
    assert archives.read_file(tmp_path / "a.tar" / "b.zip" / "y.jpg") == b"2"


def test_pipes_and_devices_are_no_files_to_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(OSError, match="Not a regular file"):
            archives.read_file(place)
