"""What a scan found under a root: folders with their file names, what is refused, and the seal over all of it."""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gprplus.ingest.files.views import Views

# What belongs to a folder of renders without being a render, and what file browsers leave behind.
BESIDE = frozenset({"renders.json", "identities.csv", "thumbs.db", "desktop.ini"})
UNREAD = "unreadable folder"  # the one reason that stands for more files than its own row


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
