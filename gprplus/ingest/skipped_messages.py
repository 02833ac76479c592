"""Messages about existing data that a build skips or doubts; they are printed, recorded and
inspected."""

import unicodedata
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gprplus.core.declarations import Attribute, Attributes, attributes
from gprplus.core.errors import closest, escape, first_few
from gprplus.ingest.files.listing import Listing
from gprplus.ingest.layouts.layout import Layout
from gprplus.ingest.layouts.tokens import LevelTokens
from gprplus.ingest.sidecars.identities import IdentityTable, Known, unmatched_identities
from gprplus.schema.manifest_record import HiddenRecord

FEW = 0.5  # share of the identities: with fewer in the identities file, its names are looked at


def describe_losses(
    listing: Listing, layout: Layout, images: pa.Table, people: IdentityTable, names: Sequence[str]
) -> list[str]:
    """Hidden images, factors that no image has a level of, and identities files that match few of
    the `names`."""
    hidden = [listing.hidden.sentence] if listing.hidden else []
    return [*hidden, *_factors(layout, images), *_unmatched(people.known, names)]


def hidden_of(listing: Listing) -> dict[str, Any]:
    """Return the record of hidden images; empty if there are none."""
    if not listing.hidden:
        return {}
    members = {
        path: HiddenRecord(**asdict(hidden)) for path, hidden in listing.hidden_members.items()
    }
    return {"hidden": HiddenRecord(**asdict(listing.hidden)), "hidden_members": members}


def _factors(layout: Layout, images: pa.Table) -> list[str]:
    """Return one sentence for each factor of the layout that is unknown for every image."""
    lost = [name for name in layout.factors if images[name].null_count == images.num_rows]
    return [
        f"{name}: the layout lists it among its factors, but no image has a known {name}."
        for name in lost
    ]


def undeclared_levels(
    layout: Layout, images: pa.Table, persons: pa.Table, own: Attributes
) -> list[str]:
    """Return one sentence for each attribute with levels that are not declared, with the nearest
    declared ones. Levels that a shipped layout names itself are no mistake."""
    found = []
    for name, one in {**attributes(), **own}.items():
        if not one.levels or (layout.shipped and _names_levels(layout, name, one)):
            continue
        column = (images if one.level == "image" else persons)[name]
        present = [level for level in pc.unique(column).to_pylist() if level is not None]
        strange = sorted(set(present) - set(one.levels))
        if strange:
            shown = first_few([_with_nearest(level, one) for level in strange])
            found.append(f"{name}: levels that are not declared are kept as they are: {shown}.")
    return found


def _names_levels(layout: Layout, name: str, one: Attribute) -> bool:
    if one.level == "identity":
        return bool(layout.codes)
    return getattr(layout, name, LevelTokens()) != LevelTokens()


def _with_nearest(level: str, one: Attribute) -> str:
    near = closest(level, one.levels)
    return f"'{escape(level)}'" + (f" (did you mean '{near}'?)" if near else "")


def _unmatched(known: Known, names: Sequence[str]) -> list[str]:
    """Return one sentence if an identities file has few identities of the images, or writes them
    differently."""
    matched = len(known.keys() & set(names))
    theirs = unmatched_identities(known, names)
    ours = [name for name in names if name not in known]
    pair = _alike(theirs, ours)
    if not theirs or not ours or (pair is None and matched >= FEW * len(names)):
        return []
    one, other = pair or (theirs[0], ours[0])
    return [
        f"{matched:,} of {len(names):,} identities are in the identities file: it has"
        f" '{escape(one)}', the images have '{escape(other)}'{_difference(one, other)}. Write"
        " identities as the images have them."
    ]


def _alike(theirs: Sequence[str], ours: Sequence[str]) -> tuple[str, str] | None:
    """Return two names that differ only in spelling; None if there are none."""
    by_core = {_core(name): name for name in ours}
    return next(((name, by_core[_core(name)]) for name in theirs if _core(name) in by_core), None)


def _core(name: str) -> str:
    """A name without what spreadsheets and file systems change."""
    text = unicodedata.normalize("NFC", name).strip().casefold()
    whole, dot, fraction = text.partition(".")
    text = whole if dot and not fraction.strip("0") else text
    return text.lstrip("0") or text


def _difference(theirs: str, ours: str) -> str:
    if _core(theirs) != _core(ours):
        return ""
    if unicodedata.normalize("NFC", theirs) == unicodedata.normalize("NFC", ours):
        return " (the same letters, composed in one and decomposed in the other)"
    return (
        " (the same number, with or without zeros)"
        if _core(ours).isdigit()
        else " (the same but for upper case)"
    )
