"""Command lines of gprplus: kept in records with paths relative to a folder, printed with paths as
seen from here."""

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gprplus.core.storage.address import is_address
from gprplus.core.storage.remote_path import as_path

Word = str | Path | tuple[str, Path]  # an option or value, a path, or NAME=PATH


def record_command(words: Sequence[Word], folder: Path) -> list[Any]:
    """The words as JSON for a record in `folder`: a path becomes {"path": relative}, NAME=PATH has
    "name" too."""
    found: list[Any] = []
    for word in words:
        name, path = word if isinstance(word, tuple) else (None, word)
        if isinstance(path, str):
            found.append(path)
        else:
            found.append(
                {"path": relative_command(path, folder), **({"name": name} if name else {})}
            )
    return found


def read_command(kept: object, folder: Path) -> list[Word]:
    """The words that `record_command` kept in a record in `folder`; what is of another form is left
    out."""
    found: list[Word] = []
    for word in kept if isinstance(kept, list) else []:
        path = word.get("path") if isinstance(word, dict) else None
        if isinstance(word, str):
            found.append(word)
        elif isinstance(path, str):
            name = word.get("name")
            found.append(
                (name, resolve_command(path, folder))
                if isinstance(name, str)
                else resolve_command(path, folder)
            )
    return found


def command_line(words: Sequence[Word]) -> str:
    """A command line for a shell in the current directory: paths below it are relative, all others
    absolute.

    >>> command_line(["make-split", "--where", "weather == sunny", "-o", Path("work/splits/dry days")])
    "gprplus make-split --where 'weather == sunny' -o 'work/splits/dry days'"
    """
    spelled = ["gprplus"]
    for word in words:
        name, path = word if isinstance(word, tuple) else (None, word)
        text = path if isinstance(path, str) else _here(path)
        spelled.append(f"{name}={text}" if name else text)
    return shlex.join(spelled)


def resolve_command(path: str, folder: Path) -> Path:
    """A path or an address that a record in `folder` keeps."""
    if is_address(path):
        return as_path(path)
    return Path(os.path.normpath(os.path.join(os.path.realpath(folder), path)))


def relative_command(path: Path, folder: Path) -> str:
    """A path relative to `folder`, POSIX; links in the folders above it are followed, not a link
    that it is itself. An address stays as it is."""
    if is_address(path):
        return str(path)
    full = Path(os.path.abspath(path))
    real = Path(os.path.realpath(full.parent)) / full.name
    try:
        return Path(os.path.relpath(real, os.path.realpath(folder))).as_posix()
    except ValueError:  # on another drive
        return real.as_posix()


def _here(path: Path) -> str:
    if is_address(path):
        return str(path)
    full, here = Path(os.path.abspath(path)), Path(os.path.realpath(Path.cwd()))
    text = str(full.relative_to(here)) if full.is_relative_to(here) else str(full)
    return f"./{text}" if text.startswith("-") else text
