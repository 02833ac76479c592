"""Listing of the files that a table names: only their folders are read, and only below the root."""

import os
from array import array
from collections.abc import Iterable
from pathlib import Path

from gprplus.archives import is_archive
from gprplus.core.errors import LayoutError
from gprplus.core.files.signatures import mtime_ns
from gprplus.core.storage.address import is_address
from gprplus.ingest.files.archive_members import list_images
from gprplus.ingest.files.listing import FolderState, Listing, RefusedPath, listing_paths

ABSENT, OUTSIDE = "missing", "outside"
_LINK = "is a link that leads outside {root}; give --root with a folder that holds both."


def list_named_files(root: Path, paths: Iterable[str], *, look: bool = False) -> Listing:
    """List files below `root` by their relative POSIX paths; with `look`, also their sizes and
    modification times. Raises LayoutError if `root` is no folder.

    A file that does not exist is refused, and so is one that a link takes outside the root.
    """
    if not root.is_dir() and not is_archive(root.name):
        raise LayoutError(f"There is no folder {root} to read the files of the table from.")
    by_folder: dict[str, list[str]] = {}
    for path in paths:
        folder, _, name = path.rpartition("/")
        by_folder.setdefault(folder, []).append(name)
    if (
        is_address(root)
        or root.is_file()
        or any(is_archive(part) for path in by_folder for part in path.split("/"))
    ):
        return _among(list_images(root, look=look), by_folder)
    refused: list[RefusedPath] = []
    real = os.path.realpath(root)
    found = [
        _folder(root, real, path, by_folder[path], look, refused) for path in sorted(by_folder)
    ]
    refused.sort(key=lambda item: item.path)
    return Listing(root, [folder for folder in found if len(folder)], refused, 0)


def _folder(
    root: Path, real: str, path: str, names: list[str], look: bool, refused: list[RefusedPath]
) -> FolderState:
    """The named files of one folder that exist; the others are added to `refused`."""
    place = os.path.join(root, path)
    there: dict[str, os.DirEntry[str]] = {}
    if not _is_inside(place, real):
        refused += [_refused(path, name, OUTSIDE, _LINK.format(root=root)) for name in names]
        return FolderState(path, "")
    try:
        wanted = set(names)
        with os.scandir(place) as entries:
            there = {entry.name: entry for entry in entries if entry.name in wanted}
    except OSError:
        pass  # a folder that does not exist has none of its files
    kept: list[os.DirEntry[str]] = []
    for name in sorted(names):
        entry = there.get(name)
        if entry is None or not _is_file(entry):
            why = "the table names it, and there is no such file."
            refused.append(_refused(path, name, ABSENT, why))
        elif entry.is_symlink() and not _is_inside(entry.path, real):
            refused.append(_refused(path, name, OUTSIDE, _LINK.format(root=root)))
        else:
            kept.append(entry)
    joined = "\0".join([entry.name for entry in kept])
    if not look:
        return FolderState(path, joined)
    states = [entry.stat() for entry in kept]
    sizes, mtimes = array("q", [one.st_size for one in states]), array("q", map(mtime_ns, states))
    return FolderState(path, joined, sizes, mtimes)


def _refused(folder: str, name: str, reason: str, detail: str) -> RefusedPath:
    return RefusedPath(f"{folder}/{name}" if folder else name, reason, detail)


def _is_file(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link in a circle
        return False


def _is_inside(place: str, real: str) -> bool:
    found = os.path.realpath(place)
    return found == real or found.startswith(real.rstrip(os.sep) + os.sep)


def _among(listing: Listing, by_folder: dict[str, list[str]]) -> Listing:
    """A listing with archives, without the files that are not named."""
    from dataclasses import replace

    folders, refused = [], [item for item in listing.refused if _named(item.path, by_folder)]
    left = {folder: set(names) for folder, names in by_folder.items()}
    for folder in listing.folders:
        wanted = left.get(folder.path, set())
        places = [i for i, name in enumerate(folder.names) if name in wanted]
        names = [folder.names[i] for i in places]
        wanted -= set(names)
        if names:
            sizes, mtimes = (
                one and array("q", [one[i] for i in places])
                for one in (folder.sizes, folder.mtimes)
            )
            folders.append(FolderState(folder.path, "\0".join(names), sizes, mtimes))
    known = {item.path for item in refused}
    for path, names_left in left.items():
        for name in listing_paths(path, sorted(names_left)):
            if name not in known:
                why = "the table names it, and there is no such file."
                refused.append(RefusedPath(name, ABSENT, why))
    refused.sort(key=lambda item: item.path)
    return replace(listing, folders=folders, refused=refused, ignored=0)


def _named(path: str, by_folder: dict[str, list[str]]) -> bool:
    folder, _, name = path.rpartition("/")
    return name in by_folder.get(folder, ())
