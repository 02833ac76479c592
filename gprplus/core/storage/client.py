"""Objects in a bucket: list, stat, read and write.

The library is obstore, chosen by the measurement in benchmarks/results/scale.md. It retries
throttling (429, 503), other errors of the server, time-outs and cut bodies with backoff. What is
final is a StorageError, or FileNotFoundError for an object that is not there. Credentials come from
the environment alone.
"""

import errno
import os
import re
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from gprplus.core.errors import GprplusError
from gprplus.core.parallel import map_threads
from gprplus.core.storage.address import SCHEMES, is_address, split_address

In = TypeVar("In")
Out = TypeVar("Out")

TIMEOUT = timedelta(seconds=30)  # of one request
RETRIES = 8  # of one request: 100 ms, then up to twice as long each time
LONGEST_WAIT = timedelta(seconds=10)
READERS = 32  # requests at a time
_ONE_BY_ONE = 2000  # objects: a listing has a thousand in an answer, and those between them too
_FRESH_S = 60.0  # how long what is known of an object is not requested again

_ENVIRONMENT = {"s3": "AWS_*", "gs": "GOOGLE_*", "az": "AZURE_*"}
_STATUS = re.compile(r"status code: (\d{3}) ?([A-Za-z ]*)")
_ENDPOINT = re.compile(r"http://", re.IGNORECASE)


class StorageError(GprplusError, OSError):
    """Object storage refused a request, or did not answer; `strerror` is a clause."""

    def __init__(self, what: str, place: str) -> None:
        super().__init__(errno.EIO, what, place)

    def __str__(self) -> str:
        return f"{self.filename} cannot be reached: {self.strerror}."

    def __reduce__(self) -> tuple[type["StorageError"], tuple[str, str]]:
        return StorageError, (self.strerror or "", str(self.filename))


class ObjectState(NamedTuple):
    """An object: its address relative to what was listed, its size in bytes, and what plays the
    part of a modification time (`mtime_of`)."""

    path: str
    size: int
    mtime: int


def mtime_of(changed: datetime, etag: str | None) -> int:
    """Return a number in the place of a modification time in ns: the whole seconds of the last
    change, and below 1e9 ns a hash of the ETag.

    An object that is written again within a second has another number, unless it is the same.
    """
    return int(changed.timestamp()) * 10**9 + zlib.crc32((etag or "").strip('"').encode()) % 10**9


def list_objects(folder: str, *, every: bool = False) -> Iterator[ObjectState]:
    """Yield the objects below an address, with paths relative to it; a thousand a request.

    Without `every`, objects of no bytes and without extension are left out: consoles keep them in
    the place of folders. Raises StorageError.
    """
    skip = len(split_address(folder)[2]) + 1 if split_address(folder)[2] else 0
    for chunk in _chunks(folder):
        for found in chunk:
            path, size = found["path"][skip:], found["size"]
            if path and (every or size or "." in path.rpartition("/")[2]):
                yield ObjectState(path, size, mtime_of(found["last_modified"], found["e_tag"]))


def _chunks(folder: str) -> Iterator[Sequence[Any]]:
    """Yield the answers of a listing. The library does not ask again for one that was cut off, so
    this goes on after the last key."""
    scheme, bucket, key = split_address(folder)
    library, store, last, attempts = _library(), _store(scheme, bucket), None, 0
    while True:
        try:
            for chunk in library.list(store, key or None, offset=last, chunk_size=1000):
                yield chunk
                last, attempts = chunk[-1]["path"], 0
            return
        except Exception as error:
            if not _is_cut(error) or attempts == RETRIES:
                raise _explained(error, folder) from None
            attempts += 1
            time.sleep(min(0.1 * 2**attempts, LONGEST_WAIT.total_seconds()))


def stat_object(place: str) -> ObjectState:
    """Return the state of an object. Raises FileNotFoundError and StorageError."""
    scheme, bucket, key = split_address(place)
    try:
        found = _library().head(_store(scheme, bucket), key)
    except Exception as error:
        raise _explained(error, place) from None
    return ObjectState(place, found["size"], mtime_of(found["last_modified"], found["e_tag"]))


def read_object(place: str) -> bytes:
    """Return the bytes of an object. Raises FileNotFoundError and StorageError."""
    scheme, bucket, key = split_address(place)
    try:
        data: bytes = _library().get(_store(scheme, bucket), key).bytes().to_bytes()
        return data
    except Exception as error:
        raise _explained(error, place) from None


def read_range(place: str, offset: int, length: int) -> bytes:
    """Return `length` bytes of an object from `offset`, fewer at its end. Raises FileNotFoundError
    and StorageError."""
    if length <= 0:
        return b""
    scheme, bucket, key = split_address(place)
    store = _store(scheme, bucket)
    try:
        data: bytes = _library().get_range(store, key, start=offset, length=length).to_bytes()
        return data
    except Exception as error:
        if "416" in _status(error):  # it begins after the end
            return b""
        raise _explained(error, place) from None


def delete_objects(places: Sequence[str]) -> None:
    """Delete objects of one bucket. Raises StorageError."""
    if not places:
        return
    scheme, bucket, _ = split_address(places[0])
    try:
        _library().delete(_store(scheme, bucket), [split_address(place)[2] for place in places])
    except Exception as error:
        raise _explained(error, places[0]) from None


def write_object(place: str, file: Path) -> None:
    """Write a local file to an address, in parts if it is large. Raises StorageError."""
    scheme, bucket, key = split_address(place)
    try:
        _library().put(_store(scheme, bucket), key, file)
    except Exception as error:
        raise _explained(error, place) from None


