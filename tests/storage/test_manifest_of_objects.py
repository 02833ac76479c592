"""A manifest of objects is that of the same files in a folder."""

import io
import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest
from s3 import Bucket

from gprplus import Manifest, build_manifest
from gprplus.archives import open_archive
from gprplus.core.errors import GprplusError
from gprplus.core.storage import client, remote_file
from gprplus.core.storage.failures import StorageError

TABLES = ("images", "identities", "rejected")


def rows(manifest: Manifest) -> dict[str, object]:
    """The tables of a manifest, but for times."""
    found: dict[str, object] = {name: getattr(manifest, name)().to_pylist() for name in TABLES}
    found["scan"] = manifest.scan().drop_columns("mtime_ns").to_pylist()
    return found


def same(manifest: Manifest, other: Manifest) -> bool:
    """Whether two manifests have the same rows, uids and fingerprint."""
    assert rows(manifest) == rows(other)
    assert manifest.datasets["engine"].hidden == other.datasets["engine"].hidden
    assert manifest.datasets["engine"].ignored == other.datasets["engine"].ignored
    return manifest.fingerprint == other.fingerprint


@pytest.mark.parametrize("verify", ["names", "header", "digest", "decode"])
def test_every_grade_gives_the_rows_of_the_folder(
    bucket: Bucket, stored: str, local: Path, tmp_path: Path, verify: str
) -> None:
    there = build_manifest([stored], tmp_path / "there", verify=verify)
    here = build_manifest([local], tmp_path / "here", verify=verify)
    assert same(there, here)
    assert there.datasets["engine"].root == "s3://renders/renders"
    assert len(there.images()) == 35 + (verify == "names")


def test_an_unchanged_rebuild_lists_and_opens_nothing(
    bucket: Bucket, stored: str, tmp_path: Path
) -> None:
    build_manifest([stored], tmp_path / "m")
    assert bucket.count("GET", "renders/0001") > 0
    bucket.requests.clear()
    again = build_manifest([stored], tmp_path / "m")
    assert again.rebuilt == ()
    assert bucket.count("LIST") > 0
    assert not [key for _, key in bucket.requests if key.startswith("renders/0")]


def test_only_a_new_and_a_replaced_object_are_opened(
    bucket: Bucket, local: Path, tmp_path: Path
) -> None:
    root = bucket.put_folder(local, "changing")
    build_manifest([root], tmp_path / "m")
    image = (local / "0001" / "0001_c01_w01_l03.jpg").read_bytes()
    bucket.put("changing/0001/0001_c02_w01_l03.jpg", image)
    bucket.put("changing/0007/0007_c01_w01_l03.jpg", image)
    bucket.requests.clear()
    again = build_manifest([root], tmp_path / "m")
    opened = [key for method, key in bucket.requests if method == "GET" and key.endswith(".jpg")]
    assert sorted(opened) == [
        "changing/0001/0001_c02_w01_l03.jpg",
        "changing/0007/0007_c01_w01_l03.jpg",
    ]
    assert len(again.images()) == 36


