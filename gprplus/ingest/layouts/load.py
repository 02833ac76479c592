"""Loading of layouts from TOML: shipped ones by name, a user's by its file, each validated before
use."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from typing import Any

from gprplus.core import declarations
from gprplus.core.declarations import Declaration, from_mapping, load_declaration
from gprplus.core.errors import DeclarationError, did_you_mean
from gprplus.core.files.safe_names import plain_path
from gprplus.core.hashing import sha256_digest
from gprplus.ingest.layouts import templates
from gprplus.ingest.layouts.explain_mismatch import explain_by_pattern
from gprplus.ingest.layouts.layout import ATTRIBUTES, LEVELLED, Layout
from gprplus.ingest.layouts.tokens import (
    ConcatenatedTokens,
    DegreeTokens,
    ExpectedCounts,
    LevelTokens,
)
from gprplus.schema import IMAGES, REJECTED, ROLES, SCAN

# Columns that no group may be called after, lest a token be taken for a size or a date.
_TAKEN = frozenset(column.name for column in (*IMAGES, *REJECTED, *SCAN)) - {
    "identity",
    "camera",
    "frame",
    *LEVELLED,
} | {"fresh"}


def load_layout(name: str | Path) -> Layout:
    """A shipped layout by name, or a user's own by the path of its `.toml` file. Raises
    DeclarationError."""
    if str(name) in declarations.declaration_names("layouts"):
        return _shipped(str(name))
    return from_declaration(load_declaration("layouts", name))


@cache  # detection reads all of them for each folder of images
def _shipped(name: str) -> Layout:
    return from_declaration(load_declaration("layouts", name))


def shipped_layouts() -> list[Layout]:
    """Return every layout that gprplus ships, sorted by name."""
    return [_shipped(name) for name in declarations.declaration_names("layouts")]


def from_declaration(declaration: Declaration) -> Layout:
    """The layout a TOML file declares, checked: pattern, groups, attributes, roles and its own
    examples."""
    where = declaration.where
    for key in ("name", "digest", "shipped"):
        if key in declaration.data:
            raise DeclarationError(
                f"{where}: '{key}' is not a key; a layout is named after its file."
            )
    layout = replace(
        from_mapping(Layout, declaration.data, where),
        name=declaration.name,
        digest=declaration.digest,
        shipped=declaration.shipped,
    )
    _check_pattern(layout, where)
    _check_templates(layout, where)
    _check_words(layout, where)
    _check_own(layout, where)
    _check_roles(layout, where)
    _check_examples(layout, where)
    return layout


def _check_pattern(layout: Layout, where: str) -> None:
    if not all(extension.startswith(".") for extension in layout.extensions):
        raise DeclarationError(
            f"{where}: extensions: expected endings such as '.jpg', found {layout.extensions}."
        )
    groups = _groups(layout, where)
    for attribute in (
        "identity",
        *(["camera"] if layout.camera != ConcatenatedTokens(("camera",)) else []),
    ):
        absent = [group for group in layout.groups_of(attribute) or ("...",) if group not in groups]
        if absent:
            raise DeclarationError(
                f"{where}: path has no group (?P<{absent[0]}>...) to read {attribute} from; it has"
                f" {_named(layout)}."
            )
    taken = sorted(set(groups) & _TAKEN)
    if taken:
        raise DeclarationError(
            f"{where}: path has the group(s) {', '.join(taken)}, which are columns of another"
            " meaning."
        )
    for attribute in (*LEVELLED, "viewpoint_deg"):
        table, (group,) = getattr(layout, attribute), layout.groups_of(attribute)
        if table != type(table)() and group not in groups and not getattr(table, "absent", ""):
            raise DeclarationError(
                f"{where}: {attribute} reads the group '{group}', but path has {_named(layout)}. "
                f"{did_you_mean(group, groups)}"
            )


def _groups(layout: Layout, where: str) -> tuple[str, ...]:
    """The named groups of a path that is a pattern within the limits."""
    try:
        pattern = layout.pattern
    except re.error as error:
        twice = (
            " Each group occurs once: give the second another name."
            if "redefinition" in str(error)
            else ""
        )
        raise DeclarationError(
            f"{where}: path is no regular expression: {error}.{twice}"
        ) from error
    except (RecursionError, OverflowError):
        raise DeclarationError(
            f"{where}: path is nested too deeply, or repeats too often."
        ) from None
    except DeclarationError as error:
        raise DeclarationError(f"{where}: path: {error}") from None
    if pattern.groups > len(layout.groups):
        raise DeclarationError(
            f"{where}: path has a group without a name. Write (?:...) for one that is no token,"
            " (?P<name>...) for one that is."
        )
    return layout.groups


def _check_templates(layout: Layout, where: str) -> None:
    """Format strings have the fields that they may have."""
    known = {f"{name}.numbered": (getattr(layout, name).numbered, ("",)) for name in LEVELLED}
    known |= {
        f"attributes.{name}.tokens.numbered": (one.tokens.numbered, ("",))
        for name, one in layout.attributes.items()
    }
    for key, (template, names) in {"template": (layout.template, layout.groups), **known}.items():
        try:
            used = templates.template_fields(template)
        except DeclarationError as error:
            raise DeclarationError(f"{where}: {key}: {error}") from None
        for one in used:
            if one.name is not None and (
                one.name not in names or (one.name and one.digits is not None)
            ):
                expected = (
                    f"path has {_named(layout)}"
                    if key == "template"
                    else "a number is written as {} or {:0Nd}"
                )
                raise DeclarationError(f"{where}: {key} names '{one.name}', but {expected}.")


def _named(layout: Layout) -> str:
    return f"the group(s) {', '.join(layout.groups)}" if layout.groups else "no named group"


def _check_words(layout: Layout, where: str) -> None:
    words = [
        ("factors", layout.factors),
        ("functions", tuple(layout.functions)),
        ("unverified", layout.unverified),
    ]
    for name, attributes in layout.functions.items():
        words.append((f"functions.{name}", attributes))
    known = [*ATTRIBUTES, *layout.attributes]
    for key, attributes in words:
        for attribute in attributes:
            if attribute not in known:
                raise DeclarationError(
                    f"{where}: {key}: unknown attribute '{attribute}'."
                    f" {did_you_mean(attribute, known)}"
                )
    for name in LEVELLED:
        for token, level in getattr(layout, name).levels.items():
            if level != (written := "-".join(level.lower().split())):
                raise DeclarationError(
                    f"{where}: {name}.levels.{token}: a level is written in lower case, with dashes"
                    f" for blanks: expected '{written}', found '{level}'."
                )
    for group in layout.single:
        if group not in layout.groups:
            raise DeclarationError(
                f"{where}: single: there is no group '{group}'."
                f" {did_you_mean(group, layout.groups)}"
            )
    turn = layout.viewpoint_deg
    if (turn.offset is None) != (turn.step is None):
        absent = "offset" if turn.offset is None else "step"
        raise DeclarationError(
            f"{where}: viewpoint_deg: {absent} is missing; degrees are offset + step x code, or a"
            " table of degrees."
        )
    for token, degrees in turn.degrees.items():
        if abs(degrees) > 360:
            raise DeclarationError(
                f"{where}: viewpoint_deg.degrees.{token}: expected -360 to 360, found {degrees}."
            )
    if layout.size and len(layout.size) != 2:
        raise DeclarationError(
            f"{where}: size: expected [width, height], found {list(layout.size)}."
        )


def _check_own(layout: Layout, where: str) -> None:
    """The attributes that a layout declares: their declarations, groups and levels."""
    try:
        own = layout.own_attributes
    except DeclarationError as error:
        raise DeclarationError(
            str(error).replace(f"layout '{layout.name}': attributes", f"{where}: attributes", 1)
        ) from None
    for name, one in layout.attributes.items():
        (group,) = layout.groups_of(name)
        given = one.tokens != LevelTokens()
        if given and group not in layout.groups and not one.tokens.absent:
            raise DeclarationError(
                f"{where}: attributes.{name}: tokens are read from the group '{group}', but path has"
                f" {_named(layout)}. {did_you_mean(group, layout.groups)}"
            )
        for token, level in one.tokens.levels.items():
            if own[name].levels and level not in own[name].levels:
                raise DeclarationError(
                    f"{where}: attributes.{name}.tokens.levels.{token}: there is no level"
                    f" '{level}'. {did_you_mean(level, own[name].levels)}"
                )


def _check_roles(layout: Layout, where: str) -> None:
    given = {"role": layout.role, **{f"roles.{part}": role for part, role in layout.roles.items()}}
    for i, item in enumerate(layout.lists):
        given |= {f"lists[{i}].positions.{name}": role for name, role in item.positions.items()}
        given[f"lists[{i}].role"] = item.role
        for key, path in (("file", item.file), ("below", item.below)):
            if path or key == "file":
                plain_path(path, f"{where}: lists[{i}].{key}", DeclarationError)
        if bool(item.role) == bool(item.positions) or bool(item.positions) != bool(item.paths):
            raise DeclarationError(
                f"{where}: lists[{i}]: expected a role for a text file, or paths and positions for"
                " a MATLAB file."
            )
    for key, role in {
        **given,
        **{f"expected.roles.{role}": role for role in layout.expected.roles},
    }.items():
        if role and role not in ROLES:
            raise DeclarationError(
                f"{where}: {key}: unknown role '{role}'. {did_you_mean(role, ROLES)}"
            )
    if layout.roles and "part" not in layout.groups:
        raise DeclarationError(
            f"{where}: roles need a group (?P<part>...) in path; it has {_named(layout)}."
        )


def _check_examples(layout: Layout, where: str) -> None:
    for example in layout.examples:
        found = layout.pattern.fullmatch(example)
        if not found:
            raise DeclarationError(
                f"{where}: its own example '{example}' {explain_by_pattern(layout, example)}."
            )
        if any(found[group] is None for group in layout.identity.groups):
            raise DeclarationError(
                f"{where}: its own example '{example}' does not name a whole identity."
            )


# Layout keys of a renders.json, in addition to the tables below.
_SAID = ("title", "licence", "status", "factors", "functions", "expected")


@dataclass(frozen=True)
class _Tables:
    degrees: dict[str, int] = field(default_factory=dict)
    weather: dict[str, str] = field(default_factory=dict)
    illumination: dict[str, str] = field(default_factory=dict)
    background: dict[str, str] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)


_TABLES = tuple(one.name for one in fields(_Tables))


# The names under which a layout's tables enter its digest: those of version 0.1, so that manifests
# stay up to date.
_DIGEST_NAMES = {LevelTokens: "Levels", DegreeTokens: "Degrees", ExpectedCounts: "Expected"}


def _digest_text(tables: Mapping[str, Any]) -> str:
    """The tables that renders.json adds to a layout, as the text that its digest covers."""
    return f"[{', '.join(f'({name!r}, {_table_text(tables[name])})' for name in sorted(tables))}]"


def _table_text(table: Any) -> str:
    if type(table) not in _DIGEST_NAMES:
        return repr(table)
    names = [one.name for one in fields(table) if one.name != "scale"]  # renders.json has none
    values = ", ".join(f"{name}={getattr(table, name)!r}" for name in names)
    return f"{_DIGEST_NAMES[type(table)]}({values})"


def rendered_layout(layout: Layout, rendered: Mapping[str, Any], where: str) -> Layout:
    """Return the layout with the degrees, levels and factors of a renders.json; its digest covers
    them.

    `rendered` has `degrees` (camera code -> degrees) and `weather`, `illumination`, `background` (code
    -> level), each optional; `groups` maps such a table to its group. A single background is the
    level of names without a background.
    """
    tabled = from_mapping(
        _Tables, {key: rendered[key] for key in _TABLES if rendered.get(key)}, where
    )
    changes: dict[str, Any] = {key: rendered[key] for key in _SAID if rendered.get(key)}
    tables: dict[str, Any] = {
        name: {"levels": found} for name in LEVELLED if (found := getattr(tabled, name))
    }
    if len(tabled.background) == 1:
        tables["background"]["absent"] = next(iter(tabled.background.values()))
    for name, group in tabled.groups.items():
        if name not in (*LEVELLED, "viewpoint_deg"):
            raise DeclarationError(
                f"{where}: groups: unknown attribute '{name}'. {did_you_mean(name, ATTRIBUTES)}"
            )
        tables.setdefault(name, {})["group"] = group
    if tabled.degrees:
        tables["viewpoint_deg"] = {**tables.get("viewpoint_deg", {}), "degrees": tabled.degrees}
    if not changes and not tables:
        return layout
    bare = {"title": layout.title, "path": layout.path, **changes, **tables}
    parsed = from_mapping(Layout, bare, where)
    kept = {name: getattr(parsed, name) for name in (*changes, *tables)}
    changed = replace(layout, **kept, digest=sha256_digest(layout.digest, _digest_text(kept)))
    _check_pattern(changed, where)
    _check_words(changed, where)
    return changed
