"""Files of rows about the crops of one list of frames: the key, then a line for each crop and each
reject, so that the rows of a long video are never held at once."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from gprplus.core.errors import FramesError
from gprplus.core.files.workdir import atomic_write

Kind = Literal["crop", "reject"]
AddRow = Callable[[Kind, dict[str, Any]], object]


@contextmanager
def write_rows(path: Path, key: str) -> Iterator[AddRow]:
    """Yield the function that adds a row; the file appears when the block ends well."""
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write(f"key {key}\n")
        yield lambda kind, row: file.write(f"{kind} {json.dumps(row, ensure_ascii=False)}\n")


def key_of(path: Path) -> str | None:
    """Return the key of a file of rows; None if there is none."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return file.readline().decode(errors="replace").removeprefix("key ").strip()


def rows_of(path: Path, kind: Kind) -> Iterator[dict[str, Any]]:
    """Yield the rows of a kind; none if there is no file. Raises FramesError if it is damaged."""
    if not path.is_file():
        return
    try:
        with path.open(encoding="utf-8") as file:
            for line in file:
                found, _, text = line.partition(" ")
                if found == kind:
                    yield json.loads(text)
    except (OSError, ValueError) as error:
        raise FramesError(f"{path} cannot be read: {error}. Start again with --force.") from error
