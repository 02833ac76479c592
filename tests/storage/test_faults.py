"""Throttling, time-outs, cut bodies and lost keys: retried, or rows of `rejected`, or one sentence."""

import os
import shutil
import signal
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest
from s3 import Bucket

from gprplus import build_manifest, export
from gprplus.baseline.image_store import pack_images
from gprplus.core.errors import ExportError, LayoutError, ManifestError, StorageWarning
from gprplus.core.imaging import shown_images
from gprplus.core.imaging.shown_images import shown_image
from gprplus.core.storage import client, remote_file
from gprplus.core.storage.failures import StorageError
from gprplus.core.storage.remote_path import as_path
from gprplus.ingest.files import probe_objects

HANGS_S = 10.0
KEY = "faulty/0001/0001_c01_w01_l03.jpg"
GONE = "faulty/0002/0002_c01_w01_l03.jpg"


@pytest.fixture(autouse=True)
def _impatient(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two retries after short waits; a server that hangs does so for longer than a time-out."""
    monkeypatch.setattr(client, "_stores", {})
    monkeypatch.setattr(client, "TIMEOUT", timedelta(seconds=1.5))
    monkeypatch.setattr(client, "LONGEST_WAIT", timedelta(milliseconds=150))
    monkeypatch.setattr(client, "RETRIES", 2)
    bucket.hang_s = 2.0


@pytest.fixture(scope="module")
def whole(local: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The fingerprint of the same files in a folder."""
    return build_manifest([local], tmp_path_factory.mktemp("whole") / "m").fingerprint


@pytest.mark.parametrize("fault", [503, 429, 500, "cut", "hang"])
def test_a_fault_that_passes_changes_nothing(
    bucket: Bucket, local: Path, whole: str, tmp_path: Path, fault: object
) -> None:
    root = bucket.put_folder(local, "faulty")
    bucket.faults[KEY] = [fault]
    assert build_manifest([root], tmp_path / "m").fingerprint == whole
    assert bucket.requests.count(("GET", KEY)) == 2


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (503, "Amazon S3 answered 503 Service Unavailable."),
        (429, "Amazon S3 answered 429 Too Many Requests."),
        ("cut", "the answer was cut off, also when it was requested again."),
        ("hang", "Amazon S3 did not answer; check the network, the region and the endpoint."),
        (404, "No such object."),
    ],
)
def test_a_fault_that_stays_is_a_row_of_rejected_until_it_has_passed(
    bucket: Bucket, local: Path, whole: str, tmp_path: Path, fault: object, why: str
) -> None:
    root = bucket.put_folder(local, "faulty")
    bucket.faults[KEY] = [fault] * 3
    manifest = build_manifest([root], tmp_path / "m")
    row = next(row for row in manifest.rejected().to_pylist() if row["path"] in KEY)
    assert row["reason"] == "unreadable"
    assert row["detail"] == f"the file cannot be opened: {why}"
    assert len(manifest.images()) == 34
    bucket.faults.clear()
    assert build_manifest([root], tmp_path / "m").fingerprint == whole


def test_a_key_that_vanishes_after_the_listing_is_a_row_of_rejected(
    bucket: Bucket, local: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = bucket.put_folder(local, "faulty")
    listed = client.list_objects

    def then_vanish(folder: str, **how: bool):
        yield from listed(folder, **how)
        bucket.remove(GONE)

    monkeypatch.setattr("gprplus.ingest.files.scan_objects.list_objects", then_vanish)
    manifest = build_manifest([root], tmp_path / "m")
    details = {row["path"]: row["detail"] for row in manifest.rejected().to_pylist()}
    assert details["0002/0002_c01_w01_l03.jpg"] == "the file cannot be opened: No such object."


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (503, "s3://renders/faulty cannot be reached: Amazon S3 answered 503 Service Unavailable."),
        (
            403,
            "s3://renders/faulty cannot be reached: Amazon S3 refused access (403 Forbidden); set"
            " credentials in the environment (AWS_*).",
        ),
    ],
)
def test_a_listing_that_fails_is_one_sentence(
    bucket: Bucket, local: Path, tmp_path: Path, fault: int, why: str
) -> None:
    root = bucket.put_folder(local, "faulty")
    bucket.faults[""] = [fault] * 3
    with pytest.raises(StorageError) as raised:
        build_manifest([root], tmp_path / "m")
    assert str(raised.value) == why
    assert not (tmp_path / "m").exists()


def test_a_listing_is_retried(bucket: Bucket, local: Path, whole: str, tmp_path: Path) -> None:
    root = bucket.put_folder(local, "faulty")
    bucket.faults[""] = [503, "cut"]
    assert build_manifest([root], tmp_path / "m").fingerprint == whole


