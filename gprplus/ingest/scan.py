"""Which files lie under a root: names only, no file opened.

Names beginning with `_` or `.` are skipped with all that is under them (masks, boxes, ghosts of archives), and so are
what a file browser leaves behind and what a layout says to ignore. Folders come sorted, and so do the names inside
them: nothing downstream depends on the order of a directory.
"""

import os
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path

from gprplus.errors import LayoutError
from gprplus.ingest.views import Views

# What belongs to a folder of renders without being a render, and what file browsers leave behind.
BESIDE = frozenset({"renders.json", "identities.csv", "thumbs.db", "desktop.ini"})

UNREAD = "unreadable folder"  # the one reason that stands for more files than its own row

_HIDDEN = frozenset("_.")
_NAME = attrgetter("name")

Entry = os.DirEntry[str]
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
    """Everything found under one root. `ignored` counts the files that the rules above leave aside.

    Where there are archives (members.py): `archives` has size, mtime and ignored members of each by its path ("" is the
    root), and `views` is how a layout may see their members.
    """

    root: Path
    folders: list[Folder]
    refused: list[Refused]
    ignored: int
    archives: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    views: Views | None = None

    def __len__(self) -> int:
        return sum(len(folder) for folder in self.folders)

    def paths(self, step: int = 1) -> Iterator[str]:
        """Every file's path below the root, in order; with a `step`, each step-th of them."""
        before = 0
        for folder in self.folders:
            yield from paths(folder.path, folder.names[-before % step :: step])
            before += len(folder)


def seal(listing: Listing, sizes: bytes, mtimes: bytes) -> str:
    """XXH3-128 (hex) of every path, size and modification time: equal ones mean that nothing has changed.

    Sizes and times are int64 in the order of the listing, as they were when the files were read.
    """
    from xxhash import xxh3_128

    state = xxh3_128()
    for folder in listing.folders:
        state.update(f"{folder.path}\0{folder.joined}\0\0".encode())
    state.update(sizes)
    state.update(mtimes)
    return state.hexdigest()


def seal_now(listing: Listing) -> str | None:
    """The seal of a listing that looked; None for one that did not."""
    looked = [folder for folder in listing.folders if folder.sizes is not None and folder.mtimes is not None]
    if len(looked) < len(listing.folders):
        return None
    sizes = b"".join([folder.sizes.tobytes() for folder in looked])  # type: ignore[union-attr]
    mtimes = b"".join([folder.mtimes.tobytes() for folder in looked])  # type: ignore[union-attr]
    return seal(listing, sizes, mtimes)


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
            place = os.open(root / path, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            if not path:
                raise LayoutError(f"{root} cannot be read: {error.strerror}.") from error
            refused.append(Refused(path, UNREAD, f"{error.strerror}; how many files are in it is not known."))
            continue
        try:
            entries = list(os.scandir(place))  # from an open folder, so that a look at an entry walks no path
            files, others = _sorted(entries, skipped)
            if len(files) + len(others) < len(entries):
                ignored += len(entries) - len(files) - len(others) - _hidden(entries)
            for entry in others:
                _follow(entry, _below(path, entry.name), ancestors, waiting, refused)
            files = _named(files, path, refused)
            if files:
                folders.append(_folder(path, files, look))
        finally:
            os.close(place)
    folders.sort(key=lambda folder: folder.path)
    return Listing(root, folders, sorted(refused, key=lambda item: item.path), ignored)


def _sorted(entries: list[Entry], skipped: frozenset[str]) -> tuple[list[Entry], list[Entry]]:
    """Entries as (files, everything else), less what is skipped. At 475,104 names each look costs 0.1 s."""
    names = [entry.name for entry in entries]
    if not _HIDDEN.isdisjoint([name[0] for name in names]) or not skipped.isdisjoint(map(str.lower, names)):
        entries = [entry for entry in entries if entry.name[0] not in _HIDDEN and entry.name.lower() not in skipped]
    try:
        files = [entry for entry in entries if entry.is_file()]
    except OSError:  # a link in a circle, or into a folder that may not be read
        files = [entry for entry in entries if _is_file(entry)]
    return files, [] if len(files) == len(entries) else [entry for entry in entries if not _is_file(entry)]


def _is_file(entry: Entry) -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False


def _hidden(entries: list[Entry]) -> int:
    return sum(entry.name[0] in _HIDDEN for entry in entries)


def _below(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name


def _follow(
    entry: Entry,
    below: str,
    ancestors: tuple[Place, ...],
    waiting: list[tuple[str, tuple[Place, ...]]],
    refused: list[Refused],
) -> None:
    """Let a folder wait for its turn; refuse what is neither file nor folder, and links that run in circles."""
    try:
        place = _place(entry) if entry.is_dir() else None
    except OSError as error:
        refused.append(Refused(_shown(below), "unreadable", f"what it links to cannot be reached: {error.strerror}."))
        return
    if place is None:
        what = "a link that leads nowhere" if entry.is_symlink() else "neither a file nor a folder"
        refused.append(Refused(_shown(below), "unreadable", f"{what}."))
    elif place in ancestors:
        refused.append(Refused(_shown(below), "link", "a link to a folder that it lies in."))
    elif not _is_text(entry.name):
        refused.append(Refused(_shown(below), "name", "the name is not valid UTF-8."))
    else:
        waiting.append((below, (*ancestors, place)))


def _named(files: list[Entry], path: str, refused: list[Refused]) -> list[Entry]:
    """The files whose names Unicode can write; the others are refused."""
    if _is_text("".join([entry.name for entry in files])):
        return files
    for entry in files:
        if not _is_text(entry.name):
            refused.append(Refused(_shown(_below(path, entry.name)), "name", "the name is not valid UTF-8."))
    return [entry for entry in files if _is_text(entry.name)]


def _shown(path: str) -> str:
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _place(path: Path | Entry) -> Place:
    found = path.stat()
    return found.st_dev, found.st_ino


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _folder(path: str, files: list[Entry], look: bool) -> Folder:
    files.sort(key=_NAME)
    joined = "\0".join([entry.name for entry in files])
    if not look:
        return Folder(path, joined)
    try:
        found = [entry.stat() for entry in files]
        looked = [one.st_size for one in found], [one.st_mtime_ns for one in found]
    except OSError:
        looked = [_look(entry)[0] for entry in files], [_look(entry)[1] for entry in files]
    return Folder(path, joined, array("q", looked[0]), array("q", looked[1]))


def _look(entry: Entry) -> tuple[int, int]:
    """Size and modification time; -1 for a file that went meanwhile."""
    try:
        found = entry.stat()
    except OSError:
        return -1, -1
    return found.st_size, found.st_mtime_ns
