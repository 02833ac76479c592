"""A real S3 server on this machine (moto's), with faults that a test injects."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.models import s3_backends
from werkzeug.serving import WSGIRequestHandler, make_server

BUCKET = "renders"
SECRET = "s3cr3t-Key-that-must-not-be-shown"
App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_: object) -> None:
        """Print nothing."""


@dataclass
class Bucket:
    """A bucket, the requests for its keys (method, key), and the faults of the next requests.

    `faults[key]` is a list of what the next GET requests of a key meet: an HTTP status, "hang"
    or "cut". The key "" is that of listings.
    """

    endpoint: str
    name: str = BUCKET
    requests: list[tuple[str, str]] = field(default_factory=list)
    faults: dict[str, list[Any]] = field(default_factory=dict)
    hang_s: float = 0.6

    def url(self, below: str = "") -> str:
        """The address of a key or folder."""
        return f"s3://{self.name}/{below}".rstrip("/")

    def put(self, key: str, data: bytes, changed: datetime | None = None) -> None:
        """Put an object there, without a request; `changed` is the time of its last change."""
        found = self._backend.put_object(self.name, key, data)
        found.last_modified = changed or found.last_modified

    def changed_at(self, key: str) -> datetime:
        """The time of the last change of an object."""
        found: datetime = self._backend.get_object(self.name, key).last_modified
        return found

    def put_into(self, other: str, key: str, data: bytes) -> str:
        """Put an object into another bucket of the server; return its address."""
        if other not in self._backend.buckets:
            self._backend.create_bucket(other, "us-east-1")
        self._backend.put_object(other, key, data)
        return f"s3://{other}/{key}"

    def put_folder(self, folder: Path, below: str) -> str:
        """Put the files of a folder there; return their address."""
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                self.put(f"{below}/{path.relative_to(folder).as_posix()}", path.read_bytes())
        return self.url(below)

    def remove(self, key: str) -> None:
        """Remove an object, without a request."""
        self._backend.delete_object(self.name, key)

    def keys(self, below: str = "") -> list[str]:
        """The keys that are there, in order."""
        found = self._backend.buckets[self.name].keys
        return sorted(key for key in found if key.startswith(below))

    def read(self, key: str) -> bytes:
        """The bytes of an object, without a request."""
        data: bytes = self._backend.get_object(self.name, key).value
        return data

    def count(self, method: str, below: str = "") -> int:
        """The number of requests by a method for keys that begin so."""
        return sum(verb == method and key.startswith(below) for verb, key in self.requests)

    @property
    def _backend(self) -> Any:
        return s3_backends[DEFAULT_ACCOUNT_ID]["aws"]


class _Faulty:
    """A WSGI application with the faults of a bucket in front of it."""

    def __init__(self, inner: App, bucket: Bucket) -> None:
        self._inner, self._bucket, self._lock = inner, bucket, threading.Lock()

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        path = unquote(environ["PATH_INFO"].encode("latin-1").decode())
        key = path.removeprefix(f"/{self._bucket.name}").lstrip("/")
        method = environ["REQUEST_METHOD"]
        method = "LIST" if method == "GET" and not key else method
        with self._lock:
            self._bucket.requests.append((method, key))
            waiting = self._bucket.faults.get(key) if method in ("GET", "LIST") else None
            fault = waiting.pop(0) if waiting else None
        if fault is None:
            return self._inner(environ, start)
        if fault == "hang":
            time.sleep(self._bucket.hang_s)
            return self._inner(environ, start)
        if fault == "cut":
            body = b"".join(self._inner(environ, start))
            return [body[: len(body) // 2]]
        start(f"{fault} Fault", [("Content-Type", "text/plain"), ("Content-Length", "5")])
        return [b"fault"]


@contextmanager
def s3_bucket() -> Iterator[Bucket]:
    """Run a server with one empty bucket, to which the environment of the process leads."""
    bucket = Bucket("")
    inner = DomainDispatcherApplication(create_backend_app)
    server = make_server("127.0.0.1", 0, _Faulty(inner, bucket), True, request_handler=_Quiet)
    bucket.endpoint = f"http://127.0.0.1:{server.server_port}"
    bucket._backend.create_bucket(BUCKET, "us-east-1")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment(bucket).items():
            patch.setenv(name, value)
        yield bucket
    server.shutdown()
    bucket._backend.reset()


def environment(bucket: Bucket) -> dict[str, str]:
    """The environment that leads to a bucket."""
    return {
        "AWS_ENDPOINT_URL": bucket.endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": "us-east-1",
    }
