"""Names: which files are archives, where an address goes into one, and which members' names are
never taken."""

import os
import re

from gprplus.core.storage.address import is_address, split_address
from gprplus.core.storage.client import recent_state

SUFFIXES = (".tar", ".tar.gz", ".tgz", ".zip")
_PACKED = re.compile(
    r"\.(?:7z|rar|xz|txz|bz2|tbz2?|zst|tzst|lz4|lzma|lz|gz|z|cab|iso|z\d\d|r\d\d)(?:\.\d{3})?\Z",
    re.IGNORECASE,
)
UNPACK = f"Unpack it first: {', '.join(SUFFIXES[:-1])} and {SUFFIXES[-1]} are read in place."
_STREAMS = (".tar.gz", ".tgz")
_ENDS = re.compile(r"\.(?:tar\.gz|tar|tgz|zip)(?=/|$)", re.IGNORECASE)
_LONGEST = 2000  # characters of a member's name: with a folder before it, it stays below what systems take as a path
# Backslashes and NUL anywhere; a slash or a drive letter in front; an empty part, or one of dots
# alone.
_ODD = re.compile(r"[\\\0]|\A[A-Za-z]:|(?:\A|/)\.{0,2}(?:/|\Z)")


def is_archive(name: str) -> bool:
    """Return True if the name of a file has the extension of a readable archive.

    >>> is_archive("cam0.TAR"), is_archive("cam0.tar.gz"), is_archive("cam0.tar.jpg")
    (True, True, False)
    """
    return name.lower().endswith(SUFFIXES)


def is_packed(name: str) -> bool:
    """Return True if a file is an archive of an unsupported format, which has to be unpacked first.

    >>> is_packed("m.tar.xz"), is_packed("m.7z"), is_packed("m.zip"), is_packed("m.7z.001")
    (True, True, False, True)
    """
    return not is_archive(name) and _PACKED.search(name) is not None


def is_stream(name: str) -> bool:
    """Return True if the archive is one compressed stream, which is cheap to read only from front
    to back."""
    return name.lower().endswith(_STREAMS)


def locate(place: str) -> tuple[str, str] | None:
    """(archive, member) of an address that goes through an archive; None for any other.

    The first part of the path that is a file with an archive's name is the archive.
    """
    for found in _ENDS.finditer(place) if may_be_inside(place) else ():
        archive = place[: found.end()]
        if _is_file(archive):
            return archive, place[found.end() + 1 :]
    return None


def _is_file(place: str) -> bool:
    if not is_address(place):
        return os.path.isfile(place)
    try:
        return bool(split_address(place)[2]) and recent_state(place) is not None
    except FileNotFoundError:
        return False


def may_be_inside(place: str) -> bool:
    """Return True if `locate` could find something; a cheap check."""
    low = place.lower()
    return ".tar" in low or ".zip" in low or ".tgz" in low


def unsafe(name: str) -> bool:
    """Return True if the name of a member could lead out of its folder on some system, or names no
    file.

    >>> [unsafe(name) for name in ("0001/a.jpg", "../a.jpg", "/a.jpg", "C:/a.jpg", "a\\\\b.jpg", "a//b.jpg", "...jpg")]
    [False, True, True, True, True, True, False]
    """
    return _ODD.search(name) is not None or len(name) > _LONGEST
