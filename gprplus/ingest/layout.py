"""Layouts: how a dataset names its files, as one TOML file each under manifests/layouts.

A layout is a regular expression over the path below the dataset's root (without the extension), whose named groups are
the raw tokens, and small tables that turn tokens into levels and degrees. The groups `identity`, `camera`, `frame`,
`weather`, `illumination`, `background` and `part` are known by name; a table may read another group; any other group
only helps to tell images apart.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from gprplus import declared
from gprplus.declared import Declaration, read, strict
from gprplus.errors import DeclarationError, nearest
from gprplus.keys import digest
from gprplus.schema import IMAGES, REJECTED, ROLES, SCAN

LEVELLED = ("weather", "illumination", "background")
# Columns that no group may be called after, lest a token be taken for a size or a date.
_TAKEN = frozenset(column.name for column in (*IMAGES, *REJECTED, *SCAN)) - {
    "identity",
    "camera",
    "frame",
    *LEVELLED,
} | {"fresh"}
# Everything a layout's factors and functions may speak of.
ATTRIBUTES = ("identity", "camera", "viewpoint_deg", *LEVELLED)


@dataclass(frozen=True)
class Levels:
    """Token -> level of one attribute. A token that is not listed becomes `prefix` + token, or null without a prefix.

    `group` is the group that is read (empty: the attribute's own name), `absent` the level where the name has no such
    part.
    """

    group: str = ""
    levels: dict[str, str] = field(default_factory=dict)
    prefix: str = ""
    absent: str = ""

    def level(self, token: str | None) -> str | None:
        """The level of one token; None when it is unknown.

        >>> Levels(levels={"01": "sunny"}).level("01"), Levels(prefix="p").level("03"), Levels().level("9")
        ('sunny', 'p03', None)
        """
        if token is None:
            return self.absent or None
        return self.levels.get(token) or (f"{self.prefix}{token}" if self.prefix else None)


@dataclass(frozen=True)
class Degrees:
    """Token -> whole degrees: by table, or by the rule (offset + step x code) mod 360."""

    group: str = "camera"
    degrees: dict[str, int] = field(default_factory=dict)
    offset: int | None = None
    step: int | None = None

    def degree(self, token: str | None) -> int | None:
        """The degrees of one token; None when it is unknown.

        >>> Degrees(offset=60, step=30).degree("12")
        60
        """
        if token is None:
            return None
        if token in self.degrees or self.offset is None or self.step is None:
            return self.degrees.get(token)
        return (self.offset + self.step * int(token)) % 360


@dataclass(frozen=True)
class Expected:
    """What the whole dataset is said to hold; 0 means that nobody says."""

    images: int = 0
    identities: int = 0
    per_identity: int = 0
    parts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Layout:
    """One declared layout; the fields are the keys of its TOML file, but for `name` and `digest`.

    `factors` are the attributes crossed with each other, `functions` maps an attribute to those that determine it,
    `format` and `size` (width, height) say what the bytes should be, and settle between layouts that share names.
    """

    title: str
    path: str
    factors: tuple[str, ...] = ()
    name: str = ""
    digest: str = ""
    paper: str = ""
    source: str = ""
    licence: str = "not stated"
    status: str = "published"
    template: str = ""
    extensions: tuple[str, ...] = (".jpg",)
    format: str = ""
    size: tuple[int, ...] = ()
    functions: dict[str, tuple[str, ...]] = field(default_factory=dict)
    unverified: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    automatic: bool = True
    junk: tuple[str, ...] = ()
    distractors: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    roles: dict[str, str] = field(default_factory=dict)
    weather: Levels = field(default_factory=Levels)
    illumination: Levels = field(default_factory=Levels)
    background: Levels = field(default_factory=Levels)
    viewpoint_deg: Degrees = field(default_factory=Degrees)
    expected: Expected = field(default_factory=Expected)
    examples: tuple[str, ...] = ()

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The whole expression, extension included, meant for `fullmatch`; digits are ASCII digits."""
        endings = "|".join(re.escape(extension) for extension in self.extensions)
        return re.compile(f"(?:{self.path})(?:{endings})", re.ASCII)

    @cached_property
    def groups(self) -> tuple[str, ...]:
        """The named groups, in the order they stand in the pattern."""
        return tuple(self.pattern.groupindex)

    def group_of(self, attribute: str) -> str:
        """The group that an attribute is read from."""
        table = getattr(self, attribute, None)
        return getattr(table, "group", "") or attribute

    def write_path(self, tokens: Mapping[str, str]) -> str:
        """The path of an image from its raw tokens: the inverse of the pattern, for layouts with a template."""
        if not self.template:
            raise DeclarationError(f"layout '{self.name}' declares no template, so no path can be written in it.")
        return self.template.format_map(tokens) + self.extensions[0]


def load(name: str | Path) -> Layout:
    """A shipped layout by name, or a user's own by the path of its `.toml` file. Raises DeclarationError."""
    return from_declaration(read("layouts", name))


def shipped() -> list[Layout]:
    """Every layout that gprplus ships, sorted by name."""
    return [load(name) for name in declared.names("layouts")]


def from_declaration(declaration: Declaration) -> Layout:
    """The layout a TOML file declares, checked: pattern, groups, attributes, roles and its own examples."""
    where = f"layouts/{declaration.path.name}"
    for key in ("name", "digest"):
        if key in declaration.data:
            raise DeclarationError(f"{where}: '{key}' is not a key of its own; a layout is called after its file.")
    layout = replace(strict(Layout, declaration.data, where), name=declaration.name, digest=declaration.digest)
    _check_pattern(layout, where)
    _check_words(layout, where)
    for example in layout.examples:
        if not layout.pattern.fullmatch(example):
            raise DeclarationError(f"{where}: its own example '{example}' does not match its path pattern.")
    return layout


def _check_pattern(layout: Layout, where: str) -> None:
    try:
        pattern = layout.pattern
    except re.error as error:
        raise DeclarationError(f"{where}: path is no regular expression: {error}.") from error
    if "identity" not in pattern.groupindex:
        raise DeclarationError(f"{where}: path has no group (?P<identity>...); it has {_named(layout)}.")
    taken = sorted(set(pattern.groupindex) & _TAKEN)
    if taken:
        raise DeclarationError(
            f"{where}: path has the group(s) {', '.join(taken)}, which are columns of another meaning."
        )
    if not layout.extensions or not all(extension.startswith(".") for extension in layout.extensions):
        raise DeclarationError(f"{where}: extensions: expected endings such as '.jpg', found {layout.extensions}.")
    for attribute in (*LEVELLED, "viewpoint_deg"):
        table, group = getattr(layout, attribute), layout.group_of(attribute)
        if table != type(table)() and group not in layout.groups and not getattr(table, "absent", ""):
            raise DeclarationError(f"{where}: {attribute} reads the group '{group}', but path has {_named(layout)}.")
    try:
        layout.template.format_map(dict.fromkeys(layout.groups, ""))
    except (KeyError, ValueError, IndexError) as error:
        raise DeclarationError(f"{where}: template names {error}, but path has {_named(layout)}.") from error


def _named(layout: Layout) -> str:
    return f"the group(s) {', '.join(layout.groups)}" if layout.groups else "no named group"


def _check_words(layout: Layout, where: str) -> None:
    spoken = [("factors", layout.factors), ("functions", tuple(layout.functions)), ("unverified", layout.unverified)]
    for name, attributes in layout.functions.items():
        spoken.append((f"functions.{name}", attributes))
    for key, attributes in spoken:
        for attribute in attributes:
            if attribute not in ATTRIBUTES:
                raise DeclarationError(
                    f"{where}: {key}: unknown attribute '{attribute}'. {nearest(attribute, ATTRIBUTES)}"
                )
    for part, role in layout.roles.items():
        if role and role not in ROLES:
            raise DeclarationError(f"{where}: roles.{part}: unknown role '{role}'. {nearest(role, ROLES)}")
    if layout.roles and "part" not in layout.groups:
        raise DeclarationError(f"{where}: roles need a group (?P<part>...) in path; it has {_named(layout)}.")
    if layout.size and len(layout.size) != 2:
        raise DeclarationError(f"{where}: size: expected [width, height], found {list(layout.size)}.")


# What a renders.json may say about the layout of its folder, beside the tables below.
_SAID = ("factors", "licence", "functions")


def as_rendered(layout: Layout, said: Mapping[str, Any], where: str) -> Layout:
    """The layout with the degrees, levels and factors that a renders.json records; its digest covers them.

    `said` holds `degrees` (camera code -> degrees) and `weather`, `illumination`, `background` (code -> level), each
    optional. A background that is the only one stands for names that do not mention it.
    """
    changes: dict[str, Any] = {key: said[key] for key in _SAID if said.get(key)}
    tables: dict[str, Any] = {name: {"levels": said[name]} for name in LEVELLED if said.get(name)}
    if len(tables.get("background", {}).get("levels", ())) == 1:
        tables["background"]["absent"] = next(iter(said["background"].values()))
    if said.get("degrees"):
        tables["viewpoint_deg"] = {"degrees": said["degrees"]}
    if not changes and not tables:
        return layout
    bare = {"title": layout.title, "path": layout.path, **changes, **tables}
    spoken = strict(Layout, bare, where)
    kept = {name: getattr(spoken, name) for name in (*changes, *tables)}
    changed = replace(layout, **kept, digest=digest(layout.digest, repr(sorted(kept.items()))))
    _check_words(changed, where)
    return changed


def near_miss(layout: Layout, path: str) -> str:
    """One sentence on why a path does not match: how far it fits, and where it stops.

    >>> near_miss(load("gprplus"), "0001/0001_c13_w01_l01.jpg")
    "fits gprplus up to '0001/0001_c1', then '3_w01_l01.jpg' does not"
    """
    fitting = _fitting(layout, path)
    if fitting == len(path):
        return f"is a beginning of a name of {layout.name}, but not a whole one"
    if not fitting:
        return f"does not even begin like a name of {layout.name}"
    return f"fits {layout.name} up to '{path[:fitting]}', then '{path[fitting:]}' does not"


def _fitting(layout: Layout, path: str) -> int:
    """How many leading characters of the path begin some example of the layout with its digits changed freely."""
    longest = 0
    for example in layout.examples:
        for ending in range(len(path), longest, -1):
            candidate = path[:ending] + example[ending:]
            if layout.pattern.fullmatch(candidate):
                longest = ending
                break
    return longest
