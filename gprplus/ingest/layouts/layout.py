"""Layouts: the naming scheme of a dataset, as one TOML file each under manifests/layouts.

A layout is a regular expression over the path below the root of the dataset (without the
extension), whose named groups are the raw tokens, and small tables (tokens.py) that convert tokens
to levels, degrees and numbers. The groups `identity`, `camera`, `frame`, `weather`, `illumination`,
`background` and `part` have a fixed meaning; a table can read another group, or several together;
any other group only distinguishes images.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from gprplus.core.declarations import Attribute
from gprplus.core.errors import DeclarationError
from gprplus.ingest.layouts.patterns import Pattern, compile_pattern
from gprplus.ingest.layouts.templates import fill_template
from gprplus.ingest.layouts.tokens import (
    ConcatenatedTokens,
    DegreeTokens,
    EngineLogRule,
    ExpectedCounts,
    LayoutAttribute,
    LevelTokens,
    RepeatedPassRule,
    RoleListRule,
    parse_number,
)
from gprplus.schema.own_attributes import parse_attributes

LEVELLED = ("weather", "illumination", "background")

# Extensions of a layout that declares none, in lower case; the first is written by exports.
DEFAULT_ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".avif")

# Everything a layout's factors and functions may speak of.
ATTRIBUTES = ("identity", "camera", "viewpoint_deg", *LEVELLED)


@dataclass(frozen=True)
class Layout:
    """A declared layout; the fields are the keys of its TOML file, except for `name`, `digest` and
    `shipped`.

    `factors` are the attributes crossed with each other, `functions` maps an attribute to those
    that determine it, `format` and `size` (width, height) are the expected properties of the bytes,
    and distinguish layouts with equal names. `roles` maps part folders to roles, `role` is the role
    of all images if there is only one; `lists` are role files with priority over folders. `single`
    names groups that must have one value in a dataset (two croppings of the same identities, which
    must not be mixed). `attributes` declares attributes of its own. A `general`
    layout is considered only if no other fits; `automatic` is false if it must be named. `codes`
    is the code table of its attribute files
    (sidecars/identity_codes.py). `doubled` is a pass that repeats another (gta/repeated_pass.py),
    `log` the format of the engine log (gta/log.py).
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
    extensions: tuple[str, ...] = ()
    format: str = ""
    size: tuple[int, ...] = ()
    functions: dict[str, tuple[str, ...]] = field(default_factory=dict)
    unverified: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    automatic: bool = True
    general: bool = False
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
    attributes: dict[str, LayoutAttribute] = field(default_factory=dict)
    doubled: RepeatedPassRule = field(default_factory=RepeatedPassRule)
    log: EngineLogRule | None = None
    expected: ExpectedCounts = field(default_factory=ExpectedCounts)
    examples: tuple[str, ...] = ()

    @cached_property
    def pattern(self) -> Pattern:
        """The whole expression, extension included, meant for `fullmatch`; digits are ASCII digits.

        Upper and lower case are the same in the extension alone: cameras and Windows write .JPG.
        """
        endings = "|".join(re.escape(extension) for extension in self.endings)
        return compile_pattern(f"(?:{self.path})(?i:{endings})", self.name, trusted=self.shipped)

    @property
    def endings(self) -> tuple[str, ...]:
        """Return the extensions of its files: the declared ones, else those of every image format."""
        return self.extensions or DEFAULT_ENDINGS

    @cached_property
    def groups(self) -> tuple[str, ...]:
        """Return the named groups, in the order of the pattern."""
        return tuple(self.pattern.groupindex)

    @cached_property
    def own_attributes(self) -> dict[str, Attribute]:
        """Return the attributes that the layout declares in addition to those of every manifest."""
        tables: dict[str, dict[str, Any]] = {}
        for name, one in self.attributes.items():
            given = {key: value for key, value in vars(one).items() if value and key != "tokens"}
            tables[name] = given
        return parse_attributes(tables, f"layout '{self.name}': attributes")

    def groups_of(self, attribute: str) -> tuple[str, ...]:
        """The groups that an attribute is read from."""
        if attribute in self.attributes:
            return (self.attributes[attribute].tokens.group or attribute,)
        table = getattr(self, attribute, None)
        return (
            table.groups
            if isinstance(table, ConcatenatedTokens)
            else (getattr(table, "group", "") or attribute,)
        )

    def camera_number(self, token: str | None) -> int | None:
        """Return the camera of a token, or of several joined ones, as a number."""
        return parse_number(self.camera.renamed(token))

    def role_of(self, part: str | None) -> str | None:
        """Return the role of an image by its part folder; None if the folder does not determine
        it."""
        return self.roles.get(part or "", self.role) or None

    @property
    def beside(self) -> tuple[str, ...]:
        """File names under the root that are no images of the dataset."""
        return (*self.ignore, *(Path(item.file).name for item in self.lists))

    def write_path(self, tokens: Mapping[str, str]) -> str:
        """The path of an image from its raw tokens: the inverse of the pattern, for layouts with a
        template."""
        if not self.template:
            raise DeclarationError(
                f"layout '{self.name}' declares no template, so no path can be written in it."
            )
        return fill_template(self.template, tokens) + self.endings[0]
