"""Opening files: each at most once, at one of four levels.

`names` only reads the size from the file system; `header` reads the first page and the last bytes;
`digest` reads every byte once and adds XXH3-128; `decode` does that and decodes. A file fails with
a reason in one word and a sentence, and is rejected.
"""

import os
import resource
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from itertools import groupby

from gprplus.core.files.signatures import mtime_ns
from gprplus.core.imaging import image_headers
from gprplus.core.parallel import map_threads
from gprplus.ingest.files.classify import Probe, classify_file, hash_file, rejected
from gprplus.ingest.files.jpeg_warnings import CapturedStderr, capture_stderr

# Files are read one after the other until reading has to wait: when in one run of `_RUN` files it
# put the thread to sleep `_WAITS` times or more, the next `_STRETCH` are read by `_READERS`
# threads, `_SLICE` files at a time (a cold disk answers 32 questions in hardly more time than one:
# 4,900 files/s against 25,000).
_RUN, _WAITS, _STRETCH, _READERS, _SLICE = 64, 32, 1024, 16, 8

Read = Callable[[int, int, int], Probe]
Look = Callable[[str, int | None], Probe]  # a name, as seen from an open folder

_FLAGS = os.O_RDONLY | os.O_NONBLOCK  # a pipe in a file's place would hold us for ever


def probe_files(root: str, paths: Sequence[str], verify: str) -> list[Probe]:
    """Probe many files below `root`, in order; see the module for the grades."""
    probes: list[Probe] = []
    with warnings_caught(verify) as captured:
        look = (
            partial(_open, read=partial(_every_byte, captured=captured))
            if captured
            else _GRADES[verify]
        )
        for folder, run in groupby(paths, os.path.dirname):
            start = len(folder) + 1 if folder else 0
            probes += _in_folder(os.path.join(root, folder), list(run), start, look)
    return probes


def warnings_caught(verify: str) -> AbstractContextManager[CapturedStderr | None]:
    """Catch the warnings of decoders where the grade decodes. Once a batch: 35 us, and a small
    image takes 100."""
    return capture_stderr() if verify == "decode" else nullcontext()


def _in_folder(folder: str, paths: list[str], start: int, look: Look) -> Iterator[Probe]:
    """Probe files of one folder by their names relative to it, which saves the kernel a path lookup
    of 0.6 us."""
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
    """Return a folder descriptor; None if it cannot be opened, and then every file in it reports
    the reason."""
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
    for probes in map_threads(lambda some: [look(name, place) for name in some], slices, _READERS):
        yield from probes


def _sleeps() -> int:
    """Return the number of voluntary context switches of this thread."""
    return resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw


def _unreadable(error: OSError) -> Probe:
    return rejected(-1, -1, "unreadable", error.strerror or str(error))


def _names(name: str, folder: int | None) -> Probe:
    try:
        found = os.stat(name, dir_fd=folder)
    except OSError as error:
        return _unreadable(error)
    size, mtime = found.st_size, mtime_ns(found)
    return Probe(size, mtime) if size else rejected(size, mtime, "empty")


def _open(name: str, folder: int | None, read: Read) -> Probe:
    """Open a regular file once and hand it to `read(descriptor, size, mtime)`."""
    try:
        file = os.open(name, _FLAGS, dir_fd=folder)
    except OSError as error:
        return _unreadable(error)
    try:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode):
            return rejected(-1, -1, "unreadable", "it is no regular file")
        return read(file, found.st_size, mtime_ns(found))
    except OSError as error:
        return _unreadable(error)
    finally:
        os.close(file)


def _ends(file: int, size: int, mtime: int) -> Probe:
    head = os.read(file, image_headers.HEAD)
    tail = (
        head
        if size <= image_headers.HEAD
        else os.pread(file, image_headers.TAIL, size - image_headers.TAIL)
    )
    return classify_file(
        size, mtime, head, tail, lambda offset, length: os.pread(file, length, offset)
    )


def _every_byte(file: int, size: int, mtime: int, captured: CapturedStderr | None = None) -> Probe:
    data = os.read(file, size + 1)
    while len(data) != size and (
        more_data := os.read(file, image_headers.FAR_TAIL)
    ):  # it grew, or is past two gigabytes
        data += more_data
    return hash_file(data, mtime, captured)


_GRADES: dict[str, Look] = {
    "names": _names,
    "header": partial(_open, read=_ends),
    "digest": partial(_open, read=_every_byte),
}
