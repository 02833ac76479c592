"""inspect: what a manifest holds, what it lacks, and what is wrong with it.

Counts and margins first; then, for the attributes that a dataset declares as crossed, the cells that have no image;
attributes that are functions of others; and the problems as sentences, the worst first.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gprplus.declared import identity_attributes, image_attributes, in_order
from gprplus.errors import examples, printable
from gprplus.ingest.checks.issues import Finding, findings
from gprplus.ingest.earlier import only
from gprplus.ingest.manifest import Manifest
from gprplus.ingest.scan import UNREAD

FEW = 0.1  # a level with less than this share of its attribute's median level is worth a sentence
SHOWN = 3


@dataclass(frozen=True)
class Cells:
    """The crossed design of one dataset: how many cells there are, how many hold no image, the first of those, and
    how full the others are.
    """

    dataset: str
    factors: tuple[str, ...]
    cells: int
    missing: int
    missing_examples: tuple[str, ...]
    fewest: int
    most: int
    fullest_example: str


@dataclass(frozen=True)
class Alias:
    """`attribute` is a function of the attributes `of` in this dataset; `declared` when its layout says so."""

    dataset: str
    attribute: str
    of: tuple[str, ...]
    declared: bool


@dataclass(frozen=True)
class Inspection:
    """What `inspect` found.

    `margins` counts images per level, those that are junk apart in `junk`; `people` counts identities per level of the
    identity-level attributes.
    """

    path: str
    counts: dict[str, int]
    datasets: dict[str, dict[str, Any]]
    margins: dict[str, dict[Any, int]]
    people: dict[str, dict[Any, int]]
    cells: tuple[Cells, ...]
    aliases: tuple[Alias, ...]
    rejected: dict[str, dict[str, Any]]
    problems: tuple[str, ...]
    checks: tuple[Finding, ...] = ()
    junk: dict[str, dict[Any, int]] = field(default_factory=dict)


def inspect(path: str | Path | Manifest) -> Inspection:
    """Look a manifest over. Raises ManifestError when the folder is none."""
    manifest = path if isinstance(path, Manifest) else Manifest.open(path)
    images = manifest.images(["dataset", "identity", "is_junk", "is_distractor", *image_attributes()])
    people = manifest.identities()
    cells: list[Cells] = []
    aliases: list[Alias] = []
    problems: list[str] = []
    rejected = _rejected(manifest)
    problems += [printable(_about_rejected(reason, about)) for reason, about in rejected.items()]
    for name, about in manifest.datasets.items():
        rows = only(images, name)
        codes = {attribute: codes_of(rows, attribute) for attribute in ("identity", *image_attributes())}
        counted = ~np.asarray(rows["is_junk"]) & ~np.asarray(rows["is_distractor"])
        crossed = _cells(name, about["factors"], codes, counted)
        cells += crossed
        if about["factors"]:  # outside a crossed design every second pair of attributes is aliased, and rightly
            aliases += _aliases(name, about["functions"], codes, counted)
        problems += [
            *_about_cells(crossed),
            *_about_dataset(name, about, codes["identity"], counted, only(people, name)),
        ]
    junk, sound = images.filter(images["is_junk"]), images.filter(pc.invert(images["is_junk"]))
    margins = {name: margin(sound[name], name) for name in image_attributes()}
    problems += [sentence for name, counts in margins.items() for sentence in _about_levels(name, counts)]
    return Inspection(
        str(manifest.path),
        dict(manifest.info["counts"]),
        manifest.datasets,
        {name: counts for name, counts in margins.items() if counts},
        {name: counts for name in identity_attributes() if (counts := margin(people[name], name))},
        tuple(cells),
        tuple(aliases),
        rejected,
        tuple(problems),
        tuple(findings(manifest)),
        {name: counts for name in image_attributes() if (counts := margin(junk[name], name))},
    )


def margin(column: pa.ChunkedArray, attribute: str) -> dict[Any, int]:
    """How many rows each level of an attribute has, in declared order; nulls are left out."""
    counted = {row["values"]: row["counts"] for row in column.value_counts().to_pylist() if row["values"] is not None}
    return {level: counted[level] for level in in_order(attribute, list(counted))}


@dataclass(frozen=True)
class Codes:
    """One attribute of some rows: its levels in declared order, and `(N,) int64` codes into them, -1 where unknown."""

    levels: list[Any]
    codes: np.ndarray


def codes_of(rows: pa.Table, attribute: str) -> Codes:
    """An attribute of a table as codes in declared order of the levels."""
    column = rows[attribute].combine_chunks()
    if isinstance(column, pa.ChunkedArray):
        column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    found = column.dictionary.to_pylist()
    codes = np.asarray(column.indices.fill_null(-1)).astype(np.int64)
    present = {found[i] for i in np.unique(codes[codes >= 0])}
    levels = in_order(attribute, present)
    place = {level: i for i, level in enumerate(levels)}
    return Codes(levels, np.array([*(place.get(level, -1) for level in found), -1], np.int64)[codes])


def _packed(parts: Sequence[Codes]) -> tuple[np.ndarray, tuple[int, ...]]:
    shape = tuple(len(part.levels) for part in parts)
    return np.ravel_multi_index(tuple(part.codes for part in parts), shape), shape


def _cells(name: str, factors: Sequence[str], codes: dict[str, Codes], counted: np.ndarray) -> list[Cells]:
    """The crossed design, over the factors that are known here; none for a dataset that declares no crossing."""
    crossed = [factor for factor in factors if codes[factor].levels]
    for factor in crossed:
        counted = counted & (codes[factor].codes >= 0)
    if len(crossed) < 2 or not counted.any():
        return []
    parts = [Codes(codes[factor].levels, codes[factor].codes[counted]) for factor in crossed]
    packed, shape = _packed(parts)
    full = np.bincount(packed, minlength=int(np.prod(shape)))
    empty = np.flatnonzero(full == 0)

    def spoken(cell: int) -> str:
        place = np.unravel_index(cell, shape)
        return " ".join(f"{part.levels[i]}" for part, i in zip(parts, place, strict=True))

    return [
        Cells(
            name,
            tuple(crossed),
            len(full),
            len(empty),
            tuple(spoken(cell) for cell in empty[:SHOWN]),
            int(full[full > 0].min()),
            int(full.max()),
            spoken(int(full.argmax())),
        )
    ]


def _about_cells(cells: Sequence[Cells]) -> list[str]:
    sentences = []
    for found in cells:
        what = f"{found.dataset}: of the {found.cells:,} cells of {' x '.join(found.factors)}"
        if found.missing:
            sentences.append(f"{what}, {found.missing:,} hold no image, such as {'; '.join(found.missing_examples)}.")
        if found.most > found.fewest:
            sentences.append(
                f"{what}, some hold {found.fewest} image(s) and some {found.most}, such as {found.fullest_example}."
            )
    return sentences


def _aliases(name: str, functions: dict[str, list[str]], codes: dict[str, Codes], counted: np.ndarray) -> list[Alias]:
    """Attributes that another determines; and the declared functions of several attributes, where they hold."""
    known = {
        key: Codes(part.levels, part.codes[counted]) for key, part in codes.items() if (part.codes[counted] >= 0).any()
    }
    claims: list[tuple[str, tuple[str, ...]]] = [
        (key, (other,))
        for key in known
        for other in known
        if key not in (other, "identity") and functions.get(other) != [key]  # a declared one-to-one is said once
    ]
    claims += [(key, tuple(of)) for key, of in functions.items() if len(of) > 1]
    return [
        Alias(name, key, of, functions.get(key) == list(of))
        for key, of in claims
        if all(part in known and len(known[part].levels) > 1 for part in (key, *of))
        and determined(known[key], [known[part] for part in of])
    ]


def determined(attribute: Codes, of: Sequence[Codes]) -> bool:
    """Whether each combination of the levels `of` meets only one level of `attribute`, over rows that know them all."""
    known = attribute.codes >= 0
    for part in of:
        known &= part.codes >= 0
    if not known.any():
        return False
    packed, shape = _packed([Codes(part.levels, part.codes[known]) for part in of])
    both = packed * len(attribute.levels) + attribute.codes[known]
    return _distinct(both, int(np.prod(shape)) * len(attribute.levels)) == _distinct(packed, int(np.prod(shape)))


def _distinct(codes: np.ndarray, size: int) -> int:
    if size > 64 * len(codes):  # far more cells than rows: sorting the rows is cheaper than an array of cells
        return len(np.unique(codes))
    return int(np.count_nonzero(np.bincount(codes, minlength=1)))


def _about_dataset(
    name: str, about: dict[str, Any], identity: Codes, counted: np.ndarray, people: pa.Table
) -> list[str]:
    sentences = []
    expected = about.get("expected", {})
    for what in ("images", "identities"):
        if expected.get(what) and expected[what] != about[what]:
            sentences.append(f"{name}: the whole dataset has {expected[what]:,} {what}, {about[what]:,} are here.")
    counts, here = expected.get("roles", {}), about.get("roles", {})
    if any(count != here.get(role, 0) for role, count in counts.items()):
        whole = ", ".join(f"{count:,} {role}" for role, count in counts.items())
        found = ", ".join(f"{here.get(role, 0):,}" for role in counts)
        sentences.append(f"{name}: by role the whole dataset has {whole}; here are {found}.")
    sentences += [f"{name}: {remark}" for remark in about.get("remarks", [])]
    if "identity" in about["factors"]:
        sentences += _incomplete(name, identity, counted, expected.get("per_identity", 0))
    attributes = [key for key in identity_attributes() if people[key].null_count < len(people)]
    nothing = [all(level is None for level in row.values()) for row in people.select(attributes).to_pylist()]
    bare = sum(nothing) if attributes else 0
    if bare:
        sentences.append(f"{name}: {bare:,} identities have nothing in the identities file.")
    if about["strangers"]:
        sentences.append(
            f"{name}: the identities file speaks of {about['strangers']:,} identities that have no image here."
        )
    if about["unverified"]:
        sentences.append(f"{name}: nobody has confirmed what the codes of {', '.join(about['unverified'])} mean.")
    return sentences


def _incomplete(name: str, identity: Codes, counted: np.ndarray, per_identity: int) -> list[str]:
    images = np.bincount(identity.codes[counted & (identity.codes >= 0)], minlength=len(identity.levels))
    if not len(images):
        return []
    usual = per_identity or int(np.bincount(images).argmax())
    short = np.flatnonzero(images < usual)
    if not len(short):
        return []
    shown = [f"{identity.levels[i]} ({images[i]:,})" for i in short]
    fewer = f"{len(short):,} of {len(images):,} identities have fewer than {usual:,} images"
    return [f"{name}: {fewer}: {examples(shown)}."]


def _about_levels(attribute: str, counts: dict[Any, int]) -> list[str]:
    usual = float(np.median(list(counts.values()))) if counts else 0.0
    few = [f"{level} ({count:,})" for level, count in counts.items() if count < FEW * usual]
    said = f"{attribute}: few images have the level(s) {examples(few)}; the median level has {usual:,.0f}."
    return [said] if few else []


def _about_rejected(reason: str, about: dict[str, Any]) -> str:
    """One sentence on a group of rejections; what was said is said once where it is the same of all that are shown."""
    what, paths, details = "folder(s)" if reason == UNREAD else "file(s)", about["examples"], about["details"]
    more = about["count"] - len(paths)
    rest = f" and {more:,} more" if more else ""
    if len(set(details)) == 1:
        return f"{about['count']:,} {what} rejected as {reason}: {', '.join(paths)}{rest}. {details[0]}"
    each = "; ".join(f"{path}: {detail.rstrip('.')}" for path, detail in zip(paths, details, strict=True))
    return f"{about['count']:,} {what} rejected as {reason}: {each}{';' if rest else ''}{rest}."


def _rejected(manifest: Manifest) -> dict[str, dict[str, Any]]:
    """Rejected files by reason, the most frequent first, with some paths and what was said of each of those."""
    grouped: dict[str, dict[str, Any]] = {}
    for row in manifest.rejected().to_pylist():
        about = grouped.setdefault(row["reason"], {"count": 0, "examples": [], "details": []})
        about["count"] += 1
        if len(about["examples"]) < SHOWN:
            about["examples"].append(row["path"])
            about["details"].append(row["detail"])
    return dict(sorted(grouped.items(), key=lambda item: -item[1]["count"]))
