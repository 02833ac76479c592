"""Archives among renders: their members as folders of a listing, and opening them.

An archive is read as a folder with its name (`cam0.tar/0001/a.jpg`), or is the root itself. Invalid
members are rejected one by one; names that the scan of a folder would skip are skipped here too.
"""

import re
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from pathlib import Path

from gprplus import archives
from gprplus.archives import is_archive
from gprplus.core.errors import LayoutError, escape
from gprplus.core.storage.address import is_address
from gprplus.core.storage.client import ObjectState, remember_state
from gprplus.ingest.files.archive_paths import ArchivePathVariants
from gprplus.ingest.files.listing import (
    SIDECAR_NAMES,
    FolderState,
    HiddenFiles,
    Listing,
    RefusedPath,
    is_hidden_image,
    listing_paths,
)
from gprplus.ingest.files.scan import list_files
from gprplus.ingest.files.scan_objects import list_stored_files

_HIDDEN = re.compile(r"(?:\A|/)[_.]")
_STREAM = re.compile(r".*?\.(?:tar\.gz|tgz)(?:/|\Z)", re.IGNORECASE)
_HINTS = (".tar", ".tgz", ".zip")


@dataclass(frozen=True)
class ArchiveContents:
    """The content of one archive in a listing: file names with their sizes, rejected members, the
    number of ignored ones, and hidden images.
    """

    names: list[str]
    sizes: array
    refused: list[RefusedPath]
    ignored: int
    hidden: HiddenFiles = field(default_factory=HiddenFiles)


Memory = Callable[
    [str, int, int], ArchiveContents | None
]  # path below the root, size, mtime of an archive


def list_images(
    root: Path, ignore: tuple[str, ...] = (), *, look: bool = False, memory: Memory | None = None
) -> Listing:
    """`list_files`, with the members of archives in the place of archives; `root` may be an archive
    itself.

    `memory` may know an unchanged archive from before, which is then not opened.
    """
    try:
        str(root.resolve()).encode()
    except UnicodeEncodeError:
        raise LayoutError(
            f"The path of {escape(str(root))} is not valid UTF-8, which no record can hold."
            " Rename it."
        ) from None
    if is_archive(root.name) and root.is_file():
        plain, found = Listing(root, [], [], 0), [""]
    else:
        listed = (
            list_stored_files(root, ignore)
            if is_address(root)
            else list_files(root, ignore, look=look)
        )
        plain, found = _archives_taken_out(listed)
    if not found:
        return plain
    skipped = SIDECAR_NAMES | {name.lower() for name in ignore}
    folders, refused = list(plain.folders), list(plain.refused)
    known: dict[str, tuple[int, int, int]] = {}
    hidden: dict[str, HiddenFiles] = {}
    for path in found:
        place = str(root / path) if path else str(root)
        size, mtime = archives.file_stat(place)
        contents = memory(path, size, mtime) if memory else None
        contents = contents or _contents(place, path, skipped)
        folders += _folders(path, contents, mtime)
        refused += contents.refused
        known[path] = (size, mtime, contents.ignored)
        if contents.hidden:
            hidden[path] = contents.hidden
    return replace(
        plain,
        folders=sorted(folders, key=lambda folder: folder.path),
        refused=sorted(refused, key=lambda item: item.path),
        ignored=plain.ignored + sum(ignored for *_, ignored in known.values()),
        archives=known,
        hidden=sum(hidden.values(), plain.hidden),
        hidden_members=hidden,
        views=(
            ArchivePathVariants()
            if "" not in known
            else ArchivePathVariants(root.name, _home(folders))
        ),
    )


def _archives_taken_out(listing: Listing) -> tuple[Listing, list[str]]:
    """The listing without the files that are archives, and their paths."""
    found: list[str] = []
    folders = []
    for folder in listing.folders:
        low = folder.joined.lower()
        if any(hint in low for hint in _HINTS):
            names = folder.names
            inside = [i for i, name in enumerate(names) if is_archive(name)]
            found += listing_paths(folder.path, [names[i] for i in inside])
            if is_address(listing.root):
                _remember(listing.root, folder, inside)
            folder = _without(folder, set(inside)) if inside else folder
        if folder.joined:
            folders.append(folder)
    return (replace(listing, folders=folders) if found else listing), found


