"""What reads images reads those of a manifest of objects, and results are uploaded."""

import threading
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from recipes import small_recipe
from s3 import Bucket

from gprplus import analyze, benchmark, build_manifest, export, make_split, report
from gprplus.archives import file_stats
from gprplus.baseline.image_store import pack_images
from gprplus.core.errors import ExportError, RequestChanged
from gprplus.core.storage import client
from gprplus.core.storage.remote_path import as_path
from gprplus.ingest.changed_files import changed_files
from gprplus.ingest.tables.manifest import Manifest
from gprplus.splits import Split


@pytest.fixture(scope="module")
def manifest(server: Bucket, stored: str, tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """A manifest of the objects."""
    return build_manifest([stored], tmp_path_factory.mktemp("of-objects") / "manifest")


@pytest.fixture(scope="module")
def of_files(local: Path, tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """A manifest of the same files in a folder."""
    return build_manifest([local], tmp_path_factory.mktemp("of-files") / "manifest")


@pytest.fixture(scope="module")
def split(manifest: Manifest) -> Split:
    """A split of two weathers."""
    output = manifest.path.parent / "split"
    return make_split(manifest, "weather", output=output, cross_level_tests=False, audit="pixels")


@pytest.mark.parametrize("one_by_one", [2000, 1])
def test_files_of_several_places_are_looked_at_together(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_by_one: int
) -> None:
    monkeypatch.setattr(client, "_ONE_BY_ONE", one_by_one)
    bucket.put("mixed/a.jpg", b"1")
    bucket.put("mixed/more/b.jpg", b"12")
    (tmp_path / "c.jpg").write_bytes(b"123")
    places = [bucket.url("mixed/a.jpg"), str(tmp_path / "c.jpg"), bucket.url("mixed/none.jpg")]
    places += [bucket.put_into("elsewhere", "d.jpg", b"1234"), bucket.url("mixed/more/b.jpg")]
    found = file_stats(places)
    assert [facts and facts[0] for facts in found] == [1, 3, None, 4, 2]
    assert file_stats(places[::-1]) == found[::-1]


def test_pixels_are_packed_and_shown(
    bucket: Bucket, manifest: Manifest, of_files: Manifest, tmp_path: Path
) -> None:
    packs = [
        pack_images(one.images(), one.roots(), tmp_path / str(i), 32, 16)
        for i, one in enumerate((manifest, of_files))
    ]
    pixels = [pack.images(pack.uids)[:] for pack in packs]
    assert np.array_equal(*pixels)
    assert np.array_equal(np.asarray(manifest.sheet()), np.asarray(of_files.sheet()))


def test_checks_measure_objects(bucket: Bucket, stored: str, local: Path, tmp_path: Path) -> None:
    checks = ("brightness", "near-duplicate")
    there = build_manifest([stored], tmp_path / "there", checks=checks)
    here = build_manifest([local], tmp_path / "here", checks=checks)
    assert there.images().to_pylist() == here.images().to_pylist()


def upload_again(bucket: Bucket, keys: list[str], flip: int) -> None:
    """Upload the same objects five seconds later, with one bit of the last byte but 20 changed."""
    for key in keys:
        data, changed = bytearray(bucket.read(key)), bucket.changed_at(key)
        data[-20] ^= flip
        bucket.put(key, bytes(data), changed + timedelta(seconds=5))


@pytest.mark.parametrize(("some", "flip", "count"), [(5, 1, 5), (36, 1, 36), (5, 0, 0), (36, 0, 0)])
def test_objects_have_changed_if_their_bytes_have(
    bucket: Bucket, local: Path, tmp_path: Path, some: int, flip: int, count: int
) -> None:
    """All of the same size, some of them or all."""
    root = bucket.put_folder(local, "again")
    manifest = build_manifest([root], tmp_path / "m", verify="names")
    keys = [f"again/{path}" for path in manifest.images().column("path").to_pylist()]
    upload_again(bucket, keys[:some], flip)
    found = changed_files(manifest, manifest.images(), manifest.roots())
    assert (found.count, found.total) == (count, 36)


def test_a_copy_elsewhere_has_not_changed_but_for_its_sizes(
    bucket: Bucket, local: Path, tmp_path: Path
) -> None:
    """Of files in a bucket, and of objects whose ETags are not kept (other bytes here)."""
    root = bucket.put_folder(local, "first")
    copy = as_path(bucket.put_folder(local, "copy"))
    of_objects = build_manifest([root], tmp_path / "objects")
    of_files = build_manifest([local], tmp_path / "files")
    keys = [f"copy/{path}" for path in of_files.images().column("path").to_pylist()]
    for manifest, place in ((of_files, copy), (of_objects, local), (of_objects, copy)):
        assert changed_files(manifest, manifest.images(), {"engine": place}).count == 0
    upload_again(bucket, keys, 1)
    assert changed_files(of_objects, of_objects.images(), {"engine": copy}).count == 0
    bucket.put(keys[0], b"another size")
    assert changed_files(of_objects, of_objects.images(), {"engine": copy}).count == 1


@pytest.mark.parametrize("form", ["market1501", "webdataset"])
def test_an_export_reads_objects(
    bucket: Bucket, manifest: Manifest, of_files: Manifest, tmp_path: Path, form: str
) -> None:
    for name, source in (("there", manifest), ("here", of_files)):
        export(source, form, tmp_path / "exported" / name, link="copy")
    there, here = (files_of(tmp_path / "exported" / name) for name in ("there", "here"))
    assert there == here


def files_of(folder: Path) -> dict[str, bytes]:
    """The files of an export by name, but for its record and its mark."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in (".gprplus", "export.json")
        if not path.name.startswith(("info", "renders", "dataset"))
    }


def test_an_export_is_uploaded_with_its_record_last(
    bucket: Bucket, of_files: Manifest, tmp_path: Path
) -> None:
    place = bucket.url("out/market")
    made = export(of_files, "market1501", place)
    export(of_files, "market1501", tmp_path / "here", link="copy")
    uploaded = {
        key.removeprefix("out/market/"): bucket.read(key) for key in bucket.keys("out/market/")
    }
    here = files_of(tmp_path / "here")
    assert {name: uploaded[name] for name in here} == here
    puts = [key for method, key in bucket.requests if method == "PUT"]
    assert (puts[0], puts[-1]) == ("out/market/.gprplus", "out/market/export.json")
    assert (made.made, str(made.path)) == (True, place)
    bucket.requests.clear()
    assert not export(of_files, "market1501", place).made
    assert bucket.count("PUT") == 0


def test_another_export_needs_force_and_removes_what_was_there(
    bucket: Bucket, of_files: Manifest
) -> None:
    place = bucket.url("out/again")
    export(of_files, "market1501", place)
    with pytest.raises(RequestChanged, match="out/again holds the outcome of another request"):
        export(of_files, "imagefolder", place)
    export(of_files, "imagefolder", place, force=True)
    assert not [key for key in bucket.keys("out/again") if "bounding_box" in key]


def test_a_folder_with_other_objects_is_left_alone(bucket: Bucket, of_files: Manifest) -> None:
    bucket.put("out/other/mine.txt", b"mine")
    with pytest.raises(ExportError, match="already holds other objects"):
        export(of_files, "market1501", bucket.url("out/other"), force=True)
    assert bucket.keys("out/other") == ["out/other/mine.txt"]


@pytest.mark.parametrize("second_ends_last", [False, True])
def test_two_exports_to_one_address_leave_no_record(
    bucket: Bucket, of_files: Manifest, monkeypatch: pytest.MonkeyPatch, second_ends_last: bool
) -> None:
    """The second one begins in the middle of the first. One that ends alone cannot know; the other
    one then removes its record."""
    from gprplus.core.storage import upload

    below = f"out/two-{second_ends_last}"
    place, written = bucket.url(below), upload.write_object
    failures: list[Exception] = []
    first_is_uploading, second_may_go_on, first_failed = (threading.Event() for _ in range(3))

    def waits(to: str, file: Path) -> None:
        written(to, file)
        if to.endswith("map.csv"):
            first_is_uploading.set()
            assert second_may_go_on.wait(60)
        if to.endswith("train/metadata.parquet") and second_ends_last:
            second_may_go_on.set()
            assert first_failed.wait(60)

    def export_second() -> None:
        assert first_is_uploading.wait(60)
        try:
            export(of_files, "imagefolder", place)
        except ExportError as error:
            failures.append(error)
        second_may_go_on.set()

    monkeypatch.setattr(upload, "write_object", waits)
    thread = threading.Thread(target=export_second)
    thread.start()
    with pytest.raises(ExportError, match=f"Another command wrote to {place} at the"):
        export(of_files, "market1501", place)
    first_failed.set()
    thread.join()
    assert len(failures) == second_ends_last
    assert f"{below}/export.json" not in bucket.keys(below)
    monkeypatch.undo()
    assert export(of_files, "market1501", place).made
    assert not [key for key in bucket.keys(below) if "writer" in key or "metadata" in key]


def test_an_upload_that_stops_leaves_no_record(
    bucket: Bucket, of_files: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gprplus.core.storage import upload

    written = upload.write_object

    def stops(place: str, file: Path) -> None:
        if place.endswith("map.csv"):
            raise KeyboardInterrupt
        written(place, file)

    place = bucket.url("out/stopped")
    monkeypatch.setattr(upload, "write_object", stops)
    with pytest.raises(KeyboardInterrupt):
        export(of_files, "market1501", place)
    assert "out/stopped/export.json" not in bucket.keys("out/stopped")
    monkeypatch.undo()
    assert export(of_files, "market1501", place).made


def test_a_benchmark_trains_on_objects_and_its_report_is_uploaded(
    bucket: Bucket, split: Split, street: str, tmp_path: Path
) -> None:
    recipe = tmp_path / "tiny.toml"
    recipe.write_text(small_recipe(2))
    result = benchmark(
        split, recipe=recipe, targets={"there": street}, seeds=1, device="cpu", output=tmp_path
    )
    assert "there" in {row["target"] for row in result.summary().to_pylist()}
    files = report(tmp_path, bucket.url("reports/weather"))
    assert [str(file) for file in files] == [
        f"s3://renders/reports/weather/{name}"
        for name in ("report.html", "results.csv", "results.md")
    ]
    assert b"<html" in bucket.read("reports/weather/report.html")[:200]
    assert [key for method, key in bucket.requests if method == "PUT"][-1].endswith("report.html")


def test_a_target_of_objects_is_analyzed(
    bucket: Bucket, manifest: Manifest, street: str, tmp_path: Path
) -> None:
    found = analyze(
        manifest, {"there": street}, tmp_path / "analysis", features="histograms", images=8
    )
    assert found
