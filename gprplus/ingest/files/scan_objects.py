"""Listing of the objects below an address, by the rules of `scan` for files of a folder."""

from array import array
from collections import defaultdict
from pathlib import Path

from gprplus.core.errors import LayoutError
from gprplus.core.storage.client import ObjectState, list_objects
from gprplus.ingest.files.listing import (
    OWN_HIDDEN,
    SIDECAR_NAMES,
    FolderState,
    HiddenFiles,
    Listing,
    is_hidden_image,
)

_HIDDEN = ("_", ".")


def list_stored_files(root: Path, ignore: tuple[str, ...] = ()) -> Listing:
    """List the objects below `root`, with sizes and times, which every answer has. Raises
    LayoutError if there is none, and StorageError."""
    skipped = SIDECAR_NAMES | {name.lower() for name in ignore}
    folders: dict[str, list[ObjectState]] = defaultdict(list)
    hidden: dict[str, bool] = {}  # files and outermost folders -> whether it is a folder
    ignored: set[str] = set()
    count = 0
    for state in list_objects(str(root)):
        count += 1
        left_out = _left_out(state.path, skipped)
        if left_out is None:
            folders[state.path.rpartition("/")[0]].append(state)
        elif left_out.rpartition("/")[2][0] not in _HIDDEN:
            ignored.add(left_out)
        elif _is_missed(state.path, left_out):
            hidden[left_out] = left_out != state.path
    if not count:
        raise LayoutError(
            f"There is no object below {root}. Name a folder with renders, as s3://BUCKET/FOLDER."
        )
    found = [_folder(path, states) for path, states in sorted(folders.items())]
    inside = sum(hidden.values())
    missed = HiddenFiles(len(hidden) - inside, inside, min(hidden, default=""))
    return Listing(root, found, [], len(ignored), hidden=missed)


def _left_out(path: str, skipped: frozenset[str]) -> str | None:
    """The file or the outermost folder on a path that is left out for its name; None for a path
    that is read."""
    if (
        not skipped.isdisjoint(path.lower().split("/"))
        or path[0] in _HIDDEN
        or "/_" in path
        or "/." in path
    ):
        end = 0
        for part in path.split("/"):
            end += len(part)
            if part[0] in _HIDDEN or part.lower() in skipped:
                return path[:end]
            end += 1
    return None


def _is_missed(path: str, left_out: str) -> bool:
    """Return True if an image is left out for a name that begins with _ or a dot, other than those
    of masks and file browsers."""
    name = left_out.rpartition("/")[2]
    if name.lower() in OWN_HIDDEN:
        return False
    return is_hidden_image(name if path == left_out else path.rpartition("/")[2])


def _folder(path: str, states: list[ObjectState]) -> FolderState:
    skip = len(path) + 1 if path else 0
    states.sort()
    joined = "\0".join([state.path[skip:] for state in states])
    sizes, mtimes = [state.size for state in states], [state.mtime for state in states]
    return FolderState(path, joined, array("q", sizes), array("q", mtimes))
