"""An object as a file that is read by ranges, for archives."""

import io
import threading

from gprplus.core.storage.client import read_range_of, recent_state
from gprplus.core.storage.failures import StorageError

_LEAST, _MOST = 64 << 10, 4 << 20  # bytes of one request: after a jump, and of reading on


class RemoteFile(io.RawIOBase):
    """A seekable file over ranges of an object. Reading on from where it was asks for ever more at
    a time; a jump, for little.

    Threads may share `pread`. Raises FileNotFoundError and StorageError, also for an object that was
    replaced since it was opened.
    """

    def __init__(self, place: str) -> None:
        self._state = recent_state(place)
        _, self.size, self.mtime = self._state
        self._lock = threading.Lock()
        self._start, self._data, self._ahead = 0, b"", _LEAST
        self._at = 0
        self.failure: StorageError | None = None  # of the last request: zipfile hides it

    def pread(self, length: int, offset: int) -> bytes:
        """Return `length` bytes from `offset`, fewer at the end."""
        length = max(0, min(length, self.size - offset))
        with self._lock:
            here = offset - self._start
            if not 0 <= here <= len(self._data) - length:
                self._fetch(offset, length)
                here = offset - self._start
            return self._data[here : here + length]

    def _fetch(self, offset: int, length: int) -> None:
        end = self._start + len(self._data)
        goes_on = self._start <= offset <= end + self._ahead
        self._ahead = min(2 * self._ahead, _MOST) if goes_on else _LEAST
        kept = self._data[offset - self._start :] if self._start <= offset < end else b""
        begin = offset + len(kept)
        wanted = min(max(length - len(kept), self._ahead), self.size - begin)
        self.failure = None
        try:
            data = read_range_of(self._state, begin, wanted)
        except StorageError as error:
            self.failure = error
            raise
        self._start, self._data = offset, kept + data

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Set the position, and return it."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Read into a buffer from the position; return the number of bytes."""
        data = self.pread(len(buffer), self._at)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)
