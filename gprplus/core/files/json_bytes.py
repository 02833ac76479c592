"""JSON as other programs write it: NaN and infinities, which JSON does not have, read as null."""

import re
from typing import BinaryIO

_WORDS = (b"NaN", b"Infinity")
_TEXT_OR_WORD = re.compile(rb'"(?:[^"\\]|\\.)*(?:"|\Z)|-?Infinity|NaN', re.DOTALL)
_ESCAPE_OR_QUOTE = re.compile(rb'\\.|"', re.DOTALL)


class JsonBytes:
    """A file for a JSON parser: `NaN`, `Infinity` and `-Infinity` outside of strings are `null`.

    Python, NumPy and pandas write them for unknown numbers. Blocks end after a comma, so that no
    word, and no escaped character, is cut in two.

    >>> import io
    >>> JsonBytes(io.BytesIO(b'{"NaN": [NaN, -Infinity, 1], "a": "b, NaN"}')).read()
    b'{"NaN": [null, null, 1], "a": "b, NaN"}'
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._rest = b""
        self._in_text = False

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, about `size` of them; none at the end, or if none are wanted."""
        if size == 0:
            return b""
        block = b""
        while not block:
            new = self._file.read(size)
            block, self._rest = self._rest + new, b""
            if not new:
                break
            if size > 0:
                end = block.rfind(b",") + 1
                block, self._rest = block[:end], block[end:]
        return self._without_words(block)

    def _without_words(self, block: bytes) -> bytes:
        in_text = self._in_text
        self._in_text ^= _quotes(block) % 2 == 1
        if not any(word in block for word in _WORDS):
            return block
        opened = b'"' + block if in_text else block
        kept = _TEXT_OR_WORD.sub(_null_for_word, opened)
        return kept[1:] if in_text else kept


def _quotes(block: bytes) -> int:
    """Return the number of quotes that begin or end a string."""
    if b"\\" not in block:
        return block.count(b'"')
    return _ESCAPE_OR_QUOTE.findall(block).count(b'"')


def _null_for_word(found: re.Match[bytes]) -> bytes:
    return found[0] if found[0].startswith(b'"') else b"null"
