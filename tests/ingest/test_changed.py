"""Files that changed since a manifest was built: which count, and which are a copy."""

import os
import shutil

import pyarrow as pa
import pytest

from gprplus.core.errors import ExportError
from gprplus.ingest import build_manifest
from gprplus.ingest.changed_files import changed_files, refuse_changed

COLUMNS = ["dataset", "path"]


def built(renders, tmp_path):
    """The manifest of 36 renders, its rows and its roots."""
    manifest = build_manifest([renders], tmp_path / "manifest")
    return manifest, manifest.images(COLUMNS), manifest.roots()


def test_files_as_they_were_have_not_changed(renders, tmp_path):
    manifest, rows, roots = built(renders, tmp_path)
    found = changed_files(manifest, pa.concat_tables([rows, rows]), roots)
    assert (found.count, found.total, found.sentence()) == (0, 36, "")


def test_another_size_and_another_time_are_changes_and_a_file_that_went_is_not(renders, tmp_path):
    manifest, rows, roots = built(renders, tmp_path)
    grown, touched, gone = sorted(renders.rglob("*.jpg"))[:3]
    before = grown.stat().st_size
    grown.write_bytes(grown.read_bytes() + b"12")
    os.utime(touched, ns=(1, 1))
    gone.unlink()
    found = changed_files(manifest, rows, roots)
    assert (found.count, found.total) == (2, 36)
    assert found.example == f"{grown} had {before:,} bytes and has {before + 2:,}"
    with pytest.raises(
        ExportError, match=r"2 of 36 images have changed .* no longer be true\. Build it again\."
    ):
        refuse_changed(manifest, rows, roots, ExportError, "Build it again.")


def test_two_files_of_one_size_that_were_exchanged_are_changes(renders, tmp_path):
    first, second = sorted(renders.rglob("*.jpg"))[:2]
    first.write_bytes(first.read_bytes().ljust(9000, b"\0"))
    second.write_bytes(second.read_bytes().ljust(9000, b"\0"))
    os.utime(first, ns=(1, 1))
    manifest, rows, roots = built(renders, tmp_path)
    first.rename(tmp_path / "aside")
    second.rename(first)
    (tmp_path / "aside").rename(second)
    assert changed_files(manifest, rows, roots).count == 2


def test_a_copy_without_its_times_has_not_changed_but_for_its_sizes(renders, tmp_path):
    manifest, rows, _ = built(renders, tmp_path)
    copy = shutil.copytree(renders, tmp_path / "copy", copy_function=shutil.copyfile)
    roots = manifest.roots({"gprplus": copy})
    assert changed_files(manifest, rows, roots).count == 0
    next(copy.rglob("*.jpg")).write_bytes(b"another")
    assert changed_files(manifest, rows, roots).count == 1


@pytest.mark.parametrize("form", ["tar", "gztar", "zip"])
def test_members_of_an_archive_count_by_their_size_and_the_archive_by_its_time(
    renders, tmp_path, form
):
    home = tmp_path / "home"
    for name in ("0001", "0002"):
        shutil.make_archive(str(home / name), form, renders, name)
    manifest, rows, roots = built(home, tmp_path)
    assert len(rows) == 24
    assert changed_files(manifest, rows, roots).count == 0
    next((renders / "0001").iterdir()).write_bytes(b"another")
    shutil.make_archive(str(home / "0001"), form, renders, "0001")
    found = changed_files(manifest, rows, roots)
    assert found.count == 12, "all of them are in a file that was written again"