def _remember(root: Path, folder: FolderState, archives_at: Sequence[int]) -> None:
    """Keep the states of archives from their listing, so that no request asks for them."""
    names = folder.names
    for i in archives_at:
        place = f"{root}/{_below(folder.path, names[i])}"
        size, mtime = (folder.sizes or [])[i], (folder.mtimes or [])[i]
        remember_state(place, ObjectState(place, size, mtime))


def _without(folder: FolderState, gone: set[int]) -> FolderState:
    def kept(values: array | None) -> array | None:
        return (
            None
            if values is None
            else array("q", [value for i, value in enumerate(values) if i not in gone])
        )

    names = [name for i, name in enumerate(folder.names) if i not in gone]
    return FolderState(folder.path, "\0".join(names), kept(folder.sizes), kept(folder.mtimes))


def _contents(place: str, path: str, skipped: frozenset[str]) -> ArchiveContents:
    """List the content of an archive. One that cannot be opened is rejected as a whole."""
    try:
        index = archives.open_archive(place).index
    except OSError as error:
        return ArchiveContents(
            [],
            array("q"),
            [RefusedPath(path or ".", "unreadable", f"the archive: {error.strerror}.")],
            0,
        )
    names, sizes, ignored, missed = [], array("q"), 0, []
    for name, size in zip(index.names, index.sizes, strict=True):
        if _HIDDEN.search(name):
            if is_hidden_image(name):
                missed.append(_below(path, name))
            continue
        if skipped.isdisjoint(name.lower().split("/")):
            names.append(name)
            sizes.append(size)
        else:
            ignored += 1
    refused = [
        RefusedPath(_below(path, item.name) or ".", item.reason, item.detail)
        for item in index.refused
        if item.reason == "unsafe" or not _HIDDEN.search(item.name)
    ]
    return ArchiveContents(
        names, sizes, refused, ignored, HiddenFiles(len(missed), 0, min(missed, default=""))
    )


def _below(path: str, name: str) -> str:
    return f"{path}/{name}" if path and name else path or name


def _folders(path: str, contents: ArchiveContents, mtime: int) -> list[FolderState]:
    """The members of one archive by folder, sorted. A member changes when its archive does."""
    by_folder: dict[str, list[tuple[str, int]]] = {}
    for name, size in zip(contents.names, contents.sizes, strict=True):
        folder, _, last = name.rpartition("/")
        by_folder.setdefault(folder, []).append((last, size))
    folders = []
    for folder, files in by_folder.items():
        files.sort()
        joined = "\0".join([name for name, _ in files])
        sizes = array("q", [size for _, size in files])
        folders.append(
            FolderState(_below(path, folder), joined, sizes, array("q", [mtime]) * len(files))
        )
    return folders


def _home(folders: Sequence[FolderState]) -> str:
    """The folder that holds all others, "" for none."""
    parts = [folder.path.split("/") for folder in folders]
    alike = takewhile(lambda level: len(set(level)) == 1, zip(*parts, strict=False))
    return "/".join(level[0] for level in alike)


def sidecar_path(listing: Listing, name: str) -> Path:
    """Return the path of a sidecar file: in the root, or in the folder inside an archive."""
    levels = listing.views.levels() if listing.views else [""]
    places = [listing.root / level / name for level in levels]
    return (
        next((place for place in places if archives.exists(place)), places[0])
        if len(places) > 1
        else places[0]
    )


def is_stream_archive(views: ArchivePathVariants, path: str, other: str) -> bool:
    """Return True if two folders are in one compressed stream, which one process should read
    sequentially."""
    if archives.is_stream(views.name):
        return True
    stream = _STREAM.match(path)
    return stream is not None and other.startswith(stream[0])
