"""The headers of a tar archive: ustar, the older form before it, GNU long names and pax records.

Sources: POSIX.1-2017, pax (ustar interchange format, pax extended header); GNU tar manual, "Basic
Tar Format". The standard library's tarfile makes an object of thirty fields a member; what is
needed here is a name, a place and a size, which costs a fifth of the time.
"""

from collections.abc import Callable

from gprplus.archives.index import MemberIndex

Read = Callable[[int, int], bytes]  # offset, length -> bytes, fewer only where the data ends

BLOCK = 512
_ZERO = bytes(BLOCK)
_PADDING = 2048  # blocks of zeros after which nothing more is expected: an archive may be appended to another
_LONG = 1 << 16  # bytes of an extended header; a name takes a few hundred
_ABSURD = 1 << 62
_PLAIN, _LINKS, _FOLDER = b"0\x007", b"12", b"5"
_BODILESS = b"123456"  # kinds that no data follows, whatever size their header states
_EXTENDED = b"LKxg"
_OCTAL = frozenset(b"01234567")
_DIGITS = 20  # of a number in a pax header; 2**64 has as many
_SPECIAL = {
    b"3": "a device",
    b"4": "a device",
    b"6": "a pipe",
    b"S": "a sparse file",
    b"M": "the rest of a file that begins in another volume",
}


class CorruptArchive(Exception):
    """Corrupt data in an archive; the text is a clause, `reason` one word."""

    def __init__(self, reason: str, what: str) -> None:
        super().__init__(what)
        self.reason = reason


def read_tar_index(read: Read, end: Callable[[], int]) -> MemberIndex:
    """List a tar archive from its headers. `end()` returns the known end of the data after reading
    has stopped.

    Members before damaged data are kept; the damage is a rejection with an empty name.
    """
    index = MemberIndex()
    try:
        _walk(read, index)
    except CorruptArchive as damage:
        index.refuse("", damage.reason, damage)
    index.cut_at(end())
    return index


def _walk(read: Read, index: MemberIndex) -> None:
    at = zeros = 0
    long_name: bytes | None = None
    pax: dict[str, bytes] = {}
    while zeros < _PADDING:
        header = read(at, BLOCK)
        if len(header) < BLOCK:
            if zeros and not header:
                return
            raise CorruptArchive(
                "truncated", f"the archive breaks off at byte {at:,}, before its end mark"
            )
        if header[0] == 0 and header == _ZERO:
            zeros, at = zeros + 1, at + BLOCK
            continue
        if not _is_header(header):
            if zeros >= 2:
                return  # the end mark has been seen; what follows is not of this archive
            raise CorruptArchive(
                "damaged",
                f"there is no member header at byte {at:,}" if at else "this is no tar archive",
            )
        zeros = 0
        kind, size = header[156:157], _number(header[124:136])
        data = at + BLOCK
        if kind in _EXTENDED:
            if size > _LONG:
                raise CorruptArchive(
                    "damaged", f"an extended header at byte {at:,} claims {size:,} bytes"
                )
            text = read(data, size)
            if kind == b"L":
                long_name = text.rstrip(b"\0")
            elif kind == b"x":
                pax = _records(text)
            at = data + -(-size // BLOCK) * BLOCK
            continue
        size = int(pax.get("size", size))
        if size >= _ABSURD:
            raise CorruptArchive("damaged", f"the member at byte {at:,} claims {size:,} bytes")
        name = pax.get("path") or long_name or _name(header)
        _take(index, kind, name, data, size, "GNU.sparse.major" in pax or "GNU.sparse.size" in pax)
        long_name, pax = None, {}
        at = data if kind in _BODILESS else data + -(-size // BLOCK) * BLOCK


def _take(index: MemberIndex, kind: bytes, raw: bytes, data: int, size: int, sparse: bool) -> None:
    try:
        name = raw.decode()
    except UnicodeDecodeError:
        index.refuse(raw.decode("utf-8", "backslashreplace"), "not UTF-8")
        return
    if kind in _FOLDER or (kind in _PLAIN and name.endswith("/")):
        return
    if kind in _PLAIN and not sparse:
        index.add(name, data, size)
    elif kind in _LINKS:
        index.refuse(name, "link")
    else:
        index.refuse(
            name, "special", "a sparse file" if sparse else _SPECIAL.get(kind, "of an unknown kind")
        )


def _is_header(header: bytes) -> bool:
    """Return True if the checksum is correct: the sum of all bytes, with its own eight bytes
    counted as spaces."""
    try:
        claimed = _number(header[148:156])
    except CorruptArchive:
        return False
    return claimed == sum(header) - sum(header[148:156]) + 256


def _number(field: bytes) -> int:
    """An octal number, or a binary one where the first bit is set (GNU, for what octal digits
    cannot hold)."""
    if field[0] & 0x80:
        return int.from_bytes(field, "big") & ~(1 << (8 * len(field) - 1))
    text = field.strip(b" \0")
    if not text:
        return 0
    if not _OCTAL.issuperset(
        text
    ):  # int() takes a sign, which would lead back in the file for ever
        raise CorruptArchive("damaged", "a member header has an invalid number")
    return int(text, 8)


def _name(header: bytes) -> bytes:
    name = header[:100].partition(b"\0")[0]
    prefix = header[345:500].partition(b"\0")[0] if header[257:263] == b"ustar\0" else b""
    return prefix + b"/" + name if prefix else name


def _records(text: bytes) -> dict[str, bytes]:
    """The records `length key=value\\n` of a pax header."""
    found: dict[str, bytes] = {}
    at, end = 0, len(text.rstrip(b"\0"))
    while at < end:
        space = text.find(b" ", at, at + _DIGITS + 1)
        length = _decimal(text[at : max(space, at)])
        key, equals, value = text[space + 1 : at + length - 1].partition(b"=")
        if not equals or not space - at < length <= len(text) - at:
            raise CorruptArchive("damaged", "a pax header has an invalid length or keyword")
        if key == b"size":
            _decimal(value)
        found[key.decode("utf-8", "replace")] = value
        at += length
    return found


def _decimal(text: bytes) -> int:
    if not text.isdigit() or len(text) > _DIGITS:
        raise CorruptArchive("damaged", "a pax header has an invalid length or keyword")
    return int(text)
