"""Opening files: each at most once, in one of four grades.

`names` only asks the file system for the size; `header` reads the first page and the last bytes; `digest` reads every
byte once and adds XXH3-128; `decode` does that and decodes. A file fails with a reason in one word and a sentence, and
stays out of the manifest.
"""

import os
import resource
import stat
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from gprplus.ingest import sniff
from gprplus.parallel import in_threads

# Files are read one after the other until reading has to wait: of the first `_TRIAL`, when `_WAITS` or more put the
# process to sleep, the rest are
# read by `_READERS` threads at once (a cold disk answers 32 questions in hardly more time than one: 4,900 files/s
# against 25,000).
_TRIAL, _WAITS, _READERS = 64, 32, 16

Read = Callable[[int, int, int], "Probe"]

REASONS = {
    "unreadable": "the file cannot be opened: {}.",
    "empty": "the file has no bytes.",
    "foreign": "the bytes are of no image format known here; they begin with {}.",
    "damaged": "the header of this {} does not say its size.",
    "truncated": "the end of this {} is missing.",
    "undecodable": "this {} does not decode.",
}


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


def probe_files(root: str, paths: Sequence[str], verify: str) -> list[Probe]:
    """Probe many files below `root`, in order; see the module for the grades."""
    look = _GRADES[verify]
    before = _sleeps()
    probes = [look(f"{root}/{path}") for path in paths[:_TRIAL]]
    rest = [f"{root}/{path}" for path in paths[_TRIAL:]]
    return probes + list(in_threads(look, rest, _READERS) if rest and _sleeps() - before >= _WAITS else map(look, rest))


def _sleeps() -> int:
    """How often this process has gone to sleep to wait for something."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw


def _failed(size: int, mtime: int, reason: str, what: str = "") -> Probe:
    return Probe(size, mtime, reason=reason, detail=REASONS[reason].format(what))


def _unreadable(error: OSError) -> Probe:
    return _failed(-1, -1, "unreadable", error.strerror or str(error))


def _names(path: str) -> Probe:
    try:
        found = os.stat(path)
    except OSError as error:
        return _unreadable(error)
    size, mtime = found.st_size, found.st_mtime_ns
    return Probe(size, mtime) if size else _failed(size, mtime, "empty")


def _open(path: str, read: Read) -> Probe:
    """Open a regular file once and hand it to `read(descriptor, size, mtime)`."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe in a file's place would hold us for ever
    except OSError as error:
        return _unreadable(error)
    try:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode):
            return _failed(-1, -1, "unreadable", "it is no regular file")
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
    kind = sniff.format_of(head)
    if kind is None:
        return _failed(size, mtime, "foreign", repr(head[:12])) if head else _failed(size, mtime, "empty")
    if not sniff.is_whole(kind, size, head, tail, more):
        return _failed(size, mtime, "truncated", kind)
    pixels = sniff.size_of(kind, head, more)
    if pixels is None:
        return _failed(size, mtime, "damaged", kind)
    return Probe(size, mtime, kind, *pixels)


def _every_byte(file: int, size: int, mtime: int, *, decode: bool = False) -> Probe:
    from xxhash import xxh3_128_hexdigest

    with open(file, "rb", buffering=0, closefd=False) as whole:
        data = whole.readall() or b""

    def more(offset: int, length: int) -> bytes:
        return data[offset : offset + length]

    found = judge(len(data), mtime, data[: sniff.HEAD], data[-sniff.TAIL :], more)
    if found.reason:
        return found
    if decode and not _decodes(data):
        return _failed(size, mtime, "undecodable", found.format or "file")
    return found._replace(digest=xxh3_128_hexdigest(data))


def _decodes(data: bytes) -> bool:
    from gprplus.images import decode

    return decode(data) is not None


_GRADES: dict[str, Callable[[str], Probe]] = {
    "names": _names,
    "header": partial(_open, read=_ends),
    "digest": partial(_open, read=_every_byte),
    "decode": partial(_open, read=partial(_every_byte, decode=True)),
}
