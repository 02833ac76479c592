"""Layout detection: from renders.json, or from the names and, if several layouts match, from the
bytes.

Ties are never guessed: if two layouts match equally, the folder is refused and the candidates are
named.
"""

import json
import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from pathlib import Path
from typing import Any

from gprplus import archives
from gprplus.core import declarations
from gprplus.core.errors import DeclarationError, LayoutError, closest, escape, first_few
from gprplus.core.files.safe_names import plain_name
from gprplus.core.files.workdir import read_json
from gprplus.core.imaging.image_headers import EXTENSIONS
from gprplus.core.storage.address import is_address
from gprplus.ingest.files.archive_members import sidecar_path
from gprplus.ingest.files.archive_paths import ArchivePathVariants
from gprplus.ingest.files.classify import Probe
from gprplus.ingest.files.listing import Listing, hidden_or_empty
from gprplus.ingest.files.probe_members import probe_members
from gprplus.ingest.layouts.explain_mismatch import explain_mismatch, suffix_that_matches
from gprplus.ingest.layouts.layout import Layout
from gprplus.ingest.layouts.load import (
    from_declaration,
    load_layout,
    rendered_layout,
    shipped_layouts,
)
from gprplus.ingest.layouts.match import match_names
from gprplus.schema.records import renders_record

SAMPLE = 2000  # names in the sample
OPENED = 16  # files opened to resolve a tie
ENOUGH = 0.5  # share of the sample that a layout must match to be picked by itself


@dataclass(frozen=True)
class DetectedLayout:
    """The layout of a folder and the name of the dataset; `named` if the user gave that name."""

    layout: Layout
    name: str
    named: bool


def detect_layout(
    listing: Listing, layout: str | Path = "auto", name: str | None = None
) -> DetectedLayout:
    """The layout and name of the folder that was listed. Raises LayoutError or DeclarationError."""
    rendered = from_renders_json(listing)
    if layout == "auto":
        found = (
            _recorded(listing, rendered["layout"]) if rendered.get("layout") else _by_names(listing)
        )
    else:
        found = load_layout(layout)
    if rendered.get("layout") == found.name:
        found = rendered_layout(found, rendered, str(sidecar_path(listing, "renders.json")))
    where = "--name" if name else f"{sidecar_path(listing, 'renders.json')}: name"
    called = plain_name(name or rendered.get("name") or found.name, where, LayoutError)
    return DetectedLayout(found, called, bool(name or rendered.get("name")))


def _recorded(listing: Listing, name: Any) -> Layout:
    """The layout that renders.json names: a shipped one, or a TOML file in the same folder.

    A path is refused: a record from elsewhere must not choose which files of this machine are read.
    """
    record = sidecar_path(listing, "renders.json")
    text = str(name)
    if text in declarations.declaration_names("layouts"):
        return load_layout(text)
    if text.endswith(".toml") and not set(text) & set("/\\\0"):
        place = sidecar_path(listing, text)
        if archives.exists(place):
            return from_declaration(declarations.parse_toml(place, archives.read_file(place)))
        raise DeclarationError(f"{record}: layout: there is no file {escape(text)} in its folder.")
    meant = closest(text[:80], declarations.declaration_names("layouts"))
    hint = f" Did you mean '{meant}'?" if meant else ""
    raise DeclarationError(
        f"{record}: layout: expected a name from `gprplus layouts` or a TOML file in the same"
        f" folder, found '{escape(text[:80])}'.{hint} For a file elsewhere, give --layout"
        " FILE.toml."
    )


def from_renders_json(listing: Listing) -> dict[str, Any]:
    """Return the content of renders.json in the folder or archive; empty if there is none.

    A render in progress has only its request: its names are those of GPR+, and a partial one must
    not be detected as GPR+.
    """
    path = sidecar_path(listing, "renders.json")
    there = archives.exists(path)
    if not there and archives.exists(sidecar_path(listing, "_request.json")):
        raise LayoutError(
            f"{listing.root} is not finished. Run the command that makes it again (`gprplus"
            " render`, or frames_to_crops): it continues."
        )
    if not there:
        return {}
    rendered = read_json(path, LayoutError, "the record of a render")
    renders_record(rendered, path)
    return rendered


