"""Addresses in object storage as paths."""

import errno
import io
import os
import re
from pathlib import Path, PosixPath
from typing import Any
from urllib.parse import unquote

from gprplus.core.errors import GprplusError, escape
from gprplus.core.storage.address import SCHEMES
from gprplus.core.storage.client import is_folder, is_object, read_object
from gprplus.core.storage.remote_file import RemoteFile

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/{1,2}")  # one letter is a drive
_HUB = (
    "hf:// is not read. Download the files with `hf download NAME --repo-type dataset --local-dir"
    " FOLDER` and give the folder."
)


class RemotePath(PosixPath):
    """An address as a path: it can be joined, named and asked whether it exists.

    It can be opened for reading, as bytes. Functions of Python that take paths find no file there.
    """

    __slots__ = ()

    def __str__(self) -> str:
        return super().__str__().replace(":/", "://", 1)

    def __fspath__(self) -> str:
        return str(self)

    def __reduce__(self) -> tuple[type["RemotePath"], tuple[str]]:
        return RemotePath, (str(self),)

    def resolve(self, strict: bool = False) -> "RemotePath":
        """Return the address itself: there are no links."""
        return self

    def absolute(self) -> "RemotePath":
        """Return the address itself."""
        return self

    def is_file(self) -> bool:
        """Return True if it is the address of an object."""
        return is_object(str(self))

    def is_dir(self) -> bool:
        """Return True if there are objects below the address."""
        return is_folder(str(self))

    def exists(self, *, follow_symlinks: bool = True) -> bool:
        """Return True if it is the address of an object or of a folder."""
        return self.is_file() or self.is_dir()

    def open(self, mode: str = "r", *_: Any, **__: Any) -> Any:
        """Return a file of bytes that is read by ranges; other modes raise OSError."""
        if mode != "rb":
            raise OSError(errno.EROFS, "Object storage is only read here", str(self))
        return io.BufferedReader(RemoteFile(str(self)), 1 << 16)

    def read_bytes(self) -> bytes:
        """Return the bytes of the object."""
        return read_object(str(self))


def as_path(path: str | os.PathLike[str]) -> Path:
    """Return a local path, or the address of an object or folder as a `RemotePath`.

    Raises GprplusError for an address that cannot be read, or that contains a password.

    >>> as_path("s3://bucket/renders") / "0001/a.jpg", as_path("file:///data/renders")
    (RemotePath('s3://bucket/renders/0001/a.jpg'), PosixPath('/data/renders'))
    >>> as_path("s3://key:secret@bucket/renders")
    Traceback (most recent call last):
    gprplus.core.errors.GprplusError: An address that starts with s3:// contains a user name or a password. \
Give it without them; credentials are read from the environment.
    """
    if isinstance(path, RemotePath):
        return path
    text = os.fspath(path)
    scheme = _SCHEME.match(text)
    if scheme is None:
        return Path(path)
    rest = text[scheme.end() :]
    if scheme[1].lower() == "file":
        return Path(unquote(f"/{rest.lstrip('/')}"))
    _refuse_secrets(scheme[1], rest)
    if scheme[1] not in SCHEMES:
        known = ", ".join(f"{name}://" for name in (*SCHEMES, "file"))
        raise GprplusError(
            _HUB
            if scheme[1].lower() == "hf"
            else f"{escape(text)} is an address of an unknown kind. Known: {known}."
        )
    parts = rest.rstrip("/").split("/")
    if not parts[0] or not {"", ".", ".."}.isdisjoint(parts):
        raise GprplusError(
            f"{escape(text)} is not a complete address. Give {scheme[1]}://BUCKET or"
            f" {scheme[1]}://BUCKET/FOLDER, without '//', '.' or '..' in it."
        )
    return RemotePath(f"{scheme[1]}://{'/'.join(parts)}")


def _refuse_secrets(scheme: str, rest: str) -> None:
    """Raise GprplusError, which does not repeat the address, if it contains a user, a password or a
    signature."""
    found = ""
    if "@" in rest.partition("/")[0]:
        found = "a user name or a password"
    elif "?" in rest:
        found = "a query or a signature ('?')"
    if found:
        raise GprplusError(
            f"An address that starts with {scheme}:// contains {found}. Give it without"
            f" {'them' if '@' in rest else 'it'}; credentials are read from the environment."
        )
