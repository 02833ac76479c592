"""A whole dataset as queries and gallery: an additional target of the arms."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from gprplus import schema
from gprplus.core.errors import DeclarationError, ManifestError
from gprplus.schema import ROLES
from gprplus.schema.records import Protocol
from gprplus.schema.split import member_columns
from gprplus.splits.candidates import encode_levels
from gprplus.splits.load import load_candidates
from gprplus.splits.members import test_table
from gprplus.splits.test_sets.test_set import choose_test_set

if TYPE_CHECKING:
    import pyarrow as pa

    from gprplus.ingest import Manifest

FLAGS = ("is_junk", "is_distractor")
TEST_ROLES = ("query", "gallery")


def target_rows(manifest: "Manifest", protocol: Protocol | None = None) -> "pa.Table":
    """Return the query and gallery rows of a target: schema.MEMBERS with arm null, and `is_junk`
    and `is_distractor`.

    A manifest with declared query and gallery (Market-1501 and similar ones) keeps them, with flags
    for junk and distractors. One without any roles uses the rule of all test sets, over all its
    identities: one query for each identity and camera (under no-camera, for each identity), the
    rest gallery. `protocol` is that of the manifest by default. The metadata of the schema has the
    protocol under b"protocol": camera, viewpoint or no-camera. Raises ManifestError if
    there are no queries, and if roles are declared but query or gallery is missing: training images
    are never used as gallery.
    """
    roles = _roles(manifest)
    if any(roles.values()):
        _require_test_roles(manifest, roles)
        return _own_roles(manifest, protocol or manifest.protocol)
    pool = load_candidates(manifest, protocol=protocol)
    test_set = choose_test_set(pool, np.arange(len(pool)))
    if not test_set.query.any():
        raise ManifestError(
            f"{manifest.path} cannot be a target: no image of it has a true match under the"
            f" {test_set.protocol} rule. If its images are of one camera, use --protocol no-camera."
        )
    return _flagged(test_table(pool, test_set), test_set.protocol)


def _roles(manifest: "Manifest") -> dict[str, set[str]]:
    """The roles that the images of each dataset have."""
    table = manifest.images(["dataset", "role"])
    dataset, role = (encode_levels(name, table.column(name)) for name in ("dataset", "role"))
    found: dict[str, set[str]] = {}
    for code, name in enumerate(dataset.levels):
        present = role.at(dataset.values == code).present()
        found[name] = {role.levels[place] for place in present}
    return found


def _require_test_roles(manifest: "Manifest", roles: Mapping[str, set[str]]) -> None:
    """Raise ManifestError unless every dataset with test images, and at least one, has both query
    and gallery."""
    complete = [name for name, mine in roles.items() if mine >= set(TEST_ROLES)]
    for name, mine in roles.items():
        missing = [role for role in TEST_ROLES if role not in mine]
        if not missing or not mine or (complete and len(missing) == len(TEST_ROLES)):
            continue
        wanted = ", ".join(role + _declared(manifest, name, role) for role in missing)
        raise ManifestError(
            f"{manifest.path} cannot be a target: dataset '{name}' has {_shown(mine)} images, but"
            f" none with the role {wanted}, and training images are never searched. Add what is"
            f" missing to {manifest.roots()[name]} and build the manifest again."
        )


def _shown(roles: set[str]) -> str:
    return " and ".join(sorted(roles, key=ROLES.index))


def _declared(manifest: "Manifest", dataset: str, role: str) -> str:
    """The folder or the list that gives a role in the dataset's layout, in brackets; "" where the
    layout has none."""
    from gprplus.ingest.layouts.load import load_layout

    try:
        layout = load_layout(manifest.datasets[dataset].layout)
    except DeclarationError:
        return ""
    folders = [f"folder {part}" for part, given in layout.roles.items() if given == role]
    lists = [item.file for item in layout.lists if role in item.roles]
    return f" ({', '.join(folders + lists)})" if folders or lists else ""


def _own_roles(manifest: "Manifest", rule: Protocol | None) -> "pa.Table":
    import pyarrow as pa
    import pyarrow.compute as pc

    names = ["uid", "dataset", "path", "identity", "role", *manifest.image_attributes, *FLAGS]
    table = manifest.images(names)
    role = table.column("role").cast(pa.string())
    table = table.filter(pc.fill_null(pc.is_in(role, pa.array(["query", "gallery"])), False))
    cameras = table.column("camera")
    views = table.column("viewpoint_deg")
    protocol = rule or (
        "camera"
        if cameras.null_count < len(table)
        else "viewpoint"
        if views.null_count < len(table)
        else "no-camera"
    )
    needed = {"camera": cameras, "viewpoint": views}.get(protocol)
    if needed is not None and needed.null_count == len(table):
        raise ManifestError(
            f"{manifest.path} cannot be a target under the protocol {protocol}: no query or gallery"
            " image has a value of it. Use --protocol no-camera."
        )
    own = manifest.own_attributes
    levelled = {name: one for name, one in own.items() if one.type != "number"}
    members = schema.conform(table, member_columns(levelled))
    return _flagged(members, protocol, table)


def _flagged(members: "pa.Table", protocol: str, source: "pa.Table | None" = None) -> "pa.Table":
    import pyarrow as pa

    for flag in FLAGS:
        values = (
            source.column(flag).fill_null(False)
            if source is not None
            else pa.array(np.zeros(len(members), dtype=bool))
        )
        members = members.append_column(flag, values)
    return members.replace_schema_metadata({"protocol": protocol})
