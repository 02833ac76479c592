"""Objects in a bucket: list, stat, read and write.

The library is obstore, chosen by the measurement in benchmarks/results/scale.md. It retries
throttling (429, 503), other errors of the server, time-outs and cut bodies with backoff. What is
final is a StorageError, or FileNotFoundError for an object that is not there. Credentials come from
the environment alone.
"""

import errno
import os
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from gprplus.core.errors import GprplusError
from gprplus.core.executors.threads import run_interruptibly
from gprplus.core.parallel import map_threads
from gprplus.core.storage.address import is_address, split_address
from gprplus.core.storage.failures import explained, is_cut, replaced, settings_error, status_of
from gprplus.core.storage.settings import allows_http, check_settings

In = TypeVar("In")
Out = TypeVar("Out")

TIMEOUT = timedelta(seconds=30)  # of one request
RETRIES = 8  # of one request: 100 ms, then up to twice as long each time
LONGEST_WAIT = timedelta(seconds=10)
READERS = 32  # requests at a time
_ONE_BY_ONE = 2000  # objects: a listing has a thousand in an answer, and those between them too
_FRESH_S = 60.0  # how long what is known of an object is not requested again


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


def etag_part(mtimes: Any) -> Any:
    """The part of numbers of `mtime_of` (an int or an array) that is a hash of the ETag; 0 is that
    of none. It stays when the same bytes are uploaded again.

    >>> etag_part(mtime_of(datetime(2026, 1, 1), "a")) == etag_part(mtime_of(datetime(2026, 2, 1), "a"))
    True
    """
    return mtimes % 10**9


def list_objects(folder: str, *, every: bool = False) -> Iterator[ObjectState]:
    """Yield the objects below an address, with paths relative to it; a thousand a request.

    Without `every`, objects of no bytes that have no extension or the name of a folder are left
    out: consoles keep them in the place of folders. Raises StorageError.
    """
    skip = len(split_address(folder)[2]) + 1 if split_address(folder)[2] else 0
    waiting = None  # an empty object, until the next key shows whether it is a folder
    for chunk in _chunks(folder):
        for found in chunk:
            path, size = found["path"][skip:], found["size"]
            if waiting is not None and (every or not path.startswith(f"{waiting.path}/")):
                yield waiting
            state = ObjectState(path, size, mtime_of(found["last_modified"], found["e_tag"]))
            waiting = None
            if size and path:
                yield state
            elif path and (every or "." in path.rpartition("/")[2]):
                waiting = state
    if waiting is not None:
        yield waiting


def _chunks(folder: str) -> Iterator[Sequence[Any]]:
    """Yield the answers of a listing. The library does not ask again for one that was cut off, so
    this goes on after the last key."""
    _, _, key = split_address(folder)
    last, attempts = None, 0
    while True:
        try:
            answers = _library().list(_store(folder), key or None, offset=last, chunk_size=1000)
            next_answer = partial(next, answers, None)
            while (chunk := run_interruptibly(next_answer)) is not None:
                yield chunk
                last, attempts = chunk[-1]["path"], 0
            return
        except BaseException as error:
            if isinstance(error, GeneratorExit):
                raise
            if not is_cut(error) or attempts == RETRIES:
                raise explained(error, folder) from None
            attempts += 1
            time.sleep(min(0.1 * 2**attempts, LONGEST_WAIT.total_seconds()))


def _requested(place: str, request: Callable[[Any, str], Out]) -> Out:
    """Return what a request for an object returns, given the client of its bucket and its key."""
    try:
        store, key = _store(place), split_address(place)[2]
        return run_interruptibly(lambda: request(store, key))
    except BaseException as error:
        raise explained(error, place) from None


def stat_object(place: str) -> ObjectState:
    """Return the state of an object. Raises FileNotFoundError and StorageError."""
    found = _requested(place, _library().head)
    return ObjectState(place, found["size"], mtime_of(found["last_modified"], found["e_tag"]))


def read_object(place: str) -> bytes:
    """Return the bytes of an object. Raises FileNotFoundError and StorageError."""
    get = _library().get
    return _requested(place, lambda store, key: bytes(get(store, key).bytes().to_bytes()))


def read_range(place: str, offset: int, length: int) -> bytes:
    """Return `length` bytes of an object from `offset`, fewer at its end. Raises FileNotFoundError
    and StorageError."""
    if length <= 0:
        return b""
    get = _library().get_range

    def some(store: Any, key: str) -> bytes:
        try:
            return bytes(get(store, key, start=offset, length=length).to_bytes())
        except Exception as error:
            if "416" in status_of(error):  # it begins after the end
                return b""
            raise

    return _requested(place, some)


def read_range_of(state: ObjectState, offset: int, length: int) -> bytes:
    """`read_range` of an object as it was when its state was requested. Raises StorageError if
    another one is there now: its bytes would be taken for those of other members of an archive."""
    if length <= 0:
        return b""
    get = _library().get

    def some(store: Any, key: str) -> bytes:
        try:
            found = get(store, key, options={"range": (offset, offset + length)})
        except Exception as error:
            if "416" in status_of(error):
                raise replaced(state.path) from None
            raise
        about = found.meta
        if (about["size"], mtime_of(about["last_modified"], about["e_tag"])) != state[1:]:
            raise replaced(state.path)
        return bytes(found.bytes().to_bytes())

    return _requested(state.path, some)


def delete_objects(places: Sequence[str]) -> None:
    """Delete objects of one bucket. Raises StorageError."""
    keys = [split_address(place)[2] for place in places]
    if keys:
        _requested(places[0], lambda store, _: _library().delete(store, keys))


def write_object(place: str, file: Path) -> None:
    """Write a local file to an address, in parts if it is large. Raises StorageError."""
    _requested(place, lambda store, key: _library().put(store, key, file))


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


def _store(place: str) -> Any:
    """The client of a bucket, one a process. Raises GprplusError for settings that are none."""
    scheme, bucket, _ = split_address(place)
    key = (os.getpid(), scheme, bucket)
    found = _stores.get(key)
    if found is None:
        with _lock:
            found = _stores[key] = _stores.get(key) or _new_store(place)
    return found


def _new_store(place: str) -> Any:
    scheme, bucket, _ = split_address(place)
    check_settings(scheme)
    store = _library().store
    kinds = {"s3": store.S3Store, "gs": store.GCSStore, "az": store.AzureStore}
    backoff = {"init_backoff": timedelta(milliseconds=100), "max_backoff": LONGEST_WAIT, "base": 2}
    try:
        return kinds[scheme](
            bucket,
            client_options={"timeout": TIMEOUT, "allow_http": scheme == "s3" and allows_http()},
            retry_config={
                "max_retries": RETRIES,
                "backoff": backoff,
                "retry_timeout": RETRIES * (TIMEOUT + LONGEST_WAIT),
            },
        )
    except Exception:
        raise settings_error(place) from None
