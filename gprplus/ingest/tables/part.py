"""A manifest of some identities of another one."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gprplus.core.errors import ManifestError
from gprplus.core.files.workdir import relative_path
from gprplus.core.sampling import hash64_many, join_canonical, priorities
from gprplus.core.typed import as_json
from gprplus.ingest.tables.assemble import AssembledTables, assemble_record, assemble_tables
from gprplus.ingest.tables.manifest import Manifest
from gprplus.ingest.tables.replace import hold_manifest, replace_manifest
from gprplus.ingest.tables.select import filter_dataset
from gprplus.schema import REJECTED, conform
from gprplus.schema.manifest_record import ManifestDataset


def halve_by_identity(manifest: Manifest, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Divide the images of a manifest in two halves that share no identity, `(N,) bool` each.

    Half of the identities go to either, chosen by a hash of their names and the seed; images
    without an identity, such as distractors, are divided singly in the same way. Identities with a
    query, and those without, are halved apart, so that both halves have queries. Identities of one
    look, which cannot be distinguished, stay together.

    Raises:
        ManifestError: there are fewer than four identities.
    """
    table = manifest.images(["uid", "dataset", "identity", "role"])
    named = np.asarray(pc.is_valid(table.column("identity")))
    dataset, identity, uid, role = (
        table.column(name).cast(pa.string()).to_pylist()
        for name in ("dataset", "identity", "uid", "role")
    )
    looks = _looks(manifest)
    units = [
        looks.get((d, i)) or join_canonical(d, "identity", i)
        if known
        else join_canonical(d, "image", u)
        for d, i, u, known in zip(dataset, identity, uid, named, strict=True)
    ]
    names, unit = np.unique(np.array(units, dtype=object).astype(str), return_inverse=True)
    whole = np.zeros(len(names), dtype=bool)
    whole[unit[named]] = True
    if whole.sum() < 4:
        raise ManifestError(
            f"{manifest.path} has {int(whole.sum())} identities; at least 4 are needed to divide it"
            " into two halves."
        )
    queried = np.zeros(len(names), dtype=bool)
    queried[unit[np.array(role, dtype=object) == "query"]] = True
    key = hash64_many(names.tolist())
    first = np.zeros(len(names), dtype=bool)
    for group in (whole & queried, whole & ~queried, ~whole):
        mine = np.flatnonzero(group)
        order = mine[np.lexsort((key[mine], priorities(key[mine], seed, "half")))]
        first[order[: (len(order) + 1) // 2]] = True
    return first[unit], ~first[unit]


def _looks(manifest: Manifest) -> dict[tuple[str, str], str]:
    """The key of the look of each identity that has one; looks are compared across datasets."""
    if "look" not in manifest.columns("identities"):
        return {}
    rows = manifest.identities(["dataset", "identity", "look"]).to_pylist()
    return {
        (row["dataset"], row["identity"]): join_canonical("look", row["look"])
        for row in rows
        if row["look"] is not None
    }


def write_part(manifest: Manifest, keep: np.ndarray, folder: Path, title: str) -> Manifest:
    """Write a manifest of the images `keep` `(N,) bool` of another one, and return it.

    Files, roots and columns stay; results of checks are left out. `title` is added to the title of
    each dataset, and to the request by which builds are compared, so that build-manifest never
    takes the part for the whole.

    Raises:
        ManifestError: a dataset would have no image.
    """
    images = manifest.images([column.name for column in manifest.schema_of("images")])
    images = images.append_column("_keep", pa.array(keep))
    roots = manifest.roots()
    done = {
        name: _part(manifest, name, images, relative_path(roots[name], folder), title)
        for name in manifest.datasets
    }
    with hold_manifest(folder):
        tables = assemble_tables(None, done)
        replace_manifest(folder, tables, lambda: as_json(assemble_record(None, done, tables, None)))
    return Manifest.open(folder)


def _part(
    manifest: Manifest, name: str, images: pa.Table, root: str, title: str
) -> AssembledTables:
    mine = filter_dataset(images, name)
    mine = mine.filter(mine.column("_keep")).drop_columns(["_keep"])
    if not mine.num_rows:
        raise ManifestError(f"The part '{title}' of {manifest.path} has no image of {name}.")
    people = filter_dataset(manifest.identities(), name)
    kept = pc.is_in(
        people.column("identity").cast(pa.string()),
        mine.column("identity").cast(pa.string()).unique(),
    )
    people = people.filter(kept)
    scan = filter_dataset(manifest.scan(), name)
    scan = scan.filter(
        pc.is_in(scan.column("path"), mine.column("path").cast(pa.string()).combine_chunks())
    )
    about = _about(manifest.datasets[name], mine, people.num_rows, root, title)
    rejected = conform(pa.table({}), REJECTED)
    return AssembledTables(mine, people, rejected, scan, about)


def _about(
    whole: ManifestDataset, images: pa.Table, identities: int, root: str, title: str
) -> ManifestDataset:
    roles = Counter(role for role in images.column("role").cast(pa.string()).to_pylist() if role)
    return replace(
        whole,
        root=root,
        title=f"{whole.title}, {title}" if whole.title else title,
        request={**whole.request, "part": title},
        images=images.num_rows,
        identities=identities,
        rejected=0,
        roles=dict(sorted(roles.items())),
        seal=None,
    )
