"""A weather pass that a generator renders twice: the second image of a cell must not count.

Raw GTA V output of version 3.14 has eight weather passes, of which W-1 and W00 are both ExtraSunny.
The layout declares which token repeats which. If a cell has both images, the repeated one is junk:
it remains in the manifest, and is excluded from every training set and every ranking. Comparing a
sample of pairs verifies that the passes are alike.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from gprplus.core.imaging import images as pixels
from gprplus.core.sampling import priorities
from gprplus.ingest.layouts.decode import DecodedTokens
from gprplus.ingest.layouts.layout import Layout

LOOKED_AT = 48  # pairs that are compared
SMALL = (48, 24)  # height and width that pixels are compared at
NEAR = 12.0  # mean absolute difference of grey levels up to which two takes look alike; noise and sway stay below


@dataclass(frozen=True)
class RepeatedPass:
    """Rows `again` (N,) that repeat the rows `first` (N,), position by position."""

    again: np.ndarray
    first: np.ndarray


def find_repeated_pass(images: pa.Table, layout: Layout) -> RepeatedPass:
    """The pairs of takes of one (identity, camera, illumination, background) that the layout calls
    a repetition."""
    nobody = np.zeros(0, np.int64)
    if not layout.doubled.again:
        return RepeatedPass(nobody, nobody)
    token = DecodedTokens(images, "weather_code")
    place = {name: code for code, name in enumerate(token.tokens)}
    if layout.doubled.again not in place or layout.doubled.first not in place:
        return RepeatedPass(nobody, nobody)
    again = np.flatnonzero(token.codes == place[layout.doubled.again])
    first = np.flatnonzero(token.codes == place[layout.doubled.first])
    cell = np.zeros(images.num_rows, np.int64)
    for name in ("identity", "camera_code", "illumination", "background"):
        part = DecodedTokens(images, name)
        cell = cell * len(part.tokens) + part.codes
    order = first[np.argsort(cell[first], kind="stable")]
    at = np.searchsorted(cell[order], cell[again]).clip(max=max(len(order) - 1, 0))
    there = cell[order[at]] == cell[again] if len(order) else np.zeros(len(again), bool)
    return RepeatedPass(again[there], order[at[there]] if len(order) else nobody)


def drop_repeated_pass(
    images: pa.Table, layout: Layout, root: Path, verify: str
) -> tuple[pa.Table, list[str]]:
    """Mark repeated images as junk; also return a message about them."""
    found = find_repeated_pass(images, layout)
    if not len(found.again):
        return images, []
    flags = np.asarray(images["is_junk"].combine_chunks()).astype(bool)
    flags[found.again] = True
    column = images.schema.get_field_index("is_junk")
    again, first = layout.doubled.again, layout.doubled.first
    sentence = (
        f"{len(found.again):,} images of the weather pass {again} are second takes of {first}:"
        " marked as junk, so that no split and no ranking counts that weather twice"
    )
    if verify == "names":
        note = "; no image was opened to compare them."
    else:
        alike, looked = looks_alike(images, found, root)
        note = f" ({alike} of {looked} compared pairs are alike)."
        if alike < looked / 2:
            note += f" Most are not: check both passes before using the weather of {again}."
    return images.set_column(column, images.schema.field("is_junk"), pa.array(flags)), [
        sentence + note
    ]


def looks_alike(images: pa.Table, found: RepeatedPass, root: Path) -> tuple[int, int]:
    """Return (alike, compared) over some pairs, chosen by key: equal digests, or small pixels that
    hardly differ."""
    order = np.argsort(
        priorities(np.asarray(images["uid"])[found.again], 0, "doubles"), kind="stable"
    )[:LOOKED_AT]
    pairs = np.stack([found.again[order], found.first[order]])
    paths, digests = (
        [images[name].take(pa.array(rows)).to_pylist() for rows in pairs]
        for name in ("path", "digest")
    )
    alike = looked = 0
    for one, two, first, second in zip(*paths, *digests, strict=True):
        difference = 0.0 if first and first == second else _difference(root, one, two)
        if difference is not None:
            looked += 1
            alike += difference <= NEAR
    return alike, looked


def _difference(root: Path, one: str, two: str) -> float | None:
    """Mean absolute difference of grey levels; None when one of the two does not decode."""
    small = []
    for path in (one, two):
        try:
            image = pixels.decode_image(pixels.read_bytes(root, path))
        except OSError:
            return None
        if image is None:
            return None
        small.append(pixels.resize_image(image, *SMALL).mean(axis=2))
    return float(np.abs(small[0] - small[1]).mean())
