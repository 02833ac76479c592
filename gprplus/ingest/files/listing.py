"""The result of a scan: folders with their file names, rejected files, and a digest of all of
it."""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from os.path import splitext
from pathlib import Path

from gprplus.core.errors import escape
from gprplus.core.imaging.image_headers import EXTENSIONS
from gprplus.ingest.files.archive_paths import ArchivePathVariants

# What belongs to a folder of renders without being a render, and what file browsers leave behind.
SIDECAR_NAMES = frozenset({"renders.json", "identities.csv", "thumbs.db", "desktop.ini"})
# Files that gprplus hides next to renders (masks), and files of operating systems.
OWN_HIDDEN = frozenset({"_masks", "__macosx"})
GHOST = "._"
UNREAD = "unreadable folder"  # the only reason that covers more files than its own row


def is_hidden_image(path: str) -> bool:
    """Return True if a path that is skipped for a `_` or `.` looks like an image.

    >>> [is_hidden_image(path) for path in ("a/_1.jpg", "_b/1.PNG", "._1.jpg", "_masks/1.png", "_crops.json")]
    [True, True, False, False, False]
    """
    *folders, name = path.lower().split("/")
    return (
        splitext(name)[1] in EXTENSIONS
        and not name.startswith(GHOST)
        and OWN_HIDDEN.isdisjoint(folders)
    )


@dataclass(frozen=True)
class FolderState:
    """The files of one folder: its path below the root ("" for the root itself) and its names,
    joined by NUL to save memory.

    `sizes` and `mtimes` (int64 arrays aligned with the names) exist only if the scan requested
    them; a size of -1 is a file without accessible status.
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
class RefusedPath:
    """A path under the root that cannot be an image: its path, the reason in one word, and a
    sentence."""

    path: str
    reason: str
    detail: str


@dataclass(frozen=True)
class HiddenFiles:
    """Images and folders of images that are skipped because their names begin with `_` or `.`, with
    an example."""

    files: int = 0
    folders: int = 0
    example: str = ""

    def __bool__(self) -> bool:
        return bool(self.files or self.folders)

    def __add__(self, other: "HiddenFiles") -> "HiddenFiles":
        shown = min(filter(None, (self.example, other.example)), default="")
        return HiddenFiles(self.files + other.files, self.folders + other.folders, shown)

    @property
    def sentence(self) -> str:
        """Return a sentence about skipped images and the next step.

        >>> HiddenFiles(1, 2, "a/_1.jpg").sentence
        '1 image and 2 folders of images are left out, such as a/_1.jpg: names that begin with _ or . are not read. \
Rename what belongs to the dataset.'
        """
        images = f"{self.files:,} {'image' if self.files == 1 else 'images'}" if self.files else ""
        folders = (
            f"{self.folders:,} {'folder' if self.folders == 1 else 'folders'} of images"
            if self.folders
            else ""
        )
        verb = "is" if self.files + self.folders == 1 else "are"
        what = " and ".join(filter(None, (images, folders)))
        return (
            f"{what} {verb} left out, such as {escape(self.example)}: names that begin with _ or ."
            " are not read. Rename what belongs to the dataset."
        )


@dataclass(frozen=True)
class Listing:
    """All files under one root. `ignored` counts the files that are skipped by the rules above;
    `hidden`, images with names that begin with `_` or `.`.

    For archives (archive_members.py): `archives` has size, mtime and ignored members of each by its
    path ("" is the root), `hidden_members` the hidden images of each, and `views` gives the
    alternative paths of their members.
    """

    root: Path
    folders: list[FolderState]
    refused: list[RefusedPath]
    ignored: int
    archives: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    views: ArchivePathVariants | None = None
    hidden: HiddenFiles = field(default_factory=HiddenFiles)
    hidden_members: dict[str, HiddenFiles] = field(default_factory=dict)

    def __len__(self) -> int:
        return sum(len(folder) for folder in self.folders)

    def paths(self, step: int = 1) -> Iterator[str]:
        """Yield the path of every file below the root, in order; with a `step`, every step-th of
        them."""
        before = 0
        for folder in self.folders:
            yield from listing_paths(folder.path, folder.names[-before % step :: step])
            before += len(folder)


def hidden_or_empty(listing: Listing) -> str:
    """Why a listing without files has none."""
    return listing.hidden.sentence if listing.hidden else "the folder is empty."


def listing_seal(listing: Listing, sizes: bytes, mtimes: bytes) -> str:
    """XXH3-128 (hex) of every path, size and modification time: equal ones mean that nothing has
    changed.

    Sizes and times are int64 in the order of the listing, as they were when the files were read.
    """
    from xxhash import xxh3_128

    state = xxh3_128()
    for folder in listing.folders:
        state.update(f"{folder.path}\0{folder.joined}\0\0".encode())
    state.update(sizes)
    state.update(mtimes)
    return state.hexdigest()


def current_seal(listing: Listing) -> str | None:
    """The seal of a listing that looked; None for one that did not."""
    looked = [
        folder
        for folder in listing.folders
        if folder.sizes is not None and folder.mtimes is not None
    ]
    if len(looked) < len(listing.folders):
        return None
    sizes = b"".join([folder.sizes.tobytes() for folder in looked])  # type: ignore[union-attr]
    mtimes = b"".join([folder.mtimes.tobytes() for folder in looked])  # type: ignore[union-attr]
    return listing_seal(listing, sizes, mtimes)


def listing_paths(folder: str, names: list[str]) -> list[str]:
    """Names with their folder before them."""
    return [f"{folder}/{name}" for name in names] if folder else names
