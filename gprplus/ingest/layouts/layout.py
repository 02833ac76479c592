"""Layouts: how a dataset names its files, as one TOML file each under manifests/layouts.

A layout is a regular expression over the path below the dataset's root (without the extension), whose named groups are
the raw tokens, and small tables (tokens.py) that turn tokens into levels, degrees and numbers. The groups `identity`,
`camera`, `frame`, `weather`, `illumination`, `background` and `part` are known by name; a table may read another group,
or several together; any other group only helps to tell images apart.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from gprplus.core.errors import DeclarationError
from gprplus.ingest.layouts.patterns import Pattern, compile_pattern
from gprplus.ingest.layouts.templates import fill_template
from gprplus.ingest.layouts.tokens import (
    ConcatenatedTokens,
    DegreeTokens,
    EngineLogRule,
    ExpectedCounts,
    LevelTokens,
    RepeatedPassRule,
    RoleListRule,
)

LEVELLED = ("weather", "illumination", "background")

# Everything a layout's factors and functions may speak of.
ATTRIBUTES = ("identity", "camera", "viewpoint_deg", *LEVELLED)


@dataclass(frozen=True)
class Layout:
    """One declared layout; the fields are the keys of its TOML file, but for `name`, `digest` and `shipped`.

    `factors` are the attributes crossed with each other, `functions` maps an attribute to those that determine it,
    `format` and `size` (width, height) say what the bytes should be, and settle between layouts that share names.
    `roles` maps part folders to roles, `role` is everybody's where the whole dataset has one; `lists` are files that
    know better. `single` names groups that must say the same of every image of a dataset (two croppings of the same
    people, which must not be mixed). `codes` is the code table of its attribute files (beside/codes.py). `doubled` is a
    pass that repeats another (generator/doubles.py), `log` how the engine's log speaks (generator/log.py).
    """

    title: str
    path: str
    factors: tuple[str, ...] = ()
    name: str = ""
    digest: str = ""
    shipped: bool = False
    paper: str = ""
    source: str = ""
    licence: str = "not stated"
    status: str = "not stated"
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
    single: tuple[str, ...] = ()
    codes: str = ""
    role: str = ""
    roles: dict[str, str] = field(default_factory=dict)
    lists: tuple[RoleListRule, ...] = ()
    identity: ConcatenatedTokens = field(default_factory=lambda: ConcatenatedTokens(("identity",)))
    camera: ConcatenatedTokens = field(default_factory=lambda: ConcatenatedTokens(("camera",)))
    weather: LevelTokens = field(default_factory=LevelTokens)
    illumination: LevelTokens = field(default_factory=LevelTokens)
    background: LevelTokens = field(default_factory=LevelTokens)
    viewpoint_deg: DegreeTokens = field(default_factory=DegreeTokens)
    doubled: RepeatedPassRule = field(default_factory=RepeatedPassRule)
    log: EngineLogRule | None = None
    expected: ExpectedCounts = field(default_factory=ExpectedCounts)
    examples: tuple[str, ...] = ()

    @cached_property
    def pattern(self) -> Pattern:
        """The whole expression, extension included, meant for `fullmatch`; digits are ASCII digits.

        Upper and lower case are the same in the extension alone: cameras and Windows write .JPG.
        """
        endings = "|".join(re.escape(extension) for extension in self.extensions)
        return compile_pattern(f"(?:{self.path})(?i:{endings})", self.name, trusted=self.shipped)

    @cached_property
    def groups(self) -> tuple[str, ...]:
        """The named groups, in the order they stand in the pattern."""
        return tuple(self.pattern.groupindex)

    def groups_of(self, attribute: str) -> tuple[str, ...]:
        """The groups that an attribute is read from."""
        table = getattr(self, attribute, None)
        return table.groups if isinstance(table, ConcatenatedTokens) else (getattr(table, "group", "") or attribute,)

    def role_of(self, part: str | None) -> str | None:
        """The role of an image by its part folder; None when the folder does not tell."""
        return self.roles.get(part or "", self.role) or None

    @property
    def beside(self) -> tuple[str, ...]:
        """File names under the root that are no images of the dataset."""
        return (*self.ignore, *(Path(item.file).name for item in self.lists))

    def write_path(self, tokens: Mapping[str, str]) -> str:
        """The path of an image from its raw tokens: the inverse of the pattern, for layouts with a template."""
        if not self.template:
            raise DeclarationError(f"layout '{self.name}' declares no template, so no path can be written in it.")
        return fill_template(self.template, tokens) + self.extensions[0]