def _by_names(listing: Listing) -> Layout:
    names = sample_paths(listing)
    if not names:
        raise LayoutError(
            f"There is no image file under {listing.root}: {describe_folder(listing)}"
        )
    known = shipped_layouts()
    shares = {layout.name: match_share(layout, names, listing.views) for layout in known}
    selectable = [layout for layout in known if layout.automatic and not layout.general]
    best = max((shares[layout.name] for layout in selectable), default=0.0)
    if best < ENOUGH and not _but_for_ending(listing, selectable, names):
        selectable = [layout for layout in known if layout.automatic and layout.general]
        best = max((shares[layout.name] for layout in selectable), default=0.0)
    if best < ENOUGH:
        specific = [layout for layout in known if not layout.general]
        raise LayoutError(_nothing_fits(listing, specific, shares, names))
    candidates = [layout for layout in selectable if shares[layout.name] == best]
    if len(candidates) > 1:
        candidates = _agreeing_candidates(listing, candidates, names)
    if len(candidates) > 1:
        found = " and ".join(layout.name for layout in candidates)
        raise LayoutError(
            f"{listing.root} matches the layouts {found} equally ({best:.0%} of {len(names):,}"
            f" names, such as {names[0]}), and format and size of the files do not distinguish"
            f" them. Select one with --layout {candidates[0].name} or another name."
        )
    return candidates[0]


