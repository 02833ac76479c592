"""Names that become parts of paths.

Datasets, splits, arms, targets, recipes, studies and archive members have names that can come from
an untrusted file. Each such name passes `plain_name` (or `plain_path`) before it is joined to a
folder.
"""

import re
from pathlib import Path

from gprplus.core.errors import GprplusError, escape

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")  # one letter is a drive
LONGEST = 150  # bytes: a file system allows 255, and temporary names add to it


def plain_name(text: object, what: str, error: type[GprplusError] = GprplusError) -> str:
    """Return `text` if it is one safe path component, else raise `error`.

    A safe component is printable text of 1 to 150 bytes without slashes, and does not begin with a
    dot. `what` starts the message, such as "split.json: name".

    >>> plain_name("only-foggy", "arm")
    'only-foggy'
    >>> plain_name("../work", "renders.json: name")
    Traceback (most recent call last):
    gprplus.core.errors.GprplusError: renders.json: name: '../work' is not a plain name, because it contains a \
slash. Use letters, digits, '-' and '_'.
    """
    fault = _fault(text)
    if fault:
        shown = escape(text if isinstance(text, str) else repr(text))
        shown = shown if len(shown) <= 80 else f"{shown[:77]}..."
        raise error(
            f"{what}: '{shown}' is not a plain name, because it {fault}. Use letters, digits, '-'"
            " and '_'."
        )
    assert isinstance(text, str)
    return text


def plain_path(text: object, what: str, error: type[GprplusError] = GprplusError) -> str:
    """Return `text` if it is a relative POSIX path below the folder it is joined to, else raise
    `error`.

    Its parts may begin with a dot, but are not "", "." or "..".

    >>> plain_path("frames/0001.jpg", "file_name")
    'frames/0001.jpg'
    """
    fault = _path_fault(text)
    if fault:
        shown = escape(text if isinstance(text, str) else repr(text))[:80]
        raise error(f"{what}: '{shown}' is not a relative path, because it {fault}.")
    assert isinstance(text, str)
    return text


def refuse_address(path: object, error: type[GprplusError] = GprplusError) -> None:
    """Raise `error` for an address such as s3://bucket/x, also after a Path has made s3:/bucket/x
    of it.

    >>> refuse_address("runs/s3"), refuse_address("C:/runs")
    (None, None)
    """
    if _ADDRESS.match(str(path)):
        raise error(
            f"{escape(_spelled(str(path)))} is an address, and only a local path works here. Give a"
            " local path."
        )


def _spelled(address: str) -> str:
    """An address as it was written, without what may be a secret in it."""
    scheme, _, rest = address.partition(":")
    return f"{scheme}://{rest.lstrip('/').partition('?')[0].rpartition('@')[2]}"


def child_path(
    folder: Path, name: object, what: str, error: type[GprplusError] = GprplusError
) -> Path:
    """Return `folder / name` for a name that is a safe path component; raise `error` for any
    other."""
    return folder / plain_name(name, what, error)


def file_safe(text: str) -> str:
    """Return `text` with each character that a file name cannot hold as %XX, for names made of
    levels.

    >>> file_safe("black/white"), file_safe("foggy")
    ('black%2Fwhite', 'foggy')
    """
    return "".join(_percent(c) if c in "/\\" or not c.isprintable() else c for c in text)


def _percent(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))


def _fault(text: object) -> str:
    """Why `text` is no safe component; "" where it is one."""
    if not isinstance(text, str):
        return "is not text"
    if not text:
        return "is empty"
    if "/" in text or "\\" in text:
        return "contains a slash"
    if text.startswith("."):
        return "begins with a dot"
    if not text.isprintable():
        return "contains characters that cannot be printed"
    if len(text.encode()) > LONGEST:
        return f"has more than {LONGEST} bytes"
    return ""


def _path_fault(text: object) -> str:
    if not isinstance(text, str):
        return "is not text"
    if "\\" in text or "\0" in text:
        return "contains a back-slash or a NUL character"
    if ":" in text.partition("/")[0]:
        return "begins with a drive or a scheme"
    parts = text.split("/")
    if not {"", ".", ".."}.isdisjoint(parts):
        return "is absolute, or has an empty part, '.' or '..'"
    return ""
