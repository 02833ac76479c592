"""Which files lie under a root: names only, no file opened.

Names beginning with `_` or `.` are skipped with all that is under them (masks, boxes, ghosts of archives), and so are
what a file browser leaves behind and what a layout says to ignore. Folders come sorted, and so do the names inside
them: nothing downstream depends on the order of a directory.
"""

import os
import stat
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gprplus.errors import LayoutError

# What belongs to a folder of renders without being a render, and what file browsers leave behind.
BESIDE = frozenset({"renders.json", "identities.csv", "thumbs.db", "desktop.ini"})

Place = tuple[int, int]  # device and inode: what a folder is, however it was reached


@dataclass(frozen=True)
class Folder:
    """The files of one folder: its path below the root ("" for the root itself) and its names, joined by NUL to stay
    small in memory.

    `sizes` and `mtimes` (int64 arrays aligned with the names) stand only where the scan was asked to look; a size of -1
    is a file that cannot be looked at.
    """

    path: str
    joined: str
    sizes: array | None = None
    mtimes: array | None = None

    @property
    def names(self) -> list[str]:
        """The file names, sorted."""
        return self.joined.split("\0") if self.joined else []

    def __len__(self) -> int:
        return self.joined.count("\0") + 1 if self.joined else 0


@dataclass(frozen=True)
class Refused:
    """Something under the root that cannot be an image: its path, the reason in one word, and a sentence."""

    path: str
    reason: str
    detail: str


@dataclass(frozen=True)
class Listing:
    """Everything found under one root. `ignored` counts the files that the rules above leave aside."""

    root: Path
    folders: list[Folder]
    refused: list[Refused]
    ignored: int

    def __len__(self) -> int:
        return sum(len(folder) for folder in self.folders)

    def paths(self) -> Iterator[str]:
        """Every file's path below the root, in order."""
        for folder in self.folders:
            yield from paths(folder.path, folder.names)


def paths(folder: str, names: list[str]) -> list[str]:
    """Names with their folder before them."""
    return [f"{folder}/{name}" for name in names] if folder else names


def list_files(root: Path, ignore: tuple[str, ...] = (), *, look: bool = False) -> Listing:
    """List the files under `root`; with `look`, their sizes and modification times too. Raises LayoutError when it is
    no folder.

    Links to folders are followed, except into a folder they lie in.
    """
    if not root.exists():
        raise LayoutError(f"There is no folder {root}.")
    if not root.is_dir():
        raise LayoutError(f"{root} is a file; a folder of renders was expected.")
    skipped = BESIDE | {name.lower() for name in ignore}
    folders: list[Folder] = []
    refused: list[Refused] = []
    ignored = 0
    waiting: list[tuple[str, tuple[Place, ...]]] = [("", (_place(root),))]
    while waiting:
        path, ancestors = waiting.pop()
        try:
            entries = list(os.scandir(root / path))
        except OSError as error:
            if not path:
                raise LayoutError(f"{root} cannot be read: {error.strerror}.") from error
            refused.append(Refused(path, "unreadable", f"the folder cannot be read: {error.strerror}."))
            continue
        kept = [entry for entry in entries if entry.name[0] not in "_." and entry.name.lower() not in skipped]
        ignored += sum(entry.name.lower() in skipped for entry in entries)
        files, inner = _sorted(kept, path, ancestors, refused)
        if files:
            folders.append(_folder(path, files, look))
        waiting += inner
    folders.sort(key=lambda folder: folder.path)
    return Listing(root, folders, sorted(refused, key=lambda item: item.path), ignored)


def _sorted(
    entries: "list[os.DirEntry[str]]", path: str, ancestors: tuple[Place, ...], refused: list[Refused]
) -> "tuple[list[os.DirEntry[str]], list[tuple[str, tuple[Place, ...]]]]":
    """Entries as (files, folders still to be listed); what is neither, and what Unicode cannot name, is refused."""
    files, inner = [], []
    for entry in entries:
        below = f"{path}/{entry.name}" if path else entry.name
        if not below.isascii() and not _is_text(below):
            shown = os.fsencode(below).decode("utf-8", "backslashreplace")
            refused.append(Refused(shown, "name", "the name is not valid UTF-8."))
        elif entry.is_dir():
            place = _place(entry) if entry.is_symlink() else None
            if place and place in ancestors:
                refused.append(Refused(below, "link", "a link to a folder that it lies in."))
            else:
                inner.append((below, (*ancestors, place or _place(entry))))
        elif entry.is_file():
            files.append(entry)
        else:
            what = "a link that leads nowhere" if entry.is_symlink() else "neither a file nor a folder"
            refused.append(Refused(below, "unreadable", f"{what}."))
    return files, inner


def _place(path: "Path | os.DirEntry[str]") -> Place:
    found = os.stat(path)
    return found.st_dev, found.st_ino


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _folder(path: str, files: "list[os.DirEntry[str]]", look: bool) -> Folder:
    files.sort(key=lambda entry: entry.name)
    joined = "\0".join([entry.name for entry in files])
    if not look:
        return Folder(path, joined)
    sizes, mtimes = array("q"), array("q")
    for entry in files:
        size, mtime = _look(entry)
        sizes.append(size)
        mtimes.append(mtime)
    return Folder(path, joined, sizes, mtimes)


def _look(entry: "os.DirEntry[str]") -> tuple[int, int]:
    try:
        found = entry.stat()
    except OSError:
        return -1, -1
    return (found.st_size, found.st_mtime_ns) if stat.S_ISREG(found.st_mode) else (-1, -1)
