"""Open archives: one object a file, kept for the next read, and the functions that read through
them."""

import errno
import io
import os
import stat
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from typing import Any, Protocol

from gprplus.archives.gzip_seek import SeekableGzip
from gprplus.archives.index import MemberIndex
from gprplus.archives.names import is_archive, is_stream, locate, may_be_inside
from gprplus.archives.tar import CorruptArchive, read_tar_index
from gprplus.archives.zip_members import ZipMembers
from gprplus.core.errors import ArchiveError
from gprplus.core.files.signatures import mtime_ns
from gprplus.core.storage.address import is_address
from gprplus.core.storage.client import (
    is_object,
    map_readers,
    read_object,
    recent_state,
    stat_object,
    stat_objects,
)
from gprplus.core.storage.failures import StorageError
from gprplus.core.storage.remote_file import RemoteFile

OPEN = 32  # archives kept open by a process, each with its index (about 250 bytes a member)


class _LocalFile(io.FileIO):
    """A file of this machine, closed when the last reference to its archive is gone."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        found = os.fstat(self.fileno())
        self.size, self.mtime = found.st_size, mtime_ns(found)

    def pread(self, length: int, offset: int) -> bytes:
        """Return `length` bytes from `offset`, fewer at the end."""
        return os.pread(self.fileno(), length, offset)


class _Form(Protocol):
    """Base class of the three archive formats."""

    index: MemberIndex
    direct: bool  # whether a piece of a member can be read without the rest

    def piece(self, position: int, offset: int, length: int) -> bytes: ...


class _Tar:
    """A plain tar: members are places in the file."""

    direct = True

    def __init__(self, file: Any) -> None:
        self._file = file
        self.index = read_tar_index(
            lambda offset, length: file.pread(length, offset), lambda: int(file.size)
        )

    def piece(self, position: int, offset: int, length: int) -> bytes:
        data: bytes = self._file.pread(length, self.index.offsets[position] + offset)
        return data


class _Nothing:
    """An empty file, whatever its extension."""

    direct = True

    def __init__(self, file: Any) -> None:
        self.index = MemberIndex()
        self.index.refuse("", "empty")

    def piece(self, position: int, offset: int, length: int) -> bytes:
        raise IndexError(position)


class _Gzip:
    """A tar in a gzip stream."""

    direct = False

    def __init__(self, file: Any) -> None:
        self._inflated = SeekableGzip(file.pread)
        self.index = read_tar_index(self._inflated.read, self._inflated.end)

    def piece(self, position: int, offset: int, length: int) -> bytes:
        return self._inflated.read(self.index.offsets[position] + offset, length)


class Archive:
    """An archive that was indexed: its members by name, and what they hold. Threads may share
    it."""

    def __init__(self, path: str) -> None:
        file = RemoteFile(path) if is_address(path) else _LocalFile(path)
        self.path = path
        self.size, self.mtime = file.size, file.mtime
        self._form: _Form = _form(path, file.pread(2, 0))(file)
        self._places = self._form.index.finalized()
        self.one_at_a_time: AbstractContextManager[Any] = (
            nullcontext() if self._form.direct else threading.RLock()
        )

    @property
    def index(self) -> MemberIndex:
        """Names, sizes and refusals."""
        return self._form.index

    @property
    def direct(self) -> bool:
        """Return True if a part of a member can be read without unpacking the rest."""
        return self._form.direct

    def __contains__(self, name: str) -> bool:
        return name in self._places

    def place(self, name: str) -> int:
        """Return the offset of a member, used to read members in archive order; raises
        FileNotFoundError if there is none.
        """
        return self.index.offsets[self._position(name)]

    def size_of(self, name: str) -> int:
        """A member's size in bytes."""
        return self.index.sizes[self._position(name)]

    def piece(self, name: str, offset: int, length: int) -> bytes:
        """Bytes of a member from `offset`, fewer at its end. Raises FileNotFoundError, or
        ArchiveError for damage."""
        position = self._position(name)
        length = max(0, min(length, self.index.sizes[position] - offset))
        try:
            with self.one_at_a_time:
                data = self._form.piece(position, offset, length)
        except CorruptArchive as damage:
            raise ArchiveError(f"{self.path}/{name} cannot be read: {damage}.") from None
        if len(data) < length:
            raise ArchiveError(
                f"{self.path}/{name} cannot be read: the archive is shorter than it was."
            )
        return data

    def read(self, name: str) -> bytes:
        """A whole member; raises as `piece`."""
        return self.piece(name, 0, self.size_of(name))

    def _position(self, name: str) -> int:
        try:
            return self._places[name]
        except KeyError:
            raise FileNotFoundError(2, "No such member", f"{self.path}/{name}") from None


def _form(path: str, head: bytes) -> Any:
    """Detect the format of an archive by its bytes, and by its name if they are ambiguous."""
    if not head:
        return _Nothing
    if head == b"\x1f\x8b" or (is_stream(path) and head != b"PK"):
        return _Gzip
    return ZipMembers if head == b"PK" or path.lower().endswith(".zip") else _Tar


