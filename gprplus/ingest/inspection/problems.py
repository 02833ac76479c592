"""Problems of a manifest, as sentences."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from gprplus.core.errors import first_few
from gprplus.ingest.files.listing import UNREAD
from gprplus.ingest.inspection.cells import SHOWN, DesignCells
from gprplus.ingest.tables.coded import CodedColumn
from gprplus.ingest.tables.manifest import Manifest
from gprplus.schema.manifest_record import ManifestDataset

FEW = 0.1  # a level with less than this share of its attribute's median level is worth a sentence


@dataclass(frozen=True)
class IdentityImages:
    """The identities of a dataset, in order, and the `images` (I,) of each without junk and
    distractors."""

    levels: Sequence[str]
    images: np.ndarray

    @classmethod
    def of(cls, identity: CodedColumn, counted: np.ndarray) -> "IdentityImages":
        """Count the rows where `counted` (N,) bool is true."""
        known = identity.codes[counted & (identity.codes >= 0)]
        return cls(identity.levels, np.bincount(known, minlength=len(identity.levels)))


def cell_problems(cells: Sequence[DesignCells]) -> list[str]:
    """Cells without an image, and cells that are fuller than others."""
    sentences = []
    for found in cells:
        what = f"{found.dataset}: of the {found.cells:,} cells of {' x '.join(found.factors)}"
        if found.missing:
            sentences.append(
                f"{what}, {found.missing:,} hold no image, such as"
                f" {'; '.join(found.missing_examples)}."
            )
        if found.most > found.fewest:
            sentences.append(
                f"{what}, some hold {found.fewest} image(s) and some {found.most}, such as"
                f" {found.fullest_example}."
            )
    return sentences


def dataset_problems(
    name: str, about: ManifestDataset, identities: IdentityImages, people: pa.Table
) -> list[str]:
    """Return differences from the documented size of the dataset, and messages of its build."""
    sentences = []
    expected = about.expected
    sizes = {
        "images": (expected.images, about.images),
        "identities": (expected.identities, about.identities),
    }
    for what, (whole_size, size) in sizes.items():
        if whole_size and whole_size != size:
            sentences.append(
                f"{name}: the whole dataset has {whole_size:,} {what}, {size:,} are here."
            )
    counts, here = expected.roles, about.roles
    if any(count != here.get(role, 0) for role, count in counts.items()):
        whole = ", ".join(f"{count:,} {role}" for role, count in counts.items())
        found = ", ".join(f"{here.get(role, 0):,}" for role in counts)
        sentences.append(f"{name}: by role the whole dataset has {whole}; here are {found}.")
    sentences += [f"{name}: {remark}" for remark in (*about.remarks, *about.losses)]
    if "identity" in about.factors:
        sentences += _incomplete(name, identities, expected.per_identity or 0)
    attributes = [key for key in people.column_names[3:] if people[key].null_count < len(people)]
    nothing = [
        all(level is None for level in row.values())
        for row in people.select(attributes).to_pylist()
    ]
    bare = sum(nothing) if attributes else 0
    if bare:
        have = "1 identity has" if bare == 1 else f"{bare:,} identities have"
        sentences.append(f"{name}: {have} no attributes.")
    if about.strangers:
        such = f", such as {first_few(about.stranger_examples)}" if about.stranger_examples else ""
        sentences.append(
            f"{name}: the identities file has {about.strangers:,} identities without an image"
            f" here{such}."
        )
    if about.unverified:
        sentences.append(
            f"{name}: the meaning of the codes of {', '.join(about.unverified)} is unconfirmed."
        )
    return sentences


def _incomplete(name: str, identities: IdentityImages, per_identity: int) -> list[str]:
    images = identities.images
    if not len(images):
        return []
    usual = per_identity or int(np.bincount(images).argmax())
    short = np.flatnonzero(images < usual)
    if not len(short):
        return []
    shown = [f"{identities.levels[i]} ({images[i]:,})" for i in short.tolist()]
    fewer = f"{len(short):,} of {len(images):,} identities have fewer than {usual:,} images"
    return [f"{name}: {fewer}: {first_few(shown)}."]


def level_problems(attribute: str, counts: dict[Any, int]) -> list[str]:
    """Levels that hardly any image has."""
    usual = float(np.median(list(counts.values()))) if counts else 0.0
    few = [f"{level} ({count:,})" for level, count in counts.items() if count < FEW * usual]
    text = (
        f"{attribute}: few images have the level(s) {first_few(few)}; the median level has"
        f" {usual:,.0f}."
    )
    return [text] if few else []


def rejection_problems(reason: str, about: dict[str, Any]) -> str:
    """Return one sentence on a group of rejections; a detail that all examples share appears
    once."""
    what, paths, details = (
        "folder(s)" if reason == UNREAD else "file(s)",
        about["examples"],
        about["details"],
    )
    more = about["count"] - len(paths)
    rest = f" and {more:,} more" if more else ""
    if len(set(details)) == 1:
        return (
            f"{about['count']:,} {what} rejected as {reason}: {', '.join(paths)}{rest}."
            f" {details[0]}"
        )
    each = "; ".join(
        f"{path}: {detail.rstrip('.')}" for path, detail in zip(paths, details, strict=True)
    )
    return f"{about['count']:,} {what} rejected as {reason}: {each}{';' if rest else ''}{rest}."


def rejected_by_reason(manifest: Manifest) -> dict[str, dict[str, Any]]:
    """Return rejected files by reason, the most frequent first, with some paths and their
    details."""
    grouped: dict[str, dict[str, Any]] = {}
    for row in manifest.rejected().to_pylist():
        about = grouped.setdefault(row["reason"], {"count": 0, "examples": [], "details": []})
        about["count"] += 1
        if len(about["examples"]) < SHOWN:
            about["examples"].append(row["path"])
            about["details"].append(row["detail"])
    return dict(sorted(grouped.items(), key=lambda item: -item[1]["count"]))
