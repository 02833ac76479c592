"""One S3 server for all tests of object storage, and one folder of renders in it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from s3 import Bucket, s3_bucket

from gprplus.core.storage import client

PEOPLE, VIEWS = 6, 3


@pytest.fixture(scope="session")
def server() -> Iterator[Bucket]:
    """The server, with the renders of `local` below the key `renders`."""
    with s3_bucket() as bucket:
        yield bucket


@pytest.fixture
def bucket(server: Bucket, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """The server without faults and without requests; what is known of objects is forgotten."""
    monkeypatch.setattr(client, "_known", {})
    server.requests.clear()
    server.faults.clear()
    yield server
    server.faults.clear()


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory, draw: Callable[..., Path]) -> Path:
    """A folder of 36 renders with what belongs to them and what does not."""
    root = tmp_path_factory.mktemp("local") / "renders"
    draw(root, people=PEOPLE, views=VIEWS, weathers=("01", "04"), lights=("03",))
    (root / "identities.csv").write_text("identity,gender\n0001,male\n0002,female\n")
    (root / "_masks").mkdir()
    (root / "_masks" / "0001.jpg").write_bytes(b"a mask")
    (root / "0001" / "_old.jpg").write_bytes(b"hidden")
    (root / "0001" / "notes with space.txt").write_text("no image")
    (root / "0002" / "Thumbs.db").write_text("of a file browser")
    broken = root / "0003" / "0003_c01_w01_l03.jpg"
    broken.write_bytes(broken.read_bytes()[:-40])
    return root


@pytest.fixture(scope="session")
def street(
    server: Bucket, tmp_path_factory: pytest.TempPathFactory, draw: Callable[..., Path]
) -> str:
    """The address of renders of other people: a target."""
    folder = tmp_path_factory.mktemp("target") / "street"
    draw(folder, people=5, views=2, weathers=("01",), lights=("03", "07"), name="street")
    return server.put_folder(folder, "street")


@pytest.fixture(scope="session")
def stored(server: Bucket, local: Path) -> str:
    """The address of the same files in the bucket."""
    return server.put_folder(local, "renders")