def test_keys_that_are_no_paths_are_one_sentence(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put("odd/0001//a.jpg", b"x")
    bucket.put("odd/0002/b.jpg", b"x")
    with pytest.raises(StorageError, match=r"the key 'odd/0001//a\.jpg' has an empty part"):
        build_manifest([bucket.url("odd")], tmp_path / "m")
    bucket.remove("odd/0001//a.jpg")
    bucket.put("odd/0001/b\t.jpg", b"x")
    with pytest.raises(
        StorageError, match=r"the key 'odd/0001/b\\t\.jpg' has .* control character"
    ):
        build_manifest([bucket.url("odd")], tmp_path / "m")


@pytest.mark.parametrize("file", ["renders.json", "identities.csv"])
@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (503, "Amazon S3 answered 503 Service Unavailable."),
        (
            403,
            "Amazon S3 refused access (403 Forbidden); set credentials in the environment (AWS_*).",
        ),
    ],
)
def test_a_file_beside_the_images_that_is_not_delivered_is_not_called_damaged(
    bucket: Bucket, local: Path, tmp_path: Path, file: str, fault: int, why: str
) -> None:
    root = bucket.put_folder(local, "faulty")
    bucket.faults[f"faulty/{file}"] = [fault] * 6
    with pytest.raises(StorageError) as raised:
        build_manifest([root], tmp_path / "m")
    assert str(raised.value) == f"s3://renders/faulty/{file} cannot be reached: {why}"


def test_images_that_are_not_delivered_are_not_called_broken(
    bucket: Bucket, local: Path, tmp_path: Path
) -> None:
    root = bucket.put_folder(local, "faulty")
    manifest = build_manifest([root], tmp_path / "m")
    why = "0001_c01_w01_l03.jpg cannot be reached: Amazon S3 answered 503 Service Unavailable."
    bucket.faults[KEY] = [503] * 3
    with pytest.raises(StorageError, match=why):
        pack_images(manifest.images(), manifest.roots(), tmp_path / "store", 32, 16)
    bucket.faults[KEY] = [503] * 3
    with pytest.raises(StorageError, match=why):
        build_manifest([root], tmp_path / "m", checks=("brightness",))
    bucket.faults.clear()
    checked = build_manifest([root], tmp_path / "m", checks=("brightness",)).images()
    assert checked.column("brightness").null_count == 0


def test_the_reason_is_named_if_no_image_can_be_used(
    bucket: Bucket, local: Path, tmp_path: Path
) -> None:
    root = bucket.put_folder(local, "refused")
    images = [key for key in bucket.keys("refused/") if key.endswith(".jpg")]
    bucket.faults.update({key: [403] for key in images})
    with pytest.raises(
        ManifestError,
        match=r"Not one of the 36 files .*: 36 unreadable\. 0001/0001_c01_w01_l03\.jpg: the file cannot"
        r" be opened: Amazon S3 refused access \(403 Forbidden\)",
    ):
        build_manifest([root], tmp_path / "m")


