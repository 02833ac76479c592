"""Random access to what a gzip file inflates to.

Going on is one pass. Going back starts from a checkpoint: a copy of the inflater's state, about 45
kB, taken every SPAN bytes of output and thinned out beyond MOST of them, so that a jump costs at
most SPAN bytes of inflating up to 1 GiB of output, and twice that for each doubling after.
"""

import zlib
from bisect import bisect_right
from collections.abc import Callable
from typing import Any

from gprplus.archives.index import RATIO, SLACK
from gprplus.archives.tar import CorruptArchive

CHECKPOINT_BYTES = 4 << 20
MAX_CHECKPOINTS = 256  # checkpoints: 12 MB of memory
_CHUNK, _MUCH = 1 << 15, 1 << 20  # bytes that go in and come out at a time, at most
_GZIP = 31  # a gzip header, the largest window


class SeekableGzip:
    """The inflated content of a gzip file, which `pread(length, offset)` reads. Not safe for several
    threads at once."""

    def __init__(self, pread: Callable[[int, int], bytes]) -> None:
        self._pread = pread
        self._inflater: Any = zlib.decompressobj(_GZIP)
        self._next = 0  # where in the file to read on
        self._start = 0  # where in the output `_data` begins
        self._data = b""
        self._span = CHECKPOINT_BYTES
        self._marks: list[tuple[int, int, Any]] = [
            (0, 0, self._inflater.copy())
        ]  # output, file, state

    def end(self) -> int:
        """Return the end offset of the output that was inflated last."""
        return self._start + len(self._data)

    def read(self, offset: int, length: int) -> bytes:
        """`length` bytes from `offset`, fewer at the end. Raises Damage where the stream is broken
        or a bomb."""
        self._go_to(offset)
        pieces = []
        while length > 0:
            here = offset - self._start
            if here < len(self._data):
                piece = self._data[here : here + length]
                pieces.append(piece)
                offset, length = offset + len(piece), length - len(piece)
            elif not self._inflate():
                break
        return b"".join(pieces)

    def _go_to(self, offset: int) -> None:
        """Jump to the last checkpoint before `offset`, if that is nearer than where we are."""
        output, file, state = self._marks[
            bisect_right(self._marks, offset, key=lambda mark: mark[0]) - 1
        ]
        if self._start <= offset and output <= self.end():
            return
        self._inflater, self._next, self._start, self._data = state.copy(), file, output, b""

    def _inflate(self) -> bool:
        """Inflate the next chunk in the place of the last one; False at the end."""
        if self._inflater.eof and not self._another():
            return False
        packed = self._pread(_CHUNK, self._next)
        try:
            data = self._inflater.decompress(packed, _MUCH)
        except zlib.error as error:
            raise CorruptArchive(
                "damaged", f"the compressed stream is broken near byte {self._next:,} ({error})"
            ) from None
        if not packed and not data:
            raise CorruptArchive("truncated", "the compressed stream breaks off")
        self._next += (
            len(packed) - len(self._inflater.unused_data) - len(self._inflater.unconsumed_tail)
        )
        self._start, self._data = self.end(), data
        if self.end() > SLACK + RATIO * self._next:
            raise CorruptArchive("bomb", f"it inflates to more than {RATIO} times its size")
        self._mark()
        return True

    def _another(self) -> bool:
        """Begin the next gzip member, if one follows."""
        if self._pread(2, self._next) != b"\x1f\x8b":
            return False
        self._inflater = zlib.decompressobj(_GZIP)
        return True

    def _mark(self) -> None:
        if self.end() - self._marks[-1][0] < self._span or self._inflater.eof:
            return
        self._marks.append((self.end(), self._next, self._inflater.copy()))
        if len(self._marks) > MAX_CHECKPOINTS:
            del self._marks[1::2]
            self._span *= 2
