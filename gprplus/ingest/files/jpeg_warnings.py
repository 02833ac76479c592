"""Warnings of the JPEG and PNG decoders, which fill up damaged data and report it on standard error
alone.

OpenCV returns a picture all the same. So the warnings are caught where they are written: they are
the only sign of damage inside the data of a file whose head and tail are in order.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

_WORDS = (
    b"Corrupt JPEG data",
    b"Premature end of JPEG file",
    b"Inconsistent progression sequence",
    b"libpng error",
)
_PADDING = (  # some cameras fill up the space before a marker: no pixel is lost
    b"extraneous bytes before marker"
)
_STDERR = 2


class CapturedStderr:
    """Captured standard error output."""

    def __init__(self, file: IO[bytes] | None) -> None:
        self._file, self._end = file, 0

    def complaint(self) -> bool:
        """Return True if the decoder printed a warning since the last call. Costs half a
        microsecond if it did not."""
        return bool(self._complaints())

    def loss(self) -> bool:
        """Return True if the decoder reported since the last call that it replaced missing
        pixels."""
        return any(_PADDING not in line for line in self._complaints())

    def _complaints(self) -> list[bytes]:
        if self._file is None:
            return []
        end = os.lseek(self._file.fileno(), 0, os.SEEK_CUR)
        if end == self._end:
            return []
        data, self._end = os.pread(self._file.fileno(), end - self._end, self._end), end
        return [line for line in data.splitlines() if _is_complaint(line)]

    def others(self) -> bytes:
        """Return other output, such as the progress of another thread."""
        if self._file is None:
            return b""
        self._file.seek(0)
        return b"".join(line for line in self._file if not _is_complaint(line))


def _is_complaint(line: bytes) -> bool:
    return any(words in line for words in _WORDS)


@contextmanager
def capture_stderr() -> Iterator[CapturedStderr]:
    """Catch what this process writes to standard error, and write there in the end what was no
    complaint."""
    if sys.stderr is not None:
        sys.stderr.flush()
    try:
        out = os.dup(_STDERR)
    except OSError:  # a process without standard error, as a service may be
        yield CapturedStderr(None)
        return
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), _STDERR)
        captured = CapturedStderr(file)
        try:
            yield captured
        finally:
            os.dup2(out, _STDERR)
            os.close(out)
            os.write(_STDERR, captured.others())
