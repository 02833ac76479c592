"""Throttling, time-outs, cut bodies and lost keys: retried, or rows of `rejected`, or one sentence."""

from datetime import timedelta
from pathlib import Path

import pytest
from s3 import Bucket

from gprplus import build_manifest
from gprplus.core.storage import client
from gprplus.core.storage.client import StorageError

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
    with pytest.raises(StorageError, match="a key has an empty part"):
        build_manifest([bucket.url("odd")], tmp_path / "m")
