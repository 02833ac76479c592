"""Trying a layout on a folder without building anything."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from gprplus.core.declarations import attributes
from gprplus.core.errors import LayoutError, closest
from gprplus.core.storage.remote_path import as_path
from gprplus.ingest.files.archive_members import list_images
from gprplus.ingest.layouts.decode import (
    drop_unreadable,
    empty_groups,
    token_table,
    unknown_tokens,
)
from gprplus.ingest.layouts.detect import detect_layout
from gprplus.ingest.layouts.explain_mismatch import explain_mismatch
from gprplus.ingest.layouts.layout import ATTRIBUTES, LEVELLED, Layout
from gprplus.ingest.layouts.match import match_names
from gprplus.ingest.sidecars.roles import add_roles, read_lists

ROWS, MISSES = 10, 3
# Attributes that a name alone determines.
COLUMNS = (
    "path",
    "identity",
    "camera",
    "viewpoint_deg",
    "weather",
    "illumination",
    "background",
    "frame",
    "role",
    "is_junk",
    "is_distractor",
)


@dataclass(frozen=True)
class LayoutPreview:
    """Preview of a layout on a folder: counts, some parsed rows from the whole folder, and the
    first names that do not match, with reasons; `unknown` are messages about tokens without a
    level, `doubts` about words that can be typos in the layout, `left_out` is one about images
    whose names begin with `_` or `.`.
    """

    layout: str
    files: int
    matched: int
    rows: list[dict[str, Any]]
    misses: list[tuple[str, str]]
    unknown: list[str]
    doubts: list[str]
    left_out: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the preview as plain values."""
        return asdict(self)


def preview_layout(
    folder: str | Path, layout: str | Path = "auto", *, rows: int = ROWS, misses: int = MISSES
) -> LayoutPreview:
    """Match every name under `folder` and decode a few.

    Raises LayoutError for no folder, or when "auto" finds no layout.
    """
    listing = list_images(as_path(folder))
    chosen = detect_layout(listing, layout)
    if chosen.layout.beside:
        listing = list_images(as_path(folder), chosen.layout.beside)
    paths = list(listing.paths())
    tokens = match_names(chosen.layout, paths, listing.views)
    fitting = [i for i, found in enumerate(tokens) if found is not None]
    shown = fitting[:: max(1, -(-len(fitting) // rows))][:rows]
    table = token_table(chosen.layout, chosen.name, [tokens[i] for i in shown])  # type: ignore[misc]
    table = table.append_column("path", pa.array([paths[i] for i in shown], pa.string()))
    images, odd = drop_unreadable(chosen.layout, chosen.name, table)
    if images is None and odd:
        raise LayoutError(f"{paths[shown[0]]}: {odd[0]}")
    listed = read_lists(listing, chosen.layout.lists)
    if listed.files and images is not None:
        images = add_roles(images, listed)
    missed = [path for path, found in zip(paths, tokens, strict=True) if found is None]
    by_group = dict(
        zip(chosen.layout.groups, zip(*filter(None, tokens), strict=True), strict=False)
    )
    unread = [(paths[shown[row]], f"cannot be read: {why.rstrip('.')}") for row, why in odd.items()]
    return LayoutPreview(
        chosen.layout.name,
        len(paths),
        len(fitting),
        images.select([*COLUMNS, *chosen.layout.attributes]).to_pylist()
        if images is not None
        else [],
        [*unread, *((path, explain_mismatch(chosen.layout, path)) for path in missed[:misses])][
            :misses
        ],
        unknown_tokens(chosen.layout, by_group),
        [*empty_groups(chosen.layout, by_group), *_doubts(chosen.layout)],
        listing.hidden.sentence if listing.hidden else "",
    )


def _doubts(layout: Layout) -> list[str]:
    """Return messages about likely typos in a layout: a group or a level that is similar to a known
    one."""
    sentences = []
    for group in layout.groups:
        names = [*ATTRIBUTES, *layout.attributes]
        read = any(group in layout.groups_of(name) for name in names)
        meant = None if read else closest(group, names)
        if meant and meant not in layout.groups:
            sentences.append(
                f"The group '{group}' is not an attribute and only distinguishes images. Did you"
                f" mean '{meant}'?"
            )
    for name in LEVELLED:
        known = attributes()[name].levels
        for token, level in getattr(layout, name).levels.items():
            meant = None if level in known else closest(level, known)
            if meant:
                sentences.append(
                    f"{name}.levels.{token}: '{level}' is a new level. Did you mean '{meant}'?"
                )
    return sentences
