"""Opening files: each at most once, in one of four grades.

`names` only asks the file system for the size; `header` reads the first page and the last bytes; `digest` reads every
byte once and adds XXH3-128; `decode` does that and decodes. A file fails with a reason in one word and a sentence, and
stays out of the manifest.
"""

import os
import resource
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import groupby
from typing import NamedTuple

from gprplus import sniff
from gprplus.parallel import in_threads

# Files are read one after the other until reading has to wait: when in one run of `_RUN` files it put the thread to
# sleep `_WAITS` times or more, the next `_STRETCH` are read by `_READERS` threads, `_SLICE` files at a time (a cold
# disk answers 32 questions in hardly more time than one: 4,900 files/s against 25,000).
_RUN, _WAITS, _STRETCH, _READERS, _SLICE = 64, 32, 1024, 16, 8

Read = Callable[[int, int, int], "Probe"]
Look = Callable[[str, int | None], "Probe"]  # a name, as seen from an open folder

REASONS = {
    "unreadable": "the file cannot be opened: {}.",
    "empty": "the file has no bytes.",
    "foreign": "the bytes are of no image format known here; they begin with {}.",
    "damaged": "the header of this {} does not say its size.",
    "truncated": "the end of this {} is missing.",
    "large": f"its header claims {{}} pixels, and at most {sniff.MOST_PIXELS:,} are decoded.",
    "undecodable": "this {} does not decode.",
}


_FLAGS = os.O_RDONLY | os.O_NONBLOCK  # a pipe in a file's place would hold us for ever


class Probe(NamedTuple):
    """What one file said. `reason` is None for a good one; null fields are what the grade does not look at."""

    size: int = -1
    mtime: int = -1
    format: str | None = None
    width: int | None = None
    height: int | None = None
    digest: str | None = None
    reason: str | None = None
    detail: str | None = None


_quick = tuple.__new__  # a Probe without the half microsecond that filling in defaults takes


def probe_files(root: str, paths: Sequence[str], verify: str) -> list[Probe]:
    """Probe many files below `root`, in order; see the module for the grades."""
    look = _GRADES[verify]
    return [
        probe
        for folder, run in groupby(paths, os.path.dirname)
        for probe in _in_folder(os.path.join(root, folder), list(run), len(folder) + 1 if folder else 0, look)
    ]


def _in_folder(folder: str, paths: list[str], start: int, look: Look) -> Iterator[Probe]:
    """Probe files of one folder, which are asked for by their names alone: the kernel then walks no path, 0.6 us."""
    names = [path[start:] for path in paths]
    with _opened(folder) as place:
        if place is None:
            names = [os.path.join(folder, name) for name in names]
        done = 0
        while done < len(names):
            before = _sleeps()
            yield from (look(name, place) for name in names[done : done + _RUN])
            done += _RUN
            if _sleeps() - before >= _WAITS:
                yield from _by_many(names[done : done + _STRETCH], place, look)
                done += _STRETCH


@contextmanager
def _opened(folder: str) -> Iterator[int | None]:
    """A folder to start paths from; None when it cannot be opened, and then every file of it says why."""
    try:
        place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        yield None
        return
    try:
        yield place
    finally:
        os.close(place)


def _by_many(names: list[str], place: int | None, look: Look) -> Iterator[Probe]:
    slices = [names[i : i + _SLICE] for i in range(0, len(names), _SLICE)]
    for probes in in_threads(lambda some: [look(name, place) for name in some], slices, _READERS):
        yield from probes


def _sleeps() -> int:
    """How often this thread has gone to sleep to wait for something."""
    return resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw


def failed(size: int, mtime: int, reason: str, what: str = "") -> Probe:
    """A file that stays out, with the sentence of its reason."""
    return Probe(size, mtime, reason=reason, detail=REASONS[reason].format(what))


def _unreadable(error: OSError) -> Probe:
    return failed(-1, -1, "unreadable", error.strerror or str(error))


def _names(name: str, folder: int | None) -> Probe:
    try:
        found = os.stat(name, dir_fd=folder)
    except OSError as error:
        return _unreadable(error)
    size, mtime = found.st_size, found.st_mtime_ns
    return Probe(size, mtime) if size else failed(size, mtime, "empty")


def _open(name: str, folder: int | None, read: Read) -> Probe:
    """Open a regular file once and hand it to `read(descriptor, size, mtime)`."""
    try:
        file = os.open(name, _FLAGS, dir_fd=folder)
    except OSError as error:
        return _unreadable(error)
    try:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode):
            return failed(-1, -1, "unreadable", "it is no regular file")
        return read(file, found.st_size, found.st_mtime_ns)
    except OSError as error:
        return _unreadable(error)
    finally:
        os.close(file)


def _ends(file: int, size: int, mtime: int) -> Probe:
    head = os.read(file, sniff.HEAD)
    tail = head if size <= sniff.HEAD else os.pread(file, sniff.TAIL, size - sniff.TAIL)
    return judge(size, mtime, head, tail, lambda offset, length: os.pread(file, length, offset))


def judge(size: int, mtime: int, head: bytes, tail: bytes, more: sniff.More) -> Probe:
    """The verdict on a file from its first and last bytes."""
    alike = sniff.like_the_last(head, tail)
    if alike:
        return _quick(Probe, (size, mtime, "jpeg", *alike, None, None, None))
    kind = sniff.format_of(head)
    if kind is None:
        return failed(size, mtime, "foreign", repr(head[:12])) if head else failed(size, mtime, "empty")
    if not sniff.is_whole(kind, size, head, tail, more):
        return failed(size, mtime, "truncated", kind)
    pixels = sniff.size_of(kind, head, more)
    if pixels is None:
        return failed(size, mtime, "damaged", kind)
    if pixels[0] * pixels[1] > sniff.MOST_PIXELS:
        return failed(size, mtime, "large", f"{pixels[0]:,} x {pixels[1]:,}")
    return Probe(size, mtime, kind, *pixels)


def _every_byte(file: int, size: int, mtime: int, *, decode: bool = False) -> Probe:
    data = os.read(file, size + 1)
    while len(data) != size and (more_data := os.read(file, sniff.FAR_TAIL)):  # it grew, or is past two gigabytes
        data += more_data
    return every_byte(data, mtime, decode=decode)


def every_byte(data: bytes, mtime: int, *, decode: bool = False) -> Probe:
    """The verdict on a file from all of its bytes, with their digest."""
    from xxhash import xxh3_128_hexdigest

    def more(offset: int, length: int) -> bytes:
        return data[offset : offset + length]

    found = judge(len(data), mtime, data[: sniff.HEAD], data[-sniff.TAIL :], more)
    if found.reason:
        return found
    if decode and not _decodes(data):
        return failed(len(data), mtime, "undecodable", found.format or "file")
    return found._replace(digest=xxh3_128_hexdigest(data))


def _decodes(data: bytes) -> bool:
    from gprplus.images import decode

    return decode(data) is not None


_GRADES: dict[str, Look] = {
    "names": _names,
    "header": partial(_open, read=_ends),
    "digest": partial(_open, read=_every_byte),
    "decode": partial(_open, read=partial(_every_byte, decode=True)),
}