def test_large_objects_are_read_at_both_ends(
    bucket: Bucket, local: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gprplus.ingest.files.probe_objects.WHOLE", 500)
    root = bucket.put_folder(local, "large")
    there = build_manifest([root], tmp_path / "there")
    assert same(there, build_manifest([local], tmp_path / "here"))
    assert bucket.requests.count(("GET", "large/0001/0001_c01_w01_l03.jpg")) == 2


@pytest.mark.parametrize("form", ["tar", "tar.gz", "zip"])
@pytest.mark.parametrize("inside", [True, False])
def test_archives_are_read_by_ranges(
    bucket: Bucket, local: Path, tmp_path: Path, form: str, inside: bool
) -> None:
    place = tmp_path / "packed" / f"cam.{form}"
    place.parent.mkdir()
    pack(local, place)
    bucket.put(f"packed-{form}/cam.{form}", place.read_bytes())
    root = bucket.url(f"packed-{form}") + ("" if inside else f"/cam.{form}")
    options = {"layout": "engine", "name": "engine"} if inside else {}
    if inside:
        shutil.copy(local / "renders.json", place.parent)
        bucket.put(f"packed-{form}/renders.json", (local / "renders.json").read_bytes())
    there = build_manifest([root], tmp_path / "there", **options)
    here = build_manifest([place.parent if inside else place], tmp_path / "here", **options)
    assert same(there, here)
    bucket.requests.clear()
    assert build_manifest([root], tmp_path / "there", **options).rebuilt == ()
    if inside:
        assert bucket.count("GET", f"packed-{form}/cam") == 0


@pytest.mark.parametrize("form", ["tar", "tar.gz", "zip"])
def test_an_archive_that_is_replaced_is_not_read_by_its_old_index(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    """By one with the same members in the other order, whose bytes begin at other places."""
    key, data = f"replaced/cam.{form}", [b"a" * 400_000, b"b" * 400_000]
    place = bucket.url(key)
    put_archive(bucket, tmp_path, key, {"a.jpg": data[0], "b.jpg": data[1]})
    monkeypatch.setattr(remote_file, "_LEAST", 512)
    monkeypatch.setattr(remote_file, "_MOST", 512)
    opened = open_archive(place)
    put_archive(bucket, tmp_path, key, {"b.jpg": data[1], "a.jpg": data[0]})
    with pytest.raises(StorageError, match=f"{place} cannot be reached: the object was replaced"):
        opened.read("b.jpg")
    monkeypatch.setattr(client, "_known", {})
    assert [open_archive(place).read(name) for name in ("a.jpg", "b.jpg")] == data


def put_archive(bucket: Bucket, folder: Path, key: str, members: dict[str, bytes]) -> None:
    """Put an archive with these members, in this order and not compressed, into the bucket."""
    place = folder / key.rpartition("/")[2]
    if place.suffix == ".zip":
        with zipfile.ZipFile(place, "w") as zipped:
            for name, data in members.items():
                zipped.writestr(name, data)
    else:
        mode = "w:gz" if place.suffix == ".gz" else "w"
        with tarfile.open(
            place, mode, **({"compresslevel": 0} if mode == "w:gz" else {})
        ) as packed:
            for name, data in members.items():
                member = tarfile.TarInfo(name)
                member.size = len(data)
                packed.addfile(member, io.BytesIO(data))
    bucket.put(key, place.read_bytes())


def pack(folder: Path, archive: Path) -> None:
    """Pack the files of a folder, without the folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive, "w") as packed:
            for path in files:
                packed.write(path, path.relative_to(folder))
        return
    with tarfile.open(archive, "w:gz" if archive.suffix == ".gz" else "w") as packed:
        for path in files:
            packed.add(path, str(path.relative_to(folder)))


def test_tables_are_read_from_addresses(bucket: Bucket, local: Path, tmp_path: Path) -> None:
    names = ["0001/0001_c01_w01_l03.jpg", "0002/0002_c01_w01_l03.jpg", "0004/gone.jpg"]
    table = "path,identity\n" + "".join(f"{name},{name[:4]}\n" for name in names)
    joined = "identity,hat\n0001,yes\n"
    for name, text in (("files.csv", table), ("build.csv", joined)):
        bucket.put(f"tables/{name}", text.encode())
        (tmp_path / name).write_text(text)
    root = bucket.put_folder(local, "named")
    there = build_manifest(
        output=tmp_path / "there",
        table=bucket.url("tables/files.csv"),
        root=root,
        joins=(bucket.url("tables/build.csv"),),
    )
    here = build_manifest(
        output=tmp_path / "here",
        table=tmp_path / "files.csv",
        root=local,
        joins=(tmp_path / "build.csv",),
    )
    assert rows(there) == rows(here)
    assert there.fingerprint == here.fingerprint
    assert len(there.images()) == 2


def test_two_workers_read_the_same(
    bucket: Bucket, stored: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gprplus.ingest.reading.read._PAYS", {"header": 1})
    there = build_manifest([stored], tmp_path / "two", workers=2)
    monkeypatch.undo()
    assert same(there, build_manifest([stored], tmp_path / "one", workers=1))


def test_a_folder_without_objects_is_one_sentence(bucket: Bucket, tmp_path: Path) -> None:
    with pytest.raises(GprplusError, match=r"There is no object below s3://renders/none\. "):
        build_manifest([bucket.url("none")], tmp_path / "m")
    with pytest.raises(GprplusError, match="there is no such bucket"):
        build_manifest(["s3://missing/renders"], tmp_path / "m")
    assert not (tmp_path / "m").exists()