_known: dict[str, tuple[float, ObjectState | None]] = {}


def recent_state(place: str) -> ObjectState:
    """`stat_object`, remembered for a minute: for archives, of which each read of a member asks."""
    kept = _known.get(place)
    if kept is None or time.monotonic() - kept[0] > _FRESH_S:
        kept = remember_state(place, _state_or_none(place))
    if kept[1] is None:
        raise FileNotFoundError(errno.ENOENT, "No such object", place)
    return kept[1]


def remember_state(place: str, state: ObjectState | None) -> tuple[float, ObjectState | None]:
    """Keep a state for `recent_state`; None is that there is no object."""
    _known[place] = kept = (time.monotonic(), state)
    return kept


def is_object(place: str) -> bool:
    """Return True if there is an object at an address. Raises StorageError."""
    try:
        return bool(split_address(place)[2]) and stat_object(place) is not None
    except FileNotFoundError:
        return False


def stat_objects(places: Sequence[str]) -> list[ObjectState | None]:
    """Return the states of many objects, None of those that are not there. Raises StorageError.

    A few are requested one by one; of many, what is below their common folder in each bucket is
    listed.
    """
    if len(places) <= _ONE_BY_ONE:
        return list(map_readers(_state_or_none, places))
    buckets: dict[str, list[str]] = {}
    for place in places:
        scheme, bucket, key = split_address(place)
        buckets.setdefault(f"{scheme}://{bucket}", []).append(f"/{key}")
    found: dict[str, ObjectState] = {}
    for bucket, keys in buckets.items():
        folder = f"{bucket}{os.path.commonpath([os.path.dirname(key) for key in keys])}".rstrip("/")
        wanted = {f"{bucket}{key}" for key in keys}
        for state in list_objects(folder):
            place = f"{folder}/{state.path}"
            if place in wanted:
                found[place] = state
    return [found.get(place) for place in places]


def _state_or_none(place: str) -> ObjectState | None:
    try:
        return stat_object(place)
    except FileNotFoundError:
        return None


def is_folder(place: str) -> bool:
    """Return True if there are objects below an address. Raises StorageError."""
    return next(list_objects(place), None) is not None


def map_readers(function: Callable[[In], Out], items: Iterable[In]) -> Iterator[Out]:
    """`map` over as many threads as requests are made at a time, results in order."""
    return map_threads(function, items, READERS)


def reading_threads(workers: int | None, roots: Iterable[Path]) -> int | None:
    """The threads for images below `roots`: as given, else more than cores where some are in object
    storage."""
    return workers or (READERS if any(map(is_address, roots)) else None)


def _library() -> Any:
    """The package obstore. Raises GprplusError where it is not installed."""
    try:
        import obstore
        import obstore.store
    except ImportError:
        raise GprplusError(
            "Object storage needs a package that is not installed: pip install 'gprplus[cloud]'."
        ) from None
    return obstore


_stores: dict[tuple[int, str, str], Any] = {}
_lock = threading.Lock()


def _store(scheme: str, bucket: str) -> Any:
    """The client of a bucket, one a process."""
    key = (os.getpid(), scheme, bucket)
    found = _stores.get(key)
    if found is None:
        with _lock:
            found = _stores[key] = _stores.get(key) or _new_store(scheme, bucket)
    return found


def _new_store(scheme: str, bucket: str) -> Any:
    store = _library().store
    kinds = {"s3": store.S3Store, "gs": store.GCSStore, "az": store.AzureStore}
    backoff = {"init_backoff": timedelta(milliseconds=100), "max_backoff": LONGEST_WAIT, "base": 2}
    local = _ENDPOINT.match(os.environ.get("AWS_ENDPOINT_URL", "")) is not None
    return kinds[scheme](
        bucket,
        client_options={"timeout": TIMEOUT, "allow_http": local and scheme == "s3"},
        retry_config={
            "max_retries": RETRIES,
            "backoff": backoff,
            "retry_timeout": RETRIES * (TIMEOUT + LONGEST_WAIT),
        },
    )


def _status(error: BaseException) -> str:
    """The status of an answer, such as "503 Service Unavailable"; "" where there was none."""
    found = _STATUS.search(str(error))
    return f"{found[1]} {found[2]}".strip() if found else ""


def _is_cut(error: BaseException) -> bool:
    """Return True if an answer ended too early."""
    return not _status(error) and ("response body" in str(error) or "decoding" in str(error))


def _explained(error: Exception, place: str) -> Exception:
    """The error that a caller can handle. Nothing of the library's text is repeated: it may hold
    addresses with signatures."""
    if isinstance(error, GprplusError):
        return error
    status, text, scheme = _status(error), str(error), split_address(place)[0]
    if isinstance(error, FileNotFoundError) or status.startswith("404"):
        return (
            StorageError("there is no such bucket", place)
            if "NoSuchBucket" in text
            else FileNotFoundError(errno.ENOENT, "No such object", place)
        )
    if status.startswith(("401", "403")) or "credential" in text.lower():
        what = f"{SCHEMES[scheme]} refused access" + (f" ({status})" if status else "")
        return StorageError(
            f"{what}; set credentials in the environment ({_ENVIRONMENT[scheme]})", place
        )
    if status:
        return StorageError(f"{SCHEMES[scheme]} answered {status}", place)
    if _is_cut(error):
        return StorageError("the answer was cut off, also when it was requested again", place)
    if "invalid path" in text or "parse path" in text:
        return StorageError(
            "a key has an empty part, '.', '..' or a control character, which is no path", place
        )
    return StorageError(
        f"{SCHEMES[scheme]} did not answer; check the network, the region and the endpoint", place
    )
