"""Folders that remember what made them.

Three habits keep half-written work from being taken for whole: a file is written under a temporary
name and renamed; a folder carries a record of the request that made it, written last; and a request
is compared with that record before any work starts.
"""

import errno
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Literal

from gprplus.core.errors import GprplusError, RequestChanged, first_few, next_step
from gprplus.core.files.atomic import atomic_write
from gprplus.core.files.folders import clear_output, hold_folder, is_free
from gprplus.core.files.json_files import load_object
from gprplus.core.hashing import sha256_digest
from gprplus.core.storage.address import is_address

REQUEST_FILE = "_request.json"  # what a folder is going to hold, until its record is written
PACKAGES = (
    "gprplus",
    "numpy",
    "opencv-python",
    "opencv-python-headless",
    "pillow",
    "pandas",
    "pyarrow",
    "torch",
)


def work_folder(work: str | os.PathLike[str] | None = None) -> Path:
    """The folder everything goes under: the argument, else $GPRPLUS_WORK, else work/ in the current
    directory."""
    return Path(work or os.environ.get("GPRPLUS_WORK") or "work")


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spare spaces: equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


def fingerprint(value: Any) -> str:
    """SHA-256 (hex) of a JSON-like value."""
    return sha256_digest(canonical_json(value))


@contextmanager
def exclusive_lock(lock: Path, error: type[GprplusError], busy: str) -> Iterator[None]:
    """Hold a lock file during the block; raises `error` with the message `busy` if another process
    holds it.

    The system releases it when the process ends for any reason. If a file system has no locks, as
    on some clusters, nothing is held.
    """
    import fcntl

    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        file = os.fdopen(os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666), "a")
    except OSError as failed:
        why = f"{failed.strerror}. {next_step(failed)}".rstrip()
        raise error(f"{lock.parent} cannot be written to: {why}") from failed
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as refused:
            if refused.errno in (errno.EAGAIN, errno.EACCES):
                raise error(busy) from None
        yield


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    with atomic_write(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file whole or not at all."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Write indented JSON, whole or not at all."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n")


def read_json(path: Path, error: type[GprplusError], what: str) -> dict[str, Any]:
    """A JSON object, or `error` with one sentence: `what` names the thing that should be there,
    such as "a split"."""
    return load_object(path, error, what)


def write_table(path: Path, table: Any, *, row_group_size: int = 131_072) -> None:
    """Write an Arrow table as Parquet (zstd), whole or not at all."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with atomic_write(path) as temporary:
        # A dictionary of paths or keys is built, found too large and thrown away: half of the time
        # of writing.
        repeating = [field.name for field in table.schema if pa.types.is_dictionary(field.type)]
        pq.write_table(
            table,
            temporary,
            compression="zstd",
            use_dictionary=repeating,
            row_group_size=row_group_size,
        )


def describe_changes(old: Mapping[str, Any], new: Mapping[str, Any], stem: str = "") -> list[str]:
    """Describe the differences between two requests, one phrase for each key; `a.b` is b inside a,
    and `stem` is what comes before.

    >>> describe_changes({"seed": 0, "size": 5}, {"seed": 1, "size": 5})
    ['seed was 0, now 1']
    >>> describe_changes({"manifest": "0f" * 32}, {"manifest": "a7" * 32})
    ['manifest was 0f0f0f0f0f0f..., now a7a7a7a7a7a7...']
    >>> describe_changes({"training": {"seeds": 1, "steps": 9}}, {"training": {"seeds": 2, "steps": 9}})
    ['training.seeds was 1, now 2']
    """
    found = []
    for key in [*old, *(key for key in new if key not in old)]:
        before, now = old.get(key), new.get(key)
        if isinstance(before, Mapping) and isinstance(now, Mapping):
            found += describe_changes(before, now, f"{stem}{key}.")
        elif canonical_json(before) != canonical_json(now):
            found.append(f"{stem}{key} was {_shown(before)}, now {_shown(now)}")
    return found


def _shown(value: Any) -> str:
    text = "not given" if value is None else canonical_json(value).strip('"')
    if re.fullmatch("[0-9a-f]{64}", text):
        return f"{text[:12]}..."  # a fingerprint: that it differs is all there is to see
    return text if len(text) <= 80 else f"{text[:77]}..."


def check_request(
    record: Path, request: Mapping[str, Any], *, force: bool = False, option: str = "-o"
) -> Literal["new", "same"]:
    """Compare a request with the record of the one that made this folder.

    "same": the request is finished or in progress, so continue with it. "new": the folder is empty,
    or `force` was given (the caller then replaces its content). A different request raises
    RequestChanged with the differences. `record` is a JSON file with the request under the key
    "request". `option` is the one that names the folder, for the message.
    """
    if not record.exists():
        return "new"
    try:
        old = json.loads(record.read_text(encoding="utf-8")).get("request", {})
    except (OSError, ValueError, AttributeError, RecursionError):
        return "new"
    if not isinstance(old, dict):
        return "new"
    changed = describe_changes(old, json.loads(canonical_json(request)))
    if not changed:
        return "same"
    if force:
        return "new"
    raise RequestChanged(
        f"{record.parent} holds the outcome of another request ({first_few(changed)}). "
        f"Give another folder with {option}, or --force to replace it."
    )


@contextmanager
def hold_request(
    output: Path,
    kind: str,
    record: str,
    request: Mapping[str, Any],
    error: type[GprplusError],
    *,
    force: bool,
    option: str = "-o",
) -> Iterator[Path]:
    """Hold the folder of a request that takes long and may be resumed; yield its real path.

    The request is noted in `_request.json`, which the caller removes when `record` is written. A
    folder that holds another request is cleared with `force`. Raises RequestChanged where it holds
    another and `force` is not given, and `error` where it holds other files or another process
    works in it.
    """
    known = (output / REQUEST_FILE).exists() and check_request(
        output / REQUEST_FILE, request, force=force, option=option
    ) == "same"
    with hold_folder(output, kind, error, adopt=known) as real:
        noted = real / (record if (real / record).exists() else REQUEST_FILE)
        if not known and noted.exists():
            if check_request(noted, request, force=force, option=option) == "new":
                if not force:
                    raise error(
                        f"{noted} cannot be read. Use --force to replace the folder, or another one"
                        f" with {option}."
                    )
                clear_output(real, kind, error)
        elif not known and not is_free(real):
            if not force:
                raise error(
                    f"{output} already holds other files. Give an empty or new folder with {option}."
                )
            clear_output(real, kind, error)
        write_json(real / REQUEST_FILE, {"request": request})
        yield real


def package_versions() -> dict[str, str]:
    """Versions of Python and of the packages that can change a result."""
    return dict(_versions(PACKAGES))


@cache
def _versions(packages: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Read once a process: the metadata of all packages takes 50 ms."""
    import platform
    from importlib.metadata import PackageNotFoundError, version

    found = [("python", platform.python_version())]
    for package in packages:
        try:
            found.append((package, version(package)))
        except PackageNotFoundError:
            continue
    return tuple(found)


def relative_path(path: Path, start: Path) -> str:
    """`path` as seen from the folder `start`, POSIX; absolute where the two share no drive. An
    address stays as it is."""
    if is_address(path):
        return str(path)
    try:
        return Path(os.path.relpath(path.resolve(), start.resolve())).as_posix()
    except ValueError:
        return path.resolve().as_posix()
