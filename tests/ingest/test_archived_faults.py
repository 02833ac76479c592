"""What stays out of the manifest of an archive, with a reason, and archives of which nothing can be
made."""

import io
import json
import tarfile
import zipfile
from pathlib import Path

import pytest
from packing import packed_folder

from gprplus.baseline.image_store import pack_images
from gprplus.core.errors import ExportError, LayoutError, ManifestError, TrainingError
from gprplus.exports import export
from gprplus.ingest import Manifest, build_manifest


def reasons(manifest: Manifest) -> dict[str, str]:
    return {row["path"]: row["reason"] for row in manifest.rejected().to_pylist()}


def test_hidden_members_and_ghosts_are_left_aside(renders: Path, tmp_path: Path, plant) -> None:
    plant(
        renders,
        [
            "_masks/0001/0001_c01_w01_l01.png",
            ".hidden.jpg",
            "__MACOSX/0001/._0001_c01_w01_l01.jpg",
            "Thumbs.db",
        ],
    )
    manifest = build_manifest([packed_folder(tmp_path / "r.zip", renders)], tmp_path / "m")
    assert (manifest.record.counts["images"], reasons(manifest)) == (36, {})
    assert manifest.datasets["gprplus"].ignored == 1


def test_what_must_not_be_taken_is_rejected_with_a_reason(
    renders: Path, tmp_path: Path, picture
) -> None:
    archive = packed_folder(tmp_path / "root" / "r.tar", renders)
    with tarfile.open(archive, "a") as out:
        for name, data in {
            "../0009/0009_c01_w01_l01.jpg": picture(),
            "in.zip": b"PK",
            "0009/0009_c01_w01_l01.jpg": b"",
            "0009/0009_c01_w01_l02.jpg": b"<!DOCTYPE html>" * 9,
            "0009/cat.jpg": picture(),
            "0001/0001_c01_w01_l01.jpg": picture(),
        }.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            out.addfile(info, io.BytesIO(data))
        link = tarfile.TarInfo("0009/0009_c02_w01_l01.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        out.addfile(link)
    (archive.parent / "broken.zip").write_bytes(b"PK\3\4 and no more")
    manifest = build_manifest([archive.parent], tmp_path / "m")
    assert reasons(manifest) == {
        "broken.zip": "damaged",
        "r.tar/../0009/0009_c01_w01_l01.jpg": "unsafe",
        "r.tar/0001/0001_c01_w01_l01.jpg": "twice",
        "r.tar/0009/0009_c01_w01_l01.jpg": "empty",
        "r.tar/0009/0009_c01_w01_l02.jpg": "foreign",
        "r.tar/0009/0009_c02_w01_l01.jpg": "link",
        "r.tar/0009/cat.jpg": "name",
        "r.tar/in.zip": "nested",
    }
    assert manifest.record.counts["images"] == 35
    assert all(row["detail"].endswith(".") for row in manifest.rejected().to_pylist())


def test_one_image_in_two_archives_is_told(renders: Path, tmp_path: Path) -> None:
    for name in ("a.tar", "b.zip"):
        packed_folder(tmp_path / "root" / name, renders)
    with pytest.raises(ManifestError, match=r"a\.tar/(\S+) and b\.zip/\1 name the same image"):
        build_manifest([tmp_path / "root"], tmp_path / "m")


def test_an_archive_in_which_nothing_can_be_read_is_one_sentence(tmp_path: Path, plant) -> None:
    (tmp_path / "r.zip").write_bytes(b"PK\3\4")
    with pytest.raises(
        LayoutError, match=r"nothing in it can be read \(damaged: this is no zip archive"
    ):
        build_manifest([tmp_path / "r.zip"], tmp_path / "m")
    with pytest.raises(LayoutError, match=r"No known layout fits the names under \S+cats\.tar"):
        build_manifest(
            [packed_folder(tmp_path / "cats.tar", plant(tmp_path / "c", ["cat.jpg"]))],
            tmp_path / "m",
        )


@pytest.mark.parametrize("layout", ["auto", "engine"])
def test_wholly_damaged_or_encrypted_archives_are_not_called_empty(
    renders: Path, tmp_path: Path, layout: str
) -> None:
    whole = packed_folder(tmp_path / "r.zip", renders).read_bytes()
    locked = bytearray(whole)
    at = locked.find(b"PK\1\2")
    while at >= 0:
        locked[at + 8] |= 1
        at = locked.find(b"PK\1\2", at + 1)
    for data, reason in (
        (bytes(locked), "encrypted: the member is encrypted, and 35 more"),
        (whole[:300], "damaged"),
    ):
        (tmp_path / "r.zip").write_bytes(data)
        with pytest.raises(LayoutError, match=rf"nothing in it can be read \({reason}"):
            build_manifest([tmp_path / "r.zip"], tmp_path / "m", layout=layout)


@pytest.mark.parametrize("method", [0, 8, 12, 14])
@pytest.mark.parametrize("verify", ["header", "digest", "decode"])
def test_a_damaged_member_is_a_rejected_row(
    renders: Path, tmp_path: Path, method: int, verify: str
) -> None:
    path = tmp_path / "root" / "r.zip"
    path.parent.mkdir()
    files = sorted(renders.rglob("*.jpg"))
    with zipfile.ZipFile(path, "w", method) as archive:
        for file in files:
            archive.write(file, file.relative_to(renders))
    data = bytearray(path.read_bytes())
    data[700:730] = bytes(30)  # inside the first member
    path.write_bytes(bytes(data))
    manifest = build_manifest([path.parent], tmp_path / "m", verify=verify)
    assert reasons(manifest) == {f"r.zip/{files[0].relative_to(renders)}": "damaged"}
    assert manifest.record.counts["images"] == len(files) - 1


def test_a_render_that_is_not_finished_is_not_taken_from_an_archive(
    renders: Path, tmp_path: Path
) -> None:
    (renders / "_request.json").write_text(json.dumps({}))
    with pytest.raises(LayoutError, match="not finished"):
        build_manifest([packed_folder(tmp_path / "r.tar", renders)], tmp_path / "m")


def test_an_archive_that_is_gone_later_is_one_sentence(renders: Path, tmp_path: Path) -> None:
    archive = packed_folder(tmp_path / "r.tar", renders)
    manifest = build_manifest([archive], tmp_path / "m")
    archive.unlink()
    with pytest.raises(TrainingError, match="36 of 36 images are missing"):
        pack_images(manifest.images(), manifest.roots(), tmp_path / "store", 32, 16)
    with pytest.raises(ExportError, match="is missing"):
        export(manifest.path, "imagefolder", tmp_path / "x")


def test_an_archive_without_a_byte_is_empty(renders: Path, tmp_path: Path) -> None:
    (renders / "none.tar").touch()
    assert reasons(build_manifest([renders], tmp_path / "m")) == {"none.tar": "empty"}
