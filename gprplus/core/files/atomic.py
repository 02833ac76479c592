"""Atomic file writes: a file is written under a temporary name, then renamed.

A temporary file is locked by its writer, so that a later run can detect and remove the file of a
dead writer.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, cast

from gprplus.core.errors import GprplusError, next_step, system_error
from gprplus.core.files.folders import TEMPORARY, refuse_links
from gprplus.core.files.safe_names import refuse_address

_swept: set[Path] = set()  # folders that this process has looked through


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path next to `path`; rename it over `path` when the block ends well, else
    remove it.

    The temporary name is unique to the process, so two processes that write the same file do not
    mix. The first write into a folder removes the temporary files that dead processes left there.
    Raises GprplusError with the reason where the file cannot be written, or where a symbolic link
    leads out of a folder that gprplus made.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    refuse_address(path)
    refuse_links(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep_once(path.parent)
        held = _create(temporary)
        try:
            yield temporary
            os.replace(temporary, path)
        finally:
            os.close(held)
    except GprplusError:
        raise
    except Exception as error:
        refused = system_error(error)
        if refused is None:
            raise
        why = f"{refused.strerror or refused}. {next_step(refused)}".rstrip()
        raise GprplusError(f"{path} cannot be written: {why}") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def append_to(path: Path) -> BinaryIO:
    """Open a file for reading and appending, created if need be; GprplusError where a link would be
    followed."""
    return _open(path, "ab+", os.O_RDWR | os.O_APPEND | os.O_CREAT)


def write_new(path: Path) -> BinaryIO:
    """Open a file for writing from its start; GprplusError where a symbolic link would be
    followed."""
    return _open(path, "wb", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)


def write_in_place(path: Path, data: bytes, checked: set[Path]) -> None:
    """Write one of many files that nothing takes for whole until a record of all of them exists.

    No temporary name and no lock, so a kill leaves a part of a file. `checked` collects folders that
    exist and hold no link on the way to them; it spares their check for further files. Raises
    GprplusError as `atomic_write`.
    """
    try:
        if path.parent not in checked:
            refuse_address(path)
            refuse_links(path)
            path.parent.mkdir(parents=True, exist_ok=True)
            checked.add(path.parent)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
        with os.fdopen(os.open(path, flags, 0o666), "wb") as file:
            file.write(data)
    except OSError as error:
        raise _unwritable(path, error) from error


def _open(path: Path, mode: str, flags: int) -> BinaryIO:
    refuse_links(path)
    try:
        return cast(BinaryIO, os.fdopen(os.open(path, flags | os.O_NOFOLLOW, 0o666), mode))
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> GprplusError:
    why = f"{error.strerror or error}. {next_step(error)}".rstrip()
    return GprplusError(f"{path} cannot be written: {why}")


def remove_temporary(folder: Path) -> None:
    """Remove the temporary files in a folder whose writers died. Files in use, and other names,
    stay."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if TEMPORARY.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                _remove_if_dead(entry.path)


def _sweep_once(folder: Path) -> None:
    if folder not in _swept:
        _swept.add(folder)
        remove_temporary(folder)


def _create(temporary: Path) -> int:
    """Create the file and lock it; the lock ends with the process."""
    with suppress(FileNotFoundError):
        temporary.unlink()  # of an earlier process of this number
    while True:
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666)
        # Waits for a sweep that found the file before it was locked, which then removes it.
        _try_lock(descriptor, wait=True)
        if temporary.exists():
            return descriptor
        os.close(descriptor)


def _remove_if_dead(path: str) -> None:
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
        try:
            if _try_lock(descriptor):
                os.unlink(path)
        finally:
            os.close(descriptor)


def _try_lock(descriptor: int, *, wait: bool = False) -> bool:
    """Return True if the lock is held now, once it is free with `wait`; False also if the file
    system has no locks."""
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError as refused:
        if refused.errno not in (
            errno.EAGAIN,
            errno.EACCES,
            errno.ENOLCK,
            errno.ENOSYS,
            errno.EOPNOTSUPP,
        ):
            raise
        return False
    return True
