"""Addresses with secrets are refused, and those of the environment reach no record and no message."""

import logging
import pickle
from pathlib import Path

import pytest
from click.testing import CliRunner
from s3 import SECRET, Bucket

from gprplus import build_manifest
from gprplus.cli import cli
from gprplus.core.errors import GprplusError
from gprplus.core.storage.failures import StorageError
from gprplus.core.storage.remote_path import RemotePath, as_path

PASSWORDS = (
    "s3://key:hunter2@bucket/renders",
    "s3://bucket/renders?X-Amz-Signature=hunter2",
    "az://hunter2@container/renders",
    "https://key:hunter2@bucket.s3.amazonaws.com/renders",
)


@pytest.mark.parametrize("address", PASSWORDS)
@pytest.mark.parametrize("words", ["build-manifest {}", "score --features f.npy --target {}"])
def test_an_address_with_a_secret_is_refused_without_repeating_it(
    address: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = CliRunner().invoke(cli, words.format(address).split())
    assert ran.exit_code != 0
    text = ran.output + str(ran.exception)
    assert "credentials are read from the environment" in text
    assert "hunter2" not in text
    assert not list(tmp_path.iterdir())


def test_the_secret_of_the_environment_is_nowhere(
    bucket: Bucket, stored: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    build_manifest([stored], tmp_path / "m", checks=("brightness",))
    bucket.faults[""] = [403]
    with pytest.raises(StorageError) as raised:
        build_manifest([stored], tmp_path / "other")
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) > 5
    assert not [data for data in written if SECRET.encode() in data]
    assert SECRET not in str(raised.value) + repr(raised.value.__dict__) + caplog.text


def test_addresses_are_paths() -> None:
    place = as_path("s3://bucket/renders/")
    assert str(place / "0001" / "a b%20.jpg") == "s3://bucket/renders/0001/a b%20.jpg"
    assert isinstance(place / "0001", RemotePath)
    assert (place.name, place.resolve(), str(place.parent)) == ("renders", place, "s3://bucket")
    assert pickle.loads(pickle.dumps(place)) == place
    assert isinstance(pickle.loads(pickle.dumps(place)), RemotePath)


@pytest.mark.parametrize("text", ["s3://", "s3:///a", "s3://b/../c", "s3://b//c", "ftp://b/c"])
def test_an_incomplete_or_unknown_address_is_refused(text: str) -> None:
    with pytest.raises(GprplusError, match="address"):
        as_path(text)


def test_the_hub_is_refused_with_a_way_on() -> None:
    with pytest.raises(GprplusError, match="hf download"):
        as_path("hf://datasets/owner/name")
