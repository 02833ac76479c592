"""One small manifest with checks, and a server of it, for all tests of the page."""

import json
import shutil
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from recipes import small_work

from gprplus import benchmark, build_manifest
from gprplus.explorer.guard import Guard
from gprplus.explorer.server import build_app, open_socket
from gprplus.explorer.sources import find_sources
from gprplus.explorer.workspace import Workspace


@pytest.fixture(scope="session")
def manifest_folder(draw, tmp_path_factory) -> Path:
    """192 images of 8 identities, 4 viewpoints, 3 weathers, 2 lights; two are copies of a third."""
    work = tmp_path_factory.mktemp("browse")
    renders = draw(work / "renders")
    first = renders / "0001" / "0001_c01_w01_l03.jpg"
    for copy in ("0001/0001_c02_w01_l03.jpg", "0002/0002_c01_w01_l03.jpg"):
        (renders / copy).write_bytes(first.read_bytes())
    build_manifest([renders], work / "manifest", workers=1, checks=["all"])
    return work / "manifest"


@pytest.fixture(scope="session")
def run_work(draw, tmp_path_factory) -> Path:
    """A work folder with a manifest of 96 images, a split of two weathers, and a run of three
    steps."""
    work = small_work(draw, tmp_path_factory.mktemp("run"), steps=3)
    options = {"recipe": str(work / "tiny.toml"), "seeds": 1, "jobs": 1}
    benchmark([work / "splits" / "weather"], work / "runs", **options)
    return work


@dataclass
class Server:
    """A running server."""

    space: Workspace
    guard: Guard

    def send(self, path: str, body: Any = None, **headers: str) -> tuple[int, dict, bytes]:
        """Send a request as the page does; `headers` replace its own, and "" leaves one out."""
        origin = f"http://127.0.0.1:{self.guard.port}"
        sent = {"Cookie": f"{self.guard.cookie}={self.guard.token}"}
        if body is not None:
            sent |= {"Origin": origin, "Content-Type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(origin + path, data)
        for name, value in sent.items():
            if value:
                request.add_header(name, value)
        try:
            with urllib.request.build_opener(_Stay).open(request) as answer:
                return answer.status, dict(answer.headers), answer.read()
        except urllib.error.HTTPError as refused:
            return refused.code, dict(refused.headers), refused.read()


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *given: Any) -> None:
        return None


@pytest.fixture(scope="session")
def serve():
    """Return `serve(folder)`: a server of the folder, in a thread."""
    uvicorn = pytest.importorskip("uvicorn", reason="the extra [explore] is not installed")
    running = []

    def serve(folder: Path) -> Server:
        listening = open_socket(None)
        found = Server(Workspace(find_sources([folder])), Guard(listening.getsockname()[1]))
        config = uvicorn.Config(build_app(found.space, found.guard), log_level="error")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        running.append((server, thread))
        return found

    yield serve
    for server, thread in running:
        server.should_exit = True
        thread.join(5)


@pytest.fixture(scope="session")
def server(serve, manifest_folder) -> Server:
    return serve(manifest_folder)


@pytest.fixture
def own_manifest(manifest_folder, tmp_path) -> Path:
    """Return a copy of the manifest and its images, to change."""
    shutil.copytree(manifest_folder.parent, tmp_path / "work")
    return tmp_path / "work" / "manifest"
