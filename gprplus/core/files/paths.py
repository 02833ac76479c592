"""Paths and names as callers write them: text or Path, one or several; paths may be addresses."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from gprplus.core.storage.remote_path import as_path

AnyPath = str | os.PathLike[str]


def as_list(paths: AnyPath | Iterable[AnyPath]) -> list[Path]:
    """Return one path or several as a list.

    >>> as_list("work/splits/weather"), as_list(["a", Path("b")])
    ([PosixPath('work/splits/weather')], [PosixPath('a'), PosixPath('b')])
    """
    if isinstance(paths, str | os.PathLike):
        return [as_path(paths)]
    return [as_path(path) for path in paths]


def as_word_list(names: str | Iterable[object]) -> tuple[str, ...]:
    """Names as texts; one text may hold several, separated by commas.

    >>> as_word_list("sunny, foggy"), as_word_list([0, 90])
    (('sunny', 'foggy'), ('0', '90'))
    """
    parts = (
        [part.strip() for part in names.split(",")] if isinstance(names, str) else map(str, names)
    )
    return tuple(part for part in parts if part)


def as_named_paths(paths: Mapping[str, AnyPath] | None) -> dict[str, Path]:
    """Paths by name; None is none."""
    return {name: as_path(path) for name, path in (paths or {}).items()}