_kept: OrderedDict[str, Archive] = OrderedDict()
_lock = threading.RLock()


def open_archive(path: str) -> Archive:
    """An archive, indexed; the one kept from before when the file has not changed. Raises
    OSError."""
    found = _plain_stat(path)
    with _lock:
        kept = _kept.get(path)
        if kept is None or (kept.size, kept.mtime) != found:
            _kept[path] = kept = Archive(path)
        _kept.move_to_end(path)
        while len(_kept) > OPEN:
            _kept.popitem(last=False)
        return kept


def read_file(place: str | Path) -> bytes:
    """The bytes of a file, or of a member of an archive. Raises OSError, also for pipes and
    devices."""
    text = os.fspath(place)
    if is_address(text):
        inside = locate(text)
        return open_archive(inside[0]).read(inside[1]) if inside else read_object(text)
    try:
        with open(text, "rb", opener=_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise OSError(errno.EINVAL, "Not a regular file", text)
            return file.read()
    except NotADirectoryError:
        inside = locate(text)
        if inside is None:
            raise
    return open_archive(inside[0]).read(inside[1])


def _without_waiting(path: str, flags: int) -> int:
    """Open a file; a pipe does not wait for a writer."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def read_files(places: Sequence[str]) -> list[bytes | None]:
    """Read several files or members, None for unreadable ones. Fastest in the order of
    `sort_for_reading`. Raises StorageError: an object that was not delivered is not a broken one."""
    inside = {found[0] for place in places if may_be_inside(place) and (found := locate(place))}
    with (
        ExitStack() as together
    ):  # of one stream: threads that took turns at every member would go to and fro
        for archive in sorted(inside):
            together.enter_context(open_archive(archive).one_at_a_time)
        return list(read_each(places))


def read_each(places: Sequence[str]) -> Iterator[bytes | None]:
    """Yield what several files or members hold, None for unreadable ones; objects are read many at
    a time."""
    if places and is_address(places[0]) and not any(map(may_be_inside, places)):
        return map_readers(_read_or_none, places)
    return map(_read_or_none, places)


def _read_or_none(place: str) -> bytes | None:
    try:
        return read_file(place)
    except StorageError:
        raise
    except OSError:
        return None


def exists(place: str | Path) -> bool:
    """Return True if a file, or a member of an archive, exists."""
    text = os.fspath(place)
    if is_object(text) if is_address(text) else os.path.isfile(text):
        return True
    inside = locate(text)
    try:
        return inside is not None and inside[1] in open_archive(inside[0])
    except StorageError:
        raise
    except OSError:
        return False


def file_stat(place: str) -> tuple[int, int]:
    """Size in bytes and modification time in ns of a file; of a member, its size and its archive's
    time. OSError."""
    if is_address(place):
        inside = locate(place)
        return _member_stat(*inside) if inside and inside[1] else _plain_stat(place)
    try:
        return _plain_stat(place)
    except NotADirectoryError:
        inside = locate(place)
        if inside is None:
            raise
    return _member_stat(*inside)


def _member_stat(archive: str, member: str) -> tuple[int, int]:
    opened = open_archive(archive)
    return opened.size_of(member), opened.mtime


def _plain_stat(path: str) -> tuple[int, int]:
    """Size and modification time in ns of a file or object. OSError."""
    if is_address(path):
        state = recent_state(path) if is_archive(path) else stat_object(path)
        return state.size, state.mtime
    found = os.stat(path)
    return found.st_size, mtime_ns(found)


def file_stats(places: Sequence[str]) -> list[tuple[int, int] | None]:
    """`file_stat` of several files and members, None of those that are not there. Objects are
    requested many at once."""
    objects = [place for place in places if is_address(place) and not may_be_inside(place)]
    found = {
        place: state and (state.size, state.mtime)
        for place, state in zip(objects, stat_objects(objects) if objects else [], strict=True)
    }
    return [found[place] if place in found else _stat_or_none(place) for place in places]


def _stat_or_none(place: str) -> tuple[int, int] | None:
    try:
        return file_stat(place)
    except StorageError:
        raise
    except OSError:
        return None


def sort_for_reading(places: Sequence[str]) -> list[int]:
    """Return the positions of files and members in the cheapest reading order: members in the order
    of their archive.

    Files outside archives keep their order and come first, followed by missing members.
    """
    inside = [
        (i, found)
        for i, place in enumerate(places)
        if may_be_inside(place) and (found := locate(place))
    ]
    keys = {i: key for i, (archive, member) in inside for key in _stands(archive, member)}
    return (
        sorted(range(len(places)), key=lambda i: keys.get(i, ("", i)))
        if keys
        else list(range(len(places)))
    )


def _stands(archive: str, member: str) -> Iterable[tuple[str, int]]:
    opened = open_archive(archive)
    if member in opened:
        yield archive, opened.place(member)
