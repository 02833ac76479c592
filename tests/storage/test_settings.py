"""Settings of object storage that cannot be used are one sentence, and reach the nodes of a
cluster."""

from pathlib import Path

import pytest
from s3 import SECRET, Bucket

from gprplus import build_manifest
from gprplus.core.errors import GprplusError
from gprplus.core.storage import client, settings
from gprplus.core.storage.client import stat_object

ENDPOINT = "is no address of a server: expected http://HOST:PORT or https://HOST"
SPACE = "begins or ends with a space, or has a line break"


@pytest.fixture(autouse=True)
def _new_clients(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_stores", {})


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("AWS_ENDPOINT_URL", "127.0.0.1:9000", ENDPOINT),
        ("AWS_ENDPOINT_URL", "", ENDPOINT),
        ("AWS_ENDPOINT_URL", " http://127.0.0.1:9000", ENDPOINT),
        ("AWS_ENDPOINT_URL_S3", "ftp://hunter2", ENDPOINT),
        ("AWS_ENDPOINT", "http://user:hunter2@127.0.0.1", ENDPOINT),
        ("AWS_ACCESS_KEY_ID", "hunter2\n", SPACE),
        ("AWS_SECRET_ACCESS_KEY", "hunter2\r\n", SPACE),
        ("AWS_SESSION_TOKEN", "hunter2 ", SPACE),
        ("AWS_REGION", "us-east-1\n", SPACE),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_without_its_value(
    name: str, value: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(GprplusError) as raised:
        build_manifest(["s3://renders/renders"], tmp_path / "m")
    assert str(raised.value).startswith(f"{name} {why}")
    assert "hunter2" not in str(raised.value)
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    ("place", "name", "value", "needed"),
    [
        ("az://renders/a", "AZURE_STORAGE_ACCOUNT_KEY", "hunter2", "AZURE_STORAGE_ACCOUNT_NAME"),
        ("gs://renders/a", "GOOGLE_APPLICATION_CREDENTIALS", "/hunter2", "GOOGLE_APPLICATION"),
        ("s3://renders/a", "AWS_SKIP_SIGNATURE", "hunter2", "AWS_REGION"),
    ],
)
def test_a_client_that_cannot_be_made_is_one_sentence(
    place: str, name: str, value: str, needed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(GprplusError, match=rf"incomplete or malformed\. Set {needed}") as raised:
        stat_object(place)
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("name", settings.ENDPOINTS)
def test_every_name_of_the_endpoint_may_lead_to_a_server_without_encryption(
    bucket: Bucket, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put("endpoint.txt", b"12345")
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.setenv(name, bucket.endpoint)
    assert stat_object("s3://renders/endpoint.txt").size == 5


def test_tasks_get_the_settings_and_lose_the_keys_of_others(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ROLE_ARN", "of this machine")
    found = settings.settings_to_pass_on()
    assert {name: found.get(name, "absent") for name in (*found, "AWS_ROLE_ARN")} == {
        "AWS_ENDPOINT_URL": bucket.endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_SESSION_TOKEN": None,
        "AWS_REGION": "us-east-1",
        "AWS_ROLE_ARN": "absent",
    }
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    assert set(settings.settings_to_pass_on()) == {"AWS_ENDPOINT_URL", "AWS_REGION"}
