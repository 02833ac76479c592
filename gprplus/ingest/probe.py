"""Opening files: each at most once, in one of four grades.

`names` only asks the file system for the size; `header` reads the first page and the last bytes; `digest` reads every
byte once and adds XXH3-128; `decode` does that and decodes. A file fails with a reason in one word and a sentence, and
stays out of the manifest.
"""

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter, thread_time

from gprplus.ingest import sniff

# Files are read in sequence until waiting shows: this many are timed, and when the clock runs `_COLD` times faster than
# the processor works, the rest are read by `_READERS` threads at once (a network disk or a cold cache answers many
# questions as fast as one).
_TRIAL, _COLD, _READERS = 64, 4.0, 16

REASONS = {
    "unreadable": "the file cannot be opened: {}.",
    "empty": "the file has no bytes.",
    "foreign": "the bytes are of no image format known here; they begin with {}.",
    "damaged": "the header of this {} does not say its size.",
    "truncated": "the end of this {} is missing.",
    "undecodable": "this {} does not decode.",
}


@dataclass(frozen=True, slots=True)
class Probe:
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
    begun, worked = perf_counter(), thread_time()
    probes = [look(f"{root}/{path}") for path in paths[:_TRIAL]]
    rest = paths[_TRIAL:]
    if rest and perf_counter() - begun > _COLD * (thread_time() - worked):
        return probes + list(_by_many(look, [f"{root}/{path}" for path in rest]))
    return probes + [look(f"{root}/{path}") for path in rest]


def _by_many(look: Callable[[str], Probe], paths: list[str]) -> Iterator[Probe]:
    from gprplus.parallel import in_threads

    return in_threads(look, paths, _READERS)


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


def _header(path: str) -> Probe:
    try:
        file = os.open(
            path, os.O_RDONLY | os.O_NONBLOCK
        )  # without O_NONBLOCK a pipe put in a file's place would hold us for ever
    except OSError as error:
        return _unreadable(error)
    try:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode):
            return _failed(-1, -1, "unreadable", "it is no regular file")
        size, mtime = found.st_size, found.st_mtime_ns
        head = os.read(file, sniff.HEAD)
        tail = head if size <= sniff.HEAD else os.pread(file, sniff.TAIL, size - sniff.TAIL)
        return judge(size, mtime, head, tail, lambda offset, length: os.pread(file, length, offset))
    except OSError as error:
        return _unreadable(error)
    finally:
        os.close(file)


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


def _digest(path: str) -> Probe:
    return _whole(path)[0]


def _whole(path: str) -> tuple[Probe, bytes]:
    from xxhash import xxh3_128_hexdigest

    try:
        with open(path, "rb", buffering=0, opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            found = os.fstat(file.fileno())
            data = file.readall() or b""
    except OSError as error:
        return _unreadable(error), b""
    verdict = judge(
        len(data),
        found.st_mtime_ns,
        data[: sniff.HEAD],
        data[-sniff.TAIL :],
        lambda offset, length: data[offset : offset + length],
    )
    if verdict.reason:
        return verdict, b""
    return Probe(
        verdict.size, verdict.mtime, verdict.format, verdict.width, verdict.height, xxh3_128_hexdigest(data)
    ), data


def _decode(path: str) -> Probe:
    from gprplus.images import decode

    verdict, data = _whole(path)
    if verdict.reason is None and decode(data) is None:
        return _failed(verdict.size, verdict.mtime, "undecodable", verdict.format or "file")
    return verdict


_GRADES: dict[str, Callable[[str], Probe]] = {"names": _names, "header": _header, "digest": _digest, "decode": _decode}
