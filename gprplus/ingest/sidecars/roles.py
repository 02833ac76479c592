"""Roles from a file next to the images, if names and folders have none: MSMT17's lists, CUHK03's
protocol."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gprplus import archives
from gprplus.core.arrow import from_numpy, from_strings, to_numpy
from gprplus.core.errors import ManifestError, first_few
from gprplus.core.hashing import sha256_digest
from gprplus.core.storage.failures import StorageError
from gprplus.ingest.files.archive_members import sidecar_path
from gprplus.ingest.files.listing import Listing
from gprplus.ingest.layouts.decode import DecodedTokens
from gprplus.ingest.layouts.tokens import RoleListRule
from gprplus.ingest.sidecars import matlab


@dataclass(frozen=True)
class RoleLists:
    """Content of the role lists of one dataset: distinct `paths` below its root, and the role of
    each; `files` are the lists that exist.
    """

    paths: pa.Array
    roles: tuple[str, ...]
    files: tuple[str, ...]


def read_lists(listing: Listing, lists: Sequence[RoleListRule]) -> RoleLists:
    """Read the lists under the root of a listing; missing ones are skipped.

    Raises ManifestError for a list that cannot be read, or that gives a second role to an image.
    """
    given: dict[str, str] = {}
    files = []
    for item in lists:
        path = sidecar_path(listing, item.file)
        if not archives.exists(path):
            continue
        files.append(item.file)
        above = (
            path.relative_to(listing.root).as_posix().removesuffix(item.file)
        )  # the folder that an archive packs
        for name, role in _entries(path, item):
            below = f"{above}{item.below}/{name}" if item.below else f"{above}{name}"
            if given.setdefault(below, role) != role:
                raise ManifestError(
                    f"{path} gives the role {role} to {below}, which another list calls"
                    f" {given[below]}. An image of a manifest has one role: ingest one protocol at"
                    " a time."
                )
    return RoleLists(from_strings([*given]), tuple(given.values()), tuple(files))


def lists_digest(listing: Listing, lists: Sequence[RoleListRule]) -> str | None:
    """SHA-256 over the lists that are there; None without any."""
    there = {
        item.file: place
        for item in lists
        if archives.exists(place := sidecar_path(listing, item.file))
    }
    return (
        sha256_digest(
            *(part for file, place in there.items() for part in (file, archives.read_file(place)))
        )
        if there
        else None
    )


def _entries(path: Path, item: RoleListRule) -> list[tuple[str, str]]:
    return _matlab(path, item) if item.positions else [(name, item.role) for name in _lines(path)]


def _lines(path: Path) -> list[str]:
    try:
        text = archives.read_file(path).decode()
    except StorageError:
        raise
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(f"{path} cannot be read as a list of images: {error}.") from error
    return [re.sub(r"\s+-?\d+$", "", line.strip()) for line in text.splitlines() if line.strip()]


def _matlab(path: Path, item: RoleListRule) -> list[tuple[str, str]]:
    variables = matlab.read_matlab(path)
    for name in (item.paths, *item.positions):
        if name not in variables:
            raise ManifestError(
                f"{path} has no variable '{name}'; it has {', '.join(sorted(variables)) or 'none'}."
            )
    names = [str(name) for name in matlab.matlab_vector(path, item.paths, variables[item.paths])]
    entries = []
    for variable, role in item.positions.items():
        positions = matlab.matlab_vector(path, variable, variables[variable])
        if positions.dtype.kind not in "iuf" or not np.all(
            np.isfinite(positions) & (positions == np.floor(positions))
        ):
            raise ManifestError(f"{path}: {variable}: expected positions, whole numbers from 1 on.")
        outside = positions[(positions < 1) | (positions > len(names))].tolist()
        if outside:
            raise ManifestError(
                f"{path}: {variable} has position(s) {first_few(outside)}, and {item.paths} has 1"
                f" to {len(names):,}."
            )
        entries += [(names[position - 1], role) for position in positions.astype(np.int64).tolist()]
    return entries


def add_roles(images: pa.Table, listed: RoleLists) -> pa.Table:
    """Images with the roles of the lists in place of those of the folders; who is on no list has
    none."""
    levels = sorted(set(listed.roles))
    place = {role: i for i, role in enumerate(levels)}
    codes = from_numpy(np.array([place[role] for role in listed.roles], np.int32))
    found = pc.index_in(images["path"], listed.paths).combine_chunks()
    column = pa.DictionaryArray.from_arrays(codes.take(found), from_strings(levels))
    return images.set_column(
        images.schema.get_field_index("role"), images.schema.field("role"), column
    )


def role_list_notes(
    images: pa.Table, listed: RoleLists, lists: Sequence[RoleListRule]
) -> list[str]:
    """Return messages about the role lists of a dataset, one sentence each."""
    if not listed.files:
        return [
            f"none of the role lists ({first_few([item.file for item in lists], 4)}) exists next to"
            " the images: roles come from the folders alone."
        ]
    here = pc.is_in(listed.paths, images["path"].combine_chunks())
    absent = listed.paths.filter(pc.invert(here)).to_pylist()
    unlisted = images.filter(pc.is_null(images["role"]))["path"].to_pylist()
    sentences = []
    if absent:
        sentences.append(
            f"{len(absent):,} images of the role lists are not here, such as {first_few(absent)}."
        )
    if unlisted:
        sentences.append(
            f"{len(unlisted):,} images are on none of the lists {first_few(listed.files, 4)} and"
            f" have no role, such as {first_few(unlisted)}."
        )
    return sentences


def gallery_only_warning(images: pa.Table) -> list[str]:
    """Return one sentence on identities only in the gallery, if a dataset has queries;
    DukeMTMC-reID has 408."""
    identity, role = DecodedTokens(images, "identity"), DecodedTokens(images, "role")
    if not {"query", "gallery"} <= set(role.tokens):
        return []
    counted = ~to_numpy(images["is_junk"]) & ~to_numpy(images["is_distractor"])
    counted &= identity.codes < len(identity.tokens) - 1  # the last token is null
    in_gallery = role.codes == role.tokens.index("gallery")
    people = len(identity.tokens)
    inside = np.bincount(identity.codes[counted & in_gallery], minlength=people)
    elsewhere = np.bincount(identity.codes[counted & ~in_gallery], minlength=people)
    alone = (inside > 0) & (elsewhere == 0)
    if not alone.any():
        return []
    return [
        f"{int(alone.sum()):,} identities are only in the gallery ({int(inside[alone].sum()):,}"
        " images): they are distractors without a mark in their names, ranked and matching no"
        " query."
    ]
