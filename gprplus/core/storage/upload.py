"""Results in object storage: written into a local folder first, and uploaded when they are complete.

The record of a result is uploaded last, so that what is half there is never taken for whole. A mark,
which is uploaded first, distinguishes a folder of ours from one with other objects. Object storage
has no locks: a note with a number of the writer, which is removed at the end, shows each of two
writers that the other one was there, and then no record stays.
"""

import json
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gprplus.core.errors import GprplusError
from gprplus.core.storage.client import (
    delete_objects,
    is_object,
    list_objects,
    map_readers,
    read_object,
    write_object,
)

MARK = ".gprplus"  # as in local folders
WRITER = ".gprplus-writer"


@contextmanager
def uploaded_folder(place: Path, last: str) -> Iterator[Path]:
    """Yield a new local folder; when the block ends well, upload its files below the address
    `place`, the file `last` as the last one.

    Objects of the same names are replaced. Raises StorageError.
    """
    with temporary_folder() as folder:
        yield folder
        for name in upload_order(folder, last):
            write_object(f"{place}/{name}", folder / name)


@contextmanager
def replaced_folder(
    place: Path, record: str, kind: str, error: type[GprplusError]
) -> Iterator[Path]:
    """`uploaded_folder` for an address that holds one result and nothing else: what was there is
    removed. `record` is the file that is uploaded last.

    Raises `error` where other objects are there, without the mark of a result of this `kind`, or
    where another command writes at the same time.
    """
    mark, there = f"{place}/{MARK}", _below(place)
    if there and (not is_object(mark) or read_object(mark).decode("utf-8", "replace") != kind):
        raise error(
            f"{place} already holds other objects (no object {MARK} marks it as {kind}). Give an"
            " empty or new folder with -o."
        )
    with temporary_folder() as folder:
        yield folder
        names = [name for name in upload_order(folder, record) if name != MARK]
        (folder / MARK).write_text(kind, encoding="utf-8")
        write_object(mark, folder / MARK)
        note = _write_note(place, folder)
        delete_objects([f"{place}/{name}" for name in there if name == record])
        for _ in map_readers(
            lambda name: write_object(f"{place}/{name}", folder / name), names[:-1]
        ):
            pass
        gone = there - {*names, MARK, WRITER}
        delete_objects([f"{place}/{name}" for name in sorted(gone)])
        _check_note(place, note, record, error)
        write_object(f"{place}/{record}", folder / record)
        _check_note(place, note, record, error)
        delete_objects([f"{place}/{WRITER}"])


def _write_note(place: Path, folder: Path) -> bytes:
    """Upload the note of a new writer, and return it."""
    note = secrets.token_hex(16)
    with tempfile.NamedTemporaryFile(dir=folder.parent, prefix=folder.name) as file:
        file.write(note.encode())
        file.flush()
        write_object(f"{place}/{WRITER}", Path(file.name))
    return note.encode()


def _check_note(place: Path, note: bytes, record: str, error: type[GprplusError]) -> None:
    """Raise `error` if the note is not ours any more. The record and the note are removed, so that
    the files are not taken for a complete export, and the other writer fails too."""
    try:
        found = read_object(f"{place}/{WRITER}")
    except FileNotFoundError:
        found = b""
    if found != note:
        delete_objects([f"{place}/{record}", f"{place}/{WRITER}"])
        raise error(
            f"Another command wrote to {place} at the same time, and its objects may be mixed with"
            " these. Run one of the commands again, or give another place with -o."
        )


def recorded_request(place: Path, record: str) -> Mapping[str, Any]:
    """The JSON record of a result at an address; empty where there is none that can be read."""
    try:
        found = json.loads(read_object(f"{place}/{record}"))
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def upload_order(folder: Path, last: str) -> list[str]:
    """The files below a folder as relative paths, sorted, with `last` at the end."""
    files = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(files, key=lambda name: (name == last, name))


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Yield a new folder in $TMPDIR, which is removed at the end."""
    folder = Path(tempfile.gettempdir()) / f"gprplus-{secrets.token_hex(8)}"
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _below(place: Path) -> set[str]:
    return {state.path for state in list_objects(str(place), every=True)}
