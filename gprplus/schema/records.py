"""Common parts of the JSON records, and renders.json.

A record may come from another machine. The functions of `split_record`, `manifest_record`,
`run_record` and of this module check every key: its type, and that each name which becomes part of
a path is a plain name. Unknown keys are refused, since a later version may mean by them what this
one would not count. Those of renders.json are ignored: other programs write it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from gprplus.core.errors import GprplusError, LayoutError
from gprplus.core.files.safe_names import plain_name
from gprplus.core.typed import parse_typed

Level = str | int
Protocol = Literal[
    "camera", "viewpoint", "no-camera"
]  # which column must differ between query and match


@dataclass(frozen=True)
class DatasetRecord:
    """A dataset in splits and targets; `root` is relative to the folder of the record, or
    absolute."""

    root: str
    licence: str | None = None
    title: str | None = None
    images: int | None = None
    identities: int | None = None
    fingerprint: str | None = None


@dataclass(frozen=True)
class RendersRecord:
    """The file renders.json next to images: the meaning of their names. Code tables map a token of
    a name to a level.
    """

    layout: str | None = None
    name: str | None = None
    title: str | None = None
    licence: str | None = None
    status: str | None = None
    images: int | None = None
    identities: int | None = None
    factors: list[str] = field(default_factory=list)
    degrees: dict[str, float | None] = field(default_factory=dict)
    weather: dict[str, str | None] = field(default_factory=dict)
    illumination: dict[str, str | None] = field(default_factory=dict)
    background: dict[str, str | None] = field(default_factory=dict)
    groups: dict[str, str | list[str]] = field(default_factory=dict)
    functions: dict[str, list[str]] = field(default_factory=dict)
    expected: dict[str, Any] = field(default_factory=dict)


def renders_record(info: Mapping[str, Any], where: Path) -> RendersRecord:
    """Return renders.json as a record. Raises LayoutError."""
    return parse_typed(RendersRecord, info, str(where), LayoutError, strict=False)


def require_plain(names: Iterable[str], where: str, error: type[GprplusError]) -> None:
    """Raise `error` unless every name can be part of a path."""
    for name in names:
        plain_name(name, where, error)