def sample_paths(listing: Listing, limit: int = SAMPLE) -> list[str]:
    """Return up to `limit` names, evenly spaced over the files with an image extension."""
    step = max(1, len(listing) // (4 * limit))
    names = [
        path for path in listing.paths(step) if os.path.splitext(path)[1].lower() in EXTENSIONS
    ]
    return names[:: max(1, -(-len(names) // limit))]


def match_share(
    layout: Layout, names: Sequence[str], views: ArchivePathVariants | None = None
) -> float:
    """Return the share of names that match the layout, 0-1."""
    return sum(row is not None for row in match_names(layout, names, views)) / len(names)


def _agreeing_candidates(
    listing: Listing, candidates: list[Layout], names: Sequence[str]
) -> list[Layout]:
    """Return the candidates whose declared format and size agree best with the bytes of some
    files."""
    tokens = match_names(candidates[0], names, listing.views)
    shown = [name for name, row in zip(names, tokens, strict=True) if row is not None]
    shown = shown[:: max(1, len(shown) // OPENED)][:OPENED]
    probes = [
        probe for probe in probe_members(str(listing.root), shown, "header") if probe.reason is None
    ]
    agreement = [sum(_agrees(layout, probe) for probe in probes) for layout in candidates]
    return [
        layout
        for layout, score in zip(candidates, agreement, strict=True)
        if score == max(agreement)
    ]


def _agrees(layout: Layout, probe: Probe) -> int:
    return 2 * (layout.size == (probe.width, probe.height)) + (layout.format == probe.format)


def describe_folder(listing: Listing) -> str:
    """A clause about what a folder or archive holds instead of images."""
    names = [path for path, _ in zip(listing.paths(), range(4), strict=False)]
    if not names and listing.refused:
        first = listing.refused[0]
        more = f", and {len(listing.refused) - 1:,} more" if len(listing.refused) > 1 else ""
        return f"nothing in it can be read ({first.reason}: {first.detail.rstrip('.')}{more})."
    if not names:
        return hidden_or_empty(listing)
    packed = f" {archives.UNPACK}" if any(map(archives.is_packed, names)) else ""
    return f"it holds {len(listing):,} other files, such as {first_few(names, 2)}.{packed}"


def _nothing_fits(
    listing: Listing, known: list[Layout], shares: dict[str, float], names: Sequence[str]
) -> str:
    nearly = max(known, key=lambda layout: (shares[layout.name], layout.automatic))
    if shares[nearly.name] >= ENOUGH:
        return (
            f"The names under {listing.root} match only '{nearly.name}', which is never selected"
            f" automatically. To use it, pass --layout {nearly.name}."
        )
    below = _one_folder_down(names, known)
    if below:
        return (
            f"No known layout fits the names under {listing.root}, but below"
            f" {listing.root / below[0]} they fit '{below[1]}'. Give that folder."
        )
    nearly_all = _but_for_ending(listing, known, names) or _beside_others(listing, nearly, names)
    if nearly_all:
        return nearly_all
    frames = _frames(listing)
    if frames:
        raise LayoutError(
            f"No known layout matches the names under {listing.root}, such as {names[0]}, and"
            f" {frames} describes whole frames. Cut them into crops first, with `python"
            f" tools/frames_to_crops.py {listing.root} --coco {listing.root / frames} -o CROPS`,"
            " and give the folder CROPS."
        )
    miss = next(
        name
        for name, row in zip(names, match_names(nearly, names, listing.views), strict=True)
        if row is None
    )
    why = (
        f" (the nearest: {miss} {explain_mismatch(nearly, miss)})"
        if shares[nearly.name] > 0
        else ""
    )
    folder = shlex.quote(str(listing.root))
    native = (
        " Frames and videos of an engine are cut into crops from local folders only: if these are"
        " some, download them first."
        if is_address(listing.root)
        else ""
    )
    return (
        f"No known layout fits the names under {listing.root}, such as {first_few(names[:3])}{why}."
        f"{native} Known: {', '.join(layout.name for layout in known)}. If each folder holds one identity,"
        f" pass --layout identity_folders; else `gprplus layouts new {folder}` proposes a layout file,"
        f" for `gprplus build-manifest {folder} --layout FILE.toml`."
    )


def _but_for_ending(listing: Listing, known: list[Layout], names: Sequence[str]) -> str:
    """Return the advice if the names match a layout except for their extension; "" otherwise."""
    for layout in known:
        endings = (
            [ending for name in names if (ending := suffix_that_matches(layout, name))]
            if layout.automatic
            else []
        )
        if len(endings) >= ENOUGH * len(names):
            found, expected = sorted(set(endings)), " or ".join(layout.endings)
            return (
                f"The names under {listing.root} fit '{layout.name}' but for their ending:"
                f" {first_few(found)} in place of {expected}. Copy the layout with `gprplus layouts"
                f" show {layout.name} > mine.toml`, write extensions = {json.dumps(found)} in it,"
                " and give --layout mine.toml."
            )
    return ""


def _beside_others(listing: Listing, layout: Layout, names: Sequence[str]) -> str:
    """Return the advice if some folders match a layout and others do not match at all; ""
    otherwise."""
    fits = [row is not None for row in match_names(layout, names, listing.views)]
    tops = [name.partition("/")[0] if "/" in name else "" for name in names]
    fitting, others = (
        set(compress(tops, fits)),
        sorted({top for top, fit in zip(tops, fits, strict=True) if not fit}),
    )
    if sum(fits) < 0.1 * len(names) or "" in others or not fitting.isdisjoint(others):
        return ""
    return (
        f"{sum(fits):,} of {len(names):,} names under {listing.root} match '{layout.name}'; the"
        f" others are under {first_few(others)}. Give --layout {layout.name} to read the first and"
        " reject the others."
    )


def _frames(listing: Listing) -> str | None:
    """Find COCO annotations of whole frames among the files of a folder; there is no layout for
    frames."""
    if is_address(listing.root) or not listing.root.is_dir():
        return None
    found = (
        path
        for pattern in ("*.json", "*annotations/*.json")
        for path in sorted(listing.root.glob(pattern))
    )
    return next(
        (path.relative_to(listing.root).as_posix() for path in found if _is_coco(path)), None
    )


def _is_coco(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            head = file.read(65_536)
    except OSError:
        return False
    return b'"images"' in head and b'"file_name"' in head


def _one_folder_down(names: Sequence[str], known: list[Layout]) -> tuple[str, str] | None:
    """Return (folder, layout) if all names are in one folder and match a layout relative to it: a
    wrong root."""
    tops = {name.partition("/")[0] for name in names}
    inner = [name.partition("/")[2] for name in names]
    fitting = [
        layout.name for layout in known if layout.automatic and match_share(layout, inner) >= ENOUGH
    ]
    return (tops.pop(), fitting[0]) if len(tops) == 1 and fitting else None


def render_folders(folder: Path) -> list[Path]:
    """Return every folder or archive of renders under one folder, sorted. Raises LayoutError if
    there is none."""
    inside = sorted(folder.iterdir()) if folder.is_dir() else []
    shown = [path for path in inside if path.name[0] not in "_."]
    found = [path for path in shown if path.is_dir() or archives.is_archive(path.name)]
    if not found:
        raise LayoutError(
            f"There is no folder of renders under {folder}. Draw some with `gprplus render`, or"
            " name a folder."
        )
    return found