def test_a_server_that_is_gone_ends_the_build(
    bucket: Bucket, local: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After three objects, not after all 32; the same build goes on later."""
    monkeypatch.setattr(probe_objects, "_ENOUGH", 3)
    monkeypatch.setattr(client, "READERS", 1)
    root = bucket.put_folder(local, "gone")
    images = [key for key in bucket.keys("gone/") if key.endswith(".jpg")]
    bucket.faults.update({key: [503] * 9 for key in images[4:]})
    with pytest.raises(StorageError, match="answered 503"):
        build_manifest([root], tmp_path / "m")
    lost = {key for _, key in bucket.requests if key in images[4:]}
    assert len(lost) <= 3 + 2  # and the first one of each of two parts that were waiting
    bucket.faults.clear()
    assert len(build_manifest([root], tmp_path / "m").images()) == 35


def test_marks_of_folders_are_no_files(bucket: Bucket, local: Path, tmp_path: Path) -> None:
    root = bucket.put_folder(local, "marked")
    for key in ("marked/", "marked/0001/", "marked/v1.0/", "marked/0002/x.y/"):
        bucket.put(key, b"")
    bucket.put("marked/v1.0/_mask.jpg", b"x")
    bucket.put("marked/0002/x.y/_mask.jpg", b"x")
    bucket.put("marked/0002/lost.jpg", b"")
    manifest = build_manifest([root], tmp_path / "m")
    assert [row["path"] for row in manifest.rejected().to_pylist()] == [
        "0001/notes with space.txt",
        "0002/lost.jpg",
        "0003/0003_c01_w01_l03.jpg",
    ]


def test_pages_ask_a_server_that_is_gone_for_few_images(
    bucket: Bucket, local: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three of six; after a pause, for all that are left."""
    monkeypatch.setattr(shown_images, "_failures", {})
    root = as_path(bucket.put_folder(local, "shown"))
    paths = [key[6:] for key in bucket.keys("shown/0001/0001_")][:6]
    bucket.faults.update({f"shown/{path}": [503] * 3 for path in paths})
    with pytest.warns(
        StorageWarning, match=f"{paths[0]} cannot be reached: .* answered 503"
    ) as told:
        assert [shown_image(root, path) for path in paths] == [None] * 6
    assert len(told) == 1
    assert bucket.count("GET", "shown/") == 3 * 3
    monkeypatch.setattr(shown_images, "_PAUSE_S", 0.0)
    bucket.faults.clear()
    found = [shown_image(root, path) for path in paths]
    assert all(image is not None and image.shape == (64, 32, 3) for image in found)


@pytest.mark.parametrize("form", ["tar", "zip"])
@pytest.mark.parametrize("delivered", [0, 2, 8])
def test_an_archive_that_is_not_delivered_is_read_by_the_next_build(
    bucket: Bucket,
    local: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    form: str,
    delivered: int,
) -> None:
    """At its first request, in its index, and (of a zip) in a member; it is never called damaged."""
    for name in ("_LEAST", "_MOST"):
        monkeypatch.setattr(remote_file, name, 4096)
    key, loose = f"late-{delivered}/x/cam.{form}", f"late-{delivered}/0009/0009_c01_w01_l03.jpg"
    packed = Path(shutil.make_archive(str(tmp_path / "cam"), form, local))
    bucket.put(key, packed.read_bytes())
    bucket.put(loose, (local / KEY.removeprefix("faulty/")).read_bytes())
    root = bucket.url(f"late-{delivered}")
    bucket.faults[key] = [None] * delivered + [503] * 3
    how = {"layout": "engine", "name": "engine", "verify": "digest"}
    first = build_manifest([root], tmp_path / "m", **how)
    reasons = {row["path"]: row["reason"] for row in first.rejected().to_pylist()}
    assert len(first.images()) < 36
    assert "damaged" not in reasons.values()
    assert "unreadable" in reasons.values()
    assert len(build_manifest([root], tmp_path / "m", **how).images()) == 36
    bucket.remove(key)


@pytest.mark.parametrize("form", ["market1501", "webdataset"])
def test_an_export_names_what_storage_answered(
    bucket: Bucket, local: Path, tmp_path: Path, form: str
) -> None:
    manifest = build_manifest([bucket.put_folder(local, "faulty")], tmp_path / "m")
    bucket.faults[KEY] = [503] * 3
    with pytest.raises(ExportError) as raised:
        export(manifest, form, tmp_path / "out")
    assert str(raised.value) == (
        f"s3://renders/{KEY} cannot be reached: Amazon S3 answered 503 Service Unavailable."
        " Nothing was written; the same command tries again."
    )
    assert export(manifest, form, tmp_path / "out").made


def test_output_of_an_engine_is_to_be_downloaded(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put("mot/seq1/gt/gt.txt", b"1,1,5,5,60,160,1,1,1")
    bucket.put("mot/seq1/img1/000001.jpg", b"x")
    with pytest.raises(LayoutError, match=r"cut into crops from local folders only: .* download"):
        build_manifest([bucket.url("mot")], tmp_path / "m")


@pytest.mark.parametrize("key", ["", KEY])
def test_an_interrupt_does_not_wait_for_a_request_that_hangs(
    bucket: Bucket, local: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    """Of a listing, which this thread requests, and of an image, which another one does."""
    monkeypatch.setattr(client, "TIMEOUT", timedelta(seconds=60))
    root = bucket.put_folder(local, "faulty")
    bucket.hang_s = HANGS_S
    bucket.faults[key] = ["hang"]
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    begun = time.monotonic()
    soon = threading.Thread(target=_interrupt_at, args=(bucket, key))
    try:
        soon.start()
        with pytest.raises(KeyboardInterrupt):
            build_manifest([root], tmp_path / "m")
        assert time.monotonic() - begun < HANGS_S
    finally:
        soon.join()
        signal.signal(signal.SIGINT, before)


def _interrupt_at(bucket: Bucket, key: str) -> None:
    """Interrupt this process once a request for a key has met its fault."""
    while bucket.faults.get(key):
        time.sleep(0.01)
    time.sleep(0.3)
    os.kill(os.getpid(), signal.SIGINT)
