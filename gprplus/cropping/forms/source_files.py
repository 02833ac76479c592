"""Finding the files of native trees: folders to a limited depth, names in natural order."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from gprplus.core.errors import FramesError
from gprplus.core.files.json_bytes import JsonBytes
from gprplus.core.imaging.image_headers import EXTENSIONS

DEPTH = 4  # of folders below the given one in which a run, a scene or a camera is found
VIDEOS = (".mp4", ".mkv", ".avi", ".mov", ".webm")


_lists: ContextVar[dict[tuple[Any, Path], list[str]] | None] = ContextVar("lists", default=None)


@contextmanager
def listed_once() -> Iterator[None]:
    """Inside, each folder is listed at most once, whoever needs its names: to list and sort
    60,000 names takes a second."""
    token = _lists.set({})
    try:
        yield
    finally:
        _lists.reset(token)


def _remembered(read: Callable[[Path], list[str]], folder: Path) -> list[str]:
    known = _lists.get()
    if known is None:
        return read(folder)
    if (read, folder) not in known:
        known[read, folder] = read(folder)
    return known[read, folder]


def folders_below(folder: Path, depth: int = DEPTH) -> Iterator[Path]:
    """Yield a folder and those below it, parents first, by name; links are not followed."""
    yield folder
    for name in _remembered(_folder_names, folder) if depth else ():
        yield from folders_below(folder / name, depth - 1)


def _folder_names(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []
    return sorted((name for name in names if not name.startswith(".")), key=natural_key)


def scene_name(folder: Path, root: Path) -> str:
    """Return the name of a scene: its path below the given folder, or the name of that folder."""
    name = folder.relative_to(root).as_posix()
    return root.resolve().name if name == "." else name


def folder_above(folder: Path, root: Path) -> Path:
    """Return the parent of a folder, but the folder itself where it is the given one: nothing above
    that is read."""
    return folder if folder == root else folder.parent


def names_in(folder: Path) -> list[str]:
    """Return the names in a folder in natural order; empty where it is none."""
    return _remembered(_names, folder)


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder), key=natural_key)
    except OSError:
        return []


def image_of_stem(folder: Path, stem: str) -> Path | None:
    """Return the image of a given stem in a folder."""
    found = (folder / f"{stem}{suffix}" for suffix in sorted(EXTENSIONS))
    return next((path for path in found if path.is_file()), None)


def video_of_stem(folder: Path, stem: str) -> Path | None:
    """Return the video of a given stem in a folder."""
    return next(
        (folder / f"{stem}{end}" for end in VIDEOS if (folder / f"{stem}{end}").is_file()), None
    )


def is_there(path: Path) -> bool:
    """Return True if there is a file; False also for names that no file can have.

    >>> is_there(Path("x" * 5000))
    False
    """
    try:
        return path.is_file()
    except OSError:  # a name that an annotation makes too long
        return False


def natural_key(text: str) -> list[tuple[int, str]]:
    """Return a key that sorts numbers in names by value.

    >>> sorted(["step10.png", "step2.png"], key=natural_key)
    ['step2.png', 'step10.png']
    """
    parts = re.split(r"([0-9]+)", text)
    return [(int(part), "") if i % 2 else (-1, part) for i, part in enumerate(parts)]


def stream_items(path: Path, prefix: str) -> Iterator[Any]:
    """Yield the values under a prefix of a JSON file of any size, one at a time. NaN is None.

    Raises FramesError if the file is missing, damaged or cut.
    """
    import ijson

    try:
        with path.open("rb") as file:
            yield from ijson.items(JsonBytes(file), prefix, use_float=True)
    except (OSError, ValueError, ijson.JSONError) as error:
        raise FramesError(f"{path} cannot be read as JSON: {_first_line(error)}.") from error


def stream_pairs(path: Path) -> Iterator[tuple[str, Any]]:
    """Yield the keys and values of a JSON object of any size, one at a time. NaN is None.

    Raises FramesError if the file is missing, damaged or cut.
    """
    import ijson

    try:
        with path.open("rb") as file:
            yield from ijson.kvitems(JsonBytes(file), "", use_float=True)
    except (OSError, ValueError, ijson.JSONError) as error:
        raise FramesError(f"{path} cannot be read as JSON: {_first_line(error)}.") from error


def _first_line(error: Exception) -> str:
    """Return what a parser complains of, without its drawing of the place."""
    return str(error).strip().split("\n")[0].rstrip(" .")
