"""Tell a file from another one of the same name."""

import os
from pathlib import Path

Signature = tuple[int, int, int] | None


def signature(file: Path | int) -> Signature:
    """(inode, size in bytes, modification time in ns) of a path or an open descriptor; None where there is no file."""
    try:
        found = os.stat(file)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
