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
from itertools import groupby, repeat
from operator import itemgetter

from gprplus.core.files.signatures import mtime_ns
from gprplus.core.imaging.image_headers import FAR_TAIL, HEAD, TAIL, jpeg_size_fast_path
from gprplus.core.parallel import map_threads
from gprplus.core.storage.address import is_address
from gprplus.ingest.files.classify import Probe, classify_file, hash_file, jpeg_probe, rejected
from gprplus.ingest.files.jpeg_warnings import CapturedStderr, capture_stderr
from gprplus.ingest.files.probe_objects import States, probe_objects

# Files are read one after the other until reading has to wait: when in one run of `_RUN` files it
# put the thread to sleep `_WAITS` times or more, the next `_STRETCH` are read by `_READERS`
# threads, `_SLICE` files at a time (a cold disk answers 32 questions in hardly more time than one:
# 4,900 files/s against 25,000).
_RUN, _WAITS, _STRETCH, _READERS, _SLICE = 64, 32, 1024, 16, 8

Read = Callable[[int, int, int], Probe]  # an open file, its size and its modification time
Look = Callable[[Sequence[str], int | None], list[Probe]]  # names, relative to an open folder

_FLAGS = os.O_RDONLY | os.O_NONBLOCK  # a pipe in a file's place would hold us for ever


def probe_files(
    root: str, paths: Sequence[str], verify: str, states: States | None = None
) -> list[Probe]:
    """Probe many files below `root`, in order; see the module for the grades.

    `states` has size and modification time of objects, from their listing.
    """
    if is_address(root):
        with warnings_caught(verify) as captured:
            return probe_objects(root, paths, verify, states or {}, captured)
    probes: list[Probe] = []
    with warnings_caught(verify) as captured:
        look = _GRADES[verify]
        if captured:
            look = partial(_open_each, read=partial(_every_byte, captured=captured))
        # In C throughout: os.path.dirname alone would take a tenth of the time of opening a file.
        parts = map(str.rpartition, paths, repeat("/"))
        for folder, run in groupby(parts, itemgetter(0)):
            probes += _in_folder(os.path.join(root, folder), [name for _, _, name in run], look)
    return probes


def warnings_caught(verify: str) -> AbstractContextManager[CapturedStderr | None]:
    """Catch the warnings of decoders where the grade decodes. Once a batch: 35 us, and a small
    image takes 100."""
    return capture_stderr() if verify == "decode" else nullcontext()


def _in_folder(folder: str, names: list[str], look: Look) -> list[Probe]:
    """Probe files of one folder by their names relative to it, which saves the kernel a path lookup
    of 0.6 us."""
    probes: list[Probe] = []
    with _opened(folder) as place:
        if place is None:
            names = [os.path.join(folder, name) for name in names]
        while len(probes) < len(names):
            before, done = _sleeps(), len(probes)
            probes += look(names[done : done + _RUN], place)
            if _sleeps() - before >= _WAITS:
                done = len(probes)
                probes += _by_many(names[done : done + _STRETCH], place, look)
    return probes


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
    for probes in map_threads(lambda some: look(some, place), slices, _READERS):
        yield from probes


def _sleeps() -> int:
    """Return the number of voluntary context switches of this thread."""
    return resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw


def _unreadable(error: OSError) -> Probe:
    return rejected(-1, -1, "unreadable", error.strerror or str(error))


def _names(names: Sequence[str], folder: int | None) -> list[Probe]:
    return [_stat(name, folder) for name in names]


def _stat(name: str, folder: int | None) -> Probe:
    try:
        found = os.stat(name, dir_fd=folder)
    except OSError as error:
        return _unreadable(error)
    size, mtime = found.st_size, mtime_ns(found)
    return Probe(size, mtime) if size else rejected(size, mtime, "empty")


def _open_each(names: Sequence[str], folder: int | None, read: Read) -> list[Probe]:
    """Open each regular file once and hand it to `read(descriptor, size, mtime)`."""
    probes = []
    for name in names:
        try:
            file = os.open(name, _FLAGS, dir_fd=folder)
            try:
                found = os.fstat(file)
                if stat.S_ISREG(found.st_mode):
                    probes.append(read(file, found.st_size, mtime_ns(found)))
                else:
                    probes.append(rejected(-1, -1, "unreadable", "it is no regular file"))
            finally:
                os.close(file)
        except OSError as error:
            probes.append(_unreadable(error))
    return probes


def _ends(file: int, size: int, mtime: int) -> Probe:
    head = os.read(file, HEAD)
    tail = head if size <= HEAD else os.pread(file, TAIL, size - TAIL)
    alike = jpeg_size_fast_path(head, tail)
    if alike:
        return jpeg_probe(size, mtime, alike)
    return classify_file(
        size, mtime, head, tail, lambda offset, length: os.pread(file, length, offset)
    )


def _every_byte(file: int, size: int, mtime: int, captured: CapturedStderr | None = None) -> Probe:
    data = os.read(file, size + 1)
    while len(data) != size and (more_data := os.read(file, FAR_TAIL)):
        data += more_data  # it grew, or is past two gigabytes
    return hash_file(data, mtime, captured)


_GRADES: dict[str, Look] = {
    "names": _names,
    "header": partial(_open_each, read=_ends),
    "digest": partial(_open_each, read=_every_byte),
    "decode": partial(_open_each, read=_every_byte),
}
