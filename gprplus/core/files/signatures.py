"""Identify a file, to distinguish it from another one of the same name."""

import os
from pathlib import Path

_HALF = 2**63
Signature = tuple[int, int, int] | None


def file_signature(file: Path | int) -> Signature:
    """(inode, size in bytes, modification time in ns) of a path or an open descriptor; None where
    there is no file."""
    try:
        found = os.stat(file)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def mtime_ns(found: os.stat_result) -> int:
    """The modification time in ns as a signed 64-bit number; beyond the years 1677 to 2262 it wraps
    around.

    Times are compared, never shown, so a wrapped one serves as well.
    """
    time = found.st_mtime_ns
    return time if -_HALF <= time < _HALF else (time + _HALF) % (2 * _HALF) - _HALF
