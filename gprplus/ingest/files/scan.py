"""Listing of the files under a root: names only, no file opened.

Names beginning with `_` or `.` are skipped with everything below them (masks, boxes, archive
metadata), and so are files of file browsers and files that a layout ignores. Folders are sorted,
and so are the names inside them: nothing downstream depends on the order of a directory.
"""

import os
from array import array
from operator import attrgetter
from pathlib import Path

from gprplus.archives import UNPACK, is_packed
from gprplus.core.errors import LayoutError
from gprplus.core.files.signatures import mtime_ns
from gprplus.ingest.files.listing import (
    OWN_HIDDEN,
    SIDECAR_NAMES,
    UNREAD,
    FolderState,
    HiddenFiles,
    Listing,
    RefusedPath,
    is_hidden_image,
)

_HIDDEN = frozenset("_.")
_NAME = attrgetter("name")
_LOOKED = 1000  # entries

Entry = os.DirEntry[str]
Place = tuple[int, int]  # device and inode: what a folder is, however it was reached


def list_files(root: Path, ignore: tuple[str, ...] = (), *, look: bool = False) -> Listing:
    """List the files under `root`; with `look`, also their sizes and modification times. Raises
    LayoutError if it is not a folder.

    Links to folders are followed, except to a parent folder.
    """
    if not root.exists():
        raise LayoutError(
            f"There is no folder {root}. Name one with renders, or draw some with `gprplus render`."
        )
    if not root.is_dir():
        if is_packed(root.name):
            raise LayoutError(f"{root} is an archive of a kind that is not read in place. {UNPACK}")
        raise LayoutError(f"{root} is a file; a folder of renders was expected.")
    skipped = SIDECAR_NAMES | {name.lower() for name in ignore}
    folders: list[FolderState] = []
    refused: list[RefusedPath] = []
    ignored, hidden = 0, HiddenFiles()
    waiting: list[tuple[str, tuple[Place, ...]]] = [("", (_place(root),))]
    while waiting:
        path, ancestors = waiting.pop()
        try:
            place = os.open(root / path, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            if not path:
                raise LayoutError(f"{root} cannot be read: {error.strerror}.") from error
            refused.append(
                RefusedPath(
                    path, UNREAD, f"{error.strerror}; how many files are in it is not known."
                )
            )
            continue
        try:
            entries = list(
                os.scandir(place)
            )  # from an open folder, so that a look at an entry walks no path
            files, others = _sorted(entries, skipped)
            if len(files) + len(others) < len(entries):
                ignored += (
                    len(entries)
                    - len(files)
                    - len(others)
                    - sum(entry.name[0] in _HIDDEN for entry in entries)
                )
                hidden += _hidden(entries, root, path)
            for entry in others:
                _follow(entry, _below(path, entry.name), ancestors, waiting, refused)
            files = _named(files, path, refused)
            if files:
                folders.append(_folder(path, files, look))
        finally:
            os.close(place)
    folders.sort(key=lambda folder: folder.path)
    return Listing(
        root, folders, sorted(refused, key=lambda item: item.path), ignored, hidden=hidden
    )


def _sorted(entries: list[Entry], skipped: frozenset[str]) -> tuple[list[Entry], list[Entry]]:
    """Entries as (files, everything else), less what is skipped. At 475,104 names each look costs
    0.1 s."""
    names = [entry.name for entry in entries]
    if not _HIDDEN.isdisjoint([name[0] for name in names]) or not skipped.isdisjoint(
        map(str.lower, names)
    ):
        entries = [
            entry
            for entry in entries
            if entry.name[0] not in _HIDDEN and entry.name.lower() not in skipped
        ]
    try:
        files = [entry for entry in entries if entry.is_file()]
    except OSError:  # a link in a circle, or into a folder that may not be read
        files = [entry for entry in entries if _is_file(entry)]
    return files, [] if len(files) == len(entries) else [
        entry for entry in entries if not _is_file(entry)
    ]


def _is_file(entry: Entry) -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False


def _hidden(entries: list[Entry], root: Path, folder: str) -> HiddenFiles:
    """Collect skipped images among the entries whose names begin with `_` or `.`."""
    found = [entry for entry in entries if entry.name[0] in _HIDDEN and _is_text(entry.name)]
    files = [entry.name for entry in found if is_hidden_image(entry.name) and _is_file(entry)]
    folders = [
        entry.name
        for entry in found
        if entry.name.lower() not in OWN_HIDDEN and entry.is_dir(follow_symlinks=False)
        if _holds_images(root / folder / entry.name)
    ]
    return HiddenFiles(
        len(files),
        len(folders),
        _below(folder, min((*files, *folders))) if files or folders else "",
    )


def _holds_images(folder: Path) -> bool:
    """Return True if one of the first entries below a hidden folder is an image; the folder can be
    large."""
    looked = 0
    for _, folders, names in os.walk(folder):
        if any(is_hidden_image(name) for name in names[:_LOOKED]):
            return True
        looked += len(folders) + len(names)
        if looked > _LOOKED:
            return False
    return False


def _below(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name


def _follow(
    entry: Entry,
    below: str,
    ancestors: tuple[Place, ...],
    waiting: list[tuple[str, tuple[Place, ...]]],
    refused: list[RefusedPath],
) -> None:
    """Let a folder wait for its turn; refuse what is neither file nor folder, and links that run in
    circles."""
    try:
        place = _place(entry) if entry.is_dir() else None
    except OSError as error:
        refused.append(
            RefusedPath(
                _shown(below),
                "unreadable",
                f"what it links to cannot be reached: {error.strerror}.",
            )
        )
        return
    if place is None:
        what = "a link that leads nowhere" if entry.is_symlink() else "neither a file nor a folder"
        refused.append(RefusedPath(_shown(below), "unreadable", f"{what}."))
    elif place in ancestors:
        refused.append(RefusedPath(_shown(below), "link", "a link to one of its parent folders."))
    elif not _is_text(entry.name):
        refused.append(RefusedPath(_shown(below), "name", "the name is not valid UTF-8."))
    else:
        waiting.append((below, (*ancestors, place)))


def _named(files: list[Entry], path: str, refused: list[RefusedPath]) -> list[Entry]:
    """The files whose names Unicode can write; the others are refused."""
    if _is_text("".join([entry.name for entry in files])):
        return files
    for entry in files:
        if not _is_text(entry.name):
            refused.append(
                RefusedPath(
                    _shown(_below(path, entry.name)), "name", "the name is not valid UTF-8."
                )
            )
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


def _folder(path: str, files: list[Entry], look: bool) -> FolderState:
    files.sort(key=_NAME)
    joined = "\0".join([entry.name for entry in files])
    if not look:
        return FolderState(path, joined)
    try:
        found = [entry.stat() for entry in files]
        looked = [one.st_size for one in found], list(map(mtime_ns, found))
    except OSError:
        looked = [_look(entry)[0] for entry in files], [_look(entry)[1] for entry in files]
    return FolderState(path, joined, array("q", looked[0]), array("q", looked[1]))


def _look(entry: Entry) -> tuple[int, int]:
    """Size and modification time; -1 for a file that went meanwhile."""
    try:
        found = entry.stat()
    except OSError:
        return -1, -1
    return found.st_size, mtime_ns(found)
