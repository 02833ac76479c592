"""What is declared, not coded: the TOML files under manifests/, found, read and checked.

A wheel carries them inside the package; an editable install does not see that mapping, so they are looked for inside
the package first and beside it second.
"""

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from gprplus.core.typed import parse
from gprplus.errors import DeclarationError, nearest

T = TypeVar("T")


@dataclass(frozen=True)
class Declaration:
    """One TOML file: its name (the stem), where it lies, the digest of its text, and what it says."""

    name: str
    path: Path
    digest: str
    data: dict[str, Any]

    @property
    def where(self) -> str:
        """How messages call the file: from manifests/ on where it is a shipped one, else its path."""
        return str(self.path.relative_to(folder()) if self.path.is_relative_to(folder()) else self.path)


@cache
def folder() -> Path:
    """The folder that holds layouts/, recipes/, studies/ and attributes.toml."""
    package = Path(__file__).resolve().parent
    for candidate in (package / "manifests", package.parent / "manifests"):
        if (candidate / "attributes.toml").is_file():
            return candidate
    raise DeclarationError(
        "The declarations that gprplus ships (attributes.toml and its neighbours) are neither in "
        f"{package / 'manifests'} nor in {package.parent / 'manifests'}. Install gprplus again with pip."
    )


def names(kind: str) -> list[str]:
    """The names of the shipped declarations of one kind ('layouts', 'recipes', 'studies'), sorted."""
    return sorted(path.stem for path in (folder() / kind).glob("*.toml"))


def read(kind: str, name: str | Path) -> Declaration:
    """A shipped declaration by name, or a user's own by the path of a `.toml` file.

    Raises DeclarationError when it is not there or is not TOML.
    """
    path = Path(name)
    if path.suffix != ".toml":
        path = folder() / kind / f"{name}.toml"
        if not path.is_file():
            one = {"studies": "study"}.get(kind, kind.removesuffix("s"))
            raise DeclarationError(f"There is no {one} called '{name}'. {nearest(str(name), names(kind))}")
    return read_file(path)


def read_file(path: Path) -> Declaration:
    """One TOML file, with the digest of its text (line ends normalised)."""
    try:
        text = path.read_bytes().replace(b"\r\n", b"\n")
    except OSError as error:
        raise DeclarationError(f"{path} cannot be read: {error.strerror}.") from error
    try:
        data = tomllib.loads(text.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DeclarationError(f"{path} is not valid TOML: {error}.") from error
    return Declaration(path.stem, path, hashlib.sha256(text).hexdigest(), data)


def strict(cls: type[T], data: Mapping[str, Any], where: str) -> T:
    """Fill the frozen dataclass `cls` from a TOML table: unknown keys, missing keys and wrong types are errors.

    Nested dataclasses, `list[...]`, `tuple[..., ...]`, `dict[str, ...]` and optional fields are followed. Each message
    starts with `where`, such as "layouts/engine.toml".
    """
    return parse(cls, data, where, DeclarationError)


@dataclass(frozen=True)
class Attribute:
    """One attribute as manifests/attributes.toml declares it.

    `level` is "image" or "identity"; `type` "category" or "integer"; `levels` the vocabulary in its natural order
    (empty: open); `coarser` maps that merge levels, from fine to coarse (splits.coarse).
    """

    level: str
    type: str
    sentence: str
    ordered: bool = False
    unit: str = ""
    levels: tuple[str, ...] = ()
    coarser: tuple[str, ...] = ()


@cache
def attributes() -> dict[str, Attribute]:
    """Every declared attribute by name, in declared order: image-level ones first."""
    declaration = read_file(folder() / "attributes.toml")
    return {name: strict(Attribute, table, f"attributes.toml: {name}") for name, table in declaration.data.items()}


def identity_attributes() -> list[str]:
    """The names of the attributes that belong to a person rather than to an image."""
    return [name for name, attribute in attributes().items() if attribute.level == "identity"]


def image_attributes() -> list[str]:
    """The names of the attributes that belong to one image."""
    return [name for name, attribute in attributes().items() if attribute.level == "image"]


def in_order(name: str, levels: list[Any] | tuple[Any, ...] | set[Any]) -> list[Any]:
    """Levels in their declared order; undeclared ones follow, sorted (numbers by value).

    >>> in_order("illumination", {"noon", "dawn", "zzz"})
    ['dawn', 'noon', 'zzz']
    """
    declared = attributes()[name].levels if name in attributes() else ()
    place = {level: i for i, level in enumerate(declared)}

    def rank(level: Any) -> tuple[int, int, float, str]:
        number = float(level) if isinstance(level, int | float) else 0.0
        return (0, place[level], 0.0, "") if level in place else (1, 0, number, str(level))

    return sorted(levels, key=rank)
