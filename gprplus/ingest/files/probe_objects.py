"""Opening objects in object storage, many at a time.

A header needs the first page and the last bytes: of a small object they come with all of it in one
request, of a large one in two.
"""

from collections.abc import Mapping, Sequence
from functools import partial

from gprplus.core.imaging.image_headers import HEAD, TAIL
from gprplus.core.storage.client import map_readers, read_object, read_range, stat_object
from gprplus.core.storage.failures import StorageError
from gprplus.ingest.files.classify import Probe, classify_file, hash_file, rejected
from gprplus.ingest.files.jpeg_warnings import CapturedStderr

States = Mapping[str, tuple[int, int]]  # size and modification time by path
WHOLE = 64 << 10  # bytes of an object that is read whole: a request costs as much as these
_ENOUGH = 64  # objects one after another that storage did not deliver, each requested several times
_TOGETHER = 16  # objects that a thread takes: a future an object would cost a tenth of its request


def probe_objects(
    root: str, paths: Sequence[str], verify: str, states: States, captured: CapturedStderr | None
) -> list[Probe]:
    """Probe objects below the address `root`, in order.

    Size and time are those of the listing, so that an object which is replaced later differs from
    what is recorded, and is read again by the next build. Raises StorageError if many objects one
    after another were not delivered: a server that is gone costs minutes an object.
    """
    probe = partial(_probe_or_reason, _Outage(), root, verify, states, captured)
    parts = [paths[i : i + _TOGETHER] for i in range(0, len(paths), _TOGETHER)]
    return [one for part in map_readers(lambda some: list(map(probe, some)), parts) for one in part]


class _Outage:
    """Counts the objects one after another that were not delivered, over all threads."""

    def __init__(self) -> None:
        self._count = 0

    def delivered(self) -> None:
        """Begin to count anew."""
        self._count = 0

    def not_delivered(self, error: StorageError) -> None:
        """Count one more. Raises the error when they are too many."""
        self._count += not error.refused
        if self._count >= _ENOUGH:
            raise error


def _probe_or_reason(
    outage: _Outage,
    root: str,
    verify: str,
    states: States,
    captured: CapturedStderr | None,
    path: str,
) -> Probe:
    place = f"{root}/{path}"
    try:
        size, mtime = states.get(path) or stat_object(place)[1:]
        found = _probe(place, size, mtime, verify, captured)
        outage.delivered()
        return found
    except OSError as error:
        if isinstance(error, StorageError):
            outage.not_delivered(error)
        return rejected(-1, -1, "unreadable", error.strerror or str(error))


def _probe(
    place: str, size: int, mtime: int, verify: str, captured: CapturedStderr | None
) -> Probe:
    if not size:
        return rejected(size, mtime, "empty")
    if verify == "names":
        return Probe(size, mtime)
    if verify == "header" and size > WHOLE:
        head, tail = read_range(place, 0, HEAD), read_range(place, size - TAIL, TAIL)
        return classify_file(size, mtime, head, tail, partial(read_range, place))
    data = read_object(place)
    if verify != "header":
        return hash_file(data, mtime, captured)
    tail = data[-TAIL:]
    return classify_file(len(data), mtime, data[:HEAD], tail, lambda at, n: data[at : at + n])
