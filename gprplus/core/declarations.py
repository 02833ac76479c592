"""Declarations: the TOML files under manifests/, found, read and validated.

A wheel contains them inside the package; an editable install does not have that mapping, so they
are looked up inside the package first and next to it second.
"""

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar

from gprplus.core.errors import DeclarationError, did_you_mean
from gprplus.core.typed import parse_typed

T = TypeVar("T")

LARGEST = 1_000_000  # bytes of a TOML file; the largest shipped one has 9,000
PARTS = 32  # of a dotted key: tomllib takes the square of their number
_LONG_KEY = re.compile(
    rb"""(?<![\w-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){%d}""" % PARTS
)


@dataclass(frozen=True)
class Declaration:
    """One TOML file: its name (the stem), its path, the digest of its text, and its data."""

    name: str
    path: Path
    digest: str
    data: dict[str, Any]

    @property
    def where(self) -> str:
        """Return the name of the file in messages: relative to manifests/ if it is a shipped one,
        else its path."""
        return str(
            self.path.resolve().relative_to(declarations_folder()) if self.shipped else self.path
        )

    @cached_property
    def shipped(self) -> bool:
        """Return True if gprplus ships the file."""
        return self.path.resolve().is_relative_to(declarations_folder())


@cache
def declarations_folder() -> Path:
    """The folder that holds layouts/, recipes/, studies/ and attributes.toml."""
    package = Path(__file__).resolve().parent.parent
    for candidate in (package / "manifests", package.parent / "manifests"):
        if (candidate / "attributes.toml").is_file():
            return candidate
    raise DeclarationError(
        "The declarations that gprplus ships (attributes.toml and its neighbours) are neither in"
        f" {package / 'manifests'} nor in {package.parent / 'manifests'}. Install gprplus again"
        " with pip."
    )


def declaration_names(kind: str) -> list[str]:
    """The names of the shipped declarations of one kind ('layouts', 'recipes', 'studies'),
    sorted."""
    return sorted(path.stem for path in (declarations_folder() / kind).glob("*.toml"))


def load_declaration(kind: str, name: str | Path) -> Declaration:
    """Read a shipped declaration by name, or a user's by the path of a `.toml` file.

    Raises DeclarationError if it is missing or is not TOML.
    """
    path = Path(name)
    if path.suffix != ".toml":
        path = declarations_folder() / kind / f"{name}.toml"
        if str(name) not in declaration_names(kind):
            one = {"studies": "study"}.get(kind, kind.removesuffix("s"))
            raise DeclarationError(
                f"There is no {one} called '{name}'."
                f" {did_you_mean(str(name), declaration_names(kind))}"
            )
    return load_toml(path)


def load_toml(path: Path) -> Declaration:
    """Read one TOML file. Raises DeclarationError."""
    from gprplus.core.files.safe_names import refuse_address

    refuse_address(path, DeclarationError)
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:  # a path with a NUL character is a ValueError
        why = error.strerror if isinstance(error, OSError) else error
        raise DeclarationError(f"{path} cannot be read: {why}.") from error
    return parse_toml(path, data)


def parse_toml(path: Path, data: bytes) -> Declaration:
    """The declaration in the bytes of a TOML file, with the digest of its text (line ends
    normalised).

    Raises DeclarationError, also for what would take the parser minutes: a large file, a key of
    thousands of parts.
    """
    if len(data) > LARGEST:
        raise DeclarationError(
            f"{path} is larger than {LARGEST:,} bytes, the most that is read of a TOML file."
        )
    text = data.replace(b"\r\n", b"\n")
    if _LONG_KEY.search(text):
        raise DeclarationError(f"{path} is not valid TOML here: a key has more than {PARTS} parts.")
    try:
        found = tomllib.loads(text.decode("utf-8"))
    except RecursionError:
        raise DeclarationError(
            f"{path} is not valid TOML here: its values are nested too deeply."
        ) from None
    except (
        ValueError
    ) as error:  # bytes that are no UTF-8, what is no TOML, a number of 5,000 digits
        raise DeclarationError(f"{path} is not valid TOML: {error}.") from error
    return Declaration(path.stem, path, hashlib.sha256(text).hexdigest(), found)


def from_mapping(cls: type[T], data: Mapping[str, Any], where: str) -> T:
    """Fill the frozen dataclass `cls` from a TOML table: unknown keys, missing keys and wrong types
    are errors.

    Nested dataclasses, `list[...]`, `tuple[..., ...]`, `dict[str, ...]` and optional fields are
    followed. Each message starts with `where`, such as "layouts/engine.toml".
    """
    return parse_typed(cls, data, where, DeclarationError)


@dataclass(frozen=True)
class Attribute:
    """One attribute as declared in manifests/attributes.toml, or by a user.

    `level` is "image" or "identity"; `type` "category", "integer" or "number"; `levels` the
    vocabulary in its natural order (empty: open); `coarser` maps that merge levels, from fine to
    coarse (splits.coarsening). An `optional` attribute is a column only of the manifests that have
    a value of it.
    """

    level: Literal["image", "identity"]
    type: Literal["category", "integer", "number"]
    sentence: str = ""
    ordered: bool = False
    unit: str = ""
    levels: tuple[str, ...] = ()
    coarser: tuple[str, ...] = ()
    optional: bool = False


Attributes = Mapping[str, Attribute]


@cache
def engine_titles() -> frozenset[str]:
    """Return the titles that the layouts of the render engine give a dataset.

    >>> sorted(engine_titles())
    ['gprplus engine', 'gprplus engine, planned']
    """
    names = [name for name in declaration_names("layouts") if name.split("_")[0] == "engine"]
    return frozenset(str(load_declaration("layouts", name).data["title"]) for name in names)


@cache
def _shipped() -> dict[str, Attribute]:
    declaration = load_toml(declarations_folder() / "attributes.toml")
    return {
        name: from_mapping(Attribute, table, f"attributes.toml: {name}")
        for name, table in declaration.data.items()
    }


@cache
def attributes() -> dict[str, Attribute]:
    """Return the attributes that every manifest has as columns, in declared order: image-level
    ones first."""
    return {name: one for name, one in _shipped().items() if not one.optional}


@cache
def optional_attributes() -> dict[str, Attribute]:
    """Return the shipped attributes that only manifests with values of them have as columns."""
    return {name: one for name, one in _shipped().items() if one.optional}


def identity_attributes() -> list[str]:
    """Return the names of the attributes that belong to an identity rather than to an image."""
    return [name for name, attribute in attributes().items() if attribute.level == "identity"]


def image_attributes() -> list[str]:
    """The names of the attributes that belong to one image."""
    return [name for name, attribute in attributes().items() if attribute.level == "image"]


def sort_levels(
    name: str,
    levels: list[Any] | tuple[Any, ...] | set[Any],
    own: Attributes | None = None,
) -> list[Any]:
    """Levels in their declared order; undeclared ones follow, sorted (numbers by value).

    `own` are the attributes that a manifest declares in addition to `attributes()`.

    >>> sort_levels("illumination", {"noon", "dawn", "zzz"})
    ['dawn', 'noon', 'zzz']
    """
    known = {**attributes(), **(own or {})}
    declared = known[name].levels if name in known else ()
    place = {level: i for i, level in enumerate(declared)}

    def rank(level: Any) -> tuple[int, int, float, str]:
        number = float(level) if isinstance(level, int | float) else 0.0
        return (0, place[level], 0.0, "") if level in place else (1, 0, number, str(level))

    return sorted(levels, key=rank)
