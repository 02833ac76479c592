"""Folders that gprplus owns: marked before anything is written, cleared only where they are marked.

A folder is marked by the file `.gprplus`, written first and removed last. It holds one line of
fixed length, the kind of folder and its state, and serves as the lock of whoever writes there.
Nothing is removed unless a marked folder holds it, and no symbolic link inside a marked folder is
followed for writing or removing.
"""

import errno
import os
import re
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from gprplus.core.errors import GprplusError, next_step
from gprplus.core.files.safe_names import refuse_address

MARKER = ".gprplus"
TEMPORARY = re.compile(
    r"\..+\.\d+\.part", re.DOTALL
)  # names that `atomic.replacing` gives to unfinished files
_WIDTH = 48  # bytes of the marker: one write changes the whole state
_IN_USE, _EMPTYING = "in use", "emptying"


@contextmanager
def hold_folder(
    folder: Path,
    kind: str,
    error: type[GprplusError],
    *,
    adopt: bool = False,
    wait: bool = False,
) -> Iterator[Path]:
    """Mark `folder` as one of `kind`, hold its lock while the block runs, and yield its real path.

    A folder that was being cleared when the process died is cleared first. Where a file system has
    no locks, none is held.

    Args:
        folder: created if need be; a symbolic link is followed, since the user gave it.
        kind: such as "renders"; `clear_output` accepts no other.
        error: class of the errors raised.
        adopt: mark a folder that holds other files too, for callers that never clear it or know its
            contents.
        wait: wait while another process works in the folder.

    Raises:
        error: the folder holds files that gprplus did not write, another process works in it, or it
            cannot be written.
    """
    real = claim_folder(folder, kind, error, adopt=adopt)
    with _open_marker(real, error) as file:
        _lock(file, folder, error, wait)
        if _read(real)[1] == _EMPTYING:
            _empty(real)
            _write(real, kind, _IN_USE)
        yield real


def claim_folder(
    folder: Path, kind: str, error: type[GprplusError], *, adopt: bool = False
) -> Path:
    """Create and mark `folder` without holding it; return its real path. Arguments and errors as
    for `hold_folder`."""
    refuse_address(folder, error)
    real = Path(os.path.realpath(folder))
    if real.exists() and not real.is_dir():
        raise error(f"{folder} is a file; a folder was expected. Give another one with -o.")
    try:
        real.mkdir(parents=True, exist_ok=True)
        if is_owned(real):
            had = _read(real)[0]
            if had not in ("", kind) and not adopt:
                raise error(f"{folder} holds {had}, not {kind}. Give another folder with -o.")
            if not had:
                _write(real, kind, _IN_USE)
        elif adopt or is_free(real):
            _write(real, kind, _IN_USE)
        else:
            raise error(
                f"{folder} already holds other files (no file {MARKER} marks it as made by"
                " gprplus). Give an empty or new folder with -o."
            )
    except GprplusError:
        raise
    except OSError as failed:
        raise error(
            f"{folder} cannot be written to: {failed.strerror}. {next_step(failed)}".rstrip()
        ) from failed
    return real


def is_owned(folder: Path) -> bool:
    """Return True if the folder is marked as made by gprplus."""
    try:
        return stat.S_ISREG(os.lstat(folder / MARKER).st_mode)
    except OSError:
        return False


def is_held(folder: Path) -> bool:
    """Return True if another process holds the lock of a marked folder."""
    import fcntl

    try:
        with (folder / MARKER).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as refused:
        return refused.errno in (errno.EAGAIN, errno.EACCES)
    return False


def clear_output(folder: Path, kind: str, error: type[GprplusError]) -> None:
    """Remove everything in a marked folder of `kind`, but not the folder and its mark.

    If the process is killed in between, the mark records it, and the next `hold_folder` continues.
    Raises `error` if the folder is not marked.
    """
    real = Path(os.path.realpath(folder))
    if not real.exists():
        return
    if not is_owned(real) or _read(real)[0] not in ("", kind):
        raise error(
            f"{folder} is not marked as {kind} that gprplus made (it has no file {MARKER} that"
            " states so), so it is not emptied. Delete it yourself, or give another folder"
            " with -o."
        )
    _write(real, kind, _EMPTYING)
    _empty(real)
    _write(real, kind, _IN_USE)


def remove_output(path: Path) -> None:
    """Remove a file or folder that a marked folder holds, or a marked folder itself; nothing where
    there is none.

    A symbolic link is removed, never what it points to. Raises GprplusError for anything else.
    """
    path = Path(os.path.abspath(path))
    if not os.path.lexists(path):
        return
    refuse_links(path)
    if not (is_owned(path) or any(is_owned(parent) for parent in path.parents)):
        raise GprplusError(
            f"{path} is not in a folder that gprplus made, so it is not removed. Delete it"
            " yourself."
        )
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    if is_owned(path):
        _write(path, _read(path)[0], _EMPTYING)
        _empty(path)
        (path / MARKER).unlink(missing_ok=True)
        path.rmdir()
    else:
        shutil.rmtree(path, ignore_errors=True)


def refuse_links(path: Path) -> None:
    """Raise GprplusError if there is a symbolic link between `path` and the marked folder that
    contains it."""
    link = None
    for folder in Path(os.path.abspath(path)).parents:
        if is_owned(folder):
            if link is not None:
                raise GprplusError(
                    f"{link} is a symbolic link inside a folder that gprplus made, and is not"
                    " followed. Remove the link and run the command again."
                )
            if not folder.is_symlink():
                return
        if folder.is_symlink():
            link = folder


def discard_if_empty(folder: Path) -> None:
    """Remove a marked folder that holds nothing but its mark."""
    with suppress(OSError):
        if is_owned(folder) and is_free(folder):
            (folder / MARKER).unlink()
            folder.rmdir()


def _open_marker(folder: Path, error: type[GprplusError]) -> IO[bytes]:
    try:
        return os.fdopen(os.open(folder / MARKER, os.O_RDWR | os.O_NOFOLLOW), "r+b")
    except OSError as failed:
        raise error(
            f"{folder} cannot be written to: {failed.strerror}. {next_step(failed)}".rstrip()
        ) from failed


def _lock(file: IO[bytes], folder: Path, error: type[GprplusError], wait: bool) -> None:
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError as refused:
        if refused.errno in (errno.EAGAIN, errno.EACCES):
            raise error(
                f"Another gprplus is writing to {folder}. Wait for it, or give another folder"
                " with -o."
            ) from None


def is_free(folder: Path) -> bool:
    """Return True if the folder contains only a mark and temporary files of dead writers."""
    with os.scandir(folder) as entries:
        return all(entry.name == MARKER or TEMPORARY.fullmatch(entry.name) for entry in entries)


def _empty(folder: Path) -> None:
    with os.scandir(folder) as entries:
        found = list(entries)
    for entry in found:
        if entry.name == MARKER:
            continue
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        else:
            os.unlink(entry.path)


def _read(folder: Path) -> tuple[str, str]:
    """(kind, state) of a marked folder; ("", in use) where the marker was being written when the
    process died."""
    try:
        kind, _, state = (
            (folder / MARKER).read_bytes()[:_WIDTH].decode("ascii").strip().partition(": ")
        )
    except (OSError, UnicodeDecodeError):
        return "", _IN_USE
    return kind, state


def _write(folder: Path, kind: str, state: str) -> None:
    line = f"{kind}: {state}".ljust(_WIDTH - 1) + "\n"
    descriptor = os.open(folder / MARKER, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    try:
        os.write(descriptor, line.encode("ascii"))
    finally:
        os.close(descriptor)
