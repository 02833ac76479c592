"""Describe a folder so that two runs of one command give the same description."""

import hashlib
import io
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

# What differs between two runs of one command on one machine.
VOLATILE = {"seconds", "images_per_second", "versions", "made", "written"}
# Files whose text holds times; that they are there is all that is compared.
BY_NAME = {".html", ".csv", ".md", ".jsonl", ".log", ".lock"}


def described(folder: Path) -> dict[str, str]:
    """Relative path -> digest of the content, without what is volatile."""
    files = sorted(path for path in folder.rglob("*") if not path.is_dir())
    return {str(path.relative_to(folder)): _digest(path) for path in files}


def _digest(path: Path) -> str:
    if path.is_symlink():
        return f"link to {path.readlink()}"
    if path.suffix in BY_NAME:
        return "there"
    return _content_digest(path.suffix, path.read_bytes())


@lru_cache(1000)  # most files are those of the world
def _content_digest(suffix: str, data: bytes) -> str:
    return hashlib.sha256(_content(suffix, data)).hexdigest()[:16]


def _content(suffix: str, data: bytes) -> bytes:
    if suffix == ".json":
        return json.dumps(_steady(json.loads(data)), sort_keys=True).encode()
    if suffix == ".parquet":
        table = pq.read_table(io.BytesIO(data))
        kept = [name for name in table.column_names if name not in VOLATILE]
        return str((kept, table.select(kept).to_pydict())).encode()
    return data


def _steady(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _steady(one) for key, one in value.items() if key not in VOLATILE}
    return [_steady(one) for one in value] if isinstance(value, list) else value


def differences(found: dict[str, str], expected: dict[str, str]) -> list[str]:
    """What one description has and the other has not, one phrase per path."""
    more = [f"{name} is left over" for name in found if name not in expected]
    fewer = [f"{name} is missing" for name in expected if name not in found]
    other = [
        f"{name} differs" for name in found if name in expected and found[name] != expected[name]
    ]
    return sorted(more + fewer + other)
