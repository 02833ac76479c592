"""Opening objects in object storage, many at a time.

A header needs the first page and the last bytes: of a small object they come with all of it in one
request, of a large one in two.
"""

from collections.abc import Mapping, Sequence
from functools import partial

from gprplus.core.imaging.image_headers import HEAD, TAIL
from gprplus.core.storage.client import map_readers, read_object, read_range, stat_object
from gprplus.ingest.files.classify import Probe, classify_file, hash_file, rejected
from gprplus.ingest.files.jpeg_warnings import CapturedStderr

States = Mapping[str, tuple[int, int]]  # size and modification time by path
WHOLE = 64 << 10  # bytes of an object that is read whole: a request costs as much as these
_TOGETHER = 16  # objects that a thread takes: a future an object would cost a tenth of its request


def probe_objects(
    root: str, paths: Sequence[str], verify: str, states: States, captured: CapturedStderr | None
) -> list[Probe]:
    """Probe objects below the address `root`, in order.

    Size and time are those of the listing, so that an object which is replaced later differs from
    what is recorded, and is read again by the next build.
    """
    probe = partial(_probe_or_reason, root, verify, states, captured)
    parts = [paths[i : i + _TOGETHER] for i in range(0, len(paths), _TOGETHER)]
    return [one for part in map_readers(lambda some: list(map(probe, some)), parts) for one in part]


def _probe_or_reason(
    root: str, verify: str, states: States, captured: CapturedStderr | None, path: str
) -> Probe:
    place = f"{root}/{path}"
    try:
        size, mtime = states.get(path) or stat_object(place)[1:]
        return _probe(place, size, mtime, verify, captured)
    except OSError as error:
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
