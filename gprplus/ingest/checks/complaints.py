"""What the JPEG decoder says of the data: it fills up what is damaged, and tells nobody but standard error.

OpenCV hands back a picture all the same. So the words are caught where they are written: they are the only sign of
damage inside the data of a file whose head and tail are in order.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

_WORDS = (b"Corrupt JPEG data", b"Premature end of JPEG file")  # libjpeg's, of what it had to make up
_STDERR = 2


class Heard:
    """What has been written to standard error while somebody listens."""

    def __init__(self, file: IO[bytes] | None) -> None:
        self._file, self._end = file, 0

    def complaint(self) -> bool:
        """Whether the decoder has complained since the last call. Half a microsecond where it has not."""
        if self._file is None:
            return False
        end = os.lseek(self._file.fileno(), 0, os.SEEK_CUR)
        if end == self._end:
            return False
        said, self._end = os.pread(self._file.fileno(), end - self._end, self._end), end
        return any(words in said for words in _WORDS)

    def others(self) -> bytes:
        """What was written that is no complaint, such as the progress of another thread."""
        if self._file is None:
            return b""
        self._file.seek(0)
        return b"".join(line for line in self._file if not line.startswith(_WORDS))


@contextmanager
def listening() -> Iterator[Heard]:
    """Catch what this process writes to standard error, and write there in the end what was no complaint."""
    if sys.stderr is not None:
        sys.stderr.flush()
    try:
        out = os.dup(_STDERR)
    except OSError:  # a process without standard error, as a service may be
        yield Heard(None)
        return
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), _STDERR)
        heard = Heard(file)
        try:
            yield heard
        finally:
            os.dup2(out, _STDERR)
            os.close(out)
            os.write(_STDERR, heard.others())
