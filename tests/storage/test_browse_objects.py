"""`gprplus browse` shows the images of a manifest whose renders are in object storage."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from s3 import Bucket

from gprplus import build_manifest
from gprplus.explorer.guard import Guard
from gprplus.explorer.server import build_app, open_socket
from gprplus.explorer.sources import find_sources
from gprplus.explorer.workspace import Workspace
from gprplus.ingest import Manifest

Ask = Callable[[str], tuple[int, str, bytes]]


@pytest.fixture(scope="module")
def manifest(server: Bucket, stored: str, tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """A manifest of the objects."""
    return build_manifest([stored], tmp_path_factory.mktemp("browsed") / "manifest")


@pytest.fixture
def ask(bucket: Bucket, manifest: Manifest) -> Iterator[Ask]:
    """Status, cache rule and body of an address below the page of the manifest."""
    uvicorn = pytest.importorskip("uvicorn", reason="the extra [explore] is not installed")
    listening = open_socket(None)
    space, guard = Workspace(find_sources([manifest.path])), Guard(listening.getsockname()[1])
    running = uvicorn.Server(uvicorn.Config(build_app(space, guard), log_level="error"))
    thread = threading.Thread(target=running.run, args=([listening],), daemon=True)
    thread.start()

    def answer(path: str) -> tuple[int, str, bytes]:
        request = urllib.request.Request(f"http://127.0.0.1:{guard.port}{path}")
        request.add_header("Cookie", f"{guard.cookie}={guard.token}")
        try:
            with urllib.request.urlopen(request) as found:
                return found.status, found.headers["cache-control"], found.read()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.headers["cache-control"], refused.read()

    yield answer
    running.should_exit = True
    thread.join(10)


def test_thumbnails_and_whole_images_come_from_the_bucket(
    bucket: Bucket, ask: Ask, manifest: Manifest, local: Path
) -> None:
    source = json.loads(ask("/api/workspace")[2])["sources"][0]["id"]
    first = manifest.images().to_pylist()[0]
    status, cached, whole = ask(f"/image/{source}/{first['uid']}")
    assert (status, whole) == (200, (local / first["path"]).read_bytes())
    assert "max-age" in cached
    status, _, small = ask(f"/image/{source}/{first['uid']}?h=96")
    assert status == 200
    assert cv2.imdecode(np.frombuffer(small, np.uint8), cv2.IMREAD_COLOR).shape[0] <= 96


def test_an_object_that_has_gone_is_one_sentence(
    bucket: Bucket, ask: Ask, manifest: Manifest, local: Path
) -> None:
    source = json.loads(ask("/api/workspace")[2])["sources"][0]["id"]
    last = manifest.images().to_pylist()[-1]
    bucket.remove(f"renders/{last['path']}")
    try:
        status, cached, said = ask(f"/image/{source}/{last['uid']}?h=96")
    finally:
        bucket.put(f"renders/{last['path']}", (local / last["path"]).read_bytes())
    assert (status, cached) == (404, "no-store")
    assert last["path"] in said.decode()
    assert "Traceback" not in said.decode()
